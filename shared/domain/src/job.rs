//! Aggregate `job`: what to reconcile and by which rules. Each change is a version; a run pins the one it started with.

use crate::{
    aggregate::{Aggregate, Decided, Event},
    connection::Adapter,
    failure::Decline,
    ids::{ConnectionId, EndpointId},
    schedule::Schedule,
    webhook::Disabled,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

pub use crate::webhook::WebhookEndpoint;

/// One side of a job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Side {
    pub adapter: Adapter,
    pub connection: ConnectionId,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct JobDefinition {
    pub name: String,
    pub source: Side,
    pub target: Side,
    /// IANA zone in which the days of a date range begin and end.
    pub timezone: String,
    /// A rule set as the matching engine reads it; none for its defaults.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub matching_rules: Option<Value>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub webhooks: Vec<WebhookEndpoint>,
    /// None for a job that only runs when asked to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule: Option<Schedule>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", content = "data")]
pub enum JobEvent {
    JobCreated {
        definition: JobDefinition,
    },
    JobUpdated {
        definition: JobDefinition,
    },
    JobDeleted {},
    /// The endpoint said that it is gone; nothing more is sent there.
    WebhookDisabled {
        endpoint_id: EndpointId,
        disabled: Disabled,
    },
    /// The endpoint has a new secret; the old one is valid for a while.
    WebhookSecretRotated {
        endpoint_id: EndpointId,
        rotation: u32,
    },
}

impl Event for JobEvent {
    fn event_type(&self) -> &'static str {
        match self {
            Self::JobCreated { .. } => "JobCreated",
            Self::JobUpdated { .. } => "JobUpdated",
            Self::JobDeleted {} => "JobDeleted",
            Self::WebhookDisabled { .. } => "WebhookDisabled",
            Self::WebhookSecretRotated { .. } => "WebhookSecretRotated",
        }
    }
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct JobState {
    /// The definition after each event but the deletion: number n is version n, of the stream as well.
    pub versions: Vec<JobDefinition>,
    pub deleted: bool,
    /// By endpoint: how often its secret was rotated.
    pub rotations: BTreeMap<EndpointId, u32>,
}

impl JobState {
    /// The current definition with its version; none when the job does not exist or was deleted.
    #[must_use]
    pub fn current(&self) -> Option<(u32, &JobDefinition)> {
        let version = u32::try_from(self.versions.len()).ok()?;
        self.versions.last().filter(|_| !self.deleted).map(|definition| (version, definition))
    }

    /// How often the secret of an endpoint was rotated.
    #[must_use]
    pub fn rotation(&self, endpoint: &EndpointId) -> u32 {
        self.rotations.get(endpoint).copied().unwrap_or_default()
    }

    /// The definition that a run pinned, also after the job changed or was deleted.
    #[must_use]
    pub fn at(&self, version: u32) -> Option<&JobDefinition> {
        self.versions.get(usize::try_from(version).ok()?.checked_sub(1)?)
    }
}

#[derive(Debug)]
pub struct Job;

impl Aggregate for Job {
    const TYPE: &'static str = "job";
    type Event = JobEvent;
    type State = JobState;

    fn evolve(mut state: JobState, event: &JobEvent) -> JobState {
        match event {
            JobEvent::JobCreated { definition } | JobEvent::JobUpdated { definition } => {
                state.versions.push(definition.clone());
                state.deleted = false;
            }
            JobEvent::JobDeleted {} => state.deleted = true,
            JobEvent::WebhookDisabled { endpoint_id, disabled } => {
                let mut definition = state.versions.last().cloned();
                let webhooks = definition.iter_mut().flat_map(|definition| &mut definition.webhooks);
                for endpoint in webhooks.filter(|endpoint| endpoint.endpoint_id == *endpoint_id) {
                    endpoint.disabled = Some(disabled.clone());
                }
                state.versions.extend(definition);
            }
            JobEvent::WebhookSecretRotated { endpoint_id, rotation } => {
                state.rotations.insert(endpoint_id.clone(), *rotation);
                let definition = state.versions.last().cloned();
                state.versions.extend(definition);
            }
        }
        state
    }
}

/// # Errors
/// A conflict when the id is taken by another definition or was deleted.
pub fn create(state: &JobState, definition: &JobDefinition) -> Result<Decided<Job>, Decline> {
    match (state.current(), state.deleted) {
        (None, false) => Ok(vec![JobEvent::JobCreated { definition: definition.clone() }]),
        (Some((1, existing)), _) if existing == definition => Ok(Vec::new()),
        (_, true) => Err(Decline::conflict("this job was deleted; its id cannot be used again")),
        _ => Err(Decline::conflict("this job id is taken; change the job with PUT, or choose another id")),
    }
}

/// # Errors
/// Not found when the job does not exist or was deleted.
pub fn update(state: &JobState, definition: &JobDefinition) -> Result<Decided<Job>, Decline> {
    match state.current() {
        None => Err(Decline::not_found("no such job")),
        Some((_, current)) if current == definition => Ok(Vec::new()),
        Some(_) => Ok(vec![JobEvent::JobUpdated { definition: definition.clone() }]),
    }
}

/// # Errors
/// Not found when the job never existed; deleting twice is fine.
pub fn delete(state: &JobState) -> Result<Decided<Job>, Decline> {
    match (state.versions.is_empty(), state.deleted) {
        (true, _) => Err(Decline::not_found("no such job")),
        (_, true) => Ok(Vec::new()),
        _ => Ok(vec![JobEvent::JobDeleted {}]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{fold, webhook};

    fn definition(name: &str) -> JobDefinition {
        let side = |adapter, connection: &str| Side { adapter, connection: ConnectionId::parse(connection).unwrap() };
        JobDefinition {
            name: name.into(),
            source: side(Adapter::Shopify, "shop"),
            target: side(Adapter::Stripe, "stripe"),
            timezone: "UTC".into(),
            matching_rules: None,
            webhooks: Vec::new(),
            schedule: None,
        }
    }

    #[test]
    fn versions_count_definitions_and_survive_deletion() {
        let mut events = create(&JobState::default(), &definition("a")).unwrap();
        let state = fold::<Job>(events.clone());
        assert_eq!(create(&state, &definition("a")), Ok(Vec::new()));
        assert!(create(&state, &definition("b")).is_err());
        events.extend(update(&state, &definition("b")).unwrap());
        let state = fold::<Job>(events.clone());
        assert_eq!(update(&state, &definition("b")), Ok(Vec::new()));
        assert_eq!(state.current(), Some((2, &definition("b"))));
        events.extend(delete(&state).unwrap());
        let state = fold::<Job>(events);
        assert_eq!(state.current(), None);
        assert_eq!(state.at(1), Some(&definition("a")));
        assert_eq!(state.at(3), None);
        assert_eq!(delete(&state), Ok(Vec::new()));
        assert!(update(&state, &definition("c")).is_err());
        assert!(create(&state, &definition("c")).is_err());
    }

    #[test]
    fn an_endpoint_is_disabled_once_and_versions_stay_those_of_the_stream() {
        let endpoint_id = EndpointId::parse("we_a").unwrap();
        let endpoint = WebhookEndpoint { endpoint_id: endpoint_id.clone(), url: "https://a".into(), disabled: None };
        let with_endpoint = JobDefinition { webhooks: vec![endpoint.clone()], ..definition("a") };
        let disabled = Disabled { at: crate::Timestamp::from_millis(0), reason: "410".into() };
        let mut events = create(&JobState::default(), &with_endpoint).unwrap();
        events.extend(webhook::disable(&fold::<Job>(events.clone()), &endpoint_id, &disabled));
        events.extend(webhook::rotate(&fold::<Job>(events.clone()), &endpoint_id, 1).unwrap());
        let state = fold::<Job>(events.clone());
        assert_eq!(webhook::disable(&state, &endpoint_id, &disabled), []);
        assert_eq!(webhook::rotate(&state, &endpoint_id, 1), Ok(Vec::new()));
        let (version, current) = state.current().unwrap();
        assert_eq!((version, current.webhooks[0].disabled.as_ref()), (3, Some(&disabled)));
        assert_eq!(state.at(1), Some(&with_endpoint), "a run that pinned the first version still sees it");
        // Naming the endpoint again is a change, though nothing else is.
        events.extend(update(&state, &with_endpoint).unwrap());
        let state = fold::<Job>(events.clone());
        assert_eq!(state.current(), Some((4, &with_endpoint)));
        events.extend(delete(&state).unwrap());
        let state = fold::<Job>(events);
        assert_eq!(webhook::disable(&state, &endpoint_id, &disabled), []);
        assert!(webhook::rotate(&state, &endpoint_id, 2).is_err());
    }

    #[test]
    fn a_job_that_never_was_cannot_be_changed() {
        assert!(update(&JobState::default(), &definition("a")).is_err());
        assert!(delete(&JobState::default()).is_err());
    }
}
