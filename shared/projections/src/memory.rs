//! Rows and checkpoints in memory: for tests and for trying things out. Passes the suite of the DynamoDB one.

use crate::{
    projection::Keys,
    read::{Order, RowPosition, Rows, Selected, Selection},
    rebuild::{RebuildStore, Registration, Removed},
    store::{
        Advance, Checkpoint, CheckpointKey, Fault, ProjectionStore, RowKey, Stand, Table, Trouble, Versions, Written,
        parse_row_partition,
    },
};
use async_trait::async_trait;
use event_store::Units;
use std::{
    collections::{BTreeMap, HashMap},
    sync::{Mutex, MutexGuard, PoisonError},
};

#[derive(Debug, Clone)]
struct StoredRow {
    row: String,
    keys: Keys,
}

#[derive(Debug, Default)]
struct State {
    rows: BTreeMap<RowKey, StoredRow>,
    checkpoints: HashMap<CheckpointKey, Checkpoint>,
    registrations: HashMap<String, Registration>,
}

impl State {
    fn stand(&self, key: &CheckpointKey) -> Stand {
        self.checkpoints.get(key).map_or(Stand { version: 0, epoch: 0 }, Checkpoint::stand)
    }
}

#[derive(Debug, Default)]
pub struct MemoryProjections {
    state: Mutex<State>,
}

impl MemoryProjections {
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    pub fn set_versions(&self, projection: &str, versions: Versions) {
        self.state().registrations.entry(projection.to_owned()).or_default().versions = versions;
    }

    /// Every row of a table with its key, in the order of the keys: what a rebuild has to reproduce byte by byte.
    #[must_use]
    pub fn rows_of(&self, table: Table) -> Vec<(RowKey, String)> {
        let state = self.state();
        let of_table = state.rows.iter().filter(|(key, _)| key.table == table);
        of_table.map(|(key, stored)| (key.clone(), stored.row.clone())).collect()
    }

    /// Puts a row, as no projection would: for tests of what then happens.
    pub fn overwrite_row(&self, key: RowKey, row: &str) {
        let keys = self.state().rows.get(&key).map(|stored| stored.keys.clone()).unwrap_or_default();
        self.state().rows.insert(key, StoredRow { row: row.to_owned(), keys });
    }

