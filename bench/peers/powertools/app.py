"""POST /v1/shift/login with Powertools for AWS Lambda (Python): an event handler, clients created at import time for warm calls,
the key in DynamoDB, the event on SQS. It does what functions/shift-login does, without the finer checks, which would make it
slower."""

import json
import os
from datetime import datetime, timedelta, timezone
from hashlib import sha256
from uuid import uuid4

import boto3
from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler import APIGatewayRestResolver, Response, content_types
from aws_lambda_powertools.event_handler.exceptions import BadRequestError, UnauthorizedError
from aws_lambda_powertools.utilities.typing import LambdaContext

logger = Logger(service="shift-login")
app = APIGatewayRestResolver(strip_prefixes=["/live"])
table = boto3.resource("dynamodb").Table(os.environ["PROVIDERS_TABLE"])
queue = boto3.client("sqs")


def work_provider() -> str:
    key = app.current_event.headers.get("Authorization")
    if not key:
        raise UnauthorizedError("Authorization header missing")
    row = table.get_item(
        Key={"pk": "key#" + sha256(key.encode()).hexdigest(), "sk": "key"}, ConsistentRead=True
    ).get("Item")
    if row is None:
        raise UnauthorizedError("Authorization key is invalid")
    return row["provider"]


@app.post("/v1/shift/login/")
def login() -> Response:
    provider = work_provider()
    try:
        event = app.current_event.json_body
        at = datetime.fromisoformat(event["timestamp"])
        user = event["workProviderUserId"]
    except (ValueError, KeyError, TypeError) as e:
        raise BadRequestError("INVALID_DATA") from e
    if at > datetime.now(timezone.utc) + timedelta(minutes=30):
        raise BadRequestError("INVALID_DATA")
    message = {"provider": provider, "kind": "LOGIN", "workProviderUserId": user, "timestamp": at.isoformat()}
    queue.send_message(QueueUrl=os.environ["EVENTS_QUEUE_URL"], MessageBody=json.dumps(message))
    return Response(
        status_code=202,
        content_type=content_types.APPLICATION_JSON,
        body='{"status":"PENDING"}',
        headers={"X-Event-Id": str(uuid4())},
    )


@logger.inject_lambda_context
def handler(event: dict, context: LambdaContext) -> dict:
    return app.resolve(event, context)
