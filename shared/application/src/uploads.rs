//! Addresses that files are put to.

use crate::{
    command::{Caller, Idempotency},
    error::CommandError,
};
use domain::{
    Clock, IdSource, Timestamp, UploadId, ids,
    ports::{Blobs, upload_key},
};
use providers::csv::MAX_UPLOAD_BYTES;
use serde::Serialize;
use sha2::{Digest, Sha256};
use std::{fmt, sync::Arc};

/// Time enough to send the largest file over a slow line, and short enough for an address that needs no key.
const VALID_S: u32 = 900;

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct UploadAnswer {
    pub upload_id: UploadId,
    /// Whoever has it may write this one object until it expires.
    pub url: String,
    pub expires_at: Timestamp,
    pub max_bytes: u64,
}

#[derive(Clone)]
pub struct UploadService {
    blobs: Arc<dyn Blobs>,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn IdSource>,
}

impl fmt::Debug for UploadService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("UploadService")
    }
}

impl UploadService {
    #[must_use]
    pub fn new(blobs: Arc<dyn Blobs>, clock: Arc<dyn Clock>, ids: Arc<dyn IdSource>) -> Self {
        Self { blobs, clock, ids }
    }

    /// The same idempotency key gets the same upload, with an address that is good from now on: the first one may have
    /// expired. Nothing is stored until the file is put, so nothing can be left behind.
    ///
    /// # Errors
    /// Transient when the address cannot be signed.
    pub async fn create(
        &self,
        caller: &Caller,
        idempotency: Option<&Idempotency>,
    ) -> Result<UploadAnswer, CommandError> {
        let bits = idempotency.map_or_else(|| self.ids.next(), |given| bits_of(caller, &given.key));
        let upload_id =
            UploadId::parse(ids::typed("upl", bits)).map_err(|_| CommandError::Internal("generated id".into()))?;
        let url = self.blobs.sign_put(&upload_key(&caller.tenant, &upload_id), VALID_S).await?;
        let expires_at = Timestamp::from_millis(self.clock.now().millis() + i64::from(VALID_S) * 1_000);
        Ok(UploadAnswer { upload_id, url, expires_at, max_bytes: MAX_UPLOAD_BYTES })
    }
}

fn bits_of(caller: &Caller, key: &str) -> u128 {
    let digest = Sha256::digest(format!("upload\n{}\n{key}", caller.tenant));
    digest.iter().take(16).fold(0, |bits, byte| (bits << 8) | u128::from(*byte))
}
