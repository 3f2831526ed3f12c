"""The template and the state machine, read as data: what must hold of every function, table, queue, route and task."""
import json
import pathlib
import re
import subprocess
import sys
import unittest

import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
MACHINES = sorted((ROOT / "infra/statemachines").glob("*.asl.json"))
SERVICE_ERRORS = {
    "Settler.Transient", "Lambda.ServiceException", "Lambda.AWSLambdaException", "Lambda.SdkClientException",
    "Lambda.ClientExecutionTimeoutException", "Lambda.TooManyRequestsException", "Lambda.Unknown",
    "Runtime.ExitError", "Runtime.Unknown", "Sandbox.Timedout", "States.Timeout",
}
ROUTES = {
    "POST /v1/reconciliations": "CmdStartReconciliation",
    **{f"POST /v1/reconciliations/{{id}}/{verb}": f"Cmd{verb.capitalize()}Reconciliation" for verb in ("retry", "cancel", "pause", "resume")},
    **{f"POST /admin/sagas/{{saga_type}}/{{saga_id}}/{verb}": "ApiAdmin" for verb in ("resume", "retry", "cancel", "kill", "skip-undo")},
    "PUT /v1/connections/{id}": "CmdPutConnection",
    "POST /v1/uploads": "CmdCreateUpload",
    "POST /v1/jobs": "CmdManageJobs",
    "PUT /v1/jobs/{id}": "CmdManageJobs",
    "DELETE /v1/jobs/{id}": "CmdManageJobs",
    "POST /v1/jobs/{id}/webhooks/{endpoint_id}/rotate": "CmdManageJobs",
    "GET /v1/webhooks/{endpoint_id}/deliveries": "ApiQuery",
    "POST /v1/webhooks/{endpoint_id}/deliveries/{delivery_id}/replay": "CmdReplayDelivery",
    "POST /v1/reconciliations/{id}/suggestions/{match_id}/confirm": "CmdDecideMatches",
    "POST /v1/reconciliations/{id}/suggestions/{match_id}/reject": "CmdDecideMatches",
    "POST /v1/reconciliations/{id}/matches": "CmdDecideMatches",
    "POST /v1/reconciliations/{id}/matches/{match_id}/break": "CmdDecideMatches",
    "POST /v1/reconciliations/{id}/unmatched/{record_id+}": "CmdDecideMatches",
    "GET /v1/connections/{id}": "ApiQuery",
    "GET /v1/jobs": "ApiQuery",
    "GET /v1/jobs/{id}": "ApiQuery",
    "GET /v1/reconciliations": "ApiQuery",
    "GET /v1/reconciliations/{id}": "ApiQuery",
    **{f"GET /v1/reconciliations/{{id}}/{part}": "ApiQuery" for part in ("matches", "suggestions", "unmatched", "excluded", "orders", "report")},
    "GET /admin/events/{aggregate_type}/{aggregate_id}": "ApiAdmin",
    "GET /admin/events/correlation/{correlation_id}": "ApiAdmin",
    "POST /admin/events/verify": "ApiAdmin",
    "POST /admin/events/rebuild-heads": "ApiAdmin",
    "GET /admin/sagas": "ApiAdmin",
    "GET /admin/sagas/{saga_type}/{saga_id}": "ApiAdmin",
    "GET /v1/usage": "ApiQuery",
    "GET /v1/error-hotspots": "ApiQuery",
    "GET /admin/projections": "ApiAdmin",
    "GET /admin/projections/comparison": "ApiAdmin",
    "POST /admin/projections/rebuild": "ApiAdmin",
    "POST /admin/projections/unpark": "ApiAdmin",
    "GET /admin/dead-letter-queue": "ApiAdmin",
    "GET /admin/dead-letter-queue/{id}": "ApiAdmin",
    **{f"POST /admin/dead-letter-queue/{part}": "ApiAdmin" for part in ("redrive", "{id}/resolve", "{id}/redrive")},
    "GET /admin/circuit-breakers": "ApiAdmin",
    "POST /admin/dry-run": "ApiAdmin",
    "GET /admin/health": "ApiAdmin",
    "GET /admin/api-keys": "ApiAdmin",
    "POST /admin/api-keys": "ApiAdmin",
    "DELETE /admin/api-keys/{key_id}": "ApiAdmin",
    **{f"POST /admin/circuit-breakers/{{key}}/{mode}": "ApiAdmin" for mode in ("open", "close", "auto")},
    "GET /healthz": "ApiQuery",
    "$default": "ApiQuery",
}
WITHOUT_KEY = {"GET /healthz"}
# Actions that know no resource.
ANY_RESOURCE = re.compile(r"xray:|logs:|states:SendTask")


