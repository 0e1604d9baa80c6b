"""`make guides`: does what the guides of the documentation site say, as a reader would, from `git clone` on, and what the
README does; and looks at every page of the site in a browser (browser.py).

A guide is run from top to bottom, in one folder for all of them:

    ```sh                             is typed into the guide's shell
    ```sh title="In its own terminal"    is typed into a shell that goes on running until the guides end
    ```python title="login.py"        is written to a file of that name, in any language
    ```json, ```text or ```http       below a command is what it prints; below another shell's, the last line to wait for

What differs each time (instants, ids, keys, addresses) may differ from what is shown; nothing else may. A command that only
asks is asked again for a while, as events are applied a moment after they are accepted. Every block has to be of one of these
kinds, so there is no example that is not run. Ends with a line that counts what passed and failed.
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
REPOSITORY = "https://git.zego.example/workprovider.git"  # as the quick start has it: here it is this checkout
FENCE = re.compile(r'^( *)```(\w+)(?: +title="([^"]+)")? *\n(.*?)^\1``` *$', re.M | re.S)
OWN_TERMINAL = "In its own terminal"
OUTPUT = ("json", "text", "http")
PATIENCE = 60  # seconds until what was accepted has to be applied
MOST_COMMANDS = 5  # from git clone to the first 202


def main():
    tests = Tests()
    commands = None  # typed until the first 202
    with tempfile.TemporaryDirectory(prefix="guides-") as name:
        folder = pathlib.Path(name)
        others = Others()
        try:
            for page in pages():
                guide = Guide(page.read_text(), folder, others)
                tests.run(f"{page.name}: {len(guide.blocks)} examples", guide.follow_all)
                commands = commands or guide.commands_to_202
            tests.run("every page in a browser", lambda: look(folder))
            others.close()  # the README begins with `make run` as well, and shows what a fresh world answers
            shutil.rmtree(folder / "workprovider" / ".local", ignore_errors=True)
            readme = Guide(readme_to_try(), folder / "workprovider", others)
            tests.run(f"README.md: {len(readme.blocks)} examples", readme.follow_all)
        finally:
            others.close()
    print(f"commands from git clone to the first 202: {commands}, of {MOST_COMMANDS} at most", flush=True)
    tests.run("the first 202", lambda: equal(commands is not None and commands <= MOST_COMMANDS, True))
    return tests.report()


def look(folder):
    """Looks at the site where the quick start's API serves it."""
    url = re.search("ZEGO_API='([^']+)'", (folder / "workprovider" / ".local" / "api").read_text())[1]
    counted = browser.look(f"{url}/docs/", ROOT / ".local" / "screenshots" / "site")
    if counted is not None:
        equal(counted["faults"], [])
        print(f"  {counted['pages']} pages, {counted['violations']} violations, {counted['requests']} requests", flush=True)


def pages():
    """The guides in the order of the navigation, which is that in which they are read."""
    with open(SITE / "zensical.toml", "rb") as file:
        navigation = tomllib.load(file)["project"]["nav"]
    for entry in navigation:
        for value in entry.values():
            names = [value] if isinstance(value, str) else [name for one in value for name in one.values()]
            for name in names:
                if (SITE / "pages" / name).exists():  # the reference is made, not written
                    yield SITE / "pages" / name


def readme_to_try():
    """The README up to the end of its quick start: the rest has no commands."""
    return (ROOT / "README.md").read_text().partition("\n## Life of an event\n")[0]


class Block:
    """One block of code, and what it shows as its output."""

    def __init__(self, language, title, text):
        self.language, self.title, self.text = language, title, text
        self.output = None


class Guide:
    """One page and the shell in which it is followed."""

    def __init__(self, page, folder, others):
        self.folder, self.others = folder, others
        self.shell = Shell(folder)
        self.commands, self.commands_to_202 = 0, None
        self.blocks = []
        for indent, language, title, text in FENCE.findall(page):
            text = re.sub(f"^{indent}", "", text, flags=re.M)
            if language in OUTPUT and not title:
                if not self.blocks or self.blocks[-1].output is not None:
                    raise Failure(f"this is the output of nothing:\n{text}")
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
                raise Failure(f"nothing can be done with this: it has no title to be its name\n{block.text}")
            (self.folder / block.title).write_text(block.text)
            return
        self.commands += len([line for line in re.sub(r"\\\n", "", block.text).splitlines() if line[:1] not in ("", "#", " ")])
        if block.title == OWN_TERMINAL:
            self.others.start(block, self.folder)
            return
        deadline = time.monotonic() + PATIENCE
        while True:
            printed = self.shell.run(block.text)
            if block.output is None or comparable(printed) == comparable(block.output):
                return
            if changes_something(block.text) or time.monotonic() > deadline:
                raise Failure(f"{block.text}printed\n{printed}\nand not\n{block.output}")
            time.sleep(0.5)


def changes_something(command):
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
    """A reader's shell. A command that fails ends it."""

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


class Others:
    """The shells beside it: they go on from guide to guide."""

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
        deadline = time.monotonic() + 10 * PATIENCE  # the first make run installs and builds
        while last not in comparable(log.read_text()).splitlines():
            if process.poll() is not None or time.monotonic() > deadline:
                raise Failure(f"{block.text}did not get as far as {last!r}:\n{log.read_text()}")
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
    """A free port for `make run`, and the checkout where the guides say the repository is."""
    return os.environ | {
        "PORT": "0",
        "PYTHONUNBUFFERED": "1",
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": f"url.{ROOT}.insteadOf",
        "GIT_CONFIG_VALUE_0": REPOSITORY,
    }


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # ends the other shells on the way out
    try:
        sys.exit(main())
    except Failure as failure:  # of a page that cannot be read
        sys.exit(f"guides: {failure}")
