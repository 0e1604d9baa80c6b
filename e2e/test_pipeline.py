"""What only AWS and GitHub would show of a deployment, tested against their own words: the schemas of CloudFormation's resource
types, the translator and the packager of SAM, and GitHub's documentation. Run by `make check`:

    .tools/e2e/bin/python -m unittest discover -s e2e -p "test_*.py"
"""
import copy
import fnmatch
import io
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest
import zipfile
from importlib import resources
from unittest import mock

import boto3
import cfnlint
import samcli
from samcli.lib.package.utils import make_zip_with_lambda_permissions
from samcli.yamlhelper import yaml_parse
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator

ROOT = pathlib.Path(__file__).parent.parent
REGION = "eu-west-2"
ACCOUNT = "123456789012"
STACK = "workprovider-staging"
TEMPLATE = yaml_parse((ROOT / "template.yaml").read_text())
ACCOUNT_TEMPLATE = yaml_parse((ROOT / "deploy" / "account.yaml").read_text())
# Every condition of the template is true with these, so that every resource there can be is looked at.
PARAMETERS = {
    **{name: parameter.get("Default") for name, parameter in TEMPLATE["Parameters"].items()},
    "AlarmEmail": "on-call@example.com",
    "CertificateArn": f"arn:aws:acm:{REGION}:{ACCOUNT}:certificate/1",
    "DomainName": "work.example.com",
    "EventConcurrency": 50,
    "EventIdKeys": "1:key",
    "HeartbeatKey": "zego_live_key",
    "HostedZoneId": "Z123456ABCDEFG",
    "MailFrom": "no-reply@example.com",
    "Monitored": "true",
    "Sandbox": "true",
    "SiteUrl": "https://work.example.com",
}


def translate(template=TEMPLATE, **parameters):
    """The resources that SAM makes of the template, by their logical ids."""
    template = copy.deepcopy(template)
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function":
            resource["Properties"]["CodeUri"] = "s3://artefacts/" + resource["Properties"]["CodeUri"]
    session = boto3.session.Session(region_name=REGION)
    translated = Translator({}, Parser(), boto_session=session).translate(template, PARAMETERS | parameters)
    return translated["Resources"]


def of_type(translated, kind):
    return {name: resource for name, resource in translated.items() if resource["Type"] == kind}


class OIDCSubject(unittest.TestCase):
    """GitHub, "Immutable subject claims for GitHub Actions OIDC tokens" (changelog of 23 April 2026): a repository made or renamed
    since 15 July 2026 has repo:OWNER@OWNER-ID/NAME@REPOSITORY-ID:..., an older one repo:OWNER/NAME:..."""

    def test_both_forms_of_a_repository_are_allowed(self):
        pattern = ACCOUNT_TEMPLATE["Parameters"]["Repository"]["AllowedPattern"]
        for repository, allowed in {
            "octo-org/octo.repo": True,
            "octo-org@65/octo.repo@74": True,
            "octo-org@65/octo.repo": False,
            "octo-org/octo.repo@74": False,
            "octo-org@65/*": False,
            "octo-org/octo-repo:ref": False,
        }.items():
            self.assertEqual(bool(re.fullmatch(pattern, repository)), allowed, repository)

    def test_the_subject_is_that_of_the_environment(self):
        trust = ACCOUNT_TEMPLATE["Resources"]["DeployRole"]["Properties"]["AssumeRolePolicyDocument"]["Statement"]
        subject = trust[0]["Condition"]["StringEquals"]["token.actions.githubusercontent.com:sub"]["Fn::Sub"]
        values = {"Repository": "octo-org@65/octo-repo@74", "Environment": "staging"}
        self.assertEqual(substitute(subject, values), "repo:octo-org@65/octo-repo@74:environment:staging")


