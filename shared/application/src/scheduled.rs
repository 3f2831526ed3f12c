//! Starts by a schedule: which period, under which id. The same job and period is the same run, however often and by
//! whatever clock it is started.

use crate::{
    command::Caller,
    error::CommandError,
    reconciliations::{ReconciliationService, StartReconciliation, Started},
};
use domain::{DateRange, Decline, JobId, ReconciliationId, Timestamp, job::Job};
use sha2::{Digest, Sha256};

/// Id of the one run of a job over a period.
#[must_use]
pub fn scheduled_id(job: &JobId, period: &DateRange) -> String {
    let period = format!("{job}\n{}\n{}", period.start, period.end);
    let digest = base16ct::lower::encode_string(&Sha256::digest(period.as_bytes())[..16]);
    format!("sched-{digest}")
}

impl ReconciliationService {
    /// Starts the job's last period that was complete at `scheduled_at`, or now if the scheduler does not say when.
    /// None when the job wants no schedule any more: an entry that outlived it is no reason to run.
    ///
    /// # Errors
    /// A job that never was (404); as [`ReconciliationService::start`].
    pub async fn start_scheduled(
        &self,
        caller: &Caller,
        job_id: JobId,
        scheduled_at: Option<Timestamp>,
    ) -> Result<Option<Started>, CommandError> {
        let job = event_store::load::<Job>(self.store(), &caller.tenant, job_id.as_str()).await?.state;
        if job.versions.is_empty() {
            return Err(Decline::not_found(format!("there is no job `{job_id}`")).into());
        }
        let Some((_, definition)) = job.current() else { return Ok(None) };
        let Some(schedule) = &definition.schedule else { return Ok(None) };
        let at = scheduled_at.unwrap_or_else(|| self.now());
        let date_range = schedule
            .window
            .before(at, &definition.timezone)
            .map_err(|error| CommandError::Internal(format!("the period before {at}: {error}")))?;
        let id = ReconciliationId::parse(scheduled_id(&job_id, &date_range))
            .map_err(|_| CommandError::Internal("generated id".into()))?;
        let command = StartReconciliation {
            reconciliation_id: Some(id),
            job_id,
            date_range,
            source_adapter: None,
            target_adapter: None,
            correlation_id: None,
        };
        self.start(caller, command, None).await.map(Some)
    }
}
