//! From a choice to the event that says what follows from it: who is left, how orders stand, and the figures.

use super::{
    Choice,
    bench::{Bench, Place},
    decision, wrong,
};
use crate::error::CommandError;
use domain::{
    Decline, Timestamp,
    decision::{Decision, Decisions, RecordKey, members},
    fields::Fields,
    matches::{Exception, ExceptionClass, Match, MatchKind, OrderState},
    reconciliation::{ReconciliationEvent as Event, Run},
    record::{Kind, Side},
    records::RecordRef,
    summary::{Class, Difference, accuracy_bp},
};
use std::collections::{BTreeMap, BTreeSet};

/// Rule of a match that a person made.
const MANUAL: &str = "manual@1";
const CERTAIN_BP: u16 = 10_000;

/// Id of the match that these records would make.
pub fn id_of(source_ids: &[String], target_ids: &[String]) -> String {
    domain::matches::match_id(source_ids, target_ids)
}

/// None when the choice was carried out before.
pub fn decide(
    bench: &Bench,
    run: &Run,
    choice: &Choice,
    reason: &str,
    at: Timestamp,
) -> Result<Option<Event>, CommandError> {
    let decisions = &run.decisions;
    match choice {
        Choice::Confirm { match_id } => {
            if decisions.standing(match_id).is_some() {
                return Ok(None);
            }
            let found = suggestion(bench, decisions, match_id)?;
            if found.kind == MatchKind::Set && found.source_ids.len() != found.target_ids.len() {
                let detail =
                    "more records stand on one side than on the other: match those that belong together by hand";
                return Err(Decline::conflict(detail).into());
            }
            let mut decision = decision(run, found.clone(), reason, at);
            changed(bench, decisions, &mut decision, Class::Suggested, Class::Matched)?;
            Ok(Some(Event::SuggestionConfirmed(decision)))
        }
        Choice::Reject { match_id } => {
            if decisions.rejected.contains_key(match_id) {
                return Ok(None);
            }
            if decisions.standing(match_id).is_some() {
                return Err(Decline::conflict("the suggestion was confirmed; break the match instead").into());
            }
            let found = suggestion(bench, decisions, match_id)?;
            let mut decision = decision(run, found.clone(), reason, at);
            decision.left = left(bench, &found, "suggestion_rejected", "A suggested match for it was rejected");
            changed(bench, decisions, &mut decision, Class::Suggested, Class::Unmatched)?;
            Ok(Some(Event::SuggestionRejected(decision)))
        }
        Choice::Make { source_ids, target_ids } => make(bench, run, source_ids, target_ids, reason, at),
        Choice::Break { match_id } => {
            let decided = decisions.standing(match_id).map(|decided| decided.found.clone());
            let already = decisions.broken.contains_key(match_id) || decisions.rejected.contains_key(match_id);
            if decided.is_none() && already {
                return Ok(None);
            }
            let found = decided.or_else(|| bench.engines_match(match_id).cloned());
            let found = found.ok_or_else(|| Decline::not_found("this run has no such match"))?;
            let mut decision = decision(run, found.clone(), reason, at);
            decision.left = left(bench, &found, "match_broken", "The match that held it was broken");
            changed(bench, decisions, &mut decision, Class::Matched, Class::Unmatched)?;
            Ok(Some(Event::MatchBroken(decision)))
        }
    }
}

fn suggestion(bench: &Bench, decisions: &Decisions, match_id: &str) -> Result<Match, CommandError> {
    if decisions.rejected.contains_key(match_id) {
        return Err(Decline::conflict(
            "the suggestion was rejected; match its records by hand if they belong together",
        )
        .into());
    }
    let found = bench.suggestion(match_id).ok_or_else(|| Decline::not_found("this run has no such suggestion"))?;
    for member in members(found) {
        if let Place::Matched(id) = bench.place(decisions, &member) {
            return Err(Decline::conflict(format!("record {} is taken by match {id}", member.1)).into());
        }
    }
    Ok(found.clone())
}

fn make(
    bench: &Bench,
    run: &Run,
    source_ids: &[String],
    target_ids: &[String],
    reason: &str,
    at: Timestamp,
) -> Result<Option<Event>, CommandError> {
    let decisions = &run.decisions;
    if decisions.standing(&id_of(source_ids, target_ids)).is_some() {
        return Ok(None);
    }
    let mut records: BTreeMap<RecordKey, RecordRef<'_>> = BTreeMap::new();
    for (side, ids, member) in [(Side::Source, source_ids, "source_ids"), (Side::Target, target_ids, "target_ids")] {
        for (index, id) in ids.iter().enumerate() {
            let (key, pointer) = ((side, id.clone()), format!("/{member}/{index}"));
            let Some(record) = bench.record(&key) else {
                return Err(wrong(pointer, "unknown_record", "this run has no such record on this side"));
            };
            match bench.place(decisions, &key) {
                Place::Free => {}
                Place::Matched(taken) => {
                    return Err(
                        Decline::conflict(format!("record {id} is taken by match {taken}; break it first")).into()
                    );
                }
                Place::Suggested(taken) => {
                    return Err(Decline::conflict(format!(
                        "record {id} is part of suggestion {taken}; reject it first"
                    ))
                    .into());
                }
                Place::Excluded => {
                    return Err(Decline::conflict(format!("record {id} is out of scope and cannot be matched")).into());
                }
            }
            if records.insert(key, record).is_some() {
                return Err(wrong(pointer, "doubled_record", "is there twice"));
            }
        }
    }
    let currencies: BTreeSet<_> = records.values().map(|record| record.currency()).collect();
    let [currency] = currencies.into_iter().collect::<Vec<_>>()[..] else {
        return Err(wrong("/target_ids".into(), "other_currency", "records of one match have one currency"));
    };
    if !records.values().any(|record| bench.in_scope(*record)) {
        return Err(wrong("/source_ids".into(), "outside_window", "none of these records counts in this run"));
    }
    let sum = |wanted: Side| -> i64 {
        records.iter().filter(|((side, _), _)| *side == wanted).map(|(_, record)| record.amount_minor()).sum()
    };
    let (source, target) = (sum(Side::Source), sum(Side::Target));
    let names: BTreeSet<String> =
        records.values().filter_map(|record| record.order()).map(|order| order.name.to_owned()).collect();
    let found = Match {
        kind: if source_ids.len() == 1 && target_ids.len() == 1 { MatchKind::Pair } else { MatchKind::Group },
        source_ids: source_ids.to_vec(),
        target_ids: target_ids.to_vec(),
        order_names: names.into_iter().collect(),
        amount_minor: source,
        currency,
        // Certain is what adds up; the rest is a person's word.
        confidence_bp: if source == target { CERTAIN_BP } else { CERTAIN_BP - 1 },
        rule: MANUAL.into(),
        matched_fields: Fields::default(),
        margin: None,
        difference: Difference { unexplained: target - source, ..Difference::default() },
        cross_period: !records.values().all(|record| bench.in_scope(*record)),
    };
    let mut decision = decision(run, found, reason, at);
    changed(bench, decisions, &mut decision, Class::Unmatched, Class::Matched)?;
    Ok(Some(Event::MatchMade(decision)))
}

