//! Snapshots on DynamoDB: key `s` partition of the stream and `f` fold, attribute `b`.

use super::Snapshots;
use crate::{
    dynamo::{binary, binary_of, failed, milli, text},
    store::{Metered, StoreError, StreamKey, Units},
};
use async_trait::async_trait;
use aws_sdk_dynamodb::{Client, types::ReturnConsumedCapacity::Total};

#[derive(Debug, Clone)]
pub struct DynamoSnapshots {
    client: Client,
    table: String,
}

impl DynamoSnapshots {
    #[must_use]
    pub fn new(client: Client, table: String) -> Self {
        Self { client, table }
    }
}

#[async_trait]
impl Snapshots for DynamoSnapshots {
    async fn get(&self, stream: &StreamKey, fold: &str) -> Result<Metered<Option<Vec<u8>>>, StoreError> {
        // Not consistently: an older snapshot is as good, and half the price.
        let request = self.client.get_item().table_name(&self.table).return_consumed_capacity(Total);
        let request = request.key("s", text(stream.partition())).key("f", text(fold));
        let output = request.send().await.map_err(failed)?;
        let value = output.item().and_then(|item| binary_of(item, "b")).map(<[u8]>::to_vec);
        Ok(Metered { value, units: Units { read_milli: milli(output.consumed_capacity.as_slice()), write_milli: 0 } })
    }

    async fn put(&self, stream: &StreamKey, fold: &str, body: Vec<u8>) -> Result<Units, StoreError> {
        let request = self.client.put_item().table_name(&self.table).return_consumed_capacity(Total);
        let request = request.item("s", text(stream.partition())).item("f", text(fold)).item("b", binary(&body));
        let output = request.send().await.map_err(failed)?;
        Ok(Units { read_milli: 0, write_milli: milli(output.consumed_capacity.as_slice()) })
    }
}
