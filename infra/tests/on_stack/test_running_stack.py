"""The deployed stack, asked through AWS's own interfaces: what a function is refused, and what a schedule starts."""
import datetime
import json
import pathlib
import sys
import unittest
import uuid

import boto3
from botocore.exceptions import ClientError

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "local"))
from stack import OUTPUTS, REGION, STACK_NAME, Settings, client, http, read, stack_outputs, until  # noqa: E402

SETTINGS = Settings()
MADE = stack_outputs(SETTINGS)
LOCAL = read(OUTPUTS)
TENANT = LOCAL["tenants"][0]
DENIED = {"AccessDenied", "AccessDeniedException", "AccessDeniedException.Fault", "UnauthorizedOperation"}


def physical(logical_id):
    """The stack's name for a resource of the template."""
    return client("cloudformation", SETTINGS).describe_stack_resource(StackName=STACK_NAME, LogicalResourceId=logical_id)["StackResourceDetail"]["PhysicalResourceId"]


class Roles(unittest.TestCase):
    """The local emulator lets the account's root assume a function's role, so its permissions can be tried from outside."""

    def as_role(self, function, service):
        role = client("iam", SETTINGS).get_role(RoleName=physical(f"{function}Role"))["Role"]
        lent = client("sts", SETTINGS).assume_role(RoleArn=role["Arn"], RoleSessionName="try-permissions")["Credentials"]
        return boto3.client(service, endpoint_url=SETTINGS.endpoint, region_name=REGION, aws_access_key_id=lent["AccessKeyId"],
                            aws_secret_access_key=lent["SecretAccessKey"], aws_session_token=lent["SessionToken"])

    def refused(self, call, **arguments):
        with self.assertRaises(ClientError) as caught:
            call(**arguments)
        self.assertIn(caught.exception.response["Error"]["Code"], DENIED)

    def test_no_function_changes_or_removes_a_commit(self):
        key = {"s": {"S": "T#nobody#reconciliation#none"}, "n": {"N": "1"}}
        for function in ("CmdStartReconciliation", "StepFinish", "ApiAdmin", "ProjSummary", "Relay"):
            with self.subTest(function):
                dynamodb = self.as_role(function, "dynamodb")
                self.refused(dynamodb.delete_item, TableName=MADE["EventStoreTable"], Key=key)
                self.refused(dynamodb.update_item, TableName=MADE["EventStoreTable"], Key=key, UpdateExpression="SET x = :x", ExpressionAttributeValues={":x": {"N": "1"}})

    def test_what_a_function_needs_it_may(self):
        key = {"s": {"S": "T#nobody#reconciliation#none"}, "n": {"N": "1"}}
        self.assertNotIn("Item", self.as_role("StepFinish", "dynamodb").get_item(TableName=MADE["EventStoreTable"], Key=key))

    def test_only_the_fetch_step_reads_credentials(self):
        for function in ("ApiQuery", "ApiAdmin", "CmdPutConnection", "StepMatchRecords", "StepPersistResults"):
            with self.subTest(function):
                self.refused(self.as_role(function, "secretsmanager").get_secret_value, SecretId="settler/any")

    def test_a_bystander_reads_nothing(self):
        self.refused(self.as_role("Authorizer", "dynamodb").query, TableName=MADE["EventStoreTable"], KeyConditionExpression="s = :s", ExpressionAttributeValues={":s": {"S": "x"}})
        self.refused(self.as_role("Relay", "dynamodb").get_item, TableName=MADE["ApiKeysTable"], Key={"pk": {"S": "x"}})
        self.refused(self.as_role("StepFinish", "s3").get_object, Bucket=MADE["DataBucketName"], Key="results/any")
        self.refused(self.as_role("StepNotifyWebhooks", "s3").get_object, Bucket=MADE["DataBucketName"], Key="staged/any")
        self.refused(self.as_role("ApiQuery", "s3").get_object, Bucket=MADE["DataBucketName"], Key="staged/any")


class Schedule(unittest.TestCase):
    def api(self, method, path, body=None):
        status, answer = http(method, LOCAL["api_url"] + path, body, headers={"Authorization": f"Bearer {TENANT['api_key']}"})
        self.assertIn(status, (200, 201, 202), answer)
        return answer

    def test_a_schedule_starts_a_reconciliation_through_the_same_function(self):
        tag = uuid.uuid4().hex[:8]
        status, data = http("POST", f"{LOCAL['sandbox_url']}/_control/datasets", {"shop": f"scheduled-{tag}", "preset": "clean", "orders": 20, "seed": 3, "start": "2026-01-01", "end": "2026-01-31"})
        self.assertIn(status, (200, 201), data)
        self.api("PUT", f"/v1/connections/shop-{tag}", {"adapter": "shopify", "credentials": {"shop": data["shop"], "access_token": data["access_token"]}})
        self.api("PUT", f"/v1/connections/pay-{tag}", {"adapter": "stripe", "credentials": {"api_key": data["stripe_api_key"]}})
        self.api("POST", "/v1/jobs", {"job_id": f"job-{tag}", "name": "Scheduled", "source": {"adapter": "shopify", "connection": f"shop-{tag}"}, "target": {"adapter": "stripe", "connection": f"pay-{tag}"}})
        started = {"tenant_id": TENANT["tenant_id"], "job_id": f"job-{tag}", "date_range": {"start": "2026-01-01", "end": "2026-01-31"}, "reconciliation_id": f"scheduled-{tag}"}
        function = client("lambda", SETTINGS).get_function(FunctionName=physical("CmdStartReconciliation"))["Configuration"]["FunctionArn"]
        soon = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=2)
        scheduler = client("scheduler", SETTINGS)
        scheduler.create_schedule(
            Name=f"once-{tag}", GroupName=MADE["ScheduleGroupName"], FlexibleTimeWindow={"Mode": "OFF"},
            ScheduleExpression=f"at({soon:%Y-%m-%dT%H:%M:%S})",
            Target={"Arn": function, "RoleArn": MADE["SchedulerRoleArn"], "Input": json.dumps({"scheduler": started})})
        self.addCleanup(scheduler.delete_schedule, Name=f"once-{tag}", GroupName=MADE["ScheduleGroupName"])

        def ended():
            status, answer = http("GET", f"{LOCAL['api_url']}/v1/reconciliations/scheduled-{tag}", headers={"Authorization": f"Bearer {TENANT['api_key']}"})
            return answer if status == 200 and answer["status"] in ("completed", "failed") else None

        self.assertEqual(until(ended, 90, every=0.3)["status"], "completed")


if __name__ == "__main__":
    unittest.main()
