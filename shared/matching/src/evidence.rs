//! What two records say about each other, and whether a reference may be believed.

use crate::{
    board::{Board, field},
    keys::{Entry, Keys},
    table::{DAY_MS, Ix, MINUTE_MS, NONE, Table},
};

/// How far the references of two records speak against their being partners.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Conflict {
    None,
    /// A reference leads elsewhere, but amount and buyer there do not fit: it is probably wrong.
    Doubtful,
    /// A reference leads to a record that would fit.
    Real,
}

/// Fields in which a pair agrees and disagrees.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Agreement {
    pub fields: u16,
    /// Number of e-mail and card that are known on both sides and differ.
    pub against: u32,
}

impl Agreement {
    pub const PERSON: u16 = field::EMAIL | field::LAST4 | field::NAME | field::MEMO;

    pub fn for_it(self) -> bool {
        self.fields & (Self::PERSON | field::REFERENCE | field::STRONG_ID) != 0
    }

    /// Strong enough to stand against a doubtful reference: the e-mail, or two signs.
    pub fn firm(self) -> bool {
        let signs = self.fields & (Self::PERSON | field::REFERENCE | field::STRONG_ID);
        signs & field::EMAIL != 0 || signs.count_ones() >= 2
    }

    /// Whether a pair that agrees in so much is believed all the same.
    pub fn outweighs(self, conflict: Conflict) -> bool {
        match conflict {
            Conflict::None => true,
            Conflict::Doubtful => self.firm(),
            Conflict::Real => false,
        }
    }
}

/// E-mail, card, name, memo and shared references.
pub(crate) fn agreement(table: &Table<'_>, source: Ix, target: Ix) -> Agreement {
    let signs = &table.signs;
    let mut found = Agreement::default();
    for (left, right, bit, may_differ) in [
        (signs.email(source), signs.email(target), field::EMAIL, false),
        (signs.last4(source), signs.last4(target), field::LAST4, false),
        (signs.name(source), signs.name(target), field::NAME, true),
    ] {
        if left == NONE || right == NONE {
            continue;
        }
        if left != right {
            found.against += u32::from(!may_differ);
        } else if table.telling(left) {
            found.fields |= bit;
        }
    }
    let memo = signs.memo(source);
    if memo != NONE && memo == signs.memo(target) && table.held_by(memo) <= 2 {
        found.fields |= field::MEMO;
    }
    let (strong, weak) = table.keys.shared(source, target);
    if strong {
        found.fields |= field::STRONG_ID;
    }
    if weak {
        found.fields |= field::REFERENCE;
    }
    found
}

/// Whether references of the two lead to somebody else.
pub(crate) fn conflict(board: &Board<'_>, source: Ix, target: Ix) -> Conflict {
    let from_source = leads_away(board, source, target, |_| true);
    let from_target = leads_away(board, target, source, |_| true);
    let nowhere = [source, target].into_iter().any(|at| leads_nowhere(board.table, at));
    from_source.max(from_target).max(if nowhere { Conflict::Doubtful } else { Conflict::None })
}

/// Whether the order or reference that one of the two names is another one than the other's.
pub(crate) fn other_order(board: &Board<'_>, source: Ix, target: Ix) -> bool {
    let names_another = |at: Ix, other: Ix| {
        !board.table.row(at).of_order && leads_away(board, at, other, Keys::is_weak_key) != Conflict::None
    };
    names_another(target, source) || names_another(source, target)
}

fn leads_away(board: &Board<'_>, at: Ix, partner: Ix, which: impl Fn(Entry) -> bool) -> Conflict {
    let table = board.table;
    let keys = &table.keys;
    let row = table.row(at);
    let mut worst = Conflict::None;
    for entry in keys.counting(at).filter(|entry| which(*entry)) {
        let holders = keys.holders(entry.value).iter().copied();
        let opposite = || holders.clone().filter(|other| table.row(*other).target != row.target);
        if opposite().any(|other| other == partner || related(table, other, partner)) {
            continue;
        }
        for other in opposite().take(8).filter(|other| keys.counts_for(entry.value, *other)) {
            if explained(board, at, other) {
                continue;
            }
            let there = table.row(other);
            let fits = there.class == row.class && there.currency == row.currency && there.amount == row.amount;
            let (email, other_email) = (table.signs.email(at), table.signs.email(other));
            let same_buyer = email != NONE && email == other_email && table.telling(email);
            let found = if fits || same_buyer { Conflict::Real } else { Conflict::Doubtful };
            worst = worst.max(found);
        }
    }
    worst
}

/// Whether a payment names an order or payment, under a key that counts, which nobody on the other side has.
fn leads_nowhere(table: &Table<'_>, at: Ix) -> bool {
    let (keys, row) = (&table.keys, table.row(at));
    let empty = |entry: &Entry| keys.holders(entry.value).iter().all(|other| table.row(*other).target == row.target);
    !row.of_order && keys.of(at).iter().any(|entry| keys.is_proven_weak(*entry) && empty(entry))
}

