//! The adapter against a shop in this process that answers the queries from lists of orders and tender transactions.

use super::Shopify;
use crate::{
    calls::Calls,
    credentials::Credentials,
    paging::PageSize,
    provider::{Page, Provider, ProviderError},
    testing::{FixedClock, Reply, Request, Server, at, quick, tenant},
};
use domain::{
    record::{Kind, Record, Scheme, Status},
    time::Window,
};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    sync::{Arc, atomic::AtomicUsize, atomic::Ordering},
    time::Duration,
};

pub(super) fn order(number: u32, processed_at: &str) -> Value {
    json!({
        "id": format!("gid://shopify/Order/{number}"),
        "legacyResourceId": number.to_string(),
        "name": format!("#{}", 1000 + number),
        "processedAt": processed_at,
        "cancelledAt": null,
        "test": false,
        "email": "Jo@Example.com",
        "displayFinancialStatus": "PAID",
        "totalPriceSet": {"presentmentMoney": {"amount": "10.0", "currencyCode": "EUR"}},
        "transactions": [],
    })
}

pub(super) fn transaction(number: u32, kind: &str, status: &str, amount: &str, processed_at: &str) -> Value {
    json!({
        "id": format!("gid://shopify/OrderTransaction/{number}"),
        "kind": kind,
        "status": status,
        "gateway": "stripe",
        "test": false,
        "createdAt": processed_at,
        "processedAt": processed_at,
        "paymentId": format!("pay{number}"),
        "amountSet": {
            "shopMoney": {"amount": amount, "currencyCode": "EUR"},
            "presentmentMoney": {"amount": amount, "currencyCode": "EUR"},
        },
        "parentTransaction": null,
        "paymentDetails": {"number": "•••• •••• •••• 4242", "name": "Jo Doe"},
    })
}

fn child(mut transaction: Value, parent: u32) -> Value {
    transaction["parentTransaction"] = json!({"id": format!("gid://shopify/OrderTransaction/{parent}")});
    transaction
}

fn with(mut order: Value, transactions: &[Value]) -> Value {
    order["transactions"] = json!(transactions);
    order
}

/// The shop's data. Tender transactions are made from what moved money, newest first, as unlike the adapter's own
/// order as possible.
#[derive(Clone)]
struct Shop {
    orders: Vec<Value>,
    scopes: Vec<&'static str>,
    page: usize,
}

impl Shop {
    fn new(orders: Vec<Value>) -> Self {
        Self { orders, scopes: vec!["read_orders", "read_all_orders"], page: 2 }
    }

    fn tenders(&self) -> Vec<Value> {
        let mut tenders = Vec::new();
        for order in &self.orders {
            for moved in order["transactions"].as_array().unwrap() {
                let sign = match moved["kind"].as_str().unwrap() {
                    "SALE" | "CAPTURE" => "",
                    "REFUND" => "-",
                    _ => continue,
                };
                if moved["status"] == "SUCCESS" {
                    tenders.push(json!({
                        "id": moved["id"].as_str().unwrap().replace("OrderTransaction", "TenderTransaction"),
                        "processedAt": moved["processedAt"],
                        "test": false,
                        "paymentMethod": "credit_card",
                        "remoteReference": moved["paymentId"],
                        "amount": {"amount": format!("{sign}{}", moved["amountSet"]["presentmentMoney"]["amount"].as_str().unwrap()), "currencyCode": "EUR"},
                        "order": {"id": order["id"], "processedAt": order["processedAt"]},
                    }));
                }
            }
        }
        tenders.reverse();
        tenders
    }

