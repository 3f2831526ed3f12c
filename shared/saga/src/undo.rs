//! How the steps of a reconciliation are taken back: by events, never by deleting.

use crate::{
    compensate::{Effect, Undoes},
    error::StepError,
    input::StepInput,
    ledger::Ledger,
    matching_step::{matches_stream, new_event},
};
use async_trait::async_trait;
use domain::{
    matches::MatchesEvent,
    reconciliation::{self, Reconciliation, Run},
    saga::Step,
};
use event_store::Append;

#[derive(Debug, Clone, Copy, Default)]
pub struct UndoSteps;

#[async_trait]
impl Undoes<Reconciliation> for UndoSteps {
    async fn effect(
        &self,
        ledger: &Ledger,
        input: &StepInput,
        step: Step,
        run: &Option<Run>,
    ) -> Result<Effect<Reconciliation>, StepError> {
        let mut effect = Effect { subject: Vec::new(), others: Vec::new() };
        match step {
            Step::PerformMatching => {
                let reason = match run.as_ref().and_then(|run| run.failure.as_ref()) {
                    Some(failure) => format!("the attempt failed: {}", failure.name),
                    None => "the attempt was cancelled".to_owned(),
                };
                effect.others.push(withdrawal(ledger, input, &reason).await?);
            }
            Step::PersistResults => effect.subject = reconciliation::withdraw(run, input.attempt)?,
            // Staged data is kept for a retry; what follows the point of no return is never undone.
            Step::FetchShopifyOrders | Step::FetchStripePayments | Step::Finish | Step::NotifyWebhooks => {}
        }
        Ok(effect)
    }
}

/// Takes the attempt's matches back. Also from a stream that is empty: whoever writes late finds it withdrawn.
pub(crate) async fn withdrawal(ledger: &Ledger, input: &StepInput, reason: &str) -> Result<Append, StepError> {
    let stream = matches_stream(input);
    let expected = ledger.store.head(&stream).await?.map_or(0, |head| head.version);
    let events = vec![new_event(&MatchesEvent::MatchesWithdrawn { reason: reason.to_owned() })?];
    Ok(Append { stream, expected, events, commit_id: ledger.commit_id(), set_fence: None })
}
