//! Result pages as people's decisions have left them: rows that no longer hold are passed over, and what decisions
//! added follows at the end of its list.

use async_trait::async_trait;
use domain::{
    AttemptNumber, ReconciliationId, TenantId,
    decision::{Decisions, StillHolds},
    matches::{Exception, Match, OrderResult},
};
use event_store::Units;
use projections::{Position, ResultList, ResultPages, ResultRows, store::Fault};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

/// Chunk that stands for what decisions added; published lists have not so many.
const ADDED: u32 = u32::MAX;

pub struct Decided<'a> {
    published: &'a dyn ResultPages,
    decisions: &'a Decisions,
    holds: StillHolds<'a>,
}

fn read<T: DeserializeOwned>(row: &Value) -> Result<T, Fault> {
    T::deserialize(row).map_err(|error| Fault::Corrupt(format!("a row of a result does not decode: {error}")))
}

fn write<T: Serialize>(rows: impl Iterator<Item = T>) -> Result<Vec<Value>, Fault> {
    let written = rows.map(serde_json::to_value);
    written.collect::<Result<_, _>>().map_err(|error| Fault::Corrupt(format!("a decided row: {error}")))
}

impl<'a> Decided<'a> {
    pub fn new(published: &'a dyn ResultPages, decisions: &'a Decisions) -> Self {
        Self { published, decisions, holds: decisions.over_the_result() }
    }

    fn holds(&self, list: ResultList, row: &Value) -> Result<bool, Fault> {
        Ok(match list {
            ResultList::Suggested => self.holds.is_suggestion(&read::<Match>(row)?),
            ResultList::Unmatched => self.holds.is_exception(&read::<Exception>(row)?),
            ResultList::Excluded => true,
            ResultList::Orders(_) => self.holds.is_order(&read::<OrderResult>(row)?),
        })
    }

    fn added(&self, list: ResultList) -> Result<Vec<Value>, Fault> {
        match list {
            ResultList::Suggested | ResultList::Excluded => Ok(Vec::new()),
            ResultList::Unmatched => write(self.decisions.left.iter()),
            ResultList::Orders(state) => write(self.decisions.orders.values().filter(|order| order.state == state)),
        }
    }
}

#[async_trait]
impl ResultPages for Decided<'_> {
    async fn write(
        &self,
        tenant: &TenantId,
        reconciliation: &ReconciliationId,
        attempt: AttemptNumber,
        list: ResultList,
        rows: &[Value],
    ) -> Result<Units, Fault> {
        self.published.write(tenant, reconciliation, attempt, list, rows).await
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
        if position.chunk != ADDED {
            let mut page = self.published.page(tenant, reconciliation, attempt, list, limit, position).await?;
            let mut rows = Vec::with_capacity(page.rows.len());
            for row in page.rows {
                if self.holds(list, &row)? {
                    rows.push(row);
                }
            }
            page.rows = rows;
            if page.next.is_none() && !self.added(list)?.is_empty() {
                page.next = Some(Position { chunk: ADDED, row: 0 });
            }
            return Ok(page);
        }
        let added = self.added(list)?;
        let total = added.len();
        let from = usize::try_from(position.row).unwrap_or(usize::MAX);
        let rows: Vec<Value> =
            added.into_iter().skip(from).take(usize::try_from(limit).unwrap_or(usize::MAX)).collect();
        let end = from.saturating_add(rows.len());
        let next = (end < total).then(|| Position { chunk: ADDED, row: u32::try_from(end).unwrap_or(u32::MAX) });
        Ok(ResultRows { rows, next, units: Units::default() })
    }
}
