"""`make up`: build, start the emulator and the sandbox, deploy, seed keys, wait until everything answers.

May be called again at any time: it starts what is not running and deploys only what has changed.
"""
import fcntl
import hashlib
import os
import re
import subprocess
import sys

import seed_keys
from stack import (BINARIES, DEPLOYED, LOCAL, LOGS, OUTPUTS, REGION, ROOT, STACK_NAME, TENANTS, Settings, client, end, environment,
                   fail, http, last_lines, read, remove, running, say, spawn, stack_outputs, timed, until, write)

HEALTH_SECONDS = 60


def build():
    """One cargo invocation for functions, sandbox and command line. SETTLER_BUILD=0 deploys what was built before.

    --examples builds nothing more (there are none) but makes cargo unify features with those of the tests:
    without it, `cargo nextest` would compile tokio, and all that stands on it, a second time.
    """
    if os.environ.get("SETTLER_BUILD") == "0":
        return
    with timed("cargo build"):
        done = subprocess.run(["cargo", "build", "--profile", "local", "--workspace", "--bins", "--examples", "--quiet"], cwd=ROOT, check=False)
    if done.returncode:
        fail("The workspace does not compile.")


def emulator(settings, env):
    if running("ministack"):
        if settings.recorded.get("port") != settings.port:
            fail(f"This folder's stack already runs on port {settings.recorded['port']}: `make down` first.")
        if settings.recorded.get("persist", False) == settings.persist:
            return
        fail("This stack runs with another SETTLER_PERSIST: `make down` first.")
    if http("GET", f"{settings.endpoint}/_ministack/health", timeout=2)[0]:
        fail(f"Port {settings.port} is taken by something that this folder did not start. Choose another with SETTLER_PORT.")
    if not settings.persist:
        remove(LOCAL / "state"), remove(LOCAL / "s3"), remove(DEPLOYED)
    remove(LOCAL / "tmp")
    (LOCAL / "tmp").mkdir(parents=True)
    env = env | {
        "GATEWAY_PORT": str(settings.port),
        "BIND_HOST": "127.0.0.1",
        "AUTH": "true",                     # the functions' roles are enforced
        "MINISTACK_REGION": REGION,
        "LAMBDA_EXECUTOR": "local",
        "IOT_MTLS_ENABLED": "0",            # listeners on fixed ports, which a second stack could not have
        "SFTP_ENABLED": "0",
        "TMPDIR": str(LOCAL / "tmp"),
        "S3_DATA_DIR": str(LOCAL / "s3"),
        "STATE_DIR": str(LOCAL / "state"),
        "LOG_LEVEL": os.environ.get("SETTLER_EMULATOR_LOG", "WARNING"),
    }
    if settings.persist:
        env |= {"PERSIST_STATE": "1", "S3_PERSIST": "1"}
    with timed(f"emulator on {settings.endpoint}"):
        process = spawn("ministack", [sys.executable, "-m", "ministack"], env, settings)
        healthy = until(lambda: process.poll() is not None or http("GET", f"{settings.endpoint}/_ministack/health", timeout=2)[0] == 200, 60)
    if not healthy or process.poll() is not None:
        fail(f"The emulator did not start:\n{last_lines('ministack')}")


def sandbox(settings, env):
    """The provider server. It prints its address as one line of JSON; when its binary changed it is started anew."""
    binary = BINARIES / "settler-sandbox"
    digest = sha256(binary)
    state = read(LOCAL / "sandbox.json")
    if running("sandbox") and state.get("binary") == digest:
        return state["url"]
    end("sandbox")
    with timed(f"sandbox on {settings.sandbox_url}"):
        process = spawn("sandbox", [str(binary), "--port", str(settings.sandbox_port)], env, settings, stdout=subprocess.PIPE)
        line = process.stdout.readline().decode("utf-8", "replace")
    if not line.strip():
        if process.wait(10) == 0:
            say("  the sandbox has nothing to serve yet: going on without it")
            return settings.sandbox_url
        fail(f"The sandbox did not start:\n{last_lines('sandbox')}")
    found = re.search(r"https?://[^\s\"',}]+", line)
    url = found.group(0).rstrip("/") if found else settings.sandbox_url
    write(LOCAL / "sandbox.json", {"binary": digest, "url": url})
    return url


def sha256(path):
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()


