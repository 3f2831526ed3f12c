//! The adapter against an account in this process that answers from lists of charges, refunds and balance transactions.

use super::Stripe;
use crate::{
    calls::Calls,
    credentials::Credentials,
    paging::PageSize,
    provider::{Page, Provider, ProviderError},
    testing::{FixedClock, Reply, Request, Server, at, quick, tenant},
};
use domain::{
    record::{Kind, Record, Status},
    time::Window,
};
use serde_json::{Value, json};
use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

const CHARGE: &str = include_str!("fixtures/charge.json");
const REFUND: &str = include_str!("fixtures/refund.json");
const BALANCE: &str = include_str!("fixtures/balance_transaction.json");

fn january() -> Window {
    Window { from: at("2026-01-01T00:00:00Z"), to: at("2026-01-11T00:00:00Z") }
}

/// Seconds of `day` of January 2026; days before the first are in December.
fn day(day: i64) -> i64 {
    at("2026-01-01T00:00:00Z").millis() / 1000 + (day - 1) * 86_400
}

fn charge(name: &str, created: i64) -> Value {
    json!({
        "id": format!("ch_{name}"), "object": "charge", "amount": 1000, "amount_captured": 1000, "balance_transaction": null,
        "captured": true, "created": created, "currency": "eur", "livemode": true, "metadata": {}, "status": "succeeded",
    })
}

fn refund(name: &str, charge: &str, created: i64) -> Value {
    json!({
        "id": format!("re_{name}"), "object": "refund", "amount": 300, "balance_transaction": null, "charge": format!("ch_{charge}"),
        "created": created, "currency": "eur", "metadata": {}, "status": "succeeded",
    })
}

#[derive(Clone, Default)]
struct Account {
    charges: Vec<Value>,
    refunds: Vec<Value>,
    balance: Vec<Value>,
    page: usize,
}

impl Account {
    /// Puts the object on the balance at `created`.
    fn moved(mut self, mut object: Value, created: i64) -> Self {
        let is_refund = object["object"] == "refund";
        let id = format!("txn_{}", object["id"].as_str().unwrap());
        object["balance_transaction"] = json!(id);
        let sign = if is_refund { -1 } else { 1 };
        self.balance.push(json!({
            "id": id, "object": "balance_transaction", "type": object["object"], "amount": sign * object["amount"].as_i64().unwrap(),
            "fee": 30, "net": sign * object["amount"].as_i64().unwrap() - 30, "currency": "eur", "created": created,
            "exchange_rate": null, "source": object["id"],
        }));
        self.lists(object)
    }

    fn lists(mut self, object: Value) -> Self {
        if object["object"] == "refund" {
            self.refunds.push(object);
        } else {
            self.charges.push(object);
        }
        self
    }

    fn find(&self, id: &str) -> Value {
        let all = self.charges.iter().chain(&self.refunds).chain(&self.balance);
        all.into_iter().find(|object| object["id"] == id).cloned().unwrap()
    }

    fn answer(&self, request: &Request) -> Reply {
        let mut segments = request.path.trim_start_matches("/v1/").split('/');
        let list = segments.next().unwrap();
        let expand = request.query.get("expand[]").map(String::as_str).unwrap_or_default();
        if let Some(id) = segments.next() {
            let mut object = self.find(id);
            self.expand(&mut object, expand);
            return Reply::json(&object);
        }
        let all = match list {
            "charges" => &self.charges,
            "refunds" => &self.refunds,
            "balance_transactions" => &self.balance,
            _ => return Reply::text(404, "{}"),
        };
        let bound = |name: &str| request.query[name].parse::<i64>().unwrap();
        let (from, to) = (bound("created[gte]"), bound("created[lt]"));
        let mut found: Vec<Value> =
            all.iter().filter(|object| (from..to).contains(&object["created"].as_i64().unwrap())).cloned().collect();
        found.sort_by_key(|object| (std::cmp::Reverse(object["created"].as_i64()), object["id"].to_string()));
        let after = request.query.get("starting_after");
        let start = after.map_or(0, |after| found.iter().position(|object| object["id"] == **after).unwrap() + 1);
        let end = (start + self.page.max(1)).min(found.len());
        let has_more = end < found.len();
        let mut data = found[start..end].to_vec();
        for object in &mut data {
            self.expand(object, expand.trim_start_matches("data.").trim_start_matches("data"));
        }
        Reply::json(&json!({"object": "list", "url": "/v1", "has_more": has_more, "data": data}))
    }

