"""Reads the sample events in events/ and the responses in events/README.md. `make sam-local-smoke` runs them in Docker,
`make e2e` on the emulated AWS.
"""
import base64
import json
import pathlib
import re

from tests import equal

EVENTS = pathlib.Path(__file__).parent.parent / "events"
ROW = re.compile(r"^\| `([a-z-]+)\.json` \| (.*) \|$")


def samples():
    """Returns function folders and documented responses, in the order of the page, in which they must run."""
    rows = [ROW.match(line) for line in (EVENTS / "README.md").read_text().splitlines()]
    shown = [(row[1], row[2]) for row in rows if row]
    missing = {path.stem for path in EVENTS.glob("*.json")} ^ {name for name, _ in shown}
    if missing:
        raise ValueError(f"events/ and events/README.md differ in {sorted(missing)}")
    return shown


def path(name):
    return EVENTS / f"{name}.json"


def logical_id(name):
    """Returns the logical ID in template.yaml of the function of a folder."""
    return "".join(word.capitalize() for word in name.split("-"))


def as_shown(answer):
    """Formats a response as the page shows it."""
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
    """Fails unless a response matches the documented one, in which … stands for a random value or omitted text."""
    pattern = ".*".join(re.escape(part) for part in shown.split("…"))
    if not re.fullmatch(pattern, got, re.DOTALL):
        equal(got, shown)


def compact(value):
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
