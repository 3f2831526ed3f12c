"""`make drill`: the local stack is exported, emptied, imported and computed anew, and then has to say the same as before.

Only for the stack that `make up` started. Its bucket and its secrets stay, as they would on AWS.
"""
import json
import os
import pathlib
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "local"))
from stack import BINARIES, OUTPUTS, STACK_NAME, Settings, environment, every, fail, http, read, say, timed, until  # noqa: E402

SETTINGS = Settings()
# Nothing of the user's own AWS set-up stays: what follows empties tables.
own = environment(SETTINGS)
os.environ.clear()
os.environ.update(own)
import boto3  # noqa: E402
import backup  # noqa: E402

LOCAL = read(OUTPUTS) or fail("No stack is running: `make up`.")
AT_WORK = ("running", "compensating")
RESULTS = ("matches", "suggestions", "unmatched", "excluded", "orders")
# Runs per tenant whose results are compared; of the others, their rows.
MAX_RUNS = 10


def getter(key):
    def get(path):
        status, body = http("GET", LOCAL["api_url"] + path, headers={"Authorization": f"Bearer {key}"}, timeout=60)
        if status != 200:
            fail(f"GET {path}: {status} {body}")
        return body

    return get


ADMIN = getter(LOCAL["admin_api_key"])


def timeless(value):
    """Without the moment up to which a read model has read: it is computed anew."""
    if isinstance(value, dict):
        return {name: timeless(part) for name, part in value.items() if name != "as_of"}
    return [timeless(part) for part in value] if isinstance(value, list) else value


def picture():
    """What the API shows, by the call that shows it. Circuits count calls of the last minutes: their items are compared."""
    seen = {f"{path} (platform)": every(ADMIN, path) for path in ("/admin/sagas", "/admin/api-keys", "/admin/dead-letter-queue")}
    for tenant in LOCAL["tenants"]:
        get, name = getter(tenant["api_key"]), tenant["tenant_id"]
        for path in ("/v1/jobs", "/v1/reconciliations", "/v1/error-hotspots", "/v1/usage"):
            seen[f"{path} ({name})"] = every(get, path)
        for run in seen[f"/v1/reconciliations ({name})"][:MAX_RUNS]:
            path = f"/v1/reconciliations/{run['reconciliation_id']}"
            seen[f"{path} ({name})"] = get(path)
            for part in RESULTS if run["status"] == "completed" else ():
                seen[f"{path}/{part} ({name})"] = every(get, f"{path}/{part}")
    return timeless(seen)


def heads():
    """Where each stream ends, but for the trail of what operators look at: the drill itself is in it."""
    return {item["s"]["S"]: backup.line(item) for item in backup.items(backup.tables(STACK_NAME)["StreamHeads"]) if "#audit#" not in item["s"]["S"]}


def empty(table):
    dynamodb = boto3.client("dynamodb")
    if dynamodb.meta.endpoint_url != SETTINGS.endpoint:
        fail(f"{dynamodb.meta.endpoint_url} is not the local stack: nothing was emptied")
    keys = [key["AttributeName"] for key in dynamodb.describe_table(TableName=table)["Table"]["KeySchema"]]
    for item in list(backup.items(table)):
        dynamodb.delete_item(TableName=table, Key={key: item[key] for key in keys})


def settler(*arguments):
    env = os.environ | {"SETTLER_API_URL": LOCAL["api_url"], "SETTLER_API_KEY": LOCAL["admin_api_key"]}
    env.pop("SETTLER_TENANT", None)
    done = subprocess.run([BINARIES / "settler", *arguments], env=env, check=False, capture_output=True, text=True)
    if done.returncode:
        fail(f"`settler {' '.join(arguments)}` ended with {done.returncode}:\n{done.stdout[-3000:]}{done.stderr[-2000:]}")
    # Verdicts are messages, and go to stderr.
    return (done.stdout.strip() or done.stderr.strip()).splitlines()[-1]


def main():
    def at_rest():
        return not any(every(ADMIN, f"/admin/sagas?status={status}") for status in AT_WORK)

    if not until(at_rest, 120, every=1):
        fail("Runs are at work: the drill wants a stack at rest.")
    say(settler("projections", "status"))
    with timed("look at everything"):
        before, ends = picture(), heads()
    with tempfile.TemporaryDirectory() as above:
        folder = pathlib.Path(above) / "backup"
        say("export")
        backup.export(STACK_NAME, folder)
        with timed("empty every table"):
            for table in backup.tables(STACK_NAME).values():
                empty(table)
        status, _ = http("GET", LOCAL["api_url"] + "/v1/jobs", headers={"Authorization": f"Bearer {LOCAL['tenants'][0]['api_key']}"})
        if status != 403:
            fail(f"an empty stack knows no key, but answered {status}")
        say("import")
        backup.load(STACK_NAME, folder)
        say("export again, before anybody writes")
        backup.export(STACK_NAME, folder.with_name("again"))
        if (folder / "manifest.json").read_text() != (folder.with_name("again") / "manifest.json").read_text():
            fail("what was imported is not what was exported")
    with timed("settler events rebuild-heads"):
        settler("events", "rebuild-heads", "--yes")
    with timed("settler projections rebuild"):
        settler("projections", "rebuild")
    say(settler("events", "verify"))
    say(settler("projections", "status"))
    with timed("look at everything"):
        after = picture()
    differ = [name for name in sorted(before.keys() | after.keys()) if before.get(name) != after.get(name)]
    for name in differ:
        say(f"  ✗ {name}\n    was {json.dumps(before.get(name))[:600]}\n    is  {json.dumps(after.get(name))[:600]}")
    now = heads()
    moved = [stream for stream in sorted(ends.keys() | now.keys()) if ends.get(stream) != now.get(stream)]
    if differ or moved:
        fail(f"{len(differ)} answers differ; heads that differ: {moved}")
    say(f"✓ {len(after)} answers and {len(ends)} heads are as they were")


if __name__ == "__main__":
    main()
