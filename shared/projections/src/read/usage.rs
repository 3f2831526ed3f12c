//! A tenant's usage: each day is the sum of the rows of one partition.

use super::{MAX_PAGE_ITEMS, Order, Page, ReadError, Rows, Selection, decode, live};
use crate::{
    cursor,
    projection::Projection,
    store::{Fault, Table, row_partition_within},
    tenant_usage::{DailyUsage, TenantUsage, UsageRow, day_of},
};
use domain::{TenantId, Timestamp};

const DAY_MS: i64 = 86_400_000;
/// Rows per read.
const ROWS_PER_READ: u32 = 1_000;

/// Days in UTC, first and last included.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsageDays {
    /// `YYYY-MM-DD`.
    pub from: String,
    pub to: String,
}

/// The day after.
fn after(day: &str) -> Result<String, Fault> {
    let midnight = Timestamp::parse(&format!("{day}T00:00:00Z"));
    let midnight = midnight.map_err(|cause| Fault::Refused(cause.to_string()))?;
    Ok(day_of(Timestamp::from_millis(midnight.millis().saturating_add(DAY_MS))))
}

async fn sum(
    rows: &(impl Rows + ?Sized),
    tenant: &TenantId,
    version: u32,
    day: &str,
) -> Result<Option<DailyUsage>, Fault> {
    let mut sum = DailyUsage::of(day);
    let mut selection = Selection {
        table: Table::TenantUsage,
        order: Order::ById { partition: row_partition_within(tenant, version, Some(day)) },
        equals: Vec::new(),
        after: None,
        limit: ROWS_PER_READ,
    };
    loop {
        let selected = rows.select(&selection).await?;
        for (position, row) in &selected.rows {
            let row: UsageRow = decode(&position.sort, row)?;
            if row.tenant_id != *tenant {
                let detail = format!("the usage of {} on {day} belongs to tenant {}", position.sort, row.tenant_id);
                return Err(Fault::Corrupt(detail));
            }
            sum.add(&row);
        }
        selection.after = selected.next;
        if selection.after.is_none() {
            return Ok((sum.reconciliations > 0).then_some(sum));
        }
    }
}

/// The cursor is the day that comes next.
pub(super) async fn page(
    rows: &(impl Rows + ?Sized),
    tenant: &TenantId,
    days: &UsageDays,
    limit: u32,
    cursor: Option<&str>,
) -> Result<Page<DailyUsage>, ReadError> {
    let scope = format!("usage|{tenant}|{days:?}");
    let version = live(rows, TenantUsage::NAME).await?;
    let mut day = match cursor {
        Some(cursor) => cursor::open::<String>(&scope, cursor).ok_or(ReadError::InvalidCursor)?,
        None => days.from.clone(),
    };
    let mut items = Vec::new();
    for _ in 0..limit.clamp(1, MAX_PAGE_ITEMS) {
        if day > days.to {
            break;
        }
        items.extend(sum(rows, tenant, version, &day).await?);
        day = after(&day)?;
    }
    let next = if day > days.to {
        None
    } else {
        let sealed = cursor::seal(&scope, &day);
        Some(sealed.ok_or_else(|| Fault::Corrupt("a position cannot be written".into()))?)
    };
    Ok(Page { items, next_cursor: next })
}