def functions():
    """Logical ids of the template's functions: the names of their folders in PascalCase."""
    text = (ROOT / "template.yaml").read_text()
    names = re.findall(r"^  (\w+):\n    Type: AWS::Serverless::Function", text, re.MULTILINE)
    return {name: re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", name).lower() for name in names}


def parameters(settings, sandbox_url):
    machine = os.uname().machine
    return {
        "Architecture": "arm64" if machine in ("aarch64", "arm64") else "x86_64",
        "DataRetention": "Delete",
        "StateMachineVersions": "false",
        "RequireTls": "false",
        "ShopifyBaseUrl": f"{sandbox_url}/shopify/{{shop}}",
        "StripeBaseUrl": f"{sandbox_url}/stripe",
        "WebhookAllowedOrigins": sandbox_url,
        "ScheduleGroupInPolicies": "default",
        "WebhookRetrySeconds": "1,1,2,2,3,3,3,3,3",
        "BreakerOpenSeconds": "5",          # an outage in a test need not last for minutes
        "LogLevel": os.environ.get("SETTLER_LOG", "info"),
        "ThrottlingRateLimit": "10000",
        "ThrottlingBurstLimit": "10000",
    }


def deploy(settings, env, overrides):
    fingerprint = {
        "emulator": read(LOCAL / "processes.json")["ministack"] if not settings.persist else "kept",
        "parameters": overrides,
        "files": {f: sha256(ROOT / f) for f in ("template.yaml", "samconfig.toml", "infra/build/Makefile", "infra/statemachines/reconciliation.asl.json")},
        "functions": {name: sha256(BINARIES / folder) for name, folder in functions().items()},
    }
    outputs = stack_outputs(settings)
    if outputs and read(DEPLOYED) == fingerprint:
        say("  nothing to deploy")
        return outputs
    remove(DEPLOYED)
    built = LOCAL / "sam-build"
    run(["sam", "build", "--config-env", "local", "--build-dir", str(built), "--parameter-overrides", *pairs(overrides)], env, "sam build")
    run(["sam", "deploy", "--config-file", str(ROOT / "samconfig.toml"), "--config-env", "local", "--template-file", str(built / "template.yaml"), "--parameter-overrides", *pairs(overrides)], env, "sam deploy")
    outputs = stack_outputs(settings)
    if not outputs:
        fail(f"The deployment did not end well: see {LOGS / 'sam-deploy.log'}")
    write(DEPLOYED, fingerprint)
    return outputs


def pairs(overrides):
    return [f"{key}={value}" for key, value in overrides.items()]


def run(command, env, what):
    log = LOGS / f"{what.replace(' ', '-')}.log"
    with timed(what), open(log, "wb") as file:
        done = subprocess.run(command, cwd=ROOT, env=env, stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT, check=False)
    if done.returncode:
        fail(f"`{' '.join(command[:2])}` failed:\n" + "\n".join(log.read_text(errors="replace").splitlines()[-40:]))


def main():
    LOCAL.mkdir(mode=0o700, exist_ok=True)
    LOGS.mkdir(exist_ok=True)
    with open(LOCAL / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        settings = Settings()
        env = environment(settings)
        say("Settler, local stack")
        build()
        emulator(settings, env)
        sandbox_url = sandbox(settings, env)
        made = deploy(settings, env, parameters(settings, sandbox_url))
        api_url = f"{settings.endpoint}/_aws/execute-api/{made['HttpApiId']}/$default"
        before = read(OUTPUTS)
        with timed("API keys"):
            keys = seed_keys.seed(client("dynamodb", settings), made["ApiKeysTable"], known_keys(before))
        write(OUTPUTS, {
            "api_url": api_url,
            "admin_api_key": keys[None],
            "tenants": [{"tenant_id": t, "api_key": keys[t]} for t in TENANTS],
            "aws_endpoint_url": settings.endpoint,
            "region": REGION,
            "stack_name": STACK_NAME,
            "sandbox_url": sandbox_url,
            "saga_state_machine_arn": made["StateMachineArn"],
        })
        with timed("first answer of the API"):
            status = until(lambda: http("GET", f"{api_url}/healthz", timeout=10)[0] == 200, HEALTH_SECONDS, every=0.3)
        if not status:
            fail(f"{api_url}/healthz does not answer 200. Logs: {LOGS}, `make logs`.")
        say(f"\n  API      {api_url}\n  sandbox  {sandbox_url}\n  keys     {OUTPUTS.relative_to(ROOT)}\n  end it   make down")


def known_keys(outputs):
    known = {t["tenant_id"]: t["api_key"] for t in outputs.get("tenants", [])}
    if outputs.get("admin_api_key"):
        known[None] = outputs["admin_api_key"]
    return {tenant: known.get(tenant) for tenant in (None, *TENANTS)}


if __name__ == "__main__":
    main()
