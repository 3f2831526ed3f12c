"""The API against its document: generated requests, right and wrong ones, find no 500 and no answer that it does not promise."""
import pathlib
import subprocess
import sys
import tempfile
import unittest
import uuid

from given import LOCAL, TENANT, a_job, ends, start
from stack import ROOT

# Every check that holds an answer against the document. Whether generated input is accepted is no check: an id that
# fits the pattern and belongs to nobody is rightly 404.
CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance,response_headers_conformance"
# Random requests of each operation, beside those that go through the edges of every field. More find more, in more time.
EXAMPLES = 4
SEED = 20260101


def a_run():
    """A connection, its job and a completed run, so that reads by id get beyond 404."""
    tag = uuid.uuid4().hex[:8]
    a_job(tag)
    start(tag)
    ends(f"run-{tag}")
    return f"shop-{tag}", f"job-{tag}", f"run-{tag}"


def configuration(shop, job, run):
    """Ids that exist, for half of the requests; the document's own patterns give the others."""
    known = [("path-regex", "^/v1/reconciliations/", "id", run), ("name", "GET /v1/jobs/{id}", "id", job), ("name", "GET /v1/connections/{id}", "id", shop),
             ("name", "GET /admin/events/{aggregate_type}/{aggregate_id}", "aggregate_id", run), ("name", "GET /admin/sagas/{saga_type}/{saga_id}", "saga_id", run)]
    return "\n".join(f'[[operations]]\ninclude-{what} = "{value}"\nparameters = {{ "path.{name}" = "{known_id}" }}\n' for what, value, name, known_id in known)


class Document(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.known = configuration(*a_run())

    def holds(self, key, part, config, phases="coverage,fuzzing"):
        with tempfile.TemporaryDirectory() as folder:
            file = pathlib.Path(folder) / "schemathesis.toml"
            file.write_text(config)
            command = [str(pathlib.Path(sys.executable).parent / "schemathesis"), "--config-file", str(file), "run", str(ROOT / "infra/api/openapi.json"), "--url", LOCAL["api_url"],
                       "--header", f"Authorization: Bearer {key}", "--include-path-regex", part, "--checks", CHECKS, "--phases", phases,
                       "--max-examples", str(EXAMPLES), "--seed", str(SEED), "--workers", "2", "--no-color", "--suppress-health-check", "all", "--warnings", "off",
                       "--generation-database", "none"]
            done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=900, check=False)
        self.assertEqual(done.returncode, 0, done.stdout[-8000:] + done.stderr[-2000:])

    def test_a_tenants_calls_on_what_exists(self):
        self.holds(TENANT["api_key"], "^/(v1|healthz)", self.known)

    def test_a_tenants_calls_on_what_may_not_exist(self):
        self.holds(TENANT["api_key"], "^/v1", "", "fuzzing")

    def test_an_operators_calls(self):
        self.holds(LOCAL["admin_api_key"], "^/admin", self.known)


if __name__ == "__main__":
    unittest.main()
