"""`make demo`: a shop of 500 orders, reconciled by the real command line, then compared with the sandbox's truth.

Exit 0 only if nothing was matched wrongly, nearly everything that could be matched was, and every record of the
range is in exactly one class.
"""
import json
import os
import pathlib
import subprocess
import sys
import time
import uuid
from collections import defaultdict

from stack import BINARIES, LOCAL, OUTPUTS, every, fail, http, read, say

PRESET, ORDERS, SEED = "typical", 500, 7
START, END = "2026-01-01", "2026-01-31"
COVERAGE = 0.97
WAIT_SECONDS = 300
EXCEPTIONS_SHOWN = 8


class Demo:
    def __init__(self):
        self.outputs = read(OUTPUTS) or fail("No stack is running: `make up`.")
        self.key = self.outputs["tenants"][0]["api_key"]
        self.env = os.environ | {"SETTLER_API_URL": self.outputs["api_url"], "SETTLER_API_KEY": self.key}
        self.env.pop("SETTLER_TENANT", None)
        self.failures = []

    def cli(self, *arguments, key=None, tenant=None):
        """The command as a user would type it; its table goes to the screen."""
        say(f"\n$ settler {' '.join(arguments)}")
        env = self.env | ({"SETTLER_API_KEY": key} if key else {}) | ({"SETTLER_TENANT": tenant} if tenant else {})
        done = subprocess.run([BINARIES / "settler", *arguments], env=env, check=False)
        if done.returncode:
            fail(f"`settler {' '.join(arguments[:2])}` ended with {done.returncode}. Logs: make logs")

    def get(self, path):
        status, body = http("GET", self.outputs["api_url"] + path, headers={"Authorization": f"Bearer {self.key}"}, timeout=60)
        if status != 200:
            fail(f"GET {path}: {status} {body}")
        return body

    def check(self, holds, text):
        say(f"  {'✓' if holds else '✗'} {text}")
        if not holds:
            self.failures.append(text)

    def sandbox(self, method, path, body=None):
        status, answer = http(method, self.outputs["sandbox_url"] + path, body, timeout=120)
        if status not in (200, 201):
            fail(f"The sandbox answered {status} to {method} {path}: {answer}")
        return answer

    def connection(self, name, adapter, credentials):
        path = pathlib.Path(LOCAL) / f"{name}.json"
        path.touch(mode=0o600)
        try:
            path.write_text(json.dumps(credentials))
            self.cli("connection", "put", name, "--adapter", adapter, "--credentials-file", str(path.relative_to(pathlib.Path.cwd())))
        finally:
            path.unlink()

    def run(self):
        tag = uuid.uuid4().hex[:8]
        say(f"A shop with {ORDERS} orders ({PRESET}) from {START} to {END}")
        data = self.sandbox("POST", "/_control/datasets", {"shop": f"demo-{tag}", "preset": PRESET, "orders": ORDERS, "seed": SEED, "start": START, "end": END})
        made = data["counts"]
        say("  " + ", ".join(f"{made[what]} {what.replace('_', ' ')}" for what in ("orders", "order_transactions", "charges", "refunds", "pairs")))
        self.connection(f"shopify-{tag}", "shopify", {"shop": data["shop"], "access_token": data["access_token"]})
        self.connection(f"stripe-{tag}", "stripe", {"api_key": data["stripe_api_key"]})
        job, run_id = f"january-{tag}", f"demo-{tag}"
        self.cli("job", "create", "--id", job, "--name", "January", "--source-connection", f"shopify-{tag}", "--target-connection", f"stripe-{tag}")
        began = time.monotonic()
        self.cli("reconciliation", "start", "--job", job, "--from", START, "--to", END, "--id", run_id, "--wait", "--timeout", str(WAIT_SECONDS))
        took = time.monotonic() - began
        self.cli("reconciliation", "unmatched", run_id, "--limit", str(EXCEPTIONS_SHOWN))
        self.cli("reconciliation", "orders", run_id, "--state", "unpaid", "--limit", str(EXCEPTIONS_SHOWN))
        self.cli("saga", "status", run_id, key=self.outputs["admin_api_key"], tenant=self.outputs["tenants"][0]["tenant_id"])
        say(f"\nCompared with the sandbox's truth (the run took {took:.1f} s)")
        self.compare(run_id, self.sandbox("GET", f"/_control/datasets/{data['shop']}/truth"))
        command = os.path.relpath(BINARIES / "settler")
        say(f"""
Where to look next
  settler reconciliation matches {run_id}          what belongs together, by which rule, with which difference
  settler reconciliation suggestions {run_id}      what needs a person
  settler reconciliation report {run_id} --format csv
  settler saga status {run_id}                     the steps (with the admin key)
  `settler` is {command}, keys and addresses are in .local/outputs.json; logs: make logs; end it: make down""")
        return not self.failures

    def compare(self, run_id, truth):
        base = f"/v1/reconciliations/{run_id}"
        summary = self.get(base)
        matches = every(self.get, f"{base}/matches")
        suggestions, unmatched, excluded = (every(self.get, f"{base}/{part}") for part in ("suggestions", "unmatched", "excluded"))
        self.check(summary["status"] == "completed", f"completed: {summary['matched_count']} of {summary['total_source_records']} source records matched")
        wrong, covered = judge(matches, truth)
        pairs = max(1, len(truth["pairs"]))
        self.check(not wrong, f"{len(matches)} matches, none wrong" if not wrong else f"{len(wrong)} wrong matches: {wrong[:3]}")
        self.check(covered / pairs >= COVERAGE, f"{covered / pairs:.1%} of the true pairs found (at least {COVERAGE:.0%})")
        classes = defaultdict(list)
        for name, items in (("matched", matches), ("suggested", suggestions)):
            for item in items:
                for record in {*item["source_ids"], *item["target_ids"]}:
                    classes[record].append(name)
        # A record may stand in several suggestions: that is still one class.
        classes = defaultdict(list, {record: sorted(set(names)) if set(names) == {"suggested"} else names for record, names in classes.items()})
        # A discrepancy is matched; among the exceptions it stands to be looked at.
        unmatched = [item for item in unmatched if item["class"] != "discrepancy"]
        for name, items in (("unmatched", unmatched), ("excluded", excluded)):
            for item in items:
                classes[item["record_id"]].append(name)
        outside = set(truth.get("outside", []))
        expected = {r for pair in truth["pairs"] for r in pair} | set(truth["source_only"]) | set(truth["target_only"]) | set(truth["excluded"])
        bad = {r: classes.get(r, []) for r in expected - outside if len(classes.get(r, [])) != 1}
        unknown = set(classes) - expected - outside
        self.check(not bad and not unknown, f"all {len(expected - outside)} records of the range are in exactly one class" if not bad and not unknown
                   else f"{len(bad)} records not in exactly one class {list(bad.items())[:3]}, {len(unknown)} unknown {list(unknown)[:3]}")
        astray = [r for r in truth["excluded"] if r not in outside and classes[r] != ["excluded"]]
        self.check(not astray, "what does not count (tests, failures, other gateways) is excluded" if not astray else f"not excluded: {astray[:3]}")
        for total in summary["totals"]:
            for side in ("source", "target"):
                t = total[side]
                parts = t["matched_minor"] + t["suggested_minor"] + t["unmatched_minor"]
                self.check(parts == t["in_scope_minor"], f"{total['currency']} {side}: matched + suggested + unmatched = in scope = {t['in_scope_minor']} minor units")


