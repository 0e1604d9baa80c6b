"""`make e2e`: builds the template, deploys it unmodified to an emulated AWS on a free port, and tests the result.

    1  the release, built and deployed as in the pipeline: scripts/release, scripts/deploy local
    2  demo data in the deployed tables; the smoke test of the pipeline (smoke.py), and every sample of events/
    3  the examples of the source documentation (examples.py), with the responses shown there; and every other endpoint
    4  a batch of 1,000 logins and one of 1,000 logouts, from the queue through the processor to the shifts
    5  a courier's path through the pages in a browser (browser.py); screenshots are in .aws-sam/e2e/screenshots
    6  a sign-up sent to a receiver that uses the official library of Standard Webhooks (webhooks.py)
    7  a first deployment that fails, and the removal of what it retains (deploy/leftovers.py)
    8  no error in the functions' logs

It leaves nothing running, writes only under .aws-sam, and ends with a summary line.
"""
import contextlib
import datetime
import json
import os
import pathlib
import platform
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import tomllib
from urllib.parse import parse_qs, urlsplit

import boto3
import requests

import browser
import examples
import samples
import smoke
import webhooks
from tests import Failure, Tests, equal

ROOT = pathlib.Path(__file__).parent.parent
WORK = ROOT / ".aws-sam" / "e2e"
ARCHITECTURE = "x86_64" if platform.machine() in ("x86_64", "AMD64") else "arm64"
REGION = "eu-west-2"
STACK = "workprovider-local"


def main():
    started = time.monotonic()
    shutil.rmtree(WORK, ignore_errors=True)
    (WORK / "tmp").mkdir(parents=True)
    tests = Tests()
    with emulator() as endpoint:
        os.environ.update({
            "AWS_ENDPOINT_URL": endpoint,
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ACCESS_KEY_ID": "local",
            "AWS_SECRET_ACCESS_KEY": "local",
            "SAM_CLI_TELEMETRY": "0",
        })
        say("building the release (scripts/release)")
        release = {"RELEASE": str(WORK / "release"), "ARCHITECTURE": ARCHITECTURE}
        run("scripts/release", variables=release)
        say("deploying the release (scripts/deploy local)")
        run("scripts/deploy", "local", variables=release)
        stack = Stack(endpoint)
        say(f"the API is at {stack.url}")
        say("loading demo data")
        world = json.loads(run("go", "run", "./cmd/local", "demo", "e2e/world.json", variables=stack.variables()))
        key = world["workProviders"][0]["key"]
        tests.run("smoke test", lambda: check_smoke(stack))
        for name, shown in samples.samples():
            tests.run(f"sample: {name}", lambda: check_sample(name, shown))
        for section in examples.sections():
            tests.run(f"example: {section}", lambda: check_example(section, stack.url, key))
        tests.run("every endpoint responds", lambda: check_endpoints(stack))
        tests.run("a known path with a wrong method", lambda: check_wrong_method(stack.url))
        tests.run("an unknown path", lambda: check_unknown_path(stack.url))
        tests.run("1,000 logins and 1,000 logouts become 1,000 shifts", lambda: check_batch(stack.url, key, world))
        tests.run("a courier's path through the pages in a browser", lambda: check_pages(endpoint, stack.url, key))
        tests.run("a sign-up sent to a webhook", lambda: check_webhook(stack, key))
        tests.run("what a failed first deployment leaves behind is removed", check_leftovers)
        tests.run("no function logged an error", check_logs)
    say(f"finished in {time.monotonic() - started:.0f} s")
    return tests.report()


# 1. Deployment


