use crate::fake::{Fake, Reply};
use serde_json::{Value, json};

const ID: &str = "0f8a3c1d5e7b92460f8a3c1d5e7b9246";

fn decided(status: &str) -> Value {
    json!({"match_id": ID, "status": status, "source_ids": ["gid://shopify/OrderTransaction/7"], "target_ids": ["ch_3Ab"], "version": 9})
}

#[test]
fn decisions_are_sent_with_their_reason() {
    let fake = Fake::start();
    fake.ok(&format!("POST /v1/reconciliations/march/suggestions/{ID}/confirm"), &decided("confirmed"))
        .ok(&format!("POST /v1/reconciliations/march/suggestions/{ID}/reject"), &decided("rejected"))
        .ok(&format!("POST /v1/reconciliations/march/matches/{ID}/break"), &decided("broken"))
        .ok("POST /v1/reconciliations/march/matches", &decided("manual"));
    for (line, status) in [
        (format!("suggestion confirm march {ID} --reason 'the customer confirmed'"), "confirmed"),
        (format!("suggestion reject march {ID} --reason 'another customer'"), "rejected"),
        (format!("reconciliation break march {ID} --reason 'two orders'"), "broken"),
        (
            "reconciliation match march --source gid://shopify/OrderTransaction/7 --target ch_3Ab --reason wire"
                .to_owned(),
            "manual",
        ),
    ] {
        let run = fake.settler(&line);
        assert_eq!(run.code, 0, "{run:?}");
        assert!(run.stdout.contains(status) && run.stderr.contains("version 9"), "{run:?}");
    }
    let calls = fake.calls();
    assert_eq!(calls[0].body, json!({"reason": "the customer confirmed"}));
    assert_eq!(
        calls[3].body,
        json!({"source_ids": ["gid://shopify/OrderTransaction/7"], "target_ids": ["ch_3Ab"], "reason": "wire"})
    );
    assert_eq!(fake.settler(&format!("suggestion confirm march {ID}")).code, 2, "a reason is needed");
}

#[test]
fn an_exception_is_reviewed_by_the_records_id() {
    let fake = Fake::start();
    let reviewed = json!({"record_id": "gid://shopify/OrderTransaction/7", "side": "source", "state": "accepted", "assignee": "ann", "note": "cash", "version": 4});
    fake.ok("POST /v1/reconciliations/march/unmatched/gid:%2F%2Fshopify%2FOrderTransaction%2F7", &reviewed);
    let run = fake.settler(
        "reconciliation review march gid://shopify/OrderTransaction/7 --state accepted --assignee ann --note cash",
    );
    assert_eq!(run.code, 0, "{run:?}");
    assert!(run.stdout.contains("accepted") && run.stdout.contains("ann"), "{}", run.stdout);
    assert_eq!(fake.calls()[0].body, json!({"state": "accepted", "assignee": "ann", "note": "cash"}));
    fake.on(
        "POST /v1/reconciliations/march/unmatched/ch_1",
        Reply::json(409, &json!({"title": "Conflict", "detail": "the record is matched"})),
    );
    assert_eq!(fake.settler("reconciliation review march ch_1 --state open --note x").code, 5);
    assert_eq!(fake.settler("reconciliation review march ch_1 --state closed --note x").code, 2);
}
