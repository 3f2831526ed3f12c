//! From positions back to records: the lists that people read, of the run's own window only.

use crate::{
    Memory, Outcome,
    board::{Accepted, Board},
    both::both,
    reason::Reason,
    table::{Ix, Table},
    tiers::{
        classify::{self, Open},
        suggest::Suggested,
    },
};
use domain::{
    fields::Fields,
    matches::{Exception, ExceptionClass, Exclusion, Match},
    record::Side,
    records::RecordRef,
    summary::RunSummary,
};

/// The outcome, and what each of its matches and suggestions was written from.
pub(crate) struct Report<'b> {
    pub outcome: Outcome,
    pub matched: Vec<&'b Accepted>,
    pub suggested: Vec<&'b Accepted>,
}

pub(crate) fn report<'b>(board: &'b Board<'_>, suggested: &'b Suggested, open: Vec<Open>) -> Report<'b> {
    let table = board.table;
    let reported = |accepted: &&Accepted| accepted.members().any(|at| table.row(at).in_window);
    let mut exceptions: Vec<(Ix, Exception)> = open.into_iter().map(|open| (open.at, left(table, open))).collect();
    for accepted in board.accepted.iter().filter(reported) {
        exceptions.extend(discrepancy(board, accepted));
    }
    exceptions.sort_by_key(|(at, _)| *at);
    let matched = in_order(board.accepted.iter().filter(reported));
    let suggested = in_order(suggested.chosen.iter().filter(reported));
    let outcome = Outcome {
        matches: written(table, &matched),
        suggestions: written(table, &suggested),
        exceptions: exceptions.into_iter().map(|(_, exception)| exception).collect(),
        exclusions: exclusions(table),
        orders: Vec::new(),
        summary: RunSummary::default(),
        memory: Memory::default(),
    };
    Report { outcome, matched, suggested }
}

fn in_order<'b>(accepted: impl Iterator<Item = &'b Accepted>) -> Vec<&'b Accepted> {
    // No record is in two of them, so the first member of each side already tells them apart; none comes first.
    let first = |members: &[Ix]| members.first().map_or(0, |at| at + 1);
    let mut sorted: Vec<(Ix, Ix, &Accepted)> =
        accepted.map(|accepted| (first(&accepted.sources), first(&accepted.targets), accepted)).collect();
    sorted.sort_unstable_by_key(|(source, target, _)| (*source, *target));
    sorted.into_iter().map(|(.., accepted)| accepted).collect()
}

fn written(table: &Table<'_>, accepted: &[&Accepted]) -> Vec<Match> {
    let ids = |members: &[Ix]| -> Vec<String> { members.iter().map(|at| table.record(*at).id().to_owned()).collect() };
    let (sources, targets): (Vec<_>, Vec<_>) = both(
        accepted.len(),
        || accepted.iter().map(|accepted| (ids(&accepted.sources), order_names(table, accepted))).collect(),
        || accepted.iter().map(|accepted| ids(&accepted.targets)).collect(),
    );
    let members = sources.into_iter().zip(targets);
    let all = accepted.iter().zip(members);
    all.map(|(accepted, ((source_ids, order_names), target_ids))| {
        let first = accepted.sources.first().or(accepted.targets.first()).copied().unwrap_or(0);
        Match {
            kind: accepted.kind,
            source_ids,
            target_ids,
            order_names,
            amount_minor: accepted.sources.iter().map(|at| table.row(*at).amount).sum(),
            currency: table.currency(first),
            confidence_bp: accepted.confidence_bp.unwrap_or(accepted.rule.confidence_bp()),
            rule: accepted.rule.code().into(),
            matched_fields: Fields::of(accepted.fields),
            margin: accepted.margin,
            difference: accepted.difference,
            cross_period: accepted.members().any(|at| !table.row(at).in_window),
        }
    })
    .collect()
}

fn order_names(table: &Table<'_>, accepted: &Accepted) -> Vec<String> {
    let mut names: Vec<String> = accepted.members().filter_map(|at| order_name(table.record(at))).collect();
    names.sort_unstable();
    names.dedup();
    names
}

fn order_name(record: RecordRef<'_>) -> Option<String> {
    record.order().map(|order| order.name.to_owned())
}

fn side(table: &Table<'_>, at: Ix) -> Side {
    if table.row(at).target { Side::Target } else { Side::Source }
}

fn left(table: &Table<'_>, open: Open) -> Exception {
    let record = table.record(open.at);
    Exception {
        record_id: record.id().to_owned(),
        side: side(table, open.at),
        class: ExceptionClass::Missing,
        order_name: order_name(record),
        amount_minor: table.row(open.at).amount,
        currency: table.currency(open.at),
        occurred_at: record.occurred_at(),
        reason: open.reason.code().to_owned(),
        explanation: open.explanation,
        candidates: open.candidates,
        review: None,
    }
}

/// Listed once, under the source where that lies in the window.
fn discrepancy(board: &Board<'_>, accepted: &Accepted) -> Option<(Ix, Exception)> {
    let table = board.table;
    let reason = accepted.discrepancy?;
    let at = accepted.members().find(|at| table.row(*at).in_window)?;
    let others = if table.row(at).target { &accepted.sources } else { &accepted.targets };
    let facts = classify::facts(board, others.first().copied()?, 1);
    let record = table.record(at);
    let exception = Exception {
        record_id: record.id().to_owned(),
        side: side(table, at),
        class: ExceptionClass::Discrepancy,
        order_name: order_name(record),
        amount_minor: table.row(at).amount,
        currency: table.currency(at),
        occurred_at: record.occurred_at(),
        reason: reason.code().to_owned(),
        explanation: reason.sentence(record, &facts),
        candidates: Vec::new(),
        review: None,
    };
    Some((at, exception))
}

fn exclusions(table: &Table<'_>) -> Vec<Exclusion> {
    let exclusion = |record: RecordRef<'_>, reason: Reason| Exclusion {
        record_id: record.id().to_owned(),
        side: record.side(),
        order_name: order_name(record),
        amount_minor: record.amount_minor(),
        currency: record.currency(),
        occurred_at: record.occurred_at(),
        reason: reason.code().to_owned(),
    };
    let inside = table.positions().filter(|at| table.row(*at).in_window);
    let screened =
        inside.filter_map(|at| table.excluded[at as usize].map(|reason| exclusion(table.record(at), reason)));
    let mut all: Vec<Exclusion> = screened.collect();
    all.sort_by(|a, b| {
        (a.side, a.occurred_at, &a.record_id, &a.reason).cmp(&(b.side, b.occurred_at, &b.record_id, &b.reason))
    });
    all
}