@contextlib.contextmanager
def emulator():
    """Runs the emulated AWS on a free port of 127.0.0.1. It ends with this process, even if that is killed."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    endpoint = f"http://127.0.0.1:{port}"
    say(f"starting an emulated AWS at {endpoint} (its log: {relative(WORK / 'emulator.log')})")
    with open(WORK / "emulator.log", "w") as log:
        process = subprocess.Popen(
            [sys.executable, "-I", ROOT / "pkg" / "emulator" / "run_ministack.py"],
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env=os.environ
            | {
                "BIND_HOST": "127.0.0.1",
                "GATEWAY_PORT": str(port),
                "MINISTACK_HOST": "127.0.0.1",
                "STATE_DIR": str(WORK / "state"),
                "TMPDIR": str(WORK / "tmp"),
                "AWS_ENDPOINT_URL": endpoint,  # inherited by the functions
            },
        )
    try:
        deadline = time.monotonic() + 60
        while True:
            with contextlib.suppress(requests.ConnectionError):
                if requests.get(f"{endpoint}/_ministack/health").ok:
                    break
            if process.poll() is not None or time.monotonic() > deadline:
                raise Failure(f"the emulator did not start: see {relative(WORK / 'emulator.log')}")
            time.sleep(0.1)
        yield endpoint
    finally:
        process.stdin.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(30)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # functions that are still running


def local_parameters():
    """Returns the parameters of the deployment: a list of NAME=VALUE."""
    with open(ROOT / "samconfig.toml", "rb") as file:
        return tomllib.load(file)["local"]["deploy"]["parameters"]["parameter_overrides"]


class Stack:
    """The deployed stack."""

    def __init__(self, endpoint):
        formation = boto3.client("cloudformation")
        outputs = formation.describe_stacks(StackName=STACK)["Stacks"][0]["Outputs"]
        self.outputs = {o["OutputKey"]: o["OutputValue"] for o in outputs}
        # The deployed API has a host name as AWS would assign it; the emulator also serves it under a path.
        url = urlsplit(self.outputs["ApiUrl"])
        self.api = url.hostname.split(".")[0]
        self.url = f"{endpoint}/_aws/execute-api/{self.api}{url.path}"

    def variables(self):
        return {
            "PROVIDERS_TABLE": self.outputs["ProvidersTable"],
            "CUSTOMERS_TABLE": self.outputs["CustomersTable"],
            "TIMELINES_TABLE": self.outputs["TimelinesTable"],
            "SECRETS_TABLE": self.outputs["SecretsTable"],
            "SESSIONS_TABLE": self.outputs["SessionsTable"],
            "AUDIT_BUCKET": self.outputs["AuditBucket"],
            "EVENTS_QUEUE_URL": self.outputs["EventsQueueUrl"],
            "WEBHOOKS_QUEUE_URL": self.outputs["WebhooksQueueUrl"],
        }


# 2. Smoke test and samples


def check_smoke(stack):
    equal([*smoke.ask(stack.url), *smoke.hand_over(STACK)], [])


def check_sample(name, shown):
    samples.check(shown, samples.as_shown(smoke.invoke(STACK, samples.logical_id(name), samples.path(name).read_bytes())))


# 3. Examples of the source documentation


def check_example(section, url, key):
    check = EXCEPTIONS.get((section.document, section.heading), check_as_shown)
    check(section, url, key)


def check_as_shown(section, url, key):
    printed, _ = examples.run(section, url, key)
    equal(examples.shown(printed), examples.shown(section.output))


def check_form_encoded(section, url, key):
    """Contract row 6: this example sends form data, in which the values are lost."""
    _, response = examples.run(section, url, key)
    equal(response.status_code, 400)
    answer = response.json()
    equal((answer["error"], answer["detail"]), ("INVALID_DATA", "JSON decode error at line 1, column 1"))


def check_enrol(section, url, key):
    """Contract rows 8 and 9: 202, the ID from the request, and a new customer number."""
    printed, response = examples.run(section, url, key)
    equal(response.status_code, 202)
    _, answer = examples.shown(printed)
    _, sample = examples.shown(section.output)
    equal(list(answer), list(sample))
    sent = json.loads(section.body)["customer"]["workProviderUserId"]
    equal(answer, sample | {"customerNumber": answer["customerNumber"], "workProviderUserId": sent})
    status = requests.get(f"{url}/v1/user/status/", {"workProviderUserId": sent}, headers={"Authorization": key})
    equal(status.json()["status"], "ENABLED")


def check_link(section, url, key):
    """The script prints a URL for a person's browser; the documented output uses another name of a parameter (row 18)."""
    printed, _ = examples.run(section, url, key)
    query = parse_qs(urlsplit(printed.strip()).query)
    equal(query, {
        "work_provider": ["Courier Ltd"],
        "work_provider_user_id": ["123456"],
        "email": ["driver@example.com"],
    })


def check_shift(section, url, key):
    """Sends the documented body, without its trailing comma and with the current time as start."""
    body = json.loads(examples.without_trailing_commas(section.body))
    body["startTime"] = iso(datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0))
    response = examples.post(url, "/v2/policy/", key, body)
    equal(response.status_code, 201)
    answer = response.json()
    equal(answer, {"id": answer["id"], **body})
    equal(list(answer), ["id", "user", "startTime", "endTime"])
    read = requests.get(f"{url}/v2/shift/{answer['id']}", headers={"Authorization": key})
    equal((read.status_code, read.json()["startTime"]), (200, body["startTime"]))


