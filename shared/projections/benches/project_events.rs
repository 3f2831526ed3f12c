//! How many events per second and core each projection folds, rows written as JSON included: what a rebuild costs beside
//! the storage.

use domain::{CorrelationId, EventEnvelope, Metadata, TenantId, Timestamp};
use event_store::{Commit, StreamKey};
use projections::{ALL, Registered};
use serde_json::{Value, json};
use std::{
    hint::black_box,
    process::ExitCode,
    time::{Duration, Instant},
};
use uuid::Uuid;

/// What every projection has to reach.
const WANTED_PER_S: u128 = 50_000;
/// Events of one stream, folded as one pull would: 100 commits of a page.
const COMMITS: u64 = 100;
const EVENTS_PER_COMMIT: u64 = 20;
/// Odd, for a median.
const ROUNDS: usize = 15;

fn event(aggregate: &str, sequence: u64) -> Option<(&'static str, Value)> {
    let at = "2026-03-01T12:00:00.000Z";
    let side = |adapter: &str| json!({"adapter": adapter, "connection": "c"});
    let counts = json!({"matched": 5_000, "suggested": 7, "unmatched": 31, "excluded": 120});
    let totals = json!({"in_scope_minor": 1, "matched_minor": 1, "suggested_minor": 0, "unmatched_minor": 0, "excluded_minor": 0});
    let difference = json!({"fee": 0, "fx": 0, "tip": 0, "rounding": 0, "partial": 0, "unexplained": 0});
    let published = json!({
        "attempt": 1, "ref": "results/acme/recon_1/a1", "digest": "d",
        "summary": {
            "source": counts, "target": counts, "discrepancy_count": 3, "accuracy_bp": 9_912,
            "totals": [{"currency": "EUR", "exponent": 2, "source": totals, "target": totals, "difference": difference}],
            "warnings": [], "engine_version": "1", "rule_set_version": "default@1", "input_digest": "d",
        },
    });
    let fetched = json!({"attempt": 1, "count": 5_120, "ref": "staged/x", "digest": "d", "fetch_duration_ms": 5_000});
    let failure = json!({"type": "Settler.ProviderUnavailable", "message": "stripe answered 503", "step": "fetch_stripe_payments", "retryable": true});
    let definition = json!({"name": "Shop", "source": side("shopify"), "target": side("stripe"), "timezone": "UTC"});
    let step = "fetch_stripe_payments";
    Some(match (aggregate, sequence) {
        ("reconciliation", 1) => (
            "ReconciliationStarted",
            json!({
                "job_id": "job_1", "job_version": 1, "date_range": {"start": "2026-02-01", "end": "2026-02-28"},
                "timezone": "UTC", "source": side("shopify"), "target": side("stripe"), "as_of": at,
            }),
        ),
        ("reconciliation", _) => match sequence % 5 {
            0 => ("OrdersFetched", fetched),
            1 => ("PaymentsFetched", fetched),
            2 => ("ResultsPublished", published),
            3 => ("ResultsWithdrawn", json!({"attempt": 1})),
            _ => ("ReconciliationFailed", json!({"attempt": 1, "failure": failure, "failed_at": at})),
        },
        ("saga", 1) => ("SagaStarted", json!({"attempt": 1, "execution_arn": "arn:aws:states:x", "job_id": "job_1"})),
        ("saga", _) => match sequence % 4 {
            0 => ("StepStarted", json!({"attempt": 1, "step": step, "at": at})),
            1 | 2 => ("StepProgressed", json!({"attempt": 1, "step": step, "pages": 3, "records": sequence, "at": at})),
            _ => ("StepFailed", json!({"attempt": 1, "step": step, "failure": failure, "at": at})),
        },
        ("job", 1) => ("JobCreated", json!({"definition": definition})),
        ("job", _) => ("JobUpdated", json!({"definition": definition})),
        _ => return None,
    })
}

fn history(stream: &StreamKey) -> Option<Vec<Commit>> {
    let metadata = Metadata {
        tenant_id: stream.tenant.clone(),
        user_id: None,
        timestamp: Timestamp::from_millis(1_772_366_400_000),
        correlation_id: CorrelationId::parse("corr_1").ok()?,
        causation_id: None,
    };
    let envelope = |sequence: u64| {
        let (event_type, data) = event(&stream.aggregate_type, sequence)?;
        Some(EventEnvelope {
            id: Uuid::nil(),
            aggregate_id: stream.aggregate_id.clone(),
            aggregate_type: stream.aggregate_type.clone(),
            sequence,
            event_type: event_type.to_owned(),
            event_version: 1,
            data,
            metadata: metadata.clone(),
            created_at: metadata.timestamp,
        })
    };
    let commit = |number: u64| {
        let (from, to) = (number * EVENTS_PER_COMMIT + 1, (number + 1) * EVENTS_PER_COMMIT);
        let events = (from..=to).map(envelope).collect::<Option<Vec<_>>>()?;
        Some(Commit { id: Uuid::nil(), from, to, metadata: metadata.clone(), hash: String::new(), events })
    };
    (0..COMMITS).map(commit).collect()
}

fn measure(projection: &Registered) -> Option<u128> {
    let tenant = TenantId::parse("acme").ok()?;
    let stream = StreamKey::new(&tenant, projection.aggregate, "recon_1");
    let commits = history(&stream)?;
    let mut times: Vec<Duration> = Vec::with_capacity(ROUNDS);
    for _ in 0..ROUNDS {
        let begun = Instant::now();
        let folded = projection.fold(&stream, None, black_box(&commits));
        times.push(begun.elapsed());
        if folded.stop.is_some() {
            println!("{}: {:?}", projection.name, folded.stop);
            return None;
        }
        black_box(folded);
    }
    times.sort_unstable();
    let median = times.get(ROUNDS / 2)?;
    (u128::from(COMMITS * EVENTS_PER_COMMIT) * 1_000_000_000).checked_div(median.as_nanos())
}

fn main() -> ExitCode {
    println!("\n## Projections\n");
    println!(
        "{} events of one stream, folded from nothing on one core; the median of {ROUNDS} rounds.\n",
        COMMITS * EVENTS_PER_COMMIT
    );
    println!("| projection             | events per s |");
    println!("| ---------------------- | -----------: |");
    let mut slow = false;
    for projection in &ALL {
        match measure(projection) {
            Some(per_s) => {
                println!("| {:<22} | {per_s:>12} |", projection.name);
                slow |= per_s < WANTED_PER_S;
            }
            None => slow = true,
        }
    }
    if slow {
        println!("\nAt least one is below {WANTED_PER_S} events per s.");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}
