//! What the three projections make of their events.

use crate::given::{
    DAY_MS, NEW_YEAR_MS, append, definition, events, failed, fetched, published, run_stream, started, tenant,
};
use domain::{
    Aggregate, Failure, Timestamp,
    failure::ErrorName,
    job::{Job, JobEvent},
    reconciliation::{Reconciliation, ReconciliationEvent, Status},
    saga::{Saga, SagaEvent, SagaStatus, Step},
};
use event_store::{EventStore, MemoryStore, StreamKey};
use projections::{JobView, SagaView, SummaryView, jobs, projection::fold, saga_state, summary_of};
use serde_json::{Value, json};

async fn summary(history: &[ReconciliationEvent]) -> SummaryView {
    let (store, tenant) = (MemoryStore::new(), tenant("acme"));
    for (event, minute) in history.iter().zip(0..) {
        append::<Reconciliation>(
            &store,
            &tenant,
            "recon_1",
            NEW_YEAR_MS + minute * 60_000,
            std::slice::from_ref(event),
        )
        .await;
    }
    summary_of(&tenant, "recon_1", &events(&store, &run_stream(&tenant, "recon_1")).await).unwrap().unwrap()
}

#[tokio::test]
async fn a_run_shows_its_figures_once_they_are_published() {
    let running = summary(&[started("job_1"), ReconciliationEvent::OrdersFetched(fetched())]).await;
    assert_eq!((running.status, running.matched_count, running.accuracy_percentage), (Status::Running, 0, None));
    assert_eq!((running.version, running.as_of.millis()), (2, NEW_YEAR_MS + 60_000));

    let completed = ReconciliationEvent::ReconciliationCompleted {
        attempt: 1,
        completed_at: Timestamp::from_millis(NEW_YEAR_MS + 90_000),
    };
    let view = summary(&[started("job_1"), published(7, 1, Some(9_375)), completed]).await;
    let json = serde_json::to_value(&view).unwrap();
    let expected = json!({
        "reconciliation_id": "recon_1", "job_id": "job_1", "tenant_id": "acme", "status": "completed", "attempt": 1,
        "correlation_id": "cor_1", "date_range": {"start": "2026-01-01", "end": "2026-01-31"}, "timezone": "Europe/Berlin",
        "source_adapter": "shopify", "target_adapter": "stripe",
        "total_source_records": 8, "total_target_records": 8,
        "matched_count": 7, "matched_source_count": 7, "matched_target_count": 7,
        "suggested_source_count": 0, "suggested_target_count": 1, "unmatched_source_count": 1, "unmatched_target_count": 0,
        "excluded_source_count": 0, "excluded_target_count": 2, "discrepancy_count": 0, "errors_count": 0,
        "accuracy_percentage": 93.75, "totals": [], "warnings": [],
        "engine_version": "1", "rule_set_version": "default@1", "input_digest": "digest",
        "started_at": "2026-01-01T00:00:00.000Z", "completed_at": "2026-01-01T00:01:30.000Z", "duration_ms": 90_000,
        "failure": null, "version": 3, "as_of": "2026-01-01T00:02:00.000Z",
    });
    assert_eq!(json, expected);
    assert_eq!(serde_json::from_value::<SummaryView>(json).unwrap(), view);
}

#[tokio::test]
async fn a_failed_run_hides_its_figures_and_says_why() {
    let withdrawn = ReconciliationEvent::ResultsWithdrawn { attempt: 1 };
    let view = summary(&[started("job_1"), published(7, 1, Some(9_375)), withdrawn, failed(NEW_YEAR_MS + 5_000)]).await;
    assert_eq!(
        (view.status, view.errors_count, view.matched_count, view.duration_ms),
        (Status::Failed, 1, 0, Some(5_000))
    );
    assert_eq!((view.completed_at, view.accuracy_percentage, view.input_digest), (None, None, None));
    assert_eq!(view.failure.map(|failure| failure.name), Some(ErrorName::ProviderAccessDenied));
}

#[tokio::test]
async fn a_percentage_keeps_its_digits() {
    for (basis_points, text) in
        [(0, "0.0"), (5, "0.05"), (6_666, "66.66"), (9_950, "99.5"), (9_999, "99.99"), (10_000, "100.0")]
    {
        let percentage = domain::summary::Percentage { basis_points };
        let json = serde_json::to_string(&percentage).unwrap();
        assert_eq!(json, text);
        assert_eq!(serde_json::from_str::<domain::summary::Percentage>(&json).unwrap(), percentage);
    }
    for (text, basis_points) in [("7", 700), ("100.00", 10_000)] {
        assert_eq!(serde_json::from_str::<domain::summary::Percentage>(text).unwrap().basis_points, basis_points);
    }
    for bad in ["1.234", "-1.0", "\"1\"", "1e30"] {
        assert!(serde_json::from_str::<domain::summary::Percentage>(bad).is_err(), "{bad}");
    }
}

