//! From positions back to records: the lists that people read, of the run's own window only.

use crate::{
    Memory, Outcome,
    board::{Accepted, Board},
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
    record::{Record, Side},
    summary::RunSummary,
};

pub(crate) fn outcome(board: &Board<'_>, suggested: &Suggested, open: Vec<Open>) -> Outcome {
    let table = board.table;
    let reported = |accepted: &&Accepted| accepted.members().any(|at| table.row(at).in_window);
    let mut exceptions: Vec<(Ix, Exception)> = open.into_iter().map(|open| (open.at, left(table, open))).collect();
    for accepted in board.accepted.iter().filter(reported) {
        exceptions.extend(discrepancy(board, accepted));
    }
    exceptions.sort_by_key(|(at, _)| *at);
    Outcome {
        matches: written(table, board.accepted.iter().filter(reported)),
        suggestions: written(table, suggested.chosen.iter().filter(reported)),
        exceptions: exceptions.into_iter().map(|(_, exception)| exception).collect(),
        exclusions: exclusions(table),
        orders: Vec::new(),
        summary: RunSummary::default(),
        memory: Memory::default(),
    }
}

fn written<'b>(table: &Table<'_>, accepted: impl Iterator<Item = &'b Accepted>) -> Vec<Match> {
    // No record is in two of them, so the first member of each side already tells them apart; none comes first.
    let first = |members: &[Ix]| members.first().map_or(0, |at| at + 1);
    let mut sorted: Vec<(Ix, Ix, &Accepted)> =
        accepted.map(|accepted| (first(&accepted.sources), first(&accepted.targets), accepted)).collect();
    sorted.sort_unstable_by_key(|(source, target, _)| (*source, *target));
    sorted.into_iter().map(|(.., accepted)| one(table, accepted)).collect()
}

fn one(table: &Table<'_>, accepted: &Accepted) -> Match {
    let ids = |members: &[Ix]| members.iter().map(|at| table.record(*at).id.clone()).collect();
    let mut order_names: Vec<String> =
        accepted.members().filter_map(|at| table.record(at).order.as_ref()).map(|order| order.name.clone()).collect();
    order_names.sort_unstable();
    order_names.dedup();
    let first = accepted.sources.first().or(accepted.targets.first()).copied().unwrap_or(0);
    Match {
        kind: accepted.kind,
        source_ids: ids(&accepted.sources),
        target_ids: ids(&accepted.targets),
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
}

fn order_name(record: &Record) -> Option<String> {
    record.order.as_ref().map(|order| order.name.clone())
}

fn side(table: &Table<'_>, at: Ix) -> Side {
    if table.row(at).target { Side::Target } else { Side::Source }
}

fn left(table: &Table<'_>, open: Open) -> Exception {
    let record = table.record(open.at);
    Exception {
        record_id: record.id.clone(),
        side: side(table, open.at),
        class: ExceptionClass::Missing,
        order_name: order_name(record),
        amount_minor: table.row(open.at).amount,
        currency: table.currency(open.at),
        occurred_at: record.occurred_at,
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
        record_id: record.id.clone(),
        side: side(table, at),
        class: ExceptionClass::Discrepancy,
        order_name: order_name(record),
        amount_minor: table.row(at).amount,
        currency: table.currency(at),
        occurred_at: record.occurred_at,
        reason: reason.code().to_owned(),
        explanation: reason.sentence(record, &facts),
        candidates: Vec::new(),
        review: None,
    };
    Some((at, exception))
}

fn exclusions(table: &Table<'_>) -> Vec<Exclusion> {
    let exclusion = |record: &Record, reason: Reason| Exclusion {
        record_id: record.id.clone(),
        side: record.side,
        order_name: order_name(record),
        amount_minor: record.amount_minor,
        currency: record.currency,
        occurred_at: record.occurred_at,
        reason: reason.code().to_owned(),
    };
    let screened = table
        .records
        .iter()
        .zip(&table.excluded)
        .zip(&table.rows)
        .filter(|(_, row)| row.in_window)
        .filter_map(|((record, reason), _)| reason.map(|reason| exclusion(record, reason)));
    let mut all: Vec<Exclusion> = screened.collect();
    all.sort_by(|a, b| {
        (a.side, a.occurred_at, &a.record_id, &a.reason).cmp(&(b.side, b.occurred_at, &b.record_id, &b.reason))
    });
    all
}