# Examples whose response differs from the documented one; the contract gives the reasons.
EXCEPTIONS = {
    ("customers.txt", "customer/enrol"): check_enrol,
    ("integration.txt", "/link-work-provider"): check_link,
    ("shifts.txt", "batch/logout"): check_form_encoded,
    ("shifts.txt", "/v2/shift/"): check_shift,
    ("specification.txt", "link-work-provider"): check_link,
}


def check_endpoints(stack):
    """Every method of every path in the template is routed to one of our functions."""
    gateway = boto3.client("apigateway")
    resources = gateway.get_resources(restApiId=stack.api, embed=["methods"], limit=500)["items"]
    routes = [(method, r["path"]) for r in resources for method in r.get("resourceMethods", {})]
    template = (ROOT / "template.yaml").read_text()
    equal(len(routes), template.count("Type: Api, Properties") - template.count("Path: /v2/sandbox/"))  # not a sandbox
    for method, path in routes:
        concrete = path.replace("{proxy+}", "nothing/here")
        concrete = re.sub(r"{\w+}", "unknown", concrete)
        response = requests.request(method, stack.url + concrete, allow_redirects=False)
        operation = f"{method} {path}"
        if "X-Request-Id" not in response.headers or response.status_code >= 500:
            raise Failure(f"{operation} returned {response.status_code} {response.text}")
        takes_key = path.startswith(("/v1/", "/v2/")) and not path.endswith("/link-work-provider")
        if takes_key:
            equal((operation, response.status_code), (operation, 401))
    say(f"  {len(routes)} routes respond")


def check_wrong_method(url):
    response = requests.get(f"{url}/v1/shift/login/")
    equal((response.status_code, response.json()["error"]), (405, "METHOD_NOT_ALLOWED"))
    equal(response.headers["Allow"], "POST")


def check_unknown_path(url):
    response = requests.get(f"{url}/v2/nothing/")
    equal((response.status_code, response.json()["error"]), (404, "NOT_FOUND"))


# 4. Batches


def check_batch(url, key, world):
    """Five shifts of one hour per day, for four people and fifty days, the last of them ten days ago."""
    people = [c["workProviderUserId"] for c in world["customers"] if c["workProvider"] == world["workProviders"][0]["name"]]
    today = datetime.datetime.now(datetime.timezone.utc).replace(hour=0, minute=0, second=0, microsecond=0)
    starts = [
        today - datetime.timedelta(days=day) + datetime.timedelta(hours=hour)
        for day in range(60, 10, -1)
        for hour in (6, 9, 12, 15, 18)
    ]
    hour = datetime.timedelta(hours=1)
    # Logouts first: the order of arrival does not matter.
    batches = []
    for path, offset in (("/v1/batch/logout/", hour), ("/v1/batch/login/", 0 * hour)):
        events = [
            {"workProviderUserId": person, "timestamp": iso(start + offset)}
            for person in people
            for start in starts
        ]
        equal(len(events), 1000)
        response = examples.post(url, path, key, events)
        equal((response.status_code, response.text), (202, '{"status":"PENDING"}'))
        batches.append(response.headers["Location"])
    expected = [(iso(start), iso(start + hour), "LOGOUT") for start in starts]
    deadline = time.monotonic() + 180
    waiting = list(people)
    while waiting:
        shifts = [
            (s["startTime"], s["endTime"], s["endedBy"])
            for s in listed(url, key, waiting[0], starts[0], starts[-1] + hour)
        ]
        if shifts == expected:
            say(f"  {waiting.pop(0)}: {len(shifts)} shifts")
        elif time.monotonic() > deadline:
            raise Failure(f"{waiting[0]} has {len(shifts)} of {len(expected)} expected shifts, or different ones")
        else:
            time.sleep(1)
    # The batch's own counts are those of the moment at which it was applied, when the other may not have been yet.
    for batch in batches:
        states = [event["state"] for event in batch_events(url + batch, key)]
        equal((len(states), set(states)), (1000, {"APPLIED"}))


def batch_events(url, key):
    """All events of a batch, each with its outcome now."""
    parameters = {}
    while True:
        response = requests.get(url, parameters, headers={"Authorization": key})
        equal(response.status_code, 200)
        page = response.json()
        equal((page["count"], sum(page["outcomes"].values())), (1000, 1000))
        yield from page["events"]
        if page["next"] is None:
            return
        parameters["next"] = page["next"]


def listed(url, key, person, start, end):
    """Yields the shifts of a person, from all pages."""
    parameters = {"workProviderUserId": person, "from": iso(start), "to": iso(end)}
    while True:
        response = requests.get(f"{url}/v2/shift/", parameters, headers={"Authorization": key})
        equal(response.status_code, 200)
        page = response.json()
        yield from page["shifts"]
        if page["next"] is None:
            return
        parameters["next"] = page["next"]