    fn expand(&self, object: &mut Value, path: &str) {
        let (step, rest) = path.split_once('.').unwrap_or((path, ""));
        if let Some(id) = object[step].as_str() {
            object[step] = self.find(id);
        }
        if !rest.is_empty() && object[step].is_object() {
            self.expand(&mut object[step], rest);
        }
    }
}

/// One of every fate that a charge or refund may have, inside the window and around it.
fn account() -> Account {
    let uncaptured = |mut charge: Value| {
        charge["captured"] = json!(false);
        charge["amount_captured"] = json!(0);
        charge
    };
    let with = |mut object: Value, field: &str, value: Value| {
        object[field] = value;
        object
    };
    let mut account = Account { page: 2, ..Account::default() };
    for number in 1..=5 {
        account = account.moved(charge(&format!("plain{number}"), day(number)), day(number));
    }
    account
        .moved(charge("captured_inside", day(-2)), day(3))
        .moved(charge("captured_outside", day(9)), day(12))
        .lists(with(with(charge("failed", day(2)), "status", json!("failed")), "amount_captured", json!(0)))
        .lists(uncaptured(charge("uncaptured", day(2))))
        .lists(uncaptured(charge("uncaptured_before", day(-5))))
        .moved(charge("old", day(-20)), day(-20))
        .moved(refund("of_old1", "old", day(4)), day(4))
        .moved(refund("of_old2", "old", day(8)), day(8))
        .moved(refund("of_plain", "plain1", day(6)), day(6))
        .lists(with(refund("pending", "plain2", day(7)), "status", json!("pending")))
        .lists(with(refund("failed", "plain2", day(7)), "status", json!("failed")))
        .lists(refund("release", "uncaptured", day(5)))
        .moved(charge("older", day(-30)), day(-30))
        .moved(refund("late", "older", day(-1)), day(1))
        .moved(refund("before", "older", day(-1)), day(-1))
}

fn adapter(server: &Server) -> Stripe {
    let Ok(Credentials::Stripe { api_key }) = Credentials::read("stripe", &json!({"api_key": "rk_live_secret"})) else {
        panic!()
    };
    let clock = Arc::new(FixedClock(at("2026-02-01T00:00:00Z")));
    let mut adapter = Stripe::new(tenant(), &server.url, api_key, server.client.clone(), clock, Calls::default());
    adapter.api.calls.policy = quick();
    adapter
}

/// Reads to the end with a new adapter for every page, as another process would.
async fn read_all(server: &Server, size: PageSize) -> Result<Page, ProviderError> {
    let mut all = Page::default();
    let mut cursor = None;
    loop {
        let mut adapter = adapter(server);
        adapter.page_size = size;
        let page = adapter.fetch(january(), cursor).await?;
        for record in &page.records {
            let raw = &page.raw[record.raw.as_ref().unwrap().index as usize];
            assert!(raw.to_string().contains(&record.id), "raw of {}", record.id);
        }
        all.records.extend(page.records);
        let Some(next) = page.next else { return Ok(all) };
        assert!(next.to_string().len() < 4096);
        cursor = Some(next);
    }
}

async fn serve(account: Account) -> Server {
    Server::start(move |_, request| account.answer(request)).await
}

fn find<'a>(page: &'a Page, id: &str) -> &'a Record {
    page.records.iter().find(|record| record.id == id).unwrap()
}

#[tokio::test]
async fn every_movement_comes_once_whatever_the_pages_and_wherever_it_resumes() {
    let expected = [
        "ch_captured_inside",
        "ch_failed",
        "ch_plain1",
        "ch_plain2",
        "ch_plain3",
        "ch_plain4",
        "ch_plain5",
        "ch_uncaptured",
        "re_failed",
        "re_late",
        "re_of_old1",
        "re_of_old2",
        "re_of_plain",
        "re_pending",
        "re_release",
    ];
    for page in [1, 2, 100] {
        let server = serve(Account { page, ..account() }).await;
        for size in [PageSize { objects: 1000, steps: 1, time: Duration::from_secs(60) }, PageSize::default()] {
            let all = read_all(&server, size).await.unwrap();
            let (evidence, counted): (Vec<&Record>, Vec<&Record>) =
                all.records.iter().partition(|record| record.evidence_only);
            let ids = |records: &[&Record]| {
                let mut ids: Vec<String> = records.iter().map(|record| record.id.clone()).collect();
                ids.sort_unstable();
                ids
            };
            assert_eq!(ids(&counted), expected, "{page} per page");
            assert_eq!(ids(&evidence), ["ch_old", "ch_older"], "{page} per page");
        }
    }
}

