//! Result pages in memory, packed like the ones in DynamoDB.

use super::{
    Position, ResultList, ResultPages, ResultRows,
    pack::{Chunk, Reading, pack},
    partition,
};
use crate::store::Fault;
use async_trait::async_trait;
use domain::{AttemptNumber, ReconciliationId, TenantId};
use event_store::Units;
use serde_json::Value;
use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

type Chunks = BTreeMap<(String, u32), Chunk>;

#[derive(Debug, Default)]
pub struct MemoryResultPages {
    chunks: Mutex<Chunks>,
}

impl MemoryResultPages {
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn chunks(&self) -> MutexGuard<'_, Chunks> {
        self.chunks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl ResultPages for MemoryResultPages {
    async fn write(
        &self,
        tenant: &TenantId,
        reconciliation: &ReconciliationId,
        attempt: AttemptNumber,
        list: ResultList,
        rows: &[Value],
    ) -> Result<Units, Fault> {
        let (packed, partition) = (pack(rows)?, partition(tenant, reconciliation, attempt, list));
        self.chunks().extend(packed.into_iter().map(|chunk| ((partition.clone(), chunk.number), chunk)));
        Ok(Units::default())
    }

    async fn page(
        &self,
        tenant: &TenantId,
        reconciliation: &ReconciliationId,
        attempt: AttemptNumber,
        list: ResultList,
        limit: u32,
        position: Position,
    ) -> Result<ResultRows, Fault> {
        let partition = partition(tenant, reconciliation, attempt, list);
        let chunks = self.chunks();
        let mut reading = Reading::new(limit, position);
        while !reading.take(chunks.get(&(partition.clone(), reading.chunk())))? {}
        Ok(reading.done(Units::default()))
    }
}
