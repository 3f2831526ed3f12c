//! An endpoint's secrets as the secret store keeps them: the current one, and for a day the one before it.

use base64::{Engine, engine::general_purpose::STANDARD};
use domain::{EndpointId, TenantId, Timestamp};
use serde::{Deserialize, Serialize};
use std::fmt;

const PREFIX: &str = "whsec_";
/// How long a receiver may go on verifying with the secret before the last rotation.
pub const OVERLAP_MS: i64 = 24 * 3_600_000;

/// The two secrets that may be valid. Never printed.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndpointSecret {
    current: String,
    /// Counts rotations. One that the job's events do not know is one whose answer was lost.
    #[serde(default)]
    rotation: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    previous: Option<Previous>,
}

#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Previous {
    secret: String,
    valid_until: Timestamp,
}

impl fmt::Debug for EndpointSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EndpointSecret(hidden)")
    }
}

/// Name of an endpoint's entry below the deployment's prefix.
#[must_use]
pub fn endpoint_secret(tenant: &TenantId, endpoint: &EndpointId) -> String {
    format!("{tenant}/webhook/{endpoint}")
}

/// The key in a `whsec_…` secret; none when it is not one.
#[must_use]
pub fn key_of(secret: &str) -> Option<Vec<u8>> {
    STANDARD.decode(secret.strip_prefix(PREFIX)?).ok().filter(|key| !key.is_empty())
}

fn written(bytes: &[u8; 32]) -> String {
    format!("{PREFIX}{}", STANDARD.encode(bytes))
}

impl EndpointSecret {
    /// A first secret out of bytes that nobody can foresee.
    #[must_use]
    pub fn new(bytes: &[u8; 32]) -> Self {
        Self { current: written(bytes), rotation: 0, previous: None }
    }

    /// A new secret; the present one stays valid for a day, one before it no longer.
    #[must_use]
    pub fn rotated(&self, bytes: &[u8; 32], now: Timestamp) -> Self {
        let valid_until = Timestamp::from_millis(now.millis() + OVERLAP_MS);
        Self {
            current: written(bytes),
            rotation: self.rotation + 1,
            previous: Some(Previous { secret: self.current.clone(), valid_until }),
        }
    }

    /// For the one answer that shows it.
    #[must_use]
    pub fn current(&self) -> &str {
        &self.current
    }

    /// Rotations so far.
    #[must_use]
    pub fn rotation(&self) -> u32 {
        self.rotation
    }

    /// Until when the secret before this one is valid; none when there is none.
    #[must_use]
    pub fn previous_valid_until(&self) -> Option<Timestamp> {
        self.previous.as_ref().map(|previous| previous.valid_until)
    }

    /// Keys to sign with, the current one first.
    #[must_use]
    pub fn keys(&self, now: Timestamp) -> Vec<Vec<u8>> {
        let previous = self.previous.iter().filter(|previous| now < previous.valid_until);
        std::iter::once(&self.current)
            .chain(previous.map(|previous| &previous.secret))
            .filter_map(|s| key_of(s))
            .collect()
    }

    /// As the secret store keeps it.
    ///
    /// # Errors
    /// When it cannot be written as JSON.
    pub fn write(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string(self)
    }

    /// None for an entry that was not written here; what it says is not repeated.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_secrets_are_valid_for_a_day_and_never_three() {
        let at = Timestamp::from_millis;
        let first = EndpointSecret::new(&[1; 32]);
        assert_eq!(first.keys(at(0)), [vec![1; 32]]);
        let second = first.rotated(&[2; 32], at(0));
        assert_eq!(second.keys(at(OVERLAP_MS - 1)), [vec![2; 32], vec![1; 32]]);
        assert_eq!(second.keys(at(OVERLAP_MS)), [vec![2; 32]]);
        let third = second.rotated(&[3; 32], at(1));
        assert_eq!(third.keys(at(2)), [vec![3; 32], vec![2; 32]]);
        assert_eq!(EndpointSecret::read(&third.write().unwrap()), Some(third));
    }

    #[test]
    fn a_secret_has_the_standards_form_and_is_not_printed() {
        let secret = EndpointSecret::new(&[7; 32]);
        assert!(secret.current().starts_with("whsec_"));
        assert_eq!(key_of(secret.current()), Some(vec![7; 32]));
        assert!(!format!("{secret:?}").contains("Bwc"), "{secret:?}");
        for bad in ["", "whsec_", "whsec_%", "sk_AAAA"] {
            assert_eq!(key_of(bad), None, "{bad}");
        }
    }
}