class Loader(yaml.SafeLoader):
    """CloudFormation's short forms, as the long ones."""


def intrinsic(loader, tag, node):
    name = tag if tag in ("Ref", "Condition") else f"Fn::{tag}"
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
        return {name: value.split(".", 1) if tag == "GetAtt" else value}
    return {name: loader.construct_sequence(node, deep=True) if isinstance(node, yaml.SequenceNode) else loader.construct_mapping(node, deep=True)}


Loader.add_multi_constructor("!", intrinsic)
TEMPLATE = yaml.load((ROOT / "template.yaml").read_text(), Loader)  # noqa: S506 - a SafeLoader
RESOURCES = TEMPLATE["Resources"]


def of_type(kind):
    return {name: r for name, r in RESOURCES.items() if r["Type"] == kind}


FUNCTIONS = of_type("AWS::Serverless::Function")


def folder(name):
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", name).lower()


def as_list(value):
    return value if isinstance(value, list) else [value]


def statements():
    """(owner, statement) of every policy in the template, ports included."""
    for name, r in RESOURCES.items():
        p = r.get("Properties", {})
        documents = [d for d in p.get("Policies", []) if isinstance(d, dict) and "Statement" in d]
        documents += [d["PolicyDocument"] for d in p.get("Policies", []) if isinstance(d, dict) and "PolicyDocument" in d]
        documents += [p["PolicyDocument"]] if "PolicyDocument" in p else []
        for document in documents:
            for statement in document["Statement"]:
                yield name, statement


class Functions(unittest.TestCase):
    def test_every_folder_is_a_function_and_the_other_way_round(self):
        self.assertEqual({folder(name) for name in FUNCTIONS}, {p.parent.name for p in (ROOT / "functions").glob("*/Cargo.toml")})

    def test_every_function_is_guarded_and_built_by_make(self):
        for name, function in FUNCTIONS.items():
            with self.subTest(name):
                self.assertIn({"Ref": "EventStoreGuard"}, function["Properties"]["Policies"])
                self.assertEqual(function["Metadata"], {"BuildMethod": "makefile"})

    def test_a_stream_has_at_most_two_readers_and_each_a_dead_letter_queue(self):
        readers = [(n, e["Properties"]) for n, f in FUNCTIONS.items() for e in f["Properties"].get("Events", {}).values() if e["Type"] == "DynamoDB"]
        self.assertLessEqual(len(readers), 2)
        queues = [r["DestinationConfig"]["OnFailure"]["Destination"]["Fn::GetAtt"][0] for _, r in readers]
        self.assertEqual(len(set(queues)), len(readers))
        for name, reader in readers:
            with self.subTest(name):
                self.assertTrue(reader["BisectBatchOnFunctionError"])
                self.assertGreater(reader["MaximumRetryAttempts"], 0)
                self.assertEqual(reader["FunctionResponseTypes"], ["ReportBatchItemFailures"])

    def test_a_table_variable_names_its_table(self):
        for name, function in FUNCTIONS.items():
            for variable, value in function["Properties"].get("Environment", {}).get("Variables", {}).items():
                if variable.endswith("_TABLE"):
                    with self.subTest(f"{name} {variable}"):
                        own = folder(value["Ref"]).replace("-", "_").upper() + "_TABLE"
                    # RUN_CONSUMPTION_TABLE is read; CONSUMPTION_TABLE would make a function keep its own.
                    self.assertIn(variable, (own, f"RUN_{own}"))


