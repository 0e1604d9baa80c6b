"""`make guides`: follows the guides of the documentation site as a reader would, from `git clone` on, then the README, and tests
every page of the site in a browser (browser.py).

All guides are run from top to bottom, in one folder. The kinds of code blocks are:

    ```sh                                commands, run in the shell of the guide
    ```sh title="In its own terminal"    a command, run in a separate shell until all guides have ended
    ```python title="login.py"           a file with that name, in any language
    ```json, ```text or ```http          the output of the preceding command; of a separate shell, its last line to wait for

Instants, IDs, keys and addresses may differ from the documented output; nothing else may. A command that only reads is repeated
for a while, because events are applied a moment after they are accepted. Any other kind of block is an error, so every example
is run. It ends with a summary line.
"""
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import tomllib

import browser
from tests import Failure, Tests, equal

ROOT = pathlib.Path(__file__).parent.parent
SITE = ROOT / "site"
REPOSITORY = "https://git.zego.example/workprovider.git"  # the URL in the quick start, replaced by this checkout
FENCE = re.compile(r'^( *)```(\w+)(?: +title="([^"]+)")? *\n(.*?)^\1``` *$', re.M | re.S)
OWN_TERMINAL = "In its own terminal"
OUTPUT = ("json", "text", "http")
TIMEOUT = 60  # seconds within which accepted events are applied
MAX_COMMANDS = 5  # from git clone to the first 202


def main():
    tests = Tests()
    commands = None  # run until the first 202
    with tempfile.TemporaryDirectory(prefix="guides-") as name:
        folder = pathlib.Path(name)
        terminals = Terminals()
        try:
            for page in pages():
                guide = Guide(page.read_text(), folder, terminals)
                tests.run(f"{page.name}: {len(guide.blocks)} examples", guide.follow_all)
                commands = commands or guide.commands_to_202
            tests.run("every page in a browser", lambda: look(folder))
            terminals.close()  # the README starts `make run` too, with new data
            shutil.rmtree(folder / "workprovider" / ".local", ignore_errors=True)
            readme = Guide(readme_to_try(), folder / "workprovider", terminals)
            tests.run(f"README.md: {len(readme.blocks)} examples", readme.follow_all)
        finally:
            terminals.close()
    print(f"commands from git clone to the first 202: {commands}, of {MAX_COMMANDS} at most", flush=True)
    tests.run("the first 202", lambda: equal(commands is not None and commands <= MAX_COMMANDS, True))
    return tests.report()


def look(folder):
    """Tests the site as served by the API of the quick start."""
    url = re.search("ZEGO_API='([^']+)'", (folder / "workprovider" / ".local" / "api").read_text())[1]
    counted = browser.look(f"{url}/docs/", ROOT / ".local" / "screenshots" / "site")
    if counted is not None:
        equal(counted["faults"], [])
        print(f"  {counted['pages']} pages, {counted['violations']} violations, {counted['requests']} requests", flush=True)


def pages():
    """Yields the guides in the order of the navigation."""
    with open(SITE / "zensical.toml", "rb") as file:
        navigation = tomllib.load(file)["project"]["nav"]
    for entry in navigation:
        for value in entry.values():
            names = [value] if isinstance(value, str) else [name for one in value for name in one.values()]
            for name in names:
                if (SITE / "pages" / name).exists():  # the reference is generated
                    yield SITE / "pages" / name


def readme_to_try():
    """Returns the README up to the end of its quick start: the rest has no commands."""
    return (ROOT / "README.md").read_text().partition("\n## Life of an event\n")[0]


class Block:
    """A code block with its documented output."""

    def __init__(self, language, title, text):
        self.language, self.title, self.text = language, title, text
        self.output = None


