"""What a run leaves in the logs: one correlation id through every function, metrics that add up, and no credential."""
import datetime
import json
import time
import unittest
import uuid

from given import LOCAL, TENANT, a_job, a_refused_run, call, ends, start
from stack import Settings, client, every, stack_outputs, until

SETTINGS = Settings()
MADE = stack_outputs(SETTINGS)
# Each of these works on every run that completes.
ON_EVERY_RUN = {
    "CmdStartReconciliation", "Relay", "ProjSummary", "ProjUsage", "ProjHotspots", "SagaControl", "StepFetchRecords",
    "StepMatchRecords", "StepPersistResults", "StepFinish", "StepNotifyWebhooks", "DeliverWebhook",
}
KEYS = {"timestamp", "level", "message", "service", "function_name", "function_memory_size", "function_request_id", "cold_start", "location"}


def function_of(line):
    """The template's name of the function that wrote a line."""
    return line["function_name"].split("-")[1]


class Logs(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        """A run with a webhook, and one that fails; every line since."""
        cls.since = int(time.time() * 1000)
        tag = uuid.uuid4().hex[:8]
        data, made = a_job(tag, seed=4, webhooks=[{"url": f"{LOCAL['sandbox_url']}/hooks/{tag}"}])
        cls.secrets = [data["access_token"], data["stripe_api_key"], f"sk_test_refused_{tag}", TENANT["api_key"], LOCAL["admin_api_key"], made["webhooks"][0]["secret"]]
        cls.run_id = f"run-{tag}"
        cls.correlation = start(tag)["correlation_id"]
        a_refused_run(tag, cls.secrets[2])
        ends(cls.run_id)
        ends(f"run-refused-{tag}", "failed")
        # The last functions write after the run has ended.
        if not until(lambda: ON_EVERY_RUN <= {function_of(line) for line in cls.lines(cls.correlation)}, 60, every=1):
            missing = ON_EVERY_RUN - {function_of(line) for line in cls.lines(cls.correlation)}
            raise AssertionError(f"no line of {sorted(missing)} has the correlation id")

    @classmethod
    def messages(cls):
        logs, token, found = client("logs", SETTINGS), {}, []
        while True:
            page = logs.filter_log_events(logGroupName=MADE["FunctionLogGroup"], startTime=cls.since, **token)
            found += [event["message"].strip() for event in page["events"]]
            if not page.get("nextToken"):
                return found
            token = {"nextToken": page["nextToken"]}

    @classmethod
    def lines(cls, part):
        """Our own lines: the platform's (START, END, REPORT) are no JSON."""
        return [json.loads(text) for text in cls.messages() if text.startswith("{") and part in text]

    def test_every_function_tells_whose_work_it_does(self):
        lines = [line for line in self.lines(self.correlation) if "_aws" not in line]
        for line in lines:
            self.assertLessEqual(KEYS, set(line), line)
            self.assertEqual((line["service"], line["tenant_id"]), ("settler", TENANT["tenant_id"]), line)
            self.assertFalse([name for name, value in line.items() if isinstance(value, (dict, list))], line)
            datetime.datetime.fromisoformat(line["timestamp"].replace("Z", "+00:00"))
        steps = [line for line in lines if function_of(line).startswith("Step")]
        self.assertEqual({(line["saga_id"], line["causation_id"]) for line in steps}, {(self.run_id, f"{self.run_id}-a1")})
        fetched = {line["step"] for line in steps if function_of(line) == "StepFetchRecords"}
        self.assertEqual(fetched, {"fetch_shopify_orders", "fetch_stripe_payments"})

    def test_metrics_count_what_has_happened(self):
        metrics = [line for line in self.lines('"_aws"') if line.get("tenant_id") == TENANT["tenant_id"]]

        def total(name, function=None):
            values = [line[name] for line in metrics if name in line and function in (None, function_of(line))]
            return sum(sum(value) if isinstance(value, list) else value for value in values)

        matches = len(every(lambda path: call("GET", path), f"/v1/reconciliations/{self.run_id}/matches"))
        self.assertGreater(matches, 0)
        self.assertEqual(total("RecordMatched", "StepMatchRecords"), matches)
        self.assertEqual(total("ReconciliationCompleted", "StepFinish"), 1)
        for name in ("Commands", "Appends", "WriteUnits", "ReadUnits", "ReconciliationStarted", "ReconciliationCompleted", "ReconciliationFailed", "StepFailed", "SagaDuration", "ProjectionLag"):
            self.assertGreater(total(name), 0, name)
        for line in metrics:
            for about in line["_aws"]["CloudWatchMetrics"]:
                self.assertEqual(about["Namespace"], "Settler")
                dimensions = {name for some in about["Dimensions"] for name in some}
                self.assertLessEqual(dimensions, {"service", "function_name", "step", "kind"})
                self.assertLessEqual(dimensions | {metric["Name"] for metric in about["Metrics"]}, set(line))

    def test_no_line_holds_a_credential(self):
        text = "\n".join(self.messages())
        self.assertIn(self.correlation, text)
        for number, secret in enumerate(self.secrets):
            self.assertFalse(secret in text, f"credential {number} is in the logs")


if __name__ == "__main__":
    unittest.main()