    fn answer(&self, request: &Request) -> Reply {
        let variables = &request.body["variables"];
        let document = request.body["query"].as_str().unwrap();
        let data = if document.contains("query Scopes") {
            let scopes: Vec<Value> = self.scopes.iter().map(|handle| json!({"handle": handle})).collect();
            json!({"currentAppInstallation": {"accessScopes": scopes}})
        } else if document.contains("query OrdersById") {
            let most = usize::try_from(variables["transactions"].as_u64().unwrap()).unwrap();
            let ids = variables["ids"].as_array().unwrap();
            let found = ids.iter().map(|id| {
                self.orders.iter().find(|order| order["id"] == *id).map_or(Value::Null, |order| cut(order, most))
            });
            json!({"nodes": found.collect::<Vec<_>>()})
        } else if document.contains("query Orders(") {
            let most = usize::try_from(variables["transactions"].as_u64().unwrap()).unwrap();
            let mut orders: Vec<Value> = self.orders.iter().map(|order| cut(order, most)).collect();
            orders.sort_by_key(|order| order["processedAt"].as_str().unwrap().to_owned());
            json!({"orders": self.connection(&orders, variables)})
        } else {
            json!({"tenderTransactions": self.connection(&self.tenders(), variables)})
        };
        Reply::json(&json!({"data": data, "extensions": cost(10, 2000)}))
    }

    fn connection(&self, all: &[Value], variables: &Value) -> Value {
        let query = variables["query"].as_str().unwrap();
        let bound = |sign: &str| {
            query.split(&format!("processed_at:{sign}'")).nth(1).unwrap().split('\'').next().unwrap().to_owned()
        };
        let (from, to) = (bound(">="), bound("<"));
        let inside = |node: &&Value| {
            let processed = node["processedAt"].as_str().unwrap();
            *from <= *processed && *processed < *to
        };
        let found: Vec<&Value> = all.iter().filter(inside).collect();
        let start = variables["after"].as_str().map_or(0, |after| after.parse().unwrap());
        let end = (start + self.page).min(found.len());
        json!({"nodes": found[start..end], "pageInfo": {"hasNextPage": end < found.len(), "endCursor": end.to_string()}})
    }
}

fn cut(order: &Value, most: usize) -> Value {
    let mut order = order.clone();
    order["transactions"].as_array_mut().unwrap().truncate(most);
    order
}

fn cost(requested: u64, available: u64) -> Value {
    json!({"cost": {"requestedQueryCost": requested, "actualQueryCost": requested, "throttleStatus": {
        "maximumAvailable": 2000.0, "currentlyAvailable": available, "restoreRate": 100.0}}})
}

fn january() -> Window {
    Window { from: at("2026-01-01T00:00:00Z"), to: at("2026-01-04T00:00:00Z") }
}

fn adapter(server: &Server) -> Shopify {
    adapter_at(server, &server.url)
}

fn adapter_at(server: &Server, base_url: &str) -> Shopify {
    let credentials = json!({"shop": "acme", "access_token": "shpat_secret"});
    let Ok(Credentials::Shopify { access_token, .. }) = Credentials::read("shopify", &credentials) else { panic!() };
    let clock = Arc::new(FixedClock(at("2026-02-01T00:00:00Z")));
    let mut adapter = Shopify::new(tenant(), base_url, access_token, server.client.clone(), clock, Calls::default());
    adapter.api.calls.policy = quick();
    adapter
}

/// Reads to the end with a new adapter for every page, as another process would.
async fn read_all(server: &Server, window: Window, size: PageSize) -> Result<Page, ProviderError> {
    let mut all = Page::default();
    let mut cursor = None;
    loop {
        let mut adapter = adapter(server);
        adapter.page_size = size;
        let page = adapter.fetch(window, cursor).await?;
        for record in &page.records {
            let raw = &page.raw[record.raw.as_ref().unwrap().index as usize];
            assert!(raw.to_string().contains(&record.id), "raw of {}", record.id);
        }
        all.records.extend(page.records);
        all.orders.extend(page.orders);
        let Some(next) = page.next else { return Ok(all) };
        assert!(next.to_string().len() < 4096);
        cursor = Some(next);
    }
}

fn one_step() -> PageSize {
    PageSize { objects: 1000, steps: 1, time: Duration::from_secs(60) }
}