class Guide:
    """A page and its shell."""

    def __init__(self, page, folder, terminals):
        self.folder, self.terminals = folder, terminals
        self.shell = Shell(folder)
        self.commands, self.commands_to_202 = 0, None
        self.blocks = []
        for indent, language, title, text in FENCE.findall(page):
            text = re.sub(f"^{indent}", "", text, flags=re.M)
            if language in OUTPUT and not title:
                if not self.blocks or self.blocks[-1].output is not None:
                    raise Failure(f"output without a command:\n{text}")
                self.blocks[-1].output = text
            else:
                self.blocks.append(Block(language, title, text))

    def follow_all(self):
        try:
            for block in self.blocks:
                self.follow(block)
                if self.commands_to_202 is None and "202 Accepted" in (block.output or ""):
                    self.commands_to_202 = self.commands
        finally:
            self.shell.close()

    def follow(self, block):
        if block.language != "sh":
            if not block.title:
                raise Failure(f"a file needs a title as its name:\n{block.text}")
            (self.folder / block.title).write_text(block.text)
            return
        self.commands += len([line for line in re.sub(r"\\\n", "", block.text).splitlines() if line[:1] not in ("", "#", " ")])
        if block.title == OWN_TERMINAL:
            self.terminals.start(block, self.folder)
            return
        deadline = time.monotonic() + TIMEOUT
        while True:
            printed = self.shell.run(block.text)
            if block.output is None or comparable(printed) == comparable(block.output):
                return
            if has_effect(block.text) or time.monotonic() > deadline:
                raise Failure(f"{block.text}printed\n{printed}\ninstead of\n{block.output}")
            time.sleep(0.5)


def has_effect(command):
    return re.search(r"curl [^|]*-(d|X) |zegoctl", command) or "curl" not in command


DIFFERS = [
    (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(\+00:00|Z)", "<instant>"),
    (r"[\w-]{40,}", "<id>"),
    (r'(?<="customerNumber":")[A-Z0-9]{8}(?=")', "<number>"),
    (r"(?<=X-Request-Id: )\w+", "<id>"),
    (r"(?<=Date: ).*", "<date>"),
    (r"(?<=Content-Length: )\d+", "<length>"),
    (r"http://127\.0\.0\.1:\d+", "<address>"),
    (r"\r", ""),
]


def comparable(text):
    for pattern, stands_for in DIFFERS:
        text = re.sub(pattern, stands_for, text)
    return text.strip()


class Shell:
    """The shell of a guide. A failing command ends it."""

    END = "--- end of the command ---"

    def __init__(self, folder):
        self.process = subprocess.Popen(
            ["bash", "--noprofile", "--norc"], cwd=folder, env=environment(), text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )
        self.process.stdin.write("set -eu -o pipefail\n")

    def run(self, text):
        self.process.stdin.write(f"{{ {text}\n}} </dev/null\nprintf '\\n%s\\n' '{self.END}'\n")
        self.process.stdin.flush()
        printed = ""
        for line in self.process.stdout:
            if line.strip() == self.END:
                return printed
            printed += line
        raise Failure(f"{text}failed:\n{printed}")

    def close(self):
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait()


class Terminals:
    """The separate shells, shared by all guides."""

    def __init__(self):
        self.processes = []

    def start(self, block, folder):
        log = folder / f"shell-{len(self.processes)}.log"
        with open(log, "w") as file:
            process = subprocess.Popen(
                ["bash", "--noprofile", "--norc", "-eu", "-c", block.text], cwd=folder, env=environment(),
                stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT, start_new_session=True,
            )
        self.processes.append(process)
        last = comparable(block.output or "").splitlines()[-1]
        deadline = time.monotonic() + 10 * TIMEOUT  # the first make run installs and builds
        while last not in comparable(log.read_text()).splitlines():
            if process.poll() is not None or time.monotonic() > deadline:
                raise Failure(f"{block.text}did not print {last!r}:\n{log.read_text()}")
            time.sleep(0.1)

    def close(self):
        for process in reversed(self.processes):
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGTERM)
        for process in self.processes:
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
        self.processes.clear()


def environment():
    """A free port for `make run`, and this checkout in place of the repository URL."""
    return os.environ | {
        "PORT": "0",
        "PYTHONUNBUFFERED": "1",
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": f"url.{ROOT}.insteadOf",
        "GIT_CONFIG_VALUE_0": REPOSITORY,
    }


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # ends the separate shells
    try:
        sys.exit(main())
    except Failure as failure:  # of a page that cannot be parsed
        sys.exit(f"guides: {failure}")
