//! What a deployment decides about steps: how long they may wait, and what happens when one fails for good.

use domain::saga::OnFailure;
use std::collections::BTreeMap;

/// Six hours: long enough for a provider's bad day to pass, short enough for a person to hear of it on the same day.
pub const WAIT_BUDGET_S: u32 = 6 * 3_600;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policies {
    /// All waits of one step together, in seconds. Waits for a person do not count.
    pub wait_budget_s: u32,
    on_failure: BTreeMap<String, OnFailure>,
}

impl Default for Policies {
    fn default() -> Self {
        Self { wait_budget_s: WAIT_BUDGET_S, on_failure: BTreeMap::new() }
    }
}

impl Policies {
    /// Out of `step=pause,other_step=compensate`; a step that is not named is compensated.
    ///
    /// # Errors
    /// The entry that cannot be read.
    pub fn parse(wait_budget_s: u32, text: &str) -> Result<Self, String> {
        let entries = text.split(',').map(str::trim).filter(|entry| !entry.is_empty());
        let on_failure = entries
            .map(|entry| {
                let (step, policy) = entry.split_once('=').ok_or_else(|| format!("`{entry}` is not step=policy"))?;
                let policy = match policy {
                    "pause" => OnFailure::Pause,
                    "compensate" => OnFailure::Compensate,
                    _ => return Err(format!("`{policy}` is neither pause nor compensate")),
                };
                Ok((step.to_owned(), policy))
            })
            .collect::<Result<_, String>>()?;
        Ok(Self { wait_budget_s, on_failure })
    }

    #[must_use]
    pub fn of(&self, step: &str) -> OnFailure {
        self.on_failure.get(step).copied().unwrap_or(OnFailure::Compensate)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_that_is_not_named_is_compensated() {
        let policies = Policies::parse(60, "persist_results=pause, finish=compensate,").unwrap();
        assert_eq!(policies.of("persist_results"), OnFailure::Pause);
        assert_eq!(policies.of("finish"), OnFailure::Compensate);
        assert_eq!(policies.of("perform_matching"), OnFailure::Compensate);
        assert!(Policies::parse(60, "finish").is_err() && Policies::parse(60, "finish=sometimes").is_err());
    }
}
