//! What a connection has to know about an account, and what is wrong with what was given: all of it at once.

use serde_json::Value;
use std::fmt;

/// Longest credential accepted: real ones have 38 to 110 characters.
const MAX_SECRET_LENGTH: usize = 256;

/// A field of the credentials that cannot be used. Never holds the value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldError {
    /// JSON pointer within the credentials; empty for the whole document.
    pub pointer: String,
    pub code: &'static str,
    pub detail: String,
}

/// A value that is shown to nobody.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Secret(String);

impl Secret {
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<secret>")
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Credentials {
    Shopify { shop: String, access_token: Secret },
    Stripe { api_key: Secret },
}

/// # Errors
/// Every field that is missing, of the wrong type or form, or unknown; one error at the root for an unknown adapter.
pub fn validate_credentials(adapter: &str, credentials: &Value) -> Result<(), Vec<FieldError>> {
    if adapter == crate::csv::ADAPTER {
        return crate::csv::Upload::read(credentials).map(|_| ());
    }
    Credentials::read(adapter, credentials).map(|_| ())
}

impl Credentials {
    pub(crate) fn read(adapter: &str, credentials: &Value) -> Result<Self, Vec<FieldError>> {
        let mut errors = Vec::new();
        let fields: &[&str] = match adapter {
            "shopify" => &["shop", "access_token"],
            "stripe" => &["api_key"],
            _ => return Err(vec![root("unknown_adapter", "no such adapter; known are shopify, stripe and csv")]),
        };
        let Some(object) = credentials.as_object() else {
            return Err(vec![root("wrong_type", &format!("must be an object with {}", fields.join(" and ")))]);
        };
        for name in object.keys().filter(|name| !fields.contains(&name.as_str())) {
            let shown: String = name.chars().take(40).collect();
            errors.push(at(&shown, "unknown_field", &format!("is not a credential of {adapter}")));
        }
        let mut field = |name: &str, check: fn(&str) -> Result<(), &'static str>| {
            let problem = match object.get(name) {
                None | Some(Value::Null) => at(name, "missing", "is required"),
                Some(Value::String(text)) => match check(text) {
                    Ok(()) => return text.clone(),
                    Err(detail) => at(name, "invalid", detail),
                },
                Some(_) => at(name, "wrong_type", "must be a string"),
            };
            errors.push(problem);
            String::new()
        };
        let read = match adapter {
            "shopify" => Self::Shopify {
                shop: field("shop", check_shop),
                access_token: Secret(field("access_token", check_secret)),
            },
            _ => Self::Stripe { api_key: Secret(field("api_key", check_secret)) },
        };
        if errors.is_empty() { Ok(read) } else { Err(errors) }
    }
}

/// `^[a-z0-9][a-z0-9-]{0,59}$`: the name becomes part of a host, so nothing else may pass.
fn check_shop(shop: &str) -> Result<(), &'static str> {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let fits = (1..=60).contains(&shop.len()) && shop.bytes().all(allowed) && !shop.starts_with('-');
    if fits {
        Ok(())
    } else {
        Err("must be the name before .myshopify.com: 1 to 60 of a-z, 0-9 and -, not starting with -")
    }
}

/// It becomes a header: visible ASCII without spaces.
fn check_secret(secret: &str) -> Result<(), &'static str> {
    let fits = (1..=MAX_SECRET_LENGTH).contains(&secret.len()) && secret.bytes().all(|byte| byte.is_ascii_graphic());
    if fits { Ok(()) } else { Err("must be 1 to 256 visible ASCII characters without spaces") }
}

pub(crate) fn root(code: &'static str, detail: &str) -> FieldError {
    FieldError { pointer: String::new(), code, detail: detail.to_owned() }
}

pub(crate) fn at(name: &str, code: &'static str, detail: &str) -> FieldError {
    let escaped = name.replace('~', "~0").replace('/', "~1");
    FieldError { pointer: format!("/{escaped}"), code, detail: detail.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn codes(adapter: &str, credentials: &Value) -> Vec<(String, &'static str)> {
        let errors = validate_credentials(adapter, credentials).unwrap_err();
        errors.into_iter().map(|error| (error.pointer, error.code)).collect()
    }

    #[test]
    fn complete_credentials_pass() {
        assert_eq!(validate_credentials("shopify", &json!({"shop": "acme-1", "access_token": "shpat_x"})), Ok(()));
        assert_eq!(validate_credentials("stripe", &json!({"api_key": "rk_test_x"})), Ok(()));
    }

    #[test]
    fn everything_wrong_is_named_at_once() {
        assert_eq!(
            codes("shopify", &json!({"shop": 7, "a/b": 1})),
            [("/a~1b".into(), "unknown_field"), ("/shop".into(), "wrong_type"), ("/access_token".into(), "missing")]
        );
        assert_eq!(codes("stripe", &json!({"api_key": "two words"})), [("/api_key".into(), "invalid")]);
        assert_eq!(codes("stripe", &json!([])), [(String::new(), "wrong_type")]);
        assert_eq!(codes("paypal", &json!({})), [(String::new(), "unknown_adapter")]);
    }

    #[test]
    fn a_shop_cannot_leave_its_host() {
        for bad in ["", "-a", "Acme", "a.b", "evil.com/", "a@b", "a/b", "{shop}", "ä", &"a".repeat(61)] {
            assert_eq!(
                codes("shopify", &json!({"shop": bad, "access_token": "t"})),
                [("/shop".into(), "invalid")],
                "{bad:?}"
            );
        }
    }

    #[test]
    fn values_are_never_shown() {
        let errors = validate_credentials("stripe", &json!({"api_key": "sk_live_secret secret"})).unwrap_err();
        let credentials = Credentials::read("stripe", &json!({"api_key": "sk_live_secret"})).unwrap();
        assert!(!format!("{errors:?}{credentials:?}").contains("sk_live"));
    }
}
