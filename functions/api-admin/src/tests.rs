//! The handler over read models and the store in memory: every sample event, two tenants with the same id, and the trail
//! that an operator leaves.

mod dry_run;
mod operations;

use crate::{handler::Handler, read_models::WorkQueue};
use application::{AdminService, KeyService};
use domain::{
    CorrelationId, Metadata, TenantId, Timestamp,
    api_key::PLATFORM,
    connection::Adapter,
    job::Side,
    reconciliation::{self, Reconciliation, Request},
    saga::{Saga, SagaEvent, Step},
};
use event_store::{Append, EventStore, MemoryStore, NewCommit, NewEvent, StreamKey, Transaction};
use http_api::{
    audit::Audit,
    held::{Held, hold},
    remembered::Remembered,
    steering::Steering,
};
use projections::{Engine, MemoryProjections, rebuild::Work};
use serde_json::{Value, json};
use std::sync::Arc;
use testkit::{CountedEntropy, FixedClock, MemoryBlobs, SequentialIds, sample_events};
use uuid::Uuid;

const NOW: Timestamp = Timestamp::from_millis(1_772_366_400_000);

struct World {
    store: MemoryStore,
    handler: Handler,
    ids: Arc<SequentialIds>,
    asked: Arc<Asked>,
}

/// Work that was asked for.
#[derive(Default)]
struct Asked(std::sync::Mutex<Vec<Work>>);

#[async_trait::async_trait]
impl WorkQueue for Asked {
    async fn ask(&self, work: &Work) -> Result<(), http_api::Problem> {
        self.0.lock().unwrap().push(work.clone());
        Ok(())
    }
}

fn tenant(name: &str) -> TenantId {
    TenantId::parse(name).unwrap()
}

/// Tenants with a run `february` each, its ledger and its matches; the projections have caught up.
async fn world(tenants: &[&str]) -> World {
    let (store, models) = (MemoryStore::new(), Arc::new(MemoryProjections::new()));
    let (clock, ids): (Arc<FixedClock>, Arc<SequentialIds>) = (Arc::default(), Arc::default());
    let events: Arc<dyn EventStore> = Arc::new(store.clone());
    let asked: Arc<Asked> = Arc::default();
    let blobs = Arc::new(MemoryBlobs::default());
    let admin = AdminService::new(events.clone(), blobs.clone(), clock.clone(), ids.clone());
    let steering = Steering { service: admin.reconciliations.clone(), blobs: Some(blobs) };
    let entropy = Arc::new(CountedEntropy::default());
    let handler = Handler {
        store: events.clone(),
        models: models.clone(),
        registry: models.clone(),
        work: asked.clone(),
        audit: Audit::new(events.clone(), clock.clone(), ids.clone()),
        remembered: Remembered::new(events.clone(), clock.clone(), ids.clone()),
        redrive: operations::redrive(&clock),
        force: operations::force(&clock, &ids),
        providers: &["shopify", "stripe"],
        admin,
        keys: KeyService::new(events.clone(), operations::keys().await, clock.clone(), ids.clone(), entropy),
        clock,
        steering,
    };
    let world = World { store, handler, ids, asked };
    operations::fill(&world.handler).await;
    for name in tenants {
        world.run(&tenant(name)).await;
    }
    let engine = Engine::new(events, models);
    for change in world.store.changes() {
        engine.ring(&change.stream, change.version).await.unwrap();
    }
    world
}

