//! Staged data: what was fetched, as compressed content-addressed files in the data bucket. A manifest lists them; the
//! event that ends a fetch names the manifest and its digest. A retry and a dry run read the same files again.

use crate::{error::StepError, input::StepInput};
use domain::{
    ErrorName, ReconciliationId, TenantId,
    ports::{Blobs, PortError},
    record::{Order, RawPointer, Record},
    records::{Orders, Records},
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::io::Read;

/// Level of compression: fast, and already nine tenths smaller on provider JSON.
const LEVEL: i32 = 3;
/// Largest staged file when unpacked; a guard against reading nonsense.
const MAX_UNPACKED_BYTES: u64 = 512 << 20;

/// One staged file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StagedFile {
    pub records: String,
    /// The provider's own objects, in the order that `Record::raw` points into.
    pub raw: String,
    pub count: u64,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    pub files: Vec<StagedFile>,
}

/// Records and orders of one staged file.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Staged {
    pub records: Vec<Record>,
    pub orders: Vec<Order>,
}

/// Everything of one run below this prefix; a lifecycle rule ends it.
#[must_use]
pub fn staged_prefix(input: &StepInput) -> String {
    format!("staged/{}/{}", input.tenant_id, input.reconciliation_id)
}

/// What a run found, below this prefix.
pub(crate) fn results_prefix(tenant: &TenantId, id: &ReconciliationId) -> String {
    format!("results/{tenant}/{id}")
}

pub(crate) fn hex_digest(bytes: &[u8]) -> String {
    base16ct::lower::encode_string(&Sha256::digest(bytes))
}

/// Writes `value` as compressed JSON under its own digest and returns the key.
pub(crate) async fn put_json<T: Serialize + Sync>(
    blobs: &dyn Blobs,
    prefix: &str,
    value: &T,
) -> Result<(String, String), StepError> {
    let internal = |cause: String| StepError::new(ErrorName::Internal, cause);
    let plain = serde_json::to_vec(value).map_err(|cause| internal(cause.to_string()))?;
    let packed = zstd::bulk::compress(&plain, LEVEL).map_err(|cause| internal(cause.to_string()))?;
    let digest = hex_digest(&packed);
    let key = format!("{prefix}/{digest}.json.zst");
    blobs.put(&key, "application/zstd", packed).await?;
    Ok((key, digest))
}

/// Reads what [`put_json`] wrote and holds it against the digest in its key.
pub(crate) async fn get_json<T: DeserializeOwned>(blobs: &dyn Blobs, key: &str) -> Result<T, StepError> {
    let lost = |detail: &str| StepError::new(ErrorName::StagedDataLost, format!("`{key}` {detail}"));
    let packed = blobs.get(key).await.map_err(|error| match error {
        PortError::Missing(_) => lost("is gone"),
        other => other.into(),
    })?;
    let named = key.rsplit('/').next().and_then(|file| file.split('.').next());
    if named != Some(hex_digest(&packed).as_str()) {
        return Err(lost("was altered: its content does not have the digest in its name"));
    }
    let plain = unpack(&packed).map_err(|_| lost("cannot be unpacked"))?;
    serde_json::from_slice(&plain).map_err(|_| lost("cannot be read"))
}

/// Grows as it reads: asking for the largest size at once would take most of a small function's memory.
fn unpack(packed: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut plain = Vec::new();
    zstd::stream::read::Decoder::new(packed)?.take(MAX_UNPACKED_BYTES).read_to_end(&mut plain)?;
    Ok(plain)
}

/// Collects fetched pages and writes them as files of some thousand records.
#[derive(Debug, Default)]
pub(crate) struct Stager {
    staged: Staged,
    raw: Vec<Value>,
    manifest: Manifest,
}

impl Stager {
    pub(crate) fn resume(manifest: Manifest) -> Self {
        Self { manifest, ..Self::default() }
    }

    pub(crate) fn pending(&self) -> usize {
        self.staged.records.len().max(self.staged.orders.len())
    }

    pub(crate) fn count(&self) -> u64 {
        let pending = u64::try_from(self.staged.records.len()).unwrap_or(u64::MAX);
        self.manifest.files.iter().map(|file| file.count).sum::<u64>() + pending
    }

    pub(crate) fn add(&mut self, page: providers::Page) {
        // Positions on the page become positions in the file.
        let offset = u32::try_from(self.raw.len()).unwrap_or(u32::MAX);
        self.staged.records.extend(page.records.into_iter().map(|mut record| {
            if let Some(pointer) = &mut record.raw {
                pointer.index = pointer.index.saturating_add(offset);
            }
            record
        }));
        self.staged.orders.extend(page.orders);
        self.raw.extend(page.raw);
    }

    /// Writes what is pending: the raw objects first, then the records that point at them.
    pub(crate) async fn flush(&mut self, blobs: &dyn Blobs, prefix: &str) -> Result<(), StepError> {
        if self.staged.records.is_empty() && self.staged.orders.is_empty() {
            return Ok(());
        }
        let mut staged = std::mem::take(&mut self.staged);
        let (raw, _) = put_json(blobs, prefix, &std::mem::take(&mut self.raw)).await?;
        for record in &mut staged.records {
            if let Some(RawPointer { page, .. }) = &mut record.raw {
                page.clone_from(&raw);
            }
        }
        let count = u64::try_from(staged.records.len()).unwrap_or(u64::MAX);
        let (records, _) = put_json(blobs, prefix, &staged).await?;
        self.manifest.files.push(StagedFile { records, raw, count });
        Ok(())
    }

    pub(crate) fn manifest(&self) -> &Manifest {
        &self.manifest
    }
}

/// Records and orders of one side, of all its files.
#[derive(Debug, Clone, Default)]
pub struct StagedSide {
    pub records: Records,
    pub orders: Orders,
}

/// All that a manifest lists.
pub(crate) async fn read_all(blobs: &dyn Blobs, manifest_key: &str) -> Result<StagedSide, StepError> {
    let manifest: Manifest = get_json(blobs, manifest_key).await?;
    let mut all = StagedSide::default();
    for file in manifest.files {
        let staged: Staged = get_json(blobs, &file.records).await?;
        all.records.extend(staged.records);
        all.orders.extend(staged.orders);
    }
    Ok(all)
}
