//! Where a read of a Stripe account stands: three lists, one after the other, each newest first.

use crate::{provider::ProviderError, recent::Recent};
use domain::{Timestamp, time::Window};
use serde::{Deserialize, Serialize};
use serde_json::Value;

const VERSION: u8 = 1;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum List {
    /// What moved on the balance: captured charges and refunds.
    BalanceTransactions,
    /// Charges that never reached the balance.
    Charges,
    /// Refunds that never reached the balance, and the older charges behind all refunds.
    Refunds,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Cursor {
    v: u8,
    pub(super) list: List,
    /// `created[lt]`, fixed at the start: new objects arrive at the head of every list.
    pub(super) until: Timestamp,
    pub(super) after: Option<String>,
    /// Charges given as evidence already.
    pub(super) parents: Recent,
}

impl Cursor {
    /// `None` when nothing of the window lies in the past.
    pub(super) fn start(window: Window, now: Timestamp) -> Option<Self> {
        let now = Timestamp::from_millis(now.millis() - now.millis().rem_euclid(1000));
        let until = window.to.min(now);
        let first =
            Self { v: VERSION, list: List::BalanceTransactions, until, after: None, parents: Recent::default() };
        (window.from < until).then_some(first)
    }

    pub(super) fn read(stored: Value) -> Result<Self, ProviderError> {
        let unreadable =
            || ProviderError::Rejected { message: "the stored cursor is not one of this adapter".to_owned() };
        let cursor: Self = serde_json::from_value(stored).map_err(|_| unreadable())?;
        if cursor.v == VERSION { Ok(cursor) } else { Err(unreadable()) }
    }

    /// On in the same list, or at the beginning of the next one.
    pub(super) fn next(mut self, after: Option<String>) -> Option<Self> {
        if after.is_none() {
            self.list = match self.list {
                List::BalanceTransactions => List::Charges,
                List::Charges => List::Refunds,
                List::Refunds => return None,
            };
        }
        self.after = after;
        Some(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_upper_bound_is_fixed_and_a_full_cursor_is_small() {
        let day = |text: &str| Timestamp::parse(text).unwrap();
        let window = Window { from: day("2026-01-01T00:00:00Z"), to: day("2026-02-01T00:00:00Z") };
        let mut cursor = Cursor::start(window, day("2026-01-10T00:00:00.9Z")).unwrap();
        assert_eq!(cursor.until, day("2026-01-10T00:00:00Z"));
        for number in 0..500 {
            cursor.parents.remember(&format!("ch_{number:024}"));
        }
        let cursor = cursor.next(Some("txn_1MiN3gLkdIwHu7ixxapQrznl".into())).unwrap();
        let stored = serde_json::to_value(&cursor).unwrap();
        assert!(stored.to_string().len() < 4000);
        assert_eq!(Cursor::read(stored), Ok(cursor));
        assert_eq!(Cursor::start(window, window.from), None);
    }
}
