//! Many orders, packed as records are.

use super::pieces::{self, Packed, Piece, Pieces, position, read, write};
use crate::{
    money::{Currency, Money},
    record::Order,
    time::Timestamp,
};

/// Orders as they were added.
#[derive(Clone, Default)]
pub struct Orders(Pieces<Head>);

#[derive(Debug, Clone)]
struct Head {
    total_minor: i64,
    occurred_at: Timestamp,
    texts: u32,
    /// Where the time of the cancellation stands, if there was one.
    cancelled_at: u16,
    is_cancelled: bool,
    has_financial_status: bool,
    test: bool,
    currency: Currency,
}

const _: () = assert!(size_of::<Head>() == 32);

impl Orders {
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// # Panics
    /// When there is no such order.
    #[must_use]
    pub fn at(&self, at: usize) -> Order<&str> {
        self.0.at(at).order()
    }

    pub fn iter(&self) -> impl Iterator<Item = Order<&str>> + Clone {
        self.0.iter().map(Packed::order)
    }

    /// When the order at this place was made.
    ///
    /// # Panics
    /// When there is no such order.
    #[must_use]
    #[inline]
    pub fn occurred_at(&self, at: usize) -> Timestamp {
        self.0.at(at).head.occurred_at
    }

    /// Its id.
    ///
    /// # Panics
    /// When there is no such order.
    #[must_use]
    #[inline]
    pub fn id(&self, at: usize) -> &str {
        read(&mut self.0.at(at).texts())
    }

    /// Appends what the order at this place says: equal bytes say the same, and none begin with those of another.
    ///
    /// # Panics
    /// When there is no such order.
    #[inline]
    pub fn write_content(&self, at: usize, out: &mut Vec<u8>) {
        let order = self.0.at(at);
        let (head, texts) = (order.head, order.texts());
        // What all orders have goes in one piece.
        let mut fixed = [0; 26];
        fixed[..8].copy_from_slice(&head.total_minor.to_le_bytes());
        fixed[8..16].copy_from_slice(&head.occurred_at.millis().to_le_bytes());
        fixed[16..20].copy_from_slice(&position::<u32>(texts.len()).to_le_bytes());
        fixed[20..23].copy_from_slice(&head.currency.bytes());
        fixed[23..].copy_from_slice(&[head.is_cancelled, head.has_financial_status, head.test].map(u8::from));
        out.extend_from_slice(&fixed);
        if head.is_cancelled {
            out.extend_from_slice(&order.numbers(head.cancelled_at)[0].to_le_bytes());
        }
        out.extend_from_slice(texts.as_bytes());
    }

    pub fn totals(&self) -> impl Iterator<Item = Money> {
        self.0.iter().map(|order| order.head.total())
    }

    /// # Panics
    /// When the texts of 4,096 orders take 4 GiB.
    pub fn push(&mut self, order: &Order) {
        let Order { id, name, total, occurred_at, cancelled_at, test, financial_status } = order;
        let Piece { heads, numbers, texts } = self.0.open();
        let (start, cancelled) = (position(texts.len()), position(numbers.len()));
        numbers.extend(cancelled_at.map(Timestamp::millis));
        write(texts, id);
        write(texts, name);
        if let Some(status) = financial_status {
            write(texts, status);
        }
        heads.push(Head {
            total_minor: total.amount_minor,
            occurred_at: *occurred_at,
            texts: start,
            cancelled_at: cancelled,
            is_cancelled: cancelled_at.is_some(),
            has_financial_status: financial_status.is_some(),
            test: *test,
            currency: total.currency,
        });
    }
}

impl Head {
    fn total(&self) -> Money {
        Money { amount_minor: self.total_minor, currency: self.currency }
    }
}

impl pieces::Head for Head {
    #[inline]
    fn texts(&self) -> u32 {
        self.texts
    }
}

impl<'a> Packed<'a, Head> {
    #[inline]
    fn order(self) -> Order<&'a str> {
        let (head, mut texts) = (self.head, self.texts());
        let cancelled_at = || Timestamp::from_millis(self.numbers(head.cancelled_at)[0]);
        Order {
            id: read(&mut texts),
            name: read(&mut texts),
            total: head.total(),
            occurred_at: head.occurred_at,
            cancelled_at: head.is_cancelled.then(cancelled_at),
            test: head.test,
            financial_status: head.has_financial_status.then(|| read(&mut texts)),
        }
    }
}

impl std::fmt::Debug for Orders {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl Extend<Order> for Orders {
    fn extend<T: IntoIterator<Item = Order>>(&mut self, orders: T) {
        orders.into_iter().for_each(|order| self.push(&order));
    }
}

impl FromIterator<Order> for Orders {
    fn from_iter<T: IntoIterator<Item = Order>>(orders: T) -> Self {
        let mut all = Self::default();
        all.extend(orders);
        all
    }
}
