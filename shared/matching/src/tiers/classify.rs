//! Tier 8: why each record is left, and what came closest.

use super::{same_key_group::over_or_under, suggest::Suggested};
use crate::{
    RunInput,
    board::Board,
    evidence::{Conflict, agreement, conflict, score},
    reason::{Facts, Reason, money_text},
    table::{Class, DAY_MS, HOUR_MS, Ix, NONE},
};
use domain::matches::Candidate;

/// Candidates shown per record.
const SHOWN: usize = 3;
/// Records of equal amount that are ranked to find them.
const RANKED: usize = 16;

#[derive(Debug)]
pub(crate) struct Open {
    pub at: Ix,
    pub reason: Reason,
    pub explanation: String,
    pub candidates: Vec<Candidate>,
}

/// Every record of the window that is neither matched nor suggested.
pub(crate) fn apply(board: &Board<'_>, suggested: &Suggested, input: &RunInput) -> Vec<Open> {
    let table = board.table;
    table
        .positions()
        // Most are, and that takes the least memory to look at.
        .filter(|at| !board.is_taken(*at) && !suggested.holds[*at as usize])
        .filter(|at| table.row(*at).in_window() && table.in_scope(*at))
        .map(|at| {
            let (reason, other, count) = reason(board, at, input);
            let facts = facts(board, other, count);
            let explanation = reason.sentence(table.record(at), &facts);
            Open { at, reason, explanation, candidates: candidates(board, at, reason, suggested) }
        })
        .collect()
}

pub(crate) fn facts(board: &Board<'_>, other: Ix, candidates: usize) -> Facts {
    let table = board.table;
    let days = board.rules.window_pad_days;
    if other == NONE {
        return Facts { candidates, days, ..Facts::default() };
    }
    Facts {
        other_id: Some(table.record(other).id().to_owned()),
        other_money: Some(money_text(table.currency(other), table.row(other).amount)),
        candidates,
        days,
    }
}

fn reason(board: &Board<'_>, at: Ix, input: &RunInput) -> (Reason, Ix, usize) {
    let table = board.table;
    let row = table.row(at);
    if row.pending() {
        return (Reason::PendingWithinSla, NONE, 0);
    }
    if let Some((reason, other)) = again(board, at) {
        return (reason, other, 1);
    }
    if let Some(hint) = board.hint_of(at) {
        let others_gone = hint.other != NONE && !board.is_open(hint.other) && !board.is_blocked(at);
        let depends = matches!(hint.reason, Reason::Ambiguous | Reason::CrowdedBucket | Reason::ReferenceConflict);
        if !(others_gone && depends) {
            return (hint.reason, hint.other, hint.candidates as usize);
        }
    }
    if let Some((reason, other)) = linked(board, at) {
        return (reason, other, 1);
    }
    let parent = table.signs.parent(at);
    if row.class == Class::Refund {
        // Of a payment from before the range only what it was refunded for is known here: that its sale was not read says
        // nothing.
        let unsold = parent == NONE || !(board.is_taken(parent) || table.row(parent).evidence());
        if row.target && unsold {
            return (Reason::RefundWithoutSale, parent, 0);
        }
        let disputed = parent != NONE
            && board.match_of(parent).is_some_and(|found| found.members().any(|member| table.row(member).disputed()));
        if disputed {
            return (Reason::DisputeOpen, parent, 0);
        }
    }
    if row.disputed() {
        return (Reason::DisputeOpen, NONE, 0);
    }
    let age = input.as_of.millis() - row.at;
    if (0..i64::from(board.rules.pending_sla_hours) * HOUR_MS).contains(&age) {
        return (Reason::PendingWithinSla, NONE, 0);
    }
    (if row.target { Reason::MissingSource } else { Reason::MissingTarget }, NONE, 0)
}

/// The same movement is there already: the sale that it names, or one of the same buyer and amount on the same day, is
/// matched with another record.
fn again(board: &Board<'_>, at: Ix) -> Option<(Reason, Ix)> {
    let table = board.table;
    let row = table.row(at);
    if row.class != Class::Payment {
        return None;
    }
    let (reason, reach) = if row.target {
        (Reason::DuplicateCharge, i64::from(board.rules.weak_reference_days) * DAY_MS)
    } else {
        (Reason::DuplicateSource, DAY_MS)
    };
    let sibling = |other: Ix| -> Option<Ix> {
        let found = board.match_of(other)?;
        let own = if row.target { found.targets() } else { found.sources() };
        own.iter().copied().find(|member| {
            table.one_bucket(at, *member) && (row.target || table.signs.order(*member) == table.signs.order(at))
        })
    };
    let linked = table.keys.linked(table, at).into_iter().find_map(|other| {
        let (source, target) = table.as_pair(at, other);
        let same = table.one_bucket(at, other) && agreement(table, source, target).against == 0;
        sibling(other).filter(|_| same)
    });
    if let Some(sibling) = linked {
        return Some((reason, sibling));
    }
    if !row.target {
        return None;
    }
    let (email, last4) = (table.signs.email(at), table.signs.last4(at));
    let side = table.targets_of(table.bucket(at)?);
    let start = side.partition_point(|other| table.row(*other).at < row.at - DAY_MS.min(reach));
    side.iter()
        .skip(start)
        .copied()
        .take_while(|other| table.row(*other).at <= row.at + DAY_MS)
        .take(RANKED * 4)
        .find(|other| {
            let same_mail = email != NONE && email == table.signs.email(*other) && table.telling(email);
            let card = table.signs.last4(*other);
            let other_card = last4 != NONE && card != NONE && last4 != card;
            *other != at && board.is_taken(*other) && same_mail && !other_card
        })
        .map(|other| (reason, other))
}

