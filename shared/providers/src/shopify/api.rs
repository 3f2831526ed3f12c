//! One GraphQL call: version, credentials, the cost budget, and the errors that come with status 200.

use crate::{
    calls::Calls,
    credentials::Secret,
    http::{Again, Answer, DEFAULT_RETRY_AFTER_S, FailedTry, LONGEST_WAIT, send, whole_seconds},
    provider::ProviderError,
};
use domain::{Clock, TenantId};
use reqwest::header::HeaderValue;
use serde_json::{Value, json};
use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::time::Instant;

/// The pinned version; the answer must be of the same.
pub(super) const VERSION: &str = "2026-10";
const NAME: &str = "Shopify";
/// What a shop on the smallest plan gets back per second; used when an answer does not say.
const DEFAULT_RESTORE_RATE: u64 = 50;
/// Fields that a shop may hide from an app (protected customer data). Without them a movement is still a movement.
const HIDEABLE: &[&str] = &["email", "paymentDetails", "number", "name"];

pub(super) struct Api {
    pub(super) tenant: TenantId,
    url: String,
    token: Secret,
    http: reqwest::Client,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) calls: Calls,
    budget: Mutex<Budget>,
}

/// What is known of the shop's bucket of cost points.
#[derive(Debug, Default)]
struct Budget {
    status: Option<(ThrottleStatus, Instant)>,
    /// What each query was asked for when it last ran.
    costs: HashMap<&'static str, u64>,
}

#[derive(Debug, Clone, Copy)]
struct ThrottleStatus {
    available: u64,
    maximum: u64,
    restore_rate: u64,
}

impl ThrottleStatus {
    fn wait_for(&self, cost: u64, elapsed: Duration) -> Duration {
        let restored_ms = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX).saturating_mul(self.restore_rate);
        let missing = cost.saturating_sub(self.available);
        let missing_ms = missing.saturating_mul(1000).saturating_sub(restored_ms);
        Duration::from_millis(missing_ms.div_ceil(self.restore_rate.max(1)))
    }
}

impl fmt::Debug for Api {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Api").field("tenant", &self.tenant).field("url", &self.url).finish_non_exhaustive()
    }
}

impl Api {
    pub(super) fn new(
        tenant: TenantId,
        base_url: &str,
        token: Secret,
        http: reqwest::Client,
        clock: Arc<dyn Clock>,
        calls: Calls,
    ) -> Self {
        let url = format!("{}/admin/api/{VERSION}/graphql.json", base_url.trim_end_matches('/'));
        Self { tenant, url, token, http, clock, calls, budget: Mutex::default() }
    }

    /// Runs a query and returns its `data`.
    pub(super) async fn query(&self, document: &'static str, variables: &Value) -> Result<Value, ProviderError> {
        self.calls.retry("shopify", || self.attempt(document, variables)).await
    }

    async fn attempt(&self, document: &'static str, variables: &Value) -> Result<Value, FailedTry> {
        self.wait_for_budget(document).await?;
        let unusable = |_| {
            FailedTry::last(ProviderError::Credentials { message: "the access token is no header value".to_owned() })
        };
        let mut token = HeaderValue::from_str(self.token.expose()).map_err(unusable)?;
        token.set_sensitive(true);
        let body = json!({"query": document, "variables": variables});
        let request = self.http.post(&self.url).header("X-Shopify-Access-Token", token).json(&body);
        let answer = send(&self.calls, NAME, self.clock.as_ref(), request).await?;
        self.check_status(&answer)?;
        check_version(&answer)?;
        let broken = |_| FailedTry {
            error: ProviderError::Malformed { message: format!("{NAME} sent an answer that is not JSON") },
            again: Again::WithBackoff,
        };
        let mut parsed: Value = serde_json::from_slice(&answer.body).map_err(broken)?;
        let throttled = self.note_cost(document, &parsed);
        check_errors(&parsed, throttled)?;
        match parsed.get_mut("data").map(Value::take) {
            Some(data) if data.is_object() => Ok(data),
            _ => Err(FailedTry::last(ProviderError::Malformed {
                message: format!("{NAME} sent an answer without field data"),
            })),
        }
    }

    fn check_status(&self, answer: &Answer) -> Result<(), FailedTry> {
        match answer.status {
            200 => Ok(()),
            status @ (401 | 403) => {
                let message = format!(
                    "{NAME} refused the access token (status {status}): is the app still installed, the token current?"
                );
                Err(FailedTry::last(ProviderError::AccessDenied { message }))
            }
            429 | 500..=599 => Err(answer.not_now(NAME, self.clock.as_ref())),
            404 => Err(FailedTry::last(ProviderError::Rejected {
                message: format!("{NAME} knows no such shop (status 404)"),
            })),
            status => Err(FailedTry::last(ProviderError::Rejected {
                message: format!("{NAME} refused the request (status {status})"),
            })),
        }
    }

