//! Where a read of a shop stands: two selections, one after the other, each in slices of time.

use crate::{provider::ProviderError, recent::Recent};
use domain::{Timestamp, time::Window};
use serde::{Deserialize, Serialize};
use serde_json::Value;

const VERSION: u8 = 1;
const DAY_MS: i64 = 86_400_000;
const HOUR_MS: i64 = 3_600_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Selection {
    /// Orders by their own date.
    Orders,
    /// Older orders, by the date on which their money moved.
    Money,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Cursor {
    v: u8,
    pub(super) selection: Selection,
    /// End of the whole read, fixed at its start: nothing that happens later belongs to it.
    pub(super) until: Timestamp,
    pub(super) from: Timestamp,
    pub(super) to: Timestamp,
    pub(super) after: Option<String>,
    /// Pages read of this slice.
    pub(super) pages: u32,
    /// A day had so many orders that its movements have to be read by the hour.
    pub(super) crowded: bool,
    /// Orders that this slice may show again.
    pub(super) seen: Recent,
}

impl Cursor {
    /// `None` when nothing of the window lies in the past.
    pub(super) fn start(window: Window, now: Timestamp) -> Option<Self> {
        // Shopify's times are whole seconds; a bound within a second would fall between its comparisons.
        let now = Timestamp::from_millis(now.millis() - now.millis().rem_euclid(1000));
        let until = window.to.min(now);
        let cursor = Self {
            v: VERSION,
            selection: Selection::Orders,
            until,
            from: window.from,
            to: window.from,
            after: None,
            pages: 0,
            crowded: false,
            seen: Recent::default(),
        };
        (window.from < until).then(|| cursor.slice_at(Selection::Orders, window.from))
    }

    pub(super) fn read(stored: Value) -> Result<Self, ProviderError> {
        let unreadable =
            || ProviderError::Rejected { message: "the stored cursor is not one of this adapter".to_owned() };
        let cursor: Self = serde_json::from_value(stored).map_err(|_| unreadable())?;
        if cursor.v == VERSION { Ok(cursor) } else { Err(unreadable()) }
    }

    pub(super) fn slice(&self) -> Window {
        Window { from: self.from, to: self.to }
    }

    /// The following page of this slice.
    pub(super) fn next_page(mut self, after: String) -> Self {
        self.after = Some(after);
        self.pages += 1;
        self
    }

    /// What follows when this slice is read; `None` at the end of the last one.
    pub(super) fn next_slice(self, window: Window) -> Option<Self> {
        let (to, until) = (self.to, self.until);
        match self.selection {
            selection if to < until => Some(self.slice_at(selection, to)),
            Selection::Orders => Some(self.slice_at(Selection::Money, window.from)),
            Selection::Money => None,
        }
    }

    /// The same slice from a later instant on, with the memory kept: what lies on the instant comes again.
    pub(super) fn rest_of_slice(mut self, from: Timestamp) -> Self {
        self.from = from;
        self.after = None;
        self.pages = 0;
        self
    }

    fn slice_at(mut self, selection: Selection, from: Timestamp) -> Self {
        let by_hour = selection == Selection::Money && self.crowded;
        let width = if by_hour { HOUR_MS } else { DAY_MS };
        self.to = Timestamp::from_millis(from.millis().saturating_add(width)).min(self.until);
        self.selection = selection;
        self.from = from;
        self.after = None;
        self.pages = 0;
        self.seen.clear();
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        Timestamp::parse(text).unwrap()
    }

    #[test]
    fn slices_cover_the_window_once_per_selection_without_gaps() {
        let window = Window { from: at("2026-01-01T05:00:00Z"), to: at("2026-01-31T05:00:00Z") };
        for crowded in [false, true] {
            let mut cursor = Cursor::start(window, at("2026-01-04T03:00:00.7Z"));
            let mut ends = vec![];
            while let Some(mut here) = cursor {
                here.crowded = crowded;
                let last = ends.last().copied();
                assert!(last.is_none_or(
                    |(selection, to)| to == here.from || (selection != here.selection && here.from == window.from)
                ));
                ends.push((here.selection, here.to));
                cursor = here.next_slice(window);
            }
            assert_eq!(ends.last(), Some(&(Selection::Money, at("2026-01-04T03:00:00Z"))));
            assert_eq!(ends.len(), if crowded { 3 + 70 } else { 6 });
        }
    }

    #[test]
    fn a_window_in_the_future_has_nothing_to_read() {
        let window = Window { from: at("2026-01-02T00:00:00Z"), to: at("2026-01-03T00:00:00Z") };
        assert_eq!(Cursor::start(window, at("2026-01-01T00:00:00Z")), None);
    }

    #[test]
    fn a_full_cursor_is_small_and_reads_back() {
        let window = Window { from: at("2026-01-01T00:00:00Z"), to: at("2026-01-02T00:00:00Z") };
        let mut cursor = Cursor::start(window, window.to).unwrap().next_page("x".repeat(200));
        for number in 0..500 {
            cursor.seen.remember(&format!("gid://shopify/Order/{number:020}"));
        }
        let stored = serde_json::to_value(&cursor).unwrap();
        assert!(stored.to_string().len() < 4000, "{}", stored.to_string().len());
        assert_eq!(Cursor::read(stored), Ok(cursor));
        assert!(matches!(Cursor::read(serde_json::json!({"v": 2})), Err(ProviderError::Rejected { .. })));
    }
}
