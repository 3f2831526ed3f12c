//! A made-up month of a shop, the same one every time: canonical records whose number says who belongs to whom.
//!
//! The provider sandbox makes richer data, but through two providers' documents; here a million orders are wanted in
//! memory within seconds. The mix follows its preset `typical`: nearly all payments carry a strong id, some only an
//! order's name in their metadata, some nothing but amount, time and buyer, and on each side some have no partner.

use domain::{
    money::{Currency, Money},
    record::{Counterparty, EmailHash, Kind, Order, OrderRef, Record, Reference, Scheme, Side},
    records::{Orders, Records},
    time::{Timestamp, Window},
};
use matching::{Memory, RunInput};
use settler_tests::sandbox::random::Random;

/// 2026-01-01T00:00:00Z.
const START_MS: i64 = 1_767_225_600_000;
const MONTH_MS: i64 = 31 * 86_400_000;
/// A payment follows its order within this time.
const LAG_MS: i64 = 90_000;

pub struct Month {
    pub input: RunInput,
    /// Pairs of records that belong together.
    pub true_pairs: usize,
}

/// What is left of the connection between an order's payment and its charge.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Link {
    StrongId,
    OrderName,
    BuyerAndAmount,
    SourceOnly,
    TargetOnly,
}

impl Link {
    fn draw(random: &mut Random) -> Self {
        match random.within(0, 1_000) {
            0..940 => Self::StrongId,
            940..970 => Self::OrderName,
            970..985 => Self::BuyerAndAmount,
            985..993 => Self::SourceOnly,
            _ => Self::TargetOnly,
        }
    }
}

pub fn month(orders: u32) -> Month {
    let window = Window { from: at(0), to: at(MONTH_MS) };
    let mut input = RunInput {
        source: Records::default(),
        target: Records::default(),
        orders: Orders::default(),
        window,
        // Late enough that nothing is merely not there yet.
        as_of: at(2 * MONTH_MS),
        memory: Memory::default(),
    };
    let mut random = Random::from_text(&format!("match_records|{orders}"));
    let mut paid_ms: Vec<i64> = (0..orders).map(|_| random.within(0, MONTH_MS - LAG_MS)).collect();
    paid_ms.sort_unstable();
    let mut true_pairs = 0;
    // When each target moved, and whose it is: payments are listed newest first.
    let mut targets: Vec<(Timestamp, u32, usize)> = Vec::new();
    for (number, paid_ms) in (0..orders).zip(&paid_ms) {
        let (link, pairs) = movements(orders, number, *paid_ms);
        if !matches!(link, Link::SourceOnly | Link::TargetOnly) {
            true_pairs += pairs.len();
        }
        for (at, [source, target]) in pairs.iter().enumerate() {
            if link != Link::TargetOnly {
                input.source.push(source);
                input.orders.extend(order(source).filter(|_| source.kind == Kind::Sale));
            }
            if link != Link::SourceOnly {
                targets.push((target.occurred_at, number, at));
            }
        }
    }
    targets.sort_unstable();
    for ((_, number, at), paid_ms) in targets.iter().rev().map(|of| (of, paid_ms[of.1 as usize])) {
        let (_, pairs) = movements(orders, *number, paid_ms);
        input.target.extend(pairs.get(*at).map(|[_, target]| target));
    }
    Month { input, true_pairs }
}

/// An order's payment on both sides, and its refund if it was given back. The same every time.
fn movements(orders: u32, number: u32, paid_ms: i64) -> (Link, Vec<[Record; 2]>) {
    let mut random = Random::from_text(&format!("match_records|{orders}|{number}"));
    let link = Link::draw(&mut random);
    let [sale, charge] = payment(number, paid_ms, link, &mut random);
    let refund = random.percent(4).then(|| refund(number, &sale, &charge));
    (link, std::iter::once([sale, charge]).chain(refund).collect())
}

/// The number that a record's id ends with: partners share it, and a refund's is not its sale's.
pub fn number(id: &str) -> &str {
    id.rsplit(['_', '/']).next().unwrap_or(id)
}

