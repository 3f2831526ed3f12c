//! Steps `fetch_shopify_orders` and `fetch_stripe_payments`: page through a provider and stage what it says.

use crate::{
    accounts::Accounts,
    error::StepError,
    input::StepInput,
    ledger::Ledger,
    outcome::held,
    rules::rules_for,
    staging::{Manifest, Stager, get_json, put_json, staged_prefix},
};
use domain::{
    ErrorName, Timestamp,
    connection::Adapter,
    job::Job,
    ports::{Blobs, PortError, Secrets, connection_secret},
    reconciliation::{self, Fetched, Run},
    record,
    saga::{Step, WaitReason, Waiting, forward_fence},
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
/// Pause after a provider did not answer for longer than the retries of one call last.
const UNAVAILABLE_PAUSE_S: u64 = 30;

/// What goes around through the state machine between two calls.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FetchCursor {
    /// The provider's own cursor; opaque here.
    pub provider: Value,
    /// Manifest of what was staged so far.
    pub manifest: Option<String>,
    pub pages: u64,
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
        step: Step,
        reason: WaitReason,
        retry_after_s: u64,
        /// None while a person decides.
        until: Option<Timestamp>,
        cursor: FetchCursor,
    },
}

impl FetchOutcome {
    fn held(step: Step, cursor: FetchCursor) -> Self {
        Self::Wait { step, reason: WaitReason::Paused, retry_after_s: 0, until: None, cursor }
    }
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
    OnHold,
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
        let cursor = cursor.unwrap_or_default();
        if let Some(wait) = self.still_waits(input, step, &cursor).await? {
            return Ok(wait);
        }
        let work = self.fetch(input, step, cursor.clone());
        let result = self.ledger.step(input, step, &fence, FetchOutcome::Done, work).await;
        match held(&self.ledger, input, step, result).await? {
            Ok(outcome) => Ok(outcome),
            Err(_) => Ok(FetchOutcome::held(step, cursor)),
        }
    }

    /// The provider is not asked before the time that it named, whoever calls earlier.
    async fn still_waits(
        &self,
        input: &StepInput,
        step: Step,
        cursor: &FetchCursor,
    ) -> Result<Option<FetchOutcome>, StepError> {
        let saga = self.ledger.saga(input).await?.filter(|saga| saga.attempt == input.attempt);
        let waiting = saga.and_then(|saga| saga.step(step).and_then(|run| run.waiting.clone()));
        let now = self.ledger.now();
        let Some(Waiting { reason, until: Some(until), .. }) = waiting.filter(|waiting| waiting.until > Some(now))
        else {
            return Ok(None);
        };
        // Somebody may have cancelled in the meantime, and then there is nothing to wait for.
        match self.ledger.may_go_on(input).await {
            Err(error) if error.name != ErrorName::OnHold => return Err(error),
            _ => {}
        }
        let retry_after_s = u64::try_from(until.millis() - now.millis()).unwrap_or(0).div_ceil(1_000);
        Ok(Some(FetchOutcome::Wait { step, reason, retry_after_s, until: Some(until), cursor: cursor.clone() }))
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
            match self.ledger.may_go_on(input).await {
                Ok(()) => {}
                // What was fetched so far is kept; a cancelled run ends here.
                Err(error) if error.name == ErrorName::OnHold => break Stop::OnHold,
                Err(error) => return Err(error),
            }
        };
        self.stage(input, step, &cursor, &mut stager).await?;
        let (manifest, digest) = put_json(self.blobs.as_ref(), &staged_prefix(input), stager.manifest()).await?;
        cursor.manifest = Some(manifest.clone());
        match stop {
            Stop::OutOfTime => Ok(FetchOutcome::More { cursor }),
            Stop::OnHold => {
                self.ledger.waits(input, step, WaitReason::Paused, None).await?;
                Ok(FetchOutcome::held(step, cursor))
            }
            Stop::Wait { reason, retry_after_s } => {
                let wait_ms = i64::try_from(retry_after_s).unwrap_or(i64::MAX).saturating_mul(1_000);
                let until = Some(Timestamp::from_millis(self.ledger.now().millis().saturating_add(wait_ms)));
                self.ledger.waits(input, step, reason, until).await?;
                Ok(FetchOutcome::Wait { step, reason, retry_after_s, until, cursor })
            }
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
            tracing::info!(message, retry_after_s, "the provider asks for patience");
            let retry_after_s = retry_after_s.max(1);
            Ok(Some(Stop::Wait { reason: WaitReason::Throttled, retry_after_s }))
        }
        Err(ProviderError::CircuitOpen { retry_after_s, message }) => {
            tracing::info!(message, retry_after_s, "the circuit breaker holds calls back");
            Ok(Some(Stop::Wait { reason: WaitReason::CircuitOpen, retry_after_s: retry_after_s.max(1) }))
        }
        // The retries inside are used up. Waiting costs nothing here, and the step's budget bounds it.
        Err(ProviderError::Transient { message }) => {
            tracing::warn!(message, retry_after_s = UNAVAILABLE_PAUSE_S, "the provider does not answer");
            Ok(Some(Stop::Wait { reason: WaitReason::Unavailable, retry_after_s: UNAVAILABLE_PAUSE_S }))
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
    rules_for(definition, definition.matching_rules.as_ref()).map_err(|errors| {
        let listed: Vec<String> =
            errors.into_iter().map(|error| format!("{}: {}", error.pointer, error.message)).collect();
        StepError::new(
            ErrorName::InvalidInput,
            format!("the job's matching_rules are not valid: {}", listed.join("; ")),
        )
    })
}
