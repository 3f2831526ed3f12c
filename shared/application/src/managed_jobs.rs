//! Jobs with what they need outside of their events: secrets of webhook endpoints, and an entry in the scheduler.
//!
//! **Order:** secrets and schedules are made before the event that names them, and taken away after the event that drops
//! them. What a crash leaves behind does no harm: a secret that no event names, or a schedule whose job no longer
//! wants it, which a run's start ignores. Sending the command again mends both.

use crate::{
    command::{Caller, Idempotency},
    error::{CommandError, FieldError},
    jobs::{CREATE, JobAnswer, JobService, ROTATE},
};
use domain::{
    Decline, EndpointId, JobId, TenantId, Timestamp,
    job::{self, JobDefinition, JobEvent, JobState},
    ports::{Entropy, PortError, ScheduleError, Schedules, Secrets},
    schedule::Schedule,
    webhook::{self, WantedEndpoint, WebhookEndpoint},
};
use std::{collections::BTreeMap, sync::Arc};
use webhooks::{AllowedOrigins, Deliveries, EndpointSecret, endpoint_secret};

/// A definition as it was asked for: its endpoints have no ids yet.
#[derive(Debug, Clone)]
pub struct WantedJob {
    /// Without endpoints.
    pub definition: JobDefinition,
    pub webhooks: Vec<WantedEndpoint>,
}

/// A job with the secrets that are shown this once.
#[derive(Debug, Clone)]
pub struct ManagedJob {
    pub job: JobAnswer,
    pub secrets: BTreeMap<EndpointId, String>,
}

/// An endpoint's new secret.
#[derive(Debug, Clone)]
pub struct Rotated {
    pub endpoint: WebhookEndpoint,
    pub secret: String,
    /// Until when the one before is valid.
    pub previous_valid_until: Option<Timestamp>,
    pub replayed: bool,
}

#[derive(Clone)]
pub struct ManagedJobs {
    pub jobs: JobService,
    pub deliveries: Arc<dyn Deliveries>,
    pub secrets: Arc<dyn Secrets>,
    pub schedules: Arc<dyn Schedules>,
    pub entropy: Arc<dyn Entropy>,
    pub allowed: AllowedOrigins,
}

impl std::fmt::Debug for ManagedJobs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ManagedJobs")
    }
}

/// What was made for a definition before its event.
#[derive(Default)]
struct Made {
    secrets: BTreeMap<EndpointId, String>,
}

impl ManagedJobs {
    /// # Errors
    /// As [`JobService::create`]; endpoints and schedules that cannot be.
    pub async fn create(
        &self,
        caller: &Caller,
        id: Option<JobId>,
        wanted: WantedJob,
        idempotency: Option<Idempotency>,
    ) -> Result<ManagedJob, CommandError> {
        if let Some(first) = self.jobs.answered::<JobAnswer>(CREATE, caller, idempotency.as_ref()).await? {
            return self.again(caller, first).await;
        }
        let id = match id {
            Some(id) => id,
            None => JobId::parse(self.jobs.fresh("job")).map_err(|_| CommandError::Internal("generated id".into()))?,
        };
        let before = self.jobs.load(caller, &id).await?.state;
        let definition = self.resolve(caller, &before, wanted).await?;
        let made = self.prepare(caller, &id, &before, &definition, job::create(&before, &definition)).await?;
        let result = self.jobs.create(caller, Some(id.clone()), definition, idempotency).await;
        self.settle(caller, &id, &before, made, result).await
    }

    /// # Errors
    /// As [`JobService::update`]; endpoints and schedules that cannot be.
    pub async fn update(
        &self,
        caller: &Caller,
        id: JobId,
        wanted: WantedJob,
        expected: Option<u64>,
    ) -> Result<ManagedJob, CommandError> {
        let before = self.jobs.load(caller, &id).await?;
        let stale = expected.is_some_and(|expected| expected != before.version);
        let before = before.state;
        let definition = self.resolve(caller, &before, wanted).await?;
        // What will be declined needs nothing made.
        let decided = if stale { Ok(Vec::new()) } else { job::update(&before, &definition) };
        let made = self.prepare(caller, &id, &before, &definition, decided).await?;
        let result = self.jobs.update(caller, id.clone(), definition, expected).await;
        self.settle(caller, &id, &before, made, result).await
    }

