//! Readers of the read models: lists with filters and cursors, look-ups for operators, and how far a projection is.
//!
//! [`ReadModels`] is written once on top of two verbs of storage (`select` and `owners`), which DynamoDB and memory
//! implement; so filters, pages and cursors behave the same in both.

mod usage;

pub use usage::UsageDays;

use crate::{
    cursor,
    error_hotspots::{ErrorHotspots, HotspotView, JOB},
    jobs::{JobRow, JobView, Jobs, LISTED, STATE},
    projection::Projection,
    reconciliation_summary::{ReconciliationSummary, SummaryView},
    saga_state::{SagaState, SagaView},
    store::{CheckpointKey, Fault, ProjectionStore, RowKey, Table, parse_row_partition, row_partition},
    tenant_usage::DailyUsage,
};
use async_trait::async_trait;
use domain::{
    JobId, ReconciliationId, TenantId,
    reconciliation::Status,
    saga::{SagaStatus, Step},
};
use event_store::StreamKey;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use thiserror::Error;

/// Most items of one page.
pub const MAX_PAGE_ITEMS: u32 = 200;
/// Most reads behind one page: a filter that hits rarely ends the page early, with a cursor to go on.
const MAX_READS_PER_PAGE: u32 = 20;
/// Rows that one read looks at when a filter may drop most of them.
const FILTERED_READ_ROWS: u32 = 400;

