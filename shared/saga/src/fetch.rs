//! Steps `fetch_shopify_orders` and `fetch_stripe_payments`: page through a provider and stage what it says.

use crate::{
    error::StepError,
    input::StepInput,
    ledger::Ledger,
    staging::{Manifest, Stager, get_json, put_json, staged_prefix},
};
use domain::{
    ErrorName,
    job::Job,
    ports::{Blobs, PortError, Secrets, connection_secret},
    reconciliation::{self, Fetched, Run},
    saga::{Step, forward_fence},
};
use event_store::load;
use matching::RuleSet;
use providers::{Endpoints, Provider, ProviderError};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::sync::Arc;

/// Records per staged file: big enough to compress well, small enough to lose little when a process dies.
const RECORDS_PER_FILE: usize = 4_000;
/// Longest time that one step may spend waiting for a provider that throttles.
const MAX_WAIT_S: u64 = 6 * 3_600;

/// What goes around through the state machine between two calls.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FetchCursor {
    /// The provider's own cursor; opaque here.
    pub provider: Value,
    /// Manifest of what was staged so far.
    pub manifest: Option<String>,
    pub pages: u64,
    pub waited_s: u64,
}

/// Answer to the state machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "status", rename_all = "snake_case")]
pub enum FetchOutcome {
    Done,
    /// The time of this call is used up; go on from the cursor.
    More {
        cursor: FetchCursor,
    },
    /// The provider asked for a pause; a result and not an error, because a retrier cannot honour it.
    Wait {
        retry_after_s: u64,
        cursor: FetchCursor,
    },
}

#[derive(Clone)]
pub struct FetchRecords {
    pub ledger: Ledger,
    pub blobs: Arc<dyn Blobs>,
    pub secrets: Arc<dyn Secrets>,
    pub endpoints: Endpoints,
    pub http: reqwest::Client,
    /// How long one call pages before it hands its cursor back, in milliseconds.
    pub budget_ms: i64,
}

impl std::fmt::Debug for FetchRecords {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("FetchRecords")
    }
}

impl FetchRecords {
    /// # Errors
    /// A [`StepError`] whose name says whether another try may help. It is also written to the ledger.
    pub async fn run(
        &self,
        input: &StepInput,
        step: Step,
        cursor: Option<FetchCursor>,
    ) -> Result<FetchOutcome, StepError> {
        self.ledger.begin(input, step, &forward_fence(input.attempt)).await?;
        match self.fetch(input, step, cursor.unwrap_or_default()).await {
            Err(error) if error.name != ErrorName::Superseded => {
                self.ledger.failed(input, step, &error).await;
                Err(error)
            }
            other => other,
        }
    }

    async fn fetch(&self, input: &StepInput, step: Step, mut cursor: FetchCursor) -> Result<FetchOutcome, StepError> {
        let deadline = self.ledger.now().millis() + self.budget_ms;
        let run = self.ledger.run(input).await?;
        let provider = self.provider(input, step, &run).await?;
        let window = run
            .request
            .date_range
            .window(&run.request.timezone)
            .map_err(|cause| StepError::new(ErrorName::InvalidInput, cause.to_string()))?;
        let window = window.padded(self.rules(input, &run).await?.window_pad_days);
        let prefix = staged_prefix(input);
        let mut stager = match &cursor.manifest {
            Some(key) => Stager::resume(get_json::<Manifest>(self.blobs.as_ref(), key).await?),
            None => Stager::default(),
        };
        let mut next = Some(cursor.provider.take()).filter(|cursor| !cursor.is_null());
        let paused = loop {
            match provider.fetch(window, next.clone()).await {
                Ok(page) => {
                    cursor.pages += 1;
                    next.clone_from(&page.next);
                    stager.add(page);
                }
                Err(ProviderError::Throttled { retry_after_s, message }) => {
                    cursor.waited_s += retry_after_s;
                    if cursor.waited_s > MAX_WAIT_S {
                        return Err(StepError::new(
                            ErrorName::ProviderUnavailable,
                            format!("throttled for more than {MAX_WAIT_S} s: {message}"),
                        ));
                    }
                    break Some(Some(retry_after_s));
                }
                Err(error) => return Err(StepError::new(error.failure_name(), error.to_string())),
            }
            if next.is_none() {
                break None;
            }
            if stager.pending() >= RECORDS_PER_FILE {
                stager.flush(self.blobs.as_ref(), &prefix).await?;
                self.ledger.progress(input, step, cursor.pages, stager.count()).await?;
            }
            if self.ledger.now().millis() >= deadline {
                break Some(None);
            }
        };
        stager.flush(self.blobs.as_ref(), &prefix).await?;
        self.ledger.progress(input, step, cursor.pages, stager.count()).await?;
        let (manifest, digest) = put_json(self.blobs.as_ref(), &prefix, stager.manifest()).await?;
        let Some(pause) = paused else {
            self.done(input, step, stager.count(), manifest, digest).await?;
            return Ok(FetchOutcome::Done);
        };
        cursor.provider = next.unwrap_or_default();
        cursor.manifest = Some(manifest);
        Ok(match pause {
            Some(retry_after_s) => FetchOutcome::Wait { retry_after_s: retry_after_s.max(1), cursor },
            None => FetchOutcome::More { cursor },
        })
    }

