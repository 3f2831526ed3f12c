//! A packed record as it is read.

use super::{
    Head, NUMBERS, SAID, flag, from_words, number,
    pieces::{Packed, position, read},
    text,
};
use crate::{
    money::{Currency, Money},
    record::{Counterparty, Kind, OrderRef, Precision, RawPointer, Record, Reference, Scheme, Settled, Side, Status},
    time::Timestamp,
};

/// One of [`Records`]; what it tells is what the [`Record`] said.
#[derive(Clone, Copy)]
pub struct RecordRef<'a> {
    pub(super) packed: Packed<'a, Head>,
    pub(super) pages: &'a [String],
}

impl<'a> RecordRef<'a> {
    #[must_use]
    #[inline]
    pub fn id(self) -> &'a str {
        read(&mut self.packed.texts())
    }

    #[must_use]
    #[inline]
    pub fn side(self) -> Side {
        self.packed.head.side
    }

    #[must_use]
    #[inline]
    pub fn kind(self) -> Kind {
        self.packed.head.kind
    }

    #[must_use]
    #[inline]
    pub fn status(self) -> Status {
        self.packed.head.status
    }

    #[must_use]
    #[inline]
    pub fn amount_minor(self) -> i64 {
        self.packed.head.amount_minor
    }

    #[must_use]
    #[inline]
    pub fn currency(self) -> Currency {
        self.packed.head.currency
    }

    #[must_use]
    #[inline]
    pub fn shop_money(self) -> Option<Money> {
        self.money(number::SHOP_AMOUNT, number::SHOP_CURRENCY)
    }

    #[must_use]
    #[inline]
    pub fn authorized_minor(self) -> Option<i64> {
        self.number(number::AUTHORIZED)
    }

    #[must_use]
    #[inline]
    pub fn fee_minor(self) -> Option<i64> {
        self.number(number::FEE)
    }

    #[must_use]
    #[inline]
    pub fn net_minor(self) -> Option<i64> {
        self.number(number::NET)
    }

    #[must_use]
    #[inline]
    pub fn settled_money(self) -> Option<Money> {
        self.money(number::SETTLED_AMOUNT, number::SETTLED_CURRENCY)
    }

    #[must_use]
    #[inline]
    pub fn occurred_at(self) -> Timestamp {
        self.packed.head.occurred_at
    }

    #[must_use]
    #[inline]
    pub fn precision(self) -> Precision {
        if self.has(flag::WHOLE_DAY) { Precision::Day } else { Precision::Instant }
    }

    #[must_use]
    #[inline]
    pub fn settled_at(self) -> Option<Timestamp> {
        self.number(number::SETTLED_AT).map(Timestamp::from_millis)
    }

    #[must_use]
    #[inline]
    pub fn test(self) -> bool {
        self.has(flag::TEST)
    }

    #[must_use]
    #[inline]
    pub fn disputed(self) -> bool {
        self.has(flag::DISPUTED)
    }

    #[must_use]
    #[inline]
    pub fn evidence_only(self) -> bool {
        self.has(flag::EVIDENCE_ONLY)
    }

    #[must_use]
    pub fn raw(self) -> Option<RawPointer> {
        let pointer = self.number(number::RAW)?;
        let page = usize::try_from(pointer >> u32::BITS).ok().and_then(|page| self.pages.get(page))?;
        let index = u32::try_from(pointer & i64::from(u32::MAX)).ok()?;
        Some(RawPointer { page: page.clone(), index })
    }

    /// Equal where the hashes are, and nothing else.
    #[must_use]
    #[inline]
    pub fn email_words(self) -> Option<&'a [i64; 4]> {
        self.place_of(number::EMAIL_HASH)?.first_chunk()
    }

    /// Which optional fields it has.
    #[must_use]
    #[inline]
    pub fn fields(self) -> Fields {
        Fields(self.packed.head.has)
    }

    /// All texts, read in one go. Always inlined: who looks at a few of them leaves the others out.
    #[must_use]
    #[inline(always)]
    pub fn texts(self) -> Texts<'a> {
        let mut rest = self.packed.texts();
        let id = read(&mut rest);
        let mut next = |field: u32| self.has(field).then(|| read(&mut rest));
        let order_id = next(text::ORDER_ID);
        let order_name = next(text::ORDER_NAME);
        let order = order_id.zip(order_name).map(|(id, name)| OrderRef { id, name });
        Texts {
            id,
            order,
            last4: next(text::LAST4),
            name: next(text::NAME),
            memo: next(text::MEMO),
            parent: next(text::PARENT),
            group: next(text::GROUP),
            gateway: next(text::GATEWAY),
            rate: next(text::RATE),
            refs: References { id, rest },
        }
    }

    #[must_use]
    #[inline]
    pub fn order(self) -> Option<OrderRef<&'a str>> {
        if self.has(text::ORDER_ID) { self.texts().order } else { None }
    }

    #[must_use]
    #[inline]
    pub fn parent(self) -> Option<&'a str> {
        if self.has(text::PARENT) { self.texts().parent } else { None }
    }

    /// Looks at each part of the record and says nothing of use. Whoever reads records in another order than they lie in asks
    /// for some of them first: looks that do not wait for each other fetch the memory at once.
    #[must_use]
    #[inline]
    pub fn look(self) -> usize {
        const CACHE_LINE: usize = 64;
        let texts = self.packed.texts().as_bytes().iter().step_by(CACHE_LINE).map(|byte| usize::from(*byte));
        texts.sum::<usize>() + usize::from(self.numbers().first().is_some_and(|number| *number != 0))
    }

    /// Appends what the record says, without where its raw object lies: equal bytes say the same, and none begin with those of
    /// another.
    #[inline]
    pub fn write_content(self, out: &mut Vec<u8>) {
        let (head, texts) = (self.packed.head, self.packed.texts());
        // What all records have goes in one piece.
        let mut fixed = [0; 30];
        fixed[..8].copy_from_slice(&head.amount_minor.to_le_bytes());
        fixed[8..16].copy_from_slice(&head.occurred_at.millis().to_le_bytes());
        fixed[16..20].copy_from_slice(&(head.has & SAID).to_le_bytes());
        fixed[20..24].copy_from_slice(&position::<u32>(texts.len()).to_le_bytes());
        fixed[24..27].copy_from_slice(&head.currency.bytes());
        fixed[27..].copy_from_slice(&[head.side as u8, head.kind as u8, head.status as u8]);
        out.extend_from_slice(&fixed);
        let count = (head.has & NUMBERS).count_ones() as usize;
        for number in &self.numbers()[..count] {
            out.extend_from_slice(&number.to_le_bytes());
        }
        out.extend_from_slice(texts.as_bytes());
    }

    #[must_use]
    pub fn to_record(self) -> Record {
        let owned = |text: Option<&str>| text.map(str::to_owned);
        let texts = self.texts();
        Record {
            id: texts.id.to_owned(),
            side: self.side(),
            kind: self.kind(),
            status: self.status(),
            amount_minor: self.amount_minor(),
            currency: self.currency(),
            shop_money: self.shop_money(),
            authorized_minor: self.authorized_minor(),
            fee_minor: self.fee_minor(),
            net_minor: self.net_minor(),
            settled: self.settled_money().map(|money| Settled { money, rate: owned(texts.rate) }),
            occurred_at: self.occurred_at(),
            precision: self.precision(),
            settled_at: self.settled_at(),
            refs: texts.refs.map(Reference::lower_cased).collect(),
            counterparty: Counterparty {
                email_hash: self.email_words().copied().map(from_words),
                name: owned(texts.name),
                last4: owned(texts.last4),
            },
            memo: owned(texts.memo),
            parent: owned(texts.parent),
            group: owned(texts.group),
            gateway: owned(texts.gateway),
            order: texts.order.map(|order| OrderRef { id: order.id.to_owned(), name: order.name.to_owned() }),
            test: self.test(),
            disputed: self.disputed(),
            evidence_only: self.evidence_only(),
            raw: self.raw(),
        }
    }

    #[inline]
    fn has(self, field: u32) -> bool {
        self.packed.head.has & (1 << field) != 0
    }

    #[inline]
    fn numbers(self) -> &'a [i64] {
        self.packed.numbers(self.packed.head.numbers)
    }

    /// The numbers from this field on.
    #[inline]
    fn place_of(self, field: u32) -> Option<&'a [i64]> {
        let before = self.packed.head.has & ((1 << field) - 1);
        self.has(field).then(|| &self.numbers()[before.count_ones() as usize..])
    }

    #[inline]
    fn number(self, field: u32) -> Option<i64> {
        self.place_of(field)?.first().copied()
    }

    #[inline]
    fn money(self, amount: u32, currency: u32) -> Option<Money> {
        let (amount_minor, currency) = self.number(amount).zip(self.number(currency))?;
        Some(Money { amount_minor, currency: Currency::from_number(currency) })
    }
}

