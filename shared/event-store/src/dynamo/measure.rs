//! What appends come to, as metrics. Facts are counted by the events that were appended: each once, whatever
//! was tried before.

use crate::store::{AppendError, Appended, Transaction};
use domain::{COUNTED_EVENTS, METRIC};
use serde_json::Value;
use std::collections::BTreeMap;

/// Events of a transaction that are metrics, by type and step.
pub(super) type Counted = BTreeMap<(&'static str, Option<String>), u64>;

pub(super) fn counted(transaction: &Transaction) -> Counted {
    let mut counted = Counted::new();
    for event in transaction.appends.iter().flat_map(|append| &append.events) {
        if let Some(name) = COUNTED_EVENTS.into_iter().find(|name| *name == event.event_type) {
            let step = event.data.get("step").and_then(Value::as_str).map(str::to_owned);
            *counted.entry((name, step)).or_default() += 1;
        }
    }
    counted
}

pub(super) fn append(result: &Result<Appended, AppendError>, events: &Counted) {
    match result {
        Ok(appended) if appended.repeated => {}
        Ok(_) => {
            tracing::info!(target: METRIC, name = "Appends", value = 1_u64, unit = "Count");
            for ((name, step), count) in events {
                match step {
                    Some(step) => {
                        tracing::info!(target: METRIC, name, value = *count, unit = "Count", step = step.as_str());
                    }
                    None => tracing::info!(target: METRIC, name, value = *count, unit = "Count"),
                }
            }
        }
        Err(AppendError::VersionConflict { .. }) => {
            tracing::info!(target: METRIC, name = "VersionConflicts", value = 1_u64, unit = "Count");
        }
        Err(_) => {}
    }
}
