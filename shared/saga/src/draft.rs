//! Several decisions that become one commit: each is made on the state that the ones before it would leave.

use domain::{Aggregate, Decided, Decline};

pub(crate) struct Draft<A: Aggregate> {
    pub state: A::State,
    pub events: Decided<A>,
}

impl<A: Aggregate> Draft<A> {
    pub(crate) fn of(state: &A::State) -> Self {
        Self { state: state.clone(), events: Vec::new() }
    }

    /// # Errors
    /// What the decision is declined with; nothing of it is in the draft then.
    pub(crate) fn decide(
        &mut self,
        decide: impl FnOnce(&A::State) -> Result<Decided<A>, Decline>,
    ) -> Result<(), Decline> {
        for event in decide(&self.state)? {
            self.state = A::evolve(std::mem::take(&mut self.state), &event);
            self.events.push(event);
        }
        Ok(())
    }
}
