"""Every `settler …` that README and docs show, typed against a running stack: it is answered, and not by a usage error."""
import json
import os
import pathlib
import re
import shlex
import subprocess
import tempfile
import unittest
import uuid

from given import LOCAL, TENANT, a_job, a_refused_run, call, ends, start
from stack import BINARIES, ROOT, every

# A refusal that names its reason is an answer too: not found, declined, conflict, differences. A crash is none.
ANSWERS = {0, 3, 4, 5, 8}
# Of which the documents show what they do when all is well.
MUST_SUCCEED = ("reconciliation show", "reconciliation unmatched", "reconciliation orders", "reconciliation start", "reconciliation review", "saga status", "saga list",
                "suggestion confirm", "usage", "error-hotspots", "webhook deliveries", "webhook rotate", "key ", "events list", "dlq list", "breaker", "migrate", "projections rebuild", "rules check", "match --source", "upload", "job create")


def documented():
    """As a reader would type them: continued lines are one, comments and placeholders' brackets are gone, each once."""
    found = []
    for path in [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]:
        text = path.read_text().replace("\\\n", " ")
        # In a sentence, a command without arguments is only a name.
        inline = [typed for typed in re.findall(r"`(settler [a-z][^`\n]*)`", text) if re.search(r" (-|<|[a-z]*\d|march|february)", typed)]
        blocks = [line.removeprefix("$ ").removeprefix("    ") for block in re.findall(r"```[a-z]*\n(.*?)```", text, re.S) for line in block.splitlines()]
        typed = inline + [line for line in blocks if line.startswith("settler ")]
        for line in typed:
            for part in re.split(r"\s&&\s|;\s+|\s\|\|?\s", line):
                command = " ".join(part.split(" # ")[0].split())
                if command.startswith("settler ") and "…" not in command and len(command.split()) > 1:
                    found.append(command)
    return list(dict.fromkeys(found))


class DocumentedCommands(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.tag = tag = uuid.uuid4().hex[:8]
        _, job = a_job(tag, orders=80, preset="no-refs", seed=7, webhooks=[{"url": f"{LOCAL['sandbox_url']}/hooks/{tag}"}])
        start(tag)
        a_refused_run(tag)
        ends(f"run-{tag}"), ends(f"run-refused-{tag}", "failed")
        path = f"/v1/reconciliations/run-{tag}"
        rows = lambda what: every(lambda p: call("GET", p), f"{path}/{what}")  # noqa: E731
        endpoint = job["webhooks"][0]["endpoint_id"]
        deliveries = every(lambda p: call("GET", p), f"/v1/webhooks/{endpoint}/deliveries")
        key = cls.settler(["key", "create", "--tenant", TENANT["tenant_id"], "--scope", "read", "-o", "json"])
        cls.names = [
            (r"--id demo-\w+", f"--id again-{tag}"),
            (r"--id job_shop\b.*--source-connection \S+ --target-connection \S+", f"--id other-{tag} --name other --source-connection shop-{tag} --target-connection pay-{tag}"),
            (r"\b(february|april)\b", f"run-refused-{tag}"),
            (r"\b(march|demo-\w{8}|recon_\w+|run-\w{8})\b(?!-)", f"run-{tag}"),
            (r"--job january-\w+|--job job_shop", f"--job job-{tag}"),
            (r"rotate job_shop", f"rotate job-{tag}"),
            (r"\bwe_\w+", endpoint),
            (r"\b[0-9a-f]{32}\b", rows("suggestions")[0]["match_id"]),
            (r"\bre_\w+", rows("unmatched")[0]["record_id"]),
            (r"(replay \S+) [0-9a-f-]{36}", rf"\1 {deliveries[0]['delivery_id'] if deliveries else uuid.uuid4()}"),
            (r"revoke <id>", "revoke " + json.loads(key.stdout)["key_id"]),
            (r"saga status <id>", f"saga status run-{tag}"),
            (r"redrive <id>", f"redrive {uuid.uuid4()}"),
            (r"--tenant (acme|tenant-a)", f"--tenant {TENANT['tenant_id']}"),
            (r"--connection bank\b", f"--connection bank-{tag}"),
            (r"http://127\.0\.0\.1:\d+/hooks/\w+", f"{LOCAL['sandbox_url']}/hooks/{tag}"),
        ]
        cls.folder = pathlib.Path(cls.enterClassContext(tempfile.TemporaryDirectory()))
        table = "id,date,amount,currency,memo\n" + "".join(f"{{}}{n},2026-01-{n + 1:02},{n + 10}.00,EUR,Invoice {n} of Ada\n" for n in range(20))
        for name, letter in (("sold", "s"), ("paid", "p"), ("bank", "b"), ("origin", "o"), ("destination", "d")):
            (cls.folder / f"{name}.csv").write_text(table.replace("{}", letter))
        (cls.folder / "buchungen.csv").write_text("Nr;Datum;Betrag;Beleg\n" + "".join(f"u{n};{n + 1:02}.01.2026;{n + 10},00;R-{n}\n" for n in range(20)))
        (cls.folder / "truth.csv").write_text("origin_id,destination_id\n" + "".join(f"o{n},d{n}\n" for n in range(20)))
        (cls.folder / "rules.json").write_text('{"amount_days": 4}')

    @classmethod
    def settler(cls, words, cwd=None):
        environment = os.environ | {"SETTLER_API_URL": LOCAL["api_url"], "SETTLER_API_KEY": LOCAL["admin_api_key"], "SETTLER_TENANT": TENANT["tenant_id"]}
        return subprocess.run([str(BINARIES / "settler"), *words], env=environment, cwd=cwd, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300, check=False)

    def typed(self, command):
        for pattern, instead in self.names:
            command = re.sub(pattern, instead, command)
        return command

    def test_every_documented_command_is_answered(self):
        done = {}
        for command in documented():
            command = self.typed(command)
            if command in done or re.search(r"<\w+>", command):
                continue
            with self.subTest(command):
                run = self.settler(shlex.split(command)[1:], cwd=self.folder)
                if command.startswith("settler breaker open"):
                    # For everybody, so not for long.
                    self.assertEqual(self.settler(["breaker", "auto", "stripe"]).returncode, 0)
                done[command] = run.returncode
                self.assertIn(run.returncode, ANSWERS, run.stderr)
                if command.removeprefix("settler ").startswith(MUST_SUCCEED):
                    self.assertEqual(run.returncode, 0, run.stdout + run.stderr)
        print(f"\n{len(done)} documented commands answered, {sum(code == 0 for code in done.values())} of them with success")
        self.assertGreater(len(done), 50)


if __name__ == "__main__":
    unittest.main()
