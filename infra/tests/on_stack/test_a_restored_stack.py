"""The drill of backup and restore, as `make drill` does it, on a stack with something to lose."""
import subprocess
import sys
import unittest
import uuid

from given import a_job, a_refused_run, call, ends, start
from stack import ROOT


class Drill(unittest.TestCase):
    def test_an_imported_stack_says_what_the_exported_one_said(self):
        tag = uuid.uuid4().hex[:8]
        a_job(tag, 200)
        start(tag)
        a_refused_run(tag)
        path = f"/v1/reconciliations/{ends(f'run-{tag}')['reconciliation_id']}"
        ends(f"run-refused-{tag}", "failed")
        # A person's decision is in the log only, and moves what the lists say.
        record = call("GET", f"{path}/unmatched?limit=1")["items"][0]["record_id"]
        call("POST", f"{path}/unmatched/{record}", {"state": "accepted", "assignee": "ann", "note": "paid in cash"})
        done = subprocess.run([sys.executable, str(ROOT / "infra/backup/drill.py")], cwd=ROOT, capture_output=True, text=True, timeout=600, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertRegex(done.stdout, r"intact: [\d,]+ events")
        self.assertRegex(done.stdout, r"✓ \d+ answers and \d+ heads are as they were")
        self.assertEqual(call("GET", f"{path}/unmatched?limit=1")["items"][0]["state"], "accepted")


if __name__ == "__main__":
    unittest.main()