#[tokio::test]
async fn a_movement_has_its_own_time_and_its_fate() {
    let page = read_all(&serve(account()).await, PageSize::default()).await.unwrap();
    let fate = |id: &str| {
        let record = find(&page, id);
        (record.kind, record.status, record.amount_minor, record.occurred_at.millis() / 1000)
    };
    assert_eq!(fate("ch_captured_inside"), (Kind::Charge, Status::Succeeded, 1000, day(3)));
    assert_eq!(fate("ch_failed"), (Kind::Charge, Status::Failed, 0, day(2)));
    assert_eq!(fate("ch_uncaptured"), (Kind::Charge, Status::Uncaptured, 0, day(2)));
    assert_eq!(fate("re_of_plain"), (Kind::Refund, Status::Succeeded, -300, day(6)));
    assert_eq!(fate("re_pending"), (Kind::Refund, Status::Pending, -300, day(7)));
    assert_eq!(fate("re_failed"), (Kind::Refund, Status::Failed, -300, day(7)));
    assert_eq!(fate("re_release"), (Kind::Void, Status::Succeeded, -300, day(5)));
    assert_eq!(find(&page, "re_of_plain").parent.as_deref(), Some("ch_plain1"));
}

#[tokio::test]
async fn a_record_says_what_the_account_knows() {
    let parse = |text: &str| serde_json::from_str::<Value>(text).unwrap();
    let account = Account {
        charges: vec![parse(CHARGE)],
        refunds: vec![parse(REFUND)],
        balance: vec![parse(BALANCE)],
        page: 100,
    };
    let page = read_all(&serve(account).await, PageSize::default()).await.unwrap();
    insta::assert_json_snapshot!("charge", find(&page, "ch_3QbYxv2eZvKYlo2C0x1mT7aK"));
    insta::assert_json_snapshot!("refund", find(&page, "re_3QbYxv2eZvKYlo2C0pL5nD8b"));
}

#[tokio::test]
async fn the_request_is_what_the_api_wants() {
    let server = serve(account()).await;
    read_all(&server, PageSize::default()).await.unwrap();
    let requests = server.requests();
    for request in &requests {
        assert_eq!(request.headers["authorization"], "Bearer rk_live_secret");
        assert_eq!(request.headers["stripe-version"], "2026-09-30.endive");
    }
    let first = &requests[0];
    assert_eq!(first.path, "/v1/balance_transactions");
    assert_eq!((first.query["limit"].as_str(), first.query["expand[]"].as_str()), ("100", "data.source"));
    let by_id: Vec<&str> =
        requests.iter().map(|request| request.path.as_str()).filter(|path| path.starts_with("/v1/charges/")).collect();
    assert_eq!(by_id, ["/v1/charges/ch_older"], "only the parent that no list gives");
}

#[tokio::test]
async fn the_upper_bound_stays_where_it_was() {
    let server = serve(account()).await;
    let window = Window { to: at("2027-01-01T00:00:00Z"), ..january() };
    let mut cursor = None;
    loop {
        let page = adapter(&server).fetch(window, cursor).await.unwrap();
        let Some(next) = page.next else { break };
        cursor = Some(next);
    }
    let bound = (at("2026-02-01T00:00:00Z").millis() / 1000).to_string();
    assert!(server.requests().iter().filter_map(|request| request.query.get("created[lt]")).all(|to| *to == bound));
}

/// Fails the first request in the given way, and answers properly from then on.
async fn stumble(first: Reply) -> (Result<Page, ProviderError>, usize) {
    let (account, stumbles) = (Account { page: 100, ..account() }, AtomicUsize::new(0));
    let server = Server::start(move |_, request| {
        if stumbles.fetch_add(1, Ordering::SeqCst) == 0 { first.clone() } else { account.answer(request) }
    })
    .await;
    let page = adapter(&server).fetch(january(), None).await;
    (page, server.requests().len())
}

#[tokio::test]
async fn passing_troubles_are_tried_again() {
    for trouble in [
        Reply::text(500, ""),
        Reply::text(503, "<html>"),
        Reply::text(409, "{}"),
        Reply::text(429, "{}"),
        Reply::text(429, "{}").with("Retry-After", "0"),
        Reply::text(429, "{}").with("Retry-After", "Sun, 01 Feb 2026 00:00:00 GMT"),
        Reply::text(400, "{}").with("Stripe-Should-Retry", "true"),
        Reply::text(200, "{\"object\": \"li"),
        Reply::HangUp,
    ] {
        let shown = format!("{trouble:?}");
        let (page, _) = stumble(trouble).await;
        assert!(page.is_ok(), "{shown}: {page:?}");
    }
}

