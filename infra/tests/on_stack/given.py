"""What the tests of the running stack begin with: its addresses and keys, and a shop that is a job."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "local"))
from stack import OUTPUTS, http, read, until  # noqa: E402

LOCAL = read(OUTPUTS)
TENANT, OTHER = LOCAL["tenants"][:2]
JANUARY = {"start": "2026-01-01", "end": "2026-01-31"}


def call(method, path, body=None, key=TENANT["api_key"]):
    """The answer of a call that has to succeed."""
    status, answer = http(method, LOCAL["api_url"] + path, body, headers={"Authorization": f"Bearer {key}"})
    if status not in (200, 201, 202):
        raise AssertionError((method, path, status, answer))
    return answer


def a_job(tag, orders=60, preset="typical", seed=3, days=JANUARY, **definition):
    """A shop in the sandbox with its connections `shop-<tag>` and `pay-<tag>`, and the job `job-<tag>`: (shop, job as answered)."""
    status, shop = http("POST", f"{LOCAL['sandbox_url']}/_control/datasets", {"shop": f"shop-{tag}", "preset": preset, "orders": orders, "seed": seed, **days})
    if status not in (200, 201):
        raise AssertionError((status, shop))
    call("PUT", f"/v1/connections/shop-{tag}", {"adapter": "shopify", "credentials": {"shop": shop["shop"], "access_token": shop["access_token"]}})
    call("PUT", f"/v1/connections/pay-{tag}", {"adapter": "stripe", "credentials": {"api_key": shop["stripe_api_key"]}})
    sides = {"source": {"adapter": "shopify", "connection": f"shop-{tag}"}, "target": {"adapter": "stripe", "connection": f"pay-{tag}"}}
    return shop, call("POST", "/v1/jobs", {"job_id": f"job-{tag}", "name": tag, **sides, **definition})


def start(tag, run=None, **more):
    """A run of `job-<tag>` over January."""
    return call("POST", "/v1/reconciliations", {"job_id": f"job-{tag}", "reconciliation_id": run or f"run-{tag}", "date_range": JANUARY, **more})


def a_refused_run(tag, key="sk_test_refused"):
    """The run `run-refused-<tag>` of a job whose payments are behind a key that Stripe refuses; `shop-<tag>` is there."""
    call("PUT", f"/v1/connections/refused-{tag}", {"adapter": "stripe", "credentials": {"api_key": key}})
    sides = {"source": {"adapter": "shopify", "connection": f"shop-{tag}"}, "target": {"adapter": "stripe", "connection": f"refused-{tag}"}}
    call("POST", "/v1/jobs", {"job_id": f"job-refused-{tag}", "name": "Refused", **sides})
    start(f"refused-{tag}")


def ends(run, status="completed"):
    """The run, once it has ended as expected."""
    path = f"/v1/reconciliations/{run}"
    if not until(lambda: call("GET", path)["status"] in ("completed", "failed", "cancelled"), 120, every=0.5):
        raise AssertionError((run, "does not end", call("GET", path)))
    ended = call("GET", path)
    if ended["status"] != status:
        raise AssertionError((run, ended))
    return ended
