//! From a row to the canonical record.

use super::row::Row;
use crate::refs::{References, last4, memo};
use domain::{
    Money,
    record::{Counterparty, EmailHash, Kind, Record, Scheme, Side},
};
use sha2::{Digest, Sha256};
use std::collections::HashMap;

/// Ids for rows that have none: what is in the row, and which of the equal ones it is.
#[derive(Debug, Default)]
pub(super) struct ContentIds(HashMap<u64, u32>);

impl ContentIds {
    /// The same rows get the same ids in whatever order they stand.
    pub fn next(&mut self, row: &Row<'_>) -> String {
        let mut hash = Sha256::new();
        for number in [row.occurred_at.millis(), row.amount_minor, row.fee_minor.unwrap_or(i64::MIN)] {
            hash.update(number.to_le_bytes());
        }
        let kind = format!("{:?}{:?}", row.kind, row.precision);
        let texts = [Some(row.currency.code()), Some(kind.as_str()), row.memo, row.email, row.name, row.last4];
        for text in texts.into_iter().map(Option::unwrap_or_default).chain(row.references().map(|(_, value)| value)) {
            hash.update(text.as_bytes());
            hash.update([0]);
        }
        let digest = hash.finalize();
        let content = digest.iter().take(8).fold(0_u64, |sum, byte| (sum << 8) | u64::from(*byte));
        let ordinal = self.0.entry(content).and_modify(|count| *count += 1).or_insert(1);
        match *ordinal {
            1 => format!("row-{content:016x}"),
            again => format!("row-{content:016x}-{again}"),
        }
    }
}

/// `id` is the row's own or one of [`ContentIds`].
pub(super) fn canonical(row: &Row<'_>, id: String, side: Side) -> Record {
    let mut refs = References::default();
    // An id made from the content is known to nobody else.
    if row.id.is_some() {
        refs.add(Scheme::MovementId, &id);
    }
    for (column, value) in row.references() {
        if is_payment_id(value) {
            refs.add_payment_id(value);
        } else {
            refs.add(Scheme::Metadata(column.to_lowercase()), value);
        }
    }
    if let Some(text) = row.memo {
        refs.add_text(text);
    }
    let by_sign = match side {
        _ if row.amount_minor < 0 => Kind::Refund,
        Side::Source => Kind::Sale,
        Side::Target => Kind::Charge,
    };
    Record {
        fee_minor: row.fee_minor,
        net_minor: row.fee_minor.and_then(|fee| row.amount_minor.checked_sub(fee)),
        precision: row.precision,
        refs: refs.into_vec(),
        counterparty: Counterparty {
            email_hash: row.email.and_then(EmailHash::of),
            name: row.name.map(str::to_owned),
            last4: row.last4.and_then(last4),
        },
        memo: row.memo.and_then(memo),
        ..Record::plain(
            side,
            row.kind.unwrap_or(by_sign),
            id,
            Money { amount_minor: row.amount_minor, currency: row.currency },
            row.occurred_at,
        )
    }
}

/// Ids that say by their beginning what they are.
fn is_payment_id(value: &str) -> bool {
    ["ch_", "py_", "pi_", "re_", "pyr_"].iter().any(|prefix| value.starts_with(prefix))
}
