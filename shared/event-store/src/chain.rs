//! The audit of one stream: every commit's hash contains the one before, so nothing can be altered, taken out or put in
//! between without every later hash being wrong, up to the head.

use crate::{
    commit::{Continuity, Hash, NO_HASH, StoredCommit, StoredHead, damaged},
    store::{StoreError, StreamKey, Verified},
    upcast::Upcasters,
};
use base16ct::lower::encode_string;

/// Recomputes a stream's hashes link by link.
#[derive(Debug)]
pub(crate) struct Chain<'a> {
    stream: &'a StreamKey,
    continuity: Continuity,
    hash: Hash,
    commits: u64,
    /// The last commit; its body is not kept.
    last: Option<StoredCommit>,
    fence: Option<String>,
}

impl<'a> Chain<'a> {
    pub fn new(stream: &'a StreamKey) -> Self {
        Self { stream, continuity: Continuity { last: 0 }, hash: NO_HASH, commits: 0, last: None, fence: None }
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
        if commit.fence.is_some() {
            self.fence.clone_from(&commit.fence);
        }
        self.last = Some(StoredCommit { body: Vec::new(), ..commit.clone() });
        for event in commit.open(upcasters)?.events {
            upcasters.check(self.stream, &event)?;
        }
        Ok(())
    }

    pub fn end(self, head: Option<&StoredHead>) -> Result<Verified, StoreError> {
        let version = self.continuity.last;
        let at_head = head.map_or((0, NO_HASH), |head| (head.version, head.hash));
        if at_head != (version, self.hash) {
            return Err(self.beside_the_head(at_head.0));
        }
        Ok(Verified { commits: self.commits, version, hash: encode_string(&self.hash) })
    }

    fn beside_the_head(&self, at_head: u64) -> StoreError {
        let version = self.continuity.last;
        let sequence = version.min(at_head).saturating_add(1);
        if at_head > version {
            let detail =
                format!("the stream ends at {version}, its head says {at_head}: commits are missing at its end");
            return damaged(self.stream, sequence, &detail);
        }
        StoreError::Corrupt {
            stream: self.stream.partition(),
            sequence,
            detail: format!(
                "the stream ends at {version}, its head says {at_head} or has another hash. The commits are intact: run \
                 `settler events rebuild-heads`"
            ),
        }
    }

    /// What the head must say after these commits; none when it says so already, or there is no commit.
    pub fn head_to_write(
        &self,
        head: Option<&StoredHead>,
    ) -> Result<Option<(&StoredCommit, Option<String>)>, StoreError> {
        let at_head = head.map_or(0, |head| head.version);
        if at_head > self.continuity.last {
            return Err(self.beside_the_head(at_head));
        }
        let Some(last) = &self.last else { return Ok(None) };
        // Without any fence in the commits the head keeps the one it has.
        let fence = self.fence.clone().or_else(|| head.and_then(|head| head.fence.clone()));
        let intact = head.is_some_and(|head| {
            (head.version, head.commit_id, head.hash, &head.fence) == (last.to, last.id, last.hash, &fence)
        });
        Ok((!intact).then_some((last, fence)))
    }

    pub fn version(&self) -> u64 {
        self.continuity.last
    }
}
