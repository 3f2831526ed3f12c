//! Commands on reconciliations.

use crate::{
    command::{Caller, Command, Idempotency, Outcome, Ports},
    error::{CommandError, FieldError},
};
use domain::{
    AttemptNumber, Clock, CorrelationId, DateRange, Decline, IdSource, JobId, ReconciliationId, Timestamp,
    connection::Adapter,
    ids,
    job::{Job, JobState},
    reconciliation::{self, Reconciliation, Request, Run, Status},
};
use event_store::{EventStore, Loaded, Units};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Starts one run of a job over a date range.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StartReconciliation {
    /// Chosen by the client to make the start repeatable; generated when absent.
    pub reconciliation_id: Option<ReconciliationId>,
    pub job_id: JobId,
    pub date_range: DateRange,
    /// Must be the job's when given.
    pub source_adapter: Option<Adapter>,
    pub target_adapter: Option<Adapter>,
    pub correlation_id: Option<CorrelationId>,
}

/// The answer to a start, the first time and every time after.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Started {
    pub reconciliation_id: ReconciliationId,
    pub correlation_id: CorrelationId,
    pub status: Status,
    pub attempt: AttemptNumber,
    pub version: u64,
    /// An earlier command of the same Idempotency-Key gave this answer.
    #[serde(skip)]
    pub replayed: bool,
    #[serde(skip)]
    pub units: Units,
}

#[derive(Debug, Clone)]
pub struct ReconciliationService {
    pub(crate) ports: Ports,
}

impl ReconciliationService {
    #[must_use]
    pub fn new(store: Arc<dyn EventStore>, clock: Arc<dyn Clock>, ids: Arc<dyn IdSource>) -> Self {
        Self { ports: Ports { store, clock, ids } }
    }

    pub(crate) fn store(&self) -> &dyn EventStore {
        self.ports.store.as_ref()
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.ports.clock.now()
    }

    /// Idempotent by `reconciliation_id` and by idempotency key.
    ///
    /// # Errors
    /// Wrong fields; an unknown job (404); an id taken by another request (409); a key used with another body (422).
    pub async fn start(
        &self,
        caller: &Caller,
        command: StartReconciliation,
        idempotency: Option<Idempotency>,
    ) -> Result<Started, CommandError> {
        let now = self.ports.clock.now();
        let fresh = command.reconciliation_id.is_none();
        let generated = |prefix| ids::typed(prefix, self.ports.ids.next());
        let invalid = |_| CommandError::Internal("generated id".into());
        let id = match command.reconciliation_id.clone() {
            Some(id) => id,
            None => ReconciliationId::parse(generated("recon")).map_err(invalid)?,
        };
        let correlation_id = match command.correlation_id.clone() {
            Some(id) => id,
            None => CorrelationId::parse(generated("corr")).map_err(invalid)?,
        };
        let job = event_store::load::<Job>(self.ports.store.as_ref(), &caller.tenant, command.job_id.as_str()).await?;
        let envelope = Command {
            name: "StartReconciliation",
            caller,
            aggregate_id: id.as_str(),
            correlation_id: &correlation_id,
            idempotency: idempotency.as_ref(),
            expected: None,
            fresh,
        };
        let decide = |state: &Option<Run>| {
            Ok(reconciliation::start(state, &request(&command, &job.state, state.as_ref())?, now)?)
        };
        let answer = |loaded: &Loaded<Option<Run>>| started(&id, &correlation_id, loaded);
        match self.ports.carry_out::<Reconciliation, Started>(envelope, decide, answer).await? {
            Outcome::Done { loaded, units } => Ok(Started { units, ..started(&id, &correlation_id, &loaded) }),
            Outcome::Replayed(first) => Ok(Started { replayed: true, ..first }),
        }
    }
}

/// The command with the job's current version filled in. Repeating the start of a run is judged by the version that
/// this run pinned, whatever has become of the job since.
fn request(command: &StartReconciliation, job: &JobState, run: Option<&Run>) -> Result<Request, CommandError> {
    let pinned = run.map(|run| &run.request).filter(|request| request.job_id == command.job_id);
    let pinned = pinned.and_then(|request| Some((request.job_version, job.at(request.job_version)?)));
    let (job_version, definition) = pinned
        .or_else(|| job.current())
        .ok_or_else(|| Decline::not_found(format!("there is no job `{}`", command.job_id)))?;
    let mut wrong = Vec::new();
    for (pointer, asked, has) in [
        ("/source_adapter", command.source_adapter, definition.source.adapter),
        ("/target_adapter", command.target_adapter, definition.target.adapter),
    ] {
        if asked.is_some_and(|asked| asked != has) {
            let detail = format!("the job's adapter is `{}`; leave the field out or send that", has.as_str());
            wrong.push(FieldError { pointer: pointer.into(), code: "not_the_jobs_adapter", detail });
        }
    }
    if !wrong.is_empty() {
        return Err(CommandError::Fields(wrong));
    }
    Ok(Request {
        job_id: command.job_id.clone(),
        job_version,
        date_range: command.date_range.clone(),
        timezone: definition.timezone.clone(),
        source: definition.source.clone(),
        target: definition.target.clone(),
    })
}

fn started(id: &ReconciliationId, correlation_id: &CorrelationId, loaded: &Loaded<Option<Run>>) -> Started {
    let run = loaded.state.as_ref();
    // The run may have been started by an earlier command: its correlation id is the one that counts.
    let first = loaded.origin.as_ref().map(|metadata| metadata.correlation_id.clone());
    Started {
        reconciliation_id: id.clone(),
        correlation_id: first.unwrap_or_else(|| correlation_id.clone()),
        status: run.map_or(Status::Running, |run| run.status),
        attempt: run.map_or(1, |run| run.attempt),
        version: loaded.version,
        replayed: false,
        units: Units::default(),
    }
}
