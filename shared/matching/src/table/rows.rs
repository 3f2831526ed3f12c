//! A record as integers: what is asked of every record, and apart from it what only some are compared by.

use super::{Halves, Ix, Left, NONE, Value, ValueList};
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

/// What every tier asks of a record first. Half a cache line: who walks over all rows, or looks at them here and there,
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
    pub in_window: bool,
    pub evidence: bool,
    pub pending: bool,
    pub whole_day: bool,
    pub disputed: bool,
    /// A movement of an order, as a shop has them. What belongs to none, a payment or a booking, names the other side's
    /// orders and references instead of having one. Sides are told apart by this and not by which file came first, so that
    /// exchanging them changes nothing.
    pub of_order: bool,
    /// The shop tells the amount in its own currency, too.
    pub two_moneys: bool,
}

impl Row {
    pub fn side(&self) -> Side {
        if self.target { Side::Target } else { Side::Source }
    }
}

/// What else ties a record to others: numbers of what it says, `NONE` for what it does not.
#[derive(Debug, Clone)]
pub(crate) struct Signs {
    /// When the money moved on the balance; the record's time when that is not known.
    pub settled_at: i64,
    pub email: u32,
    pub last4: u32,
    pub name: u32,
    pub memo: u32,
    /// Records that belong to one order, and no others, have one number here.
    pub order: u32,
    /// The movement of the same side that this one undoes or completes.
    pub parent: Ix,
}

const _: () = assert!(size_of::<Row>() == 32 && size_of::<Signs>() == 32);

impl Signs {
    /// How many signs of a person there are.
    pub const PERSON: usize = 4;

    /// Who paid.
    pub fn person(&self) -> [u32; Self::PERSON] {
        [self.email, self.last4, self.name, self.memo]
    }
}

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
    ) -> (Row, Signs) {
        let row = Row {
            amount: record.amount_minor(),
            at: record.occurred_at().millis(),
            currency: currency_id(&mut self.currencies, record.currency()),
            class: if excluded.is_some() { Class::Nothing } else { class_of(record.kind()) },
            kind: record.kind(),
            excluded,
            target,
            in_window: !record.evidence_only() && window.contains(record.occurred_at()),
            evidence: record.evidence_only(),
            pending: record.status() == Status::Pending,
            whole_day: record.precision() == Precision::Day,
            disputed: record.disputed(),
            of_order: texts.order.is_some(),
            two_moneys: record.shop_money().is_some_and(|shop| shop.currency != record.currency()),
        };
        let signs = Signs {
            settled_at: record.settled_at().unwrap_or(record.occurred_at()).millis(),
            email: record.email_words().map_or(NONE, |words| self.emails.place(words).0),
            last4: self.last4(texts.last4),
            name: value(&mut self.names, texts.name),
            memo: value(&mut self.memos, texts.memo),
            order: NONE,
            parent: parent.unwrap_or(NONE),
        };
        (row, signs)
    }
}

/// The place in the list of the value.
fn value<'a>(list: &mut ValueList<&'a str>, text: Option<&'a str>) -> u32 {
    text.map(str::trim).filter(|text| !text.is_empty()).map_or(NONE, |text| list.place(text).0)
}

/// Numbers that the last four digits of a card can be. Lists of other texts begin behind them.
const CARDS: u32 = 10_000;

/// The number that four digits are: nearly all payments have some, and none of them needs to be looked for.
fn card(last4: &str) -> Option<u32> {
    let digits = last4.trim().as_bytes();
    let four = digits.len() == 4 && digits.iter().all(u8::is_ascii_digit);
    four.then(|| digits.iter().fold(0, |number, digit| number * 10 + u32::from(digit - b'0')))
}

/// What the words of both halves became.
pub(super) struct Numbered {
    pub currencies: Vec<Currency>,
    currency_ids: [Vec<u16>; 2],
    emails: Column,
    /// The number of the card 0000; the others follow.
    cards: u32,
    last4s: Column,
    names: Column,
    memos: Column,
    /// How many different values of people there are.
    pub people: u32,
}

