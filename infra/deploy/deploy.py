"""Deploys to AWS in guarded stages: `deploy.py --env staging` (`make deploy ENV=staging`), with the account's credentials.

1. the release: a clean tree, so that what runs can be found again, and no event that the running release may have written is
   unknown to it (that is what a rollback must not do)
2. build
3. a change set, which sam shows before anything happens; one that removes or replaces what has to be kept is refused
4. execution; CloudFormation takes everything back when a part of it fails
5. `settler migrate` and `settler doctor`, with SETTLER_API_KEY of the platform; without it, what to type

`--check` ends after the change set, which is deleted again.
"""
import argparse
import os
import pathlib
import re
import subprocess
import sys

import boto3

ROOT = pathlib.Path(__file__).resolve().parents[2]
# What cannot be made anew, or only from a backup: data, schedules, runs that are under way, the address of the API.
KEPT = {
    "AWS::DynamoDB::Table", "AWS::S3::Bucket", "AWS::SQS::Queue", "AWS::SecretsManager::Secret", "AWS::Scheduler::ScheduleGroup",
    "AWS::StepFunctions::StateMachine", "AWS::StepFunctions::StateMachineAlias", "AWS::ApiGatewayV2::Api",
}
COMMIT_TAG = "commit"


def refusals(changes):
    """Why a change set may not be executed: what it would do to what has to be kept."""
    found = []
    for change in (entry["ResourceChange"] for entry in changes if entry.get("Type") == "Resource"):
        if change["ResourceType"] not in KEPT:
            continue
        what = f"{change['LogicalResourceId']} ({change['ResourceType']})"
        if change["Action"] == "Remove" and change.get("PolicyAction") != "Retain":
            found.append(f"{what} would be removed")
        elif change.get("Replacement") in ("True", "Conditional"):
            found.append(f"{what} would be replaced")
    return found


def unknown_events(running, wanted):
    """Events that the running release may have written and the wanted one cannot read, of two lists of files below infra/events."""
    versions = lambda files: {path for path in files if re.fullmatch(r"infra/events/[a-z_]+/\w+@\d+\.schema\.json", path)}  # noqa: E731
    return sorted(versions(running) - versions(wanted))


def git(*arguments):
    return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()


def events_at(commit):
    return git("ls-tree", "-r", "--name-only", commit, "infra/events").splitlines()


def running_commit(cloudformation, stack):
    """The commit of the running stack; none before the first deployment."""
    try:
        found = cloudformation.describe_stacks(StackName=stack)["Stacks"][0]
    except cloudformation.exceptions.ClientError as error:
        if "does not exist" in str(error):
            return None
        raise
    return next((tag["Value"] for tag in found.get("Tags", []) if tag["Key"] == COMMIT_TAG), None)


def check_release(cloudformation, stack):
    if git("status", "--porcelain"):
        sys.exit("the tree is not clean: commit first, so that what runs can be found again")
    commit, running = git("rev-parse", "HEAD"), running_commit(cloudformation, stack)
    if running:
        try:
            lost = unknown_events(events_at(running), events_at(commit))
        except subprocess.CalledProcessError:
            sys.exit(f"the running release, commit {running}, is not in this clone: fetch it first")
        if lost:
            sys.exit("the running release may have written events that this one cannot read:\n  " + "\n  ".join(lost))
    print(f"release  {commit[:12]}, over {running[:12] if running else 'nothing'}")
    return commit


def sam(*arguments):
    done = subprocess.run(["sam", *arguments], cwd=ROOT, check=False)
    if done.returncode:
        sys.exit(f"sam {arguments[0]} failed")


def configured(env, table, name):
    """A text of samconfig.toml; none where it is not set."""
    text = (ROOT / "samconfig.toml").read_text()
    begin = text.find(f"[{env}.{table}.parameters]\n")
    if begin < 0:
        sys.exit(f"samconfig.toml has no [{env}.{table}.parameters]")
    section = text[begin + 1:].split("\n[", 1)[0]
    found = re.search(rf'^{name} = "([^"]*)"', section, re.M)
    return found[1] if found else None


