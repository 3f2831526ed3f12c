//! Result pages: the exceptions and orders of an attempt, packed for reading page by page.
//!
//! A row of its own would cost a write unit each. Packed, up to [`MAX_CHUNK_ROWS`] rows share one item of compressed
//! JSON, and a write unit pays for a kilobyte instead of a row: 10,000 orders fit into about 60 items. Nobody looks up
//! a single row, so nothing is lost.
//!
//! ```text
//! exceptions     pk "T#<tenant>#R#<reconciliation_id>-a<attempt>#<suggested | unmatched | excluded>"   sk <chunk, six digits>
//! order_results  pk "T#<tenant>#R#<reconciliation_id>-a<attempt>#orders#<state>"                       sk <chunk, six digits>
//!                of (number of chunks) · rows (number in this chunk) · b (zstd of a JSON array)
//! ```
//! **Invariant:** the same rows always give the same items, so a repeated step changes nothing. Every chunk says how
//! many there are; a reader stops there, so what a longer list left behind is never shown.

mod dynamo;
mod memory;
mod pack;

use crate::{
    cursor,
    read::{MAX_PAGE_ITEMS, Page, ReadError},
    store::Fault,
};
use async_trait::async_trait;
use domain::{AttemptNumber, ReconciliationId, TenantId, matches::OrderState};
use event_store::Units;
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use dynamo::DynamoResultPages;
pub use memory::MemoryResultPages;
pub use pack::{MAX_CHUNK_BYTES, MAX_CHUNK_ROWS};

/// One list of an attempt's result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ResultList {
    Suggested,
    Unmatched,
    Excluded,
    Orders(OrderState),
}

impl ResultList {
    /// All orders, for a reader that asks for no state.
    pub const ORDERS: [Self; 6] = [
        Self::Orders(OrderState::Paid),
        Self::Orders(OrderState::PartlyPaid),
        Self::Orders(OrderState::Unpaid),
        Self::Orders(OrderState::Refunded),
        Self::Orders(OrderState::Disputed),
        Self::Orders(OrderState::OutOfScope),
    ];

    #[must_use]
    pub fn name(self) -> String {
        match self {
            Self::Suggested => "suggested".into(),
            Self::Unmatched => "unmatched".into(),
            Self::Excluded => "excluded".into(),
            Self::Orders(state) => format!("orders#{}", state.as_str()),
        }
    }
}

/// `T#<tenant>#R#<reconciliation_id>-a<attempt>#<list>`.
fn partition(tenant: &TenantId, reconciliation: &ReconciliationId, attempt: AttemptNumber, list: ResultList) -> String {
    format!("T#{tenant}#R#{reconciliation}-a{attempt}#{}", list.name())
}

/// The next row to read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    pub chunk: u32,
    pub row: u32,
}

#[derive(Debug, Clone, PartialEq)]
pub struct ResultRows {
    pub rows: Vec<Value>,
    /// None at the end of the list.
    pub next: Option<Position>,
    pub units: Units,
}

/// Writing and reading the lists of an attempt. Nothing here checks whether the attempt is visible: the caller reads
/// lists of the published attempt only.
#[async_trait]
pub trait ResultPages: Send + Sync {
    /// Replaces the list. Writing the same rows again changes nothing; an empty list is written too.
    async fn write(
        &self,
        tenant: &TenantId,
        reconciliation: &ReconciliationId,
        attempt: AttemptNumber,
        list: ResultList,
        rows: &[Value],
    ) -> Result<Units, Fault>;

    /// At most `limit` rows from `position`, in the order in which they were written. A list that was never written is
    /// empty.
    async fn page(
        &self,
        tenant: &TenantId,
        reconciliation: &ReconciliationId,
        attempt: AttemptNumber,
        list: ResultList,
        limit: u32,
        position: Position,
    ) -> Result<ResultRows, Fault>;
}

/// One page over several lists in turn, with a cursor that is bound to all of them.
///
/// # Errors
/// [`ReadError::InvalidCursor`] for a cursor of another tenant, attempt or choice of lists.
pub async fn read_page(
    pages: &dyn ResultPages,
    (tenant, reconciliation, attempt): (&TenantId, &ReconciliationId, AttemptNumber),
    lists: &[ResultList],
    limit: u32,
    cursor: Option<&str>,
) -> Result<Page<Value>, ReadError> {
    let scope = format!("results|{tenant}|{reconciliation}|{attempt}|{lists:?}");
    let start =
        cursor.map_or(Some((0, Position::default())), |cursor| cursor::open::<(usize, Position)>(&scope, cursor));
    let (mut index, mut position) = start.ok_or(ReadError::InvalidCursor)?;
    let limit = usize::try_from(limit.clamp(1, MAX_PAGE_ITEMS)).unwrap_or(1);
    let mut items = Vec::new();
    while let Some(list) = lists.get(index) {
        let missing = u32::try_from(limit - items.len()).unwrap_or(0);
        if missing == 0 {
            break;
        }
        let read = pages.page(tenant, reconciliation, attempt, *list, missing, position).await?;
        items.extend(read.rows);
        (index, position) = read.next.map_or((index + 1, Position::default()), |next| (index, next));
    }
    // Lists that follow may all be empty; then the last page is an empty one.
    let next = (index < lists.len()).then_some((index, position));
    let seal = |place: (usize, Position)| {
        cursor::seal(&scope, &place).ok_or_else(|| Fault::Corrupt("a position cannot be written".into()))
    };
    Ok(Page { items, next_cursor: next.map(seal).transpose()? })
}
