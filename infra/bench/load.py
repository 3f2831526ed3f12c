"""`make load RATE=… SECONDS=…`: starts runs at a steady rate on the running stack, then holds the log against what was answered.

Every tenth start is sent twice, as a client does that lost the answer, and what is not answered is sent again with the
same key until it is. Exit 0 only if every accepted run is there once, was started by one event, and has come to an end.
"""
import argparse
import concurrent.futures
import pathlib
import sys
import time
import uuid

sys.path[:0] = [str(pathlib.Path(__file__).resolve().parents[1] / folder) for folder in ("local", "tests/on_stack")]
from given import JANUARY, LOCAL, TENANT, a_job, call  # noqa: E402
from stack import every, http, say  # noqa: E402

ORDERS = 20
THREADS = 128
ENDED = {"completed", "failed", "cancelled"}
# What a client tries again: nobody there, throttled, or out of order for a moment.
AGAIN = {0, 429, 500, 502, 503, 504}
PATIENCE_SECONDS = 60


def start(tag, run, due):
    """(status, seconds from the moment at which the start was due to its answer, tries)."""
    time.sleep(max(0.0, due - time.monotonic()))
    body = {"job_id": f"job-{tag}", "reconciliation_id": run, "date_range": JANUARY}
    headers, tries = {"Authorization": f"Bearer {TENANT['api_key']}", "Idempotency-Key": run}, 0
    while True:
        tries += 1
        status, _ = http("POST", LOCAL["api_url"] + "/v1/reconciliations", body, headers)
        late = time.monotonic() - due
        if status not in AGAIN or late > PATIENCE_SECONDS:
            return status, late, tries
        time.sleep(min(2.0, 0.1 * 2**tries))


def listed(job):
    """Every run of the job with its status, through all pages; a run that is listed twice is twice in it."""
    return [(item["reconciliation_id"], item["status"]) for item in every(lambda path: call("GET", path), f"/v1/reconciliations?job_id={job}")]


def trail(run):
    path = f"/admin/events/reconciliation/{run}?tenant_id={TENANT['tenant_id']}&limit=200"
    return [event["event_type"] for event in call("GET", path, key=LOCAL["admin_api_key"])["items"]]


def share(sorted_values, percent):
    return sorted_values[min(len(sorted_values) - 1, len(sorted_values) * percent // 100)]


def main():
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--rate", type=int, default=20, help="start commands per second")
    asked.add_argument("--seconds", type=int, default=10)
    asked.add_argument("--wait", type=int, default=1800, help="seconds in which all runs have to end")
    options = asked.parse_args()
    tag, count = uuid.uuid4().hex[:8], options.rate * options.seconds
    a_job(tag, ORDERS, "clean")
    runs = [f"load-{tag}-{number:05}" for number in range(count)]
    say(f"{count} starts, {options.rate} a second, each over {ORDERS} orders; every tenth is sent twice")
    began = time.monotonic() + 1
    with concurrent.futures.ThreadPoolExecutor(THREADS) as pool:
        sent = [pool.submit(start, tag, run, began + number / options.rate) for number, run in enumerate(runs) for _ in range(1 + (number % 10 == 0))]
        answers = [future.result() for future in sent]
    took = time.monotonic() - began
    late = sorted(answer[1] for answer in answers)
    refused = sorted({status for status, _, _ in answers if status != 202})
    say(f"  {len(answers)} answers in {took:.1f} s = {len(answers) / took:.0f} a second; from due to answered: median {share(late, 50):.2f} s, 99 of 100 in {share(late, 99):.2f} s; {sum(answer[2] - 1 for answer in answers)} tries again")

    while True:
        states = listed(f"job-{tag}")
        open_runs = count - sum(status in ENDED for _, status in states)
        waited = time.monotonic() - began
        say(f"  {waited:5.0f} s: {count - open_runs} of {count} have ended")
        if open_runs == 0 or waited > options.wait:
            break
        time.sleep(min(15, 1 + count / 100))

    ids = [run for run, _ in states]
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        trails = list(pool.map(trail, runs))
    failures = 0
    for holds, text in (
        (not refused, f"every start was accepted{f', but for {refused}' if refused else ''}"),
        (sorted(ids) == runs, f"{len(set(ids))} of {count} runs are listed, {len(ids) - len(set(ids))} of them twice"),
        (all(events.count("ReconciliationStarted") == 1 for events in trails), "each was started by one event"),
        (all(sum(events.count(end) for end in ("ReconciliationCompleted", "ReconciliationFailed", "ReconciliationCancelled")) == 1 for events in trails), "each has come to one end"),
        (all(status == "completed" for _, status in states), f"{sum(status == 'completed' for _, status in states)} of {count} are completed"),
    ):
        say(f"  {'✓' if holds else '✗'} {text}")
        failures += not holds
    say(f"{count} runs in {time.monotonic() - began:.0f} s, from the first start to the last check")
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
