//! Dead letters and circuit breakers in the hands of whoever is on call.

use crate::fake::{Fake, Reply};
use serde_json::{Value, json};

const ID: &str = "19dd0b57-b21e-4ac1-bd88-01bbb068cb78";

fn letter(state: &str) -> Value {
    json!({
        "id": ID, "state": state, "source": "saga-control", "tenant_id": "acme", "saga_id": "march", "event_id": null,
        "correlation_id": "month-end", "error_type": "Settler.NotFound", "error_message": "there is no reconciliation `march`",
        "payload": {"detail": {"aggregate_id": "march"}}, "payload_ref": null, "retry_count": 6, "max_retries": 5, "returns": 1,
        "created_at": "2026-04-01T06:00:00.000Z", "first_seen": "2026-04-01T06:00:00.000Z", "last_seen": "2026-04-01T07:30:00.000Z",
        "redriven_at": null, "resolved_at": null, "resolution_notes": (state == "resolved").then_some("deleted by the customer"),
        "by": (state != "new").then_some("key_1"), "version": 2
    })
}

fn circuit() -> Value {
    json!({
        "circuit": "stripe.acme", "provider": "stripe", "tenant_id": "acme", "state": "open", "mode": "automatic",
        "retry_at": "2026-04-01T06:01:00.000Z", "calls": 6, "failures": 5, "tenants_in_trouble": [], "version": 3,
        "history": [
            {"epoch": 1, "at": "2026-04-01T05:58:00.000Z", "from": "closed", "to": "open", "mode": "automatic", "reason": "throttled"},
            {"epoch": 2, "at": "2026-04-01T05:59:00.000Z", "from": "open", "to": "half_open", "mode": "automatic", "reason": "probe_due"},
            {"epoch": 3, "at": "2026-04-01T06:00:00.000Z", "from": "closed", "to": "open", "mode": "automatic", "reason": "failures", "calls": 6, "failures": 5}
        ]
    })
}

#[test]
fn letters_are_listed_and_shown() {
    let fake = Fake::start();
    fake.ok(
        "GET /admin/dead-letter-queue",
        &json!({"items": [letter("new"), letter("resolved")], "next_cursor": null}),
    );
    fake.ok(&format!("GET /admin/dead-letter-queue/{ID}"), &letter("new"));
    let list = fake.settler("dlq list --state new --source saga-control --error-type Settler.NotFound");
    let show = fake.settler(&format!("dlq show {ID}"));
    assert_eq!(
        fake.lines(),
        [
            "GET /admin/dead-letter-queue?state=new&source=saga-control&error_type=Settler.NotFound&limit=50"
                .to_owned(),
            format!("GET /admin/dead-letter-queue/{ID}")
        ]
    );
    insta::assert_snapshot!("dlq", format!("{}\n{}", list.stdout, show.stdout));
}

#[test]
fn a_letter_is_resolved_with_notes_and_one_is_redriven() {
    let fake = Fake::start();
    let path = format!("POST /admin/dead-letter-queue/{ID}");
    fake.ok(&format!("{path}/resolve"), &letter("resolved")).ok(&format!("{path}/redrive"), &letter("redriven"));
    let resolved = fake.settler(&format!("dlq resolve {ID} --notes 'deleted by the customer'"));
    assert!(resolved.code == 0 && resolved.stdout.contains("deleted by the customer"), "{resolved:?}");
    assert_eq!(fake.settler(&format!("dlq redrive {ID}")).code, 0);
    assert_eq!(fake.calls()[0].body, json!({"notes": "deleted by the customer"}));
    let without = fake.settler(&format!("dlq resolve {ID}"));
    assert_eq!(without.code, 2, "notes are asked for: {without:?}");
}

#[test]
fn a_set_is_counted_and_sent_in_as_many_calls_as_it_takes() {
    let fake = Fake::start();
    let set = "POST /admin/dead-letter-queue/redrive";
    let part = |redriven: u64, more: bool| json!({"ids": ["a", "b"], "redriven": redriven, "failed": [], "more": more, "dry_run": redriven == 0});
    fake.ok(set, &part(0, true)).ok(set, &part(2, true)).ok(set, &part(2, false));
    let run =
        fake.settler("dlq redrive --source saga-control --rate 5 --before 2026-04-01T00:00:00Z --tenant acme --yes");
    assert_eq!((run.code, run.stdout.as_str()), (0, "4 dead letters sent back\n"));
    let bodies: Vec<Value> = fake.calls().into_iter().map(|call| call.body).collect();
    let body = |dry_run: bool| json!({"source": "saga-control", "rate_per_s": 5, "before": "2026-04-01T00:00:00Z", "tenant_id": "acme", "dry_run": dry_run});
    assert_eq!(bodies, [body(true), body(false), body(false)]);
}

#[test]
fn counting_sends_nothing_and_nobody_sends_by_accident() {
    let fake = Fake::start();
    let counted = json!({"ids": ["a"], "redriven": 0, "failed": [], "more": false, "dry_run": true});
    fake.ok("POST /admin/dead-letter-queue/redrive", &counted);
    let run = fake.settler("dlq redrive --all --dry-run");
    assert_eq!((run.code, run.stdout.as_str()), (0, "1 dead letter; nothing was sent\n"));
    let unasked = fake.settler("dlq redrive --all");
    assert!(unasked.code == 2 && unasked.stderr.contains("--yes"), "{unasked:?}");
    assert_eq!(fake.settler("dlq redrive").code, 2, "which ones?");
    assert!(fake.calls().iter().all(|call| call.body["dry_run"] == true));
}

#[test]
fn what_could_not_be_sent_is_trouble() {
    let fake = Fake::start();
    let failed = json!({"ids": ["a"], "redriven": 0, "failed": [{"id": "a", "detail": "it failed again: still no"}], "more": true, "dry_run": false});
    fake.ok("POST /admin/dead-letter-queue/redrive", &failed);
    let run = fake.settler("dlq redrive --all --yes");
    assert!(run.code == 8 && run.stdout.contains("it failed again: still no"), "{run:?}");
    assert_eq!(fake.calls().len(), 2, "a round that sends nothing is the last");
    let refused = fake.on(
        &format!("POST /admin/dead-letter-queue/{ID}/redrive"),
        Reply::json(409, &json!({"title": "Conflict", "detail": "the dead letter is resolved", "code": "conflict"})),
    );
    assert_eq!(refused.settler(&format!("dlq redrive {ID}")).code, 5);
}

#[test]
fn circuits_are_listed_with_their_reasons_and_forced() {
    let fake = Fake::start();
    fake.ok("GET /admin/circuit-breakers", &json!({"items": [circuit()], "next_cursor": null}));
    for verb in ["open", "close", "auto"] {
        fake.ok(&format!("POST /admin/circuit-breakers/stripe.acme/{verb}"), &circuit());
    }
    let list = fake.settler("breaker list").stdout;
    let history = fake.settler("breaker list --history").stdout;
    for verb in ["open", "close", "auto"] {
        assert_eq!(fake.settler(&format!("breaker {verb} stripe.acme")).code, 0, "{verb}");
    }
    assert_eq!(
        fake.lines()[2..],
        ["open", "close", "auto"].map(|verb| format!("POST /admin/circuit-breakers/stripe.acme/{verb}"))
    );
    insta::assert_snapshot!("breakers", format!("{list}\n{history}"));
}