class Release(unittest.TestCase):
    """The way of a function from scripts/release through an artifact of GitHub to the zip that SAM uploads."""

    def setUp(self):
        work = tempfile.TemporaryDirectory()
        self.addCleanup(work.cleanup)
        self.work = pathlib.Path(work.name)
        self.release = self.work / "release"
        function = self.release / "build" / "ShiftLogin"
        function.mkdir(parents=True)
        (function / "bootstrap").write_bytes(elf(183))
        (function / "bootstrap").chmod(0o755)
        (self.release / "build" / "template.yaml").write_text((ROOT / "template.yaml").read_text())

    def pack(self, architecture="arm64"):
        return run(sys.executable, "scripts/pack.py", self.release, architecture)

    def deploy(self, environment="staging", **variables):
        """Runs scripts/deploy with a `sam` that prints its arguments, one per line."""
        echo = self.work / "sam"
        echo.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
        echo.chmod(0o755)
        return run("scripts/deploy", environment, **({"RELEASE": str(self.release), "SAM": str(echo)} | variables))

    def upload_and_download(self):
        """What actions/upload-artifact and download-artifact do: a zip, which restores no modes (README of upload-artifact,
        "Permission Loss"), of the paths that the workflow names."""
        workflow = (ROOT / ".github" / "workflows" / "deliver.yml").read_text()
        paths = re.findall(r"^ +(bin/release\S*)$", workflow, re.MULTILINE) + re.findall(r"path: (bin/release\S*)$", workflow, re.MULTILINE)
        archive = io.BytesIO()
        with zipfile.ZipFile(archive, "w") as upload:
            for path in paths:
                found = self.release / pathlib.Path(path).relative_to("bin/release")
                for file in [found] if found.is_file() else sorted(p for p in found.rglob("*") if p.is_file()):
                    upload.writestr(str(file.relative_to(self.release)), file.read_bytes())
        self.release = self.work / "downloaded" / "release"
        with zipfile.ZipFile(archive) as download:
            for name in download.namelist():
                file = self.release / name
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(download.read(name))
                file.chmod(0o644)

    def test_a_function_stays_executable_up_to_its_upload(self):
        self.pack()
        self.upload_and_download()
        self.deploy()
        zipped = self.work / "function"
        uploaded = make_zip_with_lambda_permissions(str(zipped), str(self.release / "build" / "ShiftLogin"))
        with zipfile.ZipFile(uploaded) as archive:
            mode = archive.getinfo("bootstrap").external_attr >> 16
        self.assertEqual(mode & 0o111, 0o111, f"bootstrap has the mode {mode:o}: Runtime.InvalidEntrypoint")

    def test_the_sum_covers_modes(self):
        self.pack()
        before = (self.release / "SHA256SUMS").read_text()
        extra = self.release / "build" / "ShiftLogin" / "extra"
        extra.write_bytes(b"")
        self.pack()
        plain = (self.release / "SHA256SUMS").read_text()
        extra.chmod(0o755)
        self.pack()
        self.assertEqual(len({before, plain, (self.release / "SHA256SUMS").read_text()}), 3)

    def test_a_changed_release_is_not_deployed(self):
        self.pack()
        with open(self.release / "release.tar", "ab") as archive:
            archive.write(b"x")
        with self.assertRaises(subprocess.CalledProcessError):
            self.deploy()

    def test_a_release_is_for_the_architecture_it_was_built_for(self):
        with self.assertRaises(subprocess.CalledProcessError):
            self.pack("x86_64")
        (self.release / "build" / "ShiftLogin" / "bootstrap").write_bytes(elf(62))
        self.pack("x86_64")
        parameter = yaml_parse((self.release / "build" / "template.yaml").read_text())["Parameters"]["Architecture"]
        self.assertEqual((parameter["Default"], parameter["AllowedValues"]), ("x86_64", ["x86_64"]))

    def test_the_architecture_of_the_pipeline_reaches_the_build(self):
        sam = self.work / "project" / ".tools" / "deploy" / "bin" / "sam"
        sam.parent.mkdir(parents=True)
        sam.write_text('#!/bin/sh\nprintf "%s\\n" "$@" >&2\nexit 3\n')
        sam.chmod(0o755)
        scripts = self.work / "project" / "scripts"
        scripts.mkdir()
        for name in ("release", "goflags"):
            (scripts / name).write_text((ROOT / "scripts" / name).read_text())
        result = subprocess.run(["bash", scripts / "release"], env=os.environ | {"ARCHITECTURE": "x86_64"}, stderr=subprocess.PIPE, text=True)
        self.assertIn("Architecture=x86_64", result.stderr.splitlines())
        self.assertIn("ARCHITECTURE: ${{ vars.ARCHITECTURE", (ROOT / ".github" / "workflows" / "deliver.yml").read_text())

    def test_parameters_are_one_per_line_and_blank_lines_are_none(self):
        self.pack()
        printed = self.deploy(PARAMETERS="\nSiteUrl=https://work.example.com\r\n\n  \nMailFrom=Zego <no-reply@example.com>\n").splitlines()
        given = printed[printed.index("--parameter-overrides") + 1:]
        self.assertEqual(given, ["SiteUrl=https://work.example.com", "MailFrom=Zego <no-reply@example.com>"])
        self.assertNotIn("--parameter-overrides", self.deploy(PARAMETERS="\n"))

    def test_sam_finds_the_environment(self):
        """SAM looks for a configuration file beside the template, and ignores a default one that is missing."""
        self.pack()
        printed = self.deploy().splitlines()
        config = pathlib.Path(printed[printed.index("--config-file") + 1])
        self.assertTrue(config.is_absolute() and config.is_file(), config)
        self.assertEqual(printed[printed.index("--config-env") + 1], "staging")
        for environment in ("local", "staging", "sandbox", "production"):
            self.assertIn(f"[{environment}.deploy.parameters]", config.read_text())