    /// # Errors
    /// As [`JobService::delete`].
    pub async fn delete(&self, caller: &Caller, id: JobId, expected: Option<u64>) -> Result<(), CommandError> {
        self.jobs.delete(caller, id.clone(), expected).await?;
        let state = self.jobs.load(caller, &id).await?.state;
        self.schedule(&caller.tenant, &id, &state).await?;
        let last = state.versions.last().map(|definition| definition.webhooks.as_slice()).unwrap_or_default();
        self.forget(&caller.tenant, last.iter().map(|endpoint| &endpoint.endpoint_id)).await
    }

    /// A new secret for an endpoint; the present one stays valid for a day.
    ///
    /// A rotation whose answer was lost is not made twice: the secret that nobody was shown is the one shown now.
    ///
    /// # Errors
    /// An unknown job or endpoint (404); a key used with another request (422).
    pub async fn rotate(
        &self,
        caller: &Caller,
        id: JobId,
        endpoint_id: EndpointId,
        idempotency: Option<Idempotency>,
    ) -> Result<Rotated, CommandError> {
        let replayed = self.jobs.answered::<()>(ROTATE, caller, idempotency.as_ref()).await?.is_some();
        let state = self.jobs.load(caller, &id).await?.state;
        let known = state.rotation(&endpoint_id);
        let next = known.saturating_add(1);
        let endpoint = state
            .current()
            .and_then(|(_, job)| job.webhooks.iter().find(|endpoint| endpoint.endpoint_id == endpoint_id).cloned());
        let endpoint =
            endpoint.ok_or_else(|| Decline::not_found("there is no such job, or it has no such webhook endpoint"))?;
        let name = endpoint_secret(&caller.tenant, &endpoint_id);
        if !replayed {
            let present = self.read(&name).await?;
            if present.rotation() <= known {
                let rotated = present.rotated(&self.entropy.bytes()?, self.jobs.now());
                self.write(&name, &rotated).await?;
            }
            self.jobs.rotated(caller, &id, &endpoint_id, next, idempotency.as_ref()).await?;
        }
        let secret = self.read(&name).await?;
        Ok(Rotated {
            endpoint,
            secret: secret.current().to_owned(),
            previous_valid_until: secret.previous_valid_until(),
            replayed,
        })
    }

    /// The definition with its endpoints.
    async fn resolve(
        &self,
        caller: &Caller,
        state: &JobState,
        wanted: WantedJob,
    ) -> Result<JobDefinition, CommandError> {
        let WantedJob { mut definition, webhooks } = wanted;
        let at = |index: usize, member: &str| format!("/webhooks/{index}{member}");
        let mut wrong: Vec<FieldError> = Vec::new();
        for (index, webhook) in webhooks.iter().enumerate() {
            if let Err(error) = self.allowed.check(&webhook.url) {
                wrong.push(FieldError { pointer: at(index, "/url"), code: "invalid", detail: error.to_string() });
            }
        }
        let fresh = webhooks.iter().map(|_| EndpointId::parse(self.jobs.fresh("we"))).collect::<Result<Vec<_>, _>>();
        let fresh = fresh.map_err(|_| CommandError::Internal("generated id".into()))?;
        let current = state.current().map(|(_, job)| job.webhooks.as_slice()).unwrap_or_default();
        match webhook::resolve(current, &webhooks, &fresh) {
            Ok(endpoints) => definition.webhooks = endpoints,
            Err(errors) => wrong.extend(errors.into_iter().map(|error| FieldError {
                pointer: at(error.index, ""),
                code: "unknown_endpoint",
                detail: error.detail,
            })),
        }
        if wrong.is_empty() {
            return Ok(definition);
        }
        // Everything that is wrong is told at once.
        wrong.extend(self.jobs.check(caller, &definition).await?);
        Err(CommandError::Fields(wrong))
    }

    /// Makes what the events will name, if there will be any.
    async fn prepare(
        &self,
        caller: &Caller,
        id: &JobId,
        before: &JobState,
        definition: &JobDefinition,
        decided: Result<Vec<JobEvent>, Decline>,
    ) -> Result<Made, CommandError> {
        let mut made = Made::default();
        // What is declined or wrong is told by the command itself, which also knows first answers.
        if decided.is_err() || !self.jobs.check(caller, definition).await?.is_empty() {
            return Ok(made);
        }
        let tenant = &caller.tenant;
        if let Some(schedule) = &definition.schedule {
            self.put(tenant, id, schedule).await?;
        }
        let known = before.current().map(|(_, job)| job.webhooks.as_slice()).unwrap_or_default();
        for endpoint in &definition.webhooks {
            if known.iter().any(|known| known.endpoint_id == endpoint.endpoint_id) {
                continue;
            }
            let secret = EndpointSecret::new(&self.entropy.bytes()?);
            self.write(&endpoint_secret(tenant, &endpoint.endpoint_id), &secret).await?;
            self.deliveries.register(tenant, &endpoint.endpoint_id, id).await?;
            made.secrets.insert(endpoint.endpoint_id.clone(), secret.current().to_owned());
        }
        Ok(made)
    }

