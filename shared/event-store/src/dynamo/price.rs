//! What a transaction costs by AWS's published rules, computed from its items: two write units per started kilobyte on
//! tables, one on indexes. Tests compare it with what DynamoDB reports.

use super::items::{Item, command_item, commit_item, head_item, item_bytes};
use crate::{
    prepare,
    store::{AppendError, Transaction, Units},
    upcast::Upcasters,
};

fn started_kilobytes(bytes: usize) -> u64 {
    u64::try_from(bytes.div_ceil(1024).max(1)).unwrap_or(u64::MAX)
}

fn indexed_bytes(commit: &Item, index_key: &str) -> usize {
    let projected = ["s", "n", "to", "k", "ts", index_key];
    item_bytes(
        &commit
            .iter()
            .filter(|(name, _)| projected.contains(&name.as_str()))
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect(),
    )
}

/// Write units of a transaction that goes through the first time. A fence elsewhere counts as a head of at most 1 KB.
///
/// # Errors
/// As [`crate::EventStore::append`] before anything is sent.
pub fn priced(transaction: &Transaction) -> Result<Units, AppendError> {
    let mut units = 0;
    for (append, draft) in transaction.appends.iter().zip(prepare::drafts(transaction, &Upcasters::current())?) {
        let commit = commit_item(&draft);
        units += 2 * started_kilobytes(item_bytes(&commit));
        units += started_kilobytes(indexed_bytes(&commit, "cp")) + started_kilobytes(indexed_bytes(&commit, "fp"));
        units += 2 * started_kilobytes(item_bytes(&head_item(&draft, append.set_fence.as_ref())));
    }
    if let Some(command) = &transaction.command {
        units += 2 * started_kilobytes(item_bytes(&command_item(command)));
    }
    let elsewhere =
        |fence: &crate::store::Fence| transaction.appends.iter().all(|append| append.stream != fence.stream);
    if transaction.fence.as_ref().is_some_and(elsewhere) {
        units += 2;
    }
    Ok(Units { read_milli: 0, write_milli: units * 1000 })
}