impl Numbered {
    pub fn of([first, second]: [Words<'_>; 2]) -> Self {
        let (currencies, currency_ids) = common_currencies([first.currencies, second.currencies]);
        // Equal texts of two fields are two values.
        let mut people = 0;
        let emails = Column::number([first.emails, second.emails], &mut people);
        let cards = people;
        people += CARDS;
        let last4s = Column::number([first.last4s, second.last4s], &mut people);
        let names = Column::number([first.names, second.names], &mut people);
        let memos = Column::number([first.memos, second.memos], &mut people);
        Self { currencies, currency_ids, emails, cards, last4s, names, memos, people }
    }

    /// Tells a record of a half the numbers of what it says.
    pub fn tell(&self, half: usize, row: &mut Row, signs: &mut Signs) {
        row.currency = self.currency_ids[half].get(usize::from(row.currency)).copied().unwrap_or(u16::MAX);
        signs.email = self.emails.of(half, signs.email);
        signs.last4 = match signs.last4.checked_sub(CARDS) {
            None => self.cards + signs.last4,
            Some(place) => self.last4s.of(half, place),
        };
        signs.name = self.names.of(half, signs.name);
        signs.memo = self.memos.of(half, signs.memo);
    }
}

/// Numbers of the texts of both halves.
struct Column {
    first: u32,
    of: Halves<u32>,
}

impl Column {
    /// From `next` on.
    fn number<T: Value>(lists: [ValueList<T>; 2], next: &mut u32) -> Self {
        let first = *next;
        let (of, count) = ValueList::number(lists);
        *next += count;
        Self { first, of }
    }

    fn of(&self, half: usize, place: u32) -> u32 {
        // `NONE` has no place.
        self.of.0[half].get(place as usize).map_or(NONE, |number| self.first + number)
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
    in_window: false,
    evidence: false,
    pending: false,
    whole_day: false,
    disputed: false,
    of_order: false,
    two_moneys: false,
};

pub(super) const NO_SIGNS: Signs =
    Signs { settled_at: 0, email: NONE, last4: NONE, name: NONE, memo: NONE, order: NONE, parent: NONE };

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
    use domain::{
        Money, Timestamp,
        record::{Counterparty, EmailHash, Record},
        records::Records,
    };
    use std::collections::BTreeSet;

    fn record(email: &str, last4: &str, name: &str, memo: &str) -> Record {
        let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let money = Money { amount_minor: 1, currency: Currency::parse("EUR").unwrap() };
        let counterparty = Counterparty { email_hash: EmailHash::of(email), last4: some(last4), name: some(name) };
        let plain = Record::plain(Side::Source, Kind::Sale, "id".to_owned(), money, Timestamp::from_millis(0));
        Record { counterparty, memo: some(memo), ..plain }
    }

    fn numbered(halves: [&[Record]; 2]) -> (Vec<Signs>, Numbered) {
        let window = Window { from: Timestamp::from_millis(0), to: Timestamp::from_millis(1) };
        let records = halves.map(|half| half.iter().collect::<Records>());
        let [(first, earlier), (second, later)] = [0, 1].map(|half| {
            let mut words = Words::default();
            let read: Vec<(Row, Signs)> = records[half]
                .iter()
                .map(|record| words.read(false, record, &record.texts(), None, None, window))
                .collect();
            (words, read)
        });
        let numbered = Numbered::of([first, second]);
        let tell = |half, (mut row, mut signs)| {
            numbered.tell(half, &mut row, &mut signs);
            signs
        };
        let signs = earlier.into_iter().map(|read| tell(0, read)).chain(later.into_iter().map(|read| tell(1, read)));
        (signs.collect(), numbered)
    }

    #[test]
    fn four_digits_are_a_number_and_everything_else_is_a_text() {
        assert_eq!(["0042", " 4242 ", "9999"].map(card), [Some(42), Some(4_242), Some(9_999)]);
        assert_eq!(["42", "04242", "42x2", "٤٢٤٢", ""].map(card), [None; 5]);
    }

    #[test]
    fn equal_values_of_one_field_have_one_number_and_no_other_field_has_it() {
        let first = [record("a@b", "4242", "Al", "4242"), record("A@B", " 4242", "4242", "")];
        let second = [record("x@y", "12345", "AL", "12345"), record("", "12345", "a@b", "")];
        let (signs, numbered) = numbered([&first, &second]);
        let [a, b, c, d] = signs.as_slice() else { panic!("four records") };
        assert_eq!((a.email, a.last4), (b.email, b.last4));
        assert_eq!((a.name, c.last4), (c.name, d.last4));
        assert_eq!((d.email, d.memo), (NONE, NONE));
        let different: BTreeSet<u32> =
            [a.email, c.email, a.last4, c.last4, a.name, b.name, d.name, a.memo, c.memo].into();
        assert_eq!(different.len(), 9);
        assert!(different.iter().all(|value| *value < numbered.people));
    }
}