class Permissions(unittest.TestCase):
    def test_no_action_is_a_wildcard_and_no_resource_without_need(self):
        for owner, statement in statements():
            with self.subTest(f"{owner} {statement}"):
                if statement["Effect"] == "Deny":
                    continue
                for action in as_list(statement["Action"]):
                    self.assertNotIn("*", action)
                if "*" in as_list(statement.get("Resource", [])):
                    for action in as_list(statement["Action"]):
                        self.assertRegex(action, ANY_RESOURCE)

    def test_nobody_may_change_or_remove_a_commit(self):
        for owner, statement in statements():
            resources = json.dumps(statement.get("Resource", ""))
            if statement["Effect"] == "Allow" and "EventStore" in resources and "StreamArn" not in resources:
                with self.subTest(owner):
                    self.assertFalse({"dynamodb:UpdateItem", "dynamodb:DeleteItem", "dynamodb:BatchWriteItem"} & set(as_list(statement["Action"])))
        guard = RESOURCES["EventStoreGuard"]["Properties"]["PolicyDocument"]["Statement"][0]
        self.assertEqual(guard["Effect"], "Deny")
        self.assertLessEqual({"dynamodb:UpdateItem", "dynamodb:DeleteItem"}, set(guard["Action"]))


class Stores(unittest.TestCase):
    def test_every_table_can_be_restored_is_encrypted_and_on_demand(self):
        tables = of_type("AWS::DynamoDB::Table")
        self.assertEqual(len(tables), 19)
        for name, table in tables.items():
            with self.subTest(name):
                p = table["Properties"]
                self.assertTrue(p["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"])
                self.assertTrue(p["SSESpecification"]["SSEEnabled"])
                self.assertEqual(p["BillingMode"], "PAY_PER_REQUEST")
                self.assertNotIn("TableName", p)

    def test_only_heads_have_a_stream(self):
        self.assertEqual([n for n, t in of_type("AWS::DynamoDB::Table").items() if "StreamSpecification" in t["Properties"]], ["StreamHeads"])

    def test_what_cannot_be_rebuilt_is_retained(self):
        for name in ("EventStore", "StreamHeads", "DataBucket"):
            self.assertEqual(RESOURCES[name]["DeletionPolicy"], {"Ref": "DataRetention"})
            self.assertEqual(RESOURCES[name]["UpdateReplacePolicy"], {"Ref": "DataRetention"})

    def test_the_bucket_is_private_and_encrypted(self):
        for name, bucket in of_type("AWS::S3::Bucket").items():
            with self.subTest(name):
                self.assertEqual(set(bucket["Properties"]["PublicAccessBlockConfiguration"].values()), {True})
                self.assertIn("BucketEncryption", bucket["Properties"])

    def test_every_queue_is_encrypted_and_every_working_queue_has_its_own_dead_letter_queue(self):
        queues = of_type("AWS::SQS::Queue")
        targets = []
        for name, queue in queues.items():
            with self.subTest(name):
                p = queue["Properties"]
                self.assertTrue(p["SqsManagedSseEnabled"])
                if name.endswith("DeadLetters"):
                    self.assertEqual(p["MessageRetentionPeriod"], 1209600)
                else:
                    targets.append(p["RedrivePolicy"]["deadLetterTargetArn"]["Fn::GetAtt"][0])
                    reader = next((f for f in FUNCTIONS.values() for e in f["Properties"].get("Events", {}).values()
                                   if e["Properties"].get("Queue") == {"Fn::GetAtt": [name, "Arn"]}), None)
                    if reader:
                        self.assertGreaterEqual(p["VisibilityTimeout"], 6 * reader["Properties"]["Timeout"])
        self.assertEqual(len(targets), len(set(targets)))
        self.assertTrue(all(t.endswith("DeadLetters") for t in targets))

    def test_every_rule_target_has_a_dead_letter_queue(self):
        for name, rule in of_type("AWS::Events::Rule").items():
            for target in rule["Properties"]["Targets"]:
                with self.subTest(name):
                    self.assertIn("DeadLetterConfig", target)


def dead_letter_sources():
    """{dead-letter queue: entry} of the table that dead-letter reads, its references taken as names."""
    text = FUNCTIONS["DeadLetter"]["Properties"]["Environment"]["Variables"]["DEAD_LETTER_SOURCES"]["Fn::Sub"]
    table = json.loads(re.sub(r"\$\{(\w+)\.Arn\}", r"\1", text))
    return {queue: entry for queue, entry in table.items()}


