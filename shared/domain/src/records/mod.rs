//! Many records, packed: a run holds millions of them, and a [`Record`] of its own takes a kilobyte in a dozen pieces.
//!
//! Here the numbers of all records lie side by side and the texts of one record in one piece behind those of the record
//! before it, so that a fraction of the memory is enough and whoever walks over all of them reads memory in order.

mod orders;
mod pieces;
mod view;

use crate::{
    money::Currency,
    record::{Counterparty, EmailHash, Kind, Precision, Record, Reference, Scheme, Side, Status},
    time::Timestamp,
};

pub use orders::Orders;
use pieces::{PIECE, Piece, Pieces, digit, position, write};
pub use view::{Fields, RecordRef, References, Texts};

/// Records in the order in which they were added. The references of each are in order of scheme and value.
#[derive(Clone, Default)]
pub struct Records {
    pieces: Pieces<Head>,
    /// Pages that [`Record::raw`] names.
    pages: Vec<String>,
}

/// What every record has, and where the rest of it begins.
#[derive(Debug, Clone)]
struct Head {
    amount_minor: i64,
    occurred_at: Timestamp,
    /// Which optional numbers and texts there are, and what is so of the record, a bit for each.
    has: u32,
    texts: u32,
    /// Where the optional numbers begin.
    numbers: u16,
    currency: Currency,
    side: Side,
    kind: Kind,
    status: Status,
}

const _: () = assert!(size_of::<Head>() == 32);

impl pieces::Head for Head {
    #[inline]
    fn texts(&self) -> u32 {
        self.texts
    }
}

/// Optional numbers, in the order in which they are kept.
mod number {
    pub const SHOP_AMOUNT: u32 = 0;
    pub const SHOP_CURRENCY: u32 = 1;
    pub const AUTHORIZED: u32 = 2;
    pub const FEE: u32 = 3;
    pub const NET: u32 = 4;
    pub const SETTLED_AMOUNT: u32 = 5;
    pub const SETTLED_CURRENCY: u32 = 6;
    pub const SETTLED_AT: u32 = 7;
    /// Of four, which are there or not together.
    pub const EMAIL_HASH: u32 = 8;
    /// Which of [`Records::pages`](super::Records), and the position on it: the last, as it is nothing that a record says.
    pub const RAW: u32 = 12;
    pub const COUNT: u32 = 13;
}

const _: () = assert!(PIECE * number::COUNT as usize <= u16::MAX as usize);

/// The bits of all optional numbers that a record says.
const NUMBERS: u32 = (1 << number::RAW) - 1;

/// Optional texts, in the order in which they are kept, behind the id and before the references.
mod text {
    use super::number;
    pub const ORDER_ID: u32 = number::COUNT;
    pub const ORDER_NAME: u32 = ORDER_ID + 1;
    pub const LAST4: u32 = ORDER_ID + 2;
    pub const NAME: u32 = ORDER_ID + 3;
    pub const MEMO: u32 = ORDER_ID + 4;
    pub const PARENT: u32 = ORDER_ID + 5;
    pub const GROUP: u32 = ORDER_ID + 6;
    pub const GATEWAY: u32 = ORDER_ID + 7;
    pub const RATE: u32 = ORDER_ID + 8;
    pub const END: u32 = ORDER_ID + 9;
}

/// The bits of all that a record says.
const SAID: u32 = ((1 << flag::END) - 1) & !(1 << number::RAW);

/// What is so of a record.
mod flag {
    use super::text;
    pub const TEST: u32 = text::END;
    pub const DISPUTED: u32 = TEST + 1;
    pub const EVIDENCE_ONLY: u32 = TEST + 2;
    /// Its time is a day.
    pub const WHOLE_DAY: u32 = TEST + 3;
    pub const END: u32 = TEST + 4;
}

impl Records {
    #[must_use]
    pub fn len(&self) -> usize {
        self.pieces.len()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    /// # Panics
    /// When there is no such record.
    #[must_use]
    pub fn at(&self, at: usize) -> RecordRef<'_> {
        RecordRef { packed: self.pieces.at(at), pages: &self.pages }
    }

    pub fn iter(&self) -> impl Iterator<Item = RecordRef<'_>> + Clone {
        let pages = self.pages.as_slice();
        self.pieces.iter().map(move |packed| RecordRef { packed, pages })
    }

    /// # Panics
    /// When the texts of 4,096 records take 4 GiB.
    pub fn push(&mut self, record: &Record) {
        let raw = record.raw.as_ref().map(|raw| (i64::from(self.page(&raw.page)) << u32::BITS) | i64::from(raw.index));
        let Piece { heads, numbers, texts } = self.pieces.open();
        let (first, start, mut has) = (position(numbers.len()), position(texts.len()), flags_of(record));
        for (field, value) in numbers_of(record).chain([(number::RAW, raw)]) {
            if let Some(value) = value {
                has |= 1 << field;
                numbers.push(value);
            }
        }
        write(texts, &record.id);
        for (field, value) in texts_of(record) {
            if let Some(value) = value {
                has |= 1 << field;
                write(texts, value);
            }
        }
        write_references(texts, record);
        heads.push(Head {
            amount_minor: record.amount_minor,
            occurred_at: record.occurred_at,
            has,
            texts: start,
            numbers: first,
            currency: record.currency,
            side: record.side,
            kind: record.kind,
            status: record.status,
        });
    }

    /// Records of one page come one after the other.
    fn page(&mut self, page: &str) -> u32 {
        if self.pages.last().is_none_or(|last| last != page) {
            self.pages.push(page.to_owned());
        }
        position(self.pages.len() - 1)
    }
}