#[tokio::test]
async fn lasting_troubles_are_named_without_secrets() {
    let refusal = r#"{"error": {"type": "invalid_request_error", "code": "parameter_unknown", "message": "key rk_live_secret of jo@example.com"}}"#;
    for (reply, name, requests) in [
        (Reply::text(401, refusal), "ProviderAccessDenied", 1),
        (Reply::text(403, refusal).with("Stripe-Should-Retry", "true"), "ProviderAccessDenied", 1),
        (Reply::text(400, refusal), "ProviderRejected", 1),
        (Reply::text(302, "").with("Location", "http://127.0.0.1:1/"), "ProviderRejected", 1),
        (Reply::text(500, "").with("Stripe-Should-Retry", "false"), "ProviderUnavailable", 1),
        (Reply::text(500, ""), "ProviderUnavailable", 4),
        (Reply::HangUp, "ProviderUnavailable", 4),
        (Reply::text(429, "").with("Retry-After", "60"), "ProviderThrottled", 1),
        (Reply::text(503, "").with("Retry-After", "60"), "ProviderThrottled", 1),
        (Reply::text(429, ""), "ProviderThrottled", 4),
        (Reply::text(200, "{"), "ProviderMalformed", 4),
        (Reply::text(200, "{}"), "ProviderMalformed", 1),
        (Reply::json(&json!({"data": [], "has_more": true})), "ProviderMalformed", 1),
    ] {
        let shown = format!("{reply:?}");
        let server = Server::start(move |_, _| reply.clone()).await;
        let error = adapter(&server).fetch(january(), None).await.unwrap_err();
        assert_eq!(error.failure_name().as_str(), format!("Settler.{name}"), "{shown}: {error}");
        assert_eq!(server.requests().len(), requests, "{shown}");
        let message = error.to_string();
        assert!(!message.contains("rk_live") && !message.contains('@') && !message.contains("127.0.0.1"), "{message}");
    }
}

#[tokio::test]
async fn a_long_break_comes_out_with_its_length() {
    let (page, requests) = stumble(Reply::text(429, "").with("Retry-After", "Sun, 01 Feb 2026 00:02:00 GMT")).await;
    assert!(matches!(page, Err(ProviderError::Throttled { retry_after_s: 120, .. })), "{page:?}");
    assert_eq!(requests, 1);
}

#[tokio::test]
async fn a_provider_that_is_not_there_is_a_passing_trouble() {
    let server = serve(account()).await;
    let mut nowhere = serve(account()).await;
    nowhere.url = "http://127.0.0.1:9".to_owned();
    let error = adapter(&nowhere).fetch(january(), None).await.unwrap_err();
    assert!(matches!(error, ProviderError::Transient { .. }), "{error:?}");
    drop(server);
}

#[tokio::test]
async fn an_object_that_cannot_be_read_is_named_with_its_field() {
    let damages: [(&str, Value, &str); 7] = [
        ("amount_captured", Value::Null, "field amount_captured is missing"),
        ("amount", json!("12"), "field amount is not a whole number"),
        ("amount", json!(10.5), "field amount is not a whole number"),
        ("currency", json!("zzz"), "field currency is not a known currency"),
        ("currency", Value::Null, "field currency is missing"),
        ("status", json!("lost"), "field status has an unknown value"),
        ("created", Value::Null, "field created is missing"),
    ];
    for (field, value, expected) in damages {
        let list = json!({"data": [{"id": "ch_bad", "amount": 1, "amount_captured": 1, "currency": "eur", "status": "succeeded", "created": day(2)}], "has_more": false});
        let server = Server::start(move |_, request| {
            let mut list =
                if request.path == "/v1/charges" { list.clone() } else { json!({"data": [], "has_more": false}) };
            if request.path == "/v1/charges" {
                list["data"][0][field] = value.clone();
            }
            Reply::json(&list)
        })
        .await;
        let error = adapter(&server).fetch(january(), None).await.unwrap_err();
        let ProviderError::Malformed { message } = error else { panic!("{expected}: {error:?}") };
        assert!(message.contains("charge ch_bad") && message.contains(expected), "{message}");
    }
}

#[tokio::test]
async fn a_charge_with_several_movements_is_one_record() {
    let mut account = account();
    let mut second = account.balance[0].clone();
    second["id"] = json!("txn_second");
    account.balance.push(second);
    let page = read_all(&serve(account).await, PageSize::default()).await.unwrap();
    assert_eq!(page.records.iter().filter(|record| record.id == "ch_plain1").count(), 1);
}
