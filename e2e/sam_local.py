"""`make sam-local`: runs the functions locally with AWS SAM, each in a container like Lambda's, against the embedded services.

    1  sam build, as in the pipeline, for the processor of this machine
    2  the embedded DynamoDB, SQS and SES with demo data, and the queue consumers: `make run` with its own folder, .local/sam,
       in which the keys of events/ are valid
    3  a base image for the containers: Lambda's, with the URL of those services
    4  sam local start-api on http://127.0.0.1:3000 (PORT=... sets the port), until Ctrl-C

Meanwhile, any function can be invoked with any event in another terminal:

    .tools/e2e/bin/sam local invoke ShiftLogin -e events/shift-login.json

With --smoke it starts with new data, invokes every sample, compares the responses with events/README.md, sends a request to the
API of step 4, and stops. Without a Docker daemon, and if none can be started, it is skipped with a message.
"""
import contextlib
import io
import json
import os
import pathlib
import platform
import shutil
import signal
import socket
import socketserver
import subprocess
import sys
import tarfile
import tempfile
import threading
import time
import tomllib
import urllib.error
import urllib.request

import docker

import samples
from tests import Tests

ROOT = pathlib.Path(__file__).parent.parent
STATE = ROOT / ".local" / "sam"
SAM = ROOT / ".tools" / "e2e" / "bin" / "sam"
IMAGE = "workprovider-sam-local"
ARCHITECTURE = "x86_64" if platform.machine() in ("x86_64", "AMD64") else "arm64"
LAMBDA_IMAGE = f"public.ecr.aws/lambda/provided:al2023-{ARCHITECTURE}"


def main(smoke):
    with contextlib.ExitStack() as running:
        client = daemon(running, smoke)
        if client is None:
            return missing(smoke)
        prepare()
        say("building every function (sam build)")
        build()
        endpoint = running.enter_context(services(fresh=smoke))
        image(client, reachable(client, endpoint, running))
        port = os.environ.get("PORT", "3000")
        with start_api(port) as api:
            if smoke:
                return check(f"http://127.0.0.1:{port}")
            say("to invoke a function: .tools/e2e/bin/sam local invoke ShiftLogin -e events/shift-login.json"
                + ("" if ARCHITECTURE == "x86_64" else " --parameter-overrides Architecture=arm64"))
            say(f"the key of the samples: {sample_key()}")
            return api.wait()


def say(line):
    print(f"sam-local: {line}", flush=True)


# Docker


def daemon(running, smoke):
    """Returns a client of the running Docker daemon, or of one that it starts, or None."""
    if client := connect():
        return client
    if not smoke or platform.system() != "Linux" or os.geteuid() != 0:
        return None
    if not shutil.which("dockerd") and shutil.which("apt-get"):
        say("installing Docker (once)")
        quiet("apt-get", "update")
        quiet("apt-get", "install", "-y", "--no-install-recommends", "docker.io", "iptables", "busybox-static")
    if not shutil.which("dockerd"):
        return None
    # Images are kept with the tools. Sockets need a short path: at most 108 bytes.
    images = (ROOT / ".tools" / "docker").resolve()
    images.mkdir(parents=True, exist_ok=True)
    folder = running.enter_context(tempfile.TemporaryDirectory(prefix="sam-local-", ignore_cleanup_errors=True))
    os.environ["DOCKER_HOST"] = f"unix://{folder}/docker.sock"
    with open(images / "log", "w") as log:
        process = subprocess.Popen(
            ["dockerd", "--data-root", images / "data", "--exec-root", f"{folder}/exec", "--pidfile", f"{folder}/pid",
             "--host", os.environ["DOCKER_HOST"]],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
        )
    running.callback(stop, process)
    for _ in range(100):
        if client := connect():
            return client
        if process.poll() is not None:
            return None
        time.sleep(0.2)
    return None


def connect():
    with contextlib.suppress(docker.errors.DockerException):
        client = docker.from_env()
        client.ping()
        return client
    return None


def missing(smoke):
    if not smoke:
        sys.exit("sam-local: no Docker daemon is running: start it and try again.")
    print("=" * 100)
    say("SKIPPED: no Docker daemon is running and none can be started. SAM was not tested locally.")
    print("=" * 100)
    print("0 passed, 0 failed, 1 skipped")
    return 0