class DeadLetters(unittest.TestCase):
    """Every asynchronous edge ends in a queue that dead-letter reads."""

    def edges(self):
        """(edge, its dead-letter queue or None)"""
        for name, queue in of_type("AWS::SQS::Queue").items():
            if not name.endswith("DeadLetters"):
                policy = queue["Properties"].get("RedrivePolicy", {})
                yield f"queue {name}", policy.get("deadLetterTargetArn")
        for name, function in FUNCTIONS.items():
            for event, e in function["Properties"].get("Events", {}).items():
                if e["Type"] == "DynamoDB":
                    yield f"stream of {name}", e["Properties"].get("DestinationConfig", {}).get("OnFailure", {}).get("Destination")
                elif e["Type"] in ("Schedule", "ScheduleV2", "EventBridgeRule", "CloudWatchEvent", "S3", "SNS"):
                    yield f"{event} of {name}", (e["Properties"].get("DeadLetterConfig") or {}).get("Arn")
                    yield f"asynchronous {name}", self.on_failure(function)
        for name, rule in of_type("AWS::Events::Rule").items():
            for target in rule["Properties"]["Targets"]:
                yield f"target {target['Id']} of {name}", target.get("DeadLetterConfig", {}).get("Arn")
        for name in self.invoked_by_schedules():
            yield f"schedules of {name}", self.on_failure(FUNCTIONS[name])
        for name, schedule in of_type("AWS::Scheduler::Schedule").items():
            yield f"schedule {name}", schedule["Properties"]["Target"].get("DeadLetterConfig", {}).get("Arn")

    @staticmethod
    def on_failure(function):
        return function["Properties"].get("EventInvokeConfig", {}).get("DestinationConfig", {}).get("OnFailure", {}).get("Destination")

    @staticmethod
    def invoked_by_schedules():
        """Functions that the scheduler's role, or a rule, may invoke."""
        invoked = set()
        for name, role in of_type("AWS::IAM::Role").items():
            if "scheduler.amazonaws.com" in json.dumps(role["Properties"]["AssumeRolePolicyDocument"]):
                for policy in role["Properties"].get("Policies", []):
                    for statement in policy["PolicyDocument"]["Statement"]:
                        if "lambda:InvokeFunction" in as_list(statement["Action"]):
                            invoked |= {r["Fn::GetAtt"][0] for r in as_list(statement["Resource"])}
        for rule in of_type("AWS::Events::Rule").values():
            invoked |= {t["Arn"]["Fn::GetAtt"][0] for t in rule["Properties"]["Targets"] if t["Arn"].get("Fn::GetAtt", [""])[0] in FUNCTIONS}
        return sorted(invoked & set(FUNCTIONS))

    def test_every_asynchronous_edge_has_a_dead_letter_queue_that_is_read(self):
        sources = dead_letter_sources()
        edges = list(self.edges())
        self.assertGreaterEqual(len(edges), 6)
        for edge, destination in edges:
            with self.subTest(edge):
                self.assertIsNotNone(destination, f"{edge} has no dead-letter queue")
                self.assertIn(destination["Fn::GetAtt"][0], sources)

    def test_every_dead_letter_queue_is_read_and_known(self):
        queues = {n for n in of_type("AWS::SQS::Queue") if n.endswith("DeadLetters")}
        read = {e["Properties"]["Queue"]["Fn::GetAtt"][0] for e in FUNCTIONS["DeadLetter"]["Properties"]["Events"].values()}
        self.assertEqual(read, queues)
        self.assertEqual(set(dead_letter_sources()), queues)
        timeout = FUNCTIONS["DeadLetter"]["Properties"].get("Timeout", TEMPLATE["Globals"]["Function"]["Timeout"])
        for name in queues:
            self.assertGreaterEqual(RESOURCES[name]["Properties"]["VisibilityTimeout"], 6 * timeout, name)

    def test_every_source_has_a_way_back_that_operators_may_take(self):
        admin = FUNCTIONS["ApiAdmin"]["Properties"]
        targets = json.loads(re.sub(r"\$\{(\w+)(\.Arn)?\}", r"\1", admin["Environment"]["Variables"]["REDRIVE_TARGETS"]["Fn::Sub"]))
        # What a rule could not deliver is known by its target; `bus` stands for a target that is nobody's.
        self.assertEqual(set(targets) | {"bus"}, {entry["source"] for entry in dead_letter_sources().values()})
        allowed = {action: {r["Fn::GetAtt"][0] for _, s in self.statements_of(admin) if action in as_list(s["Action"]) for r in as_list(s["Resource"]) if "Fn::GetAtt" in r}
                   for action in ("sqs:SendMessage", "lambda:InvokeFunction")}
        self.assertEqual({t["queue"] for t in targets.values() if "queue" in t}, allowed["sqs:SendMessage"])
        self.assertEqual({t["function"] for t in targets.values() if "function" in t}, allowed["lambda:InvokeFunction"])
        for entry in dead_letter_sources().values():
            if entry.get("target") in of_type("AWS::SQS::Queue"):
                self.assertEqual(targets[entry["source"]], {"queue": entry["target"]})

    @staticmethod
    def statements_of(function):
        return [(None, s) for d in function["Policies"] if isinstance(d, dict) and "Statement" in d for s in d["Statement"]]

    def test_the_counts_are_those_of_the_redrive_policies(self):
        for name, queue in of_type("AWS::SQS::Queue").items():
            policy = queue["Properties"].get("RedrivePolicy")
            if policy:
                with self.subTest(name):
                    entry = dead_letter_sources()[policy["deadLetterTargetArn"]["Fn::GetAtt"][0]]
                    self.assertEqual(entry["max_retries"], policy["maxReceiveCount"])
                    self.assertEqual(entry["target"], name)

    def test_a_consumer_knows_its_queue_its_count_and_where_its_dead_letters_go(self):
        for name, function in FUNCTIONS.items():
            p = function["Properties"]
            variables = p.get("Environment", {}).get("Variables", {})
            for event in p.get("Events", {}).values():
                if event["Type"] != "SQS" or name == "DeadLetter":
                    continue
                with self.subTest(name):
                    queue = event["Properties"]["Queue"]["Fn::GetAtt"][0]
                    policy = RESOURCES[queue]["Properties"]["RedrivePolicy"]
                    self.assertEqual(variables["QUEUE_URL"], {"Ref": queue})
                    self.assertEqual(variables["DEAD_LETTER_QUEUE_URL"], {"Ref": policy["deadLetterTargetArn"]["Fn::GetAtt"][0]})
                    self.assertEqual(int(variables.get("MAX_RECEIVE_COUNT", 5)), policy["maxReceiveCount"])


