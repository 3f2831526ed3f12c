//! Sends dead letters back to where they came from.
//!
//! A letter is marked first and sent then: two people who redrive it at once send it once. A process that dies in
//! between leaves a letter marked as redriven, which may be redriven again; nothing is lost, since the letter stays.

use super::{
    DeadLetter, Postmark,
    entry::{Entry, LetterError, LetterFilter, LetterState},
    store::{LetterStore, changed, existing},
};
use crate::queue::Attributes;
use async_trait::async_trait;
use domain::{Clock, ports::PortError};
use std::{sync::Arc, time::Duration};
use tokio::time::Instant;

/// A redrive by the same key within this time is the same redrive, sent again by a client that lost the answer.
const REPEAT_MS: i64 = 60_000;
/// What one call may take: a gateway waits 30 s at most.
const MAX_TIME: Duration = Duration::from_secs(20);

/// Why a letter could not be sent back.
#[derive(Debug)]
pub enum Unsent {
    Port(PortError),
    /// It was handled at once, and failed again.
    FailedAgain {
        error_type: String,
        error_message: String,
    },
}

/// The way back.
#[async_trait]
pub trait Resend: Send + Sync {
    /// Whether anything can be sent back to this source.
    fn knows(&self, source: &str) -> bool;
    async fn resend(&self, source: &str, payload: &str, attributes: &Attributes) -> Result<(), Unsent>;
}

#[derive(Clone)]
pub struct Redrive {
    pub store: Arc<dyn LetterStore>,
    pub resend: Arc<dyn Resend>,
    pub clock: Arc<dyn Clock>,
}

impl std::fmt::Debug for Redrive {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Redrive")
    }
}

/// What is to be redriven, and how.
#[derive(Debug, Clone, Default)]
pub struct Batch {
    /// Its state is of no account: only new letters are redriven in a set.
    pub filter: LetterFilter,
    pub limit: u32,
    /// Letters per second at most.
    pub rate_per_s: u32,
    /// Counts and names them, and does nothing.
    pub dry_run: bool,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// Letters that the filter took, up to the limit.
    pub ids: Vec<String>,
    pub redriven: u32,
    /// Letters that could not be sent, and why.
    pub failed: Vec<(String, String)>,
    /// Whether there are more than the limit.
    pub more: bool,
}

impl Redrive {
    /// # Errors
    /// Resolved already, of a source that nothing can be sent to, or not sent; then it is as it was.
    pub async fn one(&self, id: &str, by: &str) -> Result<Entry, LetterError> {
        let entry = existing(self.store.as_ref(), id).await?;
        if entry.state == LetterState::Resolved {
            return Err(LetterError::Conflict("the dead letter is resolved: there is nothing to redrive".to_owned()));
        }
        if !self.resend.knows(&entry.letter.source) {
            let source = &entry.letter.source;
            return Err(LetterError::Conflict(format!("nothing can be sent back to `{source}`: resolve it instead")));
        }
        let now = self.clock.now();
        let just_now = entry.redriven_at.is_some_and(|at| now.millis() - at.millis() < REPEAT_MS);
        if entry.state == LetterState::Redriven && just_now {
            return if entry.by.as_deref() == Some(by) {
                Ok(entry)
            } else {
                Err(LetterError::Conflict("the dead letter was redriven a moment ago by somebody else".to_owned()))
            };
        }
        let marked = Entry {
            state: LetterState::Redriven,
            revision: entry.revision + 1,
            redriven_at: Some(now),
            by: Some(by.to_owned()),
            ..entry.clone()
        };
        let marked = changed(self.store.as_ref(), marked).await?;
        let letter = &marked.letter;
        let postmark =
            Postmark { dead_letter_id: letter.id.clone(), attempts: letter.retry_count, first_seen: letter.first_seen };
        match self.resend.resend(&letter.source, &letter.payload, &postmark.attributes()).await {
            Ok(()) => Ok(marked),
            Err(Unsent::Port(error)) => {
                changed(self.store.as_ref(), Entry { revision: marked.revision + 1, ..entry }).await?;
                Err(error.into())
            }
            Err(Unsent::FailedAgain { error_type, error_message }) => {
                let again = DeadLetter {
                    occurrence: format!("redrive-{}", marked.revision),
                    retry_count: letter.retry_count + 1,
                    last_seen: self.clock.now(),
                    error_message: error_message.clone(),
                    error_type,
                    ..letter.clone()
                };
                self.store.write(&again).await?;
                Err(LetterError::Conflict(format!("it failed again: {error_message}")))
            }
        }
    }

    /// Redrives a set, one after the other, no faster than the rate, each after `allow` has said so.
    ///
    /// # Errors
    /// The set cannot be read. What fails with a single letter is reported and does not stop the rest.
    pub async fn many<A>(&self, batch: &Batch, by: &str, allow: A) -> Result<Report, LetterError>
    where
        A: AsyncFn(&Entry) -> Result<(), PortError>,
    {
        let filter = LetterFilter { state: Some(LetterState::New), ..batch.filter.clone() };
        let (entries, next) = self.store.list(&filter, batch.limit, None).await?;
        let mut report = Report { more: next.is_some(), ..Report::default() };
        let pause = Duration::from_millis(1_000 / u64::from(batch.rate_per_s.max(1)));
        let begun = Instant::now();
        for (number, entry) in entries.into_iter().enumerate() {
            if number > 0 && !batch.dry_run {
                tokio::time::sleep(pause).await;
                if begun.elapsed() > MAX_TIME {
                    report.more = true;
                    break;
                }
            }
            let allowed = allow(&entry).await;
            let id = entry.letter.id;
            report.ids.push(id.clone());
            if batch.dry_run {
                continue;
            }
            let redriven = match allowed {
                Ok(()) => self.one(&id, by).await,
                Err(error) => Err(error.into()),
            };
            match redriven {
                Ok(_) => report.redriven += 1,
                Err(error) => report.failed.push((id, error.to_string())),
            }
        }
        Ok(report)
    }
}