impl PartialEq for RecordRef<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.to_record() == other.to_record()
    }
}

impl std::fmt::Debug for RecordRef<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.to_record().fmt(f)
    }
}

/// Which optional fields a record has, or any of several.
#[derive(Debug, Clone, Copy, Default)]
pub struct Fields(u32);

impl Fields {
    /// Those of either.
    #[must_use]
    #[inline]
    pub fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    #[must_use]
    pub fn email_hash(self) -> bool {
        self.has(number::EMAIL_HASH)
    }

    #[must_use]
    pub fn settled_at(self) -> bool {
        self.has(number::SETTLED_AT)
    }

    #[must_use]
    pub fn last4(self) -> bool {
        self.has(text::LAST4)
    }

    #[must_use]
    pub fn name(self) -> bool {
        self.has(text::NAME)
    }

    #[must_use]
    pub fn memo(self) -> bool {
        self.has(text::MEMO)
    }

    #[must_use]
    pub fn order(self) -> bool {
        self.has(text::ORDER_ID)
    }

    #[must_use]
    pub fn parent(self) -> bool {
        self.has(text::PARENT)
    }

    fn has(self, field: u32) -> bool {
        self.0 & (1 << field) != 0
    }
}

/// The texts of a record.
#[derive(Debug, Clone)]
pub struct Texts<'a> {
    pub id: &'a str,
    pub order: Option<OrderRef<&'a str>>,
    pub last4: Option<&'a str>,
    pub name: Option<&'a str>,
    pub memo: Option<&'a str>,
    pub parent: Option<&'a str>,
    pub group: Option<&'a str>,
    pub gateway: Option<&'a str>,
    pub rate: Option<&'a str>,
    /// By scheme and value.
    pub refs: References<'a>,
}

