//! What operators do to a circuit.

use super::{
    circuit::{Circuit, Mode},
    decide,
    guard::Breakers,
    key::CircuitKey,
};
use domain::ports::PortError;
use thiserror::Error;

/// Tries against calls that change the circuit at the same time.
const MAX_TRIES: u32 = 8;

#[derive(Debug, Error)]
pub enum ForceError {
    #[error(transparent)]
    Store(#[from] PortError),
    /// Calls changed the circuit faster than it could be forced.
    #[error("the circuit {0} kept changing")]
    KeptChanging(CircuitKey),
}

/// Forces circuits, and shows them.
#[derive(Debug, Clone)]
pub struct Force(pub Breakers);

impl Force {
    /// Puts a circuit into a mode, whatever state it is in, and returns it; again is the same.
    ///
    /// # Errors
    /// [`ForceError`]
    pub async fn into_mode(&self, key: &CircuitKey, mode: Mode, by: &str) -> Result<Circuit, ForceError> {
        let breakers = &self.0;
        for _ in 0..MAX_TRIES {
            let Some(circuit) = breakers.store.read(std::slice::from_ref(key)).await?.into_iter().next() else { break };
            let Some(next) = decide::forced(&circuit, mode, by, breakers.clock.now(), &breakers.policy) else {
                return Ok(circuit);
            };
            if let Some(written) = breakers.write(next).await? {
                return Ok(written);
            }
        }
        Err(ForceError::KeptChanging(key.clone()))
    }
}
