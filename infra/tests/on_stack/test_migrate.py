"""`settler migrate`: what an earlier release has stored otherwise is made anew, and what people see stays."""
import os
import subprocess
import unittest
import uuid

from given import LOCAL, a_job, call, ends, start
from stack import BINARIES, STACK_NAME, Settings, client

SETTINGS = Settings()
ENVIRONMENT = os.environ | {"SETTLER_API_URL": LOCAL["api_url"], "SETTLER_API_KEY": LOCAL["admin_api_key"]}


def settler(*arguments):
    return subprocess.run([str(BINARIES / "settler"), *arguments], env=ENVIRONMENT, capture_output=True, text=True, timeout=300, check=False)


def stored_as(projection, number):
    """As if a release with another number had written the read model."""
    pages = client("cloudformation", SETTINGS).get_paginator("list_stack_resources").paginate(StackName=STACK_NAME)
    table = next(r["PhysicalResourceId"] for page in pages for r in page["StackResourceSummaries"] if r["LogicalResourceId"] == "Projections")
    client("dynamodb", SETTINGS).update_item(
        TableName=table, Key={"pk": {"S": projection}}, UpdateExpression="SET #f = :f", ExpressionAttributeNames={"#f": "format"}, ExpressionAttributeValues={":f": {"N": str(number)}}
    )


class Migrate(unittest.TestCase):
    def test_a_read_model_of_another_format_is_made_anew(self):
        tag = uuid.uuid4().hex[:8]
        a_job(tag, orders=20)
        start(tag)
        ends(f"run-{tag}")
        # A projection that was never rebuilt has no item yet.
        self.assertEqual(settler("projections", "rebuild", "--projection", "tenant_usage_view").returncode, 0)
        usage = call("GET", "/v1/usage?from=2026-01-01&to=2036-01-01")["items"]
        nothing = settler("migrate")
        self.assertEqual((nothing.returncode, nothing.stdout[:18]), (0, "nothing to migrate"), nothing.stderr)
        stored_as("tenant_usage_view", 0)
        plan = settler("migrate", "--dry-run")
        self.assertEqual(plan.returncode, 0, plan.stderr)
        self.assertIn("tenant_usage_view", plan.stdout)
        self.assertNotIn("saga_state", plan.stdout)
        done = settler("migrate")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn("exact for 100 % of aggregates", done.stdout)
        self.assertIn("nothing to migrate", settler("migrate", "--dry-run").stdout)
        strip = lambda days: [{name: value for name, value in day.items() if name != "as_of"} for day in days]  # noqa: E731
        self.assertEqual(strip(call("GET", "/v1/usage?from=2026-01-01&to=2036-01-01")["items"]), strip(usage))


if __name__ == "__main__":
    unittest.main()
