"""What every local command shares: where things are, the processes that were started, how to talk to the emulator.

All state is in .local: nothing is written anywhere else, so that removing that folder (and ending the recorded
processes) is all that `make down` has to do, and a second clone on other ports never meets this one.
"""
import contextlib
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
LOCAL = ROOT / ".local"
LOGS = LOCAL / "logs"
OUTPUTS = LOCAL / "outputs.json"
PROCESSES = LOCAL / "processes.json"
DEPLOYED = LOCAL / "deployed.json"
TARGET = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
BINARIES = TARGET / "local"
REGION = "us-east-1"
STACK_NAME = "settler"
TENANTS = ("tenant-a", "tenant-b")


def say(text):
    print(text, flush=True)


def fail(text):
    sys.exit(f"\n{text}")


@contextlib.contextmanager
def timed(what):
    """One progress line per phase, with how long it took."""
    print(f"  {what} …", end="", flush=True)
    began = time.monotonic()
    try:
        yield
    except BaseException:
        print(" failed", flush=True)
        raise
    print(f" {time.monotonic() - began:.1f} s", flush=True)


def read(path, default=None):
    try:
        return json.loads(path.read_text())
    except (FileNotFoundError, ValueError):
        return {} if default is None else default


def write(path, value):
    """Written beside and renamed: a reader never sees half a file, and only its owner can read it."""
    temporary = path.with_suffix(".new")
    temporary.touch(mode=0o600)
    temporary.chmod(0o600)
    temporary.write_text(json.dumps(value, indent=2) + "\n")
    temporary.replace(path)


class Settings:
    """Ports and switches: the environment first, then what the running stack was started with, then the defaults."""

    def __init__(self):
        recorded = read(PROCESSES).get("settings", {})
        self.recorded = recorded
        self.port = int(os.environ.get("SETTLER_PORT") or recorded.get("port") or 4566)
        default = recorded.get("sandbox_port") if recorded.get("port") == self.port else None
        self.sandbox_port = int(os.environ.get("SETTLER_SANDBOX_PORT") or default or self.port + 1)
        asked = os.environ.get("SETTLER_PERSIST")
        self.persist = asked == "1" if asked is not None else bool(recorded.get("persist"))
        self.endpoint = f"http://127.0.0.1:{self.port}"
        self.sandbox_url = f"http://127.0.0.1:{self.sandbox_port}"

    def record(self):
        return {"port": self.port, "sandbox_port": self.sandbox_port, "persist": self.persist}


def environment(settings):
    """The environment of every child: the emulator's endpoint and credentials, and nothing of the user's own AWS set-up."""
    env = {k: v for k, v in os.environ.items() if not k.startswith("AWS_")}
    tools = f"{pathlib.Path(sys.executable).parent}{os.pathsep}{env.get('PATH', '')}"
    return env | {
        "PATH": tools,
        "AWS_ENDPOINT_URL": settings.endpoint,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
        "SAM_CLI_TELEMETRY": "0",
        "__SAM_CLI_APP_DIR": str(LOCAL / "sam"),
        "SETTLER_PROFILE": "local",
    }


def client(service, settings):
    import boto3
    from botocore.config import Config

    return boto3.client(service, endpoint_url=settings.endpoint, region_name=REGION, aws_access_key_id="test",
                        aws_secret_access_key="test", config=Config(retries={"max_attempts": 2}, read_timeout=30))


def stack_outputs(settings):
    try:
        stack = client("cloudformation", settings).describe_stacks(StackName=STACK_NAME)["Stacks"][0]
    except Exception:  # noqa: BLE001 - no stack and no emulator are the same answer here
        return None
    if not stack["StackStatus"].endswith("_COMPLETE") or "ROLLBACK" in stack["StackStatus"]:
        return None
    return {o["OutputKey"]: o["OutputValue"] for o in stack.get("Outputs", [])}


def http(method, url, body=None, headers=None, timeout=30):
    """(status, parsed body or text); status 0 when nobody answers."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data=data, method=method, headers={"Content-Type": "application/json"} | (headers or {}))
    try:
        with urllib.request.urlopen(request, timeout=timeout) as answer:
            status, text = answer.status, answer.read().decode("utf-8", "replace")
    except urllib.error.HTTPError as error:
        status, text = error.code, error.read().decode("utf-8", "replace")
    except (OSError, ValueError):
        return 0, None
    try:
        return status, json.loads(text)
    except ValueError:
        return status, text


def every(get, path):
    """All items of a list of the API, page by page; `get` gives the page of a path."""
    items, cursor = [], None
    while True:
        more = f"&cursor={urllib.parse.quote(cursor, safe='')}" if cursor else ""
        page = get(f"{path}{'&' if '?' in path else '?'}limit=200{more}")
        items += page["items"]
        cursor = page["next_cursor"]
        if not cursor:
            return items


def until(condition, seconds, every=0.1):
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            return None
        time.sleep(every)


# Processes. A pid alone may have been given to someone else since; together with its start time it is ours.
def birth(pid):
    """None for a process that has ended. Linux tells the start in ticks; what `ps` derives from it may be off by a second."""
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        state, *fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
        return None if state == "Z" else fields[18]
    if pathlib.Path("/proc/self/stat").exists():
        return None
    done = subprocess.run(["ps", "-o", "lstart=,stat=", "-p", str(pid)], capture_output=True, text=True, check=False)
    started, _, state = done.stdout.strip().rpartition(" ")
    return None if not started or state.startswith("Z") else started.strip()


def running(name):
    entry = read(PROCESSES).get(name)
    return entry if entry and entry["birth"] and birth(entry["pid"]) == entry["birth"] else None


def spawn(name, command, env, settings, **kwargs):
    LOGS.mkdir(parents=True, exist_ok=True)
    with open(LOGS / f"{name}.log", "ab") as log:
        process = subprocess.Popen(command, env=env, stdin=subprocess.DEVNULL, stderr=log, start_new_session=True,
                                   cwd=ROOT, **({"stdout": log} | kwargs))
    write(PROCESSES, read(PROCESSES) | {name: {"pid": process.pid, "birth": birth(process.pid)}, "settings": settings.record()})
    return process


def end(name, patience=20):
    """Ask, wait, insist; then the rest of its own session (function processes), which it leads."""
    entry = running(name)
    if entry:
        pid = entry["pid"]
        os.kill(pid, signal.SIGTERM)
        with contextlib.suppress(ChildProcessError):
            until(lambda: os.waitpid(pid, os.WNOHANG)[0] or not birth(pid), patience)
        until(lambda: not birth(pid), patience)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(pid, signal.SIGKILL)
        until(lambda: not birth(pid), 5)
    left = read(PROCESSES)
    if left.pop(name, None):
        write(PROCESSES, left)
    return bool(entry)


def last_lines(name, count=15):
    try:
        return "\n".join((LOGS / f"{name}.log").read_text(errors="replace").splitlines()[-count:])
    except FileNotFoundError:
        return ""


def remove(path):
    shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)
