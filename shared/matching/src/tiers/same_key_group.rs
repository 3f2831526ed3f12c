//! Tier 4: what strong ids and weak references left. Groups with equal sums, duplicate charges, identical movements of
//! one order, and pairs whose partner is certain although the amounts differ.

use super::{
    components::{Component, by_strong_value, by_weak_value, exact_pairs, is_equal_group},
    strong_id::{accept_group, accept_pair},
};
use crate::{
    board::{Accepted, Board, Details, field},
    evidence::{Agreement, Conflict, agreement, conflict, other_order, parents_differ, score, somebody_else},
    keys::Entry,
    reason::Reason,
    rule::Rule,
    table::{DAY_MS, HOUR_MS, Ix, NONE, Signs},
};
use domain::{matches::MatchKind, summary::Difference};

pub(crate) fn apply(board: &mut Board<'_>) {
    for component in by_strong_value(board).iter() {
        for (source, target) in exact_pairs(board, &component) {
            accept_pair(board, source, target, Rule::SameKeyPair);
        }
        let rest = open_part(board, &component);
        if is_equal_group(board, &rest) {
            accept_group(board, rest, Rule::SameKeyGroup, field::STRONG_ID);
            continue;
        }
        one_against_several(board, &rest);
        several_sales_one_charge(board, &rest);
        if let ([source], [target]) = (component.sources.as_slice(), component.targets.as_slice()) {
            linked_discrepancy(board, *source, *target);
        }
    }
    for component in by_weak_value(board) {
        let rest = open_part(board, &component);
        let close = is_close(board, &rest);
        if close && is_equal_group(board, &rest) {
            accept_group(board, rest, Rule::SameKeyGroup, field::REFERENCE);
        } else if close {
            one_against_several(board, &rest);
            equal_amounts_of_one_order(board, &open_part(board, &rest));
        }
    }
}

fn open_part(board: &Board<'_>, component: &Component) -> Component {
    Component { sources: board.open_among(&component.sources), targets: board.open_among(&component.targets) }
}

/// All members within the reach of a weak reference.
fn is_close(board: &Board<'_>, component: &Component) -> bool {
    let reach = i64::from(board.rules.weak_reference_days) * DAY_MS;
    let times = || component.sources.iter().chain(&component.targets).map(|at| board.table.row(*at).at);
    match (times().min(), times().max(), component.sources.is_empty() || component.targets.is_empty()) {
        (Some(first), Some(last), false) => last - first <= reach,
        _ => false,
    }
}

/// Nothing known speaks against the two.
fn is_unopposed(board: &Board<'_>, source: Ix, target: Ix) -> bool {
    agreement(board.table, source, target).against == 0
        && !other_order(board, source, target)
        && conflict(board, source, target) != Conflict::Real
        && !parents_differ(board, source, target)
}

/// A component with one record on one side, and those of the other that have its amount.
fn one_and_equal(board: &Board<'_>, rest: &Component) -> Option<(Ix, Vec<Ix>)> {
    let (one, several) = match (rest.sources.as_slice(), rest.targets.as_slice()) {
        ([one], several) | (several, [one]) => (*one, several),
        _ => return None,
    };
    let table = board.table;
    let equal = several.iter().copied().filter(|at| table.row(*at).amount == table.row(one).amount);
    Some((one, equal.collect::<Vec<_>>())).filter(|(one, equal)| equal.len() >= 2 && board.is_open(*one))
}

/// One sale and several charges for it, or one booking and several with its reference: the settled one, else the
/// earliest, is the partner; the others are there again. Several sales of one charge are no such thing.
fn one_against_several(board: &mut Board<'_>, rest: &Component) {
    let table = board.table;
    let Some((one, equal)) = one_and_equal(board, rest) else { return };
    if equal.iter().any(|at| table.row(*at).of_order) {
        return;
    }
    let unopposed = |at: &Ix| {
        let (source, target) = table.as_pair(one, *at);
        is_unopposed(board, source, target)
    };
    let mut fitting: Vec<Ix> = equal.iter().copied().filter(unopposed).collect();
    let wanted_elsewhere = fitting.iter().any(|at| somebody_else(board, *at, one));
    let candidates = rest.sources.len().max(rest.targets.len());
    if fitting.is_empty() || wanted_elsewhere {
        for at in equal {
            board.hint(at, Reason::Ambiguous, one, candidates);
            board.hint(one, Reason::Ambiguous, at, candidates);
        }
        return;
    }
    fitting.sort_by_key(|at| (!is_settled(board, *at), table.row(*at).at, *at));
    let chosen = fitting[0];
    let (source, target) = table.as_pair(one, chosen);
    let fields = agreement(table, source, target).fields | field::AMOUNT;
    // Unit of this rule: seconds from the payment to the next charge.
    let margin = fitting.get(1).map(|next| (table.row(*next).at - table.row(chosen).at).abs() / 1_000);
    let accepted = Accepted::pair(source, target, Rule::DuplicateCharge, fields);
    if board.accept(accepted.with(Details { margin, ..Details::default() })) {
        let reason = if table.row(chosen).target { Reason::DuplicateCharge } else { Reason::DuplicateSource };
        for at in fitting.into_iter().skip(1) {
            board.hint(at, reason, chosen, 1);
        }
    }
}

