//! Many records, packed: a run holds millions of them, and a [`Record`] of its own takes a kilobyte in a dozen pieces.
//!
//! Here the numbers of all records lie side by side and the texts of one record in one piece behind those of the record
//! before it, so that a third of the memory is enough and whoever walks over all of them reads memory in order.

mod view;

use crate::{
    money::Currency,
    record::{Counterparty, Kind, Precision, Record, Reference, Scheme, Side, Status},
    time::Timestamp,
};

pub use view::{RecordRef, References, Texts};

/// Records per piece. What grows is one piece, not everything: to grow is to copy, and fresh memory costs time.
const PIECE: usize = 1_024;

/// Records in the order in which they were added. The references of each are in order of scheme and value.
#[derive(Clone, Default)]
pub struct Records {
    /// All but the last are full.
    pieces: Vec<Piece>,
    /// Pages that [`Record::raw`] names.
    pages: Vec<String>,
}

#[derive(Clone, Default)]
struct Piece {
    heads: Vec<Head>,
    /// What only some records have, record by record.
    numbers: Vec<i64>,
    text: String,
}

impl Piece {
    /// Room for as much as the piece before holds, and a little more: records of one file are alike.
    fn after(last: Option<&Self>) -> Self {
        let room = |length: usize| length + length / 16;
        Self {
            heads: Vec::with_capacity(last.map_or(0, |last| last.heads.len())),
            numbers: Vec::with_capacity(last.map_or(0, |last| room(last.numbers.len()))),
            text: String::with_capacity(last.map_or(0, |last| room(last.text.len()))),
        }
    }
}

/// What every record has, and where the rest of it begins.
#[derive(Debug, Clone)]
struct Head {
    amount_minor: i64,
    occurred_at: Timestamp,
    /// Which optional numbers and texts there are, a bit for each.
    has: u32,
    /// Where the optional numbers begin.
    numbers: u32,
    /// Where the texts begin and end.
    text: [u32; 2],
    /// Of [`Records::pages`]; [`NO_PAGE`] without a pointer.
    page: u32,
    index: u32,
    currency: Currency,
    side: Side,
    kind: Kind,
    status: Status,
    precision: Precision,
    test: bool,
    disputed: bool,
    evidence_only: bool,
}

const NO_PAGE: u32 = u32::MAX;

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
    pub const COUNT: u32 = 8;
}

/// The bits of all optional numbers.
const NUMBERS: u32 = (1 << number::COUNT) - 1;

/// Optional texts, in the order in which they are kept, behind the id and before the references.
mod text {
    use super::number;
    pub const ORDER_ID: u32 = number::COUNT;
    pub const ORDER_NAME: u32 = ORDER_ID + 1;
    pub const EMAIL_HASH: u32 = ORDER_ID + 2;
    pub const LAST4: u32 = ORDER_ID + 3;
    pub const NAME: u32 = ORDER_ID + 4;
    pub const MEMO: u32 = ORDER_ID + 5;
    pub const PARENT: u32 = ORDER_ID + 6;
    pub const GROUP: u32 = ORDER_ID + 7;
    pub const GATEWAY: u32 = ORDER_ID + 8;
    pub const RATE: u32 = ORDER_ID + 9;
}

impl Records {
    #[must_use]
    pub fn len(&self) -> usize {
        let last = self.pieces.last().map_or(0, |piece| piece.heads.len());
        self.pieces.len().saturating_sub(1) * PIECE + last
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    /// # Panics
    /// When there is no such record.
    #[must_use]
    pub fn at(&self, at: usize) -> RecordRef<'_> {
        let piece = &self.pieces[at / PIECE];
        RecordRef { head: &piece.heads[at % PIECE], piece, pages: &self.pages }
    }