#[derive(Debug, Error)]
pub enum ReadError {
    /// Altered, of another list, another filter or another tenant: the client's mistake.
    #[error("the cursor does not belong to this list")]
    InvalidCursor,
    #[error(transparent)]
    Store(#[from] Fault),
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Page<T> {
    pub items: Vec<T>,
    pub next_cursor: Option<String>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReconciliationFilter {
    pub status: Option<Status>,
    pub job_id: Option<JobId>,
    /// First day of `started_at`, `YYYY-MM-DD` in UTC.
    pub from: Option<String>,
    /// Last day of `started_at`, included.
    pub to: Option<String>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SagaFilter {
    /// None for operators only: all tenants, in no order.
    pub tenant: Option<TenantId>,
    pub status: Option<SagaStatus>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HotspotFilter {
    pub job_id: Option<JobId>,
    pub reconciliation_id: Option<ReconciliationId>,
}

/// What the HTTP side asks. `limit` is taken to lie between 1 and [`MAX_PAGE_ITEMS`]. A page may be short although
/// more follows; only `next_cursor` says whether it does.
#[async_trait]
pub trait ReadModels: Send + Sync {
    /// Newest first.
    async fn list_reconciliations(
        &self,
        tenant: &TenantId,
        filter: &ReconciliationFilter,
        limit: u32,
        cursor: Option<&str>,
    ) -> Result<Page<SummaryView>, ReadError>;

    /// As of its projection; `summary_of` on the stream is the consistent read.
    async fn reconciliation(&self, tenant: &TenantId, id: &str) -> Result<Option<SummaryView>, ReadError>;

    /// By job id, without deleted ones.
    async fn list_jobs(&self, tenant: &TenantId, limit: u32, cursor: Option<&str>) -> Result<Page<JobView>, ReadError>;

    /// None for a job that does not exist or was deleted.
    async fn job(&self, tenant: &TenantId, id: &str) -> Result<Option<JobView>, ReadError>;

    async fn saga(&self, tenant: &TenantId, id: &str) -> Result<Option<SagaView>, ReadError>;

    /// Newest first for one tenant. Without a tenant the table is scanned, which only operators may, in no order.
    async fn list_sagas(
        &self,
        filter: &SagaFilter,
        limit: u32,
        cursor: Option<&str>,
    ) -> Result<Page<SagaView>, ReadError>;

    /// Tenants that own a reconciliation of this id, sorted. For operators.
    async fn reconciliation_owners(&self, id: &str) -> Result<Vec<TenantId>, ReadError>;

    /// Tenants that own a saga of this id, sorted. For operators.
    async fn saga_owners(&self, id: &str) -> Result<Vec<TenantId>, ReadError>;

    /// A tenant's usage, day by day, oldest first, without days on which no run started. `limit` bounds the days that
    /// are looked at.
    async fn usage(
        &self,
        tenant: &TenantId,
        days: &UsageDays,
        limit: u32,
        cursor: Option<&str>,
    ) -> Result<Page<DailyUsage>, ReadError>;

    /// Errors by run, type and step, in the order of their keys.
    async fn error_hotspots(
        &self,
        tenant: &TenantId,
        filter: &HotspotFilter,
        limit: u32,
        cursor: Option<&str>,
    ) -> Result<Page<HotspotView>, ReadError>;

    /// The step at which each of these runs is, in their order; none for a run without a ledger.
    async fn current_steps(&self, tenant: &TenantId, ids: &[&str]) -> Result<Vec<Option<Step>>, ReadError>;

    /// How far the live version of `projection` has read the stream; 0 if not at all. Consistent.
    async fn checkpoint_version(&self, projection: &str, stream: &StreamKey) -> Result<u64, ReadError>;
}

/// Where a read goes on: the keys of the last row seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowPosition {
    pub partition: String,
    pub sort: String,
    /// Key in the index `by_started`, where that is the order.
    pub started: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Order {
    /// All partitions, in the order of the storage.
    Scan,
    /// One partition by aggregate id.
    ById { partition: String },
    /// Rows of one partition whose sort key begins so.
    Under { partition: String, prefix: String },
    /// Rows of one partition that belong to a job, by the index `by_job`.
    OfJob { partition: String, job: String },
    /// One partition by the index `by_started`, newest first, between two keys, both included.
    NewestFirst { partition: String, from: String, to: String },
}

/// One bounded read of rows.
#[derive(Debug, Clone)]
pub struct Selection {
    pub table: Table,
    pub order: Order,
    /// Attributes that must have these values.
    pub equals: Vec<(&'static str, String)>,
    pub after: Option<RowPosition>,
    /// Rows to look at, before the filter.
    pub limit: u32,
}

#[derive(Debug, Clone)]
pub struct Selected {
    pub rows: Vec<(RowPosition, String)>,
    /// Position to go on from; none at the end.
    pub next: Option<RowPosition>,
}

/// The two verbs that storage adds to [`ProjectionStore`] for readers.
#[async_trait]
pub trait Rows: ProjectionStore {
    async fn select(&self, selection: &Selection) -> Result<Selected, Fault>;

    /// Many rows of one table, in the order of their keys.
    async fn many(&self, keys: &[RowKey]) -> Result<Vec<Option<String>>, Fault> {
        let mut rows = Vec::with_capacity(keys.len());
        for key in keys {
            rows.push(self.row(key).await?);
        }
        Ok(rows)
    }

    /// Partitions that hold a row with this `id`, by the index `by_id`.
    async fn owners(&self, table: Table, id: &str) -> Result<Vec<String>, Fault>;
}

fn decode<T: DeserializeOwned>(key: &str, row: &str) -> Result<T, Fault> {
    serde_json::from_str(row).map_err(|cause| Fault::Corrupt(format!("row {key}: {cause}")))
}

/// A row that lies under one tenant and says that it is another's is shown to nobody.
fn foreign(key: &str, owner: &TenantId) -> Fault {
    Fault::Corrupt(format!("the row {key} belongs to {owner}, not to the tenant it lies under: rebuild this aggregate"))
}

/// A list: what is read in which order, and what its cursors are bound to.
struct List {
    scope: String,
    table: Table,
    order: Order,
    equals: Vec<(&'static str, String)>,
    /// Rows of another version, met in a scan, are not shown.
    version: u32,
}

/// What a cursor holds. The partition is in it for scans only: elsewhere it comes from the caller.
#[derive(Serialize, Deserialize)]
struct Place {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    p: Option<String>,
    s: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    t: Option<String>,
}

impl List {
    fn open(&self, cursor: Option<&str>) -> Result<Option<RowPosition>, ReadError> {
        let Some(cursor) = cursor else { return Ok(None) };
        let place: Place = cursor::open(&self.scope, cursor).ok_or(ReadError::InvalidCursor)?;
        let partition = match &self.order {
            Order::Scan => place.p.ok_or(ReadError::InvalidCursor)?,
            Order::ById { partition }
            | Order::Under { partition, .. }
            | Order::OfJob { partition, .. }
            | Order::NewestFirst { partition, .. } => partition.clone(),
        };
        let indexed = matches!(self.order, Order::NewestFirst { .. });
        if indexed != place.t.is_some() {
            return Err(ReadError::InvalidCursor);
        }
        Ok(Some(RowPosition { partition, sort: place.s, started: place.t }))
    }

    fn seal(&self, position: RowPosition) -> Result<String, ReadError> {
        let p = (self.order == Order::Scan).then_some(position.partition);
        let place = Place { p, s: position.sort, t: position.started };
        cursor::seal(&self.scope, &place).ok_or_else(|| Fault::Corrupt("a position cannot be written".into()).into())
    }

    fn shows(&self, position: &RowPosition) -> bool {
        self.order != Order::Scan
            || parse_row_partition(&position.partition).is_some_and(|(_, version)| version == self.version)
    }

    /// Reads until `limit` rows are found, the end, or the bound on reads.
    async fn page<T: DeserializeOwned>(
        &self,
        rows: &(impl Rows + ?Sized),
        limit: u32,
        cursor: Option<&str>,
        owner: fn(&T) -> Option<&TenantId>,
    ) -> Result<Page<T>, ReadError> {
        let limit = usize::try_from(limit.clamp(1, MAX_PAGE_ITEMS)).unwrap_or(1);
        let filtered = !self.equals.is_empty() || self.order == Order::Scan;
        // One more than the page shows whether another follows.
        let wanted = u32::try_from(limit + 1).unwrap_or(MAX_PAGE_ITEMS);
        let mut after = self.open(cursor)?;
        let mut found = Vec::new();
        for _ in 0..MAX_READS_PER_PAGE {
            let selection = Selection {
                table: self.table,
                order: self.order.clone(),
                equals: self.equals.clone(),
                after,
                limit: if filtered { FILTERED_READ_ROWS } else { wanted },
            };
            let selected = rows.select(&selection).await?;
            found.extend(selected.rows.into_iter().filter(|(position, _)| self.shows(position)));
            after = selected.next;
            if found.len() > limit || after.is_none() {
                break;
            }
        }
        if found.len() > limit {
            found.truncate(limit);
            after = found.last().map(|(position, _)| position.clone());
        }
        let read = |(position, row): &(RowPosition, String)| {
            let item: T = decode(&position.sort, row)?;
            let own = parse_row_partition(&position.partition).map(|(tenant, _)| tenant);
            match owner(&item) {
                Some(owner) if own.as_ref() != Some(owner) => Err(foreign(&position.sort, owner)),
                _ => Ok(item),
            }
        };
        let items = found.iter().map(read).collect::<Result<_, _>>()?;
        Ok(Page { items, next_cursor: after.map(|position| self.seal(position)).transpose()? })
    }
}

async fn live(store: &(impl ProjectionStore + ?Sized), projection: &str) -> Result<u32, Fault> {
    Ok(store.versions(projection).await?.live)
}

async fn row<P: Projection>(
    store: &(impl ProjectionStore + ?Sized),
    tenant: &TenantId,
    id: &str,
) -> Result<Option<P::State>, ReadError> {
    let partition = row_partition(tenant, live(store, P::NAME).await?);
    let key = RowKey { table: P::TABLE, partition, sort: id.to_owned() };
    let Some(row) = store.row(&key).await? else { return Ok(None) };
    let row: P::State = decode(id, &row)?;
    match P::tenant(&row) {
        Some(owner) if owner != tenant => Err(foreign(id, owner).into()),
        _ => Ok(Some(row)),
    }
}

async fn owners<P: Projection>(rows: &(impl Rows + ?Sized), id: &str) -> Result<Vec<TenantId>, ReadError> {
    let live = live(rows, P::NAME).await?;
    let partitions = rows.owners(P::TABLE, id).await?;
    let owners = partitions.iter().filter_map(|partition| parse_row_partition(partition));
    let mut tenants: Vec<TenantId> = owners.filter(|(_, version)| *version == live).map(|(tenant, _)| tenant).collect();
    tenants.sort();
    tenants.dedup();
    Ok(tenants)
}

/// Sorts after every character that a time or an id may hold.
const END: char = '~';

#[async_trait]
impl<S: Rows> ReadModels for S {
    async fn list_reconciliations(
        &self,
        tenant: &TenantId,
        filter: &ReconciliationFilter,
        limit: u32,
        cursor: Option<&str>,
    ) -> Result<Page<SummaryView>, ReadError> {
        let version = live(self, ReconciliationSummary::NAME).await?;
        let mut equals = Vec::new();
        equals.extend(filter.status.map(|status| ("status", status.as_str().to_owned())));
        equals.extend(filter.job_id.as_ref().map(|job| ("job_id", job.to_string())));
        let list = List {
            scope: format!("reconciliations|{tenant}|{equals:?}|{:?}|{:?}", filter.from, filter.to),
            table: Table::ReconciliationSummary,
            order: Order::NewestFirst {
                partition: row_partition(tenant, version),
                from: filter.from.clone().unwrap_or_else(|| "0".into()),
                to: format!("{}{END}", filter.to.as_deref().unwrap_or_default()),
            },
            equals,
            version,
        };
        list.page(self, limit, cursor, ReconciliationSummary::tenant).await
    }

    async fn reconciliation(&self, tenant: &TenantId, id: &str) -> Result<Option<SummaryView>, ReadError> {
        row::<ReconciliationSummary>(self, tenant, id).await
    }

    async fn list_jobs(&self, tenant: &TenantId, limit: u32, cursor: Option<&str>) -> Result<Page<JobView>, ReadError> {
        let version = live(self, Jobs::NAME).await?;
        let list = List {
            scope: format!("jobs|{tenant}"),
            table: Table::Jobs,
            order: Order::ById { partition: row_partition(tenant, version) },
            equals: vec![(STATE, LISTED.to_owned())],
            version,
        };
        let page: Page<JobRow> = list.page(self, limit, cursor, Jobs::tenant).await?;
        Ok(Page { items: page.items.into_iter().map(|row| row.job).collect(), next_cursor: page.next_cursor })
    }

    async fn job(&self, tenant: &TenantId, id: &str) -> Result<Option<JobView>, ReadError> {
        let row = row::<Jobs>(self, tenant, id).await?;
        Ok(row.filter(|row| !row.deleted).map(|row| row.job))
    }

    async fn saga(&self, tenant: &TenantId, id: &str) -> Result<Option<SagaView>, ReadError> {
        row::<SagaState>(self, tenant, id).await
    }

    async fn list_sagas(
        &self,
        filter: &SagaFilter,
        limit: u32,
        cursor: Option<&str>,
    ) -> Result<Page<SagaView>, ReadError> {
        let version = live(self, SagaState::NAME).await?;
        let order = match &filter.tenant {
            None => Order::Scan,
            Some(tenant) => {
                Order::NewestFirst { partition: row_partition(tenant, version), from: "0".into(), to: END.into() }
            }
        };
        let equals: Vec<_> = filter.status.map(|status| ("status", status.as_str().to_owned())).into_iter().collect();
        let list = List {
            scope: format!("sagas|{:?}|{equals:?}", filter.tenant),
            table: Table::SagaState,
            order,
            equals,
            version,
        };
        list.page(self, limit, cursor, SagaState::tenant).await
    }

    async fn reconciliation_owners(&self, id: &str) -> Result<Vec<TenantId>, ReadError> {
        owners::<ReconciliationSummary>(self, id).await
    }

    async fn saga_owners(&self, id: &str) -> Result<Vec<TenantId>, ReadError> {
        owners::<SagaState>(self, id).await
    }

    async fn usage(
        &self,
        tenant: &TenantId,
        days: &UsageDays,
        limit: u32,
        cursor: Option<&str>,
    ) -> Result<Page<DailyUsage>, ReadError> {
        usage::page(self, tenant, days, limit, cursor).await
    }

    async fn error_hotspots(
        &self,
        tenant: &TenantId,
        filter: &HotspotFilter,
        limit: u32,
        cursor: Option<&str>,
    ) -> Result<Page<HotspotView>, ReadError> {
        let version = live(self, ErrorHotspots::NAME).await?;
        let partition = row_partition(tenant, version);
        let mut equals = Vec::new();
        let order = match (&filter.reconciliation_id, &filter.job_id) {
            (Some(id), job) => {
                equals.extend(job.as_ref().map(|job| (JOB, job.to_string())));
                Order::Under { partition, prefix: format!("{id}#") }
            }
            (None, Some(job)) => Order::OfJob { partition, job: job.to_string() },
            (None, None) => Order::ById { partition },
        };
        let scope = format!("error_hotspots|{tenant}|{filter:?}");
        List { scope, table: Table::ErrorHotspots, order, equals, version }.page(self, limit, cursor, |_| None).await
    }

    async fn current_steps(&self, tenant: &TenantId, ids: &[&str]) -> Result<Vec<Option<Step>>, ReadError> {
        let partition = row_partition(tenant, live(self, SagaState::NAME).await?);
        let key = |id: &&str| RowKey { table: Table::SagaState, partition: partition.clone(), sort: (*id).to_owned() };
        let rows = self.many(&ids.iter().map(key).collect::<Vec<_>>()).await?;
        let step = |(id, row): (&&str, Option<String>)| {
            let Some(row) = row else { return Ok(None) };
            decode::<SagaView>(id, &row).map(|saga| saga.current_step)
        };
        Ok(ids.iter().zip(rows).map(step).collect::<Result<_, Fault>>()?)
    }

    async fn checkpoint_version(&self, projection: &str, stream: &StreamKey) -> Result<u64, ReadError> {
        let version = live(self, projection).await?;
        let key = CheckpointKey { projection: projection.to_owned(), version, stream: stream.clone() };
        Ok(self.checkpoint(&key).await?.version)
    }
}
