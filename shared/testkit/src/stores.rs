//! Bucket and secret store in memory.

use async_trait::async_trait;
use domain::ports::{Blobs, PortError, Secrets};
use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

fn locked<T>(state: &Mutex<T>) -> MutexGuard<'_, T> {
    // Every change is one insertion, so a panic elsewhere leaves nothing half done.
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The data bucket. Its addresses say what was asked for.
#[derive(Debug, Default)]
pub struct MemoryBlobs(Mutex<BTreeMap<String, Vec<u8>>>);

impl MemoryBlobs {
    #[must_use]
    pub fn keys(&self) -> Vec<String> {
        locked(&self.0).keys().cloned().collect()
    }

    /// Takes an object out, as a lifecycle rule would; false when there is none.
    pub fn lose(&self, key: &str) -> bool {
        locked(&self.0).remove(key).is_some()
    }
}

#[async_trait]
impl Blobs for MemoryBlobs {
    async fn put(&self, key: &str, _content_type: &str, body: Vec<u8>) -> Result<(), PortError> {
        locked(&self.0).insert(key.to_owned(), body);
        Ok(())
    }

    async fn get(&self, key: &str) -> Result<Vec<u8>, PortError> {
        locked(&self.0).get(key).cloned().ok_or_else(|| PortError::Missing(key.to_owned()))
    }

    async fn sign(&self, key: &str, file_name: &str, valid_s: u32) -> Result<String, PortError> {
        Ok(format!("memory://{key}?name={file_name}&valid_s={valid_s}"))
    }

    async fn head(&self, key: &str, most_bytes: u32) -> Result<Vec<u8>, PortError> {
        let mut body = self.get(key).await?;
        body.truncate(usize::try_from(most_bytes).unwrap_or(usize::MAX));
        Ok(body)
    }

    async fn sign_put(&self, key: &str, valid_s: u32) -> Result<String, PortError> {
        Ok(format!("memory://{key}?put&valid_s={valid_s}"))
    }
}

/// Secrets with all their versions, the last being the current one.
#[derive(Debug, Default)]
pub struct MemorySecrets(Mutex<BTreeMap<String, Vec<String>>>);

impl MemorySecrets {
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        locked(&self.0).keys().cloned().collect()
    }
}

#[async_trait]
impl Secrets for MemorySecrets {
    async fn put(&self, name: &str, value: &str) -> Result<String, PortError> {
        let mut secrets = locked(&self.0);
        let versions = secrets.entry(name.to_owned()).or_default();
        versions.push(value.to_owned());
        Ok(format!("v{}", versions.len()))
    }

    async fn get(&self, name: &str) -> Result<String, PortError> {
        let current = locked(&self.0).get(name).and_then(|versions| versions.last().cloned());
        current.ok_or_else(|| PortError::Missing(name.to_owned()))
    }

    async fn delete(&self, name: &str) -> Result<(), PortError> {
        locked(&self.0).remove(name);
        Ok(())
    }
}
