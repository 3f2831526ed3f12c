//! The handler over read models and stores in memory: every sample event, and everything that can be wrong with a read.

mod given;

use domain::{
    ReconciliationId, TenantId, Timestamp,
    consumption::{Consumption, Quantities, Resource},
    ports::ConsumptionLog,
};
use given::{World, sample};
use serde_json::{Value, json};
use testkit::sample_events;

#[tokio::test]
async fn every_sample_event_is_answered_as_the_document_says() {
    let world = World::published().await;
    world.deliveries(1).await;
    for (name, event) in sample_events("api-query") {
        let held = world.ask(&event).await;
        assert_eq!(held.status, if name == "no-such-route" { 404 } else { 200 }, "{name}: {}", held.body);
    }
}

#[tokio::test]
async fn a_summary_holds_the_figures_of_the_run() {
    let world = World::published().await;
    let held = world.ask(&sample("reconciliation")).await;
    for (field, expected) in [
        ("reconciliation_id", json!("february")),
        ("status", json!("completed")),
        ("matched_count", json!(5)),
        ("matched_source_count", json!(5)),
        ("unmatched_source_count", json!(1)),
        ("total_source_records", json!(8)),
        ("current_step", json!("finish")),
        ("timezone", json!("Europe/Berlin")),
        ("version", json!(3)),
        ("as_of", json!("2026-03-01T12:00:00.000Z")),
        ("failure", Value::Null),
    ] {
        assert_eq!(held.body[field], expected, "{field}");
    }
}

#[tokio::test]
async fn what_a_run_cost_is_told_to_who_asks() {
    let world = World::published().await;
    let (tenant, run) = (TenantId::parse("acme").unwrap(), ReconciliationId::parse("february").unwrap());
    for (request_id, milli) in [("r1", 1_500_000), ("r2", 500_000), ("r2", 500_000)] {
        let consumption = Consumption {
            function_name: "step-finish".into(),
            request_id: request_id.into(),
            at: Timestamp::from_millis(0),
            quantities: Quantities([(Resource::DynamodbWriteUnits, milli)].into()),
        };
        world.consumption.keep(&tenant, &run, &consumption).await.unwrap();
    }
    let asked = |wanted: &str| {
        let mut event = sample("reconciliation");
        event["queryStringParameters"] = json!({ "cost": wanted });
        event
    };
    let forgotten = world.ask(&asked("true")).await.body;
    assert_eq!(forgotten["cost"]["complete"], false, "the engine knows nothing of arn:x");
    world.executions.0.lock().unwrap().insert("arn:x".into(), 40);
    let cost = world.ask(&asked("true")).await.body["cost"].clone();
    assert_eq!(
        (&cost["complete"], &cost["invocations"], &cost["tenant_secrets"]),
        (&json!(true), &json!(2), &json!(2)),
        "{cost}"
    );
    // 2,000 write units and 40 transitions, each a thousandth of a dollar and a quarter more.
    assert_eq!(cost["total_nano_usd"], 1_250_000 + 1_000_000, "{cost}");
    assert_eq!(world.ask(&asked("false")).await.body["cost"], Value::Null);
    assert_eq!(world.ask(&asked("perhaps")).await.status, 400);
}

#[tokio::test]
async fn results_are_shown_in_pages() {
    let world = World::published().await;
    for (name, total, key) in [
        ("matches", 5, "match_id"),
        ("suggestions", 2, "match_id"),
        ("unmatched", 1, "record_id"),
        ("orders", 2, "order_id"),
    ] {
        let whole = world.ask(&without_query(sample(name))).await;
        let all = whole.body["items"].as_array().unwrap().clone();
        assert_eq!((all.len(), &whole.body["next_cursor"]), (total, &Value::Null), "{name}");
        let (mut seen, mut cursor) = (Vec::new(), None);
        loop {
            let mut event = without_query(sample(name));
            event["queryStringParameters"] = json!({"limit": "1"});
            if let Some(cursor) = &cursor {
                event["queryStringParameters"]["cursor"] = json!(cursor);
            }
            let page = world.ask(&event).await.body;
            let items = page["items"].as_array().unwrap();
            assert!(items.len() <= 1, "{name}");
            seen.extend(items.clone());
            cursor = page["next_cursor"].as_str().map(str::to_owned);
            if cursor.is_none() {
                break;
            }
        }
        assert_eq!(seen, all, "{name}");
        assert!(all.iter().all(|item| item[key].is_string()), "{name}");
    }
}

fn without_query(mut event: Value) -> Value {
    event["queryStringParameters"] = Value::Null;
    event
}

