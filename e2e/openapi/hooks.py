"""Supplies what a generator cannot know: existing customers and the current time.

Every other valid case uses a demo customer and the current time, so that shifts open and close, and the operations that follow
are tested too. Cases that must be rejected stay unchanged.
"""
import datetime
import itertools

import schemathesis

turns = itertools.count()


@schemathesis.hook
def before_call(context, case, kwargs):
    turn = next(turns)
    if turn % 2 or not case.meta or not case.meta.generation.mode.is_positive:
        return
    person = {"workProviderUserId": ("1686", "8545", "12345")[turn // 2 % 3]}
    now = datetime.datetime.now(datetime.timezone.utc)
    # A distinct microsecond separates the shifts of different cases.
    time = (now - datetime.timedelta(minutes=turn % 25)).isoformat()
    match case.operation.definition.raw["operationId"]:
        case "shiftLogin" | "shiftLogout":
            case.body = person | {"timestamp": time}
        case "batchLogin" | "batchLogout":
            case.body = [person | {"timestamp": time}] * (turn % 5)
        case "shiftCreate" | "policyCreate":
            case.body = {"user": person, "startTime": time, "endTime": None}
        case "shiftEnd" | "policyEnd":
            case.body = {"endTime": now.isoformat()}
        case "shiftList" | "policyList" | "userStatus" | "status":
            case.query = person