fn is_settled(board: &Board<'_>, at: Ix) -> bool {
    let record = board.table.record(at);
    record.settled_at().is_some() || record.net_minor().is_some() || record.settled_money().is_some()
}

/// One charge that several sales claim: the only one that nothing speaks against and something speaks for.
fn several_sales_one_charge(board: &mut Board<'_>, rest: &Component) {
    let table = board.table;
    let Some((charge, equal)) = one_and_equal(board, rest) else { return };
    if !equal.iter().any(|at| table.row(*at).of_order) {
        return;
    }
    let unopposed = |at: &Ix| {
        let (source, target) = table.as_pair(*at, charge);
        is_unopposed(board, source, target)
    };
    let fitting: Vec<Ix> = equal.iter().copied().filter(unopposed).collect();
    if let [sale] = fitting.as_slice() {
        let (source, target) = table.as_pair(*sale, charge);
        if agreement(table, source, target).fields & (Agreement::PERSON | field::REFERENCE) != 0 {
            accept_pair(board, source, target, Rule::SameKeyPair);
            return;
        }
    }
    let candidates = rest.sources.len().max(rest.targets.len());
    for at in equal {
        board.hint(at, Reason::Ambiguous, charge, candidates);
        board.hint(charge, Reason::Ambiguous, at, candidates);
    }
}

/// The partner is certain and the amounts differ: a match that is listed as a discrepancy.
fn linked_discrepancy(board: &mut Board<'_>, source: Ix, target: Ix) {
    if !board.is_open(source) || !board.is_open(target) {
        return;
    }
    let table = board.table;
    let found = agreement(table, source, target);
    let supported = found.fields & (Agreement::PERSON | field::REFERENCE) != 0;
    let certain = found.against == 0
        && conflict(board, source, target) == Conflict::None
        && !parents_differ(board, source, target)
        && is_held_by_these_only(board, source, target)
        && !has_exact_rival(board, source, supported)
        && !has_exact_rival(board, target, supported);
    if !certain {
        return;
    }
    let gap = table.row(target).amount - table.row(source).amount;
    // What was asked for is the order's where only one of the two belongs to one.
    let turned = table.row(target).of_order && !table.row(source).of_order;
    let (sale, payment) = if turned { (target, source) } else { (source, target) };
    let (asked, paid) = (table.row(sale).amount, table.row(payment).amount);
    let part = table.record(payment).authorized_minor() == Some(asked) && paid.abs() < asked.abs();
    let fee = table.record(payment).fee_minor().filter(|fee| *fee != 0 && -fee.abs() == paid - asked);
    let (difference, reason) = match (part, fee, gap) {
        (true, ..) => (Difference { partial: gap, ..Difference::default() }, Reason::PartialCapture),
        (_, Some(_), _) => (Difference { fee: gap, ..Difference::default() }, Reason::FeeVariance),
        (_, _, 1 | -1) => (Difference { rounding: gap, ..Difference::default() }, over_or_under(gap)),
        _ => (Difference { unexplained: gap, ..Difference::default() }, over_or_under(gap)),
    };
    let details = Details { difference, discrepancy: Some(reason), ..Details::default() };
    board.accept(Accepted::pair(source, target, Rule::LinkedDiscrepancy, found.fields).with(details));
}

pub(super) fn over_or_under(gap: i64) -> Reason {
    if gap > 0 { Reason::AmountOver } else { Reason::AmountUnder }
}

/// The strong values that join the two are held by nobody else of their class, taken or not.
fn is_held_by_these_only(board: &Board<'_>, source: Ix, target: Ix) -> bool {
    let keys = &board.table.keys;
    let class = board.table.row(source).class;
    let holders =
        |entry: &Entry| keys.holders(entry.value).iter().copied().filter(|at| board.table.row(*at).class == class);
    let shared: Vec<&Entry> = keys
        .of(source)
        .iter()
        .filter(|entry| keys.is_strong(entry.value) && holders(entry).any(|at| at == target))
        .collect();
    !shared.is_empty() && shared.iter().all(|entry| holders(entry).all(|at| at == source || at == target))
}