def image(client, endpoint):
    """Builds the base image of the functions. SAM passes to a container only variables that the template declares, and ours
    declares none for an emulator, so the URL of the services is part of the image."""
    variable = f"ENV AWS_ENDPOINT_URL={endpoint}"
    try:
        if not client.images.list(name=LAMBDA_IMAGE):
            say(f"fetching {LAMBDA_IMAGE} (once)")
            client.images.pull(LAMBDA_IMAGE)
        client.images.build(fileobj=io.BytesIO(f"FROM {LAMBDA_IMAGE}\n{variable}\n".encode()), tag=IMAGE)
    except docker.errors.DockerException:
        say("cannot fetch Lambda's image (is there a network?): using a minimal one instead")
        settings = [variable, "ENV PATH=/usr/local/bin:/usr/bin:/bin:/opt/bin", "ENV LAMBDA_TASK_ROOT=/var/task",
                    "ENV LAMBDA_RUNTIME_DIR=/var/runtime", "WORKDIR /var/task"]
        client.api.import_image_from_data(minimal_image(), repository=IMAGE, tag="latest", changes=settings)
    # SAM keeps images that it built from an earlier image of this name, with an outdated URL.
    for old in client.images.list(name=IMAGE):
        for tag in old.tags:
            if not tag.endswith(":latest"):
                client.images.remove(tag, force=True)


def minimal_image():
    """Returns a minimal root file system for static binaries and for SAM: a shell, a few tools and folders."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for folder in ("bin", "tmp", "etc", "var/task", "var/runtime", "var/rapid", "opt", "root"):
            entry = tarfile.TarInfo(folder)
            entry.type, entry.mode = tarfile.DIRTYPE, 0o1777 if folder == "tmp" else 0o755
            tar.addfile(entry)
        tar.add(shutil.which("busybox"), "bin/busybox")
        for tool in ("sh", "mv", "cp", "chmod", "mkdir", "rm"):
            entry = tarfile.TarInfo(f"bin/{tool}")
            entry.type, entry.linkname = tarfile.SYMTYPE, "busybox"
            tar.addfile(entry)
        for name, text in (("passwd", "root:x:0:0:root:/root:/bin/sh\n"), ("nsswitch.conf", "hosts: files dns\n")):
            entry = tarfile.TarInfo(f"etc/{name}")
            entry.size = len(text)
            tar.addfile(entry, io.BytesIO(text.encode()))
    return buffer.getvalue()


# The services


def prepare():
    """Writes the API key and the event ID keys of the samples, so that their responses are reproducible."""
    STATE.mkdir(parents=True, exist_ok=True)
    with open(ROOT / "samconfig.toml", "rb") as file:
        parameters = tomllib.load(file)["local"]["deploy"]["parameters"]["parameter_overrides"]
    (STATE / "event-id-keys").write_text(dict(p.split("=", 1) for p in parameters)["EventIdKeys"])
    if not (STATE / "demo.json").exists():
        shutil.copy(ROOT / "e2e" / "world.json", STATE / "demo.json")


def sample_key():
    return json.loads((ROOT / "e2e" / "world.json").read_text())["workProviders"][0]["key"]


def build():
    run("go", "build", "-o", "bin/local", "./cmd/local")
    run("bash", "-c", '. scripts/goflags && exec "$0" "$@"', SAM, "build",
        "--parameter-overrides", f"Architecture={ARCHITECTURE}")


@contextlib.contextmanager
def services(fresh):
    """Runs `make run` on a free port with its own folder, and writes its variables to a file for SAM."""
    if fresh:
        shutil.rmtree(STATE / "state", ignore_errors=True)
    port = os.environ.get("PORT", "3000")
    with open(STATE / "log", "w") as log:
        process = subprocess.Popen([ROOT / "bin" / "local"], cwd=ROOT, stdout=log, stderr=log, stdin=subprocess.DEVNULL,
                                   start_new_session=True, env=os.environ | {"STATE": str(STATE.relative_to(ROOT)), "PORT": "0"})
    try:
        deadline = time.monotonic() + 120
        while "ready: " not in (STATE / "log").read_text():
            if process.poll() is not None or time.monotonic() > deadline:
                sys.exit(f"sam-local: the services did not start: see {(STATE / 'log').relative_to(ROOT)}")
            time.sleep(0.2)
        lines = (STATE / "env").read_text().splitlines()
        variables = {name: value.strip("'") for name, _, value in (line.partition("=") for line in lines)}
        variables["SITE_URL"] = f"http://127.0.0.1:{port}"
        (STATE / "variables.json").write_text(json.dumps({"Parameters": variables}, indent=2))
        yield variables["AWS_ENDPOINT_URL"]
    finally:
        stop(process)


def reachable(client, endpoint, running):
    """Returns the URL of the services for containers. Docker Desktop maps host.docker.internal to the loopback interface; on Linux
    a relay forwards connections from the bridge's address to it."""
    port = int(endpoint.rsplit(":", 1)[1])
    if platform.system() != "Linux":
        return f"http://host.docker.internal:{port}"
    bridge = client.networks.get("bridge").attrs
    gateway = bridge["IPAM"]["Config"][0].get("Gateway") or address_of(bridge["Options"]["com.docker.network.bridge.name"])
    relay = running.enter_context(Relay((gateway, 0), Connection))
    relay.to = ("127.0.0.1", port)
    threading.Thread(target=relay.serve_forever, daemon=True).start()
    running.callback(relay.shutdown)
    return f"http://{gateway}:{relay.server_address[1]}"


