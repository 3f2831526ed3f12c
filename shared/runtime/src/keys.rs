//! API keys in DynamoDB: `pk` hash of the key · `key_id` · `tenant_id`? · `scopes` · `created` · `expires_at`? ·
//! `revoked`?. Index `by_key_id`. The authorizer reads the same items.

use async_trait::async_trait;
use aws_sdk_dynamodb::{
    Client,
    error::{ProvideErrorMetadata, SdkError},
    types::AttributeValue,
};
use domain::{
    TenantId, Timestamp,
    api_key::{Grant, Scope},
    ports::{KeyEntry, KeyTable, PortError},
};
use std::collections::HashMap;

type Item = HashMap<String, AttributeValue>;

#[derive(Debug, Clone)]
pub struct DynamoKeyTable {
    client: Client,
    table: String,
}

impl DynamoKeyTable {
    #[must_use]
    pub fn new(client: Client, table: String) -> Self {
        Self { client, table }
    }
}

fn text(value: impl Into<String>) -> AttributeValue {
    AttributeValue::S(value.into())
}

fn millis(at: Timestamp) -> AttributeValue {
    AttributeValue::N(at.millis().to_string())
}

fn error<E: ProvideErrorMetadata>(failed: &SdkError<E>) -> PortError {
    match failed.code() {
        Some(code @ ("AccessDeniedException" | "ValidationException" | "ResourceNotFoundException")) => {
            PortError::Refused(format!("api_keys: {code}"))
        }
        code => PortError::Transient(format!("api_keys: {}", code.unwrap_or("no answer"))),
    }
}

fn read(item: &Item) -> Result<KeyEntry, PortError> {
    let corrupt = |what: &str| PortError::Refused(format!("api_keys: an item's {what} cannot be read"));
    let string = |name: &str| item.get(name).and_then(|value| value.as_s().ok());
    let time = |name: &str| {
        let digits = item.get(name).map(|value| value.as_n().ok().and_then(|digits| digits.parse().ok()));
        digits.map(|millis| millis.map(Timestamp::from_millis).ok_or_else(|| corrupt(name))).transpose()
    };
    let scopes = item.get("scopes").and_then(|value| value.as_ss().ok()).ok_or_else(|| corrupt("scopes"))?;
    let mut scopes: Vec<Scope> = scopes.iter().filter_map(|scope| Scope::parse(scope)).collect();
    scopes.sort_unstable();
    let tenant_id = string("tenant_id").map(|tenant| TenantId::parse(tenant.as_str())).transpose();
    Ok(KeyEntry {
        key_id: string("key_id").ok_or_else(|| corrupt("key_id"))?.clone(),
        key_hash: string("pk").ok_or_else(|| corrupt("pk"))?.clone(),
        grant: Grant {
            tenant_id: tenant_id.map_err(|_| corrupt("tenant_id"))?,
            scopes,
            expires_at: time("expires_at")?,
        },
        created_at: time("created")?.unwrap_or(Timestamp::from_millis(0)),
        revoked: item.get("revoked").is_some_and(|value| value.as_bool() != Ok(&false)),
    })
}

#[async_trait]
impl KeyTable for DynamoKeyTable {
    async fn put(&self, entry: &KeyEntry) -> Result<(), PortError> {
        let scopes = entry.grant.scopes.iter().map(|scope| scope.as_str().to_owned()).collect();
        let mut item = Item::from([
            ("pk".to_owned(), text(&entry.key_hash)),
            ("key_id".to_owned(), text(&entry.key_id)),
            ("scopes".to_owned(), AttributeValue::Ss(scopes)),
            ("created".to_owned(), millis(entry.created_at)),
            ("revoked".to_owned(), AttributeValue::Bool(entry.revoked)),
        ]);
        item.extend(entry.grant.tenant_id.as_ref().map(|tenant| ("tenant_id".to_owned(), text(tenant.as_str()))));
        item.extend(entry.grant.expires_at.map(|at| ("expires_at".to_owned(), millis(at))));
        let put = self.client.put_item().table_name(&self.table).set_item(Some(item));
        put.send().await.map_err(|failed| error(&failed))?;
        Ok(())
    }

    async fn revoke(&self, key_hash: &str) -> Result<(), PortError> {
        let update = self
            .client
            .update_item()
            .table_name(&self.table)
            .key("pk", text(key_hash))
            .update_expression("SET revoked = :yes")
            .condition_expression("attribute_exists(pk)")
            .expression_attribute_values(":yes", AttributeValue::Bool(true));
        update.send().await.map_err(|failed| error(&failed))?;
        Ok(())
    }

    async fn find(&self, key_id: &str) -> Result<Option<KeyEntry>, PortError> {
        let query = self
            .client
            .query()
            .table_name(&self.table)
            .index_name("by_key_id")
            .key_condition_expression("key_id = :id")
            .expression_attribute_values(":id", text(key_id));
        let found = query.send().await.map_err(|failed| error(&failed))?;
        found.items().first().map(read).transpose()
    }

    async fn list(&self, limit: u32, after: Option<String>) -> Result<(Vec<KeyEntry>, Option<String>), PortError> {
        let scan = self
            .client
            .scan()
            .table_name(&self.table)
            .limit(i32::try_from(limit).unwrap_or(i32::MAX))
            .set_exclusive_start_key(after.map(|hash| HashMap::from([("pk".to_owned(), text(hash))])));
        let page = scan.send().await.map_err(|failed| error(&failed))?;
        let entries = page.items().iter().map(read).collect::<Result<_, _>>()?;
        let next = page.last_evaluated_key().and_then(|key| key.get("pk")).and_then(|pk| pk.as_s().ok()).cloned();
        Ok((entries, next))
    }
}