async fn serve(shop: Shop) -> Server {
    Server::start(move |_, request| shop.answer(request)).await
}

fn short(record: &Record) -> (u32, i64, bool) {
    (record.id.rsplit('/').next().unwrap().parse().unwrap(), record.amount_minor, record.evidence_only)
}

fn sorted(page: &Page) -> Vec<(u32, i64, bool)> {
    let mut all: Vec<_> = page.records.iter().map(short).collect();
    all.sort_unstable();
    all
}

/// Orders in the window, and an old one whose refunds lie on two days and several pages.
fn busy_shop() -> Shop {
    let mut orders: Vec<Value> = (1..=7)
        .map(|number| {
            let day = format!("2026-01-0{}T10:00:00Z", 1 + number % 3);
            with(order(number, &day), &[transaction(number, "SALE", "SUCCESS", "10.00", &day)])
        })
        .collect();
    orders.push(order(8, "2026-01-02T11:00:00Z"));
    let refunds = [
        transaction(90, "SALE", "SUCCESS", "50.00", "2025-12-01T00:00:00Z"),
        child(transaction(91, "REFUND", "SUCCESS", "5.00", "2026-01-01T09:00:00Z"), 90),
        child(transaction(92, "REFUND", "SUCCESS", "6.00", "2026-01-03T09:00:00Z"), 90),
        child(transaction(93, "REFUND", "SUCCESS", "6.00", "2026-01-03T09:00:00Z"), 90),
        child(transaction(94, "REFUND", "SUCCESS", "7.00", "2026-01-03T23:59:59Z"), 90),
        child(transaction(95, "REFUND", "FAILURE", "9.00", "2026-01-02T09:00:00Z"), 90),
        child(transaction(96, "REFUND", "SUCCESS", "8.00", "2026-01-09T09:00:00Z"), 90),
    ];
    orders.push(with(order(9, "2025-12-01T00:00:00Z"), &refunds));
    Shop::new(orders)
}

#[tokio::test]
async fn every_movement_comes_once_whatever_the_pages_and_wherever_it_resumes() {
    let expected: Vec<(u32, i64, bool)> = (1..=7)
        .map(|number| (number, 1000, false))
        .chain([
            (90, 5000, true),
            (91, -500, false),
            (92, -600, false),
            (93, -600, false),
            (94, -700, false),
            (95, -900, false),
        ])
        .collect();
    for page in [1, 2, 100] {
        let server = serve(Shop { page, ..busy_shop() }).await;
        for size in [one_step(), PageSize::default(), PageSize { objects: 3, ..PageSize::default() }] {
            let all = read_all(&server, january(), size).await.unwrap();
            assert_eq!(sorted(&all), expected, "{page} per page, {size:?}");
            let mut orders: BTreeMap<&str, usize> = BTreeMap::new();
            for order in &all.orders {
                *orders.entry(&order.id).or_default() += 1;
            }
            assert_eq!(orders.len(), 9);
            assert!(orders.values().all(|count| *count == 1), "{orders:?}");
        }
    }
}

#[tokio::test]
async fn a_record_says_what_the_shop_knows() {
    let day = "2026-01-02T10:00:00Z";
    let mut capture = child(transaction(2, "CAPTURE", "SUCCESS", "1000.0", day), 1);
    capture["amountSet"] = json!({
        "shopMoney": {"amount": "6.15", "currencyCode": "EUR"},
        "presentmentMoney": {"amount": "1000.0", "currencyCode": "JPY"},
    });
    capture["paymentId"] = json!("ch_3Abc");
    let mut authorization = transaction(1, "AUTHORIZATION", "SUCCESS", "1", day);
    authorization["amountSet"]["presentmentMoney"] = json!({"amount": "1500", "currencyCode": "JPY"});
    let suggested = transaction(3, "SUGGESTED_REFUND", "SUCCESS", "1.00", day);
    let server = serve(Shop::new(vec![with(order(1, day), &[authorization, capture, suggested])])).await;
    let page = read_all(&server, january(), PageSize::default()).await.unwrap();
    assert_eq!(page.records.len(), 2);
    insta::assert_json_snapshot!("capture", page.records[1]);
    insta::assert_json_snapshot!("order", page.orders[0]);
    assert_eq!((page.records[0].kind, page.records[0].status), (Kind::Authorization, Status::Succeeded));
}