class Workflows(unittest.TestCase):
    def test_no_run_that_waits_is_dropped(self):
        """GitHub, "GitHub Actions concurrency groups now allow larger queues": without queue: max a run that is pending is
        cancelled as soon as another arrives."""
        concurrency = yaml_parse((ROOT / ".github" / "workflows" / "deliver.yml").read_text())["concurrency"]
        self.assertEqual((concurrency["cancel-in-progress"], concurrency.get("queue")), (False, "max"))


class Versions(unittest.TestCase):
    """What runs is the alias `live`: a change that publishes no version changes nothing."""

    def test_every_property_of_a_function_reaches_live(self):
        before = of_type(translate(), "AWS::Lambda::Version")
        functions = of_type(TEMPLATE["Resources"], "AWS::Serverless::Function")
        self.assertEqual(len(before), len(functions))
        for property, value in {"Timeout": 25, "Handler": "other", "Layers": ["arn:aws:lambda:eu-west-2:1:layer:x:1"]}.items():
            changed = copy.deepcopy(TEMPLATE)
            for resource in changed["Resources"].values():
                if resource["Type"] == "AWS::Serverless::Function":
                    resource["Properties"][property] = value
            after = of_type(translate(changed), "AWS::Lambda::Version")
            self.assertEqual(before.keys() & after.keys(), set(), f"{property} would not reach live")

    def test_a_parameter_reaches_live_when_its_version_is_raised(self):
        """Version descriptions can only be set at creation: another one replaces the version."""
        for version in of_type(translate(), "AWS::Lambda::Version").values():
            self.assertEqual(version["Properties"]["Description"], {"Ref": "ParametersVersion"})

    def test_a_domain_closes_the_default_endpoint_at_once(self):
        """API Gateway, "Disable the default endpoint for REST APIs": the API has to be deployed for it to take effect, which only
        another logical id of the deployment does."""
        with mock.patch("time.time", return_value=1_000_000_000):
            before = of_type(translate(DomainName=""), "AWS::ApiGateway::Deployment")
        with mock.patch("time.time", return_value=1_000_000_060):
            after = of_type(translate(), "AWS::ApiGateway::Deployment")
        self.assertEqual(before.keys() & after.keys(), set())