def tags_of(env, commit):
    """The tags of samconfig.toml and the commit: a --tags on the command line replaces those of the file."""
    return [*(configured(env, "deploy", "tags") or "").split(), f"{COMMIT_TAG}={commit}"]


def pending(cloudformation, stack):
    """The change set that sam has just made and not executed; none when nothing changes."""
    pages = cloudformation.get_paginator("list_change_sets").paginate(StackName=stack)
    sets = [s for page in pages for s in page["Summaries"] if s["ExecutionStatus"] == "AVAILABLE" and s["ChangeSetName"].startswith("samcli-deploy")]
    return max(sets, key=lambda s: s["CreationTime"], default=None)


def changes_of(cloudformation, name):
    pages = cloudformation.get_paginator("describe_change_set").paginate(ChangeSetName=name)
    return [change for page in pages for change in page["Changes"]]


def execute(cloudformation, stack, change_set):
    new = cloudformation.describe_stacks(StackName=stack)["Stacks"][0]["StackStatus"] == "REVIEW_IN_PROGRESS"
    cloudformation.execute_change_set(ChangeSetName=change_set)
    try:
        cloudformation.get_waiter("stack_create_complete" if new else "stack_update_complete").wait(StackName=stack)
    except Exception as error:  # noqa: BLE001 - whatever it was, the stack says how it stands
        status = cloudformation.describe_stacks(StackName=stack)["Stacks"][0]["StackStatus"]
        sys.exit(f"the deployment did not end well ({error}); the stack is {status}: its events in CloudFormation say why")


def after(api_url):
    """What is left to do once the stack stands."""
    commands = [["settler", "migrate"], ["settler", "doctor"]]
    environment = os.environ | {"SETTLER_API_URL": api_url}
    if not os.environ.get("SETTLER_API_KEY"):
        print(f"\nwith a platform key in SETTLER_API_KEY:\n  export SETTLER_API_URL={api_url}\n  settler migrate && settler doctor")
        return
    for command in commands:
        print(f"\n$ {' '.join(command)}", flush=True)
        if subprocess.run(command, env=environment, check=False).returncode:
            sys.exit(f"`{' '.join(command)}` has found something: the release is deployed, and is to be looked at")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--env", required=True, help="section of samconfig.toml: staging or prod")
    parser.add_argument("--check", action="store_true", help="show the change set and delete it")
    parser.add_argument("--yes", action="store_true", help="do not ask before the change set is executed")
    given = parser.parse_args()
    if not boto3.Session().region_name:
        sys.exit("which region? set AWS_REGION, or one in your AWS configuration")
    stack, cloudformation = configured(given.env, "global", "stack_name"), boto3.client("cloudformation")
    commit = check_release(cloudformation, stack)
    sam("build", "--config-env", given.env)
    sam("deploy", "--config-env", given.env, "--no-execute-changeset", "--no-confirm-changeset", "--tags", *tags_of(given.env, commit))
    change_set = pending(cloudformation, stack)
    if change_set is None:
        print("nothing changes")
    else:
        refused = refusals(changes_of(cloudformation, change_set["ChangeSetId"]))
        if refused or given.check:
            cloudformation.delete_change_set(ChangeSetName=change_set["ChangeSetId"])
        if refused:
            sys.exit("refused, nothing was changed:\n  " + "\n  ".join(refused))
        if given.check:
            return
        if not given.yes and input(f"execute on {stack}? (yes) ") != "yes":
            cloudformation.delete_change_set(ChangeSetName=change_set["ChangeSetId"])
            sys.exit("nothing was changed")
        execute(cloudformation, stack, change_set["ChangeSetId"])
    outputs = cloudformation.describe_stacks(StackName=stack)["Stacks"][0].get("Outputs", [])
    after(next(output["OutputValue"] for output in outputs if output["OutputKey"] == "ApiUrl"))


if __name__ == "__main__":
    main()
