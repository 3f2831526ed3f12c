//! Heads: one read, and what makes them new out of the commits.

use super::{
    DynamoStore, failed,
    items::{Item, Reader, binary, head_item, number, text},
    reading,
};
use crate::{
    commit::StoredHead,
    store::{HeadRebuilt, Metered, StoreError, StreamKey, Units},
};
use aws_sdk_dynamodb::{error::ProvideErrorMetadata, types::ReturnConsumedCapacity::Total};

/// How often a head is rebuilt when writers keep moving it meanwhile.
const MAX_TRIES: u32 = 5;

impl DynamoStore {
    pub(super) async fn stored_head(&self, stream: &StreamKey) -> Result<(Option<StoredHead>, Units), StoreError> {
        let partition = stream.partition();
        let request = self
            .client
            .get_item()
            .table_name(&self.tables.stream_heads)
            .key("s", text(&partition))
            .consistent_read(true);
        let output = request.return_consumed_capacity(Total).send().await.map_err(failed)?;
        let units = reading(output.consumed_capacity());
        let head = output.item().map(|item| Reader::new(item, stream).head()).transpose()?;
        if let Some(head) = &head {
            self.remember(partition, head.version, head.hash);
        }
        Ok((head, units))
    }

    pub(super) async fn head_anew(&self, stream: &StreamKey) -> Result<Metered<HeadRebuilt>, StoreError> {
        let mut units = Units::default();
        for _ in 0..MAX_TRIES {
            let (head, read) = self.stored_head(stream).await?;
            // After the head: a commit that comes in between makes the chain longer than the head, and the write below
            // then finds that the head has moved.
            let (chain, reads) = self.chain(stream).await?;
            units = units.plus(read).plus(reads);
            let version = chain.version();
            let Some((last, fence)) = chain.head_to_write(head.as_ref())? else {
                let value = if head.is_some() { HeadRebuilt::Intact { version } } else { HeadRebuilt::NoStream };
                return Ok(Metered { value, units });
            };
            let written = self.put_head(head_item(last, fence.as_ref()), head.as_ref()).await?;
            if let Some(written) = written {
                let value = HeadRebuilt::Written { was: head.map(|head| head.version), version };
                return Ok(Metered { value, units: units.plus(written) });
            }
        }
        Err(StoreError::Busy(format!("{} kept moving; rebuild its head again", stream.partition())))
    }

    /// None when the head is no longer the one that was seen.
    async fn put_head(&self, item: Item, seen: Option<&StoredHead>) -> Result<Option<Units>, StoreError> {
        let mut request = self.client.put_item().table_name(&self.tables.stream_heads).set_item(Some(item));
        request = match seen {
            None => request.condition_expression("attribute_not_exists(s)"),
            Some(seen) => request
                .condition_expression("#v = :v AND #h = :h")
                .expression_attribute_names("#v", "v")
                .expression_attribute_names("#h", "h")
                .expression_attribute_values(":v", number(seen.version))
                .expression_attribute_values(":h", binary(&seen.hash)),
        };
        match request.return_consumed_capacity(Total).send().await {
            Ok(output) => {
                let units = reading(output.consumed_capacity());
                Ok(Some(Units { read_milli: 0, write_milli: units.read_milli }))
            }
            Err(error) if error.code() == Some("ConditionalCheckFailedException") => Ok(None),
            Err(error) => Err(failed(error)),
        }
    }
}
