//! Bucket, secret store and figures of consumption in memory.

use async_trait::async_trait;
use domain::{
    ReconciliationId, TenantId,
    consumption::Consumption,
    ports::{Blobs, ConsumptionLog, Executions, PortError, Secrets},
};
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

/// What invocations consumed, in the order of function and invocation.
#[derive(Debug, Default)]
pub struct MemoryConsumption(Mutex<BTreeMap<[String; 4], Consumption>>);

#[async_trait]
impl ConsumptionLog for MemoryConsumption {
    async fn keep(
        &self,
        tenant: &TenantId,
        run: &ReconciliationId,
        consumption: &Consumption,
    ) -> Result<(), PortError> {
        let Consumption { function_name, request_id, .. } = consumption;
        let key = [tenant.to_string(), run.to_string(), function_name.clone(), request_id.clone()];
        locked(&self.0).insert(key, consumption.clone());
        Ok(())
    }

    async fn of_run(&self, tenant: &TenantId, run: &ReconciliationId) -> Result<Vec<Consumption>, PortError> {
        let of_run = |key: &[String; 4]| key[0] == tenant.as_str() && key[1] == run.as_str();
        Ok(locked(&self.0).iter().filter(|(key, _)| of_run(key)).map(|(_, kept)| kept.clone()).collect())
    }
}

/// Executions of the engine by what they entered; one that is not named is forgotten.
#[derive(Debug, Default)]
pub struct MemoryExecutions(pub Mutex<BTreeMap<String, u64>>);

#[async_trait]
impl Executions for MemoryExecutions {
    async fn transitions(&self, execution_arn: &str) -> Result<Option<u64>, PortError> {
        Ok(locked(&self.0).get(execution_arn).copied())
    }
}