impl World {
    async fn run(&self, tenant: &TenantId) {
        let side = |adapter| Side { adapter, connection: domain::ConnectionId::parse("c").unwrap() };
        let request = Request {
            job_id: domain::JobId::parse("job").unwrap(),
            job_version: 1,
            date_range: domain::DateRange { start: "2026-02-01".into(), end: "2026-02-28".into() },
            timezone: "UTC".into(),
            source: side(Adapter::Shopify),
            target: side(Adapter::Stripe),
        };
        let started = reconciliation::start(&None, &request, NOW).unwrap();
        let ledger = [
            SagaEvent::SagaStarted { attempt: 1, execution_arn: "arn:x".into() },
            SagaEvent::StepStarted { attempt: 1, step: Step::FetchShopifyOrders, at: NOW },
        ];
        let matched = |number: u64| NewEvent {
            event_type: "MatchesWithdrawn".into(),
            event_version: 1,
            data: json!({"reason": format!("engine {number}")}),
        };
        let matches = Append {
            stream: StreamKey::new(tenant, "matches", "february-a1"),
            expected: 0,
            events: (1..=5).map(matched).collect(),
            commit_id: self.id(),
            set_fence: None,
        };
        for append in [
            NewCommit::of::<Reconciliation>(tenant, "february", 0, &started, self.id()).unwrap(),
            NewCommit::of::<Saga>(tenant, "february", 0, &ledger, self.id()).unwrap(),
            matches,
        ] {
            let metadata = Metadata {
                tenant_id: tenant.clone(),
                user_id: Some("key_acme".into()),
                timestamp: NOW,
                correlation_id: CorrelationId::parse("corr-february").unwrap(),
                causation_id: None,
            };
            let transaction = Transaction { appends: vec![append], command: None, fence: None, metadata };
            self.store.append(transaction).await.unwrap();
        }
    }

    fn id(&self) -> Uuid {
        Uuid::from_u128(domain::IdSource::next(self.ids.as_ref()))
    }

    async fn ask(&self, event: &Value) -> Held {
        hold(event, &self.handler.handle(event.clone()).await.unwrap()).unwrap()
    }

    /// Entries of a tenant's audit trail.
    async fn audited(&self, name: &str) -> u64 {
        let trail = StreamKey::new(&tenant(name), "audit", NOW.day());
        self.store.head(&trail).await.unwrap().map_or(0, |head| head.version)
    }

    /// All items, page by page.
    async fn all(&self, event: &Value, limit: &str) -> Vec<Value> {
        let (mut event, mut seen) = (event.clone(), Vec::new());
        event["queryStringParameters"]["limit"] = json!(limit);
        loop {
            let page = self.ask(&event).await.body;
            seen.extend(page["items"].as_array().unwrap().clone());
            match page["next_cursor"].as_str() {
                Some(cursor) => event["queryStringParameters"]["cursor"] = json!(cursor),
                None => return seen,
            }
        }
    }
}

fn sample(name: &str) -> Value {
    sample_events("api-admin").remove(name).unwrap()
}

fn with_query(name: &str, query: Value) -> Value {
    let mut event = sample(name);
    event["queryStringParameters"] = query;
    event
}

#[tokio::test]
async fn every_sample_event_is_answered_as_the_document_says() {
    for (name, event) in sample_events("api-admin") {
        let held = world(&["acme"]).await.ask(&event).await;
        // The run of this world runs: it can be cancelled and killed, and is refused the rest with its state.
        let expected = match name.as_str() {
            "saga-cancel" | "saga-kill" | "rebuild-all" | "rebuild-one" | "rebuild-range" | "unpark" => 202,
            "key-create" => 201,
            "saga-resume" | "saga-retry" | "saga-skip-undo" | "dry-run" => 409,
            _ => 200,
        };
        assert_eq!(held.status, expected, "{name}: {}", held.body);
        let steers = name.starts_with("saga-");
        assert!(!steers || expected != 409 || held.body["state"] == "running", "{name}: {}", held.body);
        assert!(held.body.get("items").is_none_or(|items| !items.as_array().unwrap().is_empty()), "{name}");
    }
}

#[tokio::test]
async fn events_are_shown_as_they_were_written() {
    let world = world(&["acme"]).await;
    let page = world.ask(&sample("events-of-aggregate")).await.body;
    let event = &page["items"][0];
    for (field, expected) in [
        ("aggregate_id", json!("february")),
        ("aggregate_type", json!("reconciliation")),
        ("event_type", json!("ReconciliationStarted")),
        ("event_version", json!(1)),
        ("sequence", json!(1)),
    ] {
        assert_eq!(event[field], expected, "{field}");
    }
    assert_eq!(event["metadata"]["correlation_id"], "corr-february");
    assert_eq!(event["data"]["job_version"], 1);
}