class Api(unittest.TestCase):
    def test_routes(self):
        found = {}
        for name, route in of_type("AWS::ApiGatewayV2::Route").items():
            p = route["Properties"]
            integration = re.fullmatch(r"integrations/\$\{(\w+)\}", p["Target"]["Fn::Sub"]).group(1)
            found[p["RouteKey"]] = RESOURCES[integration]["Properties"]["IntegrationUri"]["Fn::GetAtt"][0]
            with self.subTest(name):
                if p["RouteKey"] in WITHOUT_KEY:
                    self.assertEqual(p["AuthorizationType"], "NONE")
                    continue
                self.assertEqual(p["AuthorizationType"], {"Fn::If": ["WithJwt", "JWT", "CUSTOM"]})
                self.assertEqual(p["AuthorizerId"], {"Fn::If": ["WithJwt", {"Ref": "JwtAuthorizer"}, {"Ref": "HttpAuthorizer"}]})
        self.assertEqual(found, ROUTES)

    def test_every_integration_uses_payload_2_and_may_invoke(self):
        permitted = {p["Properties"]["FunctionName"]["Ref"] for p in of_type("AWS::Lambda::Permission").values()}
        for name, integration in of_type("AWS::ApiGatewayV2::Integration").items():
            with self.subTest(name):
                self.assertEqual(integration["Properties"]["PayloadFormatVersion"], "2.0")
                self.assertIn(integration["Properties"]["IntegrationUri"]["Fn::GetAtt"][0], permitted)


def waits(task):
    return task["Resource"].endswith(".waitForTaskToken")


def states(machine, in_branch=False):
    for name, state in machine["States"].items():
        yield name, state, in_branch
        for inner in state.get("Branches", []) + ([state["ItemProcessor"]] if "ItemProcessor" in state else []):
            yield from states(inner, True)


