//! Reading one stream: its commits in order, and the audit of all of them.

use super::{
    DynamoStore, failed,
    items::{Item, Reader, number, text},
    reading,
};
use crate::{
    chain::Chain,
    commit::{Continuity, StoredCommit},
    store::{Commit, Metered, StoreError, StreamKey, Units},
};
use aws_sdk_dynamodb::types::ReturnConsumedCapacity::Total;

/// One request's worth of commits, and where the next ones start.
struct Found {
    commits: Vec<StoredCommit>,
    next: Option<Item>,
    units: Units,
}

impl DynamoStore {
    /// Commits from sequence `after` + 1 on, at most `limit`.
    async fn query(
        &self,
        stream: &StreamKey,
        after: u64,
        limit: Option<i32>,
        start: Option<Item>,
    ) -> Result<Found, StoreError> {
        let request = self.client.query().table_name(&self.tables.event_store).consistent_read(true);
        let request = request
            .key_condition_expression("s = :s AND n > :after")
            .expression_attribute_values(":s", text(stream.partition()));
        let request = request
            .expression_attribute_values(":after", number(after))
            .set_limit(limit)
            .set_exclusive_start_key(start);
        let output = request.return_consumed_capacity(Total).send().await.map_err(failed)?;
        let units = reading(output.consumed_capacity());
        let commits =
            output.items().iter().map(|item| Reader::new(item, stream).commit()).collect::<Result<Vec<_>, _>>()?;
        Ok(Found { commits, next: output.last_evaluated_key, units })
    }

    /// The commit that holds sequence `after` and goes on beyond it.
    async fn spanning(&self, stream: &StreamKey, after: u64) -> Result<(Option<StoredCommit>, Units), StoreError> {
        let request = self
            .client
            .query()
            .table_name(&self.tables.event_store)
            .consistent_read(true)
            .scan_index_forward(false)
            .limit(1);
        let request = request
            .key_condition_expression("s = :s AND n <= :after")
            .expression_attribute_values(":s", text(stream.partition()));
        let request = request.expression_attribute_values(":after", number(after)).return_consumed_capacity(Total);
        let output = request.send().await.map_err(failed)?;
        let commit = output.items().first().map(|item| Reader::new(item, stream).commit()).transpose()?;
        Ok((commit.filter(|commit| commit.to > after), reading(output.consumed_capacity())))
    }

    pub(super) async fn read(
        &self,
        stream: &StreamKey,
        after: u64,
        limit: Option<u32>,
    ) -> Result<Metered<Vec<Commit>>, StoreError> {
        let mut commits = Vec::new();
        let mut units = Units::default();
        let mut continuity = Continuity { last: after };
        let mut start = None;
        let mut first = true;
        loop {
            let left = limit.map(|limit| {
                i32::try_from(limit)
                    .unwrap_or(i32::MAX)
                    .saturating_sub(i32::try_from(commits.len()).unwrap_or(i32::MAX))
            });
            if left.is_some_and(|left| left <= 0) {
                break;
            }
            let mut found = self.query(stream, after, left, start).await?;
            units = units.plus(found.units);
            // Positions lie between commits, except one that a person or a snapshot gives: then the commit around it
            // comes first.
            let between = found.commits.first().is_some_and(|found| found.from == after.saturating_add(1));
            if std::mem::take(&mut first) && after > 0 && !between {
                let (spanning, consumed) = self.spanning(stream, after).await?;
                units = units.plus(consumed);
                if let Some(commit) = spanning {
                    continuity.last = commit.from.saturating_sub(1);
                    found.commits.insert(0, commit);
                    if let Some(left) = left {
                        found.commits.truncate(usize::try_from(left).unwrap_or(usize::MAX));
                    }
                }
            }
            for commit in found.commits {
                continuity.check(&commit)?;
                self.remember(stream.partition(), commit.to, commit.hash);
                commits.push(commit.open(&self.upcasters)?);
            }
            start = found.next;
            if start.is_none() {
                break;
            }
        }
        Ok(Metered { value: commits, units })
    }

    /// The whole stream, link by link.
    pub(super) async fn chain<'a>(&self, stream: &'a StreamKey) -> Result<(Chain<'a>, Units), StoreError> {
        let mut chain = Chain::new(stream);
        let mut units = Units::default();
        let mut start = None;
        loop {
            let found = self.query(stream, 0, None, start).await?;
            units = units.plus(found.units);
            for commit in found.commits {
                chain.link(commit, &self.upcasters)?;
            }
            start = found.next;
            if start.is_none() {
                return Ok((chain, units));
            }
        }
    }
}
