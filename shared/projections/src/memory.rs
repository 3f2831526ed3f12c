//! Rows and checkpoints in memory: for tests and for trying things out. Passes the suite of the DynamoDB one.

use crate::{
    read::{Order, RowPosition, Rows, Selected, Selection},
    store::{Advance, Checkpoint, CheckpointKey, Fault, ProjectionStore, RowKey, Table, Trouble, Versions, Written},
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
    started: Option<String>,
    id: Option<String>,
    attributes: Vec<(&'static str, String)>,
}

#[derive(Debug, Default)]
struct State {
    rows: BTreeMap<RowKey, StoredRow>,
    checkpoints: HashMap<CheckpointKey, Checkpoint>,
    versions: HashMap<String, Versions>,
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
        self.state().versions.insert(projection.to_owned(), versions);
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
        if state.checkpoints.get(&advance.checkpoint).map_or(0, |checkpoint| checkpoint.version) != advance.from {
            return Ok(Written::Lost);
        }
        let keys = advance.keys.clone();
        let stored =
            StoredRow { row: advance.row.clone(), started: keys.started, id: keys.id, attributes: keys.attributes };
        state.rows.insert(advance.key.clone(), stored);
        state.checkpoints.insert(advance.checkpoint.clone(), Checkpoint { version: advance.to, trouble: None });
        Ok(Written::Done(Units::default()))
    }

    async fn note(&self, key: &CheckpointKey, from: u64, trouble: Option<&Trouble>) -> Result<Written, Fault> {
        let mut state = self.state();
        if state.checkpoints.get(key).map_or(0, |checkpoint| checkpoint.version) != from {
            return Ok(Written::Lost);
        }
        state.checkpoints.insert(key.clone(), Checkpoint { version: from, trouble: trouble.cloned() });
        Ok(Written::Done(Units::default()))
    }

    async fn versions(&self, projection: &str) -> Result<Versions, Fault> {
        Ok(self.state().versions.get(projection).copied().unwrap_or_default())
    }
}

fn matches(stored: &StoredRow, equals: &[(&'static str, String)]) -> bool {
    equals.iter().all(|wanted| stored.attributes.contains(wanted))
}

fn position(key: &RowKey, stored: &StoredRow, order: &Order) -> RowPosition {
    let started = matches!(order, Order::NewestFirst { .. }).then(|| stored.started.clone()).flatten();
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
            Order::NewestFirst { partition, from, to } => {
                let within = |stored: &StoredRow| {
                    stored.started.as_ref().is_some_and(|started| from <= started && started <= to)
                };
                in_table.filter(|(key, stored)| key.partition == *partition && within(stored)).collect()
            }
        };
        if matches!(selection.order, Order::NewestFirst { .. }) {
            rows.sort_by(|(_, left), (_, right)| right.started.cmp(&left.started));
        }
        if let Some(after) = &selection.after {
            rows.retain(|(key, stored)| match &selection.order {
                Order::Scan => (&key.partition, &key.sort) > (&after.partition, &after.sort),
                Order::ById { .. } => key.sort > after.sort,
                Order::NewestFirst { .. } => stored.started < after.started,
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
        let owned = state.rows.iter().filter(|(key, stored)| key.table == table && stored.id.as_deref() == Some(id));
        Ok(owned.map(|(key, _)| key.partition.clone()).collect())
    }
}
