//! The name of a circuit: `stripe` for the provider as a whole, `stripe.acme` for one tenant's account there.

use domain::TenantId;
use serde::{Deserialize, Serialize};
use std::fmt;

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CircuitKey {
    pub provider: String,
    pub tenant: Option<TenantId>,
}

/// Longest name of a provider.
const MAX_PROVIDER: usize = 32;

impl CircuitKey {
    #[must_use]
    pub fn provider(provider: &str) -> Self {
        Self { provider: provider.to_owned(), tenant: None }
    }

    #[must_use]
    pub fn tenant(provider: &str, tenant: &TenantId) -> Self {
        Self { provider: provider.to_owned(), tenant: Some(tenant.clone()) }
    }

    /// None for what is not the name of a circuit.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (provider, tenant) = match text.split_once('.') {
            None => (text, None),
            Some((provider, tenant)) => (provider, Some(TenantId::parse(tenant).ok()?)),
        };
        let fits = (1..=MAX_PROVIDER).contains(&provider.len());
        let named = fits && provider.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
        named.then(|| Self { provider: provider.to_owned(), tenant })
    }
}

impl fmt::Display for CircuitKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.tenant {
            None => f.write_str(&self.provider),
            Some(tenant) => write!(f, "{}.{tenant}", self.provider),
        }
    }
}

impl TryFrom<String> for CircuitKey {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        Self::parse(&text).ok_or_else(|| format!("`{text}` is not the name of a circuit"))
    }
}

impl From<CircuitKey> for String {
    fn from(key: CircuitKey) -> Self {
        key.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_back_and_nothing_else_does() {
        for name in ["stripe", "shopify.acme", "stripe.T_1-x"] {
            assert_eq!(CircuitKey::parse(name).unwrap().to_string(), name);
        }
        for bad in ["", ".", "stripe.", "Stripe", "stripe.a.b", "stripe/acme", &"s".repeat(33)] {
            assert_eq!(CircuitKey::parse(bad), None, "{bad}");
        }
    }
}
