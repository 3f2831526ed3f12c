//! Identifiers as types of their own, so that a tenant can never stand where a job belongs.
//!
//! Every id that a client may choose matches `[A-Za-z0-9_-]{1,64}`: it becomes part of keys, S3 paths and execution
//! names, and none of these may need escaping.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use std::{borrow::Cow, fmt};
use thiserror::Error;

/// Longest id accepted from outside. Long enough for a prefixed UUID, short enough for a command to stay within its
/// write units.
pub const MAX_ID_LENGTH: usize = 64;

#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("must be 1 to {MAX_ID_LENGTH} characters out of A-Z, a-z, 0-9, _ and -")]
pub struct InvalidId;

fn check(raw: &str) -> Result<(), InvalidId> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    let fits = !raw.is_empty() && raw.len() <= MAX_ID_LENGTH;
    if fits && raw.bytes().all(allowed) { Ok(()) } else { Err(InvalidId) }
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// # Errors
            /// [`InvalidId`] unless `raw` matches `[A-Za-z0-9_-]{1,64}`.
            pub fn parse(raw: impl Into<String>) -> Result<Self, InvalidId> {
                let raw = raw.into();
                check(&raw)?;
                Ok(Self(raw))
            }

            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                let example = concat!("a", stringify!($name));
                json_schema!({ "type": "string", "pattern": "^[A-Za-z0-9_-]{1,64}$", "examples": [example] })
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidId;
            fn try_from(raw: String) -> Result<Self, InvalidId> {
                Self::parse(raw)
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.0
            }
        }
    };
}

id!(
    /// Owner of everything: no key of tenant data can be built without one.
    TenantId
);
id!(
    /// One run over a date range, unique within its tenant.
    ReconciliationId
);
id!(
    /// What to reconcile and how; versioned by its event stream.
    JobId
);
id!(
    /// A provider account and where its credentials are.
    ConnectionId
);
id!(
    /// A customer's address that is told about runs, unique within its tenant.
    EndpointId
);
id!(
    /// A file that a client has put, or may put, into the data bucket.
    UploadId
);
id!(
    /// Follows one request through every event, log line and message.
    CorrelationId
);

/// Counts the tries of one reconciliation, from 1.
pub type AttemptNumber = u32;

/// Crockford base 32 in lower case, 26 characters for 128 bits, as TypeID writes them: with the prefix `recon_` an id
/// has 32 characters, the length up to which a start command stays within eight write units.
#[must_use]
pub fn typed(prefix: &str, bits: u128) -> String {
    const DIGITS: [char; 32] = [
        '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'j', 'k', 'm', 'n',
        'p', 'q', 'r', 's', 't', 'v', 'w', 'x', 'y', 'z',
    ];
    let mut id = String::with_capacity(prefix.len() + 27);
    id.push_str(prefix);
    id.push('_');
    for position in (0..26).rev() {
        let digit = (bits >> (position * 5)) & 31;
        // `digit` is masked to five bits, so the lookup always finds one.
        id.push(DIGITS.get(usize::try_from(digit).unwrap_or(0)).copied().unwrap_or('0'));
    }
    id
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepts_what_can_stand_in_a_key_and_nothing_else() {
        assert!(JobId::parse("job_01-A").is_ok());
        assert!(JobId::parse("x".repeat(64)).is_ok());
        for bad in ["", "a b", "a/b", "ä", "a#b", &"x".repeat(65)] {
            assert_eq!(JobId::parse(bad), Err(InvalidId), "{bad:?}");
        }
    }

    #[test]
    fn typed_ids_follow_the_published_vectors() {
        assert_eq!(typed("prefix", 0), "prefix_00000000000000000000000000");
        assert_eq!(typed("prefix", u128::MAX), "prefix_7zzzzzzzzzzzzzzzzzzzzzzzzz");
        assert_eq!(typed("prefix", 0x0110_c853_1d09_52d8_d73e_1194_e95b_5f19), "prefix_0123456789abcdefghjkmnpqrs");
        assert_eq!(typed("recon", 7).len(), 32);
    }
}
