//! Where keys are: a table that holds only their hashes.

use async_trait::async_trait;
use aws_sdk_dynamodb::{Client, types::AttributeValue};
use domain::Timestamp;
use std::{collections::HashMap, fmt};

/// A key as the table knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKey {
    pub key_id: String,
    /// None for a platform key.
    pub tenant_id: Option<String>,
    pub scopes: Vec<String>,
    pub expires_at: Option<Timestamp>,
    pub revoked: bool,
}

/// The table could not be asked, or holds an item that cannot be read: nobody is let in.
#[derive(Debug)]
pub struct LookupFailed(pub String);

impl fmt::Display for LookupFailed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the key could not be looked up: {}", self.0)
    }
}

impl std::error::Error for LookupFailed {}

#[async_trait]
pub trait Keys: Send + Sync {
    /// By the hex SHA-256 of the key.
    async fn get(&self, hash: &str) -> Result<Option<ApiKey>, LookupFailed>;
}

#[derive(Debug, Clone)]
pub struct DynamoKeys {
    client: Client,
    table: String,
}

impl DynamoKeys {
    pub fn new(client: Client, table: String) -> Self {
        Self { client, table }
    }
}

#[async_trait]
impl Keys for DynamoKeys {
    async fn get(&self, hash: &str) -> Result<Option<ApiKey>, LookupFailed> {
        // Consistent, so that a revoked key stops at once.
        let request = self
            .client
            .get_item()
            .table_name(&self.table)
            .key("pk", AttributeValue::S(hash.to_owned()))
            .consistent_read(true);
        let output = request
            .send()
            .await
            .map_err(|error| LookupFailed(format!("{}", aws_sdk_dynamodb::error::DisplayErrorContext(error))))?;
        output.item.as_ref().map(api_key).transpose()
    }
}

fn api_key(item: &HashMap<String, AttributeValue>) -> Result<ApiKey, LookupFailed> {
    let text = |name: &str| item.get(name).and_then(|value| value.as_s().ok()).cloned();
    let expires_at = item.get("expires_at").map(|value| {
        let millis = value.as_n().ok().and_then(|digits| digits.parse().ok());
        millis.map(Timestamp::from_millis).ok_or_else(|| LookupFailed("expires_at is not a number".into()))
    });
    Ok(ApiKey {
        key_id: text("key_id").ok_or_else(|| LookupFailed("an item has no key_id".into()))?,
        tenant_id: text("tenant_id"),
        scopes: item.get("scopes").and_then(|value| value.as_ss().ok()).cloned().unwrap_or_default(),
        expires_at: expires_at.transpose()?,
        revoked: item.get("revoked").is_some_and(|value| value.as_bool() != Ok(&false)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_item_reads_as_it_was_seeded() {
        let mut item = HashMap::from([
            ("key_id".to_owned(), AttributeValue::S("key_1".into())),
            ("scopes".to_owned(), AttributeValue::Ss(vec!["read".into()])),
        ]);
        let key = api_key(&item).unwrap();
        assert_eq!((key.tenant_id, key.expires_at, key.revoked), (None, None, false));
        item.insert("expires_at".into(), AttributeValue::N("17".into()));
        item.insert("revoked".into(), AttributeValue::Bool(true));
        let key = api_key(&item).unwrap();
        assert_eq!((key.expires_at, key.revoked), (Some(Timestamp::from_millis(17)), true));
        item.insert("expires_at".into(), AttributeValue::S("soon".into()));
        assert!(api_key(&item).is_err());
    }
}
