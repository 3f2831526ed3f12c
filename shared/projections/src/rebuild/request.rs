//! Asking for a rebuild. Asking again for the same one resumes it; two at a time there are not.

use super::{Phase, Rebuild, RebuildStore, Scope};
use crate::{registered::Registered, store::Fault};
use domain::Timestamp;
use thiserror::Error;

/// Tries against somebody who writes the same registration.
const MAX_TRIES: u32 = 8;

#[derive(Debug, Error)]
pub enum RequestError {
    #[error("`{projection}` is being rebuilt with another scope ({phase}); wait for its end")]
    Busy { projection: String, phase: &'static str },
    #[error("`{0}` does not follow the streams of a reconciliation")]
    OutOfScope(String),
    #[error(transparent)]
    Store(#[from] Fault),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Requested {
    pub rebuild: Rebuild,
    /// It was under way already.
    pub resumed: bool,
}

/// Registers a rebuild, or finds the one that is under way. A blocked one begins again with what stopped it.
///
/// # Errors
/// [`RequestError`].
pub async fn request(
    store: &(impl RebuildStore + ?Sized),
    projection: &Registered,
    scope: &Scope,
    by: Option<&str>,
    now: Timestamp,
) -> Result<Requested, RequestError> {
    if matches!(scope, Scope::Reconciliation { .. }) && !projection.follows_runs() {
        return Err(RequestError::OutOfScope(projection.name.to_owned()));
    }
    for _ in 0..MAX_TRIES {
        let mut registration = store.registration(projection.name).await?;
        let fresh =
            || Rebuild::new(registration.revision + 1, scope.clone(), projection.format, by.map(str::to_owned), now);
        let rebuild = match registration.rebuild.clone() {
            Some(rebuild) if rebuild.phase == Phase::Blocked && rebuild.scope == *scope => {
                let mut again = Rebuild { unfolded: Vec::new(), unfolded_count: 0, ..rebuild };
                again.enter(Phase::Counting, now);
                again
            }
            Some(rebuild) if !rebuild.phase.is_end() => {
                if rebuild.scope == *scope {
                    return Ok(Requested { rebuild, resumed: true });
                }
                let phase = rebuild.phase.as_str();
                return Err(RequestError::Busy { projection: projection.name.to_owned(), phase });
            }
            _ => fresh(),
        };
        if *scope == Scope::All && registration.versions.building.is_none() {
            registration.versions.building = Some(registration.versions.live + 1);
        }
        registration.rebuild = Some(rebuild.clone());
        if store.register(projection.name, &registration).await? {
            return Ok(Requested { rebuild, resumed: false });
        }
    }
    Err(Fault::Busy("the registration of the projection keeps changing".into()).into())
}