#[tokio::test]
async fn pages_together_hold_every_event_once() {
    let world = world(&["acme"]).await;
    let mut matches = with_query("events-of-aggregate", json!({"tenant_id": "acme"}));
    matches["rawPath"] = json!("/admin/events/matches/february-a1");
    matches["pathParameters"] = json!({"aggregate_type": "matches", "aggregate_id": "february-a1"});
    let correlation = with_query("events-of-correlation", json!({"tenant_id": "acme"}));
    for (event, total) in [(matches, 5), (correlation, 8)] {
        let whole = world.all(&event, "200").await;
        assert_eq!(whole.len(), total);
        for limit in ["1", "2", "3", "5"] {
            assert_eq!(world.all(&event, limit).await, whole, "pages of {limit}");
        }
    }
}

#[tokio::test]
async fn events_later_than_as_of_are_left_out() {
    let world = world(&["acme"]).await;
    for (as_of, found) in [("2026-03-01T12:00:00Z", 1), ("2026-03-01T11:59:59Z", 0)] {
        let event = with_query("events-of-aggregate", json!({"tenant_id": "acme", "as_of": as_of}));
        let held = world.ask(&event).await;
        assert_eq!((held.status, held.body["items"].as_array().unwrap().len()), (200, found), "{as_of}");
    }
}