    /// Sets a checkpoint, as no projection would: for tests of what then happens.
    pub fn overwrite_checkpoint(&self, key: CheckpointKey, checkpoint: Checkpoint) {
        self.state().checkpoints.insert(key, checkpoint);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Every change is one insertion, so a panic elsewhere leaves nothing half done.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl ProjectionStore for MemoryProjections {
    async fn checkpoint(&self, key: &CheckpointKey) -> Result<Checkpoint, Fault> {
        Ok(self.state().checkpoints.get(key).cloned().unwrap_or_default())
    }

    async fn row(&self, key: &RowKey) -> Result<Option<String>, Fault> {
        Ok(self.state().rows.get(key).map(|stored| stored.row.clone()))
    }

    async fn advance(&self, advance: &Advance) -> Result<Written, Fault> {
        let mut state = self.state();
        if state.stand(&advance.checkpoint) != advance.from {
            return Ok(Written::Lost);
        }
        for put in &advance.puts {
            state.rows.insert(put.key.clone(), StoredRow { row: put.row.clone(), keys: put.keys.clone() });
        }
        for key in &advance.removes {
            state.rows.remove(key);
        }
        let checkpoint = Checkpoint {
            version: advance.to.version,
            epoch: advance.to.epoch,
            state: advance.state.clone(),
            trouble: None,
        };
        state.checkpoints.insert(advance.checkpoint.clone(), checkpoint);
        Ok(Written::Done(Units::default()))
    }

    async fn note(&self, key: &CheckpointKey, from: Stand, trouble: Option<&Trouble>) -> Result<Written, Fault> {
        let mut state = self.state();
        if state.stand(key) != from {
            return Ok(Written::Lost);
        }
        state.checkpoints.entry(key.clone()).or_default().trouble = trouble.cloned();
        Ok(Written::Done(Units::default()))
    }

    async fn versions(&self, projection: &str) -> Result<Versions, Fault> {
        Ok(self.state().registrations.get(projection).map(|registration| registration.versions).unwrap_or_default())
    }
}

#[async_trait]
impl RebuildStore for MemoryProjections {
    async fn registration(&self, projection: &str) -> Result<Registration, Fault> {
        Ok(self.state().registrations.get(projection).cloned().unwrap_or_default())
    }

    async fn register(&self, projection: &str, registration: &Registration) -> Result<bool, Fault> {
        let mut state = self.state();
        let stored = state.registrations.entry(projection.to_owned()).or_default();
        if stored.revision != registration.revision {
            return Ok(false);
        }
        *stored = Registration { revision: registration.revision + 1, ..registration.clone() };
        Ok(true)
    }

    async fn remove_rows(&self, table: Table, live: u32, _after: Option<String>) -> Result<Removed, Fault> {
        let mut state = self.state();
        let before = state.rows.len();
        state.rows.retain(|key, _| {
            key.table != table || parse_row_partition(&key.partition).is_none_or(|(_, version)| version >= live)
        });
        Ok(removed(before, state.rows.len()))
    }

    async fn remove_checkpoints(&self, projection: &str, live: u32, _after: Option<String>) -> Result<Removed, Fault> {
        let mut state = self.state();
        let before = state.checkpoints.len();
        state.checkpoints.retain(|key, _| key.projection != projection || key.version >= live);
        Ok(removed(before, state.checkpoints.len()))
    }
}

fn removed(before: usize, after: usize) -> Removed {
    Removed { count: u64::try_from(before.saturating_sub(after)).unwrap_or(u64::MAX), next: None }
}

fn matches(stored: &StoredRow, equals: &[(&'static str, String)]) -> bool {
    equals.iter().all(|wanted| stored.keys.attributes.contains(wanted))
}

fn position(key: &RowKey, stored: &StoredRow, order: &Order) -> RowPosition {
    let started = matches!(order, Order::NewestFirst { .. }).then(|| stored.keys.started.clone()).flatten();
    RowPosition { partition: key.partition.clone(), sort: key.sort.clone(), started }
}

#[async_trait]
impl Rows for MemoryProjections {
    async fn select(&self, selection: &Selection) -> Result<Selected, Fault> {
        let state = self.state();
        let in_table = state.rows.iter().filter(|(key, _)| key.table == selection.table);
        let mut rows: Vec<(&RowKey, &StoredRow)> = match &selection.order {
            Order::Scan => in_table.collect(),
            Order::ById { partition } => in_table.filter(|(key, _)| key.partition == *partition).collect(),
            Order::Under { partition, prefix } => {
                in_table.filter(|(key, _)| key.partition == *partition && key.sort.starts_with(prefix)).collect()
            }
            Order::OfJob { partition, job } => {
                let of_job = |stored: &StoredRow| stored.keys.job.as_ref() == Some(job);
                in_table.filter(|(key, stored)| key.partition == *partition && of_job(stored)).collect()
            }
            Order::NewestFirst { partition, from, to } => {
                let within = |stored: &StoredRow| {
                    stored.keys.started.as_ref().is_some_and(|started| from <= started && started <= to)
                };
                in_table.filter(|(key, stored)| key.partition == *partition && within(stored)).collect()
            }
        };
        if matches!(selection.order, Order::NewestFirst { .. }) {
            rows.sort_by(|(_, left), (_, right)| right.keys.started.cmp(&left.keys.started));
        }
        if let Some(after) = &selection.after {
            rows.retain(|(key, stored)| match &selection.order {
                Order::Scan => (&key.partition, &key.sort) > (&after.partition, &after.sort),
                Order::ById { .. } | Order::Under { .. } | Order::OfJob { .. } => key.sort > after.sort,
                Order::NewestFirst { .. } => stored.keys.started < after.started,
            });
        }
        let limit = usize::try_from(selection.limit).unwrap_or(usize::MAX);
        let more = rows.len() > limit;
        rows.truncate(limit);
        let next = rows.last().filter(|_| more).map(|(key, stored)| position(key, stored, &selection.order));
        let hits = rows.into_iter().filter(|(_, stored)| matches(stored, &selection.equals));
        let rows = hits.map(|(key, stored)| (position(key, stored, &selection.order), stored.row.clone())).collect();
        Ok(Selected { rows, next })
    }

    async fn owners(&self, table: Table, id: &str) -> Result<Vec<String>, Fault> {
        let state = self.state();
        let owned =
            state.rows.iter().filter(|(key, stored)| key.table == table && stored.keys.id.as_deref() == Some(id));
        Ok(owned.map(|(key, _)| key.partition.clone()).collect())
    }
}
