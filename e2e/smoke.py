"""The smoke test of a stack that the pipeline has just deployed: every function starts and responds correctly to a request
without a key. It writes nothing and needs no key, so it is the same in staging and in production.

    .tools/deploy/bin/python e2e/smoke.py workprovider-staging

Each request goes to a different function. Queue consumers are invoked with an empty batch, which the deployment is permitted
to do. `make e2e` runs the same test on the emulated AWS.
"""
import json
import sys

import boto3
import requests

V1 = {"error": "MISSING_AUTH"}
V2 = {"status": "NOK", "error": "MISSING_AUTH"}
REQUESTS = [
    ("POST", "/v1/shift/login/", 401, V1),
    ("POST", "/v1/shift/logout/", 401, V1),
    ("POST", "/v1/batch/login/", 401, V1),
    ("POST", "/v1/batch/logout/", 401, V1),
    ("POST", "/v1/match/", 401, V1),
    ("POST", "/v1/customer/enrol/", 401, V1),
    ("GET", "/v1/user/status/?workProviderUserId=smoke", 401, V1),
    ("GET", "/v1/validate/customer-number/SMOKE/?email=smoke@example.com", 401, V1),
    ("POST", "/v2/shift/", 401, V2),
    ("GET", "/v2/shift/?workProviderUserId=smoke", 401, V2),
    ("PUT", "/v2/shift/smoke", 401, V2),
    ("GET", "/v2/event/smoke", 401, V2),
    ("POST", "/v2/event/smoke/void", 401, V2),
    ("GET", "/v1/shift/login/", 405, {"error": "METHOD_NOT_ALLOWED"}),
    ("GET", "/v1/nothing/", 404, {"error": "NOT_FOUND"}),
    ("GET", "/account/login", 200, None),
    ("GET", "/link-work-provider/", 400, None),
]
CONSUMERS = ["Processor", "DeadLetters", "WebhookSender"]


def ask(url):
    """Sends all requests to the API at a URL, and yields each problem."""
    for method, path, status, body in REQUESTS:
        try:
            response = requests.request(method, url + path, timeout=30)
        except requests.RequestException as problem:
            yield f"{method} {path}: {type(problem).__name__}"
            continue
        if response.status_code != status:
            yield f"{method} {path}: {response.status_code}, not {status}"
        elif body is not None and body.items() - json.loads(response.text or "{}").items():
            yield f"{method} {path}: the body is not {body}"
        if "X-Request-Id" not in response.headers:
            yield f"{method} {path}: no X-Request-Id"


def hand_over(stack):
    """Invokes each queue consumer with an empty batch, and yields each problem."""
    for name in CONSUMERS:
        answer = invoke(stack, name, b'{"Records":[]}')
        if answer != {"batchItemFailures": []}:
            yield f"{name}: {answer}"


def invoke(stack, name, event):
    """Invokes a function of a stack with an event, and returns its response."""
    resource = boto3.client("cloudformation").describe_stack_resource(StackName=stack, LogicalResourceId=name)
    answer = boto3.client("lambda").invoke(FunctionName=resource["StackResourceDetail"]["PhysicalResourceId"], Payload=event)
    return json.loads(answer["Payload"].read() or "null")


def main(stack):
    outputs = boto3.client("cloudformation").describe_stacks(StackName=stack)["Stacks"][0]["Outputs"]
    url = next(output["OutputValue"] for output in outputs if output["OutputKey"] == "ApiUrl")
    problems = [*ask(url), *hand_over(stack)]
    for problem in problems:
        print(f"smoke: {problem}", flush=True)
    print(f"{len(REQUESTS) + len(CONSUMERS) - len(problems)} passed, {len(problems)} failed")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
