//! Puts a provider's small answers together into one page worth storing.

use crate::provider::{Page, ProviderError};
use serde::Serialize;
use std::{future::Future, time::Duration};
use tokio::time::Instant;

/// When a page is full. Whatever comes first ends it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PageSize {
    /// A few hundred objects compress to some ten kilobytes.
    pub(crate) objects: usize,
    /// Bounds the requests for stretches of time in which nothing happened.
    pub(crate) steps: usize,
    /// Well below a function's deadline: a step that has begun may still wait and retry.
    pub(crate) time: Duration,
}

impl Default for PageSize {
    fn default() -> Self {
        Self { objects: 250, steps: 40, time: Duration::from_secs(10) }
    }
}

/// What one request (and what it made necessary) gave, and where the next one starts.
#[derive(Debug)]
pub(crate) struct Step<C> {
    pub(crate) page: Page,
    pub(crate) next: Option<C>,
}

impl PageSize {
    /// Steps on from `cursor` until the page is full or the window read. A passing error after the first step is left
    /// for the next call to meet again, so that what was read is not read twice.
    pub(crate) async fn gather<C, F, Fut>(&self, cursor: C, mut step: F) -> Result<Page, ProviderError>
    where
        C: Clone + Serialize,
        F: FnMut(C) -> Fut,
        Fut: Future<Output = Result<Step<C>, ProviderError>>,
    {
        let begun = Instant::now();
        let mut gathered = Page::default();
        let mut cursor = cursor;
        for taken in 1.. {
            let passing = |error: &ProviderError| {
                matches!(
                    error,
                    ProviderError::Transient { .. }
                        | ProviderError::Throttled { .. }
                        | ProviderError::CircuitOpen { .. }
                )
            };
            match step(cursor.clone()).await {
                Ok(done) => {
                    append(&mut gathered, done.page);
                    let Some(next) = done.next else {
                        return Ok(gathered);
                    };
                    cursor = next;
                }
                Err(error) if taken > 1 && passing(&error) => break,
                Err(error) => return Err(error),
            }
            if taken >= self.steps || gathered.raw.len() >= self.objects || begun.elapsed() >= self.time {
                break;
            }
        }
        gathered.next = Some(write_cursor(&cursor)?);
        Ok(gathered)
    }
}

fn append(gathered: &mut Page, page: Page) {
    let offset = u32::try_from(gathered.raw.len()).unwrap_or(u32::MAX);
    gathered.raw.extend(page.raw);
    gathered.orders.extend(page.orders);
    gathered.records.extend(page.records.into_iter().map(|mut record| {
        if let Some(raw) = &mut record.raw {
            raw.index = raw.index.saturating_add(offset);
        }
        record
    }));
}

fn write_cursor<C: Serialize>(cursor: &C) -> Result<serde_json::Value, ProviderError> {
    let failed = |_| ProviderError::Rejected { message: "the cursor cannot be written".to_owned() };
    serde_json::to_value(cursor).map_err(failed)
}