#[tokio::test]
async fn matches_show_no_suggestions_and_orders_can_be_chosen() {
    let world = World::published().await;
    let matches = world.ask(&sample("matches")).await.body;
    assert!(matches["items"].as_array().unwrap().iter().all(|item| item["status"] == "auto"));
    assert_eq!(matches["items"][0]["confidence"].to_string(), "0.9999");
    let suggestions = world.ask(&sample("suggestions")).await.body;
    assert!(suggestions["items"].as_array().unwrap().iter().all(|item| item["status"] == "suggested"));
    let mut orders = sample("orders");
    orders["queryStringParameters"] = json!({"state": "unpaid"});
    let orders = world.ask(&orders).await.body;
    assert_eq!((orders["items"].as_array().unwrap().len(), &orders["items"][0]["state"]), (1, &json!("unpaid")));
}

#[tokio::test]
async fn a_run_that_was_withdrawn_is_not_shown() {
    let world = World::running().await;
    world.matches("MatchesWithdrawn", 1).await;
    world.matches("RecordMatched", 2).await;
    world.publish().await;
    let page = world.ask(&sample("matches")).await.body;
    assert_eq!(page["items"].as_array().unwrap().len(), 2, "only those after the withdrawal");
}

#[tokio::test]
async fn nothing_is_visible_before_it_is_published() {
    let world = World::running().await;
    for name in ["matches", "suggestions", "unmatched", "excluded", "orders"] {
        let held = world.ask(&sample(name)).await;
        assert_eq!((held.status, &held.body["items"], &held.body["version"]), (200, &json!([]), &json!(1)), "{name}");
    }
    let held = world.ask(&sample("report")).await;
    assert_eq!((held.status, &held.body["code"]), (409, &json!("conflict")));
    let summary = world.ask(&sample("reconciliation")).await.body;
    assert_eq!((&summary["status"], &summary["matched_count"]), (&json!("running"), &json!(0)));
}

#[tokio::test]
async fn a_report_is_an_address_for_a_quarter_of_an_hour() {
    let world = World::published().await;
    let held = world.ask(&sample("report")).await;
    assert_eq!(held.body["expires_at"], "2026-03-01T12:15:00.000Z");
    let url = held.body["url"].as_str().unwrap();
    assert!(url.contains("results/acme/february/a1/report.") && url.contains("valid_s=900"), "{url}");
    assert_eq!(held.body["includes_decisions"], true, "there are none");
    for (query, pointer) in [(Value::Null, "query:format"), (json!({"format": "pdf"}), "query:format")] {
        let mut event = sample("report");
        event["queryStringParameters"] = query;
        let held = world.ask(&event).await;
        assert_eq!((held.status, held.wrong()), (400, vec![(pointer, "invalid")]));
    }
}

#[tokio::test]
async fn lists_come_from_the_read_models() {
    let world = World::published().await;
    let jobs = world.ask(&sample("jobs")).await.body;
    assert_eq!((&jobs["items"][0]["job_id"], jobs["items"].as_array().unwrap().len()), (&json!("job_shop"), 1));
    assert!(jobs["as_of"].is_string());
    let mut own = sample("jobs");
    own["queryStringParameters"] = json!({"min_version": "1", "job_id": "job_shop"});
    assert_eq!(world.ask(&own).await.body["items"], jobs["items"]);
    let list = |query: Value| {
        let mut event = sample("reconciliations");
        event["queryStringParameters"] = query;
        event
    };
    for (query, found) in [
        (json!({}), 1),
        (json!({"status": "completed", "job_id": "job_shop"}), 1),
        (json!({"status": "failed"}), 0),
        (json!({"job_id": "nowhere"}), 0),
        (json!({"from": "2026-03-01", "to": "2026-03-01"}), 1),
        (json!({"from": "2026-03-02"}), 0),
        (json!({"min_version": "3", "reconciliation_id": "february"}), 1),
    ] {
        let held = world.ask(&list(query.clone())).await;
        assert_eq!((held.status, held.body["items"].as_array().unwrap().len()), (200, found), "{query}");
    }
}

#[tokio::test]
async fn odd_parameters_are_named() {
    let world = World::published().await;
    for (name, query, pointer) in [
        ("reconciliations", json!({"limit": "0"}), "query:limit"),
        ("reconciliations", json!({"limit": "201"}), "query:limit"),
        ("reconciliations", json!({"cursor": "x"}), "query:cursor"),
        ("reconciliations", json!({"status": "lost"}), "query:status"),
        ("reconciliations", json!({"job_id": "a b"}), "query:job_id"),
        ("reconciliations", json!({"from": "2026-02-30"}), "query:from"),
        ("reconciliations", json!({"min_version": "3"}), "query:reconciliation_id"),
        ("reconciliations", json!({"min_version": "x"}), "query:min_version"),
        ("reconciliation", json!({"min_version": "-1"}), "query:min_version"),
        ("jobs", json!({"cursor": "%%%"}), "query:cursor"),
        ("jobs", json!({"min_version": "1"}), "query:job_id"),
        ("matches", json!({"cursor": "x"}), "query:cursor"),
        ("unmatched", json!({"cursor": "x"}), "query:cursor"),
        ("orders", json!({"state": "lost"}), "query:state"),
    ] {
        let mut event = sample(name);
        event["queryStringParameters"] = query.clone();
        let held = world.ask(&event).await;
        assert_eq!((held.status, held.wrong()), (400, vec![(pointer, "invalid")]), "{name} {query}");
    }
}

