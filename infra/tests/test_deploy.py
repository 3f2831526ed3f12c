"""What a deployment refuses."""
import pathlib
import sys
import tempfile
import unittest
from unittest import mock

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "infra/deploy"))
import deploy  # noqa: E402


def change(action, kind, name="Thing", **more):
    return {"Type": "Resource", "ResourceChange": {"Action": action, "ResourceType": kind, "LogicalResourceId": name, **more}}


class Refusals(unittest.TestCase):
    def test_what_holds_data_is_neither_removed_nor_replaced(self):
        refused = deploy.refusals([
            change("Modify", "AWS::DynamoDB::Table", "EventStore", Replacement="True"),
            change("Modify", "AWS::DynamoDB::Table", "Jobs", Replacement="Conditional"),
            change("Remove", "AWS::S3::Bucket", "DataBucket"),
            change("Remove", "AWS::SQS::Queue", "SagaQueue", PolicyAction="Delete"),
        ])
        self.assertEqual(refused, [
            "EventStore (AWS::DynamoDB::Table) would be replaced",
            "Jobs (AWS::DynamoDB::Table) would be replaced",
            "DataBucket (AWS::S3::Bucket) would be removed",
            "SagaQueue (AWS::SQS::Queue) would be removed",
        ])

    def test_everything_else_goes_through(self):
        self.assertEqual(deploy.refusals([
            change("Add", "AWS::DynamoDB::Table", "Consumption"),
            change("Modify", "AWS::DynamoDB::Table", "EventStore", Replacement="False"),
            change("Remove", "AWS::DynamoDB::Table", "Old", PolicyAction="Retain"),
            change("Modify", "AWS::Lambda::Function", "Relay", Replacement="True"),
            change("Remove", "AWS::Lambda::Function", "Gone"),
            {"Type": "Hook"},
        ]), [])

    def test_every_stateful_type_of_the_template_is_known(self):
        kinds = {line.split(":", 1)[1].strip() for line in (ROOT / "template.yaml").read_text().splitlines() if line.startswith("    Type: AWS::")}
        made_anew = {"Serverless", "IAM", "Events", "Lambda", "Logs", "CloudWatch", "SNS", "ApiGatewayV2"}
        policies_and_versions = {"AWS::S3::BucketPolicy", "AWS::SQS::QueuePolicy", "AWS::StepFunctions::StateMachineVersion"}
        self.assertLessEqual({kind for kind in kinds if kind.split("::")[1] not in made_anew} - policies_and_versions, deploy.KEPT)
        self.assertIn("AWS::Serverless::StateMachine", kinds, "which becomes an AWS::StepFunctions::StateMachine")


class Releases(unittest.TestCase):
    def test_a_release_reads_every_event_that_the_running_one_may_have_written(self):
        running = ["infra/events/job/JobCreated@1.schema.json", "infra/events/job/JobCreated@2.schema.json", "infra/events/job/state@3.json"]
        self.assertEqual(deploy.unknown_events(running, running[:1]), [running[1]])
        self.assertEqual(deploy.unknown_events(running[:1], running), [])

    def test_a_tree_with_changes_is_refused(self):
        with tempfile.NamedTemporaryFile(dir=ROOT / "infra/deploy", suffix=".txt"), self.assertRaisesRegex(SystemExit, "not clean"):
            deploy.check_release(mock.Mock(), "settler-staging")

    def test_events_of_a_commit_are_files(self):
        self.assertIn("infra/events/job/JobCreated@1.schema.json", deploy.events_at("HEAD"))

    def test_tags_of_the_file_stay(self):
        self.assertEqual(deploy.tags_of("staging", "abc"), ["service=settler", "environment=staging", "commit=abc"])
        self.assertIn("environment=prod", deploy.tags_of("prod", "abc"))
        self.assertEqual(deploy.tags_of("local", "abc"), ["commit=abc"])
        self.assertEqual(deploy.configured("prod", "global", "stack_name"), "settler-prod")
        with self.assertRaisesRegex(SystemExit, "no .nowhere.global"):
            deploy.configured("nowhere", "global", "stack_name")


if __name__ == "__main__":
    unittest.main()
