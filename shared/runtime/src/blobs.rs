//! The data bucket on S3.

use crate::Meter;
use async_trait::async_trait;
use aws_sdk_s3::{
    Client,
    error::{ProvideErrorMetadata, SdkError},
    presigning::PresigningConfig,
    primitives::ByteStream,
};
use domain::ports::{Blobs, PortError};
use std::time::Duration;

#[derive(Debug, Clone)]
pub struct S3Blobs {
    client: Client,
    bucket: String,
}

impl S3Blobs {
    #[must_use]
    pub fn new(aws: &aws_config::SdkConfig, bucket: String) -> Self {
        // A custom endpoint (the local stack) has no host name per bucket.
        let path_style = aws.endpoint_url().is_some() || std::env::var_os("AWS_ENDPOINT_URL").is_some();
        let config = aws_sdk_s3::config::Builder::from(aws).force_path_style(path_style).interceptor(Meter).build();
        Self { client: Client::from_conf(config), bucket }
    }
}

/// Refusals by their code; everything else (timeouts, throttling, 5xx) may pass.
pub(crate) fn port_error<E: ProvideErrorMetadata>(what: &str, error: &SdkError<E>) -> PortError {
    let code = error.code().unwrap_or("no answer");
    match code {
        "NoSuchKey" | "NotFound" | "ResourceNotFoundException" => PortError::Missing(what.to_owned()),
        "AccessDenied"
        | "AccessDeniedException"
        | "NoSuchBucket"
        | "ValidationException"
        | "InvalidParameterException" => PortError::Refused(format!("{what}: {code}")),
        _ => PortError::Transient(format!("{what}: {code}")),
    }
}

#[async_trait]
impl Blobs for S3Blobs {
    async fn put(&self, key: &str, content_type: &str, body: Vec<u8>) -> Result<(), PortError> {
        let request = self
            .client
            .put_object()
            .bucket(&self.bucket)
            .key(key)
            .content_type(content_type)
            .body(ByteStream::from(body));
        request.send().await.map(|_| ()).map_err(|error| port_error(key, &error))
    }

    async fn get(&self, key: &str) -> Result<Vec<u8>, PortError> {
        let object = self
            .client
            .get_object()
            .bucket(&self.bucket)
            .key(key)
            .send()
            .await
            .map_err(|error| port_error(key, &error))?;
        let body = object.body.collect().await.map_err(|error| PortError::Transient(format!("{key}: {error}")))?;
        Ok(body.to_vec())
    }

    async fn sign(&self, key: &str, file_name: &str, valid_s: u32) -> Result<String, PortError> {
        let validity = PresigningConfig::expires_in(Duration::from_secs(u64::from(valid_s)))
            .map_err(|error| PortError::Refused(error.to_string()))?;
        let disposition = format!("attachment; filename=\"{file_name}\"");
        let request = self.client.get_object().bucket(&self.bucket).key(key).response_content_disposition(disposition);
        let signed = request.presigned(validity).await.map_err(|error| port_error(key, &error))?;
        Ok(signed.uri().to_owned())
    }

    async fn head(&self, key: &str, most_bytes: u32) -> Result<Vec<u8>, PortError> {
        let range = format!("bytes=0-{}", most_bytes.saturating_sub(1));
        let request = self.client.get_object().bucket(&self.bucket).key(key).range(range);
        let object = match request.send().await {
            Ok(object) => object,
            // An empty object has no first byte to begin a range with.
            Err(error) if error.code() == Some("InvalidRange") => return Ok(Vec::new()),
            Err(error) => return Err(port_error(key, &error)),
        };
        let body = object.body.collect().await.map_err(|error| PortError::Transient(format!("{key}: {error}")))?;
        Ok(body.to_vec())
    }

    async fn sign_put(&self, key: &str, valid_s: u32) -> Result<String, PortError> {
        let validity = PresigningConfig::expires_in(Duration::from_secs(u64::from(valid_s)))
            .map_err(|error| PortError::Refused(error.to_string()))?;
        let request = self.client.put_object().bucket(&self.bucket).key(key);
        let signed = request.presigned(validity).await.map_err(|error| port_error(key, &error))?;
        Ok(signed.uri().to_owned())
    }
}
