//! What an invocation consumed, by the run that it worked for: read from the same events as its metrics, and kept as one
//! item per run when it ends.
//!
//! Time and log lines are the invocation's own; they are shared evenly among the streams that it worked on.

use super::line::{Known, Reader};
use domain::{
    ReconciliationId, TenantId,
    consumption::{CONSUMED, Quantities, Resource},
};
use serde_json::{Map, Value};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};
use tracing::{Event, Subscriber, span::Id};
use tracing_subscriber::{Layer, layer::Context, registry::LookupSpan};

/// Tenant, and the run if the stream is about one.
type Worked = (String, Option<String>);

/// Since the last invocation ended.
#[derive(Debug, Default)]
pub(crate) struct Consumed(Mutex<BTreeMap<Worked, Quantities>>);

/// What the invocation as a whole consumed.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Whole {
    pub memory_mb: u64,
    pub duration_ms: u64,
    pub log_bytes: u64,
}

impl Consumed {
    fn add(&self, known: &Map<String, Value>, quantities: &[(Resource, u64)]) {
        let text = |name: &str| known.get(name).and_then(Value::as_str).map(str::to_owned);
        let Some(tenant) = text("tenant_id") else { return };
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let sum = all.entry((tenant, text("saga_id"))).or_default();
        for (resource, quantity) in quantities {
            sum.add(*resource, *quantity);
        }
    }

    /// What every run gets of an invocation that has ended.
    pub fn drain(&self, whole: Whole) -> Vec<(TenantId, ReconciliationId, Quantities)> {
        let all = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        let streams = u64::try_from(all.len()).unwrap_or(u64::MAX).max(1);
        let of_runs = all.into_iter().filter_map(|((tenant, run), mut quantities)| {
            let named = TenantId::parse(tenant.as_str()).ok().zip(ReconciliationId::parse(run?.as_str()).ok())?;
            // Rounded up: a share is billed as if it were alone rather than forgotten.
            quantities.add(Resource::LambdaRequests, 1);
            // Of the item that keeps this.
            quantities.add(Resource::DynamodbWriteUnits, 1_000);
            quantities.add(Resource::LambdaGbSeconds, (whole.memory_mb * whole.duration_ms).div_ceil(streams));
            quantities.add(Resource::LogMb, whole.log_bytes.div_ceil(streams));
            Some((named.0, named.1, quantities))
        });
        of_runs.collect()
    }
}

/// Gathers events of the target [`CONSUMED`], and which streams were worked on.
pub(super) struct GatherConsumed(pub Arc<Consumed>);

impl<S: Subscriber + for<'s> LookupSpan<'s>> Layer<S> for GatherConsumed {
    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        if event.metadata().target() != CONSUMED {
            return;
        }
        let mut fields = Map::new();
        event.record(&mut Reader(&mut fields));
        let resource = fields.get("resource").and_then(Value::as_str).and_then(Resource::parse);
        if let Some((resource, quantity)) = resource.zip(fields.get("quantity").and_then(Value::as_u64)) {
            self.0.add(&super::line::known(context.event_scope(event)), &[(resource, quantity)]);
        }
    }

    /// When a span ends, all is known of whose work it was, also a run's id that was made in it.
    fn on_close(&self, id: Id, context: Context<'_, S>) {
        let Some(span) = context.span(&id).filter(|span| span.metadata().target() == super::context::TARGET) else {
            return;
        };
        if let Some(Known(known)) = span.extensions().get::<Known>() {
            let by_request = u64::from(known.contains_key("route"));
            self.0.add(known, &[(Resource::ApiRequests, by_request)]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tracing_subscriber::layer::SubscriberExt;

    fn gathered(work: impl FnOnce()) -> Arc<Consumed> {
        let consumed: Arc<Consumed> = Arc::default();
        let subscriber = tracing_subscriber::registry()
            .with(super::super::line::Contexts)
            .with(GatherConsumed(Arc::clone(&consumed)));
        tracing::subscriber::with_default(subscriber, work);
        consumed
    }

    fn of(run: &str) -> super::super::Context {
        super::super::Context { tenant_id: Some("acme".into()), saga_id: Some(run.into()), ..Default::default() }
    }

    fn quantity(quantities: &Quantities, resource: Resource) -> u64 {
        quantities.0.get(&resource).copied().unwrap_or_default()
    }

    #[test]
    fn runs_of_a_batch_share_the_invocation_and_pay_for_their_own_calls() {
        let consumed = gathered(|| {
            crate::meter::consumed(Resource::DynamodbReadUnits, 500);
            of("march").span().in_scope(|| crate::meter::consumed(Resource::DynamodbWriteUnits, 2_000));
            of("april").span().in_scope(|| {
                crate::meter::consumed(Resource::DynamodbWriteUnits, 1_000);
                crate::meter::consumed(Resource::DynamodbWriteUnits, 3_000);
            });
        });
        let whole = Whole { memory_mb: 512, duration_ms: 100, log_bytes: 999 };
        let runs = consumed.drain(whole);
        let told: Vec<_> = runs
            .iter()
            .map(|(_, run, quantities)| (run.as_str(), quantity(quantities, Resource::DynamodbWriteUnits)))
            .collect();
        assert_eq!(told, [("april", 5_000), ("march", 3_000)]);
        for (_, _, quantities) in &runs {
            assert_eq!(quantity(quantities, Resource::LambdaGbSeconds), 25_600);
            assert_eq!(quantity(quantities, Resource::LogMb), 500);
            assert_eq!(quantity(quantities, Resource::LambdaRequests), 1);
        }
        assert!(consumed.drain(whole).is_empty(), "told once");
    }

    #[test]
    fn a_run_that_a_request_starts_pays_for_it_and_other_work_for_nothing() {
        let consumed = gathered(|| {
            let request = super::super::Context {
                tenant_id: Some("acme".into()),
                route: Some("POST /v1/reconciliations".into()),
                ..Default::default()
            };
            let span = request.span();
            span.in_scope(|| span.record("saga_id", "march"));
            let job = super::super::Context { tenant_id: Some("acme".into()), ..Default::default() };
            job.span().in_scope(|| crate::meter::consumed(Resource::DynamodbWriteUnits, 7_000));
        });
        let runs = consumed.drain(Whole { memory_mb: 1_024, duration_ms: 10, log_bytes: 0 });
        let [(tenant, run, quantities)] = runs.as_slice() else { panic!("{runs:?}") };
        assert_eq!((tenant.as_str(), run.as_str()), ("acme", "march"));
        assert_eq!(quantity(quantities, Resource::ApiRequests), 1);
        assert_eq!(quantity(quantities, Resource::LambdaGbSeconds), 5_120, "half of it was for the job");
        assert_eq!(quantity(quantities, Resource::DynamodbWriteUnits), 1_000);
    }
}
