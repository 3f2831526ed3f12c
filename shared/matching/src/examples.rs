//! Records and runs for tests that stand beside the code.

use crate::{Memory, RunInput};
use domain::{
    Currency, Money, Timestamp,
    record::{Kind, Record, Side},
    records::Orders,
    time::Window,
};

/// A sale or a charge of some EUR at an instant in milliseconds.
pub(crate) fn record(side: Side, id: &str, amount_minor: i64, at: i64) -> Record {
    let kind = if side == Side::Source { Kind::Sale } else { Kind::Charge };
    let money = Money { amount_minor, currency: Currency::parse("EUR").expect("a currency") };
    Record::plain(side, kind, id.to_owned(), money, Timestamp::from_millis(at))
}

/// Of the first day, looked at long after.
pub(crate) fn input(source: impl IntoIterator<Item = Record>, target: impl IntoIterator<Item = Record>) -> RunInput {
    const DAY_MS: i64 = 86_400_000;
    RunInput {
        source: source.into_iter().collect(),
        target: target.into_iter().collect(),
        orders: Orders::default(),
        window: Window { from: Timestamp::from_millis(0), to: Timestamp::from_millis(DAY_MS) },
        as_of: Timestamp::from_millis(90 * DAY_MS),
        memory: Memory::default(),
    }
}