class GatewayLogs(unittest.TestCase):
    def test_the_role_of_the_account_is_no_stacks(self):
        """An AWS::ApiGateway::Account is a setting of the account and region: of two stacks, the one deleted last would win."""
        self.assertEqual(of_type(TEMPLATE["Resources"], "AWS::ApiGateway::Account"), {})
        self.assertEqual(len(of_type(ACCOUNT_TEMPLATE["Resources"], "AWS::ApiGateway::Account")), 1)


# The schemas of CloudFormation's resource types, as AWS publishes them and cfn-lint carries them: "handlers" lists the
# permissions that creating, reading, updating and deleting need.
def handlers(kind):
    folder = resources.files(cfnlint) / "data" / "schemas" / "resources"
    for file in folder.iterdir():
        if file.name.endswith(".json") and f'"{kind}"' in (text := file.read_text()):
            schema = json.loads(text)
            if schema.get("typeName") == kind:
                return schema.get("handlers", {})
    raise LookupError(kind)


# Permissions that no schema lists.
UNLISTED = {
    # No schema of this type is public. Calls of ChangeResourceRecordSets and what it refers to: Route 53 API reference.
    "AWS::Route53::RecordSet": [
        "route53:ChangeResourceRecordSets", "route53:GetChange", "route53:GetHostedZone", "route53:ListHostedZones",
        "route53:ListResourceRecordSets",
    ],
    # The stack's tags are compared when a role is updated or drift is detected.
    "AWS::IAM::Role": ["iam:ListRoleTags"],
}

# Permissions that a schema lists for what the template does not have.
UNUSED = {
    "AWS::CodeDeploy::DeploymentGroup": {"codedeploy:RegisterOnPremisesInstance": "Lambda alone is deployed to"},
    "AWS::DynamoDB::Table": {
        "dynamodb:DescribeImport": "no table is imported from S3",
        "iam:CreateServiceLinkedRole": "no replicas and no contributor insights",
        "kinesis:DescribeStream": "no Kinesis stream",
        "kinesis:PutRecords": "no Kinesis stream",
        "logs:CreateLogGroup": "no table is imported from S3",
        "logs:CreateLogStream": "no table is imported from S3",
        "logs:DescribeLogStreams": "no table is imported from S3",
        "logs:PutLogEvents": "no table is imported from S3",
        "logs:PutRetentionPolicy": "no table is imported from S3",
        "s3:GetObjectMetadata": "no table is imported from S3",
        "s3:ListBucket": "no table is imported from S3",
    },
    "AWS::IAM::ManagedPolicy": {
        f"iam:{verb}{who}Policy": "the policies are attached to roles alone" for verb in ("Attach", "Detach") for who in ("Group", "User")
    },
    "AWS::IAM::Role": {
        f"iam:{verb}RolePermissionsBoundary": "no role has a permissions boundary" for verb in ("Delete", "Put")
    },
    "AWS::Lambda::Function": {
        "ec2:DescribeNetworkInterfaces": "no function is in a VPC",
        "ec2:DescribeSecurityGroups": "no function is in a VPC",
        "ec2:DescribeSubnets": "no function is in a VPC",
        "ec2:DescribeVpcs": "no function is in a VPC",
        "elasticfilesystem:DescribeMountTargets": "no function has a file system",
        "lambda:GetCodeSigningConfig": "no code is signed",
        "lambda:GetLayerVersion": "no function has layers",
        "lambda:PassCapacityProvider": "no function has a capacity provider",
        "s3files:ListMountTargets": "no function has a file system",
    },
    "AWS::Logs::LogGroup": {
        "firehose:TagDeliveryStream": "no data protection policy",
        "logs:CreateLogDelivery": "no data protection policy",
        "logs:DeleteResourcePolicy": "no log group has a resource policy",
        "logs:PutResourcePolicy": "no log group has a resource policy",
        "s3:REST.PUT.OBJECT": "no data protection policy",
    },
    "AWS::S3::Bucket": {
        action: "no bucket has a metadata table, a website, or replicas"
        for handler in handlers("AWS::S3::Bucket").values()
        for action in handler["permissions"]
        if action.startswith("s3tables:") or action == "S3:GetBucketWebsite" or action == "iam:PassRole"
    },
    "AWS::WAFv2::WebACLAssociation": {
        "wafv2:GetPermissionPolicy": "no rule group is shared", "wafv2:PutPermissionPolicy": "no rule group is shared",
    } | {
        action: "the firewall stands before an API of API Gateway alone"
        for handler in handlers("AWS::WAFv2::WebACLAssociation").values()
        for action in handler["permissions"] if not action.startswith("wafv2:")
    },
}

