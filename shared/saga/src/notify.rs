//! Step `notify_webhooks`: tell the job's endpoints how the run ended. Forward only: a delivery is queued, never undone.

use crate::{error::StepError, input::StepInput, ledger::Ledger};
use async_trait::async_trait;
use domain::{
    TenantId, Timestamp,
    job::Job,
    ports::PortError,
    reconciliation::Run,
    saga::{Step, ended_fence},
};
use event_store::load;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::sync::Arc;
use uuid::Uuid;

/// One message to one endpoint, the same across all of its tries.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    /// `webhook-id`: `UUIDv5(reconciliation, attempt, event type, endpoint)`, so a repeated step queues the same one.
    pub delivery_id: Uuid,
    pub tenant_id: TenantId,
    pub endpoint_id: String,
    pub url: String,
    pub event_type: String,
    pub payload: Value,
    pub created_at: Timestamp,
}

/// Where deliveries are queued.
#[async_trait]
pub trait Outbox: Send + Sync {
    /// Writes the delivery down and queues it; doing so again changes nothing for the receiver.
    async fn enqueue(&self, delivery: &Delivery) -> Result<(), PortError>;
}

#[derive(Clone)]
pub struct NotifyWebhooks {
    pub ledger: Ledger,
    pub outbox: Arc<dyn Outbox>,
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
        let endpoints =
            job.state.at(run.request.job_version).map(|definition| definition.webhooks.as_slice()).unwrap_or_default();
        for endpoint in endpoints {
            let delivery = delivery(input, &run, endpoint, self.ledger.now());
            self.outbox.enqueue(&delivery).await?;
        }
        let queued = endpoints.len();
        self.ledger
            .transact(input, fence, |current, at| {
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
}

fn delivery(input: &StepInput, run: &Run, endpoint: &domain::job::WebhookEndpoint, now: Timestamp) -> Delivery {
    let event_type = format!("reconciliation.{}", run.status.as_str());
    let identity = format!(
        "{}/{}/{}/{}/{}",
        input.tenant_id, input.reconciliation_id, input.attempt, event_type, endpoint.endpoint_id
    );
    let id = input.reconciliation_id.as_str();
    let payload = json!({
        "type": event_type,
        "timestamp": run.ended_at.unwrap_or(now),
        "data": {
            "reconciliation_id": id,
            "job_id": run.request.job_id,
            "attempt": input.attempt,
            "status": run.status,
            "failure": run.failure,
            "summary": run.published.as_ref().map(|published| json!({ "source": published.summary.source, "target": published.summary.target, "accuracy_bp": published.summary.accuracy_bp })),
            "report_url": format!("/v1/reconciliations/{id}/report?format=csv"),
        },
    });
    Delivery {
        delivery_id: Uuid::new_v5(&Uuid::NAMESPACE_URL, identity.as_bytes()),
        tenant_id: input.tenant_id.clone(),
        endpoint_id: endpoint.endpoint_id.clone(),
        url: endpoint.url.clone(),
        event_type,
        payload,
        created_at: now,
    }
}