/// What is open once a match is none: its records, as exceptions.
fn left(bench: &Bench, found: &Match, reason: &str, why: &str) -> Vec<Exception> {
    let records = members(found).filter_map(|member| bench.record(&member));
    let exception = |record: RecordRef<'_>| Exception {
        record_id: record.id().to_owned(),
        side: record.side(),
        class: ExceptionClass::Missing,
        order_name: record.order().map(|order| order.name.to_owned()),
        amount_minor: record.amount_minor(),
        currency: record.currency(),
        occurred_at: record.occurred_at(),
        reason: reason.to_owned(),
        explanation: format!("{why} by hand, so its counterpart is to be found again."),
        candidates: Vec::new(),
        review: None,
    };
    records.filter(|record| bench.in_scope(*record)).map(exception).collect()
}

/// Figures and orders once the match's records have moved from one class to another. What moves is counted once on
/// each side, so the figures add up after it as they did before.
fn changed(
    bench: &Bench,
    decisions: &Decisions,
    decision: &mut Decision,
    from: Class,
    to: Class,
) -> Result<(), CommandError> {
    let summary = &mut decision.summary;
    for member in members(&decision.found) {
        let record = bench.record(&member).filter(|record| bench.in_scope(*record));
        let Some(record) = record else { continue };
        summary
            .shift(record.side(), record.currency(), record.amount_minor(), from, to)
            .ok_or_else(|| CommandError::Internal(format!("the figures do not hold record {}", record.id())))?;
    }
    summary.accuracy_bp = accuracy_bp(&summary.source, &summary.target);
    let difference = &decision.found.difference;
    if let Some(totals) = summary.totals.iter_mut().find(|totals| totals.currency == decision.found.currency) {
        if to == Class::Matched {
            totals.difference = totals.difference.plus(difference);
        } else if from == Class::Matched {
            totals.difference = totals.difference.plus(&difference.negated());
        }
    }
    if from == Class::Matched {
        let listed = discrepancies(bench, decisions, &decision.found);
        summary.discrepancy_count = summary.discrepancy_count.saturating_sub(listed);
    }
    orders(bench, decisions, decision, from, to);
    Ok(())
}

/// Discrepancies that the engine listed for this match, which is one of its own; they end with it.
fn discrepancies(bench: &Bench, decisions: &Decisions, found: &Match) -> u64 {
    let id = found.id();
    if decisions.standing(&id).is_some() || bench.engines_match(&id).is_none() {
        return 0;
    }
    let held: BTreeSet<RecordKey> = members(found).collect();
    let listed = bench.outcome.exceptions.iter().filter(|one| one.class == ExceptionClass::Discrepancy);
    listed.filter(|one| held.contains(&(one.side, one.record_id.clone()))).count() as u64
}

/// What is matched of each order, and what follows for its state.
fn orders(bench: &Bench, decisions: &Decisions, decision: &mut Decision, from: Class, to: Class) {
    let sign = match (from, to) {
        (_, Class::Matched) => 1,
        (Class::Matched, _) => -1,
        _ => return,
    };
    let pair = decision.found.kind == MatchKind::Pair;
    let difference = decision.found.difference.sum();
    let mut paid: BTreeMap<String, i64> = BTreeMap::new();
    for id in &decision.found.source_ids {
        let Some(record) = bench.record(&(Side::Source, id.clone())) else { continue };
        let payment = matches!(record.kind(), Kind::Sale | Kind::Capture) && record.amount_minor() > 0;
        if let Some(order) = record.order().filter(|_| payment) {
            let found = record.amount_minor() + if pair { difference } else { 0 };
            *paid.entry(order.id.to_owned()).or_default() += sign * found;
        }
    }
    for (order_id, moved) in paid {
        let Some(mut order) = bench.order(decisions, &order_id).cloned() else { continue };
        if order.currency != decision.found.currency {
            continue;
        }
        order.matched_minor += moved;
        if matches!(order.state, OrderState::Paid | OrderState::PartlyPaid | OrderState::Unpaid) {
            let due = order.total_minor - bench.paid_elsewhere(&order_id);
            order.state = match order.matched_minor {
                matched if matched >= due => OrderState::Paid,
                matched if matched > 0 => OrderState::PartlyPaid,
                _ => OrderState::Unpaid,
            };
        }
        decision.orders.push(order);
    }
}
