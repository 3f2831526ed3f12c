//! One REST call: version, credentials, and which answers may be tried again.

use super::pace::Pace;
use crate::{
    calls::Calls,
    credentials::Secret,
    http::{Again, Answer, FailedTry, send},
    provider::ProviderError,
};
use domain::{Clock, TenantId};
use reqwest::Url;
use serde_json::Value;
use std::{fmt, sync::Arc};

/// The pinned version.
const VERSION: &str = "2026-09-30.endive";
const NAME: &str = "Stripe";

pub(super) struct Api {
    tenant: TenantId,
    base_url: String,
    key: Secret,
    http: reqwest::Client,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) calls: Calls,
    pace: Pace,
}

impl fmt::Debug for Api {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Api").field("tenant", &self.tenant).field("base_url", &self.base_url).finish_non_exhaustive()
    }
}

impl Api {
    pub(super) fn new(
        tenant: TenantId,
        base_url: &str,
        key: Secret,
        http: reqwest::Client,
        clock: Arc<dyn Clock>,
        calls: Calls,
    ) -> Self {
        let base_url = format!("{}/v1", base_url.trim_end_matches('/'));
        Self { tenant, base_url, key, http, clock, calls, pace: Pace::default() }
    }

    /// `segments` become the path, each escaped.
    pub(super) async fn get(&self, segments: &[&str], query: &[(&str, String)]) -> Result<Value, ProviderError> {
        let misplaced = || ProviderError::Rejected { message: format!("{NAME}'s base URL is not usable") };
        let mut url = Url::parse(&self.base_url).map_err(|_| misplaced())?;
        url.path_segments_mut().map_err(|()| misplaced())?.extend(segments);
        url.query_pairs_mut().extend_pairs(query);
        tracing::debug!(tenant = %self.tenant, path = url.path(), "stripe request");
        let endpoint = segments.first().copied().unwrap_or_default();
        self.calls.retry("stripe", || self.attempt(endpoint, url.clone())).await
    }

    async fn attempt(&self, endpoint: &str, url: Url) -> Result<Value, FailedTry> {
        self.pace.wait(endpoint).await;
        let request = self.http.get(url).bearer_auth(self.key.expose()).header("Stripe-Version", VERSION);
        let answer = send(&self.calls, NAME, self.clock.as_ref(), request).await?;
        self.check(&answer)?;
        serde_json::from_slice(&answer.body).map_err(|_| FailedTry {
            error: ProviderError::Malformed { message: format!("{NAME} sent an answer that is not JSON") },
            again: Again::WithBackoff,
        })
    }

    fn check(&self, answer: &Answer) -> Result<(), FailedTry> {
        let failed = match answer.status {
            200 => return Ok(()),
            status @ (401 | 403) => {
                let message = format!(
                    "{NAME} refused the API key (status {status}): is it current, may it read charges, refunds and balance transactions?"
                );
                return Err(FailedTry::last(ProviderError::AccessDenied { message }));
            }
            429 | 500..=599 => answer.not_now(NAME, self.clock.as_ref()),
            409 => {
                let message = format!("{NAME} is busy with the same object (status 409)");
                FailedTry { error: ProviderError::Transient { message }, again: Again::WithBackoff }
            }
            status => {
                let message = format!("{NAME} refused the request (status {status}{})", error_code(&answer.body));
                FailedTry::last(ProviderError::Rejected { message })
            }
        };
        // Stripe's own word about this very answer wins over what its status means in general.
        let again = match (answer.header("Stripe-Should-Retry"), failed.again) {
            (Some("false"), _) => Again::Never,
            (Some("true"), Again::Never) => {
                answer.retry_after(self.clock.as_ref()).map_or(Again::WithBackoff, Again::After)
            }
            (_, again) => again,
        };
        Err(FailedTry { again, ..failed })
    }
}

/// The machine-readable code; the text beside it may repeat parts of a key.
fn error_code(body: &[u8]) -> String {
    let parsed: Value = serde_json::from_slice(body).unwrap_or_default();
    let code = parsed.pointer("/error/code").or_else(|| parsed.pointer("/error/type")).and_then(Value::as_str);
    let plain = |code: &&str| code.len() <= 60 && code.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    code.filter(plain).map(|code| format!(", {code}")).unwrap_or_default()
}
