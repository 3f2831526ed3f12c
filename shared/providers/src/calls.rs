//! The calls of one invocation to one account: what guards them, how long they may take, and how often one is tried.

use crate::{
    http::{Again, CALL_TIMEOUT, FailedTry, LONGEST_WAIT, whole_seconds},
    provider::ProviderError,
};
use backon::{ExponentialBuilder, Retryable};
use domain::{Clock, METRIC};
use resilience::breaker::{Guarded, Unguarded};
use std::{fmt, future::Future, sync::Arc, time::Duration};
use tokio::time::Instant;

/// Less is no time to call anybody.
const SHORTEST_CALL: Duration = Duration::from_secs(1);

/// Waits between tries: full jitter up to `first`, doubled each time up to `cap`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RetryPolicy {
    pub(crate) retries: usize,
    pub(crate) first: Duration,
    pub(crate) cap: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self { retries: 3, first: Duration::from_secs(1), cap: Duration::from_secs(30) }
    }
}

#[derive(Clone)]
pub struct Calls {
    /// Asked before each request, told after it.
    pub guard: Arc<dyn Guarded>,
    /// The longest that one request may take.
    pub call_timeout: Duration,
    /// When this invocation has to have its answers; nothing waits or runs beyond it.
    pub until: Option<Instant>,
    pub(crate) policy: RetryPolicy,
}

impl Default for Calls {
    /// Without a breaker and without an end.
    fn default() -> Self {
        Self { guard: Arc::new(Unguarded), call_timeout: CALL_TIMEOUT, until: None, policy: RetryPolicy::default() }
    }
}

impl fmt::Debug for Calls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Calls")
            .field("call_timeout", &self.call_timeout)
            .field("until", &self.until)
            .finish_non_exhaustive()
    }
}

impl Calls {
    /// Behind a breaker, and over after `within` from now.
    #[must_use]
    pub fn new(guard: Arc<dyn Guarded>, call_timeout: Duration, within: Duration) -> Self {
        Self { guard, call_timeout, until: Some(Instant::now() + within), policy: RetryPolicy::default() }
    }

    fn left(&self) -> Duration {
        self.until.map_or(Duration::MAX, |until| until.saturating_duration_since(Instant::now()))
    }

    /// How long a request that begins now may take; none when there is no time for one.
    pub(crate) fn timeout(&self) -> Option<Duration> {
        let left = self.left();
        (left >= SHORTEST_CALL).then(|| self.call_timeout.min(left))
    }

    pub(crate) async fn admit(&self, provider: &str, clock: &dyn Clock) -> Result<(), FailedTry> {
        self.guard.admit().await.map_err(|refused| {
            let wait_ms = u64::try_from(refused.retry_at.millis() - clock.now().millis()).unwrap_or(0);
            let retry_after_s = whole_seconds(Duration::from_millis(wait_ms));
            let message =
                format!("calls to {provider} are held back by the circuit {} until {}", refused.key, refused.retry_at);
            FailedTry::last(ProviderError::CircuitOpen { retry_after_s, message })
        })
    }

    /// Tries until it works, cannot work, or the retries or the time are used up.
    pub(crate) async fn retry<T, F, Fut>(&self, adapter: &'static str, attempt: F) -> Result<T, ProviderError>
    where
        F: FnMut() -> Fut,
        Fut: Future<Output = Result<T, FailedTry>>,
    {
        let RetryPolicy { retries, first, cap } = self.policy;
        let backoff = ExponentialBuilder::new().with_min_delay(first).with_max_delay(cap).with_max_times(retries);
        attempt
            .retry(backoff)
            .when(|failed: &FailedTry| failed.again != Again::Never)
            .adjust(|failed: &FailedTry, planned: Option<Duration>| {
                let wait = match failed.again {
                    Again::Never => None,
                    Again::WithBackoff => planned.map(full_jitter),
                    Again::After(wait) => planned.filter(|_| wait <= LONGEST_WAIT).map(|_| wait),
                };
                // Longer waits belong to the state machine, which waits without a running process.
                wait.filter(|wait| wait.saturating_add(SHORTEST_CALL) <= self.left())
            })
            .notify(|failed: &FailedTry, wait: Duration| {
                let wait_ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
                tracing::warn!(adapter, wait_ms, error = %failed.error, "provider call is tried again");
                tracing::info!(target: METRIC, name = "ProviderRetries", value = 1_u64, unit = "Count", kind = adapter);
            })
            .await
            .map_err(|failed| failed.error)
    }
}

fn full_jitter(planned: Duration) -> Duration {
    let most_ms = u64::try_from(planned.as_millis()).unwrap_or(u64::MAX);
    Duration::from_millis(rand::random_range(0..=most_ms))
}

#[cfg(test)]
mod tests;
