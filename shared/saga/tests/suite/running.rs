//! A run that ends well.

use crate::{
    records::EVIL_NAME,
    world::{CALLS, World, types},
};
use domain::{reconciliation::Status, saga::SagaStatus};
use projections::ResultList;

#[tokio::test]
async fn leaves_exactly_these_events() {
    let world = World::after(&CALLS).await;
    let run = world.run_events().await;
    assert_eq!(
        types(&run),
        ["ReconciliationStarted", "OrdersFetched", "PaymentsFetched", "ResultsPublished", "ReconciliationCompleted"]
    );
    assert_eq!((&run[1].1["count"], &run[2].1["count"]), (&3.into(), &2.into()));
    let staged = run[1].1["ref"].as_str().unwrap();
    assert!(staged.starts_with("staged/acme/jan/") && staged.contains(run[1].1["digest"].as_str().unwrap()));

    let matches = world.match_events().await;
    assert_eq!(types(&matches), ["RecordMatched", "RecordUnmatched", "RecordUnmatched"]);
    assert_eq!(matches[0].1["source_ids"][0], "gid://shopify/OrderTransaction/1");
    assert_eq!(matches[0].1["target_ids"][0], "ch_1AbCdEfGhIjKlMn");
    let left: Vec<_> = matches[1..].iter().map(|(_, open)| open["record_id"].as_str().unwrap()).collect();
    assert_eq!(left, ["gid://shopify/OrderTransaction/2", "ch_9AbCdEfGhIjKlMn"]);

    assert_eq!(
        world.ledger_lines().await,
        [
            "SagaStarted",
            "StepStarted fetch_shopify_orders",
            "StepProgressed fetch_shopify_orders",
            "StepSucceeded fetch_shopify_orders",
            "StepStarted fetch_stripe_payments",
            "StepProgressed fetch_stripe_payments",
            "StepSucceeded fetch_stripe_payments",
            "StepStarted perform_matching",
            "StepSucceeded perform_matching",
            "StepStarted persist_results",
            "StepSucceeded persist_results",
            "StepStarted finish",
            "StepSucceeded finish",
            "Completed",
            "StepStarted notify_webhooks",
            "StepSucceeded notify_webhooks",
        ]
    );
    assert_eq!(world.saga().await.status, SagaStatus::Completed);
}

#[tokio::test]
async fn publishes_figures_that_add_up_and_pages_to_read() {
    let world = World::after(&CALLS).await;
    let run = world.run().await;
    assert_eq!(run.status, Status::Completed);
    let summary = run.published.unwrap().summary;
    assert_eq!((summary.source.matched, summary.source.unmatched, summary.source.excluded), (1, 1, 1));
    assert_eq!((summary.target.matched, summary.target.unmatched, summary.target.excluded), (1, 1, 0));
    assert_eq!(summary.accuracy_bp, Some(5_000));
    let total = &summary.totals[0];
    assert_eq!((total.source.in_scope_minor, total.source.matched_minor), (3_500, 1_000));
    assert_eq!((total.target.in_scope_minor, total.target.unmatched_minor), (8_777, 7_777));

    assert_eq!(world.rows(ResultList::Suggested).await, Vec::<serde_json::Value>::new());
    assert_eq!(world.rows(ResultList::Unmatched).await.len(), 2);
    assert_eq!(world.rows(ResultList::Excluded).await[0]["reason"], "gateway_out_of_scope");
    let of = async |state| world.rows(ResultList::Orders(state)).await;
    let paid = of(domain::matches::OrderState::Paid).await;
    assert!(paid.iter().any(|order| order["order_name"] == "#1001"), "{paid:?}");
    assert!(paid.iter().all(|order| order["order_name"] != "#1003"), "{paid:?}");
    let mut names = Vec::new();
    for state in domain::matches::OrderState::ALL {
        names.extend(of(state).await.into_iter().map(|order| order["order_name"].clone()));
    }
    names.sort_by_key(ToString::to_string);
    assert_eq!(names, ["#1001", "#1003", EVIL_NAME], "every order is in one list");
}

#[tokio::test]
async fn nothing_is_visible_before_the_last_moment_of_persisting() {
    let world = World::after(&CALLS[..4]).await;
    assert_eq!(world.run().await.published, None);
    world.call(CALLS[4]).await.unwrap();
    assert!(world.run().await.published.is_some());
}
