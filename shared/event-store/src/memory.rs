//! The twin in memory: the same answers as DynamoDB, for tests and for trying things out.

use crate::{
    chain::Chain,
    commit::{Continuity, NO_HASH, StoredCommit, StoredHead},
    doorbell::HeadChange,
    dynamo::feed_shard,
    position::Position,
    prepare,
    snapshot::{MemorySnapshots, Snapshots},
    store::{
        AppendError, Appended, CommandKey, CommandRecord, Commit, CommitRef, EventStore, Fence, Head, HeadRebuilt,
        Metered, Page, StoreError, StreamKey, Transaction, Units, Verified,
    },
    upcast::Upcasters,
};
use async_trait::async_trait;
use domain::{TenantId, Timestamp, time::Window};
use std::{
    collections::{BTreeMap, HashMap},
    ops::Bound,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

#[derive(Debug, Default)]
struct State {
    commits: BTreeMap<(String, u64), StoredCommit>,
    heads: BTreeMap<String, StoredHead>,
    commands: HashMap<String, CommandRecord>,
    changes: Vec<HeadChange>,
}

/// Shared by its clones, as a client of DynamoDB is.
#[derive(Debug, Clone)]
pub struct MemoryStore {
    state: Arc<Mutex<State>>,
    upcasters: Upcasters,
    snapshots: Option<MemorySnapshots>,
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self { state: Arc::default(), upcasters: Upcasters::current(), snapshots: None }
    }
}

impl MemoryStore {
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    #[must_use]
    pub fn with_upcasters(self, upcasters: Upcasters) -> Self {
        Self { upcasters, ..self }
    }

    #[must_use]
    pub fn with_snapshots(self, snapshots: MemorySnapshots) -> Self {
        Self { snapshots: Some(snapshots), ..self }
    }

    /// Takes a head out, as no function could: for tests of what then happens.
    pub fn lose_head(&self, stream: &StreamKey) -> bool {
        self.state().heads.remove(&stream.partition()).is_some()
    }

    /// What the stream of `stream_heads` has said so far, in order of writing. A consumer remembers how many it has
    /// seen.
    #[must_use]
    pub fn changes(&self) -> Vec<HeadChange> {
        self.state().changes.clone()
    }

    /// Takes a commit out, as no function could: for tests of what then happens.
    pub fn lose(&self, stream: &StreamKey, from: u64) -> bool {
        self.state().commits.remove(&(stream.partition(), from)).is_some()
    }

    /// Overwrites the body of a commit, as no function could: for tests of what then happens.
    pub fn overwrite(&self, stream: &StreamKey, from: u64, encoding: u8, body: Vec<u8>) -> bool {
        let mut state = self.state();
        let Some(commit) = state.commits.get_mut(&(stream.partition(), from)) else { return false };
        commit.encoding = encoding;
        commit.body = body;
        true
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A test that panicked while holding the lock left nothing half done: every write below is a plain insertion.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn chain<'a>(&self, stream: &'a StreamKey) -> Result<Chain<'a>, StoreError> {
        let mut chain = Chain::new(stream);
        for commit in self.stored(stream, 0) {
            chain.link(commit, &self.upcasters)?;
        }
        Ok(chain)
    }

    fn stored(&self, stream: &StreamKey, after: u64) -> Vec<StoredCommit> {
        let partition = stream.partition();
        let state = self.state();
        let of_stream = state.commits.range((partition.clone(), 0)..=(partition, u64::MAX));
        of_stream.map(|(_, commit)| commit).filter(|commit| commit.to > after).cloned().collect()
    }
}

impl State {
    fn fence_holds(&self, fence: &Fence) -> Result<(), AppendError> {
        let stream = fence.stream.partition();
        let actual = self.heads.get(&stream).and_then(|head| head.fence.clone());
        if actual.as_ref() == Some(&fence.value) {
            return Ok(());
        }
        Err(AppendError::Fenced { stream, wanted: fence.value.clone(), actual })
    }

