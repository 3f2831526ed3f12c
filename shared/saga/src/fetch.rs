//! Steps `fetch_shopify_orders` and `fetch_stripe_payments`: page through a provider and stage what it says.

use crate::{
    accounts::Accounts,
    error::StepError,
    input::StepInput,
    ledger::Ledger,
    staging::{Manifest, Stager, get_json, put_json, staged_prefix},
};
use domain::{
    ErrorName,
    connection::Adapter,
    job::Job,
    ports::{Blobs, PortError, Secrets, connection_secret},
    reconciliation::{self, Fetched, Run},
    record,
    saga::{Step, WaitReason, forward_fence},
    time::Window,
};
use event_store::load;
use matching::RuleSet;
use providers::{Provider, ProviderError, csv::CsvFile};
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
    /// The step cannot go on for now; a result and not an error, because a retrier cannot honour it.
    Wait {
        reason: WaitReason,
        retry_after_s: u64,
        cursor: FetchCursor,
    },
}

#[derive(Clone)]
pub struct FetchRecords {
    pub ledger: Ledger,
    pub blobs: Arc<dyn Blobs>,
    pub secrets: Arc<dyn Secrets>,
    pub accounts: Arc<dyn Accounts>,
    /// How long one call pages before it hands its cursor back, in milliseconds.
    pub budget_ms: i64,
}

impl std::fmt::Debug for FetchRecords {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("FetchRecords")
    }
}

/// Why paging stopped.
enum Stop {
    End,
    OutOfTime,
    Wait { reason: WaitReason, retry_after_s: u64 },
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
        let fence = forward_fence(input.attempt);
        let work = self.fetch(input, step, cursor.unwrap_or_default());
        self.ledger.step(input, step, &fence, FetchOutcome::Done, work).await
    }

    async fn fetch(&self, input: &StepInput, step: Step, mut cursor: FetchCursor) -> Result<FetchOutcome, StepError> {
        let deadline_ms = self.ledger.now().millis() + self.budget_ms;
        let run = self.ledger.run(input).await?;
        let provider = self.provider(input, step, &run).await?;
        let window = run.request.date_range.window(&run.request.timezone)?;
        let window = window.padded(rules_of(&self.ledger, input, &run).await?.window_pad_days);
        let mut stager = match &cursor.manifest {
            Some(key) => Stager::resume(get_json::<Manifest>(self.blobs.as_ref(), key).await?),
            None => Stager::default(),
        };
        let stop = loop {
            if let Some(stop) = next_page(provider.as_ref(), window, &mut cursor, &mut stager).await? {
                break stop;
            }
            if stager.pending() >= RECORDS_PER_FILE {
                self.stage(input, step, &cursor, &mut stager).await?;
            }
            if self.ledger.now().millis() >= deadline_ms {
                break Stop::OutOfTime;
            }
        };
        self.stage(input, step, &cursor, &mut stager).await?;
        let (manifest, digest) = put_json(self.blobs.as_ref(), &staged_prefix(input), stager.manifest()).await?;
        cursor.manifest = Some(manifest.clone());
        match stop {
            Stop::OutOfTime => Ok(FetchOutcome::More { cursor }),
            Stop::Wait { reason, retry_after_s } => Ok(FetchOutcome::Wait { reason, retry_after_s, cursor }),
            Stop::End => {
                self.done(input, step, stager.count(), manifest, digest).await?;
                Ok(FetchOutcome::Done)
            }
        }
    }

    /// Writes what is pending and says how far we are.
    async fn stage(
        &self,
        input: &StepInput,
        step: Step,
        cursor: &FetchCursor,
        stager: &mut Stager,
    ) -> Result<(), StepError> {
        stager.flush(self.blobs.as_ref(), &staged_prefix(input)).await?;
        self.ledger.progress(input, step, cursor.pages, stager.count()).await
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
        if side.adapter == Adapter::Csv {
            let stands = if step == Step::FetchShopifyOrders { record::Side::Source } else { record::Side::Target };
            let zone = &run.request.timezone;
            return Ok(Box::new(CsvFile::open(self.blobs.clone(), &input.tenant_id, stands, &credentials, zone)?));
        }
        Ok(self.accounts.open(side.adapter, &input.tenant_id, &credentials)?)
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

/// Reads one page and moves the cursor behind it; says so when there is nothing more to read for now.
async fn next_page(
    provider: &dyn Provider,
    window: Window,
    cursor: &mut FetchCursor,
    stager: &mut Stager,
) -> Result<Option<Stop>, StepError> {
    let from = Some(cursor.provider.clone()).filter(|from| !from.is_null());
    match provider.fetch(window, from).await {
        Ok(mut page) => {
            cursor.pages += 1;
            let next = page.next.take();
            stager.add(page);
            let Some(next) = next else { return Ok(Some(Stop::End)) };
            cursor.provider = next;
            Ok(None)
        }
        Err(ProviderError::Throttled { retry_after_s, message }) => {
            let retry_after_s = retry_after_s.max(1);
            cursor.waited_s = cursor.waited_s.saturating_add(retry_after_s);
            if cursor.waited_s > MAX_WAIT_S {
                let message = format!("throttled for more than {MAX_WAIT_S} s: {message}");
                return Err(StepError::new(ErrorName::ProviderUnavailable, message));
            }
            Ok(Some(Stop::Wait { reason: WaitReason::Throttled, retry_after_s }))
        }
        Err(ProviderError::CircuitOpen { retry_after_s, message }) => {
            tracing::info!(message, retry_after_s, "the circuit breaker holds calls back");
            Ok(Some(Stop::Wait { reason: WaitReason::CircuitOpen, retry_after_s: retry_after_s.max(1) }))
        }
        Err(error) => Err(error.into()),
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
