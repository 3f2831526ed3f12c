"""`make logs`: the latest lines of all functions, oldest first. MINUTES=10 looks further back, GREP=text filters."""
import os
import time

from stack import Settings, client, fail, stack_outputs


def main():
    settings = Settings()
    outputs = stack_outputs(settings) or fail("No stack is running: `make up`.")
    logs = client("logs", settings)
    since = int((time.time() - 60 * float(os.environ.get("MINUTES", "5"))) * 1000)
    events, token = [], {}
    while True:
        page = logs.filter_log_events(logGroupName=outputs["FunctionLogGroup"], startTime=since, **token)
        events += page["events"]
        if not page.get("nextToken"):
            break
        token = {"nextToken": page["nextToken"]}
    wanted = os.environ.get("GREP", "")
    for event in sorted(events, key=lambda e: e["timestamp"]):
        if wanted in event["message"]:
            print(event["message"].rstrip())


if __name__ == "__main__":
    main()
