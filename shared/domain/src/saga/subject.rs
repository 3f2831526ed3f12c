//! What a saga works on: the aggregate that commands address and that people look at. The ledger knows how far the work
//! is; the subject says whether it may go on and how it ended.

use super::step::SagaStep;
use crate::{
    aggregate::{Aggregate, Decided},
    failure::{Decline, Failure},
    ids::AttemptNumber,
    time::Timestamp,
};

/// Decisions that every subject of a saga makes. All are made for one attempt: another one is Superseded.
pub trait Subject: Aggregate + 'static {
    type Step: SagaStep;

    /// The current attempt; none before the subject began.
    fn attempt(state: &Self::State) -> Option<AttemptNumber>;

    /// Somebody asked for the attempt to be cancelled.
    fn is_cancelled(state: &Self::State) -> bool;

    /// # Errors
    /// Cancelled or on hold when somebody asked for it; superseded when the attempt is over.
    fn may_go_on(state: &Self::State, attempt: AttemptNumber) -> Result<(), Decline>;

    /// A step failed for good, and its policy is to wait for a person.
    ///
    /// # Errors
    /// Superseded when the attempt is over.
    fn hold(
        state: &Self::State,
        attempt: AttemptNumber,
        failure: &Failure,
        at: Timestamp,
    ) -> Result<Decided<Self>, Decline>
    where
        Self: Sized;

    /// The attempt turns around.
    ///
    /// # Errors
    /// Superseded when the attempt is over.
    fn compensating(
        state: &Self::State,
        attempt: AttemptNumber,
        failure: &Failure,
        at: Timestamp,
    ) -> Result<Decided<Self>, Decline>
    where
        Self: Sized;

    /// The undo of a step kept failing.
    ///
    /// # Errors
    /// Superseded unless the attempt is being undone.
    fn stuck(
        state: &Self::State,
        attempt: AttemptNumber,
        undo: (Self::Step, &Failure),
        at: Timestamp,
    ) -> Result<Decided<Self>, Decline>
    where
        Self: Sized;

    /// The end of an attempt of which nothing is left.
    ///
    /// # Errors
    /// Superseded when the attempt ended otherwise; a conflict while something is visible.
    fn end_undone(state: &Self::State, attempt: AttemptNumber, at: Timestamp) -> Result<Decided<Self>, Decline>
    where
        Self: Sized;
}