#[tokio::test]
async fn events_of_another_stream_and_events_out_of_place_are_refused() {
    let (store, acme) = (MemoryStore::new(), tenant("acme"));
    append::<Reconciliation>(&store, &acme, "recon_1", NEW_YEAR_MS, &[started("job_1")]).await;
    let stream = events(&store, &run_stream(&acme, "recon_1")).await;
    assert!(summary_of(&tenant("other"), "recon_1", &stream).is_err());
    assert!(summary_of(&acme, "recon_2", &stream).is_err());
    assert_eq!(summary_of(&acme, "recon_1", &[]), Ok(None));
    assert!(summary_of(&acme, "recon_1", &[stream.clone(), stream.clone()].concat()).is_err());
    append::<Reconciliation>(
        &store,
        &acme,
        "recon_2",
        NEW_YEAR_MS,
        &[ReconciliationEvent::ResultsWithdrawn { attempt: 1 }],
    )
    .await;
    assert!(summary_of(&acme, "recon_2", &events(&store, &run_stream(&acme, "recon_2")).await).is_err());
}

#[tokio::test]
async fn a_saga_shows_its_steps_its_retries_and_the_failure_that_stands() {
    let (store, tenant) = (MemoryStore::new(), tenant("acme"));
    let (step, at) = (Step::FetchShopifyOrders, Timestamp::from_millis(NEW_YEAR_MS));
    let failure = Failure {
        name: ErrorName::ProviderUnavailable,
        message: "503".into(),
        step: step.as_str().into(),
        retryable: true,
    };
    let history = [
        SagaEvent::SagaStarted { attempt: 1, execution_arn: "arn:1".into() },
        SagaEvent::StepStarted { attempt: 1, step, at },
        SagaEvent::StepFailed { attempt: 1, failure: failure.clone(), step, at },
        SagaEvent::StepStarted { attempt: 1, step, at },
    ];
    for (event, minute) in history.iter().zip(0..) {
        append::<Saga>(&store, &tenant, "recon_1", NEW_YEAR_MS + minute * 60_000, std::slice::from_ref(event)).await;
    }
    let stream = StreamKey::new(&tenant, Saga::TYPE, "recon_1");
    let view: SagaView = fold::<saga_state::SagaState>(&events(&store, &stream).await).unwrap().unwrap();
    assert_eq!((view.run.status, view.retry_count, view.current_step), (SagaStatus::Running, 1, Some(step)));
    assert_eq!((view.error, view.version, view.started_at.millis()), (Some(failure), 4, NEW_YEAR_MS));
    assert_eq!(view.timeout_at.map(Timestamp::millis), Some(NEW_YEAR_MS + 60_000));
    assert_eq!(view.due_at.map(Timestamp::millis), Some(NEW_YEAR_MS + 3 * 60_000 + 120_000));

    let rest = [
        SagaEvent::StepSucceeded { attempt: 1, step, reference: Value::Null, at },
        SagaEvent::Completed { attempt: 1, at },
        SagaEvent::SagaStarted { attempt: 2, execution_arn: "arn:2".into() },
    ];
    append::<Saga>(&store, &tenant, "recon_1", NEW_YEAR_MS + DAY_MS, &rest).await;
    let view = fold::<saga_state::SagaState>(&events(&store, &stream).await).unwrap().unwrap();
    assert_eq!(
        (view.run.attempt, view.error, view.run.steps.len(), view.run.execution_arn.as_str()),
        (2, None, 0, "arn:2")
    );
    assert_eq!((view.started_at.millis(), view.updated_at.millis()), (NEW_YEAR_MS, NEW_YEAR_MS + DAY_MS));
}

#[tokio::test]
async fn a_job_counts_its_definitions() {
    let (store, tenant) = (MemoryStore::new(), tenant("acme"));
    append::<Job>(&store, &tenant, "job_1", NEW_YEAR_MS, &[JobEvent::JobCreated { definition: definition("first") }])
        .await;
    append::<Job>(
        &store,
        &tenant,
        "job_1",
        NEW_YEAR_MS + DAY_MS,
        &[JobEvent::JobUpdated { definition: definition("second") }],
    )
    .await;
    let stream = StreamKey::new(&tenant, Job::TYPE, "job_1");
    let row = fold::<jobs::Jobs>(&events(&store, &stream).await).unwrap().unwrap();
    let JobView { name, version, created_at, updated_at, .. } = row.job;
    assert_eq!((name.as_str(), version, row.deleted), ("second", 2, false));
    assert_eq!((created_at.millis(), updated_at.millis()), (NEW_YEAR_MS, NEW_YEAR_MS + DAY_MS));
    assert_eq!(store.head(&stream).await.unwrap().unwrap().version, u64::from(version));
}
