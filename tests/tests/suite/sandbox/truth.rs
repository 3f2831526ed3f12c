//! What must hold for the truth of any preset, seed and range.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use settler_tests::sandbox::generate::presets::PRESETS;
use settler_tests::sandbox::generate::world::{DAY_S, Fate, Kind, Status, Target, Window, World};
use settler_tests::sandbox::generate::{Recipe, generate};
use settler_tests::sandbox::truth::{self, Truth};

const START_S: i64 = 1_767_225_600;
const READ_AROUND_S: i64 = 3 * DAY_S;
const REASONS: [&str; 5] =
    ["missing_target", "missing_source", "duplicate_charge", "refund_without_sale", "pending_within_sla"];

fn make(preset: usize, orders: usize, seed: u64, days: i64) -> (World, Truth) {
    let window = Window { start_s: START_S, end_s: START_S + days * DAY_S };
    let world = generate(&Recipe { preset: PRESETS[preset], orders, seed, window });
    let truth = truth::judge(&world);
    (world, truth)
}

/// Every record in the range is in exactly one class, and nothing else is in any.
fn classes_are_a_partition(world: &World, truth: &Truth) {
    let paired: BTreeSet<&str> =
        truth.pairs.iter().flat_map(|(source, target)| [source.as_str(), target.as_str()]).collect();
    let alone: Vec<&str> =
        truth.source_only.iter().chain(&truth.target_only).chain(&truth.excluded).map(String::as_str).collect();
    let outside: BTreeSet<&str> = truth.outside.iter().map(String::as_str).collect();
    let all: BTreeSet<&str> = paired.iter().copied().chain(alone.iter().copied()).collect();
    assert_eq!(all.len(), paired.len() + alone.len(), "a record is in two classes");
    assert!(outside.is_subset(&paired), "only partners may lie outside");
    let sources = (0..world.transactions.len()).map(|at| (world.transaction_gid(at), world.transactions[at].at_s));
    let targets = truth::targets(world).map(|target| (world.target_id(target).to_owned(), world.target_at_s(target)));
    let records: Vec<(String, i64)> = sources.chain(targets).collect();
    assert_eq!(records.iter().map(|(id, _)| id).collect::<BTreeSet<_>>().len(), records.len(), "ids repeat");
    for (id, at_s) in &records {
        let (inside, known) = (world.window.contains(*at_s), all.contains(id.as_str()));
        assert_eq!(known, inside || outside.contains(id.as_str()), "{id} at {at_s}");
        assert!(!(inside && outside.contains(id.as_str())), "{id} is inside");
    }
}

fn reasons_are_told(truth: &Truth) {
    let open: BTreeSet<&String> = truth.source_only.iter().chain(&truth.target_only).collect();
    assert_eq!(open, truth.reasons.keys().collect());
    assert!(truth.reasons.values().all(|reason| REASONS.contains(reason)));
}

/// A client that reads three days around the range sees all that the truth speaks of.
fn everything_can_be_found(world: &World, truth: &Truth) {
    let spoken: BTreeSet<&String> =
        truth.pairs.iter().map(|(source, _)| source).chain(&truth.source_only).chain(&truth.excluded).collect();
    let (from_s, before_s) = (world.window.start_s - READ_AROUND_S, world.window.end_s + READ_AROUND_S);
    let read = from_s..before_s;
    for (at, transaction) in world.transactions.iter().enumerate() {
        if !spoken.contains(&world.transaction_gid(at)) {
            continue;
        }
        let tender =
            transaction.status == Status::Success && !matches!(transaction.kind, Kind::Authorization | Kind::Void);
        let by_money = tender && read.contains(&transaction.at_s);
        assert!(by_money || read.contains(&world.orders[transaction.order].at_s), "{transaction:?} cannot be found");
    }
    for &(source, target) in &world.links {
        let (a, b) = (world.transactions[source].at_s, world.target_at_s(target));
        assert!((a - b).abs() < READ_AROUND_S, "a partner is {} seconds away", b - a);
    }
}

/// Both sides of a group are worth the same, and time runs forward.
fn money_and_time_agree(world: &World) {
    let mut sums: BTreeMap<Target, (i64, i64)> = BTreeMap::new();
    for &(source, target) in &world.links {
        let transaction = &world.transactions[source];
        let sum = sums.entry(target).or_default();
        (sum.0, sum.1) = (sum.0 + transaction.amount, sum.1 + transaction.shop_amount);
        assert_eq!(transaction.status, Status::Success);
        assert!(!world.source_is_excluded(source) && !world.target_is_excluded(target));
    }
    for (target, (amount, shop_amount)) in sums {
        let (charge, of_target) = match target {
            Target::Charge(at) => (&world.charges[at], world.charges[at].captured),
            Target::Refund(at) => (&world.charges[world.refunds[at].charge], world.refunds[at].amount),
        };
        let third = !matches!(charge.currency, "USD") && amount != of_target;
        assert!(of_target == amount || of_target == shop_amount || (third && charge.currency == "EUR"), "{target:?}");
    }
    for refund in &world.refunds {
        assert!(refund.created_s >= world.charges[refund.charge].created_s);
    }
    for charge in &world.charges {
        assert!(
            charge.moved_s >= charge.created_s && charge.captured <= charge.amount && charge.refunded <= charge.amount
        );
        assert_eq!(charge.fate == Fate::Captured, charge.captured > 0);
    }
}