class StateMachines(unittest.TestCase):
    def each(self):
        for path in MACHINES:
            for name, state, in_branch in states(json.loads(path.read_text())):
                yield f"{path.name} {name}", state, in_branch

    def test_every_task_has_a_literal_timeout_service_retries_and_a_catch(self):
        for name, task, _ in self.each():
            if task["Type"] != "Task":
                continue
            self.assertIsInstance(task.get("TimeoutSeconds"), int, name)
            retried = {error for r in task.get("Retry", []) for error in r["ErrorEquals"]}
            # A wait whose time is over is no failure: it loops.
            self.assertEqual(retried, SERVICE_ERRORS - {"States.Timeout"} if waits(task) else SERVICE_ERRORS, name)
            for retry in task["Retry"]:
                self.assertEqual((retry["IntervalSeconds"], retry["BackoffRate"], retry["MaxDelaySeconds"], retry["JitterStrategy"], retry["MaxAttempts"]), (1, 2, 30, "FULL", 3))
            self.assertEqual(task["Catch"][0]["ErrorEquals"], ["Settler.Superseded"], name)
            self.assertEqual(task["Catch"][-1]["ErrorEquals"], ["States.ALL"], name)

    def test_a_function_ends_before_its_task(self):
        for name, task, _ in self.each():
            if task["Type"] == "Task":
                function = task["Arguments"]["FunctionName"].strip("${}")
                self.assertLess(FUNCTIONS[function]["Properties"]["Timeout"], task["TimeoutSeconds"], name)

    def test_a_call_ends_before_its_invocation_and_that_before_its_function_and_that_before_its_task(self):
        p = FUNCTIONS["StepFetchRecords"]["Properties"]
        call = TEMPLATE["Parameters"]["ProviderCallTimeoutSeconds"]
        self.assertEqual(p["Environment"]["Variables"]["PROVIDER_CALL_TIMEOUT_SECONDS"], {"Ref": "ProviderCallTimeoutSeconds"})
        invocation = int(p["Environment"]["Variables"]["PROVIDER_DEADLINE_SECONDS"])
        lease = TEMPLATE["Parameters"]["BreakerLeaseSeconds"]["Default"]
        self.assertEqual(call["Default"], 30)
        self.assertLess(call["Default"], call["MaxValue"])
        self.assertLess(call["Default"], lease)
        self.assertLess(call["MaxValue"], invocation)
        self.assertLess(invocation, p["Timeout"])
        for name, task, _ in self.each():
            if task["Type"] == "Task" and task["Arguments"].get("FunctionName") == "${StepFetchRecords}":
                self.assertLess(p["Timeout"], task["TimeoutSeconds"], name)

    def test_a_branch_assigns_nothing_and_never_fails(self):
        for name, state, in_branch in self.each():
            if in_branch:
                self.assertNotIn("Assign", state, name)
                self.assertNotEqual(state["Type"], "Fail", name)

    def test_there_is_one_way_to_wait(self):
        for path in MACHINES:
            machine = json.loads(path.read_text())
            for name, state in machine["States"].items():
                self.assertNotEqual(state["Type"], "Wait", name)
                if state["Type"] == "Task" and waits(state):
                    self.assertEqual(state["Arguments"]["FunctionName"], "${StepWait}", name)
                    self.assertIn(state["TimeoutSeconds"], (60, 86400), name)
                    looped = [c for c in state["Catch"] if c["ErrorEquals"] == ["States.Timeout"]]
                    self.assertEqual([(c["Next"], c["Output"]) for c in looped], [(name, "{% $states.input %}")], name)
                    # Whoever is woken goes back to where it stood, with what it had.
                    self.assertEqual((state["Output"], state["Next"]), ("{% $states.input %}", "resumed"), name)
            for state in (s for _, s, in_branch in states(machine) if in_branch):
                self.assertFalse(state["Type"] == "Task" and waits(state), "a branch waits for nothing")

    def test_every_step_is_in_the_machine_and_is_undone_or_forward_only(self):
        """The definition in Rust is what the scaffold tests; the machine has to be the same saga."""
        source = (ROOT / "shared/domain/src/saga/step.rs").read_text()
        names = dict(re.findall(r'Self::(\w+) => "([a-z_]+)"', source))
        undo = {}
        for variants, kind in re.findall(r"((?:Self::\w+(?: \| )?)+) => Undo::(\w+),", source):
            undo |= {names[v]: kind for v in re.findall(r"Self::(\w+)", variants)}
        self.assertEqual(set(undo), set(names.values()))
        machine = json.loads((ROOT / "infra/statemachines/reconciliation.asl.json").read_text())
        every = {name: (state, in_branch) for name, state, in_branch in states(machine)}
        for step, kind in undo.items():
            with self.subTest(step):
                task, in_branch = every[step]
                self.assertEqual(task["Type"], "Task")
                final = task["Catch"][-1]["Next"]
                if in_branch:
                    self.assertEqual(machine["States"]["fetch_failed"]["Next"], "plan_undo")
                elif step == "notify_webhooks":
                    self.assertEqual((kind, final), ("ForwardOnly", "ended"))
                else:
                    self.assertEqual(final, "plan_undo")
        timeouts = {}
        for variants, seconds in re.findall(r"((?:Self::\w+(?: \| )?)+) => (\d+),", source):
            timeouts |= {names[v]: int(seconds) for v in re.findall(r"Self::(\w+)", variants)}
        self.assertEqual(timeouts, {step: every[step][0]["TimeoutSeconds"] for step in undo})

    def test_every_superseded_task_leads_to_succeed(self):
        for path in MACHINES:
            machine = json.loads(path.read_text())
            for name, state in machine["States"].items():
                for catch in state.get("Catch", []):
                    if "Settler.Superseded" in catch["ErrorEquals"]:
                        self.assertEqual(machine["States"][catch["Next"]]["Type"], "Succeed", name)

    def test_every_name_of_ours_is_in_the_error_registry(self):
        registry = (ROOT / "shared/domain/src/failure.rs").read_text()
        for path in MACHINES:
            for error in sorted(set(re.findall(r"Settler\.\w+", path.read_text()))):
                with self.subTest(error):
                    self.assertIn(f'"{error}"', registry)

    def test_every_substitution_is_given_and_used(self):
        for name, machine in of_type("AWS::Serverless::StateMachine").items():
            text = (ROOT / machine["Properties"]["DefinitionUri"]).read_text()
            with self.subTest(name):
                self.assertEqual(set(re.findall(r"\$\{(\w+)\}", text)), set(machine["Properties"]["DefinitionSubstitutions"]))

    def test_lint(self):
        done = subprocess.run([sys.executable, ROOT / "infra/local/lint_state_machine.py"], capture_output=True, text=True, check=False)
        self.assertEqual((done.returncode, done.stdout), (0, ""))


