"""The deployed stack, asked through AWS's own interfaces: what a function is refused, and what a schedule starts."""
import datetime
import hashlib
import json
import pathlib
import sys
import unittest
import uuid

import boto3
from botocore.exceptions import ClientError

from given import TENANT, a_job, call
from stack import REGION, STACK_NAME, Settings, client, stack_outputs, until

SETTINGS = Settings()
MADE = stack_outputs(SETTINGS)
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from test_infrastructure import FUNCTIONS  # noqa: E402

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
        self.assertGreater(len(FUNCTIONS), 25)
        for function in FUNCTIONS:
            with self.subTest(function):
                dynamodb = self.as_role(function, "dynamodb")
                self.refused(dynamodb.delete_item, TableName=MADE["EventStoreTable"], Key=key)
                self.refused(dynamodb.update_item, TableName=MADE["EventStoreTable"], Key=key, UpdateExpression="SET x = :x", ExpressionAttributeValues={":x": {"N": "1"}})

    def test_what_a_function_needs_it_may(self):
        key = {"s": {"S": "T#nobody#reconciliation#none"}, "n": {"N": "1"}}
        self.assertNotIn("Item", self.as_role("StepFinish", "dynamodb").get_item(TableName=MADE["EventStoreTable"], Key=key))

    def test_only_the_fetch_step_reads_credentials(self):
        for function in ("ApiQuery", "ApiAdmin", "CmdPutConnection", "CmdManageJobs", "DeliverWebhook", "StepMatchRecords", "StepPersistResults"):
            with self.subTest(function):
                self.refused(self.as_role(function, "secretsmanager").get_secret_value, SecretId="settler/any")

    def test_a_bystander_reads_nothing(self):
        self.refused(self.as_role("Authorizer", "dynamodb").query, TableName=MADE["EventStoreTable"], KeyConditionExpression="s = :s", ExpressionAttributeValues={":s": {"S": "x"}})
        self.refused(self.as_role("Relay", "dynamodb").get_item, TableName=MADE["ApiKeysTable"], Key={"pk": {"S": "x"}})
        self.refused(self.as_role("StepFinish", "s3").get_object, Bucket=MADE["DataBucketName"], Key="results/any")
        self.refused(self.as_role("StepNotifyWebhooks", "s3").get_object, Bucket=MADE["DataBucketName"], Key="staged/any")
        self.refused(self.as_role("ApiQuery", "s3").get_object, Bucket=MADE["DataBucketName"], Key="staged/any")


class Schedule(unittest.TestCase):
    def runs(self, job):
        return call("GET", f"/v1/reconciliations?job_id={job}")["items"]

    def test_a_jobs_schedule_runs_each_period_once_and_ends_with_the_job(self):
        tag, now = uuid.uuid4().hex[:8], datetime.datetime.now(datetime.timezone.utc)
        last = now.replace(day=1) - datetime.timedelta(days=1)
        period = {"start": f"{last:%Y-%m}-01", "end": f"{last:%Y-%m-%d}"}
        soon = now + datetime.timedelta(seconds=5)
        schedule = {"expression": f"at({soon:%Y-%m-%dT%H:%M:%S})", "window": "previous_month"}
        _, made = a_job(tag, 20, "clean", days=period, schedule=schedule)
        job, definition = f"job-{tag}", {part: made[part] for part in ("name", "source", "target")}

        def ended():
            return [run for run in self.runs(job) if run["status"] in ("completed", "failed")]

        run, = until(ended, 90, every=0.5) or self.fail("the schedule started nothing")
        self.assertEqual((run["status"], run["date_range"]), ("completed", period))
        self.assertRegex(run["reconciliation_id"], r"^sched-[0-9a-f]{32}$")

        # Fire the entry again, as the scheduler may: the same input to the same function.
        scheduler, function = client("scheduler", SETTINGS), client("lambda", SETTINGS)
        name = hashlib.sha256(f"{TENANT['tenant_id']}#{job}".encode()).hexdigest()[:32]
        target = scheduler.get_schedule(Name=name, GroupName=MADE["ScheduleGroupName"])["Target"]

        def fire():
            answer = function.invoke(FunctionName=target["Arn"], Payload=target["Input"])
            return json.loads(answer["Payload"].read())

        self.assertEqual([fire()["reconciliation_id"] for _ in range(2)], [run["reconciliation_id"]] * 2)
        self.assertEqual(len(self.runs(job)), 1)

        # The entry changes and ends with the job, and what is left of it starts nothing.
        call("PUT", f"/v1/jobs/{job}", {**definition, "schedule": {"expression": "cron(0 6 1 * ? *)", "timezone": "Europe/Berlin", "window": "previous_month"}})
        entry = scheduler.get_schedule(Name=name, GroupName=MADE["ScheduleGroupName"])
        self.assertEqual((entry["ScheduleExpression"], entry["ScheduleExpressionTimezone"]), ("cron(0 6 1 * ? *)", "Europe/Berlin"))
        call("PUT", f"/v1/jobs/{job}", definition)
        with self.assertRaises(ClientError) as gone:
            scheduler.get_schedule(Name=name, GroupName=MADE["ScheduleGroupName"])
        self.assertEqual(gone.exception.response["Error"]["Code"], "ResourceNotFoundException")
        self.assertEqual(fire()["status"], "ignored")


if __name__ == "__main__":
    unittest.main()
