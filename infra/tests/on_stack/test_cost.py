"""What a run costs, out of what its invocations consumed: complete, adding up, and within what was promised."""
import unittest
import uuid

from given import TENANT, a_job, call, ends, start
from stack import Settings, client, stack_outputs, until

SETTINGS = Settings()
MADE = stack_outputs(SETTINGS)
# Each of these works on every run that completes.
ON_EVERY_RUN = {
    "CmdStartReconciliation", "Relay", "ProjSummary", "ProjUsage", "ProjHotspots", "SagaControl", "StepFetchRecords",
    "StepMatchRecords", "StepPersistResults", "StepFinish", "StepNotifyWebhooks",
}
CENT_NANO_USD = 10_000_000
MAX_TRANSITIONS = 60


def kept(run):
    """What was kept of a run, by function: each invocation's quantities."""
    items = client("dynamodb", SETTINGS).query(
        TableName=MADE["ConsumptionTable"], KeyConditionExpression="pk = :pk", ExpressionAttributeValues={":pk": {"S": f"{TENANT['tenant_id']}#{run}"}}
    )["Items"]
    found = {}
    for item in items:
        found.setdefault(item["sk"]["S"].split("-")[1], []).append({name: int(value["N"]) for name, value in item["q"]["M"].items()})
    return found


class Cost(unittest.TestCase):
    def test_ten_thousand_orders_cost_less_than_a_cent(self):
        tag = uuid.uuid4().hex[:8]
        a_job(tag, orders=10_000)
        start(tag)
        ends(f"run-{tag}")
        # Projections and the relay work on after the run has ended.
        self.assertTrue(until(lambda: ON_EVERY_RUN <= set(kept(f"run-{tag}")), 60, every=1), ON_EVERY_RUN - set(kept(f"run-{tag}")))
        cost = call("GET", f"/v1/reconciliations/run-{tag}?cost=true")["cost"]
        lines = {line["resource"]: line["quantity_milli"] for line in cost["lines"]}
        print(f"\n10,000 orders: {cost['total_nano_usd'] / CENT_NANO_USD:.4f} cents, {lines}")
        self.assertTrue(cost["complete"])
        self.assertEqual(cost["total_nano_usd"], sum(line["amount_nano_usd"] for line in cost["lines"]))
        self.assertLess(cost["total_nano_usd"], CENT_NANO_USD)
        # The emulator's history leaves out what is inside of a Parallel: two times four states.
        self.assertLessEqual(lines["state_transitions"] + 8_000, MAX_TRANSITIONS * 1000)
        self.assertEqual((cost["tenant_secrets"] >= 2, cost["tenant_monthly_nano_usd"]), (True, cost["tenant_secrets"] * 400_000_000))
        for resource in ("dynamodb_write_units", "dynamodb_read_units", "lambda_gb_seconds", "s3_writes", "s3_reads", "s3_stored_mb", "sqs_requests", "bus_events", "secret_reads", "log_mb"):
            self.assertGreater(lines[resource], 0, resource)
        # One start by HTTP, and nothing that only reads.
        self.assertEqual(lines["api_requests"], 1000)
        self.assertEqual(lines["lambda_requests"], cost["invocations"] * 1000)

    def test_a_run_without_the_question_has_no_cost(self):
        tag = uuid.uuid4().hex[:8]
        a_job(tag, orders=20)
        start(tag)
        ends(f"run-{tag}")
        self.assertNotIn("cost", call("GET", f"/v1/reconciliations/run-{tag}"))


if __name__ == "__main__":
    unittest.main()
