"""Extracts and runs the examples of the source documentation.

An example is run unchanged, except for what the documents omit or cannot contain: the host, the key, the imports (and in the
oldest document the line that sets `now`), a `{...}`, which stands for the JSON shown on the same page, and one trailing
comma.
"""
import ast
import contextlib
import datetime
import io
import json
import pathlib
import re

import pytz
import requests

DOCUMENTS = pathlib.Path(__file__).parent.parent / "docs" / "api"
HOST = "https://api.zego.com"

HEADING = re.compile(r"^ ?##? +(\S.*?) *$", re.M)
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```", re.M | re.S)


class Section:
    """A section of a document about one method, with its code blocks by kind."""

    def __init__(self, document, heading, text):
        self.document, self.heading = document, heading
        blocks = [(language, body) for language, body in BLOCK.findall(text)]
        self.script = next((body for language, body in blocks if language == "python" and "print(" in body), None)
        after = text.split(self.script, 1)[1] if self.script else ""
        self.output = next((body for _, body in BLOCK.findall(after.split("```", 1)[-1])), None)
        self.body = next((body for language, body in blocks if language == "json" and body.startswith("{\n")), None)

    def __str__(self):
        return f"{self.document} {self.heading}"


def sections():
    """Yields every section that has a script or shows a request body, in order."""
    for path in sorted(DOCUMENTS.glob("*.txt")):
        parts = HEADING.split(path.read_text())
        for heading, text in zip(parts[1::2], parts[2::2]):
            section = Section(path.name, heading, text)
            if section.script or section.body:
                yield section


def run(section, base, key):
    """Runs the script of a section; returns its output, and its response if it made a request."""
    script = section.script.replace(HOST, base).replace("[...]\n", "", 1)
    for name in re.findall(r"'(\w+)': \{\.\.\.\}", script):
        script = script.replace(f"'{name}': {{...}}", f"'{name}': {json.loads(section.body)[name]!r}")
    names = {
        "AUTHORIZATION_CODE": key,
        "datetime": datetime,
        "json": json,
        "now": datetime.datetime.now(pytz.UTC),
    }
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(script, str(section), "exec"), names)
    return printed.getvalue(), names.get("response")


def shown(text):
    """Parses an output block or the output of a script for comparison: the status code and the JSON or Python value, if present,
    independent of spacing and quotes."""
    status = re.search(r"Response status code: *(\d+)", text)
    value = re.search(r"\{.*\}", text, re.S)
    return int(status[1]) if status else None, literal(value[0]) if value else None


def literal(text):
    try:
        return json.loads(text)
    except ValueError:
        return ast.literal_eval(text)


def without_trailing_commas(text):
    return re.sub(r",(\s*[}\]])", r"\1", text)


def post(base, path, key, body):
    return requests.post(base + path, headers={"Authorization": key}, json=body)
