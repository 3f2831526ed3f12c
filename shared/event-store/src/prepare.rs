//! What is refused before anything is sent, so that both stores refuse the same.

use crate::{
    commit::StoredCommit,
    dynamo::check_sizes,
    store::{AppendError, Transaction},
    upcast::Upcasters,
};
use std::collections::HashSet;

/// Largest data of one event. Bigger things lie in S3 and are referred to.
pub const MAX_EVENT_BYTES: usize = 256 * 1024;
/// DynamoDB's limit for one item.
pub const MAX_ITEM_BYTES: usize = 400 * 1024;
/// DynamoDB's limit for the items of one transaction together.
pub const MAX_TRANSACTION_BYTES: usize = 4 * 1024 * 1024;
/// DynamoDB's limit for the number of items in one transaction; an append takes two.
pub const MAX_TRANSACTION_ITEMS: usize = 100;

fn refused<T>(why: impl Into<String>) -> Result<T, AppendError> {
    Err(AppendError::TooLarge(why.into()))
}

/// The commits of a transaction, not yet sealed.
pub(crate) fn drafts(transaction: &Transaction, upcasters: &Upcasters) -> Result<Vec<StoredCommit>, AppendError> {
    let tenant = &transaction.metadata.tenant_id;
    let mut streams = HashSet::new();
    for append in &transaction.appends {
        let partition = append.stream.partition();
        if append.events.is_empty() {
            return refused(format!("there is no event for {partition}"));
        }
        if append.stream.tenant != *tenant {
            return refused(format!("{partition} does not belong to tenant {tenant}"));
        }
        for event in &append.events {
            let today = upcasters.version(&event.event_type);
            if event.event_version != today {
                return refused(format!(
                    "{}@{} could not be read back: today's version is {today}",
                    event.event_type, event.event_version
                ));
            }
            let bytes = serde_json::to_vec(&event.data).map_or(usize::MAX, |json| json.len());
            if bytes > MAX_EVENT_BYTES {
                return refused(format!(
                    "{} for {partition} has {bytes} bytes, at most {MAX_EVENT_BYTES} are allowed",
                    event.event_type
                ));
            }
        }
        if !streams.insert(partition.clone()) {
            return refused(format!("{partition} is appended to twice in one transaction"));
        }
    }
    if transaction.appends.is_empty() && transaction.command.is_none() {
        return refused("the transaction holds neither an event nor a command");
    }
    if transaction.command.as_ref().is_some_and(|command| command.key.tenant != *tenant) {
        return refused(format!("the command does not belong to tenant {tenant}"));
    }
    if transaction.fence.as_ref().is_some_and(|fence| fence.stream.tenant != *tenant) {
        return refused(format!("the fence does not belong to tenant {tenant}"));
    }
    let items = 2 * transaction.appends.len()
        + usize::from(transaction.command.is_some())
        + usize::from(transaction.fence.is_some());
    if items > MAX_TRANSACTION_ITEMS {
        return refused(format!("{items} items, at most {MAX_TRANSACTION_ITEMS} fit into a transaction"));
    }
    let drafts: Vec<_> =
        transaction.appends.iter().map(|append| StoredCommit::draft(append, &transaction.metadata)).collect();
    check_sizes(transaction, &drafts)?;
    Ok(drafts)
}
