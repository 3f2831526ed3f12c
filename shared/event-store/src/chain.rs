//! The audit of one stream: every commit's hash contains the one before, so nothing can be altered, taken out or put in
//! between without every later hash being wrong, up to the head.

use crate::{
    commit::{Continuity, Hash, NO_HASH, StoredCommit, StoredHead, damaged, hex},
    store::{StoreError, StreamKey, Verified},
    upcast::Upcasters,
};

/// Recomputes a stream's hashes link by link.
#[derive(Debug)]
pub(crate) struct Chain<'a> {
    stream: &'a StreamKey,
    continuity: Continuity,
    hash: Hash,
    commits: u64,
}

impl<'a> Chain<'a> {
    pub fn new(stream: &'a StreamKey) -> Self {
        Self { stream, continuity: Continuity { last: 0 }, hash: NO_HASH, commits: 0 }
    }

    pub fn link(&mut self, commit: StoredCommit, upcasters: &Upcasters) -> Result<(), StoreError> {
        self.continuity.check(&commit)?;
        if commit.chained(&self.hash) != commit.hash {
            return Err(damaged(
                self.stream,
                commit.from,
                "the commit, or one before it, was altered: its hash does not fit",
            ));
        }
        self.hash = commit.hash;
        self.commits += 1;
        commit.open(upcasters).map(|_| ())
    }

    pub fn end(self, head: Option<&StoredHead>) -> Result<Verified, StoreError> {
        let version = self.continuity.last;
        let at_head = head.map_or((0, NO_HASH), |head| (head.version, head.hash));
        if at_head != (version, self.hash) {
            let detail = format!("the stream ends at {version}, its head says {} or has another hash", at_head.0);
            return Err(damaged(self.stream, version.min(at_head.0).saturating_add(1), &detail));
        }
        Ok(Verified { commits: self.commits, version, hash: hex(&self.hash) })
    }
}
