//! Endpoints of a job: customers' addresses that are told about the end of each run.
//!
//! **Invariant:** an endpoint keeps its id, and with it its secret, for as long as the job names its address or its id.
//! Secrets themselves are in the secret store and never in an event.

use crate::{
    failure::Decline,
    ids::EndpointId,
    job::{JobDefinition, JobEvent, JobState},
    time::Timestamp,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Endpoints that one job may have: each run is told to all of them.
pub const MAX_ENDPOINTS: usize = 10;
/// Longest address.
pub const MAX_URL_LENGTH: usize = 2_048;

/// A customer's address. Its signing secret lives in the secret store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WebhookEndpoint {
    pub endpoint_id: EndpointId,
    pub url: String,
    /// Nothing is sent there until a change of the job names the endpoint again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disabled: Option<Disabled>,
}

/// Since when and why an endpoint gets nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Disabled {
    pub at: Timestamp,
    pub reason: String,
}

/// What a caller asks for: an address, and the endpoint that is to have it if it is not the one that has it now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WantedEndpoint {
    pub endpoint_id: Option<EndpointId>,
    pub url: String,
}

/// Why endpoints cannot be as wanted: which of them, by its place, and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrongEndpoint {
    pub index: usize,
    pub detail: String,
}

/// The endpoints that a job will have. Those it has are kept by id or address and are enabled again; others get the
/// ids out of `fresh`, one for each place.
///
/// # Errors
/// Every endpoint that the job does not have, or that is named twice.
pub fn resolve(
    current: &[WebhookEndpoint],
    wanted: &[WantedEndpoint],
    fresh: &[EndpointId],
) -> Result<Vec<WebhookEndpoint>, Vec<WrongEndpoint>> {
    let (mut resolved, mut wrong) = (Vec::<WebhookEndpoint>::new(), Vec::new());
    for (index, (want, fresh)) in wanted.iter().zip(fresh).enumerate() {
        let known = match &want.endpoint_id {
            Some(id) => current.iter().find(|endpoint| endpoint.endpoint_id == *id),
            None => current.iter().find(|endpoint| endpoint.url == want.url),
        };
        if want.endpoint_id.is_some() && known.is_none() {
            wrong.push(WrongEndpoint {
                index,
                detail: "the job has no endpoint with this id; leave it out for a new one".into(),
            });
            continue;
        }
        let endpoint_id = known.map_or(fresh, |known| &known.endpoint_id).clone();
        if resolved.iter().any(|other| other.endpoint_id == endpoint_id || other.url == want.url) {
            wrong.push(WrongEndpoint { index, detail: "is there twice".into() });
            continue;
        }
        resolved.push(WebhookEndpoint { endpoint_id, url: want.url.clone(), disabled: None });
    }
    if wrong.is_empty() { Ok(resolved) } else { Err(wrong) }
}

fn endpoint<'a>(definition: &'a JobDefinition, id: &EndpointId) -> Option<&'a WebhookEndpoint> {
    definition.webhooks.iter().find(|endpoint| endpoint.endpoint_id == *id)
}

/// Stops deliveries to an endpoint. Doing so again, or after it was removed, changes nothing.
#[must_use]
pub fn disable(state: &JobState, id: &EndpointId, disabled: &Disabled) -> Vec<JobEvent> {
    let enabled = state.current().and_then(|(_, job)| endpoint(job, id)).filter(|endpoint| endpoint.disabled.is_none());
    enabled
        .map(|endpoint| JobEvent::WebhookDisabled {
            endpoint_id: endpoint.endpoint_id.clone(),
            disabled: disabled.clone(),
        })
        .into_iter()
        .collect()
}

/// Notes that the secret store's entry was rotated for the `rotation`-th time.
///
/// # Errors
/// Not found when the job is gone or has no such endpoint.
pub fn rotate(state: &JobState, id: &EndpointId, rotation: u32) -> Result<Vec<JobEvent>, Decline> {
    let (_, job) = state.current().ok_or_else(|| Decline::not_found("no such job"))?;
    let endpoint = endpoint(job, id).ok_or_else(|| Decline::not_found("this job has no such webhook endpoint"))?;
    if state.rotation(id) >= rotation {
        return Ok(Vec::new());
    }
    Ok(vec![JobEvent::WebhookSecretRotated { endpoint_id: endpoint.endpoint_id.clone(), rotation }])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(id: &str) -> EndpointId {
        EndpointId::parse(id).unwrap()
    }

    fn have(endpoint_id: &str, url: &str) -> WebhookEndpoint {
        WebhookEndpoint { endpoint_id: id(endpoint_id), url: url.into(), disabled: None }
    }

    fn want(endpoint_id: Option<&str>, url: &str) -> WantedEndpoint {
        WantedEndpoint { endpoint_id: endpoint_id.map(id), url: url.into() }
    }

    #[test]
    fn endpoints_are_kept_by_address_or_id_and_made_otherwise() {
        let current = [have("we_a", "https://a"), have("we_b", "https://b")];
        let fresh = [id("we_1"), id("we_2"), id("we_3")];
        let wanted = [want(None, "https://c"), want(Some("we_b"), "https://moved"), want(None, "https://a")];
        assert_eq!(
            resolve(&current, &wanted, &fresh),
            Ok(vec![have("we_1", "https://c"), have("we_b", "https://moved"), have("we_a", "https://a")])
        );
    }

    #[test]
    fn unknown_and_doubled_endpoints_are_named_by_their_place() {
        let current = [have("we_a", "https://a")];
        let fresh = [id("we_1"), id("we_2"), id("we_3"), id("we_4")];
        let wanted = [
            want(None, "https://a"),
            want(Some("we_x"), "https://x"),
            want(Some("we_a"), "https://y"),
            want(None, "https://a"),
        ];
        let wrong = resolve(&current, &wanted, &fresh).unwrap_err();
        assert_eq!(wrong.iter().map(|wrong| wrong.index).collect::<Vec<_>>(), [1, 2, 3]);
    }

    #[test]
    fn what_was_disabled_is_enabled_by_naming_it() {
        let disabled = Disabled { at: Timestamp::from_millis(0), reason: "410".into() };
        let current = [WebhookEndpoint { disabled: Some(disabled), ..have("we_a", "https://a") }];
        let resolved = resolve(&current, &[want(None, "https://a")], &[id("we_1")]);
        assert_eq!(resolved, Ok(vec![have("we_a", "https://a")]));
    }
}