/// What a reference leads to, when that cannot be the partner.
fn linked(board: &Board<'_>, at: Ix) -> Option<(Reason, Ix)> {
    let table = board.table;
    let row = table.row(at);
    let reach = i64::from(board.rules.weak_reference_days) * DAY_MS;
    table.keys.linked(table, at).into_iter().filter(|other| board.is_open(*other)).find_map(|other| {
        let there = table.row(other);
        let (source, target) = table.as_pair(at, other);
        if agreement(table, source, target).against > 0 {
            return None;
        }
        let reason = if there.class != row.class {
            let mirrored = there.currency == row.currency && there.amount == -row.amount;
            mirrored.then_some(Reason::KindMismatch)
        } else if there.currency != row.currency {
            Some(Reason::CurrencyMismatch)
        } else if there.amount == row.amount {
            let far = !table.is_within(at, other, reach);
            Some(if far { Reason::OutsideWindow } else { Reason::ReferenceConflict })
        } else if conflict(board, source, target) == Conflict::None {
            Some(over_or_under(table.row(target).amount - table.row(source).amount))
        } else {
            None
        };
        reason.map(|reason| (reason, other))
    })
}

fn candidates(board: &Board<'_>, at: Ix, reason: Reason, suggested: &Suggested) -> Vec<Candidate> {
    let table = board.table;
    let reach = i64::from(board.rules.amount_days) * DAY_MS;
    let mut found = table.keys.linked(table, at);
    found.extend_from_slice(board.candidates_of(at));
    found.extend(table.nearest(at, reach, RANKED).into_iter().filter(|other| board.is_open(*other)));
    found.sort_unstable();
    found.dedup();
    let target = table.row(at).target;
    let mut scored: Vec<(i64, Ix)> = found
        .into_iter()
        .map(|other| (if target { score(table, other, at) } else { score(table, at, other) }, other))
        .filter(|(score, _)| *score > 0)
        .collect();
    scored.sort_unstable_by_key(|(score, other)| (-score, *other));
    scored
        .into_iter()
        .take(SHOWN)
        .map(|(score, other)| Candidate {
            record_id: table.record(other).id().to_owned(),
            score: u16::try_from(score.clamp(0, 1_000)).unwrap_or(1_000),
            why_not: why_not(board, at, other, reason, suggested),
        })
        .collect()
}

fn why_not(board: &Board<'_>, at: Ix, other: Ix, reason: Reason, suggested: &Suggested) -> String {
    let table = board.table;
    let (row, there) = (table.row(at), table.row(other));
    let (source, target) = table.as_pair(at, other);
    let found = agreement(table, source, target);
    if board.is_forbidden_pair(source, target) {
        return "a person said that they do not belong together".to_owned();
    }
    if there.class != row.class {
        return "one is a payment, the other a refund".to_owned();
    }
    if there.currency != row.currency {
        return format!("it is in {}", table.currency(other).code());
    }
    if let Some(taken) = board.match_of(other) {
        let partner = if row.target { taken.targets().first() } else { taken.sources().first() };
        let partner = partner.map_or("another record", |partner| table.record(*partner).id());
        return format!("it is matched with {partner}");
    }
    if suggested.holds[other as usize] {
        return "it is suggested for another record that fits better or as well".to_owned();
    }
    if there.pending() {
        return "it is not decided yet".to_owned();
    }
    if there.amount != row.amount {
        let gap = table.row(target).amount - table.row(source).amount;
        return format!("the amounts differ by {}", money_text(table.currency(other), gap));
    }
    if found.against > 0 {
        return "e-mail or card differ".to_owned();
    }
    match conflict(board, source, target) {
        Conflict::None if matches!(reason, Reason::Ambiguous | Reason::CrowdedBucket) => {
            "others fit equally well".to_owned()
        }
        Conflict::None if !found.for_it() => "nothing but the amount agrees".to_owned(),
        Conflict::None => "others fit as well".to_owned(),
        Conflict::Doubtful | Conflict::Real => "a reference leads to another record".to_owned(),
    }
}
