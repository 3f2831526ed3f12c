//! Lists across streams: by correlation id, by time, all heads, all streams.

use super::{
    DynamoStore, failed,
    items::{self, Item, Reader, correlation_key, feed_key, feed_shard, number, reference, start_key, text},
    reading,
};
use crate::{
    position::{FEED_SHARDS, Position},
    store::{CommitRef, Head, Metered, Page, StoreError, StreamKey, Units},
};
use aws_sdk_dynamodb::types::ReturnConsumedCapacity::Total;
use domain::{TenantId, Timestamp, time::Window};

const DAY_MS: i64 = 86_400_000;

fn position_of(reference: &CommitRef) -> Position {
    Position { at_ms: reference.at.millis(), partition: reference.stream.partition(), from: reference.from }
}

/// Commits out of an index; `full` when the limit ended the page.
struct Found {
    commits: Vec<CommitRef>,
    full: bool,
    units: Units,
}

impl DynamoStore {
    pub(super) async fn correlated(
        &self,
        tenant: &TenantId,
        correlation_id: &str,
        limit: u32,
        after: Option<String>,
    ) -> Result<Metered<Page<CommitRef>>, StoreError> {
        let after = after.as_deref().map(|after| Position::read_for(tenant, after)).transpose()?;
        let key = ("cp", correlation_key(tenant, correlation_id));
        let Found { commits, full, units } = self.index_page("correlation", key, None, limit, after.as_ref()).await?;
        let next = if full { commits.last().map(|last| position_of(last).write()) } else { None };
        Ok(Metered { value: (commits, next), units })
    }

    pub(super) async fn in_time(
        &self,
        window: Window,
        limit: u32,
        after: Option<String>,
    ) -> Result<Metered<Page<CommitRef>>, StoreError> {
        let mut after = after.as_deref().map(Position::read).transpose()?;
        let start = after.as_ref().map_or(window.from.millis(), |after| after.at_ms);
        let mut shard = after.as_ref().map_or(0, |after| feed_shard(&after.partition));
        let mut day_ms = start.saturating_sub(start.rem_euclid(DAY_MS));
        let mut found = Vec::new();
        let mut units = Units::default();
        while day_ms < window.to.millis() {
            let day = Timestamp::from_millis(day_ms).day();
            while shard < FEED_SHARDS {
                let left = limit.saturating_sub(u32::try_from(found.len()).unwrap_or(u32::MAX));
                let key = ("fp", feed_key(shard, &day));
                let page = self.index_page("feed", key, Some(window), left, after.take().as_ref()).await?;
                units = units.plus(page.units);
                found.extend(page.commits);
                if page.full {
                    let next = found.last().map(|last| position_of(last).write());
                    return Ok(Metered { value: (found, next), units });
                }
                shard += 1;
            }
            shard = 0;
            day_ms = day_ms.saturating_add(DAY_MS);
        }
        Ok(Metered { value: (found, None), units })
    }

    async fn index_page(
        &self,
        index: &str,
        (key_name, key): (&str, String),
        window: Option<Window>,
        limit: u32,
        after: Option<&Position>,
    ) -> Result<Found, StoreError> {
        let mut commits = Vec::new();
        let mut units = Units::default();
        let mut start = after.map(|after| start_key(after, key_name, key.clone()));
        loop {
            let left = i32::try_from(limit)
                .unwrap_or(i32::MAX)
                .saturating_sub(i32::try_from(commits.len()).unwrap_or(i32::MAX));
            if left <= 0 {
                return Ok(Found { commits, full: true, units });
            }
            let mut request = self.client.query().table_name(&self.tables.event_store).index_name(index).limit(left);
            let mut condition = "#key = :key".to_owned();
            if let Some(window) = window {
                condition.push_str(" AND ts BETWEEN :from AND :to");
                request = request.expression_attribute_values(":from", number(window.from.millis()));
                request = request.expression_attribute_values(":to", number(window.to.millis().saturating_sub(1)));
            }
            request = request.key_condition_expression(condition).expression_attribute_names("#key", key_name);
            request = request.expression_attribute_values(":key", text(&key)).set_exclusive_start_key(start);
            let output = request.return_consumed_capacity(Total).send().await.map_err(failed)?;
            units = units.plus(reading(output.consumed_capacity()));
            for item in output.items() {
                commits.push(reference(item)?);
            }
            start = output.last_evaluated_key;
            if start.is_none() {
                return Ok(Found { commits, full: false, units });
            }
        }
    }

    pub(super) async fn all_heads(&self, limit: u32, after: Option<String>) -> Result<Metered<Page<Head>>, StoreError> {
        let start = after.map(|partition| Item::from([("s".to_owned(), text(partition))]));
        let request = self.client.scan().table_name(&self.tables.stream_heads).consistent_read(true);
        let request = request.limit(i32::try_from(limit).unwrap_or(i32::MAX)).set_exclusive_start_key(start);
        let output = request.return_consumed_capacity(Total).send().await.map_err(failed)?;
        let mut heads = Vec::new();
        for item in output.items() {
            let stream = stream_of(item)?;
            heads.push(Reader::new(item, &stream).head()?.shown(&stream));
        }
        let next = output.last_evaluated_key.as_ref().and_then(|key| items::text_of(key, "s")).map(str::to_owned);
        Ok(Metered { value: (heads, next), units: reading(output.consumed_capacity()) })
    }

    /// A scan of the index `feed`, whose entries are small: every stream has exactly one commit that begins at 1.
    pub(super) async fn all_streams(
        &self,
        tenant: Option<&TenantId>,
        limit: u32,
        after: Option<String>,
    ) -> Result<Metered<Page<StreamKey>>, StoreError> {
        let start = after.as_deref().map(Position::read).transpose()?.map(|position| {
            let day = Timestamp::from_millis(position.at_ms).day();
            start_key(&position, "fp", feed_key(feed_shard(&position.partition), &day))
        });
        let mut request = self.client.scan().table_name(&self.tables.event_store).index_name("feed");
        let mut filter = "n = :first".to_owned();
        request = request.expression_attribute_values(":first", number(1));
        if let Some(tenant) = tenant {
            filter.push_str(" AND begins_with(s, :tenant)");
            request = request.expression_attribute_values(":tenant", text(format!("T#{tenant}#")));
        }
        let request = request.limit(i32::try_from(limit).unwrap_or(i32::MAX)).set_exclusive_start_key(start);
        let request = request.filter_expression(filter).return_consumed_capacity(Total);
        let output = request.send().await.map_err(failed)?;
        let streams = output.items().iter().map(stream_of).collect::<Result<Vec<_>, _>>()?;
        let next = output.last_evaluated_key.as_ref().and_then(|key| {
            let (at_ms, from) = (items::number_of(key, "ts")?, items::number_of(key, "n")?);
            Some(Position { at_ms, partition: items::text_of(key, "s")?.to_owned(), from }.write())
        });
        Ok(Metered { value: (streams, next), units: reading(output.consumed_capacity()) })
    }
}

fn stream_of(item: &Item) -> Result<StreamKey, StoreError> {
    let partition = items::text_of(item, "s").unwrap_or_default();
    StreamKey::parse(partition).ok_or_else(|| StoreError::Corrupt {
        stream: partition.to_owned(),
        sequence: 0,
        detail:
            "the item's key is not the key of a stream. Nothing of ours writes such an item: find out who did, and \
                 remove it by hand"
                .to_owned(),
    })
}