    fn append(&mut self, transaction: Transaction, drafts: Vec<StoredCommit>) -> Result<Appended, AppendError> {
        let versions: Vec<u64> = drafts.iter().map(|draft| draft.to).collect();
        let ours = transaction.appends.iter().filter(|append| {
            let place = (append.stream.partition(), append.expected.saturating_add(1));
            self.commits.get(&place).is_some_and(|commit| commit.is_of(append))
        });
        if !drafts.is_empty() && ours.count() == drafts.len() {
            return Ok(Appended { versions, units: Units::default(), repeated: true });
        }
        if let Some(command) = &transaction.command
            && let Some(record) = self.commands.get(&command.key.partition())
            && record.expires_at >= transaction.metadata.timestamp
        {
            return Err(AppendError::Repeated(Box::new(record.clone())));
        }
        if let Some(fence) = &transaction.fence {
            self.fence_holds(fence)?;
        }
        for append in &transaction.appends {
            let stream = append.stream.partition();
            let head = self.heads.get(&stream).map_or(0, |head| head.version);
            // A commit may be there whose head is lost: nothing is ever written over one.
            let taken = self.commits.contains_key(&(stream.clone(), append.expected + 1));
            if head != append.expected || taken {
                return Err(AppendError::VersionConflict { stream, expected: append.expected });
            }
        }
        for (append, draft) in transaction.appends.into_iter().zip(drafts) {
            let partition = append.stream.partition();
            let previous = self.heads.get(&partition);
            let commit = draft.sealed(previous.map_or(&NO_HASH, |head| &head.hash));
            let fence = append.set_fence.or_else(|| previous.and_then(|head| head.fence.clone()));
            let head = StoredHead {
                version: commit.to,
                commit_id: commit.id,
                hash: commit.hash,
                at: commit.metadata.timestamp,
                fence,
            };
            self.changes.push(HeadChange {
                stream: append.stream,
                version: commit.to,
                kinds: commit.kinds.clone(),
                correlation_id: commit.metadata.correlation_id.to_string(),
            });
            self.heads.insert(partition.clone(), head);
            self.commits.insert((partition, commit.from), commit);
        }
        if let Some(command) = transaction.command {
            self.commands.insert(command.key.partition(), command.record);
        }
        Ok(Appended { versions, units: Units::default(), repeated: false })
    }
}

fn list<K: Ord>(
    mut found: Vec<(K, CommitRef)>,
    limit: u32,
    is_after: impl Fn(&K) -> bool,
) -> (Vec<CommitRef>, Option<String>) {
    found.retain(|(key, _)| is_after(key));
    found.sort_by(|(one, _), (other, _)| one.cmp(other));
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = found.len() > limit;
    let page: Vec<CommitRef> = found.into_iter().take(limit).map(|(_, reference)| reference).collect();
    let next = if more { page.last().map(|last| position(last).write()) } else { None };
    (page, next)
}

fn position(reference: &CommitRef) -> Position {
    Position { at_ms: reference.at.millis(), partition: reference.stream.partition(), from: reference.from }
}

/// Memory consumes no capacity.
fn free<T>(value: T) -> Metered<T> {
    Metered { value, units: Units::default() }
}

#[async_trait]
impl EventStore for MemoryStore {
    async fn append(&self, transaction: Transaction) -> Result<Appended, AppendError> {
        let drafts = prepare::drafts(&transaction, &self.upcasters)?;
        self.state().append(transaction, drafts)
    }

    async fn load_metered(&self, stream: &StreamKey, after: u64) -> Result<Metered<Vec<Commit>>, StoreError> {
        self.page_metered(stream, after, u32::MAX).await
    }

    async fn page_metered(
        &self,
        stream: &StreamKey,
        after: u64,
        limit: u32,
    ) -> Result<Metered<Vec<Commit>>, StoreError> {
        let stored = self.stored(stream, after);
        // A position inside a commit: that commit comes first, as a whole.
        let inside = stored.first().filter(|first| first.from <= after).map(|first| first.from.saturating_sub(1));
        let mut continuity = Continuity { last: inside.unwrap_or(after) };
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let mut commits = Vec::new();
        for commit in stored.into_iter().take(limit) {
            continuity.check(&commit)?;
            commits.push(commit.open(&self.upcasters)?);
        }
        Ok(free(commits))
    }

    async fn head_metered(&self, stream: &StreamKey) -> Result<Metered<Option<Head>>, StoreError> {
        Ok(free(self.state().heads.get(&stream.partition()).map(|head| head.shown(stream))))
    }

    async fn command_metered(
        &self,
        key: &CommandKey,
        now: Timestamp,
    ) -> Result<Metered<Option<CommandRecord>>, StoreError> {
        Ok(free(self.state().commands.get(&key.partition()).filter(|record| record.expires_at >= now).cloned()))
    }