/// Whoever has no partner cannot be mistaken for somebody who has one and shows no reference.
fn the_lonely_are_recognisable(world: &World) {
    let strong = |source: usize, charge: usize| {
        let charge = &world.charges[charge];
        let id = world.transactions[source].payment_id.as_deref();
        id.is_some_and(|id| {
            charge.id == id || charge.intent == id || charge.metadata.iter().any(|(_, value)| value == id)
        })
    };
    let mut bare: BTreeMap<(&str, i64), Vec<i64>> = BTreeMap::new();
    for &(source, target) in &world.links {
        let Target::Charge(charge) = target else {
            continue;
        };
        if !strong(source, charge) {
            let order = &world.orders[world.transactions[source].order];
            bare.entry((order.currency, world.transactions[source].amount))
                .or_default()
                .push(world.transactions[source].at_s);
        }
    }
    let near = |money: (&str, i64), at_s: i64| {
        bare.get(&money).is_some_and(|times| times.iter().any(|time| (time - at_s).abs() < READ_AROUND_S))
    };
    for transaction in &world.transactions {
        if transaction.alone.is_some() && transaction.kind != Kind::Refund {
            assert!(
                !near((world.orders[transaction.order].currency, transaction.amount), transaction.at_s),
                "{transaction:?}"
            );
        }
    }
    for charge in &world.charges {
        if charge.alone == Some("missing_source") {
            assert!(!near((charge.currency, charge.captured), charge.moved_s), "{charge:?}");
        }
    }
}

fn exchangeable_are_alike(world: &World, truth: &Truth) {
    let partner: BTreeMap<&str, &str> =
        truth.pairs.iter().map(|(source, target)| (source.as_str(), target.as_str())).collect();
    let money: BTreeMap<String, (i64, Kind)> = world
        .transactions
        .iter()
        .enumerate()
        .map(|(at, of)| (world.transaction_gid(at), (of.amount, of.kind == Kind::Refund)))
        .map(|(id, (amount, refund))| (id, (amount, if refund { Kind::Refund } else { Kind::Sale })))
        .collect();
    let mut seen = BTreeSet::new();
    for (sources, targets) in &truth.interchangeable {
        assert!(sources.len() > 1 && sources.len() == targets.len());
        assert_eq!(
            sources.iter().map(|id| partner[id.as_str()]).collect::<BTreeSet<_>>(),
            targets.iter().map(String::as_str).collect()
        );
        assert!(sources.iter().all(|id| seen.insert(id) && money[id] == money[&sources[0]]));
    }
}

fn all_of_it(world: &World, truth: &Truth) {
    classes_are_a_partition(world, truth);
    reasons_are_told(truth);
    everything_can_be_found(world, truth);
    money_and_time_agree(world);
    the_lonely_are_recognisable(world);
    exchangeable_are_alike(world, truth);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_truth_holds(preset in 0..PRESETS.len(), orders in 0_usize..250, seed: u64, days in 1_i64..40) {
        let (world, truth) = make(preset, orders, seed, days);
        all_of_it(&world, &truth);
    }
}

#[test]
fn the_truth_holds_in_larger_shops_of_every_preset() {
    for (preset, of) in PRESETS.iter().enumerate() {
        let (world, truth) = make(preset, 1_500, 11, 31);
        all_of_it(&world, &truth);
        assert!(truth.pairs.len() > 1_000, "{}", of.name);
    }
}

#[test]
fn presets_have_the_trouble_that_they_promise() {
    let share = |part: usize, whole: usize| part * 10_000 / whole;
    let (world, truth) = make(1, 3_000, 7, 31);
    let linked: Vec<(usize, usize)> = world
        .links
        .iter()
        .filter_map(|&(source, target)| if let Target::Charge(at) = target { Some((source, at)) } else { None })
        .collect();
    let weak = linked.iter().filter(|(source, _)| world.transactions[*source].payment_id.is_none()).count();
    assert!((1_300..1_750).contains(&share(weak, linked.len())), "without a strong id: {weak} of {}", linked.len());
    let doubles = truth.reasons.values().filter(|reason| **reason == "duplicate_charge").count();
    assert!((25..90).contains(&share(doubles, 3_000)), "duplicate charges: {doubles}");
    assert!(!truth.outside.is_empty() || truth.pairs.len() < 100, "no pair crosses the edge");
    let (clean, of_clean) = make(0, 1_000, 7, 31);
    let missing = of_clean.source_only.len() + of_clean.target_only.len();
    assert!((1..40).contains(&missing) && of_clean.excluded.is_empty(), "{missing} without a partner");
    assert!(clean.transactions.iter().filter(|of| of.kind == Kind::Sale).all(|of| of.payment_id.is_some()));
    let (flash, of_flash) = make(3, 3_000, 7, 31);
    assert!(of_flash.interchangeable.iter().map(|(sources, _)| sources.len()).max() >= Some(20), "no large burst");
    assert!(flash.orders.len() >= 3_000);
    let (bare, _) = make(2, 500, 7, 31);
    assert!(
        bare.charges
            .iter()
            .filter(|charge| charge.alone.is_none())
            .all(|charge| charge.metadata.is_empty() && charge.description.is_none())
    );
    let (many, _) = make(4, 500, 7, 31);
    assert_eq!(many.orders.iter().map(|order| order.currency).collect::<BTreeSet<_>>().len(), 6);
    let (heavy, _) = make(5, 1_000, 7, 31);
    assert!(
        heavy.refunds.len() > 280
            && !heavy.disputes.is_empty()
            && heavy.disputes.iter().any(|dispute| dispute.reversed_s.is_some())
    );
}