    /// Brings the outside in line with what the job is now, and hands out the secrets that it names.
    async fn settle(
        &self,
        caller: &Caller,
        id: &JobId,
        before: &JobState,
        made: Made,
        result: Result<JobAnswer, CommandError>,
    ) -> Result<ManagedJob, CommandError> {
        let tenant = &caller.tenant;
        let after = self.jobs.load(caller, id).await?.state;
        self.schedule(tenant, id, &after).await?;
        let kept = after.current().map(|(_, job)| job.webhooks.as_slice()).unwrap_or_default();
        let names = |endpoint: &EndpointId| kept.iter().any(|kept| kept.endpoint_id == *endpoint);
        let had = before.current().map(|(_, job)| job.webhooks.as_slice()).unwrap_or_default();
        let dropped = had.iter().map(|endpoint| &endpoint.endpoint_id).chain(made.secrets.keys());
        self.forget(tenant, dropped.filter(|endpoint| !names(endpoint))).await?;
        let job = result?;
        if job.job_id != *id {
            // The same key came twice at the same moment, and the other one was first.
            return self.again(caller, job).await;
        }
        let secrets = made.secrets.into_iter().filter(|(endpoint, _)| names(endpoint)).collect();
        Ok(ManagedJob { job, secrets })
    }

    /// A first answer once more, with the secrets that it showed as long as they are the current ones.
    async fn again(&self, caller: &Caller, first: JobAnswer) -> Result<ManagedJob, CommandError> {
        let state = self.jobs.load(caller, &first.job_id).await?.state;
        let mut secrets = BTreeMap::new();
        for endpoint in first.definition.webhooks.iter().filter(|one| state.rotation(&one.endpoint_id) == 0) {
            match self.secrets.get(&endpoint_secret(&caller.tenant, &endpoint.endpoint_id)).await {
                Ok(text) => {
                    let secret = EndpointSecret::read(&text);
                    secrets.extend(secret.map(|secret| (endpoint.endpoint_id.clone(), secret.current().to_owned())));
                }
                // Removed since: there is nothing left to show.
                Err(PortError::Missing(_)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(ManagedJob { job: JobAnswer { replayed: true, ..first }, secrets })
    }

    async fn schedule(&self, tenant: &TenantId, id: &JobId, state: &JobState) -> Result<(), CommandError> {
        match state.current().and_then(|(_, job)| job.schedule.as_ref()) {
            Some(schedule) => self.put(tenant, id, schedule).await,
            // A job that never had one has nothing in the scheduler.
            None if state.versions.iter().all(|version| version.schedule.is_none()) && !state.versions.is_empty() => {
                Ok(())
            }
            None => Ok(self.schedules.delete(tenant, id).await?),
        }
    }

    async fn put(&self, tenant: &TenantId, id: &JobId, schedule: &Schedule) -> Result<(), CommandError> {
        self.schedules.put(tenant, id, schedule).await.map_err(|error| match error {
            ScheduleError::Invalid(_) => CommandError::Fields(vec![FieldError {
                pointer: "/schedule".into(),
                code: "invalid",
                detail: error.to_string(),
            }]),
            ScheduleError::Port(error) => error.into(),
        })
    }

    async fn forget<'a>(
        &self,
        tenant: &TenantId,
        endpoints: impl Iterator<Item = &'a EndpointId> + Send,
    ) -> Result<(), CommandError> {
        for endpoint in endpoints {
            self.secrets.delete(&endpoint_secret(tenant, endpoint)).await?;
        }
        Ok(())
    }

    async fn read(&self, name: &str) -> Result<EndpointSecret, CommandError> {
        let text = self.secrets.get(name).await?;
        EndpointSecret::read(&text).ok_or_else(|| CommandError::Internal(format!("{name} holds no endpoint's secret")))
    }

    async fn write(&self, name: &str, secret: &EndpointSecret) -> Result<(), CommandError> {
        let text = secret.write().map_err(|error| CommandError::Internal(error.to_string()))?;
        self.secrets.put(name, &text).await?;
        Ok(())
    }
}
