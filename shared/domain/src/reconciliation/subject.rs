//! The reconciliation as what its saga works on.

use super::{
    state::{Reconciliation, Run},
    steps,
};
use crate::{
    aggregate::Decided,
    failure::{Decline, Failure},
    ids::AttemptNumber,
    saga::{Step, Subject},
    time::Timestamp,
};

impl Subject for Reconciliation {
    type Step = Step;

    fn attempt(state: &Option<Run>) -> Option<AttemptNumber> {
        state.as_ref().map(|run| run.attempt)
    }

    fn is_cancelled(state: &Option<Run>) -> bool {
        state.as_ref().is_some_and(|run| run.cancel.is_some())
    }

    fn may_go_on(state: &Option<Run>, attempt: AttemptNumber) -> Result<(), Decline> {
        steps::may_go_on(state, attempt)
    }

    fn hold(
        state: &Option<Run>,
        attempt: AttemptNumber,
        failure: &Failure,
        at: Timestamp,
    ) -> Result<Decided<Self>, Decline> {
        steps::hold(state, attempt, failure, at)
    }

    fn compensating(
        state: &Option<Run>,
        attempt: AttemptNumber,
        failure: &Failure,
        at: Timestamp,
    ) -> Result<Decided<Self>, Decline> {
        steps::compensating(state, attempt, failure, at)
    }

    fn stuck(
        state: &Option<Run>,
        attempt: AttemptNumber,
        (step, failure): (Step, &Failure),
        at: Timestamp,
    ) -> Result<Decided<Self>, Decline> {
        steps::stuck(state, attempt, step, failure, at)
    }

    fn end_undone(state: &Option<Run>, attempt: AttemptNumber, at: Timestamp) -> Result<Decided<Self>, Decline> {
        steps::end_undone(state, attempt, at)
    }
}