    pub fn iter(&self) -> impl Iterator<Item = RecordRef<'_>> + Clone {
        let pages = self.pages.as_slice();
        self.pieces.iter().flat_map(move |piece| piece.heads.iter().map(move |head| RecordRef { head, piece, pages }))
    }

    /// # Panics
    /// When the texts of 1,024 records take 4 GiB.
    pub fn push(&mut self, record: &Record) {
        let (page, index) = record.raw.as_ref().map_or((NO_PAGE, 0), |raw| (self.page(&raw.page), raw.index));
        if self.pieces.last().is_none_or(|last| last.heads.len() == PIECE) {
            self.pieces.push(Piece::after(self.pieces.last()));
        }
        let last = self.pieces.len() - 1;
        let Piece { heads, numbers: optional, text: written } = &mut self.pieces[last];
        let (numbers, start, mut has) = (position(optional.len()), position(written.len()), 0);
        for (field, value) in numbers_of(record) {
            if let Some(value) = value {
                has |= 1 << field;
                optional.push(value);
            }
        }
        write(written, &record.id);
        for (field, value) in texts_of(record) {
            if let Some(value) = value {
                has |= 1 << field;
                write(written, value);
            }
        }
        write_references(written, &record.refs);
        heads.push(Head {
            amount_minor: record.amount_minor,
            occurred_at: record.occurred_at,
            has,
            numbers,
            text: [start, position(written.len())],
            page,
            index,
            currency: record.currency,
            side: record.side,
            kind: record.kind,
            status: record.status,
            precision: record.precision,
            test: record.test,
            disputed: record.disputed,
            evidence_only: record.evidence_only,
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

fn numbers_of(record: &Record) -> [(u32, Option<i64>); 8] {
    let settled = record.settled.as_ref().map(|settled| settled.money);
    [
        (number::SHOP_AMOUNT, record.shop_money.map(|money| money.amount_minor)),
        (number::SHOP_CURRENCY, record.shop_money.map(|money| money.currency.to_number())),
        (number::AUTHORIZED, record.authorized_minor),
        (number::FEE, record.fee_minor),
        (number::NET, record.net_minor),
        (number::SETTLED_AMOUNT, settled.map(|money| money.amount_minor)),
        (number::SETTLED_CURRENCY, settled.map(|money| money.currency.to_number())),
        (number::SETTLED_AT, record.settled_at.map(Timestamp::millis)),
    ]
}

fn texts_of(record: &Record) -> [(u32, Option<&str>); 10] {
    let Counterparty { email_hash, name, last4 } = &record.counterparty;
    let order = record.order.as_ref();
    [
        (text::ORDER_ID, order.map(|order| order.id.as_str())),
        (text::ORDER_NAME, order.map(|order| order.name.as_str())),
        (text::EMAIL_HASH, email_hash.as_deref()),
        (text::LAST4, last4.as_deref()),
        (text::NAME, name.as_deref()),
        (text::MEMO, record.memo.as_deref()),
        (text::PARENT, record.parent.as_deref()),
        (text::GROUP, record.group.as_deref()),
        (text::GATEWAY, record.gateway.as_deref()),
        (text::RATE, record.settled.as_ref().and_then(|settled| settled.rate.as_deref())),
    ]
}

#[expect(clippy::expect_used, reason = "no page of a provider and no row is a mebibyte, and a piece holds 1,024")]
fn position(length: usize) -> u32 {
    u32::try_from(length).expect("fewer than 2^32")
}

/// The length in digits of six bits, the least first and all but the last marked, and the text. As such digits are ASCII,
/// what is written is text and need not be checked again when it is read.
fn write(out: &mut String, text: &str) {
    let mut rest = text.len();
    while rest >= 64 {
        out.push(digit(64 | (rest & 63)));
        rest >>= 6;
    }
    out.push(digit(rest));
    out.push_str(text);
}

/// Of a value below 128.
fn digit(value: usize) -> char {
    char::from(value.to_le_bytes()[0])
}

fn write_references(out: &mut String, references: &[Reference]) {
    let mut write_one = |reference: &Reference| {
        out.push(digit(usize::from(view::code(&reference.scheme))));
        if let Scheme::Metadata(name) = &reference.scheme {
            write(out, name);
        }
        write(out, &reference.value);
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
