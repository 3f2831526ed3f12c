//! What the API answers, as far as a table shows it. Reading is lenient: a field that is absent or new does not stop
//! anybody from seeing the rest, and `-o json` never passes through here.

use serde::{Deserialize, Deserializer};
use serde_json::Value;
use std::collections::BTreeMap;

/// `null` as the default.
fn or_default<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(deserializer: D) -> Result<T, D::Error> {
    Option::deserialize(deserializer).map(Option::unwrap_or_default)
}

macro_rules! answers {
    ($($(#[$doc:meta])* $name:ident { $($(#[$attribute:meta])* $field:ident: $type:ty,)* })*) => {
        $($(#[$doc])* #[derive(Debug, Clone, Default, Deserialize)]
        pub struct $name { $(#[serde(default, deserialize_with = "or_default")] $(#[$attribute])* pub $field: $type,)* })*
    };
}

answers! {
    DailyUsage {
        day: String, reconciliations: u64, records: u64, matches: u64, successes: u64, failures: u64, duration_ms: u64,
    }
    Hotspot {
        job_id: Option<String>, reconciliation_id: String, error_type: String, step: String, count: u64,
        first_seen: String, last_seen: String, last_message: String,
    }
    Unfolded { tenant_id: String, aggregate_type: String, aggregate_id: String, position: u64, error: String, }
    RebuildState {
        number: u64, phase: String, finished_at: Option<String>, total: u64, done: u64,
        unfolded_count: u64, unfolded: Vec<Unfolded>,
    }
    ProjectionState {
        projection: String, aggregate_type: String, live: u64, building: Option<u64>, rebuild: Option<RebuildState>,
        live_format: u64, format: u64,
    }
    StartedRebuild { projection: String, rebuild: RebuildState, resumed: bool, }
    StartedRebuilds { rebuilds: Vec<StartedRebuild>, }
    Inexact {
        projection: String, tenant_id: String, aggregate_type: String, aggregate_id: String, standing: String,
        checkpoint: u64, head: u64, position: Option<u64>, error: Option<String>,
    }
    Comparison { checked: u64, exact: u64, inexact: Vec<Inexact>, next_cursor: Option<String>, as_of: String, }
    Connection { adapter: String, updated_at: String, }
    Side { adapter: String, connection: String, }
    Job {
        job_id: String, name: String, source: Side, target: Side, timezone: String, matching_rules: Value,
        version: Option<u64>, webhooks: Vec<Webhook>, schedule: Option<Schedule>,
    }
    Webhook { endpoint_id: String, url: String, disabled: Option<Disabled>, secret: Option<String>, }
    Disabled { reason: String, }
    Schedule { expression: String, timezone: String, window: String, }
    RotatedSecret { endpoint_id: String, url: String, secret: String, previous_valid_until: Option<String>, }
    DeliveryAttempt { duration_ms: u64, status: Option<u64>, problem: Option<String>, }
    Delivery {
        delivery_id: String, reconciliation_id: String, event_type: String, state: String, failed: Option<String>,
        tries: u64, attempts: Vec<DeliveryAttempt>, next_attempt_at: Option<String>, created_at: String,
    }
    DecidedMatch { match_id: String, status: String, source_ids: Vec<String>, target_ids: Vec<String>, version: u64, }
    ReviewedException { record_id: String, side: String, state: String, assignee: Option<String>, note: String, }
    Started { reconciliation_id: String, correlation_id: String, status: String, attempt: Option<u64>, }
    Steered { reconciliation_id: String, status: String, attempt: u64, from_step: Option<String>, left: Vec<String>, }
    DateRange { start: String, end: String, }
    Failure { #[serde(rename = "type")] name: String, message: String, step: String, retryable: bool, }
    SideTotals { in_scope_minor: i64, matched_minor: i64, suggested_minor: i64, unmatched_minor: i64, excluded_minor: i64, }
    Totals { currency: String, exponent: u8, source: SideTotals, target: SideTotals, difference: Difference, }
    Summary {
        reconciliation_id: String, job_id: String, status: String, attempt: u64, correlation_id: String,
        date_range: DateRange, timezone: String, source_adapter: String, target_adapter: String, current_step: Option<String>,
        total_source_records: u64, total_target_records: u64, matched_count: u64, matched_target_count: u64,
        suggested_source_count: u64, suggested_target_count: u64, unmatched_source_count: u64, unmatched_target_count: u64,
        excluded_source_count: u64, excluded_target_count: u64, discrepancy_count: u64, errors_count: u64,
        accuracy_percentage: Value, totals: Vec<Totals>, warnings: Vec<Value>, started_at: String,
        duration_ms: Option<u64>, failure: Option<Failure>, cost: Option<Cost>,
    }
    CostLine { resource: String, quantity_milli: u64, price_micro_usd_per_million: u64, amount_nano_usd: u64, }
    Cost {
        total_nano_usd: u64, prices: String, lines: Vec<CostLine>, invocations: u64, complete: bool,
        tenant_secrets: u64, tenant_monthly_nano_usd: u64,
    }
    Match {
        kind: String, status: String, source_ids: Vec<String>, target_ids: Vec<String>, order_names: Vec<String>,
        amount_minor: i64, currency: String, confidence: Value, rule: String, matched_fields: Vec<String>,
        difference: Difference, cross_period: bool,
    }
    Unmatched {
        record_id: String, side: String, order_name: Option<String>, amount_minor: i64, currency: String,
        occurred_at: String, reason: String, explanation: String, state: Option<String>, assignee: Option<String>,
    }
    Excluded {
        record_id: String, side: String, order_name: Option<String>, amount_minor: i64, currency: String, occurred_at: String,
        reason: String,
    }
    Order {
        order_name: String, currency: String, total_minor: i64, received_minor: i64, refunded_minor: i64, matched_minor: i64,
        state: String,
    }
    Report { url: String, includes_decisions: Option<bool>, }
    Upload { upload_id: String, url: String, max_bytes: u64, }
    StepRun {
        step: String, status: String, started_at: String, ended_at: Option<String>, tries: u64, pages: u64, records: u64,
        failure: Option<Failure>, waiting: Option<Waiting>, undo_failure: Option<Failure>, undo_skipped: Option<String>,
    }
    Figures {
        rule_set_version: String, matched_source_count: u64, matched_target_count: u64, suggested_source_count: u64,
        suggested_target_count: u64, unmatched_source_count: u64, unmatched_target_count: u64, discrepancy_count: u64,
        accuracy_percentage: Value,
    }
    AtRisk { currency: String, exponent: u8, added_minor: i64, removed_minor: i64, }
    Verdict {
        status: String, source_ids: Vec<String>, target_ids: Vec<String>, amount_minor: i64, currency: String,
        confidence: Value, rule: String,
    }
    Change { before: Verdict, after: Verdict, }
    DryRunResult {
        reconciliation_id: String, attempt: u64, before: Figures, after: Figures, added_count: u64, removed_count: u64,
        changed_count: u64, amount_at_risk: Vec<AtRisk>, added: Vec<Verdict>, removed: Vec<Verdict>, changed: Vec<Change>,
    }
    Waiting { reason: String, until: Option<String>, }
    SagaState {
        saga_type: String, saga_id: String, tenant_id: String, status: String, attempt: u64, execution_arn: Option<String>,
        current_step: Option<String>, #[serde(alias = "step_history")] steps: Vec<StepRun>, retry_count: u64,
        next_retry_at: Option<String>, error: Option<Failure>, started_at: Option<String>, updated_at: Option<String>,
    }
    DeadLetter {
        id: String, state: String, source: String, tenant_id: Option<String>, saga_id: Option<String>,
        correlation_id: Option<String>, error_type: String, error_message: String, payload: Value, payload_ref: Option<String>,
        retry_count: u64, returns: u64, first_seen: String, last_seen: String, resolution_notes: Option<String>, by: Option<String>,
    }
    NotRedriven { id: String, detail: String, }
    RedrivenSet { ids: Vec<String>, redriven: u64, failed: Vec<NotRedriven>, more: bool, }
    CircuitTransition {
        at: String, from: String, to: String, reason: String, calls: Option<u64>, failures: Option<u64>, open: Option<u64>,
        successes: Option<u64>, by: Option<String>,
    }
    Circuit {
        circuit: String, state: String, mode: String, retry_at: Option<String>, calls: u64, failures: u64,
        history: Vec<CircuitTransition>,
    }
    ApiKey {
        key_id: String, tenant_id: Option<String>, scopes: Vec<String>, created_at: String, expires_at: Option<String>,
        status: String, key: Option<String>,
    }
    HealthCheck { name: String, status: String, count: u64, detail: String, items: Vec<String>, }
    Health { checks: Vec<HealthCheck>, }
    Damage { tenant_id: String, aggregate_type: String, aggregate_id: String, sequence: u64, detail: String, }
    RebuiltHead { tenant_id: String, aggregate_type: String, aggregate_id: String, was: Option<u64>, version: u64, }
    EventsAudited {
        streams: u64, commits: u64, events: u64, damaged: Vec<Damage>, rebuilt: Vec<RebuiltHead>, next_cursor: Option<String>,
    }
    Metadata { user_id: Option<String>, timestamp: String, }
    Event {
        aggregate_id: String, aggregate_type: String, sequence: u64, event_type: String, data: Value, metadata: Metadata,
        created_at: String,
    }
}

/// `fee`, `fx`, `tip`, `rounding`, `partial`, `unexplained` in minor units.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(transparent)]
pub struct Difference(BTreeMap<String, i64>);

impl Difference {
    /// Parts that are not zero, the explained ones first.
    pub fn parts(&self) -> Vec<(&str, i64)> {
        let mut parts: Vec<_> = self
            .0
            .iter()
            .map(|(name, minor)| (name.trim_end_matches("_minor"), *minor))
            .filter(|(_, minor)| *minor != 0)
            .collect();
        parts.sort_by_key(|(name, _)| (*name == "unexplained", *name));
        parts
    }
}

impl Summary {
    /// The run has ended, one way or another.
    pub fn ended(&self) -> bool {
        matches!(self.status.as_str(), "completed" | "failed" | "cancelled")
    }

    /// What a person still has to look at, in words; none when everything adds up.
    pub fn differences(&self) -> Option<String> {
        let open = [
            (self.unmatched_source_count + self.unmatched_target_count, "unmatched"),
            (self.suggested_source_count + self.suggested_target_count, "suggested"),
            (self.discrepancy_count, "discrepant"),
        ];
        let parts: Vec<_> = open
            .iter()
            .filter(|(number, _)| *number > 0)
            .map(|(number, what)| format!("{} {what}", crate::figures::count(*number)))
            .collect();
        (!parts.is_empty()).then(|| parts.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn absent_null_and_unknown_fields_do_not_matter() {
        let summary: Summary = serde_json::from_str(
            r#"{"status":"running","totals":null,"failure":null,"matched_count":null,"new_field":1}"#,
        )
        .unwrap();
        assert!(!summary.ended() && summary.totals.is_empty() && summary.differences().is_none());
    }

    #[test]
    fn differences_are_told_in_order() {
        let totals: Totals = serde_json::from_str(
            r#"{"currency":"EUR","exponent":2,"difference":{"unexplained":1,"fee_minor":-2,"fx":0,"tip":3}}"#,
        )
        .unwrap();
        assert_eq!(totals.difference.parts(), [("fee", -2), ("tip", 3), ("unexplained", 1)]);
        let summary = Summary { unmatched_target_count: 2, discrepancy_count: 1, ..Summary::default() };
        assert_eq!(summary.differences().as_deref(), Some("2 unmatched, 1 discrepant"));
    }
}
