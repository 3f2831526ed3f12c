//! An event store that fails on cue, and counts what writing costs.

use async_trait::async_trait;
use domain::{TenantId, Timestamp, time::Window};
use event_store::{
    AppendError, Appended, CommandKey, CommandRecord, Commit, CommitRef, EventStore, Head, HeadRebuilt, Metered, Page,
    Snapshots, StoreError, StreamKey, Transaction, Units, Verified, priced,
};
use std::{
    collections::BTreeMap,
    future::Future,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

/// What goes wrong with one append.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Not written: another writer was first. (There is none: the next try finds the same version.)
    VersionConflict,
    /// Not written: busy for longer than the retries last.
    Busy,
    /// Written, but the answer is lost: the caller sees `Busy`.
    LostAnswer,
    /// The process dies before it writes. Panics; see [`survives`].
    CrashBefore,
    /// The process dies after it has written. Panics; see [`survives`].
    CrashAfter,
}

/// Passes everything on, except the appends at given positions, counted from 0. Appends that went through report the
/// units that AWS's rules make of them, which the store in memory does not.
pub struct FaultyStore {
    inner: Arc<dyn EventStore>,
    faults: Mutex<BTreeMap<usize, Fault>>,
    rivals: Mutex<BTreeMap<usize, Transaction>>,
    appends: AtomicUsize,
}

impl FaultyStore {
    #[must_use]
    pub fn new(inner: Arc<dyn EventStore>, faults: impl IntoIterator<Item = (usize, Fault)>) -> Self {
        Self {
            inner,
            faults: Mutex::new(faults.into_iter().collect()),
            rivals: Mutex::default(),
            appends: AtomicUsize::new(0),
        }
    }

    /// Somebody else whose transaction comes in just before the append at `position`.
    #[must_use]
    pub fn with_rival(self, position: usize, transaction: Transaction) -> Self {
        self.rivals.lock().unwrap_or_else(PoisonError::into_inner).insert(position, transaction);
        self
    }

    /// Appends asked for so far; a run without faults tells a test which positions there are.
    #[must_use]
    pub fn appends(&self) -> usize {
        self.appends.load(Ordering::SeqCst)
    }
}

impl std::fmt::Debug for FaultyStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FaultyStore")
            .field("faults", &self.faults)
            .field("appends", &self.appends)
            .finish_non_exhaustive()
    }
}

/// Runs a process that may crash; none when it did.
pub async fn survives<T: Send + 'static>(process: impl Future<Output = T> + Send + 'static) -> Option<T> {
    tokio::spawn(process).await.ok()
}

#[async_trait]
impl EventStore for FaultyStore {
    #[expect(clippy::panic, reason = "a crash is what is asked for")]
    async fn append(&self, transaction: Transaction) -> Result<Appended, AppendError> {
        let position = self.appends.fetch_add(1, Ordering::SeqCst);
        let fault = self.faults.lock().unwrap_or_else(PoisonError::into_inner).remove(&position);
        let rival = self.rivals.lock().unwrap_or_else(PoisonError::into_inner).remove(&position);
        if let Some(rival) = rival {
            self.inner.append(rival).await?;
        }
        let busy = |why: &str| Err(StoreError::Busy(format!("{why} at append {position}")).into());
        match (fault, transaction.appends.first()) {
            (None, _) => {
                let price = priced(&transaction)?;
                let done = self.inner.append(transaction).await?;
                let units = if done.repeated { Units::default() } else { price };
                Ok(Appended { units, ..done })
            }
            (Some(Fault::VersionConflict), Some(append)) => {
                Err(AppendError::VersionConflict { stream: append.stream.partition(), expected: append.expected })
            }
            (Some(Fault::Busy | Fault::VersionConflict), _) => busy("busy"),
            (Some(Fault::LostAnswer), _) => {
                self.inner.append(transaction).await?;
                busy("answer lost")
            }
            (Some(Fault::CrashBefore), _) => panic!("crash before append {position}"),
            (Some(Fault::CrashAfter), _) => {
                self.inner.append(transaction).await?;
                panic!("crash after append {position}")
            }
        }
    }

    async fn load_metered(&self, stream: &StreamKey, after: u64) -> Result<Metered<Vec<Commit>>, StoreError> {
        self.inner.load_metered(stream, after).await
    }

    async fn page_metered(
        &self,
        stream: &StreamKey,
        after: u64,
        limit: u32,
    ) -> Result<Metered<Vec<Commit>>, StoreError> {
        self.inner.page_metered(stream, after, limit).await
    }

    async fn head_metered(&self, stream: &StreamKey) -> Result<Metered<Option<Head>>, StoreError> {
        self.inner.head_metered(stream).await
    }

    async fn command_metered(
        &self,
        key: &CommandKey,
        now: Timestamp,
    ) -> Result<Metered<Option<CommandRecord>>, StoreError> {
        self.inner.command_metered(key, now).await
    }

    async fn by_correlation_metered(
        &self,
        tenant: &TenantId,
        correlation_id: &str,
        limit: u32,
        after: Option<String>,
    ) -> Result<Metered<Page<CommitRef>>, StoreError> {
        self.inner.by_correlation_metered(tenant, correlation_id, limit, after).await
    }

    async fn feed_metered(
        &self,
        window: Window,
        limit: u32,
        after: Option<String>,
    ) -> Result<Metered<Page<CommitRef>>, StoreError> {
        self.inner.feed_metered(window, limit, after).await
    }

    async fn heads_metered(&self, limit: u32, after: Option<String>) -> Result<Metered<Page<Head>>, StoreError> {
        self.inner.heads_metered(limit, after).await
    }

    async fn streams_metered(
        &self,
        tenant: Option<&TenantId>,
        limit: u32,
        after: Option<String>,
    ) -> Result<Metered<Page<StreamKey>>, StoreError> {
        self.inner.streams_metered(tenant, limit, after).await
    }

    async fn verify_metered(&self, stream: &StreamKey) -> Result<Metered<Verified>, StoreError> {
        self.inner.verify_metered(stream).await
    }

    async fn rebuild_head(&self, stream: &StreamKey) -> Result<Metered<HeadRebuilt>, StoreError> {
        self.inner.rebuild_head(stream).await
    }

    fn snapshots(&self) -> Option<&dyn Snapshots> {
        self.inner.snapshots()
    }
}