#[tokio::test]
async fn an_order_with_many_transactions_is_read_in_full() {
    let day = "2026-01-02T10:00:00Z";
    let many: Vec<Value> = (1..=12).map(|number| transaction(number, "SALE", "SUCCESS", "1.00", day)).collect();
    let old: Vec<Value> = (21..=29).map(|number| transaction(number, "REFUND", "SUCCESS", "1.00", day)).collect();
    let server = serve(Shop::new(vec![with(order(1, day), &many), with(order(2, "2025-12-01T00:00:00Z"), &old)])).await;
    let page = read_all(&server, january(), one_step()).await.unwrap();
    assert_eq!(page.records.len(), 21);
}

#[tokio::test]
async fn money_of_an_order_that_is_gone_is_not_lost() {
    let gone =
        with(order(1, "2025-12-01T00:00:00Z"), &[transaction(1, "REFUND", "SUCCESS", "2.50", "2026-01-02T00:00:00Z")]);
    let shop = Shop::new(vec![gone]);
    let server = Server::start(move |_, request| {
        let document = request.body["query"].as_str().unwrap();
        let emptied = Shop { orders: vec![], ..shop.clone() };
        if document.contains("query OrdersById") {
            Reply::json(&json!({"data": {"nodes": [null]}}))
        } else if document.contains("query Orders(") {
            emptied.answer(request)
        } else {
            shop.answer(request)
        }
    })
    .await;
    let page = read_all(&server, january(), one_step()).await.unwrap();
    assert_eq!(page.records.len(), 1);
    let record = &page.records[0];
    assert_eq!(
        (record.kind, record.amount_minor, record.id.as_str()),
        (Kind::Refund, -250, "gid://shopify/TenderTransaction/1")
    );
    assert!(record.refs.iter().any(|reference| reference.scheme == Scheme::PaymentId && reference.value == "pay1"));
}

#[tokio::test]
async fn the_request_is_what_the_api_wants() {
    let server = serve(Shop::new(vec![])).await;
    let base = format!("{}/shopify/{{shop}}/", server.url).replace("{shop}", "acme");
    adapter_at(&server, &base).fetch(january(), None).await.unwrap();
    for request in server.requests() {
        assert_eq!(request.path, "/shopify/acme/admin/api/2026-10/graphql.json");
        assert_eq!(request.headers["x-shopify-access-token"], "shpat_secret");
        assert_eq!(request.headers["content-type"], "application/json");
    }
    let orders = &server.requests()[1].body["variables"];
    assert_eq!(orders["query"], "processed_at:>='2026-01-01T00:00:00Z' processed_at:<'2026-01-02T00:00:00Z'");
}

#[tokio::test]
async fn scopes_decide_what_may_be_asked() {
    let old = Window { from: at("2025-11-01T00:00:00Z"), to: at("2026-01-04T00:00:00Z") };
    for (scopes, window, expected) in [
        (vec!["read_orders"], old, Some("read_all_orders")),
        (vec!["read_products"], january(), Some("read_orders")),
        (vec!["read_orders"], january(), None),
        (vec!["write_orders", "read_all_orders"], old, None),
    ] {
        let server = serve(Shop { scopes: scopes.clone(), ..Shop::new(vec![]) }).await;
        match (adapter(&server).fetch(window, None).await, expected) {
            (Ok(_), None) => {}
            (Err(ProviderError::AccessDenied { message }), Some(scope)) => {
                assert!(message.contains(scope), "{message}");
            }
            (other, _) => panic!("{scopes:?}: {other:?}"),
        }
    }
}