#[tokio::test]
async fn an_id_of_several_tenants_is_ambiguous_until_one_is_named() {
    let world = world(&["acme", "other"]).await;
    for name in ["saga", "events-looked-up"] {
        let held = world.ask(&with_query(name, Value::Null)).await;
        assert_eq!((held.status, &held.body["code"]), (409, &json!("ambiguous_id")), "{name}");
        let mut owners: Vec<_> = held.body["tenant_ids"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
        owners.sort_unstable();
        assert_eq!(owners, ["acme", "other"], "{name}");
        assert_eq!(world.ask(&with_query(name, json!({"tenant_id": "other"}))).await.status, 200, "{name}");
    }
    let saga = world.ask(&with_query("saga", json!({"tenant_id": "other"}))).await.body;
    assert_eq!((&saga["tenant_id"], &saga["current_step"]), (&json!("other"), &json!("fetch_shopify_orders")));
}

#[tokio::test]
async fn sagas_are_listed_by_tenant_and_status() {
    let world = world(&["acme", "other"]).await;
    for (query, found) in [
        (Value::Null, 2),
        (json!({"tenant_id": "acme"}), 1),
        (json!({"status": "running"}), 2),
        (json!({"status": "failed"}), 0),
        (json!({"tenant_id": "nobody"}), 0),
        (json!({"tenant_id": "acme", "saga_id": "march", "min_version": "1"}), 1),
    ] {
        let items = world.ask(&with_query("sagas", query.clone())).await.body["items"].clone();
        assert_eq!(items.as_array().unwrap().len(), found, "{query}");
    }
}

#[tokio::test]
async fn every_look_at_one_tenant_leaves_a_trace_with_it() {
    let world = world(&["acme", "other"]).await;
    let queries =
        [("saga", "acme"), ("events-of-aggregate", "acme"), ("events-of-correlation", "acme"), ("sagas", "acme")];
    for (seen, (name, tenant)) in (1..).zip(queries) {
        assert_eq!(world.ask(&with_query(name, json!({"tenant_id": tenant}))).await.status, 200);
        assert_eq!((world.audited("acme").await, world.audited("other").await), (seen, 0), "{name}");
    }
    let unknown = with_query("saga", json!({"tenant_id": "other"}));
    let mut unknown_id = unknown.clone();
    unknown_id["pathParameters"]["saga_id"] = json!("nowhere");
    assert_eq!(world.ask(&unknown_id).await.status, 404);
    assert_eq!(world.audited("other").await, 1, "also when nothing was found");
}

#[tokio::test]
async fn odd_requests_get_their_status() {
    let world = world(&["acme"]).await;
    for (name, query, pointer) in [
        ("saga", json!({"tenant_id": "a b"}), "query:tenant_id"),
        ("sagas", json!({"status": "lost"}), "query:status"),
        ("sagas", json!({"limit": "0"}), "query:limit"),
        ("sagas", json!({"min_version": "1"}), "query:saga_id"),
        ("sagas", json!({"min_version": "1", "saga_id": "march"}), "query:tenant_id"),
        ("sagas", json!({"min_version": "1", "tenant_id": "acme"}), "query:saga_id"),
        ("sagas", json!({"min_version": "one", "tenant_id": "acme", "saga_id": "march"}), "query:min_version"),
        ("sagas", json!({"cursor": "x"}), "query:cursor"),
        ("events-of-correlation", Value::Null, "query:tenant_id"),
        ("events-of-aggregate", json!({"tenant_id": "acme", "as_of": "yesterday"}), "query:as_of"),
        ("events-of-aggregate", json!({"tenant_id": "acme", "cursor": "x"}), "query:cursor"),
    ] {
        let held = world.ask(&with_query(name, query.clone())).await;
        assert_eq!((held.status, held.wrong()), (400, vec![(pointer, "invalid")]), "{name} {query}");
    }
    for (name, parameter, value) in [
        ("saga", "saga_type", "payroll"),
        ("saga", "saga_id", "a b"),
        ("events-of-aggregate", "aggregate_type", "a#b"),
        ("events-of-aggregate", "aggregate_id", "nowhere"),
        ("events-looked-up", "aggregate_id", "nowhere"),
    ] {
        let mut event = sample(name);
        event["pathParameters"][parameter] = json!(value);
        assert_eq!(world.ask(&event).await.status, 404, "{name} {value}");
    }
    let mut job = sample("events-looked-up");
    job["pathParameters"]["aggregate_type"] = json!("job");
    assert_eq!(world.ask(&job).await.wrong(), [("query:tenant_id", "invalid")], "jobs cannot be looked up");
}

#[tokio::test]
async fn as_of_shows_the_state_at_that_point() {
    let world = world(&["acme"]).await;
    let ask = async |name: &str, query: Value| world.ask(&with_query(name, query)).await.body;
    let then = ask("events-as-of", json!({"tenant_id": "acme", "as_of": "2026-03-01T12:00:00Z"})).await;
    assert_eq!((&then["version"], &then["state"]["status"]), (&json!(1), &json!("running")));
    let before = ask("events-as-of", json!({"tenant_id": "acme", "as_of": "2026-03-01T11:59:59Z"})).await;
    assert_eq!((&before["version"], &before["state"]), (&json!(0), &Value::Null), "nothing had happened");
    let now = ask("events-as-of", json!({"tenant_id": "acme"})).await;
    assert_eq!(now.get("state"), None, "without as_of only events are asked for");
    let mut matches = with_query("events-as-of", json!({"tenant_id": "acme", "as_of": "2026-03-01T12:00:00Z"}));
    matches["pathParameters"] = json!({"aggregate_type": "matches", "aggregate_id": "february-a1"});
    assert_eq!(world.ask(&matches).await.body.get("state"), None, "matches are never folded");
}

fn verify(body: &Value, query: Value) -> Value {
    let mut event = with_query("verify-one", query);
    event["body"] = json!(body.to_string());
    event
}

#[tokio::test]
async fn a_damaged_stream_is_named_and_the_rest_is_verified() {
    let world = world(&["acme", "other"]).await;
    let all = world.ask(&sample("verify-all")).await.body;
    assert_eq!((&all["intact"], &all["streams"], &all["damaged"]), (&json!(true), &json!(7), &json!([])));
    assert_eq!(world.audited(PLATFORM).await, 1, "whoever looks at everybody leaves a trace");

    let run = StreamKey::new(&tenant("acme"), "reconciliation", "february");
    let one = json!({"aggregate_type": "reconciliation", "aggregate_id": "february"});
    let healthy = world.ask(&verify(&one, json!({"tenant_id": "acme"}))).await.body;
    assert_eq!((&healthy["intact"], &healthy["streams"], &healthy["events"]), (&json!(true), &json!(1), &json!(1)));
    assert!(world.store.overwrite(&run, 1, 1, b"[]".to_vec()));
    let damaged = world.ask(&verify(&one, json!({"tenant_id": "acme"}))).await.body;
    let damage = &damaged["damaged"][0];
    assert_eq!(
        (&damaged["intact"], &damage["tenant_id"], &damage["aggregate_id"], &damage["sequence"]),
        (&json!(false), &json!("acme"), &json!("february"), &json!(1))
    );
    assert!(damage["detail"].as_str().unwrap().contains("restore"));
    let others = world.ask(&verify(&one, json!({"tenant_id": "other"}))).await.body;
    assert_eq!(others["intact"], true);
}

#[tokio::test]
async fn lost_heads_are_made_new() {
    let world = world(&["acme"]).await;
    let run = StreamKey::new(&tenant("acme"), "reconciliation", "february");
    assert!(world.store.lose_head(&run));
    let rebuilt = world.ask(&sample("rebuild-heads")).await.body;
    assert_eq!(
        rebuilt["rebuilt"],
        json!([{"tenant_id": "acme", "aggregate_type": "reconciliation", "aggregate_id": "february", "was": null, "version": 1}])
    );
    assert_eq!(world.store.head(&run).await.unwrap().unwrap().version, 1);
    let again = world.ask(&sample("rebuild-heads")).await.body;
    assert_eq!(again["rebuilt"], json!([]));
}

#[tokio::test]
async fn who_comes_to_rebuild_heads_leaves_a_trace_though_the_trails_own_head_is_lost() {
    let world = world(&["acme"]).await;
    world.ask(&sample("rebuild-heads")).await;
    assert_eq!(world.audited("acme").await, 1);
    assert!(world.store.lose_head(&StreamKey::new(&tenant("acme"), "audit", NOW.day())));
    assert_eq!(world.ask(&sample("rebuild-heads")).await.status, 200);
    assert_eq!(world.audited("acme").await, 2);
}

#[tokio::test]
async fn odd_audits_get_their_status() {
    let world = world(&["acme"]).await;
    let named = || json!({"tenant_id": "acme"});
    for (body, query, status) in [
        (json!({"aggregate_type": "saga"}), named(), 400),
        (json!({"aggregate_id": "february"}), named(), 400),
        (json!({"aggregate": "february"}), named(), 400),
        (json!([]), named(), 400),
        (json!({}), json!({"tenant_id": "acme", "cursor": "x"}), 400),
        (json!({"aggregate_type": "job", "aggregate_id": "nowhere"}), Value::Null, 400),
        (json!({"aggregate_type": "job", "aggregate_id": "nowhere"}), named(), 404),
    ] {
        assert_eq!(world.ask(&verify(&body, query.clone())).await.status, status, "{body} {query}");
    }
}

#[tokio::test]
async fn a_tenants_key_opens_nothing_here() {
    let world = world(&["acme"]).await;
    for (name, mut event) in sample_events("api-admin") {
        event["requestContext"]["authorizer"]["lambda"] =
            json!({"key_id": "key_acme", "tenant_id": "acme", "scopes": "read write admin"});
        assert_eq!(world.ask(&event).await.status, 403, "{name}");
    }
    assert_eq!(world.audited("acme").await, 0);
}

fn with_body(name: &str, body: &Value) -> Value {
    let mut event = sample(name);
    event["body"] = json!(body.to_string());
    event
}

#[tokio::test]
async fn a_rebuild_is_asked_for_once_and_goes_on_when_it_is_asked_for_again() {
    let world = world(&["acme"]).await;
    let all = with_body("rebuild-all", &json!({}));
    let first = world.ask(&all).await;
    let started = first.body["rebuilds"].as_array().unwrap();
    assert_eq!((first.status, started.len()), (202, projections::ALL.len()));
    assert!(started.iter().all(|one| one["resumed"] == false && one["rebuild"]["phase"] == "announcing"));
    let again = world.ask(&all).await;
    assert!(again.body["rebuilds"].as_array().unwrap().iter().all(|one| one["resumed"] == true));
    assert_eq!(world.asked.0.lock().unwrap().len(), 2 * projections::ALL.len());

    let other = world.ask(&sample("rebuild-range")).await;
    assert_eq!((other.status, &other.body["code"]), (409, &json!("conflict")));
    let listed = world.ask(&sample("projections")).await.body;
    assert!(listed["items"].as_array().unwrap().iter().all(|item| item["live"] == 1 && item["building"] == 2));
}

#[tokio::test]
async fn a_rebuild_of_one_run_leaves_a_trace_with_its_tenant_and_leaves_jobs_alone() {
    let world = world(&["acme"]).await;
    let held = world.ask(&sample("rebuild-one")).await;
    let names: Vec<_> = held.body["rebuilds"].as_array().unwrap().iter().map(|one| one["projection"].clone()).collect();
    assert_eq!(names, ["reconciliation_summary", "saga_state", "tenant_usage_view", "error_hotspots_view"]);
    assert_eq!(held.body["rebuilds"][0]["rebuild"]["tenant_id"], "acme");
    assert_eq!(world.audited("acme").await, 1);
    let jobs = with_body("rebuild-one", &json!({"projection": "jobs", "reconciliation_id": "february"}));
    assert_eq!(world.ask(&jobs).await.wrong(), [("/projection", "invalid")]);
}

#[tokio::test]
async fn a_rebuild_that_makes_no_sense_is_refused_by_field_and_nothing_is_asked_for() {
    let world = world(&["acme", "other"]).await;
    let (from, to) = ("2026-02-01T00:00:00Z", "2026-03-01T00:00:00Z");
    for (body, status, pointer) in [
        (json!({"projection": "everything"}), 400, "/projection"),
        (json!({"from": from}), 400, "/to"),
        (json!({"to": to}), 400, "/from"),
        (json!({"from": to, "to": from}), 400, "/to"),
        (json!({"from": "yesterday", "to": to}), 400, "/from"),
        (json!({"reconciliation_id": "february", "from": from, "to": to}), 400, "/reconciliation_id"),
        (json!({"reconciliation_id": "a b"}), 400, "/reconciliation_id"),
        (json!({"colour": "red"}), 400, "/colour"),
    ] {
        let held = world.ask(&with_body("rebuild-all", &body)).await;
        assert_eq!((held.status, held.wrong()[0].0), (status, pointer), "{body}");
    }
    let unknown = world.ask(&with_body("rebuild-all", &json!({"reconciliation_id": "nobody"}))).await;
    let several = world.ask(&with_body("rebuild-all", &json!({"reconciliation_id": "february"}))).await;
    assert_eq!((unknown.status, several.status, &several.body["code"]), (404, 409, &json!("ambiguous_id")));
    assert!(world.asked.0.lock().unwrap().is_empty());
}

#[tokio::test]
async fn completeness_is_shown_page_by_page() {
    let world = world(&["acme", "other"]).await;
    let (mut event, mut checked, mut exact) = (sample("comparison"), 0, 0);
    event["queryStringParameters"] = json!({"limit": "2"});
    loop {
        let page = world.ask(&event).await.body;
        checked += page["checked"].as_u64().unwrap();
        exact += page["exact"].as_u64().unwrap();
        assert_eq!(page["inexact"], json!([]));
        match page["next_cursor"].as_str() {
            Some(cursor) => event["queryStringParameters"]["cursor"] = json!(cursor),
            None => break,
        }
    }
    assert_eq!((checked, exact), (8, 8), "two tenants, two streams each, two projections each");
}
