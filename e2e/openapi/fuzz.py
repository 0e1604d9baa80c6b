"""`make fuzz`: sends thousands of requests, generated from openapi.yaml, to the server of `make run`.

Schemathesis generates them from examples, the boundaries of every schema, at random, and by following the links of the file.
Every check is enabled, so everything undocumented is a failure: a status, a header, a body, an accepted request that the file
forbids. FUZZ_CASES sets the minimum number of cases, FUZZ_SEED the seed.

It leaves nothing running and writes only under .local/fuzz.
"""
import json
import math
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys

HERE = pathlib.Path(__file__).parent
ROOT = HERE.parent.parent
STATE = ROOT / ".local" / "fuzz"
TOOL = ROOT / ".tools" / "fuzz" / "bin" / "st"

CASES = int(os.environ.get("FUZZ_CASES", "5000"))


def main():
    shutil.rmtree(STATE, ignore_errors=True)
    STATE.mkdir(parents=True)
    with open(STATE / "local.log", "w") as log:
        local = subprocess.Popen(
            [ROOT / "bin" / "local"],
            cwd=ROOT,
            env=os.environ | {"STATE": str(STATE.relative_to(ROOT)), "PORT": "0"},
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
        try:
            url = ready(local)
            counted = fuzz(url)
        finally:
            local.send_signal(signal.SIGINT)
            for _ in local.stdout:
                pass  # its messages while it stops
            local.wait()
    failures = [line for line in (STATE / "local.log").read_text().splitlines() if 'msg="request failed"' in line]
    if failures:
        sys.exit("fuzz: the API logged failures:\n" + "\n".join(failures[:20]))
    if counted < CASES:
        sys.exit(f"fuzz: {counted} cases instead of at least {CASES}")


def ready(local):
    """Waits until the API is ready and returns its URL."""
    for line in local.stdout:
        if line.startswith("ready: "):
            return line.split()[1]
    sys.exit(f"fuzz: the API did not start: see {(STATE / 'local.log').relative_to(ROOT)}")


def fuzz(url):
    """Runs all cases and returns their number. Exits after the report if a case failed."""
    key = json.loads((STATE / "demo.json").read_text())["workProviders"][0]["key"]
    # Some operations have few distinct requests, so the others get more.
    operations = 0.5 * len(re.findall("operationId: ", (ROOT / "openapi.yaml").read_text()))
    command = [
        TOOL, "--config-file", HERE / "schemathesis.toml", "run", ROOT / "openapi.yaml", "--url", url, "--checks", "all",
        "--exclude-tag", "Sandbox",  # not a sandbox, and a reset would delete the data of other cases
        "--max-examples", str(math.ceil(CASES / operations)), "--seed", os.environ.get("FUZZ_SEED", "1"),
        "--generation-database", "none", "--no-color",
    ]
    report = STATE / "report.txt"
    with open(report, "w") as file:
        status = subprocess.run(command, cwd=STATE, env=os.environ | {"KEY": key, "PYTHONPATH": str(HERE)}, stdout=file).returncode
    text = report.read_text()
    if status:
        print(text)
        sys.exit("fuzz: the API differs from openapi.yaml")
    summary = text[text.rfind("Test cases:"):]
    print(summary.strip())
    return int(re.search(r"([\d,]+) generated", summary)[1].replace(",", ""))


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # stops the API
    main()
