//! Credentials in AWS Secrets Manager, one secret per connection and per webhook endpoint.

use crate::{Meter, blobs::port_error};
use async_trait::async_trait;
use aws_sdk_secretsmanager::{Client, error::ProvideErrorMetadata};
use domain::ports::{PortError, Secrets};

#[derive(Debug, Clone)]
pub struct SecretsManager {
    client: Client,
    /// First part of every secret's name, such as `settler`.
    prefix: String,
}

impl SecretsManager {
    #[must_use]
    pub fn new(aws: &aws_config::SdkConfig, prefix: String) -> Self {
        Self {
            client: Client::from_conf(aws_sdk_secretsmanager::config::Builder::from(aws).interceptor(Meter).build()),
            prefix,
        }
    }

    fn full_name(&self, name: &str) -> String {
        format!("{}/{name}", self.prefix)
    }
}

#[async_trait]
impl Secrets for SecretsManager {
    async fn put(&self, name: &str, value: &str) -> Result<String, PortError> {
        let name = self.full_name(name);
        let version = |version: Option<&str>| version.unwrap_or_default().to_owned();
        match self.client.put_secret_value().secret_id(&name).secret_string(value).send().await {
            Ok(put) => Ok(version(put.version_id())),
            Err(error) if error.code() == Some("ResourceNotFoundException") => {
                let created = self.client.create_secret().name(&name).secret_string(value).send().await;
                created.map(|created| version(created.version_id())).map_err(|error| match error.code() {
                    // Another writer created it between our two calls; its caller simply puts again.
                    Some("ResourceExistsException") => {
                        PortError::Transient(format!("{name}: created by another writer"))
                    }
                    _ => port_error(&name, &error),
                })
            }
            Err(error) => Err(port_error(&name, &error)),
        }
    }

    async fn get(&self, name: &str) -> Result<String, PortError> {
        let name = self.full_name(name);
        let secret =
            self.client.get_secret_value().secret_id(&name).send().await.map_err(|error| port_error(&name, &error))?;
        secret.secret_string().map(str::to_owned).ok_or(PortError::Missing(name))
    }

    async fn delete(&self, name: &str) -> Result<(), PortError> {
        let name = self.full_name(name);
        // Kept for the store's recovery window, in which it costs nothing and cannot be read.
        match self.client.delete_secret().secret_id(&name).send().await {
            Ok(_) => Ok(()),
            Err(error) if error.code() == Some("ResourceNotFoundException") => Ok(()),
            Err(error) => Err(port_error(&name, &error)),
        }
    }
}
