"""What a run leaves in the logs: one correlation id through every function, metrics that add up, and no credential."""
import datetime
import json
import pathlib
import sys
import time
import unittest
import uuid

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "local"))
from stack import OUTPUTS, Settings, client, http, read, stack_outputs, until  # noqa: E402

SETTINGS = Settings()
MADE = stack_outputs(SETTINGS)
LOCAL = read(OUTPUTS)
TENANT = LOCAL["tenants"][0]
# Each of these works on every run that completes.
ON_EVERY_RUN = {
    "CmdStartReconciliation", "Relay", "ProjSummary", "ProjUsage", "ProjHotspots", "SagaControl", "StepFetchRecords",
    "StepMatchRecords", "StepPersistResults", "StepFinish", "StepNotifyWebhooks", "DeliverWebhook",
}
KEYS = {"timestamp", "level", "message", "service", "function_name", "function_memory_size", "function_request_id", "cold_start", "location"}


def call(method, path, body=None, expected=(200, 201, 202)):
    status, answer = http(method, LOCAL["api_url"] + path, body, headers={"Authorization": f"Bearer {TENANT['api_key']}"})
    if status not in expected:
        raise AssertionError((method, path, status, answer))
    return answer


def function_of(line):
    """The template's name of the function that wrote a line."""
    return line["function_name"].split("-")[1]


class Logs(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        """A run with a webhook, and one that fails; every line since."""
        cls.since = int(time.time() * 1000)
        tag = uuid.uuid4().hex[:8]
        _, data = http("POST", f"{LOCAL['sandbox_url']}/_control/datasets", {"shop": f"observed-{tag}", "preset": "typical", "orders": 60, "seed": 4, "start": "2026-01-01", "end": "2026-01-31"})
        shop, payments, refused, job, bad = (f"{what}-{tag}" for what in ("shop", "pay", "refused", "job", "bad"))
        cls.secrets = [data["access_token"], data["stripe_api_key"], f"sk_test_refused_{tag}", TENANT["api_key"], LOCAL["admin_api_key"]]
        call("PUT", f"/v1/connections/{shop}", {"adapter": "shopify", "credentials": {"shop": data["shop"], "access_token": data["access_token"]}})
        call("PUT", f"/v1/connections/{payments}", {"adapter": "stripe", "credentials": {"api_key": data["stripe_api_key"]}})
        call("PUT", f"/v1/connections/{refused}", {"adapter": "stripe", "credentials": {"api_key": cls.secrets[2]}})
        source = {"adapter": "shopify", "connection": shop}
        hook = {"url": f"{LOCAL['sandbox_url']}/hooks/{tag}"}
        made = call("POST", "/v1/jobs", {"job_id": job, "name": "Observed", "source": source, "target": {"adapter": "stripe", "connection": payments}, "webhooks": [hook]})
        cls.secrets.append(made["webhooks"][0]["secret"])
        call("POST", "/v1/jobs", {"job_id": bad, "name": "Refused", "source": source, "target": {"adapter": "stripe", "connection": refused}})
        cls.run_id, failing = (f"observed-{tag}", f"refused-{tag}")
        days = {"start": "2026-01-01", "end": "2026-01-31"}
        cls.correlation = call("POST", "/v1/reconciliations", {"job_id": job, "reconciliation_id": cls.run_id, "date_range": days})["correlation_id"]
        call("POST", "/v1/reconciliations", {"job_id": bad, "reconciliation_id": failing, "date_range": days})

        def status(run):
            return call("GET", f"/v1/reconciliations/{run}")["status"]

        if not until(lambda: (status(cls.run_id), status(failing)) == ("completed", "failed"), 120, every=0.5):
            raise AssertionError((status(cls.run_id), status(failing)))
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

        matches, cursor = 0, ""
        while cursor is not None:
            page = call("GET", f"/v1/reconciliations/{self.run_id}/matches?limit=200{cursor}")
            matches += len(page["items"])
            cursor = page["next_cursor"] and f"&cursor={page['next_cursor']}"
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
