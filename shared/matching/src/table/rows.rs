//! A record as integers: what is asked of every record, and apart from it what only some are compared by.

use super::{
    Halves, Ix, Left, NONE, Value, ValueList,
    signs::{Said, Sign, Signs},
    texts::trimmed,
};
use crate::reason::Reason;
use domain::{
    Currency,
    record::{Kind, Precision, Side, Status},
    records::{self, RecordRef},
    time::Window,
};

/// Direction of the money; only records of one class can be partners.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Class {
    Payment,
    Refund,
    /// Moves no money.
    Nothing,
}

/// What every tier asks of a record first, in few bytes: who walks over all rows, or looks at them here and there,
/// waits for memory most of the time.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    pub amount: i64,
    pub at: i64,
    pub currency: u16,
    pub class: Class,
    pub kind: Kind,
    /// Why the record is out of scope.
    pub excluded: Option<Reason>,
    pub target: bool,
    pub flags: Flags,
    /// A movement of an order, as a shop has them. What belongs to none, a payment or a booking, names the other side's
    /// orders and references instead of having one. Sides are told apart by this and not by which file came first, so that
    /// exchanging them changes nothing.
    pub of_order: bool,
}

/// What else is so of a record, a bit for each.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Flags(u8);

impl Flags {
    const IN_WINDOW: u8 = 1;
    const EVIDENCE: u8 = 2;
    const PENDING: u8 = 4;
    const WHOLE_DAY: u8 = 8;
    const DISPUTED: u8 = 16;
    const TWO_MONEYS: u8 = 32;

    fn of(record: RecordRef<'_>, window: Window) -> Self {
        let flags = [
            (Self::IN_WINDOW, !record.evidence_only() && window.contains(record.occurred_at())),
            (Self::EVIDENCE, record.evidence_only()),
            (Self::PENDING, record.status() == Status::Pending),
            (Self::WHOLE_DAY, record.precision() == Precision::Day),
            (Self::DISPUTED, record.disputed()),
            (Self::TWO_MONEYS, record.shop_money().is_some_and(|shop| shop.currency != record.currency())),
        ];
        Self(flags.into_iter().map(|(bit, is_so)| if is_so { bit } else { 0 }).sum())
    }
}

impl Row {
    pub fn side(&self) -> Side {
        if self.target { Side::Target } else { Side::Source }
    }

    pub fn in_window(&self) -> bool {
        self.is(Flags::IN_WINDOW)
    }

    pub fn evidence(&self) -> bool {
        self.is(Flags::EVIDENCE)
    }

    pub fn pending(&self) -> bool {
        self.is(Flags::PENDING)
    }

    pub fn whole_day(&self) -> bool {
        self.is(Flags::WHOLE_DAY)
    }

    pub fn disputed(&self) -> bool {
        self.is(Flags::DISPUTED)
    }

    /// The shop tells the amount in its own currency, too.
    pub fn two_moneys(&self) -> bool {
        self.is(Flags::TWO_MONEYS)
    }

    fn is(&self, flag: u8) -> bool {
        self.flags.0 & flag != 0
    }
}

const _: () = assert!(size_of::<Row>() == 24);

/// What half of the records say in words. Until all is numbered at once, their signs are places in these lists.
#[derive(Debug, Default)]
pub(super) struct Words<'a> {
    currencies: Vec<Currency>,
    emails: ValueList<&'a [i64; 4]>,
    last4s: ValueList<&'a str>,
    names: ValueList<&'a str>,
    memos: ValueList<&'a str>,
}

impl<'a> Words<'a> {
    pub fn make_room(&mut self, left: Left) {
        self.emails.make_room(left);
        for list in [&mut self.last4s, &mut self.names, &mut self.memos] {
            list.make_room(left);
        }
    }

    fn last4(&mut self, text: Option<&'a str>) -> u32 {
        match text.and_then(card) {
            Some(card) => card,
            None => value(&mut self.last4s, text).saturating_add(CARDS),
        }
    }

    /// What a record says; its order is known by its reference.
    pub fn read(
        &mut self,
        target: bool,
        record: RecordRef<'a>,
        texts: &records::Texts<'a>,
        parent: Option<Ix>,
        excluded: Option<Reason>,
        window: Window,
    ) -> (Row, Said) {
        let row = Row {
            amount: record.amount_minor(),
            at: record.occurred_at().millis(),
            currency: currency_id(&mut self.currencies, record.currency()),
            class: if excluded.is_some() { Class::Nothing } else { class_of(record.kind()) },
            kind: record.kind(),
            excluded,
            target,
            flags: Flags::of(record, window),
            of_order: texts.order.is_some(),
        };
        let mut said = Said::NOTHING;
        said.say(Sign::Email, record.email_words().map_or(NONE, |words| self.emails.place(words).0));
        said.say(Sign::Last4, self.last4(texts.last4));
        said.say(Sign::Name, value(&mut self.names, texts.name));
        said.say(Sign::Memo, value(&mut self.memos, texts.memo));
        said.say(Sign::Parent, parent.unwrap_or(NONE));
        said.settled_after_ms = record.settled_at().map_or(0, |at| at.millis().wrapping_sub(row.at));
        (row, said)
    }
}