# Actions that know no resource, so that only "*" grants them: Service Authorization Reference, the tables of actions. Those with
# a question mark name one there, but are called without one.
NO_RESOURCE = {
    "cloudwatch:DescribeAlarms",  # ?
    "kms:CreateKey", "kms:ListAliases",
    "lambda:CreateEventSourceMapping",
    "logs:DescribeLogGroups",  # ?
    "logs:DescribeResourcePolicies",
    "route53:ListHostedZones",
    "sns:GetSubscriptionAttributes", "sns:SetSubscriptionAttributes", "sns:Unsubscribe",
}


def arn(kind, action):
    """What an action on a resource of a type is authorized for."""
    if action in NO_RESOURCE:
        return "*"
    service, name = action.split(":")
    own = f"{service}:{REGION}:{ACCOUNT}"
    match service:
        case "apigateway":
            return f"arn:aws:apigateway:{REGION}::/restapis/abc"
        case "cloudformation":
            return f"arn:aws:cloudformation:{REGION}:aws:transform/Serverless-2016-10-31"
        case "cloudwatch" if kind == "AWS::CloudWatch::Dashboard":
            return f"arn:aws:cloudwatch::{ACCOUNT}:dashboard/{STACK}"
        case "cloudwatch":
            return f"arn:aws:{own}:alarm:{STACK}-ApiErrors-1"
        case "codedeploy" if name == "GetDeploymentConfig":
            return f"arn:aws:{own}:deploymentconfig:CodeDeployDefault.LambdaCanary10Percent5Minutes"
        case "codedeploy" if kind == "AWS::CodeDeploy::Application" or "Revision" in name:
            return f"arn:aws:{own}:application:{STACK}-ServerlessDeploymentApplication-1"
        case "codedeploy":
            return f"arn:aws:{own}:deploymentgroup:{STACK}-ServerlessDeploymentApplication-1/{STACK}-ShiftLoginDeploymentGroup-1"
        case "dynamodb":
            return f"arn:aws:{own}:table/{STACK}-Timelines-1"
        case "events":
            return f"arn:aws:{own}:rule/{STACK}-HeartbeatEveryMinute-1"
        case "iam" if kind == "AWS::IAM::ManagedPolicy" and "Role" not in name:
            return f"arn:aws:iam::{ACCOUNT}:policy/{STACK}-WriteLogs-1"
        case "iam":
            return f"arn:aws:iam::{ACCOUNT}:role/{STACK}-ShiftLoginRole-1"
        case "kms":
            return f"arn:aws:{own}:key/1"
        case "lambda" if kind == "AWS::Lambda::EventSourceMapping":
            return f"arn:aws:{own}:event-source-mapping:1"
        case "lambda":
            return f"arn:aws:{own}:function:{STACK}-ShiftLogin-1"
        case "logs":
            return f"arn:aws:{own}:log-group:{STACK}-FunctionLogs-1"
        case "route53":
            return "arn:aws:route53:::change/1" if name == "GetChange" else "arn:aws:route53:::hostedzone/Z1"
        case "s3" if kind == "AWS::S3::Bucket":
            return f"arn:aws:s3:::{STACK}-auditlog-1"
        case "s3":
            return "arn:aws:s3:::artefacts/1"
        case "secretsmanager":
            return f"arn:aws:{own}:secret:workprovider-event-id-keys-1"
        case "sns" | "sqs":
            return f"arn:aws:{own}:{STACK}-Queue-1"
        case "wafv2" if name in ("AssociateWebACL", "DisassociateWebACL", "GetWebACLForResource"):
            return f"arn:aws:apigateway:{REGION}::/restapis/abc/stages/live"
        case "wafv2":
            return f"arn:aws:{own}:regional/webacl/{STACK}/1"
    raise LookupError(action)