#[tokio::test]
async fn what_belongs_to_others_does_not_exist() {
    let world = World::published().await;
    for (name, mut event) in sample_events("api-query") {
        let id = event.pointer("/pathParameters/id").is_some();
        if !id || name == "by-operator" {
            continue;
        }
        for odd in ["nowhere", "a b", "", "x/../february", &"x".repeat(65)] {
            event["pathParameters"]["id"] = json!(odd);
            assert_eq!(world.ask(&event).await.status, 404, "{name} {odd}");
        }
        let mut foreign = sample(&name);
        foreign["requestContext"]["authorizer"]["lambda"]["tenant_id"] = json!("other");
        assert_eq!(world.ask(&foreign).await.status, 404, "{name}");
    }
    for name in ["jobs", "reconciliations"] {
        let mut foreign = without_query(sample(name));
        foreign["requestContext"]["authorizer"]["lambda"]["tenant_id"] = json!("other");
        assert_eq!(world.ask(&foreign).await.body["items"], json!([]), "{name}");
    }
}

#[tokio::test]
async fn a_deleted_job_is_gone_and_a_connection_shows_no_credentials() {
    let world = World::published().await;
    let connection = world.ask(&sample("connection")).await.body;
    assert_eq!((&connection["adapter"], connection.as_object().unwrap().len()), (&json!("shopify"), 4));
    assert_eq!(world.ask(&sample("job")).await.body["created_at"], "2026-03-01T12:00:00.000Z");
    world.delete_job().await;
    assert_eq!(world.ask(&sample("job")).await.status, 404);
    assert_eq!(world.ask(&sample("jobs")).await.body["items"], json!([]));
}

#[tokio::test]
async fn an_operators_read_leaves_a_trace() {
    let world = World::published().await;
    assert_eq!(world.audited().await, 0);
    assert_eq!(world.ask(&sample("by-operator")).await.status, 200);
    assert_eq!(world.audited().await, 1);
    world.ask(&sample("reconciliation")).await;
    assert_eq!(world.audited().await, 1, "a tenant's own read leaves none");
}

#[tokio::test]
async fn deliveries_come_newest_first_and_of_ones_own_endpoints_only() {
    let world = World::published().await;
    assert_eq!(world.ask(&sample("deliveries")).await.status, 404, "no such endpoint yet");
    world.deliveries(5).await;
    let (mut seen, mut cursor) = (Vec::new(), Value::Null);
    loop {
        let mut event = sample("deliveries");
        event["queryStringParameters"] = json!({"limit": "2"});
        if let Some(cursor) = cursor.as_str() {
            event["queryStringParameters"]["cursor"] = json!(cursor);
        }
        let page = world.ask(&event).await.body;
        let items = page["items"].as_array().unwrap();
        seen.extend(items.iter().map(|item| item["reconciliation_id"].as_str().unwrap().to_owned()));
        cursor = page["next_cursor"].clone();
        if cursor.is_null() {
            break;
        }
    }
    assert_eq!(seen, ["month-4", "month-3", "month-2", "month-1", "month-0"]);
    let mut altered = sample("deliveries");
    altered["queryStringParameters"] = json!({"cursor": "AAAA"});
    assert_eq!(world.ask(&altered).await.status, 400);
    let mut foreign = sample("deliveries");
    foreign["requestContext"]["authorizer"]["lambda"]["tenant_id"] = json!("other");
    assert_eq!(world.ask(&foreign).await.status, 404);
}

#[tokio::test]
async fn usage_and_hotspots_tell_of_the_run_and_refuse_days_that_make_no_sense() {
    let world = World::published().await;
    let ask = async |name: &str, query: Value| {
        let mut event = sample(name);
        event["queryStringParameters"] = query;
        world.ask(&event).await
    };
    let page = ask("usage", json!({})).await.body;
    assert_eq!((&page["items"][0]["day"], &page["items"][0]["successes"]), (&json!("2026-03-01"), &json!(1)));
    assert_eq!(ask("error-hotspots", json!({"reconciliation_id": "february"})).await.body["items"], json!([]));
    for query in [
        json!({"from": "2026-03-02", "to": "2026-03-01"}),
        json!({"from": "2026-02-30"}),
        json!({"from": "0000-01-01"}),
        json!({"to": "9999-12-31"}),
        json!({"min_version": "1"}),
        json!({"limit": "0"}),
    ] {
        assert_eq!(ask("usage", query.clone()).await.status, 400, "{query}");
    }
    assert_eq!(ask("error-hotspots", json!({"job_id": "a b"})).await.status, 400);
}
