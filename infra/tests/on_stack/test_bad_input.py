"""What the API refuses: each wrong request has its status, names what is wrong with it, and changes nothing."""
import http.client
import json
import unittest
import urllib.parse
import uuid

from given import JANUARY, LOCAL, OTHER, TENANT, a_job, call, ends, start

ADDRESS = urllib.parse.urlsplit(LOCAL["api_url"])
RUNS = "/v1/reconciliations"
DEEP = '{"job_id":' + "[" * 50_000 + "]" * 50_000 + "}"


def send(method, path, body=None, headers=None, key=TENANT["api_key"]):
    """(status, content type, text): the path and the body go out as they are, whatever is wrong with them."""
    headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {key}"} if key else {}) | (headers or {})
    connection = http.client.HTTPConnection(ADDRESS.netloc, timeout=40)
    try:
        connection.request(method, ADDRESS.path + path, body=json.dumps(body) if isinstance(body, dict) else body, headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.getheader("Content-Type"), answer.read().decode()
    finally:
        connection.close()


class Refused(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        """A job with a completed run, which no wrong request may touch."""
        tag = uuid.uuid4().hex[:8]
        cls.job, cls.id = f"job-{tag}", f"run-{tag}"
        a_job(tag)
        start(tag)
        ends(cls.id)

    def all_of_it(self):
        """The run with its trail, its job, and the job's runs."""
        trail = [call("GET", f"/admin/events/{kind}/{self.id}?tenant_id={TENANT['tenant_id']}&limit=200", key=LOCAL["admin_api_key"])["items"] for kind in ("reconciliation", "saga")]
        runs = [run["reconciliation_id"] for run in call("GET", f"{RUNS}?job_id={self.job}")["items"]]
        return call("GET", f"{RUNS}/{self.id}"), trail, call("GET", f"/v1/jobs/{self.job}"), runs

    def a_start(self, **fields):
        return "POST", RUNS, {"job_id": self.job, "date_range": JANUARY} | fields

    def cases(self):
        """name: (request, status, what the answer's detail or its errors say)."""
        run, missing = f"{RUNS}/{self.id}", f"{RUNS}/none-{self.id}"
        cursor = call("GET", f"{run}/matches?limit=1")["next_cursor"]
        altered = cursor[:-2] + ("AA" if not cursor.endswith("AA") else "BB")
        reason = {"reason": "a try"}
        return {
            # ids
            "an unknown run": (("GET", missing), 404, "no such reconciliation"),
            "an unknown run's command": (("POST", f"{missing}/cancel", {}), 404, "there is no reconciliation"),
            "an unknown job": (("POST", RUNS, {"job_id": "none", "date_range": JANUARY}), 404, "there is no job `none`"),
            "an unknown match": (("POST", f"{run}/suggestions/none/confirm", reason), 404, "no such suggestion"),
            "another tenant's run": (("GET", run, None, None, OTHER["api_key"]), 404, "no such reconciliation"),
            "an id with a space": (("GET", f"{RUNS}/a%20b"), 404, "nothing with this id"),
            "an id that is too long": (("GET", f"{RUNS}/{'a' * 65}"), 404, "nothing with this id"),
            "an id of 20,000 characters": (("GET", f"{RUNS}/{'a' * 20_000}"), 404, "nothing with this id"),
            "an id with a zero byte": (("GET", f"{RUNS}/a%00b"), 404, "nothing with this id"),
            "an id that is no text": (("GET", f"{RUNS}/%ff%fe"), 404, "nothing with this id"),
            # paths
            "a way out, encoded": (("GET", f"{RUNS}/..%2f..%2fadmin%2fsagas"), 404, "no such route"),
            "a way out": (("GET", "/v1/../admin/sagas"), 404, "no such route"),
            "two slashes": (("GET", "/v1//reconciliations"), 404, "no such route"),
            "another method": (("DELETE", run), 404, "no such route"),
            # lists
            "limit 0": (("GET", f"{RUNS}?limit=0"), 400, "query:limit"),
            "limit 201": (("GET", f"{RUNS}?limit=201"), 400, "query:limit"),
            "a limit beyond every number": (("GET", f"{RUNS}?limit=99999999999999999999"), 400, "query:limit"),
            "a cursor out of thin air": (("GET", f"{RUNS}?cursor=AAAA"), 400, "query:cursor"),
            "a cursor that was altered": (("GET", f"{run}/matches?limit=1&cursor={altered}"), 400, "query:cursor"),
            "another list's cursor": (("GET", f"{run}/orders?cursor={cursor}"), 400, "query:cursor"),
            "a status that there is not": (("GET", f"{RUNS}?status=done"), 400, "query:status"),
            # bodies
            "half a body": (("POST", RUNS, "{"), 400, "not JSON"),
            "no body": (("POST", RUNS, ""), 400, "a JSON object is expected"),
            "a list": (("POST", RUNS, "[]"), 400, "must be a JSON object"),
            "a form": (("POST", RUNS, "job_id=1", {"Content-Type": "application/x-www-form-urlencoded"}), 400, "not JSON"),
            "50,000 lists in each other": (("POST", RUNS, DEEP), 400, "recursion limit"),
            "a number beyond every number": (("POST", RUNS, '{"job_id": 1e999}'), 400, "number out of range"),
            "bytes that are no text": (("POST", RUNS, b'{"job_id": "\xff"}'), 400, "/job_id"),
            "300,000 characters": (self.a_start(reconciliation_id="x" * 300_000), 413, "larger than 262144 bytes"),
            "a field that there is not": (self.a_start(extra=1), 400, "/extra"),
            "an id that is no id": (self.a_start(reconciliation_id="../x"), 400, "/reconciliation_id"),
            "an end before the start": (self.a_start(date_range={"start": "2026-02-01", "end": "2026-01-31"}), 400, "/date_range"),
            "a day that there is not": (self.a_start(date_range={"start": "2026-02-30", "end": "2026-03-31"}), 400, "/date_range/start"),
            "more than a year": (self.a_start(date_range={"start": "2025-01-01", "end": "2026-03-31"}), 400, "at most 366"),
            "another adapter than the job's": (self.a_start(source_adapter="csv"), 422, "source_adapter"),
            "another tenant in the body": (self.a_start(tenant_id=OTHER["tenant_id"]), 403, "tenant_id"),
            # headers
            "an idempotency key of 2,000 characters": ((*self.a_start(), {"Idempotency-Key": "k" * 2_000}), 400, "header:Idempotency-Key"),
            "an empty idempotency key": ((*self.a_start(), {"Idempotency-Key": ""}), 400, "header:Idempotency-Key"),
            "a version that is none": (("POST", f"{run}/cancel", {}, {"If-Match": '"x"'}), 400, "header:If-Match"),
            "another tenant in a header": (("GET", RUNS, None, {"Settler-Tenant": OTHER["tenant_id"]}), 403, "another tenant"),
            # states
            "the id of another start": (self.a_start(reconciliation_id=self.id, date_range={"start": "2026-01-02", "end": "2026-01-31"}), 409, "taken by a run with another job or date range"),
            **{f"{verb} of a completed run": (("POST", f"{run}/{verb}", {}), 409, "completed") for verb in ("cancel", "retry", "pause", "resume")},
        }

    def test_each_is_told_and_changes_nothing(self):
        before = self.all_of_it()
        for name, (request, expected, says) in self.cases().items():
            with self.subTest(name):
                status, kind, text = send(*request)
                self.assertEqual((status, kind), (expected, "application/problem+json"), text[:500])
                problem = json.loads(text)
                self.assertEqual((problem["status"], problem["type"]), (expected, f"urn:settler:problem:{problem['code']}"))
                told = problem["detail"] + "".join(f" {error['pointer']}: {error['detail']}" for error in problem["errors"])
                self.assertIn(says, told)
        self.assertEqual(self.all_of_it(), before)

    def test_the_gateway_answers_for_itself(self):
        """Who has no key comes no further than the gateway, which has answers of its own."""
        for name, expected, key in (("no key", 401, None), ("an unknown key", 403, "sk_" + "0" * 40), ("a key of 8,000 characters", 403, "sk_" + "a" * 8_000), ("a key with a space", 403, "sk_ a"), ("the wrong scope", 403, TENANT["api_key"])):
            with self.subTest(name):
                status, _, text = send("GET", "/admin/sagas", key=key)
                self.assertEqual((status, list(json.loads(text))), (expected, ["message"]))
        status, _, _ = send("GET", RUNS, headers={"X-Large": "a" * 200_000})
        self.assertIn(status, (413, 431))


if __name__ == "__main__":
    unittest.main()
