//! Dead letters on AWS.

use crate::{AwsResend, MissingSettings, S3Blobs, SdkConfig, Settings};
use domain::Clock;
use event_store::EventStore;
use resilience::dead_letter::{DynamoLetters, Redrive};
use std::{error::Error, sync::Arc};

/// On `DEAD_LETTER_QUEUE_TABLE`, with large payloads in `DATA_BUCKET`.
///
/// # Errors
/// Every missing setting at once.
pub fn dead_letters(aws: &SdkConfig, settings: &Settings) -> Result<DynamoLetters, MissingSettings> {
    let [table, bucket] = settings.require(["DEAD_LETTER_QUEUE_TABLE", "DATA_BUCKET"])?;
    Ok(DynamoLetters::new(crate::dynamodb(aws), table, Arc::new(S3Blobs::new(aws, bucket))))
}

/// The way back, to the targets of `REDRIVE_TARGETS`.
///
/// # Errors
/// Missing settings, or targets that cannot be read.
pub fn redrive(
    aws: &SdkConfig,
    settings: &Settings,
    store: Arc<dyn EventStore>,
    clock: Arc<dyn Clock>,
) -> Result<Redrive, Box<dyn Error + Send + Sync>> {
    let [targets] = settings.require(["REDRIVE_TARGETS"])?;
    let resend = Arc::new(AwsResend::new(aws, store, &targets)?);
    Ok(Redrive { store: Arc::new(dead_letters(aws, settings)?), resend, clock })
}
