"""Browser tests in Chromium: a courier's path through the deployed pages for `make e2e` (browser/walk.mjs), and every page of
the documentation site for `make guides` (browser/site.mjs).

They need Node 20 with npm, and Chromium, which is installed on Debian and Ubuntu if the user is root. Without them, the tests
are skipped with a message.
"""
import json
import os
import pathlib
import shutil
import subprocess
import sys

HERE = pathlib.Path(__file__).parent / "browser"
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def walk(base, mails, site_url, key, screenshots):
    """Runs the test of the pages; returns its counts, or None if there is no browser."""
    return run("walk.mjs", screenshots, {"BASE": base, "MAILS": mails, "SITE_URL": site_url, "KEY": key})


def look(site, screenshots):
    """Runs the test of the documentation site at a URL; returns as walk does."""
    return run("site.mjs", screenshots, {"SITE": site})


def run(script, screenshots, variables):
    chromium = find()
    if chromium is None or shutil.which("npm") is None:
        missing = "npm" if chromium else "Chromium"
        print(f"e2e: SKIPPED: the browser tests need {missing}", flush=True)
        return None
    shutil.rmtree(screenshots, ignore_errors=True)
    subprocess.run(["npm", "ci", "--silent", "--no-fund", "--no-audit"], cwd=HERE, check=True)
    result = subprocess.run(
        ["node", HERE / script],
        env=os.environ | variables | {"CHROMIUM": chromium, "SCREENSHOTS": str(screenshots)},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        return json.loads(result.stdout.splitlines()[-1])
    except (IndexError, ValueError):
        raise RuntimeError(f"{script} ended with status {result.returncode} and no count") from None


def find():
    """Returns the path of Chromium, after installing it if possible."""
    for attempt in range(2):
        for name in NAMES:
            if path := shutil.which(name):
                return path
        if attempt == 0 and shutil.which("apt-get") and os.geteuid() == 0:
            print("e2e: installing Chromium (once)", flush=True)
            install = ["apt-get", "install", "-y", "--no-install-recommends", "chromium", "fonts-dejavu-core"]
            subprocess.run(["apt-get", "update"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            subprocess.run(install, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return None


if __name__ == "__main__":  # against `make run`: python3 e2e/browser.py, with the variables of .local/env
    world = json.loads((HERE.parent.parent / ".local" / "demo.json").read_text())
    counted = walk(world["url"], os.environ["AWS_ENDPOINT_URL"], world["url"], world["workProviders"][0]["key"],
                   HERE.parent.parent / ".local" / "screenshots")
    print(json.dumps(counted, indent=2))
    sys.exit(1 if counted is None or counted["faults"] else 0)
