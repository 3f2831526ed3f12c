//! Records in a few words. Times are minutes after noon of 10 January 2026; the window is that January.

use domain::{
    Currency, Money, Timestamp,
    decision::Standing,
    fields::{self, Fields},
    matches::{Exception, Match, MatchKind},
    record::{EmailHash, Kind, Order, OrderRef, Record, Reference, Scheme, Side},
    records::Orders,
    summary::Difference,
    time::Window,
};
use matching::{DecidedMatch, Memory, Outcome, RuleSet, RunInput, reconcile};

pub const DAY: i64 = 1_440;
const NOON_MS: i64 = 1_768_046_400_000;

pub fn minutes(after_noon: i64) -> Timestamp {
    Timestamp::from_millis(NOON_MS + after_noon * 60_000)
}

pub fn currency(code: &str) -> Currency {
    Currency::parse(code).expect("a currency")
}

pub fn record(side: Side, kind: Kind, id: &str, amount_minor: i64) -> Record {
    Record {
        gateway: (side == Side::Source).then(|| "stripe".to_owned()),
        ..Record::plain(side, kind, id.to_owned(), Money { amount_minor, currency: currency("USD") }, minutes(0))
    }
}

pub fn sale(id: &str, amount_minor: i64) -> Record {
    record(Side::Source, Kind::Sale, id, amount_minor)
}

pub fn charge(id: &str, amount_minor: i64) -> Record {
    record(Side::Target, Kind::Charge, id, amount_minor)
}

/// A refund of either side under its parent.
pub fn refund(side: Side, id: &str, amount_minor: i64, parent: &str) -> Record {
    Record { parent: Some(parent.to_owned()), ..record(side, Kind::Refund, id, -amount_minor) }
}

pub trait With: Sized {
    fn at(self, after_noon: i64) -> Self;
    fn refers(self, scheme: Scheme, value: &str) -> Self;
    fn strong(self, value: &str) -> Self;
    fn metadata(self, key: &str, value: &str) -> Self;
    fn email(self, value: &str) -> Self;
    fn last4(self, value: &str) -> Self;
    fn of_order(self, number: &str) -> Self;
    fn in_money(self, code: &str) -> Self;
}

impl With for Record {
    fn at(self, after_noon: i64) -> Self {
        Self { occurred_at: minutes(after_noon), ..self }
    }

    fn refers(mut self, scheme: Scheme, value: &str) -> Self {
        self.refs.push(Reference { scheme, value: value.to_owned() });
        self
    }

    fn strong(self, value: &str) -> Self {
        let scheme = if self.side == Side::Source { Scheme::PaymentId } else { Scheme::ChargeId };
        self.refers(scheme, value)
    }

    fn metadata(self, key: &str, value: &str) -> Self {
        self.refers(Scheme::Metadata(key.to_owned()), value)
    }

    fn email(mut self, name: &str) -> Self {
        self.counterparty.email_hash = EmailHash::of(&format!("{name}@example.com"));
        self
    }

    fn last4(mut self, value: &str) -> Self {
        self.counterparty.last4 = Some(value.to_owned());
        self
    }

    fn of_order(mut self, number: &str) -> Self {
        self.order = Some(OrderRef { id: format!("gid://shopify/Order/9000{number}"), name: number.to_owned() });
        self
    }

    fn in_money(self, code: &str) -> Self {
        Self { currency: currency(code), ..self }
    }
}

pub fn order(number: &str, total: i64) -> Order {
    Order {
        id: format!("gid://shopify/Order/9000{number}"),
        name: number.to_owned(),
        total: Money { amount_minor: total, currency: currency("USD") },
        occurred_at: minutes(0),
        cancelled_at: None,
        test: false,
        financial_status: None,
    }
}

pub fn input(records: impl IntoIterator<Item = Record>) -> RunInput {
    let (source, target): (Vec<Record>, Vec<Record>) =
        records.into_iter().partition(|record| record.side == Side::Source);
    RunInput {
        source: source.iter().collect(),
        target: target.iter().collect(),
        orders: Orders::default(),
        window: Window {
            from: Timestamp::parse("2026-01-01T00:00:00Z").expect("an instant"),
            to: Timestamp::parse("2026-02-01T00:00:00Z").expect("an instant"),
        },
        as_of: Timestamp::parse("2026-03-01T00:00:00Z").expect("an instant"),
        memory: Memory::default(),
    }
}

/// What people said of these two in an earlier run.
pub fn remembered(standing: Standing, source: &str, target: &str) -> DecidedMatch {
    let found = Match {
        kind: MatchKind::Pair,
        source_ids: vec![source.to_owned()],
        target_ids: vec![target.to_owned()],
        order_names: Vec::new(),
        amount_minor: 0,
        currency: currency("USD"),
        confidence_bp: 8_500,
        rule: "suggest_amount@1".into(),
        matched_fields: Fields::of(fields::AMOUNT),
        margin: None,
        difference: Difference::default(),
        cross_period: false,
    };
    DecidedMatch { standing, found }
}

pub fn run(input: &RunInput) -> Outcome {
    reconcile(input, &RuleSet::default()).expect("a result that adds up")
}

pub fn given(records: impl IntoIterator<Item = Record>) -> Outcome {
    run(&input(records))
}

/// `rule: sources = targets`, without the rule's version.
fn line(found: &Match) -> String {
    let rule = found.rule.split('@').next().unwrap_or_default();
    format!("{rule}: {} = {}", found.source_ids.join(" "), found.target_ids.join(" "))
}

pub fn matched(outcome: &Outcome) -> Vec<String> {
    outcome.matches.iter().map(line).collect()
}

pub fn suggested(outcome: &Outcome) -> Vec<String> {
    outcome.suggestions.iter().map(line).collect()
}

/// `id: reason`.
pub fn left(outcome: &Outcome) -> Vec<String> {
    outcome.exceptions.iter().map(|open: &Exception| format!("{}: {}", open.record_id, open.reason)).collect()
}

pub fn excluded(outcome: &Outcome) -> Vec<String> {
    outcome.exclusions.iter().map(|out| format!("{}: {}", out.record_id, out.reason)).collect()
}
