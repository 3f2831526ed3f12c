//! One request: what came back, and whether it may be tried again.

use crate::{calls::Calls, provider::ProviderError};
use domain::{Clock, Timestamp};
use reqwest::header::{HeaderMap, RETRY_AFTER};
use resilience::breaker::Outcome;
use std::time::Duration;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Of a whole call. Below the function's deadline, so that a hanging provider becomes an error of ours and not a killed
/// process.
pub(crate) const CALL_TIMEOUT: Duration = Duration::from_secs(30);
/// The largest page seen has under 2 MB.
const MAX_BODY_BYTES: usize = 32 * 1024 * 1024;
/// Longer waits belong to the state machine, which waits without a running process.
pub(crate) const LONGEST_WAIT: Duration = Duration::from_secs(10);
/// What is proposed when a provider says "slow down" without saying for how long.
pub(crate) const DEFAULT_RETRY_AFTER_S: u64 = 30;

/// The client for every provider: explicit timeouts, and no redirects, which would carry credentials elsewhere.
///
/// # Panics
/// When the platform has no TLS at all, which no later call could repair.
#[must_use]
#[expect(clippy::expect_used, reason = "a process without TLS cannot do anything; it has to stop at its start")]
pub fn http_client() -> reqwest::Client {
    reqwest::Client::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .timeout(CALL_TIMEOUT)
        .redirect(reqwest::redirect::Policy::none())
        .user_agent(concat!("settler/", env!("CARGO_PKG_VERSION")))
        .build()
        .expect("TLS is available")
}

/// Whether one try may be followed by another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Again {
    Never,
    WithBackoff,
    /// The provider said when.
    After(Duration),
}

/// A try that failed: the error that stands if it was the last one.
#[derive(Debug)]
pub(crate) struct FailedTry {
    pub(crate) error: ProviderError,
    pub(crate) again: Again,
}

impl FailedTry {
    pub(crate) fn last(error: ProviderError) -> Self {
        Self { error, again: Again::Never }
    }
}

/// What came back, whatever its status.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// `Retry-After` in either of its forms: seconds (Shopify writes `2.0`) or a date.
    pub(crate) fn retry_after(&self, clock: &dyn Clock) -> Option<Duration> {
        let text = self.headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
        let whole = text.split_once('.').map_or(text, |(whole, _)| whole);
        if let Ok(seconds) = whole.parse::<u64>() {
            let fraction =
                u64::from(text.split_once('.').is_some_and(|(_, rest)| rest.bytes().any(|byte| byte != b'0')));
            return Some(Duration::from_secs(seconds.saturating_add(fraction)));
        }
        let at = jiff::fmt::rfc2822::parse(text).ok()?.timestamp().as_millisecond();
        Some(Duration::from_millis(u64::try_from(at - clock.now().millis()).unwrap_or(0)))
    }

    /// The error of an answer that says "not now": 429 and 5xx.
    pub(crate) fn not_now(&self, provider: &str, clock: &dyn Clock) -> FailedTry {
        let status = self.status;
        let retry_after = self.retry_after(clock);
        let error = if status == 429 || retry_after.is_some() {
            let retry_after_s = retry_after.map_or(DEFAULT_RETRY_AFTER_S, whole_seconds);
            ProviderError::Throttled {
                retry_after_s,
                message: format!("{provider} asks to slow down (status {status})"),
            }
        } else {
            ProviderError::Transient { message: format!("{provider} answered with status {status}") }
        };
        FailedTry { error, again: retry_after.map_or(Again::WithBackoff, Again::After) }
    }
}

/// Rounded up, and at least one: a caller that comes back too early is throttled again.
pub(crate) fn whole_seconds(wait: Duration) -> u64 {
    (wait.as_secs() + u64::from(wait.subsec_nanos() > 0)).max(1)
}

/// Sends one request and reads the whole answer, if the breaker lets it out and there is time for it.
pub(crate) async fn send(
    calls: &Calls,
    provider: &str,
    clock: &dyn Clock,
    request: reqwest::RequestBuilder,
) -> Result<Answer, FailedTry> {
    let Some(timeout) = calls.timeout() else {
        let message = format!("no time was left in this call to ask {provider}");
        return Err(FailedTry::last(ProviderError::Transient { message }));
    };
    calls.admit(provider, clock).await?;
    let answer = exchange(provider, request.timeout(timeout)).await;
    if let Some(outcome) = outcome(&answer, clock) {
        calls.guard.record(outcome).await;
    }
    answer
}

async fn exchange(provider: &str, request: reqwest::RequestBuilder) -> Result<Answer, FailedTry> {
    let mut response = request.send().await.map_err(|error| broken(provider, &error))?;
    let status = response.status().as_u16();
    let headers = response.headers().clone();
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| broken(provider, &error))? {
        if body.len() + chunk.len() > MAX_BODY_BYTES {
            let message = format!("{provider} sent an answer of more than {MAX_BODY_BYTES} bytes");
            return Err(FailedTry::last(ProviderError::Malformed { message }));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Answer { status, headers, body })
}

/// What an exchange says about the provider's health; nothing when it never began.
fn outcome(answer: &Result<Answer, FailedTry>, clock: &dyn Clock) -> Option<Outcome> {
    let answer = match answer {
        Ok(answer) => answer,
        Err(FailedTry { error: ProviderError::Transient { .. }, .. }) => return Some(Outcome::Failed),
        Err(_) => return None,
    };
    Some(match (answer.status, answer.retry_after(clock)) {
        (429, Some(wait)) => {
            let wait_ms = i64::try_from(wait.as_millis()).unwrap_or(i64::MAX);
            Outcome::Throttled { until: Timestamp::from_millis(clock.now().millis().saturating_add(wait_ms)) }
        }
        (200..=399, _) => Outcome::Succeeded,
        (500..=599, _) => Outcome::Failed,
        _ => Outcome::Answered,
    })
}

/// Says what kind of break it was; the error's own text may contain addresses.
fn broken(provider: &str, error: &reqwest::Error) -> FailedTry {
    if error.is_builder() {
        let message = format!("the request to {provider} could not be built: check its base URL");
        return FailedTry::last(ProviderError::Rejected { message });
    }
    let what = if error.is_timeout() {
        "did not answer in time"
    } else if error.is_connect() {
        "could not be reached"
    } else {
        "broke the connection"
    };
    FailedTry { error: ProviderError::Transient { message: format!("{provider} {what}") }, again: Again::WithBackoff }
}