fn flags_of(record: &Record) -> u32 {
    let flags = [
        (flag::TEST, record.test),
        (flag::DISPUTED, record.disputed),
        (flag::EVIDENCE_ONLY, record.evidence_only),
        (flag::WHOLE_DAY, record.precision == Precision::Day),
    ];
    flags.into_iter().map(|(flag, is_so)| u32::from(is_so) << flag).sum()
}

fn numbers_of(record: &Record) -> impl Iterator<Item = (u32, Option<i64>)> {
    let settled = record.settled.as_ref().map(|settled| settled.money);
    let email_hash = record.counterparty.email_hash.map(words);
    let word = move |at: usize| email_hash.map(|words| words[at]);
    let numbers = [
        (number::SHOP_AMOUNT, record.shop_money.map(|money| money.amount_minor)),
        (number::SHOP_CURRENCY, record.shop_money.map(|money| money.currency.to_number())),
        (number::AUTHORIZED, record.authorized_minor),
        (number::FEE, record.fee_minor),
        (number::NET, record.net_minor),
        (number::SETTLED_AMOUNT, settled.map(|money| money.amount_minor)),
        (number::SETTLED_CURRENCY, settled.map(|money| money.currency.to_number())),
        (number::SETTLED_AT, record.settled_at.map(Timestamp::millis)),
    ];
    numbers.into_iter().chain((number::EMAIL_HASH..).zip([0, 1, 2, 3].map(word)))
}

/// A hash as numbers; see [`from_words`].
fn words(hash: EmailHash) -> [i64; 4] {
    let bytes = hash.bytes();
    let (words, _) = bytes.as_chunks();
    std::array::from_fn(|at| i64::from_le_bytes(words[at]))
}

/// The hash that [`words`] made numbers of.
fn from_words(words: [i64; 4]) -> EmailHash {
    let mut bytes = [0; 32];
    let (parts, _) = bytes.as_chunks_mut();
    parts.iter_mut().zip(words).for_each(|(part, word)| *part = word.to_le_bytes());
    EmailHash::from_bytes(bytes)
}

fn texts_of(record: &Record) -> [(u32, Option<&str>); 9] {
    let Counterparty { name, last4, .. } = &record.counterparty;
    let order = record.order.as_ref();
    [
        (text::ORDER_ID, order.map(|order| order.id.as_str())),
        (text::ORDER_NAME, order.map(|order| order.name.as_str())),
        (text::LAST4, last4.as_deref()),
        (text::NAME, name.as_deref()),
        (text::MEMO, record.memo.as_deref()),
        (text::PARENT, record.parent.as_deref()),
        (text::GROUP, record.group.as_deref()),
        (text::GATEWAY, record.gateway.as_deref()),
        (text::RATE, record.settled.as_ref().and_then(|settled| settled.rate.as_deref())),
    ]
}

fn write_references(out: &mut String, record: &Record) {
    let Record { id, refs: references, .. } = record;
    let mut write_one = |reference: &Reference| {
        // Nearly every movement refers to itself, and then its id stands there already.
        let own = reference.value.bytes().eq(id.bytes().map(|byte| byte.to_ascii_lowercase()));
        out.push(digit(view::code(&reference.scheme, own).into()));
        if let Scheme::Metadata(name) = &reference.scheme {
            write(out, name);
        }
        if !own {
            write(out, &reference.value);
        }
    };
    if references.is_sorted() {
        references.iter().for_each(write_one);
    } else {
        let mut sorted: Vec<&Reference> = references.iter().collect();
        sorted.sort_unstable();
        sorted.into_iter().for_each(&mut write_one);
    }
}

impl std::fmt::Debug for Records {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl<'a> FromIterator<&'a Record> for Records {
    fn from_iter<T: IntoIterator<Item = &'a Record>>(records: T) -> Self {
        let mut all = Self::default();
        all.extend(records);
        all
    }
}

impl FromIterator<Record> for Records {
    fn from_iter<T: IntoIterator<Item = Record>>(records: T) -> Self {
        let mut all = Self::default();
        all.extend(records);
        all
    }
}

impl<'a> Extend<&'a Record> for Records {
    fn extend<T: IntoIterator<Item = &'a Record>>(&mut self, records: T) {
        records.into_iter().for_each(|record| self.push(record));
    }
}

impl Extend<Record> for Records {
    fn extend<T: IntoIterator<Item = Record>>(&mut self, records: T) {
        records.into_iter().for_each(|record| self.push(&record));
    }
}

impl PartialEq for Records {
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len() && self.iter().eq(other.iter())
    }
}

#[cfg(test)]
mod tests;