VALUES = {
    "AWS::AccountId": ACCOUNT, "AWS::Partition": "aws", "AWS::Region": REGION, "Artefacts.Arn": "arn:aws:s3:::artefacts",
    "Environment": "staging", "ExecutionRole.Arn": f"arn:aws:iam::{ACCOUNT}:role/workprovider-cloudformation",
}


def substitute(text, values):
    return re.sub(r"\$\{([^}]+)}", lambda found: values[found[1]], text)


def statements(role):
    """Pairs of actions and resources that a role of deploy/account.yaml allows."""
    for policy in ACCOUNT_TEMPLATE["Resources"][role]["Properties"]["Policies"]:
        for statement in policy["PolicyDocument"]["Statement"]:
            assert statement["Effect"] == "Allow"
            yield as_list(statement["Action"]), [resolve(resource) for resource in as_list(statement["Resource"])]


def as_list(value):
    return value if isinstance(value, list) else [value]


def resolve(value):
    if isinstance(value, str):
        return value
    if "Fn::Sub" in value:
        return substitute(value["Fn::Sub"], VALUES)
    return VALUES[".".join(value["Fn::GetAtt"])]


def allows(role, action, resource):
    return any(
        any(fnmatch.fnmatchcase(action, pattern) for pattern in actions)
        and any(pattern == "*" or fnmatch.fnmatchcase(resource, pattern) for pattern in on)
        for actions, on in statements(role)
    )


def needed_by_cloudformation():
    """Pairs of a type and an action that the handlers of the built template's resources need."""
    # What no resource needs, but the template as a whole: the transform, and the dynamic reference to the secret of EventIdKeys.
    yield "Transform", "cloudformation:CreateChangeSet"
    yield "Transform", "secretsmanager:GetSecretValue"
    for kind in sorted({resource["Type"] for resource in translate().values()}):
        listed = {p for name, handler in handlers(kind).items() if name != "list" for p in handler["permissions"]}
        assert listed or kind in UNLISTED, f"{kind} has no public schema: write down what it needs"
        for action in sorted(listed | set(UNLISTED.get(kind, ()))):
            if action not in UNUSED.get(kind, ()):
                yield kind, action


class ExecutionRole(unittest.TestCase):
    def test_cloudformation_may_do_what_its_handlers_need(self):
        for kind, action in needed_by_cloudformation():
            with self.subTest(type=kind, action=action):
                self.assertTrue(allows("ExecutionRole", action, arn(kind, action)), "not granted in deploy/account.yaml")

    def test_cloudformation_may_do_no_more(self):
        """An action that is granted by name is needed; what is granted as a whole is limited to what bears the stack's name."""
        needed = {action for _, action in needed_by_cloudformation()}
        # An API or a key has a name of its own only once it is there.
        nameless = {"apigateway:*": "arn:aws:apigateway:eu-west-2::/*", "kms:*": f"arn:aws:kms:{REGION}:{ACCOUNT}:key/*"}
        for actions, on in statements("ExecutionRole"):
            for action in actions:
                with self.subTest(action=action):
                    if not action.endswith("*"):
                        self.assertTrue(action in needed, "no handler needs it")
                        continue
                    for resource in on:
                        self.assertTrue(STACK in resource or resource == nameless.get(action) or ":deploymentconfig:" in resource, resource)

    def test_what_is_unused_is_listed(self):
        for kind, unused in UNUSED.items():
            listed = {p for handler in handlers(kind).values() for p in handler["permissions"]}
            self.assertEqual(set(unused) - listed, set(), kind)

    def test_cloudformation_is_trusted_as_sam_trusts_it(self):
        """SAM's bootstrap trusts the service without a condition: aws:SourceAccount was there for five days, and taken back."""
        sams = yaml_parse((resources.files(samcli) / "lib" / "pipeline" / "bootstrap" / "stage_resources.yaml").read_text())
        roles = sams["Resources"]["CloudFormationExecutionRole"], ACCOUNT_TEMPLATE["Resources"]["ExecutionRole"]
        for role in roles:
            (statement,) = role["Properties"]["AssumeRolePolicyDocument"]["Statement"]
            self.assertEqual(statement["Principal"], {"Service": "cloudformation.amazonaws.com"})
            self.assertNotIn("Condition", statement)


