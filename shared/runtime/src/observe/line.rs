//! Events as flat JSON lines, with what the spans around them know.

use super::Function;
use crate::SystemClock;
use domain::{Clock, METRIC, consumption::CONSUMED};
use serde_json::{Map, Value, json};
use std::fmt;
use tracing::{
    Event, Subscriber,
    field::{Field, Visit},
    span::{Attributes, Id, Record},
};
use tracing_subscriber::{
    Layer,
    layer::Context,
    registry::{LookupSpan, Scope},
};

/// Longest text of one field: what a provider or a library says may be anything.
const MAX_CHARS: usize = 2_000;

/// The fields of a span, kept with it.
#[derive(Debug, Default)]
pub(super) struct Known(pub Map<String, Value>);

/// Reads fields as JSON.
pub(super) struct Reader<'m>(pub &'m mut Map<String, Value>);

impl Reader<'_> {
    fn put(&mut self, field: &Field, value: Value) {
        self.0.insert(field.name().to_owned(), value);
    }
}

impl Visit for Reader<'_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, cut(value));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, json!(value));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, json!(value));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, json!(value));
    }

    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        self.put(field, cut(&value.to_string()));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.put(field, cut(&format!("{value:?}")));
    }
}

fn cut(text: &str) -> Value {
    match text.char_indices().nth(MAX_CHARS) {
        Some((end, _)) => json!(format!("{}…", &text[..end])),
        None => json!(text),
    }
}

/// Keeps what spans know, whatever is filtered from the lines.
pub(super) struct Contexts;

impl<S: Subscriber + for<'s> LookupSpan<'s>> Layer<S> for Contexts {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        if let Some(span) = context.span(id).filter(|span| span.metadata().target() == super::context::TARGET) {
            let mut known = Known::default();
            attributes.record(&mut Reader(&mut known.0));
            span.extensions_mut().insert(known);
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        if let Some(span) = context.span(id)
            && let Some(known) = span.extensions_mut().get_mut::<Known>()
        {
            values.record(&mut Reader(&mut known.0));
        }
    }
}

/// What the spans around an event know, the nearest last.
pub(super) fn known<'s, S: Subscriber + LookupSpan<'s>>(scope: Option<Scope<'s, S>>) -> Map<String, Value> {
    let mut all = Map::new();
    for span in scope.into_iter().flat_map(Scope::from_root) {
        if let Some(known) = span.extensions().get::<Known>() {
            all.extend(known.0.clone());
        }
    }
    all
}

pub(super) struct Lines<W> {
    function: Function,
    write: W,
}

impl<W: Fn(&str)> Lines<W> {
    pub fn new(function: Function, write: W) -> Self {
        Self { function, write }
    }
}

impl<S, W> Layer<S> for Lines<W>
where
    S: Subscriber + for<'s> LookupSpan<'s>,
    W: Fn(&str) + 'static,
{
    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let about = event.metadata();
        if [METRIC, CONSUMED].contains(&about.target()) {
            return;
        }
        let mut line = Map::new();
        line.insert("timestamp".into(), json!(SystemClock.now()));
        line.insert("level".into(), json!(about.level().as_str()));
        line.insert("service".into(), json!("settler"));
        line.insert("function_name".into(), json!(self.function.name));
        line.insert("function_memory_size".into(), json!(self.function.memory_mb));
        line.insert("location".into(), json!(about.target()));
        line.extend(known(context.event_scope(event)));
        event.record(&mut Reader(&mut line));
        (self.write)(&Value::Object(line).to_string());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, Mutex};
    use tracing_subscriber::layer::SubscriberExt;

    fn lines(work: impl FnOnce()) -> Vec<Value> {
        let all: Arc<Mutex<Vec<Value>>> = Arc::default();
        let kept = Arc::clone(&all);
        let write = move |line: &str| kept.lock().unwrap().push(serde_json::from_str(line).unwrap());
        let function = Function { name: "step-finish".into(), memory_mb: "512".into() };
        let subscriber = tracing_subscriber::registry().with(Contexts).with(Lines::new(function, write));
        tracing::subscriber::with_default(subscriber, work);
        Arc::try_unwrap(all).map(|lines| lines.into_inner().unwrap()).unwrap_or_default()
    }

    #[test]
    fn a_line_is_flat_and_knows_whose_work_it_is_about() {
        let context = super::super::Context {
            tenant_id: Some("acme".into()),
            saga_id: Some("march".into()),
            ..super::super::Context::default()
        };
        let found = lines(|| {
            let span = context.span();
            span.in_scope(|| {
                span.record("correlation_id", "corr_1");
                tracing::warn!(error = "Settler.Transient", tries = 3_u32, "the store is busy");
            });
            tracing::info!("outside");
        });
        let expected = [
            ("level", json!("WARN")),
            ("message", json!("the store is busy")),
            ("service", json!("settler")),
            ("function_name", json!("step-finish")),
            ("tenant_id", json!("acme")),
            ("saga_id", json!("march")),
            ("correlation_id", json!("corr_1")),
            ("error", json!("Settler.Transient")),
            ("tries", json!(3)),
        ];
        for (name, value) in expected {
            assert_eq!(found[0][name], value, "{name}: {}", found[0]);
        }
        assert!(found[0].get("step").is_none() && found[0]["timestamp"].is_string(), "{}", found[0]);
        assert!(found[1].get("tenant_id").is_none(), "{}", found[1]);
    }

    #[test]
    fn what_is_too_long_is_cut_and_metrics_are_no_lines() {
        let found = lines(|| {
            tracing::info!(target: METRIC, name = "Appends", value = 1_u64, unit = "Count");
            tracing::info!(detail = "ä".repeat(3_000), "long");
        });
        assert_eq!(found.len(), 1);
        assert_eq!(found[0]["detail"].as_str().unwrap().chars().count(), MAX_CHARS + 1);
    }
}