def address_of(interface):
    shown = json.loads(run("ip", "-json", "-4", "address", "show", interface))
    return shown[0]["addr_info"][0]["local"]


class Relay(socketserver.ThreadingTCPServer):
    """Forwards connections to another address."""
    daemon_threads = True


class Connection(socketserver.BaseRequestHandler):
    def handle(self):
        with socket.create_connection(self.server.to) as other:
            back = threading.Thread(target=self.copy, args=(other, self.request))
            back.start()
            self.copy(self.request, other)
            back.join()

    @staticmethod
    def copy(source, target):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                target.sendall(data)
        with contextlib.suppress(OSError):
            target.shutdown(socket.SHUT_WR)


# SAM


@contextlib.contextmanager
def start_api(port):
    process = subprocess.Popen([SAM, "local", "start-api", "--port", port, *architecture()], cwd=ROOT,
                               env=environment(), start_new_session=True)
    try:
        deadline = time.monotonic() + 120
        while (status := ask(f"http://127.0.0.1:{port}/v1/user/status/", None)[0]) != 401:
            if process.poll() is not None or time.monotonic() > deadline:
                sys.exit(f"sam-local: unexpected response of sam local start-api ({status})")
            time.sleep(1)
        say(f"the API is at http://127.0.0.1:{port}")
        yield process
    finally:
        stop(process, signal.SIGINT)


def invoke(name):
    output = run(SAM, "local", "invoke", samples.logical_id(name), "-e", samples.path(name), *architecture())
    return json.loads(output.strip().splitlines()[-1])


def architecture():
    return [] if ARCHITECTURE == "x86_64" else ["--parameter-overrides", "Architecture=arm64"]


def check(url):
    tests = Tests()
    for name, shown in samples.samples():
        tests.run(name, lambda: samples.check(shown, samples.as_shown(invoke(name))))
    status = "/v1/user/status/?workProviderUserId=12345"
    shown = dict(samples.samples())["user-status"]
    tests.run(f"start-api: GET {status}", lambda: samples.check(shown, "{} `{}`".format(*ask(url + status, sample_key()))))
    return tests.report()


def ask(url, key):
    request = urllib.request.Request(url, headers={"Authorization": key} if key else {})
    try:
        with urllib.request.urlopen(request, timeout=60) as response:
            return response.status, response.read().decode()
    except urllib.error.HTTPError as problem:
        return problem.code, problem.read().decode()
    except OSError:
        return 0, ""


# Helpers


def environment():
    # No telemetry, no timeout for an account that is not needed, and no credentials of the user.
    return os.environ | {
        "SAM_CLI_TELEMETRY": "0", "AWS_ENDPOINT_URL_STS": "http://127.0.0.1:9", "AWS_MAX_ATTEMPTS": "1",
        "AWS_REGION": "eu-west-2", "AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local",
    }


def run(*command):
    result = subprocess.run(command, cwd=ROOT, env=environment(), capture_output=True, text=True)
    if result.returncode:
        sys.exit(f"sam-local: {pathlib.Path(command[0]).name} failed:\n{result.stdout}{result.stderr}")
    return result.stdout


def quiet(*command):
    subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                   env=os.environ | {"DEBIAN_FRONTEND": "noninteractive"})


def stop(process, by=signal.SIGTERM):
    process.send_signal(by)
    try:
        process.wait(30)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # stops everything
    try:
        sys.exit(main(smoke="--smoke" in sys.argv[1:]))
    except KeyboardInterrupt:
        say("stopped")
