//! Commands on jobs.

use crate::{
    command::{Caller, Command, Idempotency, Outcome, Ports},
    error::{CommandError, FieldError},
};
use domain::{
    Clock, CorrelationId, EndpointId, IdSource, JobId, Timestamp,
    connection::Connection,
    ids,
    job::{self, Job, JobDefinition, JobEvent, JobState},
    schedule::{Schedule, check_expression},
    webhook,
};
use event_store::{EventStore, Loaded};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobAnswer {
    pub job_id: JobId,
    pub definition: JobDefinition,
    pub version: u64,
    #[serde(skip)]
    pub replayed: bool,
}

pub(crate) const CREATE: &str = "CreateJob";
pub(crate) const ROTATE: &str = "RotateWebhookSecret";

#[derive(Debug, Clone)]
pub struct JobService {
    ports: Ports,
}

impl JobService {
    #[must_use]
    pub fn new(store: Arc<dyn EventStore>, clock: Arc<dyn Clock>, ids: Arc<dyn IdSource>) -> Self {
        Self { ports: Ports { store, clock, ids } }
    }

    /// # Errors
    /// Wrong fields, all at once; a taken id (409); a key used with another body (422).
    pub async fn create(
        &self,
        caller: &Caller,
        id: Option<JobId>,
        definition: JobDefinition,
        idempotency: Option<Idempotency>,
    ) -> Result<JobAnswer, CommandError> {
        let wrong = self.check(caller, &definition).await?;
        let fresh = id.is_none();
        let id = match id {
            Some(id) => id,
            None => JobId::parse(ids::typed("job", self.ports.ids.next()))
                .map_err(|_| CommandError::Internal("generated id".into()))?,
        };
        let decide = |state: &JobState| right(&wrong).and_then(|()| Ok(job::create(state, &definition)?));
        self.carry_out(CREATE, caller, &id, &definition, idempotency.as_ref(), None, fresh, decide).await
    }

    /// # Errors
    /// As [`JobService::create`]; an unknown job (404); `expected` is not the stream's version (412).
    pub async fn update(
        &self,
        caller: &Caller,
        id: JobId,
        definition: JobDefinition,
        expected: Option<u64>,
    ) -> Result<JobAnswer, CommandError> {
        let wrong = self.check(caller, &definition).await?;
        let decide = |state: &JobState| right(&wrong).and_then(|()| Ok(job::update(state, &definition)?));
        self.carry_out("UpdateJob", caller, &id, &definition, None, expected, false, decide).await
    }

    /// Runs that were started go on: they pinned their version.
    ///
    /// # Errors
    /// An unknown job (404).
    pub async fn delete(&self, caller: &Caller, id: JobId, expected: Option<u64>) -> Result<(), CommandError> {
        let correlation_id = self.correlation_id()?;
        let command = Command {
            name: "DeleteJob",
            caller,
            aggregate_id: id.as_str(),
            correlation_id: &correlation_id,
            idempotency: None,
            expected,
            fresh: false,
        };
        self.ports.carry_out::<Job, ()>(command, |state| Ok(job::delete(state)?), |_| ()).await.map(|_| ())
    }

    #[expect(clippy::too_many_arguments, reason = "private, and each is a different thing")]
    async fn carry_out(
        &self,
        name: &'static str,
        caller: &Caller,
        id: &JobId,
        definition: &JobDefinition,
        idempotency: Option<&Idempotency>,
        expected: Option<u64>,
        fresh: bool,
        decide: impl Fn(&JobState) -> Result<Vec<JobEvent>, CommandError> + Send + Sync,
    ) -> Result<JobAnswer, CommandError> {
        let correlation_id = self.correlation_id()?;
        let command = Command {
            name,
            caller,
            aggregate_id: id.as_str(),
            correlation_id: &correlation_id,
            idempotency,
            expected,
            fresh,
        };
        let answer = |loaded: &Loaded<JobState>| JobAnswer {
            job_id: id.clone(),
            definition: loaded.state.current().map_or(definition, |(_, current)| current).clone(),
            version: loaded.version,
            replayed: false,
        };
        match self.ports.carry_out::<Job, JobAnswer>(command, decide, answer).await? {
            Outcome::Done { loaded, .. } => Ok(answer(&loaded)),
            Outcome::Replayed(first) => Ok(JobAnswer { replayed: true, ..first }),
        }
    }

    fn correlation_id(&self) -> Result<CorrelationId, CommandError> {
        CorrelationId::parse(ids::typed("corr", self.ports.ids.next()))
            .map_err(|_| CommandError::Internal("generated id".into()))
    }