class DeployRole(unittest.TestCase):
    STACK_ARN = f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/{STACK}/1"
    # Of SAM's deployer: `sam sync`, which is not used, calls these.
    SYNC = {"CreateStack", "UpdateStack"}
    # The calls behind waiters: botocore/data/cloudformation/2010-05-15/waiters-2.json.
    WAITERS = {
        "change_set_create_complete": "DescribeChangeSet", "stack_create_complete": "DescribeStacks",
        "stack_delete_complete": "DescribeStacks", "stack_update_complete": "DescribeStacks",
    }

    def test_a_job_may_call_what_sam_deploy_calls(self):
        deployer = (resources.files(samcli) / "lib" / "deploy" / "deployer.py").read_text()
        calls = {camel(call) for call in re.findall(r"_client\.(\w+)\(", deployer)} - {"GetWaiter", "GetPaginator"} - self.SYNC
        calls |= {camel(call) for call in re.findall(r'get_paginator\("(\w+)"\)', deployer)}
        calls |= {self.WAITERS[waiter] for waiter in re.findall(r'get_waiter\("(\w+)"\)', deployer)}
        self.assertIn("DeleteStack", calls)
        for call in calls:
            self.assertTrue(allows("DeployRole", f"cloudformation:{call}", self.STACK_ARN), call)
        self.assertTrue(allows("DeployRole", "cloudformation:CreateChangeSet", arn("Transform", "cloudformation:CreateChangeSet")))
        self.assertTrue(allows("DeployRole", "iam:PassRole", VALUES["ExecutionRole.Arn"]))
        for action in ("s3:GetObject", "s3:PutObject"):  # s3_uploader.py: head_object, upload_file
            self.assertTrue(allows("DeployRole", action, "arn:aws:s3:::artefacts/1"), action)
        self.assertTrue(allows("DeployRole", "s3:ListBucket", "arn:aws:s3:::artefacts"))  # otherwise a missing object is a 403

    def test_a_job_may_call_what_the_smoke_test_calls(self):
        smoke = (ROOT / "e2e" / "smoke.py").read_text()
        calls = re.findall(r'boto3\.client\("(\w+)"\)\.(\w+)\(', smoke)
        self.assertGreater(len(calls), 2)
        for service, call in calls:
            action = "lambda:InvokeFunction" if call == "invoke" else f"{service}:{camel(call)}"
            resource = self.STACK_ARN if service == "cloudformation" else arn("AWS::Lambda::Function", action)
            self.assertTrue(allows("DeployRole", action, resource), action)


def camel(name):
    return "".join(word.capitalize() for word in name.split("_"))


def elf(machine):
    """The beginning of a program for a machine: System V ABI, ELF header."""
    return b"\x7fELF" + bytes(14) + machine.to_bytes(2, "little")


def run(*command, **variables):
    """What a command prints; CalledProcessError if it fails."""
    result = subprocess.run(command, cwd=ROOT, env=os.environ | variables, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    result.check_returncode()
    return result.stdout


if __name__ == "__main__":
    unittest.main()
