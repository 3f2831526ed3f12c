"""A later run of a job knows what people decided in an earlier one."""
import csv
import io
import unittest
import urllib.request
import uuid

from given import a_job, call, ends, start
from stack import OUTPUTS, every, read

LOCAL = read(OUTPUTS)


def listed(run, what):
    return every(lambda path: call("GET", path), f"/v1/reconciliations/{run}/{what}")


class Memory(unittest.TestCase):
    def test_a_yes_a_no_and_a_look_carry_over(self):
        tag = uuid.uuid4().hex[:8]
        a_job(tag, orders=300, preset="no-refs", seed=5)
        first, second = f"first-{tag}", f"second-{tag}"
        start(tag, first)
        ends(first)
        yes, no = listed(first, "suggestions")[:2]
        open_record = next(row for row in listed(first, "unmatched") if row["class"] == "missing")
        path = f"/v1/reconciliations/{first}"
        call("POST", f"{path}/suggestions/{yes['match_id']}/confirm", {"reason": "seen on paper"})
        call("POST", f"{path}/suggestions/{no['match_id']}/reject", {"reason": "other customers"})
        call("POST", f"{path}/unmatched/{open_record['record_id']}", {"state": "accepted", "assignee": "ann", "note": "paid in cash"})
        with urllib.request.urlopen(call("GET", f"{path}/report?format=csv")["url"]) as answer:
            rows = list(csv.DictReader(io.TextIOWrapper(answer, "utf-8")))
        confirmed = next(row for row in rows if row["source_ids"] == " ".join(yes["source_ids"]))
        self.assertEqual(confirmed["class"], "matched", "the report follows decisions")
        self.assertEqual({row["class"] for row in rows if row["source_ids"] in no["source_ids"]}, {"unmatched"})
        start(tag, second)
        ends(second)
        found = {match["match_id"]: match for match in listed(second, "matches")}
        self.assertEqual((found[yes["match_id"]]["status"], found[yes["match_id"]]["rule"]), ("confirmed", "confirmed@1"))
        everything = set(found) | {match["match_id"] for match in listed(second, "suggestions")}
        self.assertNotIn(no["match_id"], everything)
        looked_at = next(row for row in listed(second, "unmatched") if row["record_id"] == open_record["record_id"])
        self.assertEqual((looked_at["state"], looked_at["assignee"], looked_at["note"]), ("accepted", "ann", "paid in cash"))
        # Taken apart in the later run, it stays apart.
        call("POST", f"/v1/reconciliations/{second}/matches/{yes['match_id']}/break", {"reason": "it was another one"})
        third = f"third-{tag}"
        start(tag, third)
        ends(third)
        everything = {match["match_id"] for what in ("matches", "suggestions") for match in listed(third, what)}
        self.assertNotIn(yes["match_id"], everything)


if __name__ == "__main__":
    unittest.main()
