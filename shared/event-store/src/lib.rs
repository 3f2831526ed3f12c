//! The event store: immutable commits, one head per aggregate, and the command log, written in one transaction.
//!
//! Two implementations behind one trait, [`DynamoStore`] and [`MemoryStore`], pass the same suite. Everything that
//! must hold is said on [`EventStore`]; layout and limits are on the DynamoDB side.

mod aggregate;
mod audit;
mod chain;
mod commit;
mod doorbell;
mod dynamo;
mod memory;
pub mod pack;
mod position;
mod prepare;
mod run;
mod snapshot;
mod store;
mod upcast;

pub use aggregate::{Loaded, NewCommit, load, load_as_of};
pub use audit::{Audit, Audited, Damage, audit_stream, audit_streams};
pub use commit::event_id;
pub use doorbell::{HeadChange, HeadImage, InvalidImage};
pub use dynamo::{DynamoStore, Tables, feed_key, feed_shard, milli, priced};
pub use memory::MemoryStore;
pub use pack::packs;
pub use position::FEED_SHARDS;
pub use prepare::{MAX_EVENT_BYTES, MAX_ITEM_BYTES, MAX_TRANSACTION_BYTES, MAX_TRANSACTION_ITEMS};
pub use run::{MAX_PACK_BYTES, RunWritten, append_run};
pub use snapshot::{DynamoSnapshots, MemorySnapshots, SNAPSHOT_EVERY, Snapshots};
pub use store::{
    Append, AppendError, Appended, CommandKey, CommandRecord, CommandRow, Commit, CommitRef, EventStore, Fence, Head,
    HeadRebuilt, Metered, NewEvent, Page, StoreError, StreamKey, Transaction, Units, Verified,
};
pub use upcast::{Upcasters, UpcastersError};
