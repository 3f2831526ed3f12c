//! What people decided in earlier runs of the job stands: confirmed and manual matches are taken first, and what was
//! rejected or taken apart is not put together again. A member that is not in this run's data keeps the others from being
//! given to somebody else.

use crate::{
    DecidedMatch, Memory,
    board::{Accepted, Board, Details, Members},
    reason::Reason,
    rule::Rule,
    table::{ById, Ix, NONE},
};
use domain::{
    decision::{RecordKey, Standing},
    summary::Difference,
};
use std::collections::BTreeMap;

pub(crate) fn apply(board: &mut Board<'_>, memory: &Memory, by_id: &ById<'_>) {
    for rejected in &memory.rejected {
        let places = places(by_id, &rejected.source_ids, &rejected.target_ids);
        if let (Some(sources), Some(targets)) = (whole(&places.0), whole(&places.1)) {
            board.forbid(sources, targets);
        }
    }
    let members = |decided: &DecidedMatch| domain::decision::members(&decided.found).collect::<Vec<_>>();
    let mut claims: BTreeMap<RecordKey, u32> = BTreeMap::new();
    for member in memory.decided.iter().flat_map(members) {
        *claims.entry(member).or_default() += 1;
    }
    for decided in &memory.decided {
        // Where two words speak of one record, neither is picked.
        if members(decided).iter().all(|member| claims.get(member) == Some(&1)) {
            stand(board, decided, by_id);
        }
    }
}

fn stand(board: &mut Board<'_>, decided: &DecidedMatch, by_id: &ById<'_>) {
    let found = &decided.found;
    let places = places(by_id, &found.source_ids, &found.target_ids);
    if let (Some(sources), Some(targets)) = (whole(&places.0), whole(&places.1)) {
        let currency = |at: &Ix| board.table.row(*at).currency;
        if sources.iter().chain(&targets).any(|at| sources.first().map(currency) != Some(currency(at))) {
            // What was one money when people decided is two now: nobody said anything about that.
            return;
        }
        let sum = |members: &Members| members.iter().map(|at| board.table.row(*at).amount).sum::<i64>();
        let gap = sum(&targets) - sum(&sources);
        let rule = match decided.standing {
            Standing::Confirmed => Rule::Confirmed,
            Standing::Manual => Rule::Manual,
        };
        // As it was explained then, as long as it is the same difference.
        let difference = if found.difference.sum() == gap {
            found.difference
        } else {
            Difference { unexplained: gap, ..Difference::default() }
        };
        let details = Details { confidence_bp: Some(found.confidence_bp), difference, ..Details::default() };
        board.accept(Accepted::many(found.kind, sources, targets, rule, found.matched_fields.bits()).with(details));
        return;
    }
    for at in places.0.into_iter().chain(places.1).filter(|at| *at != NONE) {
        if board.is_open(at) {
            board.block(at);
            board.hint(at, Reason::OutsideWindow, NONE, 1);
        }
    }
}

fn places(by_id: &ById<'_>, sources: &[String], targets: &[String]) -> (Vec<Ix>, Vec<Ix>) {
    let side = |target: bool, ids: &[String]| ids.iter().map(|id| by_id.find(target, id)).collect::<Vec<_>>();
    (side(false, sources), side(true, targets))
}

/// All of them, if all are here and there are some.
fn whole(places: &[Ix]) -> Option<Members> {
    (!places.is_empty() && !places.contains(&NONE)).then(|| places.iter().copied().collect())
}
