//! Rule sets proposed from data.

use crate::{
    ledger::{Ledger, ledger},
    records::input,
};
use matching::{Profile, RuleSet, accuracy, learn, reconcile};

/// The ledger's rules with tables that say nothing about texts, times and amounts.
fn ignorant() -> RuleSet {
    let mut rules = RuleSet::of(Profile::Ledger);
    for level in &mut rules.weights.time {
        level.share = -3_000;
    }
    for level in &mut rules.weights.amount {
        level.share = -3_500;
    }
    rules
}

#[test]
fn labels_teach_when_payments_arrive() {
    let Ledger { records, truth } = ledger(800, 3);
    let learnt = learn(&input(records.clone()), &ignorant(), Some(&truth)).expect("a proposal");
    let share =
        |from| learnt.rules.weights.time.iter().find(|level| level.from_minutes == from).map(|level| level.share);
    // Seven of ten arrive after one or two days, one of ten after eight.
    assert!(share(1_440).is_some_and(|share| (-700..=-350).contains(&share)), "{:?}", share(1_440));
    assert!(share(7 * 1_440).is_some_and(|share| (-4_000..=-2_700).contains(&share)), "{:?}", share(7 * 1_440));
    let judged = |rules: &RuleSet| accuracy(&reconcile(&input(records.clone()), rules).expect("a result"), &truth);
    let (before, after) = (judged(&ignorant()), judged(&learnt.rules));
    assert!(after.f1 >= before.f1, "{before:?} {after:?}");
    assert_eq!(learnt.rounds, 1);
}

#[test]
fn without_labels_nearly_the_same_is_learnt() {
    let Ledger { records, truth } = ledger(800, 3);
    let labelled = learn(&input(records.clone()), &ignorant(), Some(&truth)).expect("a proposal");
    let alone = learn(&input(records), &ignorant(), None).expect("a proposal");
    assert!(alone.rounds > 1);
    for (with, without) in labelled.rules.weights.time.iter().zip(&alone.rules.weights.time) {
        let off = (with.share - without.share).abs();
        assert!(with.share < -5_000 || off < 300, "{with:?} {without:?}");
    }
}

#[test]
fn what_is_learnt_is_a_rule_set_and_the_same_every_time() {
    let Ledger { records, .. } = ledger(200, 5);
    let once = learn(&input(records.clone()), &ignorant(), None).expect("a proposal");
    let again = learn(&input(records), &ignorant(), None).expect("a proposal");
    assert_eq!(once.rules, again.rules);
    let json = serde_json::to_value(&once.rules).expect("an object");
    assert_eq!(RuleSet::from_json(&json), Ok(once.rules));
}

#[test]
fn nothing_is_learnt_from_nothing() {
    let learnt = learn(&input([]), &RuleSet::of(Profile::Ledger), None).expect("a proposal");
    assert_eq!(learnt.rules, RuleSet::of(Profile::Ledger));
    assert_eq!((learnt.compared, learnt.rounds), (0, 0));
}
