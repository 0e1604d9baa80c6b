"""The sample events in events/ and the answers that events/README.md shows: one reading of them, for whoever can run a
function. `make sam-local-smoke` runs them in Docker, `make e2e` on the emulated AWS.
"""
import base64
import json
import pathlib
import re

from tests import equal

EVENTS = pathlib.Path(__file__).parent.parent / "events"
ROW = re.compile(r"^\| `([a-z-]+)\.json` \| (.*) \|$")


def samples():
    """Function folder and the answer shown, in the order of the page, which is that in which they must run."""
    rows = [ROW.match(line) for line in (EVENTS / "README.md").read_text().splitlines()]
    shown = [(row[1], row[2]) for row in rows if row]
    missing = {path.stem for path in EVENTS.glob("*.json")} ^ {name for name, _ in shown}
    if missing:
        raise ValueError(f"events/ and events/README.md differ in {sorted(missing)}")
    return shown


def path(name):
    return EVENTS / f"{name}.json"


def logical_id(name):
    """What template.yaml calls the function of a folder."""
    return "".join(word.capitalize() for word in name.split("-"))


def as_shown(answer):
    """An answer of a function as the page would show it."""
    if "batchItemFailures" in answer:
        return f"`{compact(answer)}`"
    headers = {name.lower(): values[0] for name, values in answer["multiValueHeaders"].items()}
    body = answer["body"]
    if answer.get("isBase64Encoded"):
        body = base64.b64decode(body).decode()
    text = str(answer["statusCode"])
    if "location" in headers and not body:
        return f"{text}, to `{headers['location']}`"
    return f"{text} `{body.strip()}`" if body else text


def check(shown, got):
    """Fails unless an answer is the one shown, in which … stands for what is drawn or too long to show."""
    pattern = ".*".join(re.escape(part) for part in shown.split("…"))
    if not re.fullmatch(pattern, got, re.DOTALL):
        equal(got, shown)


def compact(value):
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