fn at(offset_ms: i64) -> Timestamp {
    Timestamp::from_millis(START_MS + offset_ms)
}

fn payment(number: u32, paid_ms: i64, link: Link, random: &mut Random) -> [Record; 2] {
    // Prices end in .99 or .00 as often as not, so amounts collide as they do in shops.
    let amount_minor = if random.percent(50) { random.within(9, 200) * 100 - 1 } else { random.within(500, 60_000) };
    let name = (1_001 + number).to_string();
    let buyer = Counterparty {
        email_hash: Some(email_hash([random.draw(), random.draw()])),
        last4: Some(format!("{:04}", random.within(0, 10_000))),
        ..Counterparty::default()
    };
    let mut sale =
        record(Side::Source, Kind::Sale, format!("gid://shopify/OrderTransaction/{number}"), amount_minor, at(paid_ms));
    sale.order = Some(OrderRef {
        id: format!("gid://shopify/Order/{}", 5_000_000_000_000 + u64::from(number)),
        name: name.clone(),
    });
    sale.gateway = Some("stripe".to_owned());
    sale.counterparty = buyer.clone();
    let charge_ms = paid_ms + random.within(0, LAG_MS);
    let mut charge = record(Side::Target, Kind::Charge, format!("ch_3settler_{number}"), amount_minor, at(charge_ms));
    charge.fee_minor = Some(amount_minor * 29 / 1_000 + 30);
    charge.counterparty = buyer;
    charge.refs.push(reference(Scheme::ChargeId, &charge.id));
    match link {
        Link::StrongId | Link::SourceOnly => sale.refs.push(reference(Scheme::PaymentId, &charge.id)),
        Link::OrderName => charge.refs.push(reference(Scheme::Metadata("order_name".to_owned()), &name)),
        Link::BuyerAndAmount | Link::TargetOnly => {}
    }
    [sale, charge]
}

fn email_hash(drawn: [u64; 2]) -> EmailHash {
    let [first, second] = drawn.map(u64::to_le_bytes);
    let mut bytes = [0; 32];
    for (byte, of) in bytes.iter_mut().zip(first.into_iter().chain(second).cycle()) {
        *byte = of;
    }
    EmailHash::from_bytes(bytes)
}

/// All of the money goes back two days later; the two sides know the refund by its parents only.
fn refund(number: u32, sale: &Record, charge: &Record) -> [Record; 2] {
    let later =
        |of: &Record| Timestamp::from_millis((of.occurred_at.millis() + 2 * 86_400_000).min(START_MS + MONTH_MS - 1));
    let back = |of: &Record, id: String| {
        let mut refund = record(of.side, Kind::Refund, id, -of.amount_minor, later(of));
        refund.parent = Some(of.id.clone());
        refund.order.clone_from(&of.order);
        refund.gateway.clone_from(&of.gateway);
        refund
    };
    [back(sale, format!("gid://shopify/OrderTransaction/r{number}")), back(charge, format!("re_3settler_r{number}"))]
}

fn record(side: Side, kind: Kind, id: String, amount_minor: i64, occurred_at: Timestamp) -> Record {
    Record {
        refs: vec![reference(Scheme::MovementId, &id)],
        ..Record::plain(side, kind, id, Money { amount_minor, currency: usd() }, occurred_at)
    }
}

fn reference(scheme: Scheme, id: &str) -> Reference {
    Reference { scheme, value: id.to_lowercase() }
}

#[expect(clippy::expect_used, reason = "a constant that the first run of this bench would show to be wrong")]
fn usd() -> Currency {
    Currency::parse("USD").expect("a currency")
}

fn order(sale: &Record) -> Option<Order> {
    let of = sale.order.as_ref()?;
    Some(Order {
        id: of.id.clone(),
        name: of.name.clone(),
        total: Money { amount_minor: sale.amount_minor, currency: sale.currency },
        occurred_at: sale.occurred_at,
        cancelled_at: None,
        test: false,
        financial_status: None,
    })
}
