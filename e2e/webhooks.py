"""A sign-up sent by the deployed sender to a receiver that uses the official library of Standard Webhooks.

The receiver listens on 127.0.0.1. The deployed function sends there only because this test changes its configuration.
"""
import contextlib
import http.server
import json
import threading
import time

import boto3
import requests
import standardwebhooks

FUNCTION = "WebhookSender"
PROVIDER = "courier-ltd"
CUSTOMER = "NX42Z"  # a demo customer who shares only with another work provider
USER_ID = "linked-by-webhook"


def walk(stack, stack_name, key, zegoctl):
    """Returns the bodies that the receiver verified: of a test event and of a sign-up. zegoctl runs the tool."""
    receiver = Receiver()
    with receiver.serving() as url:
        settings = json.loads(zegoctl("webhook", "set", PROVIDER, url, "--output", "json"))
        receiver.verifier = standardwebhooks.Webhook(settings["secret"])
        reply = json.loads(zegoctl("webhook", "test", PROVIDER, "--to-loopback", "--output", "json"))
        assert reply["interpretation"] == "not matched", reply
        allow_loopback(stack_name)
        zegoctl("link", "grant", PROVIDER, CUSTOMER)
        announcement = {"v": 1, "event": "signup", "provider": PROVIDER, "customer": CUSTOMER, "attempt": 1, "due": int(time.time() * 1000)}
        boto3.client("sqs").send_message(QueueUrl=stack.outputs["WebhooksQueueUrl"], MessageBody=json.dumps(announcement))
        deadline = time.monotonic() + 60
        while True:  # until the ID of the reply is linked to the customer
            status = requests.get(f"{stack.url}/v1/user/status/", {"workProviderUserId": USER_ID}, headers={"Authorization": key})
            if status.status_code == 200:
                assert status.json()["customer_number"] == CUSTOMER, status.text
                break
            assert time.monotonic() < deadline, f"not matched; the receiver got {receiver.verified}, rejected {receiver.rejected}"
            time.sleep(1)
    zegoctl("webhook", "disable", PROVIDER)
    assert not receiver.rejected, receiver.rejected
    return receiver.verified


def allow_loopback(stack_name):
    """Allows the deployed sender to use the loopback interface, which the template deliberately cannot."""
    resource = boto3.client("cloudformation").describe_stack_resource(StackName=stack_name, LogicalResourceId=FUNCTION)
    name = resource["StackResourceDetail"]["PhysicalResourceId"]
    functions = boto3.client("lambda")
    variables = functions.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
    functions.update_function_configuration(FunctionName=name, Environment={"Variables": variables | {"WEBHOOKS_TO_LOOPBACK": "yes"}})
    published = functions.publish_version(FunctionName=name)["Version"]
    functions.update_alias(FunctionName=name, Name="live", FunctionVersion=published)


class Receiver:
    """A work provider's receiver. It does not know TEST, and knows every other customer under one ID."""

    def __init__(self):
        self.verifier = None
        self.verified = []
        self.rejected = []

    @contextlib.contextmanager
    def serving(self):
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                try:
                    event = receiver.verifier.verify(body, dict(self.headers))
                except standardwebhooks.WebhookVerificationError as error:
                    receiver.rejected.append(str(error))
                    self.answer(401)
                    return
                receiver.verified.append(event)
                if event["customerNumber"] == "TEST":
                    self.answer(404)
                else:
                    self.answer(200, json.dumps({"workProviderUserId": USER_ID}).encode())

            def answer(self, status, body=b""):
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/hook"
        finally:
            server.shutdown()
            thread.join()
            server.server_close()