    /// The job as it is now.
    ///
    /// # Errors
    /// Our own stores.
    pub async fn load(&self, caller: &Caller, id: &JobId) -> Result<Loaded<JobState>, CommandError> {
        Ok(event_store::load::<Job>(self.ports.store.as_ref(), &caller.tenant, id.as_str()).await?)
    }

    /// What an earlier command of the same key answered.
    ///
    /// # Errors
    /// The key was used with another body (422).
    pub async fn answered<R: serde::de::DeserializeOwned>(
        &self,
        name: &'static str,
        caller: &Caller,
        idempotency: Option<&Idempotency>,
    ) -> Result<Option<R>, CommandError> {
        let correlation_id = self.correlation_id()?;
        let command = Command {
            name,
            caller,
            aggregate_id: "",
            correlation_id: &correlation_id,
            idempotency,
            expected: None,
            fresh: false,
        };
        self.ports.replay(&command, self.ports.clock.now()).await
    }

    /// Writes down that the secret of an endpoint was rotated for the `rotation`-th time.
    ///
    /// # Errors
    /// An unknown job or endpoint (404).
    pub async fn rotated(
        &self,
        caller: &Caller,
        id: &JobId,
        endpoint: &EndpointId,
        rotation: u32,
        idempotency: Option<&Idempotency>,
    ) -> Result<(), CommandError> {
        let correlation_id = self.correlation_id()?;
        let command = Command {
            name: ROTATE,
            caller,
            aggregate_id: id.as_str(),
            correlation_id: &correlation_id,
            idempotency,
            expected: None,
            fresh: false,
        };
        let decide = |state: &JobState| Ok(webhook::rotate(state, endpoint, rotation)?);
        self.ports.carry_out::<Job, ()>(command, decide, |_| ()).await.map(|_| ())
    }

    pub(crate) fn fresh(&self, prefix: &str) -> String {
        ids::typed(prefix, self.ports.ids.next())
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.ports.clock.now()
    }

    /// What the definition's own shape cannot tell: the zone, the rules, and whether the connections are there.
    pub(crate) async fn check(
        &self,
        caller: &Caller,
        definition: &JobDefinition,
    ) -> Result<Vec<FieldError>, CommandError> {
        let mut wrong = Vec::new();
        if let Err(error) = domain::time::zone(&definition.timezone) {
            wrong.push(FieldError {
                pointer: "/timezone".into(),
                code: "unknown_zone",
                detail: format!("{error}, such as Europe/Berlin"),
            });
        }
        if let Some(schedule) = &definition.schedule {
            wrong.extend(schedule_errors(schedule));
        }
        if let Err(errors) = saga::rules_for(definition, definition.matching_rules.as_ref()) {
            let under = |error: matching::RuleError| FieldError {
                pointer: format!("/matching_rules{}", error.pointer),
                code: "invalid_rule",
                detail: error.message,
            };
            wrong.extend(errors.into_iter().map(under));
        }
        for (pointer, side) in [("/source/connection", &definition.source), ("/target/connection", &definition.target)]
        {
            let connection =
                event_store::load::<Connection>(self.ports.store.as_ref(), &caller.tenant, side.connection.as_str())
                    .await?;
            let detail = match connection.state {
                None => format!(
                    "there is no connection `{}`; create it with PUT /v1/connections/{}",
                    side.connection, side.connection
                ),
                Some(configured) if configured.adapter != side.adapter => {
                    format!(
                        "connection `{}` is for {}, not {}",
                        side.connection,
                        configured.adapter.as_str(),
                        side.adapter.as_str()
                    )
                }
                Some(_) => continue,
            };
            wrong.push(FieldError { pointer: pointer.into(), code: "unknown_connection", detail });
        }
        Ok(wrong)
    }
}

fn schedule_errors(schedule: &Schedule) -> Vec<FieldError> {
    let expression = check_expression(&schedule.expression).err().map(|error| FieldError {
        pointer: "/schedule/expression".into(),
        code: "invalid",
        detail: error.to_string(),
    });
    let zone = domain::time::zone(&schedule.timezone).err().map(|error| FieldError {
        pointer: "/schedule/timezone".into(),
        code: "unknown_zone",
        detail: format!("{error}, such as Europe/Berlin"),
    });
    expression.into_iter().chain(zone).collect()
}

fn right(wrong: &[FieldError]) -> Result<(), CommandError> {
    if wrong.is_empty() { Ok(()) } else { Err(CommandError::Fields(wrong.to_vec())) }
}
