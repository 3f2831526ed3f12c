//! Counts and durations of an invocation, told at its end in CloudWatch's embedded metric format: one line per tenant
//! and step, whose tenant is a property. A dimension per tenant would cost 0.30 dollars a month each, for every metric.

use super::line::{Reader, known};
use crate::SystemClock;
use domain::{Clock, METRIC};
use serde_json::{Map, Value, json};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};
use tracing::{Event, Subscriber};
use tracing_subscriber::{Layer, layer::Context, registry::LookupSpan};

const NAMESPACE: &str = "Settler";
/// Values of one metric that a line may hold.
const MAX_VALUES: usize = 100;
/// Dimensions beside the service, where a metric has them.
const DIMENSIONS: [&str; 2] = ["step", "kind"];
/// Properties that a line keeps of its context.
const PROPERTIES: [&str; 1] = ["tenant_id"];

type Labels = BTreeMap<&'static str, String>;

#[derive(Debug, Clone, PartialEq, Eq)]
struct Series {
    unit: String,
    values: Vec<i64>,
}

/// What was counted since the last line, by labels and name.
#[derive(Debug, Default)]
pub(crate) struct Metrics(Mutex<BTreeMap<Labels, BTreeMap<String, Series>>>);

impl Metrics {
    fn add(&self, labels: Labels, name: &str, unit: &str, value: i64) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let series = all.entry(labels).or_default().entry(name.to_owned());
        let series = series.or_insert_with(|| Series { unit: unit.to_owned(), values: Vec::new() });
        match series.values.first_mut() {
            // Counts add up; durations are told one by one, for their percentiles.
            Some(sum) if series.unit == "Count" => *sum = sum.saturating_add(value),
            _ => series.values.push(value),
        }
    }

    /// Lines for all that was counted.
    pub fn drain(&self, function: &str) -> Vec<String> {
        let all = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        all.into_iter().map(|(labels, series)| line(function, &labels, series)).collect()
    }
}

fn line(function: &str, labels: &Labels, series: BTreeMap<String, Series>) -> String {
    // Also for the service as a whole, so that an alarm needs no name of a function.
    let mut own = vec!["service", "function_name"];
    own.extend(labels.keys().copied().filter(|label| DIMENSIONS.contains(label)));
    let metrics: Vec<Value> =
        series.iter().map(|(name, series)| json!({ "Name": name, "Unit": series.unit })).collect();
    let mut text = Map::new();
    text.insert(
        "_aws".into(),
        json!({
            "Timestamp": SystemClock.now().millis(),
            "CloudWatchMetrics": [{ "Namespace": NAMESPACE, "Dimensions": [own, ["service"]], "Metrics": metrics }],
        }),
    );
    text.insert("service".into(), json!("settler"));
    text.insert("function_name".into(), json!(function));
    text.extend(labels.iter().map(|(label, value)| ((*label).to_owned(), json!(value))));
    for (name, mut series) in series {
        series.values.truncate(MAX_VALUES);
        let value = if let [only] = series.values.as_slice() { json!(only) } else { json!(series.values) };
        text.insert(name, value);
    }
    Value::Object(text).to_string()
}

/// Gathers events of the target [`METRIC`]: `name`, `value`, `unit` (`Count` or `Milliseconds`), and a dimension.
pub(super) struct Gather(pub Arc<Metrics>);

impl<S: Subscriber + for<'s> LookupSpan<'s>> Layer<S> for Gather {
    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        if event.metadata().target() != METRIC {
            return;
        }
        let mut fields = Map::new();
        event.record(&mut Reader(&mut fields));
        let around = known(context.event_scope(event));
        let text = |from: &Map<String, Value>, name: &str| from.get(name).and_then(Value::as_str).map(str::to_owned);
        let dimensions = DIMENSIONS.iter().filter_map(|name| Some((*name, text(&fields, name)?)));
        let properties =
            PROPERTIES.iter().filter_map(|name| Some((*name, text(&fields, name).or_else(|| text(&around, name))?)));
        let labels: Labels = dimensions.chain(properties).collect();
        let value = fields.get("value").and_then(Value::as_i64).unwrap_or(1);
        let name = text(&fields, "name").unwrap_or_default();
        self.0.add(labels, &name, &text(&fields, "unit").unwrap_or_else(|| "Count".to_owned()), value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tracing_subscriber::layer::SubscriberExt;

    #[test]
    fn an_invocation_is_told_in_one_line_per_tenant_and_step() {
        let metrics: Arc<Metrics> = Arc::default();
        let subscriber =
            tracing_subscriber::registry().with(super::super::line::Contexts).with(Gather(Arc::clone(&metrics)));
        tracing::subscriber::with_default(subscriber, || {
            let of = |tenant: &str| super::super::Context { tenant_id: Some(tenant.into()), ..Default::default() };
            of("acme").span().in_scope(|| {
                for units in [3_u64, 5] {
                    tracing::info!(target: METRIC, name = "WriteUnits", value = units, unit = "Count");
                    tracing::info!(target: METRIC, name = "SagaDuration", value = units * 1_000, unit = "Milliseconds");
                }
                tracing::info!(target: METRIC, name = "StepFailures", value = 1_u64, unit = "Count", step = "finish");
            });
            of("other")
                .span()
                .in_scope(|| tracing::info!(target: METRIC, name = "WriteUnits", value = 8_u64, unit = "Count"));
        });
        let lines: Vec<Value> =
            metrics.drain("step-finish").iter().map(|line| serde_json::from_str(line).unwrap()).collect();
        let told = |line: &Value| (line["tenant_id"].clone(), line["step"].clone(), line["WriteUnits"].clone());
        assert_eq!(
            lines.iter().map(told).collect::<Vec<_>>(),
            [
                (json!("acme"), json!("finish"), Value::Null),
                (json!("acme"), Value::Null, json!(8)),
                (json!("other"), Value::Null, json!(8)),
            ]
        );
        assert_eq!(lines[1]["SagaDuration"], json!([3_000, 5_000]));
        let about = &lines[0]["_aws"]["CloudWatchMetrics"][0];
        assert_eq!(about["Dimensions"], json!([["service", "function_name", "step"], ["service"]]));
        assert_eq!(about["Metrics"], json!([{"Name": "StepFailures", "Unit": "Count"}]));
        assert!(lines.iter().all(|line| !line["_aws"].to_string().contains("tenant")), "{lines:?}");
        assert!(metrics.drain("step-finish").is_empty());
    }
}
