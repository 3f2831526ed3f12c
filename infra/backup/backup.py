"""Copies what cannot be computed out of a stack into a folder, and back into an empty stack.

`backup.py export --stack settler-prod --folder backup` and `backup.py import --stack settler-prod --folder backup`, with the
account's credentials from the environment. A table is one file of DynamoDB JSON lines, gzipped, as DynamoDB's own export
writes them; `manifest.json` has the count and the SHA-256 of each, which the import checks before it writes anything.

What follows from the log is left out: heads come back by `settler events rebuild-heads`, read models by `settler
projections rebuild`. Credentials are in Secrets Manager and files in the bucket: they are not touched.
"""
import argparse
import base64
import gzip
import hashlib
import json
import pathlib
import sys
import time

import boto3

# By the template's names.
KEPT = {
    "EventStore": "the truth",
    "CommandLog": "first answers, so that a repeated command changes nothing after the import either",
    "ApiKeys": "hashes of keys",
    "Exceptions": "result pages, written by runs",
    "OrderResults": "result pages, written by runs",
    "WebhookDeliveries": "what was sent to whom",
    "DeadLetterQueue": "what nobody could handle",
    "CircuitBreakers": "circuits that an operator has forced",
    "Consumption": "what runs cost",
    "TaskTokens": "how a run that is on hold is woken up",
}
COMPUTED = {
    "StreamHeads": "settler events rebuild-heads",
    "Snapshots": "written again when they are missed",
    "Projections": "settler projections rebuild",
    "ProjectionCheckpoints": "settler projections rebuild",
    "ReconciliationSummary": "settler projections rebuild",
    "SagaState": "settler projections rebuild",
    "Jobs": "settler projections rebuild",
    "TenantUsageView": "settler projections rebuild",
    "ErrorHotspotsView": "settler projections rebuild",
}
BATCH = 25
MAX_TRIES = 8


def tables(stack):
    """Physical names by the template's. A table that the template has and this file does not name is an error."""
    pages = boto3.client("cloudformation").get_paginator("list_stack_resources").paginate(StackName=stack)
    found = {r["LogicalResourceId"]: r["PhysicalResourceId"] for page in pages for r in page["StackResourceSummaries"] if r["ResourceType"] == "AWS::DynamoDB::Table"}
    if set(found) != set(KEPT) | set(COMPUTED):
        sys.exit(f"this file and the stack do not know the same tables: {sorted(set(found) ^ (set(KEPT) | set(COMPUTED)))}")
    return found


def items(table):
    for page in boto3.client("dynamodb").get_paginator("scan").paginate(TableName=table, ConsistentRead=True):
        yield from page["Items"]


def line(item):
    return json.dumps({"Item": item}, sort_keys=True, separators=(",", ":"), default=lambda raw: base64.b64encode(raw).decode())


def value(attribute):
    """An attribute as the SDK takes it: bytes are text in a file."""
    (kind, content), = attribute.items()
    if kind == "B":
        return {kind: base64.b64decode(content)}
    if kind == "BS":
        return {kind: [base64.b64decode(part) for part in content]}
    if kind == "M":
        return {kind: {name: value(part) for name, part in content.items()}}
    if kind == "L":
        return {kind: [value(part) for part in content]}
    return attribute


def export(stack, folder):
    folder.mkdir(parents=True, mode=0o700)
    manifest = {}
    for name, table in tables(stack).items():
        if name not in KEPT:
            continue
        # Sorted, so that two exports of the same content are the same bytes.
        lines = sorted(line(item) for item in items(table))
        text = "".join(f"{one}\n" for one in lines).encode()
        (folder / f"{name}.json.gz").write_bytes(gzip.compress(text, mtime=0))
        manifest[name] = {"items": len(lines), "sha256": hashlib.sha256(text).hexdigest()}
        print(f"  {name}: {len(lines)} items", flush=True)
    (folder / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n")


def put(table, batch):
    dynamodb, waiting = boto3.client("dynamodb"), {table: [{"PutRequest": {"Item": item}} for item in batch]}
    for tries in range(MAX_TRIES):
        # What a table did not take yet, it takes later.
        time.sleep(0.1 * 2**tries if tries else 0)
        waiting = dynamodb.batch_write_item(RequestItems=waiting).get("UnprocessedItems") or {}
        if not waiting:
            return
    sys.exit(f"{table} does not take all items: wait, empty it, and import again")


def load(stack, folder):
    manifest, found = json.loads((folder / "manifest.json").read_text()), tables(stack)
    content = {}
    for name, told in manifest.items():
        text = gzip.decompress((folder / f"{name}.json.gz").read_bytes())
        if hashlib.sha256(text).hexdigest() != told["sha256"]:
            sys.exit(f"{name}.json.gz is not what was exported: its SHA-256 differs from the manifest's")
        content[name] = [{key: value(part) for key, part in json.loads(one)["Item"].items()} for one in text.decode().splitlines()]
    if missing := set(KEPT) - set(content):
        sys.exit(f"the export lacks {sorted(missing)}")
    full = [name for name in ("EventStore", "StreamHeads") if next(items(found[name]), None)]
    if full:
        sys.exit(f"{' and '.join(full)} of {stack} are not empty: an import never mixes two histories")
    # The log comes last: until it is there, nothing looks restored.
    for name in sorted(content, key=lambda name: name == "EventStore"):
        for at in range(0, len(content[name]), BATCH):
            put(found[name], content[name][at:at + BATCH])
        print(f"  {name}: {len(content[name])} items", flush=True)


def main():
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("what", choices=("export", "import"))
    asked.add_argument("--stack", required=True)
    asked.add_argument("--folder", required=True, type=pathlib.Path)
    options = asked.parse_args()
    if options.what == "export" and options.folder.exists():
        sys.exit(f"{options.folder} is there already")
    (export if options.what == "export" else load)(options.stack, options.folder)


if __name__ == "__main__":
    main()
