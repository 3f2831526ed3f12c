//! What the stream of `stream_heads` says: aggregate X is now at version v. No data; the reader pulls.

use crate::store::StreamKey;
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// A head as it stands in a stream record (`NewImage`), as far as consumers read it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeadImage {
    /// Partition of the stream.
    pub s: String,
    /// Aggregate type.
    pub t: String,
    /// Version.
    pub v: u64,
    /// Kinds of events in the last commit.
    pub k: Vec<String>,
    /// Correlation id of the last commit.
    pub cor: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeadChange {
    pub stream: StreamKey,
    pub version: u64,
    /// As [`crate::CommitRef::kinds`], of the last commit only: commits in between may have rung no bell.
    pub kinds: Vec<String>,
    pub correlation_id: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{0}` is not the key of a stream")]
pub struct InvalidImage(String);

impl TryFrom<HeadImage> for HeadChange {
    type Error = InvalidImage;
    fn try_from(image: HeadImage) -> Result<Self, InvalidImage> {
        let stream = StreamKey::parse(&image.s).ok_or(InvalidImage(image.s))?;
        Ok(Self { stream, version: image.v, kinds: image.k, correlation_id: image.cor })
    }
}
