//! Audits of many streams: each hash chain of a tenant or of all, and heads made new. One damaged stream is named and
//! the rest goes on.

use crate::store::{EventStore, HeadRebuilt, Metered, Page, StoreError, StreamKey, Units, Verified};
use domain::TenantId;
use serde::{Deserialize, Serialize};

/// Commits or heads looked at for the next streams.
const PAGE: u32 = 100;
/// A part of an audit ends after this many streams, or after this much was read: 32 MB, a few seconds.
const MAX_STREAMS: u64 = 500;
const MAX_READ_MILLI: u64 = 8_000_000;

/// A stream that is not as it was written: where, and what to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Damage {
    pub tenant_id: TenantId,
    pub aggregate_type: String,
    pub aggregate_id: String,
    /// The first event that is wrong.
    pub sequence: u64,
    pub detail: String,
}

/// What a part of an audit found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Audited {
    pub streams: u64,
    pub commits: u64,
    pub events: u64,
    pub damaged: Vec<Damage>,
    /// Heads that were written anew, with the version that they had said.
    pub rebuilt: Vec<(StreamKey, HeadRebuilt)>,
    /// Where the next part begins; none when all is done.
    pub next: Option<String>,
    pub units: Units,
}

/// What to do with each stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Audit {
    Verify,
    RebuildHeads,
}

impl Audited {
    fn count(&mut self, verified: &Verified) {
        self.commits += verified.commits;
        self.events += verified.version;
    }

    fn damage(&mut self, stream: &StreamKey, error: StoreError) -> Result<(), StoreError> {
        let StoreError::Corrupt { sequence, detail, .. } = error else { return Err(error) };
        self.damaged.push(Damage {
            tenant_id: stream.tenant.clone(),
            aggregate_type: stream.aggregate_type.clone(),
            aggregate_id: stream.aggregate_id.clone(),
            sequence,
            detail,
        });
        Ok(())
    }

    fn full(&self) -> bool {
        self.streams >= MAX_STREAMS || self.units.read_milli >= MAX_READ_MILLI
    }

    async fn stream(&mut self, store: &dyn EventStore, stream: &StreamKey, audit: Audit) -> Result<(), StoreError> {
        self.streams += 1;
        match audit {
            Audit::Verify => match store.verify_metered(stream).await {
                Ok(Metered { value, units }) => {
                    self.units = self.units.plus(units);
                    self.count(&value);
                }
                Err(error) => self.damage(stream, error)?,
            },
            Audit::RebuildHeads => match store.rebuild_head(stream).await {
                Ok(Metered { value, units }) => {
                    self.units = self.units.plus(units);
                    if let HeadRebuilt::Written { .. } = value {
                        self.rebuilt.push((stream.clone(), value));
                    }
                }
                Err(error) => self.damage(stream, error)?,
            },
        }
        Ok(())
    }
}

/// One stream.
///
/// # Errors
/// Only when the store cannot be asked; damage is an answer.
pub async fn audit_stream(store: &dyn EventStore, stream: &StreamKey, audit: Audit) -> Result<Audited, StoreError> {
    let mut audited = Audited::default();
    audited.stream(store, stream, audit).await?;
    Ok(audited)
}

/// Where an audit stands: first all streams that have a first commit, then all heads, for those whose commits are gone.
enum Place {
    Streams(Option<String>),
    Heads(Option<String>),
}

impl Place {
    fn read(text: Option<&str>) -> Result<Self, StoreError> {
        let Some(text) = text else { return Ok(Self::Streams(None)) };
        let rest = |text: &str| Some(text.to_owned()).filter(|rest| !rest.is_empty());
        match text.split_once(':') {
            Some(("s", after)) => Ok(Self::Streams(rest(after))),
            Some(("h", after)) => Ok(Self::Heads(rest(after))),
            _ => Err(StoreError::Refused("the position of the audit is not one of ours: start again".to_owned())),
        }
    }

    fn write(&self) -> String {
        let (kind, after) = match self {
            Self::Streams(after) => ('s', after),
            Self::Heads(after) => ('h', after),
        };
        format!("{kind}:{}", after.as_deref().unwrap_or_default())
    }
}

/// A part of an audit of all streams of a tenant, or of all tenants, from after `after` on (an opaque position).
///
/// # Errors
/// As [`audit_stream`].
pub async fn audit_streams(
    store: &dyn EventStore,
    tenant: Option<&TenantId>,
    audit: Audit,
    after: Option<&str>,
) -> Result<Audited, StoreError> {
    let mut audited = Audited::default();
    let mut place = Place::read(after)?;
    loop {
        let next = match place {
            Place::Streams(after) => {
                let Metered { value: (streams, next), units }: Metered<Page<StreamKey>> =
                    store.streams_metered(tenant, PAGE, after).await?;
                audited.units = audited.units.plus(units);
                for stream in &streams {
                    audited.stream(store, stream, audit).await?;
                }
                Some(next.map_or(Place::Heads(None), |next| Place::Streams(Some(next))))
            }
            Place::Heads(after) => {
                let next = heads_without_commits(store, tenant, after, &mut audited).await?;
                next.map(|next| Place::Heads(Some(next)))
            }
        };
        match next {
            None => return Ok(audited),
            Some(next) if audited.full() => {
                audited.next = Some(next.write());
                return Ok(audited);
            }
            Some(next) => place = next,
        }
    }
}

/// A stream whose first commit is gone is in no list of streams; its head still says that there was one.
async fn heads_without_commits(
    store: &dyn EventStore,
    tenant: Option<&TenantId>,
    after: Option<String>,
    audited: &mut Audited,
) -> Result<Option<String>, StoreError> {
    let Metered { value: (heads, next), units } = store.heads_metered(PAGE, after).await?;
    audited.units = audited.units.plus(units);
    for head in heads.iter().filter(|head| tenant.is_none_or(|tenant| head.stream.tenant == *tenant)) {
        match store.page_metered(&head.stream, 0, 1).await {
            Ok(found) if found.value.is_empty() => {
                let detail = "no commit is there, and the head says that there were some. Restore them from the \
                              point-in-time backup";
                let stream = head.stream.partition();
                audited.streams += 1;
                audited.damage(&head.stream, StoreError::Corrupt { stream, sequence: 1, detail: detail.to_owned() })?;
            }
            Ok(found) => audited.units = audited.units.plus(found.units),
            // A first commit that is there but damaged was found with its stream; one that is missing was not.
            Err(error @ StoreError::Corrupt { .. }) => {
                let known = audited.damaged.iter().any(|damage| {
                    damage.aggregate_id == head.stream.aggregate_id
                        && damage.aggregate_type == head.stream.aggregate_type
                        && damage.tenant_id == head.stream.tenant
                });
                if !known {
                    audited.damage(&head.stream, error)?;
                }
            }
            Err(error) => return Err(error),
        }
    }
    Ok(next)
}
