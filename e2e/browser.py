"""Chromium for the tests: a courier's way through the deployed pages in `make e2e` (browser/walk.mjs), and a look at every
page of the documentation site in `make guides` (browser/site.mjs).

It needs Node 20 with npm, and a Chromium; where the machine is Debian or Ubuntu and we are root, the latter is installed.
Without them it is left out, and says so.
"""
import json
import os
import pathlib
import shutil
import subprocess
import sys

HERE = pathlib.Path(__file__).parent / "browser"
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def walk(base, mails, site_url, key, pictures):
    """Walks as a courier; returns what was counted, or None if there is no browser to walk in."""
    return run("walk.mjs", pictures, {"BASE": base, "MAILS": mails, "SITE_URL": site_url, "KEY": key})


def look(site, pictures):
    """Looks at the documentation site at an address; returns as walk does."""
    return run("site.mjs", pictures, {"SITE": site})


def run(script, pictures, variables):
    chromium = find()
    if chromium is None or shutil.which("npm") is None:
        lacking = "npm" if chromium else "Chromium"
        print(f"e2e: THE BROWSER IS LEFT OUT: there is no {lacking} here", flush=True)
        return None
    shutil.rmtree(pictures, ignore_errors=True)
    subprocess.run(["npm", "ci", "--silent", "--no-fund", "--no-audit"], cwd=HERE, check=True)
    result = subprocess.run(
        ["node", HERE / script],
        env=os.environ | variables | {"CHROMIUM": chromium, "PICTURES": str(pictures)},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        return json.loads(result.stdout.splitlines()[-1])
    except (IndexError, ValueError):
        raise RuntimeError(f"{script} ended with status {result.returncode} and no count") from None


def find():
    """The path of a Chromium, installed first where that is possible."""
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


if __name__ == "__main__":  # against `make run`: python3 e2e/browser.py, with its variables from .local/env
    world = json.loads((HERE.parent.parent / ".local" / "demo.json").read_text())
    counted = walk(world["url"], os.environ["AWS_ENDPOINT_URL"], world["url"], world["workProviders"][0]["key"],
                   HERE.parent.parent / ".local" / "screenshots")
    print(json.dumps(counted, indent=2))
    sys.exit(1 if counted is None or counted["faults"] else 0)