    async fn by_correlation_metered(
        &self,
        tenant: &TenantId,
        correlation_id: &str,
        limit: u32,
        after: Option<String>,
    ) -> Result<Metered<Page<CommitRef>>, StoreError> {
        let after = after.as_deref().map(|after| Position::read_for(tenant, after)).transpose()?;
        let found = {
            let state = self.state();
            let wanted = state.commits.values().filter(|commit| {
                commit.stream.tenant == *tenant && commit.metadata.correlation_id.as_str() == correlation_id
            });
            wanted.map(|commit| (position(&commit.reference()), commit.reference())).collect()
        };
        Ok(free(list(found, limit, |place| after.as_ref().is_none_or(|after| place > after))))
    }

    async fn feed_metered(
        &self,
        window: Window,
        limit: u32,
        after: Option<String>,
    ) -> Result<Metered<Page<CommitRef>>, StoreError> {
        let after = after.as_deref().map(Position::read).transpose()?;
        let key = |place: Position| (Timestamp::from_millis(place.at_ms).day(), feed_shard(&place.partition), place);
        let found = {
            let state = self.state();
            let wanted = state.commits.values().filter(|commit| window.contains(commit.metadata.timestamp));
            wanted.map(|commit| (key(position(&commit.reference())), commit.reference())).collect()
        };
        let after = after.map(key);
        Ok(free(list(found, limit, |place| after.as_ref().is_none_or(|after| place > after))))
    }

    async fn heads_metered(&self, limit: u32, after: Option<String>) -> Result<Metered<Page<Head>>, StoreError> {
        let state = self.state();
        let start = after.map_or(Bound::Unbounded, Bound::Excluded);
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let mut found = state.heads.range::<String, _>((start, Bound::Unbounded));
        let page: Vec<Head> = found
            .by_ref()
            .take(limit)
            .filter_map(|(partition, head)| Some(head.shown(&StreamKey::parse(partition)?)))
            .collect();
        let next = found.next().and_then(|_| page.last().map(|last| last.stream.partition()));
        Ok(free((page, next)))
    }

    async fn streams_metered(
        &self,
        tenant: Option<&TenantId>,
        limit: u32,
        after: Option<String>,
    ) -> Result<Metered<Page<StreamKey>>, StoreError> {
        let state = self.state();
        let start = after.map_or(Bound::Unbounded, |after| Bound::Excluded((after, u64::MAX)));
        let first = state.commits.range((start, Bound::Unbounded)).filter(|((_, from), _)| *from == 1);
        let mut found = first.filter(|(_, commit)| tenant.is_none_or(|tenant| commit.stream.tenant == *tenant));
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let page: Vec<StreamKey> = found.by_ref().take(limit).map(|(_, commit)| commit.stream.clone()).collect();
        let next = found.next().and_then(|_| page.last().map(StreamKey::partition));
        Ok(free((page, next)))
    }

    async fn verify_metered(&self, stream: &StreamKey) -> Result<Metered<Verified>, StoreError> {
        let chain = self.chain(stream)?;
        let head = self.state().heads.get(&stream.partition()).cloned();
        Ok(free(chain.end(head.as_ref())?))
    }

    async fn rebuild_head(&self, stream: &StreamKey) -> Result<Metered<HeadRebuilt>, StoreError> {
        let chain = self.chain(stream)?;
        let partition = stream.partition();
        let mut state = self.state();
        let head = state.heads.get(&partition).cloned();
        let version = chain.version();
        let Some((last, fence)) = chain.head_to_write(head.as_ref())? else {
            return Ok(free(if head.is_some() { HeadRebuilt::Intact { version } } else { HeadRebuilt::NoStream }));
        };
        state.changes.push(HeadChange {
            stream: stream.clone(),
            version,
            kinds: last.kinds.clone(),
            correlation_id: last.metadata.correlation_id.to_string(),
        });
        let written = StoredHead { version, commit_id: last.id, hash: last.hash, at: last.metadata.timestamp, fence };
        state.heads.insert(partition, written);
        Ok(free(HeadRebuilt::Written { was: head.map(|head| head.version), version }))
    }

    fn snapshots(&self) -> Option<&dyn Snapshots> {
        self.snapshots.as_ref().map(|snapshots| snapshots as &dyn Snapshots)
    }
}
