//! Step `notify_webhooks`: tell the job's endpoints how the run ended. Forward only: a delivery is queued, never undone.

use crate::{
    error::StepError,
    input::StepInput,
    ledger::{Guard, Ledger},
};
use domain::{
    Timestamp,
    job::{Job, JobState},
    reconciliation::Run,
    saga::{Step, ended_fence},
    webhook::WebhookEndpoint,
};
use event_store::load;
use serde_json::{Value, json};
use std::sync::Arc;
use webhooks::{Delivery, Outbox, delivery::Told};

#[derive(Clone)]
pub struct NotifyWebhooks {
    pub ledger: Ledger,
    pub outbox: Arc<dyn Outbox>,
    /// Address of the API, for links in what is told.
    pub api_url: String,
}

impl std::fmt::Debug for NotifyWebhooks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("NotifyWebhooks")
    }
}

const STEP: Step = Step::NotifyWebhooks;

impl NotifyWebhooks {
    /// # Errors
    /// A [`StepError`], also written to the ledger.
    pub async fn run(&self, input: &StepInput) -> Result<(), StepError> {
        let fence = ended_fence(input.attempt);
        self.ledger.step(input, STEP, &fence, (), self.notify(input, &fence)).await
    }

    async fn notify(&self, input: &StepInput, fence: &str) -> Result<(), StepError> {
        let run = self.ledger.run(input).await?;
        let job = load::<Job>(self.ledger.store.as_ref(), &input.tenant_id, run.request.job_id.as_str()).await?;
        let endpoints = listening(&job.state, run.request.job_version);
        for endpoint in &endpoints {
            self.outbox.enqueue(&self.delivery(input, &run, endpoint)).await?;
        }
        let queued = endpoints.len();
        self.ledger
            .transact(input, Guard::Fence(fence), |current, at| {
                Ok(crate::ledger::Decision {
                    saga: domain::saga::step_succeeded(
                        &current.saga.state,
                        input.attempt,
                        STEP,
                        json!({ "queued": queued }),
                        at,
                    )?,
                    ..Default::default()
                })
            })
            .await
    }

    /// A run that ended knows when: a repeated step writes the same delivery.
    fn delivery(&self, input: &StepInput, run: &Run, endpoint: &WebhookEndpoint) -> Delivery {
        let ended_at = run.ended_at.unwrap_or_else(|| self.ledger.now());
        let event_type = format!("reconciliation.{}", run.status.as_str());
        Delivery::new(Told {
            tenant_id: input.tenant_id.clone(),
            endpoint_id: endpoint.endpoint_id.clone(),
            job_id: run.request.job_id.clone(),
            reconciliation_id: input.reconciliation_id.clone(),
            attempt: input.attempt,
            url: endpoint.url.clone(),
            payload: self.payload(input, run, &event_type, ended_at),
            event_type,
            created_at: ended_at,
        })
    }

    /// Thin: ids, figures, and where to read more. Whoever needs more asks the API, with a key.
    fn payload(&self, input: &StepInput, run: &Run, event_type: &str, ended_at: Timestamp) -> Value {
        let id = input.reconciliation_id.as_str();
        let summary = run.published.as_ref().map(|published| {
            let summary = &published.summary;
            json!({ "source": summary.source, "target": summary.target, "discrepancy_count": summary.discrepancy_count, "accuracy_bp": summary.accuracy_bp })
        });
        let address = format!("{}/v1/reconciliations/{id}", self.api_url.trim_end_matches('/'));
        let report_url = summary.is_some().then(|| format!("{address}/report?format=csv"));
        json!({
            "type": event_type,
            "timestamp": ended_at,
            "data": {
                "reconciliation_id": id,
                "job_id": run.request.job_id,
                "attempt": input.attempt,
                "correlation_id": input.correlation_id,
                "status": run.status,
                "date_range": run.request.date_range,
                "failure": run.failure,
                "summary": summary,
                "url": address,
                "report_url": report_url,
            },
        })
    }
}

/// The endpoints that the run pinned, without those that the job has disabled or dropped since.
fn listening(job: &JobState, version: u32) -> Vec<WebhookEndpoint> {
    let pinned = job.at(version).map(|definition| definition.webhooks.as_slice()).unwrap_or_default();
    let now = job.current().map(|(_, definition)| definition.webhooks.as_slice()).unwrap_or_default();
    let listens = |endpoint: &&WebhookEndpoint| {
        now.iter().any(|known| known.endpoint_id == endpoint.endpoint_id && known.disabled.is_none())
    };
    pinned.iter().filter(listens).cloned().collect()
}