/// Fails the first orders query once in the given way, and answers properly from then on.
async fn stumble(first: impl Fn() -> Reply + Send + Sync + 'static) -> (Result<Page, ProviderError>, Vec<Request>) {
    let (shop, stumbles) = (busy_shop(), AtomicUsize::new(0));
    let server = Server::start(move |_, request| {
        let orders = request.body["query"].as_str().unwrap().contains("query Orders(");
        if orders && stumbles.fetch_add(1, Ordering::SeqCst) == 0 { first() } else { shop.answer(request) }
    })
    .await;
    let page = adapter(&server).fetch(january(), None).await;
    (page, server.requests())
}

fn throttled(available: u64) -> Reply {
    let mut body = json!({"errors": [{"message": "Throttled", "extensions": {"code": "THROTTLED"}}]});
    body["extensions"] = cost(900, available);
    Reply::json(&body)
}

#[tokio::test]
async fn both_styles_of_throttling_are_waited_for_when_they_are_short() {
    // 900 − 895 points at 100 a second are 50 ms.
    assert!(stumble(|| throttled(895)).await.0.is_ok());
    assert!(stumble(|| Reply::text(429, "{}").with("Retry-After", "0.0")).await.0.is_ok());
    assert!(stumble(|| Reply::text(429, "{}")).await.0.is_ok());
}

#[tokio::test]
async fn a_long_break_is_left_to_the_caller() {
    let server = Server::start(|_, _| throttled(0)).await;
    let mut adapter = adapter(&server);
    adapter.api.calls.policy.retries = 0;
    let error = adapter.fetch(january(), None).await.unwrap_err();
    assert!(matches!(error, ProviderError::Throttled { retry_after_s: 9, .. }), "{error:?}");
    // The next query would ask for points that the bucket is known not to have.
    adapter.api.calls.policy.retries = 3;
    let before = server.requests().len();
    let (page, requests) = stumble(|| Reply::text(429, "{}").with("Retry-After", "120")).await;
    assert!(matches!(page, Err(ProviderError::Throttled { retry_after_s: 120, .. })), "{page:?}");
    assert_eq!((requests.len(), before), (2, 1));
}

