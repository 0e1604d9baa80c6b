"""What a generator cannot know: who exists, and what time it is.

Every other valid case is about somebody of the demo world, and now, so that shifts really open and close, and what comes
after them is tried as well. A case that is meant to be refused stays as it was drawn.
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
    # Its own microsecond keeps one case's shift apart from another's.
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
