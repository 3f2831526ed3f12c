//! The signs by which the members of a match agree: a set of few, in an order that is always the same. In JSON it is a
//! list of their names.

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::borrow::Cow;

pub const AMOUNT: u16 = 1;
pub const CURRENCY: u16 = 1 << 1;
pub const STRONG_ID: u16 = 1 << 2;
pub const REFERENCE: u16 = 1 << 3;
pub const PARENT: u16 = 1 << 4;
pub const EMAIL: u16 = 1 << 5;
pub const LAST4: u16 = 1 << 6;
pub const NAME: u16 = 1 << 7;
pub const MEMO: u16 = 1 << 8;
pub const DATE: u16 = 1 << 9;
pub const RESERVATION: u16 = 1 << 10;

const NAMES: [&str; 11] =
    ["amount", "currency", "strong_id", "reference", "parent", "email", "last4", "name", "memo", "date", "reservation"];

/// A set of the signs above, in a bit each: a run has millions. What another version of the engine calls otherwise is kept
/// as it was written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Fields {
    bits: u16,
    others: Option<Box<[Box<str>]>>,
}

impl Fields {
    /// Bits that stand for no sign are left out.
    #[must_use]
    pub const fn of(bits: u16) -> Self {
        Self { bits: bits & ((1 << NAMES.len()) - 1), others: None }
    }

    /// The signs that have a bit.
    #[must_use]
    pub const fn bits(&self) -> u16 {
        self.bits
    }

    pub fn names(&self) -> impl Iterator<Item = &str> {
        let known = NAMES.into_iter().enumerate().filter(|(bit, _)| self.bits & (1 << bit) != 0);
        known.map(|(_, name)| name).chain(self.others.iter().flatten().map(Box::as_ref))
    }
}

impl Serialize for Fields {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.names())
    }
}

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut bits = 0;
        let mut others: Vec<Box<str>> = Vec::new();
        for name in Vec::<Cow<'de, str>>::deserialize(deserializer)? {
            match NAMES.iter().position(|known| *known == name) {
                Some(bit) => bits |= 1 << bit,
                None => others.push(name.into()),
            }
        }
        Ok(Self { bits, others: (!others.is_empty()).then(|| others.into()) })
    }
}

impl JsonSchema for Fields {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Fields".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        Vec::<String>::json_schema(generator)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signs_are_a_list_of_names() {
        let fields = Fields::of(MEMO | AMOUNT | 1 << 15);
        assert_eq!(serde_json::to_string(&fields).unwrap(), r#"["amount","memo"]"#);
        assert_eq!(serde_json::from_str::<Fields>(r#"["memo","amount"]"#).unwrap(), fields);
    }

    #[test]
    fn what_another_version_wrote_is_kept() {
        let fields: Fields = serde_json::from_str(r#"["colour","memo"]"#).unwrap();
        assert_eq!(fields.bits(), MEMO);
        assert_eq!(serde_json::to_string(&fields).unwrap(), r#"["memo","colour"]"#);
    }

    #[test]
    fn every_sign_has_its_name() {
        assert_eq!(Fields::of(RESERVATION).names().collect::<Vec<_>>(), ["reservation"]);
        assert_eq!(Fields::of(u16::MAX).names().count(), NAMES.len());
    }
}