class Observability(unittest.TestCase):
    ALARMS = of_type("AWS::CloudWatch::Alarm")

    def emitted(self):
        """Names of metrics that the code writes."""
        names = set()
        for folder in ("shared", "functions"):
            for file in (ROOT / folder).rglob("src/**/*.rs"):
                names |= set(re.findall(r'METRIC, name = "(\w+)"', file.read_text()))
        counted = re.search(r"COUNTED_EVENTS: \[&str; \d+\] = \[(.*?)\]", (ROOT / "shared/domain/src/lib.rs").read_text(), re.S)
        return names | set(re.findall(r'"(\w+)"', counted[1]))

    def board(self):
        return json.loads(RESOURCES["Dashboard"]["Properties"]["DashboardBody"]["Fn::Sub"])

    def test_what_is_watched_is_written(self):
        emitted = self.emitted()
        self.assertIn("StepFailed", emitted)
        for name, alarm in self.ALARMS.items():
            if alarm["Properties"].get("Namespace") == "Settler":
                self.assertIn(alarm["Properties"]["MetricName"], emitted, name)
                self.assertEqual(alarm["Properties"]["Dimensions"], [{"Name": "service", "Value": "settler"}], name)
        for widget in self.board()["widgets"]:
            for namespace, metric, *rest in widget["properties"].get("metrics", []):
                if namespace == "Settler":
                    self.assertIn(metric, emitted, widget["properties"]["title"])
                    self.assertEqual(rest[:2], ["service", "settler"])

    def test_every_alarm_says_what_it_means_and_tells_somebody(self):
        self.assertGreater(len(self.ALARMS), 10)
        shown = {name for widget in self.board()["widgets"] for name in re.findall(r"\$\{(\w+)\.Arn\}", " ".join(widget["properties"].get("alarms", [])))}
        self.assertEqual(shown, set(self.ALARMS))
        for name, alarm in self.ALARMS.items():
            self.assertGreater(len(alarm["Properties"]["AlarmDescription"]), 20, name)
            self.assertEqual(alarm["Properties"]["AlarmActions"], [{"Ref": "Alarms"}], name)


if __name__ == "__main__":
    unittest.main()