/// The place in the list of the value.
fn value<'a>(list: &mut ValueList<&'a str>, text: Option<&'a str>) -> u32 {
    text.map(trimmed).filter(|text| !text.is_empty()).map_or(NONE, |text| list.place(text).0)
}

/// Numbers that the last four digits of a card can be. Lists of other texts begin behind them.
const CARDS: u32 = 10_000;

/// The number that four digits are: nearly all payments have some, and none of them needs to be looked for.
fn card(last4: &str) -> Option<u32> {
    let digits: [u8; 4] = trimmed(last4).as_bytes().try_into().ok()?;
    let four = digits.iter().all(u8::is_ascii_digit);
    four.then(|| digits.into_iter().fold(0, |number, digit| number * 10 + u32::from(digit - b'0')))
}

/// What the words of both halves became.
pub(super) struct Numbered {
    pub currencies: Vec<Currency>,
    currency_ids: [Vec<u16>; 2],
    /// E-mails, cards, names and memos.
    pub person: [Column; Signs::PERSON],
    /// How many different values of people there are.
    pub people: u32,
}

impl Numbered {
    pub fn of([first, second]: [Words<'_>; 2]) -> Self {
        let (currencies, currency_ids) = common_currencies([first.currencies, second.currencies]);
        // Equal texts of two fields are two values.
        let mut people = 0;
        let person = [
            Column::number(0, [first.emails, second.emails], &mut people),
            Column::number(CARDS, [first.last4s, second.last4s], &mut people),
            Column::number(0, [first.names, second.names], &mut people),
            Column::number(0, [first.memos, second.memos], &mut people),
        ];
        Self { currencies, currency_ids, person, people }
    }

    pub fn currency(&self, half: usize, id: u16) -> u16 {
        self.currency_ids[half].get(usize::from(id)).copied().unwrap_or(u16::MAX)
    }
}

/// Numbers of the values of both halves.
pub(super) struct Column {
    first: u32,
    /// So many values are numbers by themselves, and those of the lists follow.
    known: u32,
    of: Halves<u32>,
}

impl Column {
    /// From `next` on.
    fn number<T: Value>(known: u32, lists: [ValueList<T>; 2], next: &mut u32) -> Self {
        let first = *next;
        let (of, count) = ValueList::number(lists);
        *next += known + count;
        Self { first, known, of }
    }

    /// The number of a value that is known, or stands at a place of a half's list behind those.
    pub fn of(&self, half: usize, value: u32) -> u32 {
        match value.checked_sub(self.known) {
            None => self.first + value,
            // `NONE` has no place.
            Some(place) => self.of.0[half].get(place as usize).map_or(NONE, |number| self.first + self.known + number),
        }
    }
}

pub(super) const EMPTY: Row = Row {
    amount: 0,
    at: 0,
    currency: 0,
    class: Class::Nothing,
    kind: Kind::Change,
    excluded: None,
    target: false,
    flags: Flags(0),
    of_order: false,
};

fn currency_id(currencies: &mut Vec<Currency>, currency: Currency) -> u16 {
    let found = currencies.iter().position(|known| *known == currency).unwrap_or_else(|| {
        currencies.push(currency);
        currencies.len() - 1
    });
    u16::try_from(found).unwrap_or(u16::MAX)
}

/// The currencies of both halves by code, as numbers must not tell which record came first, and what the halves' numbers
/// became.
fn common_currencies(halves: [Vec<Currency>; 2]) -> (Vec<Currency>, [Vec<u16>; 2]) {
    let mut all: Vec<Currency> = halves.iter().flatten().copied().collect();
    all.sort_unstable();
    all.dedup();
    let number = |currency| all.binary_search(&currency).ok().and_then(|at| u16::try_from(at).ok()).unwrap_or(u16::MAX);
    let numbers = halves.map(|own| own.into_iter().map(number).collect());
    (all, numbers)
}

fn class_of(kind: Kind) -> Class {
    match kind {
        Kind::Sale | Kind::Capture | Kind::Charge => Class::Payment,
        Kind::Refund => Class::Refund,
        Kind::Authorization | Kind::Void | Kind::Change => Class::Nothing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn four_digits_are_a_number_and_everything_else_is_a_text() {
        assert_eq!(["0042", " 4242 ", "9999"].map(card), [Some(42), Some(4_242), Some(9_999)]);
        assert_eq!(["42", "04242", "42x2", "٤٢٤٢", ""].map(card), [None; 5]);
    }
}