/// References that are read one after the other. Those that repeat the record's id are written as it is, whatever its case.
#[derive(Debug, Clone)]
pub struct References<'a> {
    id: &'a str,
    rest: &'a str,
}

impl<'a> Iterator for References<'a> {
    type Item = Reference<&'a str>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let code = *self.rest.as_bytes().first()?;
        self.rest = &self.rest[1..];
        let scheme = match code & !OWN_ID {
            0 => Scheme::MovementId,
            1 => Scheme::PaymentId,
            2 => Scheme::ChargeId,
            3 => Scheme::PaymentIntentId,
            4 => Scheme::OrderId,
            5 => Scheme::OrderName,
            6 => Scheme::Metadata(read(&mut self.rest)),
            _ => Scheme::Text,
        };
        let value = if code & OWN_ID == 0 { read(&mut self.rest) } else { self.id };
        Some(Reference { scheme, value })
    }
}

/// In the code of a reference: its value is the record's id, and not written again.
const OWN_ID: u8 = 8;

/// What stands for a scheme in front of a reference; the name of a metadata key follows it.
pub(super) fn code(scheme: &Scheme, own_id: bool) -> u8 {
    let own_id = if own_id { OWN_ID } else { 0 };
    let scheme = match scheme {
        Scheme::MovementId => 0,
        Scheme::PaymentId => 1,
        Scheme::ChargeId => 2,
        Scheme::PaymentIntentId => 3,
        Scheme::OrderId => 4,
        Scheme::OrderName => 5,
        Scheme::Metadata(_) => 6,
        Scheme::Text => 7,
    };
    scheme | own_id
}
