"""The state machine on the emulator's own engine, with steps that answer as a script says: which steps are called with what, on every path."""
import json
import os
import pathlib
import re
import threading
import time
import unittest

os.environ.setdefault("SFN_WAIT_SCALE", "0")
from ministack.services import stepfunctions as engine  # noqa: E402 - reads the variable when it is loaded

ROOT = pathlib.Path(__file__).resolve().parents[2]
MACHINES = ROOT / "infra/statemachines"


def definition(path):
    return re.sub(r"\$\{(\w+)\}", r"arn:aws:lambda:us-east-1:000000000000:function:\1", path.read_text())


FETCHES = ["fetch_shopify_orders", "fetch_stripe_payments"]


def failed(name):
    return engine._ExecutionError(name, "why")


def waits(step, reason, until=None, cursor=None):
    return {"status": "wait", "step": step, "reason": reason, "until": until, "cursor": cursor}


class Paths(unittest.TestCase):
    path = MACHINES / "reconciliation.asl.json"

    def run_machine(self, script, extra=None):
        """Calls as (function, step, payload), and how the execution ended."""
        calls = []

        def call(function, event):
            name = function.split(":")[-1]
            calls.append((name, event["step"], event))
            if name == "StepWait":
                threading.Timer(0.05, engine._send_task_success, [{"taskToken": event["token"], "output": "{}"}]).start()
                return {}
            answers = script.get(event["step"], [])
            answer = answers.pop(0) if answers else {"status": "done"}
            if isinstance(answer, Exception):
                raise answer
            return answer

        engine._call_lambda = call
        made = engine._create_state_machine({"name": f"m{time.time_ns()}", "definition": definition(self.path), "roleArn": "arn:aws:iam::000000000000:role/x"})
        started = engine._start_execution({"stateMachineArn": json.loads(made[2])["stateMachineArn"], "name": "x", "input": json.dumps({"attempt": 1, **(extra or {})})})
        execution = engine._executions.get(json.loads(started[2])["executionArn"])
        for _ in range(600):
            if execution["status"] != "RUNNING":
                break
            time.sleep(0.05)
        return calls, execution["status"], json.loads(execution.get("output") or "{}")

    def steps(self, calls):
        """Steps in order; the two branches run side by side, so they are told apart from the rest."""
        return [step if name != "StepWait" else f"wait {event['reason']}" for name, step, event in calls if step not in FETCHES]

    def test_a_run_that_ends_well(self):
        calls, status, output = self.run_machine({"finish": [{"status": "completed"}]})
        self.assertEqual((status, output), ("SUCCEEDED", {"status": "completed"}))
        self.assertEqual(self.steps(calls), ["perform_matching", "persist_results", "finish", "notify_webhooks"])

    def test_waits_go_back_to_where_they_stood_with_their_cursor(self):
        calls, status, _ = self.run_machine({
            "fetch_shopify_orders": [{"status": "more", "cursor": {"p": 1}}, waits("fetch_shopify_orders", "throttled", "2026-01-01T00:00:09Z", {"p": 2})],
            "fetch_stripe_payments": [waits("fetch_stripe_payments", "circuit_open", "2026-01-01T00:00:05Z", {"p": 7})],
            "perform_matching": [waits("perform_matching", "paused")],
            "persist_results": [waits("persist_results", "paused")],
            "finish": [waits("finish", "paused"), {"status": "completed"}],
        })
        self.assertEqual(status, "SUCCEEDED")
        self.assertEqual(self.steps(calls), ["wait throttled", "perform_matching", "wait paused", "perform_matching", "persist_results", "wait paused", "persist_results", "finish", "wait paused", "finish", "notify_webhooks"])
        cursors = {step: [event["cursor"] for _, s, event in calls if s == step] for step in FETCHES}
        self.assertEqual(cursors, {"fetch_shopify_orders": [None, {"p": 1}, {"p": 2}], "fetch_stripe_payments": [None, {"p": 7}]})
        self.assertEqual(next(event["until"] for name, _, event in calls if name == "StepWait"), "2026-01-01T00:00:05Z", "the earlier of the two")

    def test_a_failure_in_each_step_leads_to_undoing(self):
        for step in [*FETCHES, "perform_matching", "persist_results", "finish"]:
            with self.subTest(step):
                calls, status, output = self.run_machine({step: [failed("Settler.Internal")], "plan_undo": [{"status": "ended", "outcome": "failed"}]})
                self.assertEqual((status, output), ("SUCCEEDED", {"status": "failed"}))
                self.assertEqual(self.steps(calls)[-2:], ["plan_undo", "notify_webhooks"])
                self.assertEqual(calls[-2][2]["failure"], {"step": step, "error": "Settler.Internal", "cause": "why"})

    def test_undo_goes_one_by_one_and_waits_for_an_operator_when_it_keeps_failing(self):
        plans = [{"status": "undo", "step": "persist_results"}, {"status": "undo", "step": "perform_matching"}, {"status": "stuck", "step": "perform_matching"}, {"status": "undo", "step": "perform_matching"}, {"status": "ended", "outcome": "cancelled"}]
        calls, status, output = self.run_machine({"persist_results": [failed("Settler.Cancelled")], "perform_matching": [{"status": "done"}, failed("Settler.Conflict")], "plan_undo": plans})
        self.assertEqual((status, output), ("SUCCEEDED", {"status": "cancelled"}))
        undone = [step for name, step, _ in calls if name == "StepUndo"]
        self.assertEqual(undone, ["persist_results", "perform_matching", "perform_matching"])
        stuck = next(event for _, step, event in calls if step == "plan_undo" and "undo" in event)
        self.assertEqual((stuck["undo"], stuck["failure"]["error"]), ("perform_matching", "Settler.Conflict"))
        self.assertIn("wait stuck", self.steps(calls))

    def test_an_execution_that_takes_over_only_undoes(self):
        failure = {"step": "x", "error": "Execution.ABORTED", "cause": ""}
        calls, status, _ = self.run_machine({"plan_undo": [{"status": "ended", "outcome": "failed"}]}, {"failure": failure})
        self.assertEqual((status, [step for _, step, _ in calls]), ("SUCCEEDED", ["plan_undo", "notify_webhooks"]))
        self.assertEqual(calls[0][2]["failure"], failure)

    def test_whoever_is_superseded_leaves_quietly_and_what_cannot_be_recorded_fails(self):
        calls, status, output = self.run_machine({"perform_matching": [failed("Settler.Superseded")]})
        self.assertEqual((status, output, calls[-1][1]), ("SUCCEEDED", {"status": "superseded"}, "perform_matching"))
        _, status, _ = self.run_machine({"perform_matching": [failed("Settler.Internal")], "plan_undo": [failed("Settler.Internal")]})
        self.assertEqual(status, "FAILED")


class ReleasedPaths(Paths):
    """A run that began before a deployment ends under the definition it began with, and is answered by today's functions."""
    path = MACHINES / "released/1.asl.json"

    def test_every_schema_that_functions_accept_has_its_definition(self):
        current = int(re.search(r"pub const SCHEMA: u32 = (\d+);", (ROOT / "shared/saga/src/input.rs").read_text())[1])
        accepted = {schema for schema in (current - 1, current) if schema > 0}
        self.assertEqual({int(path.name.split(".")[0]) for path in (MACHINES / "released").iterdir()}, accepted)

    def test_what_it_calls_is_there(self):
        template = (ROOT / "template.yaml").read_text()
        steps = set(re.findall(r'=> "(\w+)"', (ROOT / "shared/domain/src/saga/step.rs").read_text()))
        for path in (MACHINES / "released").iterdir():
            text = path.read_text()
            for function in set(re.findall(r"\$\{(\w+)\}", text)):
                self.assertIn(f"  {function}:\n    Type: AWS::Serverless::Function", template, path.name)
            for step in set(re.findall(r"'step': '(\w+)'", text)) - {"plan_undo", "undo", "hold", "fetch"}:
                self.assertIn(step, steps, path.name)


if __name__ == "__main__":
    unittest.main()