# 5. The pages


def check_pages(endpoint, url, key):
    parameters = dict(p.split("=", 1) for p in local_parameters())
    # SES accepts mails only from verified identities.
    boto3.client("sesv2").create_email_identity(EmailIdentity=parameters["MailFrom"])
    counted = browser.walk(url, endpoint, parameters["SiteUrl"], key, WORK / "screenshots")
    if counted is None:
        return
    equal(counted["faults"], [])
    say(f"  {counted['pages']} pages, {counted['violations']} violations, screenshots in {relative(WORK / 'screenshots')}")


# 6. The webhook


def check_webhook(stack, key):
    def zegoctl(*arguments):
        return run("go", "run", "./cmd/zegoctl", *arguments, variables=stack.variables())

    test_event, sign_up = webhooks.walk(stack, STACK, key, zegoctl)
    equal(test_event["customerNumber"], "TEST")
    equal(sign_up, {"customerNumber": "NX42Z", "email": "porter@example.com", "phoneNumber": "+442079460000"})


# 7. A first deployment that fails


def check_leftovers():
    """One stack with a resource that cannot be created, and one that was complete, whose table must not be removed."""
    formation = boto3.client("cloudformation")
    kept = {"DeletionPolicy": "Retain", "UpdateReplacePolicy": "Retain"}
    statement = {"Effect": "Allow", "Action": "kms:*", "Principal": {"AWS": "*"}, "Resource": "*"}
    policy = {"Version": "2012-10-17", "Statement": [statement]}
    sound = {
        "Key": {"Type": "AWS::KMS::Key", **kept, "Properties": {"KeyPolicy": policy}},
        "Logs": {"Type": "AWS::Logs::LogGroup", **kept, "Properties": {}},
        "Table": {"Type": "AWS::DynamoDB::Table", **kept, "Properties": {
            "BillingMode": "PAY_PER_REQUEST",
            "DeletionProtectionEnabled": True,
            "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
            "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
        }},
    }
    without_role = {"PolicyName": "x", "Roles": ["no-such-role"], "PolicyDocument": policy}
    broken = {**sound, "Broken": {"Type": "AWS::IAM::Policy", "DependsOn": [*sound], "Properties": without_role}}
    for name, resources, ends in (("first-failed", broken, "DELETE"), ("first-worked", sound, "ROLLBACK")):
        formation.create_stack(
            StackName=name, TemplateBody=json.dumps({"Resources": resources}), Capabilities=["CAPABILITY_IAM"], OnFailure=ends
        )
    formation.get_waiter("stack_create_complete").wait(StackName="first-worked", WaiterConfig={"Delay": 1})
    formation.delete_stack(StackName="first-worked")
    for name in ("first-failed", "first-worked"):
        formation.get_waiter("stack_delete_complete").wait(StackName=name, WaiterConfig={"Delay": 1})
    tables = boto3.client("dynamodb").list_tables()["TableNames"]
    command = sys.executable, "deploy/leftovers.py"
    listed = subprocess.run([*command, "first-failed"], cwd=ROOT, capture_output=True, text=True)
    equal((listed.returncode, listed.stdout.splitlines()[-1]), (1, "3 left"))
    run(*command, "first-failed", "--remove")
    run(*command, "first-failed")
    run(*command, "first-worked", "--remove")
    gone = set(tables) - set(boto3.client("dynamodb").list_tables()["TableNames"])
    equal([name for name in gone if not name.startswith("first-failed-")], [])
    equal(len(gone), 1)


# 8. The logs


def check_logs():
    """Failures that were retried successfully are logged as errors, and so are dead letters. One of the samples is excluded."""
    sample = json.loads(samples.path("dead-letters").read_bytes())["Records"][0]["messageId"]
    errors = [line for line in (WORK / "emulator.log").read_text().splitlines() if '"level":"ERROR"' in line]
    equal([line for line in errors if sample not in line], [])


# Helpers


def run(*command, variables={}):
    """Runs a command in the project folder and returns its output. Fails with the output if the command fails."""
    result = subprocess.run(command, cwd=ROOT, env=os.environ | variables, capture_output=True, text=True)
    if result.returncode:
        raise Failure(f"{pathlib.Path(command[0]).name} failed:\n{result.stdout}{result.stderr}")
    return result.stdout


def iso(instant):
    return instant.isoformat()


def relative(path):
    return path.relative_to(ROOT)


def say(line):
    print(f"e2e: {line}", flush=True)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # ends the emulator on the way out
    try:
        sys.exit(main())
    except Failure as failure:
        sys.exit(f"e2e: {failure}")