    /// Waits until the bucket holds what this query cost last time, rather than being refused.
    async fn wait_for_budget(&self, document: &'static str) -> Result<(), FailedTry> {
        let wait = {
            let budget = self.budget.lock().unwrap_or_else(PoisonError::into_inner);
            let cost = budget.costs.get(document).copied().unwrap_or(0);
            budget.status.map_or(Duration::ZERO, |(status, at)| status.wait_for(cost, at.elapsed()))
        };
        if wait > LONGEST_WAIT {
            return Err(FailedTry::last(throttled_for(wait)));
        }
        tokio::time::sleep(wait).await;
        Ok(())
    }

    /// Keeps the answer's cost; returns how long to wait before this very query fits into the bucket.
    fn note_cost(&self, document: &'static str, parsed: &Value) -> Option<Duration> {
        let cost = parsed.pointer("/extensions/cost")?;
        let status = cost.get("throttleStatus")?;
        let requested = points(cost.get("requestedQueryCost")?)?;
        let status = ThrottleStatus {
            available: points(status.get("currentlyAvailable")?)?,
            maximum: status.get("maximumAvailable").and_then(points).unwrap_or(u64::MAX),
            restore_rate: status.get("restoreRate").and_then(points).unwrap_or(DEFAULT_RESTORE_RATE),
        };
        let mut budget = self.budget.lock().unwrap_or_else(PoisonError::into_inner);
        budget.costs.insert(document, requested.min(status.maximum));
        budget.status = Some((status, Instant::now()));
        tracing::debug!(tenant = %self.tenant, requested, available = status.available, "shopify query cost");
        Some(status.wait_for(requested.min(status.maximum), Duration::ZERO))
    }
}

fn check_version(answer: &Answer) -> Result<(), FailedTry> {
    let Some(version) = answer.header("X-Shopify-Api-Version") else {
        // Every answer of the API carries it; what does not comes from something in between.
        let message = format!("{NAME} sent an answer without its API version: it is not the API's own");
        return Err(FailedTry::last(ProviderError::Malformed { message }));
    };
    if version == VERSION {
        return Ok(());
    }
    let shown: String = version.chars().take(20).collect();
    let message = format!("{NAME} answered with API version {shown}, not {VERSION}: this version is no longer served");
    Err(FailedTry::last(ProviderError::Rejected { message }))
}

/// Errors in a 200. `wait` is how long the bucket needs for the same query.
fn check_errors(parsed: &Value, wait: Option<Duration>) -> Result<(), FailedTry> {
    let errors = match parsed.get("errors") {
        None | Some(Value::Null) => return Ok(()),
        Some(Value::Array(errors)) => errors.as_slice(),
        Some(_) => {
            return Err(FailedTry::last(ProviderError::Rejected { message: format!("{NAME} refused the request") }));
        }
    };
    let has_data = parsed.get("data").is_some_and(Value::is_object);
    for error in errors {
        let code = error.pointer("/extensions/code").and_then(Value::as_str).unwrap_or("without code");
        let fields: Vec<&str> =
            error.get("path").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
        let last = fields.last().copied().unwrap_or_default();
        match code {
            "ACCESS_DENIED" if has_data && HIDEABLE.contains(&last) => {}
            "ACCESS_DENIED" => {
                let message =
                    format!("{NAME} denies the access token the field {}: a scope is missing", fields.join("."));
                return Err(FailedTry::last(ProviderError::AccessDenied { message }));
            }
            "THROTTLED" => {
                let error = throttled_for(wait.unwrap_or(Duration::from_secs(DEFAULT_RETRY_AFTER_S)));
                return Err(FailedTry { error, again: wait.map_or(Again::WithBackoff, Again::After) });
            }
            "INTERNAL_SERVER_ERROR" | "TIMEOUT" => {
                let error = ProviderError::Transient { message: format!("{NAME} failed inside ({code})") };
                return Err(FailedTry { error, again: Again::WithBackoff });
            }
            other => {
                let shown: String = other.chars().take(40).collect();
                return Err(FailedTry::last(ProviderError::Rejected {
                    message: format!("{NAME} refused the query ({shown})"),
                }));
            }
        }
    }
    Ok(())
}

fn throttled_for(wait: Duration) -> ProviderError {
    let retry_after_s = whole_seconds(wait);
    ProviderError::Throttled {
        retry_after_s,
        message: format!("{NAME}'s cost budget is used up for {retry_after_s} s"),
    }
}

/// Cost points; Shopify writes some as `1000.0`.
fn points(value: &Value) -> Option<u64> {
    let text = value.as_number()?.to_string();
    text.split_once('.').map_or(text.as_str(), |(whole, _)| whole).parse().ok()
}
