//! What people decided in earlier runs of the job.

use crate::records::{DAY, With, charge, input, left, matched, remembered, run, sale, suggested};
use domain::{
    decision::Standing::{Confirmed, Manual},
    fields::{self, Fields},
    matches::MatchKind,
};
use matching::RejectedMatch;

fn no(source: &str, target: &str) -> RejectedMatch {
    RejectedMatch { source_ids: vec![source.into()], target_ids: vec![target.into()] }
}

#[test]
fn a_yes_stands_whatever_the_records_say() {
    let mut of = input([
        sale("s1", 1_000).strong("pay_00001"),
        charge("t1", 1_000).strong("pay_00001"),
        charge("t2", 940).at(20 * DAY),
    ]);
    assert_eq!(matched(&run(&of)), ["strong_id: s1 = t1"]);
    of.memory.decided = vec![remembered(Manual, "s1", "t2")];
    let outcome = run(&of);
    assert_eq!(matched(&outcome), ["manual: s1 = t2"]);
    let found = &outcome.matches[0];
    assert_eq!((found.difference.unexplained, found.difference.sum(), found.confidence_bp), (-60, -60, 8_500));
    assert_eq!(found.matched_fields, Fields::of(fields::AMOUNT | fields::CURRENCY));
    assert_eq!(outcome.memory, of.memory, "it can be judged again on the same grounds");
}

/// Whichever member people named first, and though both sides have a record of one id.
#[test]
fn what_people_put_together_stands_side_by_side_and_in_order() {
    let mut of =
        input([sale("a", 600), sale("b", 400).at(5), charge("a", 700).at(5 * DAY), charge("c", 300).at(6 * DAY)]);
    let mut decided = remembered(Manual, "b", "c");
    decided.found.kind = MatchKind::Set;
    decided.found.source_ids.push("a".to_owned());
    decided.found.target_ids.push("a".to_owned());
    of.memory.decided = vec![decided];
    assert_eq!(matched(&run(&of)), ["manual: a b = a c"]);

    // A sale of that id is no charge that would be here.
    let mut of = input([sale("a", 1_000), sale("b", 1_000).at(5), charge("c", 1_000).email("a")]);
    of.memory.decided = vec![remembered(Manual, "a", "b")];
    assert!(left(&run(&of)).contains(&"a: outside_window".to_owned()));
}

#[test]
fn a_confirmed_pair_leaves_its_rivals_open() {
    let mut of = input([sale("s1", 1_000), charge("t1", 1_000), charge("t2", 1_000).at(30)]);
    assert!(matched(&run(&of)).is_empty());
    of.memory.decided = vec![remembered(Confirmed, "s1", "t2")];
    let outcome = run(&of);
    assert_eq!(matched(&outcome), ["confirmed: s1 = t2"]);
    assert_eq!(left(&outcome), ["t1: missing_source"]);
}

#[test]
fn a_no_is_neither_matched_nor_suggested_again_and_says_so() {
    let mut certain = input([sale("s1", 1_000).strong("pay_00001"), charge("t1", 1_000).strong("pay_00001")]);
    certain.memory.rejected = vec![no("s1", "t1")];
    let outcome = run(&certain);
    assert!(outcome.matches.is_empty() && outcome.suggestions.is_empty());
    let said = &outcome.exceptions[0].candidates[0];
    assert_eq!(
        (said.record_id.as_str(), said.why_not.as_str()),
        ("t1", "a person said that they do not belong together")
    );

    let mut likely = input([sale("s1", 1_000).at(0), charge("t1", 1_000).at(2 * DAY)]);
    assert_eq!(suggested(&run(&likely)), ["suggest_amount: s1 = t1"]);
    likely.memory.rejected = vec![no("s1", "t1")];
    assert!(suggested(&run(&likely)).is_empty());
}

#[test]
fn a_partner_that_is_not_here_keeps_the_record_from_others() {
    let mut of = input([sale("s1", 1_000).email("a"), charge("t2", 1_000).email("a")]);
    of.memory.decided = vec![remembered(Confirmed, "s1", "t1")];
    let outcome = run(&of);
    assert!(outcome.matches.is_empty() && outcome.suggestions.is_empty());
    assert_eq!(left(&outcome), ["s1: outside_window", "t2: missing_source"]);
}

#[test]
fn of_two_words_about_one_record_neither_is_picked() {
    let mut of = input([sale("s1", 1_000), charge("t1", 1_000), charge("t2", 1_000).at(30)]);
    of.memory.decided = vec![remembered(Confirmed, "s1", "t1"), remembered(Manual, "s1", "t2")];
    assert!(matched(&run(&of)).is_empty());
}

#[test]
fn what_earlier_runs_left_is_part_of_the_digest() {
    let plain = input([sale("s1", 1_000), charge("t1", 1_000)]);
    let (mut yes, mut no_pair) = (plain.clone(), plain.clone());
    yes.memory.decided = vec![remembered(Confirmed, "s1", "t1")];
    no_pair.memory.rejected = vec![no("s1", "t1")];
    let digests = [plain, yes, no_pair].map(|of| run(&of).summary.input_digest);
    assert!(digests[0] != digests[1] && digests[1] != digests[2] && digests[0] != digests[2], "{digests:?}");
}