/// An open record of exactly this amount that could be the partner: one that agrees, or, where nothing supports the
/// link, any that nothing speaks against.
fn has_exact_rival(board: &Board<'_>, at: Ix, supported: bool) -> bool {
    let table = board.table;
    let reach = i64::from(board.rules.amount_days) * DAY_MS;
    let nearby = table.nearest(at, reach, MAX_RIVALS);
    nearby.len() == MAX_RIVALS
        || nearby.into_iter().filter(|other| board.is_open(*other)).any(|other| {
            let (source, target) = table.as_pair(at, other);
            let found = agreement(table, source, target);
            found.against == 0 && (found.for_it() || !supported)
        })
}

/// So many records of one amount nearby make it worthless as a sign.
const MAX_RIVALS: usize = 64;

/// Equal amounts within one order: as a set where they are identical.
fn equal_amounts_of_one_order(board: &mut Board<'_>, rest: &Component) {
    let table = board.table;
    let mut amounts: Vec<i64> = rest.sources.iter().map(|at| table.row(*at).amount).collect();
    amounts.sort_unstable();
    amounts.dedup();
    let one_order = rest.sources.windows(2).all(|pair| table.signs.order(pair[0]) == table.signs.order(pair[1]));
    for amount in amounts {
        let of = |members: &[Ix]| -> Vec<Ix> {
            members.iter().copied().filter(|at| table.row(*at).amount == amount).collect()
        };
        let (sources, targets) = (of(&rest.sources), of(&rest.targets));
        let opposed = sources.iter().any(|source| targets.iter().any(|target| !is_unopposed(board, *source, *target)));
        if one_order && !opposed && sources.len() + targets.len() > 2 && !sources.is_empty() && !targets.is_empty() {
            identical(board, &sources, &targets, field::REFERENCE);
        }
    }
}

/// Identical records on both sides, of one class, currency and amount: k against k is one set, k against m a suggested
/// one with an open question for the rest. What can be told apart is left.
pub(super) fn identical(board: &mut Board<'_>, sources: &[Ix], targets: &[Ix], key: u16) {
    let count = sources.len().min(targets.len());
    let all = || sources.iter().chain(targets).copied();
    let hint_all = |board: &mut Board<'_>| {
        for source in sources {
            board.hint(*source, Reason::Ambiguous, targets[0], targets.len());
        }
        for target in targets {
            board.hint(*target, Reason::Ambiguous, sources[0], sources.len());
        }
    };
    if sources.is_empty() || targets.is_empty() {
        return;
    }
    let opposed = agreement(board.table, sources[0], targets[0]).against > 0;
    if opposed || !are_alike(board, sources, targets) {
        hint_all(board);
        return;
    }
    let fields = agreement(board.table, sources[0], targets[0]).fields | field::AMOUNT | key;
    let evidence = all().any(|at| board.table.row(at).evidence());
    if sources.len() == targets.len() && count >= 2 && !evidence {
        let set = Accepted::many(MatchKind::Set, sources.to_vec(), targets.to_vec(), Rule::IdenticalSet, fields);
        board.accept(set);
        return;
    }
    hint_all(board);
    if evidence {
        return;
    }
    let kind = if count == 1 { MatchKind::Pair } else { MatchKind::Set };
    let set = Accepted::many(kind, sources[..count].to_vec(), targets[..count].to_vec(), Rule::SuggestSet, fields);
    let score = score(board.table, sources[0], targets[0]);
    board.propose(set, score);
}

/// The same in every field by which partners could be told apart, and close in time. A field that only one side shows
/// tells nothing: nobody could say whose it is on the other.
fn are_alike(board: &Board<'_>, sources: &[Ix], targets: &[Ix]) -> bool {
    let table = board.table;
    let all = || sources.iter().chain(targets).copied();
    let times = || all().map(|at| table.row(at).at);
    let span = times().max().unwrap_or(0) - times().min().unwrap_or(0);
    if span > i64::from(board.rules.set_hours) * HOUR_MS {
        return false;
    }
    let shown = |members: &[Ix], field: usize| members.iter().any(|at| table.signs.person(*at)[field] != NONE);
    let same = |members: &[Ix], field: usize| {
        members.windows(2).all(|pair| table.signs.person(pair[0])[field] == table.signs.person(pair[1])[field])
    };
    let values = |at: Ix| -> Vec<u32> {
        let of_order = table.row(at).of_order;
        table.keys.of(at).iter().filter(|entry| entry.tells_apart(of_order)).map(|entry| entry.value).collect()
    };
    // Names that only movements of orders have tell nothing: no payment says which of them is meant.
    let named = all().any(|at| !table.row(at).of_order && !values(at).is_empty());
    let same_names = |members: &[Ix]| members.windows(2).all(|pair| values(pair[0]) == values(pair[1]));
    (0..Signs::PERSON).all(|field| {
        !(shown(sources, field) && shown(targets, field)) || (same(sources, field) && same(targets, field))
    }) && (!named || (same_names(sources) && same_names(targets)))
}
