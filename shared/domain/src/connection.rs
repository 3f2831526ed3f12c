//! Aggregate `connection`: a provider account of a tenant. Credentials live in the secret store; events only say which
//! version of the secret is meant.

use crate::aggregate::{Aggregate, Decided, Event};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Provider of a connection, and which side it can stand on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Adapter {
    Shopify,
    Stripe,
    // A file that was uploaded; can stand on either side.
    Csv,
}

impl Adapter {
    pub const ALL: [Self; 3] = [Self::Shopify, Self::Stripe, Self::Csv];

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Shopify => "shopify",
            Self::Stripe => "stripe",
            Self::Csv => "csv",
        }
    }

    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|adapter| adapter.as_str() == name)
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", content = "data")]
pub enum ConnectionEvent {
    ConnectionConfigured { adapter: Adapter, secret_version: String },
}

impl Event for ConnectionEvent {
    fn event_type(&self) -> &'static str {
        match self {
            Self::ConnectionConfigured { .. } => "ConnectionConfigured",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Configured {
    pub adapter: Adapter,
    /// Version id that the secret store gave to the credentials.
    pub secret_version: String,
}

#[derive(Debug)]
pub struct Connection;

impl Aggregate for Connection {
    const TYPE: &'static str = "connection";
    type Event = ConnectionEvent;
    type State = Option<Configured>;

    fn evolve(_: Self::State, event: &ConnectionEvent) -> Self::State {
        match event {
            ConnectionEvent::ConnectionConfigured { adapter, secret_version } => {
                Some(Configured { adapter: *adapter, secret_version: secret_version.clone() })
            }
        }
    }
}

/// Points the connection at a version of its secret; no event when it points there already.
#[must_use]
pub fn configure(state: &Option<Configured>, wanted: &Configured) -> Decided<Connection> {
    if state.as_ref() == Some(wanted) {
        return Vec::new();
    }
    vec![ConnectionEvent::ConnectionConfigured {
        adapter: wanted.adapter,
        secret_version: wanted.secret_version.clone(),
    }]
}
