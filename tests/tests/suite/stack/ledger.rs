//! A run's ledger, as an operator reads it.

use super::client::{Shop, Stack};
use domain::{
    aggregate,
    saga::{SagaEvent, Step},
};
use std::{
    fmt,
    time::{Duration, Instant},
};

/// Longest wait for a line.
const LIMIT: Duration = Duration::from_secs(90);

pub struct Ledger(pub Vec<SagaEvent>);

impl Ledger {
    pub async fn of(stack: &Stack, tenant: usize, id: &str) -> Self {
        let path = format!("/admin/events/saga/{id}?tenant_id={}", stack.tenant(tenant));
        let answer = stack.get(&path, stack.admin_key()).await;
        // Before saga-control has heard of the run it has no ledger.
        if answer.status == reqwest::StatusCode::NOT_FOUND {
            return Self(Vec::new());
        }
        let events = stack.all(&path, stack.admin_key()).await;
        let read = |event: serde_json::Value| {
            aggregate::from_parts(event["event_type"].as_str().unwrap(), event["data"].clone()).unwrap()
        };
        Self(events.into_iter().map(read).collect())
    }

    /// Once it says what is waited for.
    pub async fn until(stack: &Stack, tenant: usize, id: &str, wanted: impl Fn(&Self) -> bool) -> Self {
        let begun = Instant::now();
        loop {
            let ledger = Self::of(stack, tenant, id).await;
            if wanted(&ledger) {
                return ledger;
            }
            assert!(begun.elapsed() < LIMIT, "{ledger:?}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// After the run's last step.
    pub async fn whole(stack: &Stack, tenant: usize, id: &str) -> Self {
        let last = |ledger: &Self| ledger.count("StepSucceeded", Step::NotifyWebhooks) > 0;
        Self::until(stack, tenant, id, last).await
    }

    /// Lines of this type about a step.
    pub fn count(&self, event_type: &str, step: Step) -> usize {
        let about = |event: &&SagaEvent| {
            let data = aggregate::data_of(*event).unwrap();
            aggregate::Event::event_type(*event) == event_type && data["step"] == step.as_str()
        };
        self.0.iter().filter(about).count()
    }

    /// What is to be undone, in this order.
    pub fn plan(&self) -> Vec<Step> {
        let plans = self.0.iter().filter_map(|event| match event {
            SagaEvent::UndoPlanned { steps, .. } => Some(steps.clone()),
            _ => None,
        });
        plans.flatten().collect()
    }

    pub fn undone(&self) -> Vec<Step> {
        let finished = |event: &SagaEvent| match event {
            SagaEvent::UndoFinished { step, .. } => Some(*step),
            _ => None,
        };
        self.0.iter().filter_map(finished).collect()
    }

    pub fn skipped(&self) -> Vec<Step> {
        let skipped = |event: &SagaEvent| match event {
            SagaEvent::UndoSkipped { step, .. } => Some(*step),
            _ => None,
        };
        self.0.iter().filter_map(skipped).collect()
    }
}

impl fmt::Debug for Ledger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&self.0).finish()
    }
}

/// Runs to the very last step, after which every step's function has a process; gives back the run's id.
pub async fn whole_run(stack: &Stack, tenant: usize, shop: &Shop) -> String {
    let summary = stack.reconcile(tenant, shop).await;
    assert_eq!(summary["status"], "completed", "{summary}");
    let id = summary["reconciliation_id"].as_str().unwrap();
    Ledger::whole(stack, tenant, id).await;
    id.to_owned()
}

/// Every step of the run has succeeded exactly once.
pub fn succeeded_once(ledger: &Ledger) {
    for step in Step::ALL {
        assert_eq!(ledger.count("StepSucceeded", step), 1, "{step:?} in {ledger:?}");
    }
}