#[tokio::test]
async fn the_budget_is_waited_for_before_it_fails() {
    let server = Server::start(|_, _| {
        let data = json!({"currentAppInstallation": {"accessScopes": [{"handle": "read_orders"}]}});
        // Half of what the next query of this kind needs; too little for it for 12 s.
        Reply::json(&json!({"data": data, "extensions": cost(2000, 800)}))
    })
    .await;
    let adapter = adapter(&server);
    adapter.check_scopes(january()).await.unwrap();
    let error = adapter.check_scopes(january()).await.unwrap_err();
    assert!(matches!(error, ProviderError::Throttled { retry_after_s: 11..=12, .. }), "{error:?}");
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn what_was_read_before_a_passing_error_is_kept() {
    let shop = busy_shop();
    let server =
        Server::start(move |number, request| if number < 3 { shop.answer(request) } else { Reply::text(503, "") })
            .await;
    let page = adapter(&server).fetch(january(), None).await.unwrap();
    assert!(!page.records.is_empty());
    let error = adapter(&server).fetch(january(), page.next).await.unwrap_err();
    assert!(matches!(error, ProviderError::Transient { .. }), "{error:?}");
}

#[tokio::test]
async fn passing_troubles_are_tried_again_and_lasting_ones_named() {
    for trouble in [Reply::text(502, "<html>"), Reply::HangUp, Reply::text(200, "{\"data\":")] {
        let shown = format!("{trouble:?}");
        assert!(stumble(move || trouble.clone()).await.0.is_ok(), "{shown}");
    }
    let internal = json!({"errors": [{"message": "jo@example.com", "extensions": {"code": "INTERNAL_SERVER_ERROR"}}]});
    let unknown = json!({"errors": [{"message": "no field jo@example.com", "extensions": {"code": "undefinedField"}}]});
    let denied = json!({"data": null, "errors": [{"path": ["orders"], "extensions": {"code": "ACCESS_DENIED"}}]});
    for (reply, name, requests) in [
        (Reply::text(401, "{\"errors\":\"shpat_secret\"}"), "ProviderAccessDenied", 1),
        (Reply::text(403, ""), "ProviderAccessDenied", 1),
        (Reply::json(&denied), "ProviderAccessDenied", 1),
        (Reply::text(404, ""), "ProviderRejected", 1),
        (Reply::text(301, "").with("Location", "http://127.0.0.1:1/"), "ProviderRejected", 1),
        (Reply::json(&unknown), "ProviderRejected", 1),
        (Reply::json(&json!({"data": {}})).with("X-Shopify-Api-Version", "2026-07"), "ProviderRejected", 1),
        (Reply::text(200, "{\"data\": tru"), "ProviderMalformed", 4),
        (Reply::json(&json!({"data": null})), "ProviderMalformed", 1),
        (Reply::json(&json!({"data": {}})), "ProviderMalformed", 1),
        (Reply::text(500, ""), "ProviderUnavailable", 4),
        (Reply::HangUp, "ProviderUnavailable", 4),
        (Reply::json(&internal), "ProviderUnavailable", 4),
    ] {
        let shown = format!("{reply:?}");
        let server = Server::start(move |_, _| reply.clone()).await;
        let error = adapter(&server).fetch(january(), None).await.unwrap_err();
        assert_eq!(error.failure_name().as_str(), format!("Settler.{name}"), "{shown}: {error}");
        assert_eq!(server.requests().len(), requests, "{shown}");
        let message = error.to_string();
        assert!(!message.contains("shpat") && !message.contains('@') && !message.contains("127.0.0.1"), "{message}");
    }
}

#[tokio::test]
async fn what_a_shop_may_hide_does_not_stop_the_run() {
    let shop = busy_shop();
    let server = Server::start(move |_, request| match shop.answer(request) {
        Reply::Answer { body, .. } => {
            let mut body: Value = serde_json::from_str(&body).unwrap();
            body["errors"] =
                json!([{"path": ["orders", "nodes", 0, "email"], "extensions": {"code": "ACCESS_DENIED"}}]);
            Reply::json(&body)
        }
        hang_up @ Reply::HangUp => hang_up,
    })
    .await;
    assert!(adapter(&server).fetch(january(), None).await.is_ok());
}

#[tokio::test]
async fn an_object_that_cannot_be_read_is_named_with_its_field() {
    let day = "2026-01-02T10:00:00Z";
    let damages: [(&str, Value, &str); 6] = [
        ("/amountSet/presentmentMoney/amount", Value::Null, "amountSet.presentmentMoney.amount is missing"),
        ("/amountSet/presentmentMoney/amount", json!("1.005"), "amountSet.presentmentMoney.amount has more decimals"),
        ("/amountSet/presentmentMoney/amount", json!(1.5), "amountSet.presentmentMoney.amount is not a text"),
        (
            "/amountSet/presentmentMoney/currencyCode",
            json!("ZZZ"),
            "amountSet.presentmentMoney.currencyCode is not a known currency",
        ),
        ("/kind", json!("GIFT"), "kind has an unknown value"),
        ("/processedAt", json!("yesterday"), "processedAt is not"),
    ];
    for (pointer, value, expected) in damages {
        let mut damaged = transaction(7, "SALE", "SUCCESS", "1.00", day);
        *damaged.pointer_mut(pointer).unwrap() = value;
        let shop = Shop::new(vec![with(order(1, day), &[damaged])]);
        let server = serve(shop).await;
        let error = adapter(&server).fetch(january(), None).await.unwrap_err();
        let ProviderError::Malformed { message } = error else { panic!("{expected}: {error:?}") };
        assert!(message.contains("gid://shopify/OrderTransaction/7") && message.contains(expected), "{message}");
    }
}
