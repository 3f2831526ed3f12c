//! Old events in today's shape: steps on raw JSON, one per version, applied when a commit is read.
//!
//! Stored events never change. When the data of an event changes its meaning or shape, its version rises by one and a
//! step from the old version is registered here; every version ever written stays readable.

use crate::{
    commit::damaged,
    store::{NewEvent, StoreError, StreamKey},
};
use domain::{EventEnvelope, catalogue::Family};
use serde_json::Value;
use std::{collections::BTreeMap, sync::Arc};
use thiserror::Error;

type Step = Arc<dyn Fn(Value) -> Result<Value, String> + Send + Sync>;

/// Steps by event type, from version 1 upwards. A type without steps has version 1 only.
#[derive(Clone, Default)]
pub struct Upcasters {
    steps: BTreeMap<String, Vec<Step>>,
    catalogued: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum UpcastersError {
    #[error("the next step of {event_type} starts at version {next}, not at {from}")]
    OutOfOrder { event_type: String, from: u16, next: u16 },
}

impl Upcasters {
    /// What every store uses: no event has a second version yet.
    #[must_use]
    pub fn current() -> Self {
        Self { steps: BTreeMap::new(), catalogued: true }
    }

    /// Without the catalogue of events: an audit then does not ask whether an event is one of ours.
    #[must_use]
    pub fn uncatalogued(self) -> Self {
        Self { catalogued: false, ..self }
    }

    /// Adds the step from version `from` to `from + 1`.
    ///
    /// # Errors
    /// [`UpcastersError::OutOfOrder`] when a version would be left out or taken twice.
    pub fn step(
        mut self,
        event_type: &str,
        from: u16,
        step: impl Fn(Value) -> Result<Value, String> + Send + Sync + 'static,
    ) -> Result<Self, UpcastersError> {
        let next = self.version(event_type);
        if from != next {
            return Err(UpcastersError::OutOfOrder { event_type: event_type.to_owned(), from, next });
        }
        self.steps.entry(event_type.to_owned()).or_default().push(Arc::new(step));
        Ok(self)
    }

    /// Today's version of an event type.
    #[must_use]
    pub fn version(&self, event_type: &str) -> u16 {
        let steps = self.steps.get(event_type).map_or(0, Vec::len);
        u16::try_from(steps).unwrap_or(u16::MAX).saturating_add(1)
    }

    /// For an audit: an event of today's version is one of ours and can be read.
    pub(crate) fn check(&self, stream: &StreamKey, event: &EventEnvelope) -> Result<(), StoreError> {
        if !self.catalogued {
            return Ok(());
        }
        let Some(family) = Family::of(&stream.aggregate_type) else {
            let detail = format!("no release has written aggregates of type `{}`", stream.aggregate_type);
            return Err(damaged(stream, event.sequence, &detail));
        };
        let read = family.read(&event.event_type, event.data.clone());
        read.map(|_| ()).map_err(|cause| unreadable(stream, event, &cause))
    }

    /// The event in today's shape.
    ///
    /// # Errors
    /// What is wrong, when the version is unknown or a step fails.
    pub fn apply(&self, event: NewEvent) -> Result<NewEvent, String> {
        let today = self.version(&event.event_type);
        let NewEvent { event_type, event_version, mut data } = event;
        if event_version == 0 || event_version > today {
            return Err(format!(
                "{event_type}@{event_version} is unknown, today's version is {today}: read it with the release that wrote it, or register \
                 its step"
            ));
        }
        let steps = self.steps.get(&event_type).map_or(&[][..], Vec::as_slice);
        for (step, from) in steps.iter().zip(1..).skip(usize::from(event_version - 1)) {
            data =
                step(data).map_err(|cause| format!("the step of {event_type} from version {from} failed: {cause}"))?;
        }
        Ok(NewEvent { event_type, event_version: today, data })
    }
}

/// An event that decodes as JSON and not as an event: the aggregate, the place and what to do.
pub(crate) fn unreadable(stream: &StreamKey, event: &EventEnvelope, cause: &serde_json::Error) -> StoreError {
    StoreError::Corrupt {
        stream: stream.partition(),
        sequence: event.sequence,
        detail: format!(
            "{}@{} does not decode: {cause}. If a newer release wrote it, read it with that release; otherwise run \
             `settler events verify`",
            event.event_type, event.event_version
        ),
    }
}

impl std::fmt::Debug for Upcasters {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_map().entries(self.steps.iter().map(|(event_type, steps)| (event_type, steps.len()))).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn event(event_version: u16, data: Value) -> NewEvent {
        NewEvent { event_type: "Paid".into(), event_version, data }
    }

    fn minor_units(mut data: Value) -> Result<Value, String> {
        let amount = data.get("amount").and_then(Value::as_i64).ok_or("no amount")?;
        data = json!({ "amount_minor": amount * 100 });
        Ok(data)
    }

    fn with_currency(mut data: Value) -> Result<Value, String> {
        data["currency"] = json!("USD");
        Ok(data)
    }

    fn two_steps() -> Upcasters {
        Upcasters::current().step("Paid", 1, minor_units).unwrap().step("Paid", 2, with_currency).unwrap()
    }

    #[test]
    fn every_version_arrives_at_todays() {
        let today = event(3, json!({ "amount_minor": 700, "currency": "USD" }));
        assert_eq!(two_steps().apply(event(1, json!({ "amount": 7 }))), Ok(today.clone()));
        assert_eq!(two_steps().apply(event(2, json!({ "amount_minor": 700 }))), Ok(today.clone()));
        assert_eq!(two_steps().apply(today.clone()), Ok(today));
    }

    #[test]
    fn unknown_versions_and_failing_steps_say_what_is_wrong() {
        assert!(
            two_steps().apply(event(4, json!({}))).unwrap_err().contains("Paid@4 is unknown, today's version is 3")
        );
        assert!(two_steps().apply(event(0, json!({}))).unwrap_err().contains("Paid@0 is unknown"));
        assert!(two_steps().apply(event(1, json!({}))).unwrap_err().contains("from version 1 failed: no amount"));
        assert_eq!(two_steps().version("Other"), 1);
    }

    #[test]
    fn steps_are_registered_in_order_without_gaps() {
        let gap = Upcasters::current().step("Paid", 2, with_currency).map(|_| ());
        assert_eq!(gap, Err(UpcastersError::OutOfOrder { event_type: "Paid".into(), from: 2, next: 1 }));
    }
}
