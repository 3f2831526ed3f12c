//! Positions in the operators' and correlation lists: opaque to callers, checked when they come back.

use crate::store::{StoreError, StreamKey};
use domain::TenantId;

/// Shards of the feed index: each takes a thousand commits a second.
pub const FEED_SHARDS: u8 = 4;

/// Behind which commit a list goes on.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Position {
    pub at_ms: i64,
    pub partition: String,
    pub from: u64,
}

impl Position {
    pub fn write(&self) -> String {
        format!("{}.{}.{}", self.at_ms, self.from, self.partition)
    }

    pub fn read(text: &str) -> Result<Self, StoreError> {
        let parse = || {
            let mut parts = text.splitn(3, '.');
            let at_ms = parts.next()?.parse().ok()?;
            let from = parts.next()?.parse().ok()?;
            let partition = parts.next()?.to_owned();
            StreamKey::parse(&partition)?;
            Some(Self { at_ms, partition, from })
        };
        parse().ok_or_else(|| {
            StoreError::Refused("the position of the list is not one of ours: start the list again".to_owned())
        })
    }

    /// As [`Position::read`], within one tenant's list.
    pub fn read_for(tenant: &TenantId, text: &str) -> Result<Self, StoreError> {
        let position = Self::read(text)?;
        if StreamKey::parse(&position.partition).is_some_and(|stream| stream.tenant == *tenant) {
            return Ok(position);
        }
        Err(StoreError::Refused("the position of the list belongs to another tenant: start the list again".to_owned()))
    }
}