def judge(matches, truth):
    """(wrong matches, true pairs found). A pair or group must be exactly one component of the truth; a set must lie
    inside records that the truth calls interchangeable, as many sources as targets; no record may be used twice."""
    targets, sources = defaultdict(set), defaultdict(set)
    for a, b in truth["pairs"]:
        targets[a].add(b)
        sources[b].add(a)
    interchangeable = [(set(a), set(b)) for a, b in truth.get("interchangeable", [])]
    used, wrong, covered = set(), [], 0
    for match in matches:
        s, t = set(match["source_ids"]), set(match["target_ids"])
        again = used & (s | t)
        used |= s | t
        if match["kind"] == "set":
            right = len(s) == len(t) > 0 and any(s <= a and t <= b for a, b in interchangeable)
            covered += len(s) if right else 0
        else:
            component, todo = set(), set(list(s)[:1])
            while todo:
                a = todo.pop()
                component.add(a)
                todo |= {x for b in targets[a] for x in sources[b]} - component
            right = bool(s) and s == component and t == {b for a in component for b in targets[a]}
            covered += sum(len(targets[a] & t) for a in s) if right else 0
        if again or not right:
            wrong.append({"source_ids": sorted(s), "target_ids": sorted(t), "rule": match.get("rule"), "again": sorted(again)})
    return wrong, covered


if __name__ == "__main__":
    good = Demo().run()
    say("\nThe result equals the truth." if good else "\nThe result differs from the truth.")
    sys.exit(0 if good else 1)