/// Two records of one side that belong to one order, or of which one undoes the other.
fn related(table: &Table<'_>, a: Ix, b: Ix) -> bool {
    let (order, parent, other_parent) = (table.signs.order(a), table.signs.parent(a), table.signs.parent(b));
    (order != NONE && order == table.signs.order(b))
        || parent == b
        || other_parent == a
        || (parent != NONE && parent == other_parent)
}

/// The record that a reference leads to is matched with a relative of the one that names it.
fn explained(board: &Board<'_>, at: Ix, holder: Ix) -> bool {
    board.match_of(holder).is_some_and(|found| found.members().any(|member| related(board.table, member, at)))
}

/// Whether parents that are known on both sides belong to different matches.
pub(crate) fn parents_differ(board: &Board<'_>, source: Ix, target: Ix) -> bool {
    let (a, b) = (board.table.signs.parent(source), board.table.signs.parent(target));
    if a == NONE || b == NONE || !board.table.in_scope(a) || !board.table.in_scope(b) {
        return false;
    }
    (board.is_taken(a) || board.is_taken(b)) && board.match_number(a) != board.match_number(b)
}

/// Whether the strong id that joins an exact pair may be believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Certain,
    /// One sign speaks against it, but nobody else fits.
    Contested,
    /// Somebody else fits better, or too much speaks against it.
    Refused,
}

/// How many records of the same amount are looked at as alternatives; beyond that a pair is not vouched for.
const MAX_ALTERNATIVES: usize = 64;

/// Judges an exact pair that a reference joins and that agrees in so much.
pub(crate) fn certify(board: &Board<'_>, source: Ix, target: Ix, agreement: Agreement) -> Verdict {
    if parents_differ(board, source, target) {
        return Verdict::Refused;
    }
    let against = agreement.against + u32::from(other_order(board, source, target));
    let supported = agreement.fields & (Agreement::PERSON | field::REFERENCE) != 0;
    if against == 0 && supported {
        return Verdict::Certain;
    }
    if against >= 2 || somebody_else(board, source, target) || somebody_else(board, target, source) {
        return Verdict::Refused;
    }
    if against == 0 { Verdict::Certain } else { Verdict::Contested }
}

/// Another open record of the partner's side with the same amount that `at` has something in common with, and that
/// nothing else claims.
pub(crate) fn somebody_else(board: &Board<'_>, at: Ix, partner: Ix) -> bool {
    let table = board.table;
    let reach = i64::from(board.rules.weak_reference_days) * DAY_MS;
    if table.same_amount(at).len() == 1 {
        return false;
    }
    let nearby = table.nearest(at, reach, MAX_ALTERNATIVES);
    nearby.iter().filter(|other| **other != partner && board.is_open(**other)).any(|other| {
        let (source, target) = table.as_pair(at, *other);
        let found = agreement(table, source, target);
        found.for_it() && found.against == 0 && !has_exact_link(board, *other, at)
    })
}

/// Whether a record has a reference of its own to an open record of equal amount other than `except`.
fn has_exact_link(board: &Board<'_>, at: Ix, except: Ix) -> bool {
    let table = board.table;
    let linked = table.keys.linked(table, at);
    linked.into_iter().any(|other| other != except && board.is_open(other) && table.one_bucket(at, other))
}

/// Thousandths of agreement, from a fixed table: what candidates are ranked by.
pub(crate) fn score(table: &Table<'_>, source: Ix, target: Ix) -> i64 {
    let (a, b) = (table.row(source), table.row(target));
    let found = agreement(table, source, target);
    let mut score = 0;
    if a.class == b.class && a.currency == b.currency {
        let gap = (a.amount - b.amount).unsigned_abs();
        let whole = a.amount.unsigned_abs().max(b.amount.unsigned_abs()).max(1);
        score += match gap {
            0 => 350,
            _ if gap.saturating_mul(100) <= whole => 150,
            _ if gap.saturating_mul(10) <= whole => 80,
            _ => 0,
        };
    }
    for (bit, weight) in [
        (field::STRONG_ID, 250),
        (field::REFERENCE, 200),
        (field::EMAIL, 200),
        (field::LAST4, 120),
        (field::NAME, 80),
        (field::MEMO, 60),
    ] {
        if found.fields & bit != 0 {
            score += weight;
        }
    }
    let distance = table.distance_ms(source, target);
    score += match distance {
        _ if distance <= 15 * MINUTE_MS => 100,
        _ if distance <= DAY_MS => 60,
        _ if distance <= 3 * DAY_MS => 30,
        _ => 0,
    };
    score -= 200 * i64::from(found.against);
    score.clamp(0, 1_000)
}