    async fn provider(&self, input: &StepInput, step: Step, run: &Run) -> Result<Box<dyn Provider>, StepError> {
        let side = if step == Step::FetchShopifyOrders { &run.request.source } else { &run.request.target };
        let missing = |detail: &str| {
            StepError::new(ErrorName::CredentialsMissing, format!("connection `{}` {detail}", side.connection))
        };
        let secret = self.secrets.get(&connection_secret(&input.tenant_id, &side.connection)).await.map_err(
            |error| match error {
                PortError::Missing(_) => missing("has no credentials; set them with PUT /v1/connections/{id}"),
                other => other.into(),
            },
        )?;
        let credentials: Value =
            serde_json::from_str(&secret).map_err(|_| missing("has unreadable credentials; set them again"))?;
        let adapter = side.adapter.as_str();
        providers::connect(
            adapter,
            &input.tenant_id,
            &credentials,
            &self.endpoints,
            self.http.clone(),
            self.ledger.clock.clone(),
        )
        .map_err(|error| StepError::new(error.failure_name(), error.to_string()))
    }

    async fn rules(&self, input: &StepInput, run: &Run) -> Result<RuleSet, StepError> {
        rules_of(&self.ledger, input, run).await
    }

    async fn done(
        &self,
        input: &StepInput,
        step: Step,
        count: u64,
        manifest: String,
        digest: String,
    ) -> Result<(), StepError> {
        let begun = self.ledger.saga(input).await?.and_then(|saga| saga.step(step).map(|run| run.started_at));
        let elapsed_ms = begun.map_or(0, |begun| self.ledger.now().millis() - begun.millis());
        let fetched = Fetched {
            attempt: input.attempt,
            count,
            reference: manifest.clone(),
            digest,
            fetch_duration_ms: u64::try_from(elapsed_ms).unwrap_or(0),
        };
        self.ledger
            .succeed(input, step, Value::from(manifest), |state| match step {
                Step::FetchShopifyOrders => reconciliation::orders_fetched(state, &fetched),
                _ => reconciliation::payments_fetched(state, &fetched),
            })
            .await
    }
}

/// The rules of the job's version that the run pinned.
pub(crate) async fn rules_of(ledger: &Ledger, input: &StepInput, run: &Run) -> Result<RuleSet, StepError> {
    let job = load::<Job>(ledger.store.as_ref(), &input.tenant_id, run.request.job_id.as_str()).await?;
    let missing = || {
        StepError::new(
            ErrorName::NotFound,
            format!("job `{}` has no version {}", run.request.job_id, run.request.job_version),
        )
    };
    let definition = job.state.at(run.request.job_version).ok_or_else(missing)?;
    let Some(rules) = &definition.matching_rules else { return Ok(RuleSet::default()) };
    RuleSet::from_json(rules).map_err(|errors| {
        let listed: Vec<String> =
            errors.into_iter().map(|error| format!("{}: {}", error.pointer, error.message)).collect();
        StepError::new(
            ErrorName::InvalidInput,
            format!("the job's matching_rules are not valid: {}", listed.join("; ")),
        )
    })
}
