//! The records of one side as they were given, and the order in which the engine looks at them.

use super::{
    Halves, Ix, Left, NONE, Repeats,
    counting::{by_digits, position},
    ix,
    numbers::firsts,
};
use crate::{
    both::both,
    digest::json,
    hashed,
    keys::{Again, Mentioned},
};
use domain::{
    record::Status,
    records::{Fields, RecordRef, Records},
};
use std::ops::Range;

#[derive(Debug)]
pub(super) struct Given<'a> {
    records: &'a Records,
    /// Where each record stands among the given, by (time, id), each id once.
    order: Vec<Ix>,
    /// Of each of these the position of its parent, where that is here.
    parents: Vec<Ix>,
    /// By place among the given, what of it other records mention, too.
    again: Vec<Again>,
    /// What any of its records says.
    pub said: Fields,
    /// Second deliveries of a record that is there.
    pub duplicates: Vec<RecordRef<'a>>,
}

/// Both sides, which know of each other what is mentioned again.
pub(super) fn sides([source, target]: [&Records; 2]) -> [Given<'_>; 2] {
    let count = source.len() + target.len();
    let ((mut sources, of_sources), (mut targets, of_targets)) =
        both(count, || Given::of(source), || Given::of(target));
    let mentions = of_sources.len() + of_targets.len();
    let [repeats, of_other] = Repeats::of(mentions, [&of_sources, &of_targets], Mentioned::all);
    (sources.again, targets.again) = both(count, || of_sources.again(repeats), || of_targets.again(of_other));
    [sources, targets]
}

impl<'a> Given<'a> {
    /// One side, of which it is not known yet what comes again, and all that its records mention. Of two deliveries of one id
    /// the further decided one is kept.
    fn of(records: &'a Records) -> (Self, Mentioned) {
        let FirstLook { ids, children, mentioned, said } = first_look(records);
        let (kept, duplicates) = kept(records, ids);
        let order = in_order(records, &kept);
        let parents = parents(&order, &kept, &children);
        (Self { records, order, parents, again: Vec::new(), said, duplicates }, mentioned)
    }

    /// Frees what only who reads the records looks at.
    pub fn forget_mentions(&mut self) {
        self.parents = Vec::new();
        self.again = Vec::new();
    }

    pub fn count(&self) -> Ix {
        ix(self.order.len())
    }

    /// Which of its mentions come again.
    pub fn again(&self, at: Ix) -> Again {
        self.again[self.order[at as usize] as usize]
    }

    pub fn record(&self, at: Ix) -> RecordRef<'a> {
        self.records.at(self.order[at as usize] as usize)
    }

    /// Of the parent of a record, where that is here.
    pub fn parent(&self, at: Ix) -> Option<Ix> {
        Some(self.parents[at as usize]).filter(|parent| *parent != NONE)
    }

    /// Asks for the memory of some records: looks that do not wait for each other fetch it at once.
    pub fn look(&self, positions: Range<Ix>) {
        let looks = positions.map(|at| self.record(at).look() + usize::from(self.again(at) == Again::default()));
        std::hint::black_box(looks.sum::<usize>());
    }
}

/// What a walk over all records as they were given finds out.
struct FirstLook {
    /// By place among the given: which record is the first with its id.
    ids: Vec<Ix>,
    /// Records that name a parent, with the place of the first one that it could be, or one behind all records.
    children: Vec<(Ix, Ix)>,
    mentioned: Mentioned,
    said: Fields,
}

fn first_look(records: &Records) -> FirstLook {
    let count = records.len();
    let (mut mentioned, mut said) = (Mentioned::default(), Fields::default());
    let mut hashes: Vec<u32> = Vec::with_capacity(count);
    let mut children: Vec<(Ix, &str)> = Vec::new();
    for (at, record) in (0..).zip(records.iter()) {
        let texts = record.texts();
        let id = hashed::text(texts.id);
        hashes.push(id);
        children.extend(texts.parent.map(|parent| (at, parent)));
        mentioned.add(record, &texts, id);
        said = said.or(record.fields());
        if hashes.len() == Left::SAMPLE {
            mentioned.make_room(Left { read: Left::SAMPLE, left: count - Left::SAMPLE });
        }
    }
    // Equal texts are found for parents as they are for ids, all at once.
    let of_parents: Vec<u32> = children.iter().map(|(_, parent)| hashed::text(parent)).collect();
    let text = |at: Ix| match (at as usize).checked_sub(count) {
        None => records.at(at as usize).id(),
        Some(child) => children[child].1,
    };
    let Halves([ids, parents]) = firsts(Halves([hashes, of_parents]), |one, other| text(one) == text(other));
    let children = children.into_iter().zip(parents).map(|((child, _), parent)| (child, parent)).collect();
    FirstLook { ids, children, mentioned, said }
}

/// By place of the first record with an id: which of its deliveries is kept. And the others.
fn kept(records: &Records, ids: Vec<Ix>) -> (Vec<Ix>, Vec<RecordRef<'_>>) {
    let (mut kept, mut duplicates) = (ids, Vec::new());
    for at in 0..kept.len() {
        let first = kept[at] as usize;
        if first == at {
            continue;
        }
        kept[at] = NONE;
        let [known, record] = [kept[first] as usize, at].map(|at| records.at(at));
        let leave = if rank(record) < rank(known) {
            kept[first] = ix(at);
            known
        } else {
            record
        };
        // A parent fetched as evidence that was also read as itself is one delivery, not two.
        if !leave.evidence_only() {
            duplicates.push(leave);
        }
    }
    duplicates.sort_by_cached_key(|record| (record.occurred_at(), record.id(), rank(*record)));
    (kept, duplicates)
}

/// Where those that are kept stand among the given, by (time, id).
fn in_order(records: &Records, kept: &[Ix]) -> Vec<Ix> {
    let record = |at: &Ix| records.at(*at as usize);
    let time = |at: &Ix| record(at).occurred_at();
    let mut order = Vec::with_capacity(kept.len());
    order.extend(kept.iter().copied().filter(|at| *at != NONE));
    // Providers list by time, some of them the newest first.
    if order.is_sorted_by(|one, next| time(one) >= time(next)) {
        order.reverse();
    } else if !order.is_sorted_by_key(time) {
        return by_time(records, order);
    }
    for alike in order.chunk_by_mut(|one, next| time(one) == time(next)).filter(|alike| alike.len() > 1) {
        alike.sort_unstable_by_key(|at| record(at).id());
    }
    order
}

/// The same by sorting, which looks at as few records as it can: they lie in another order.
fn by_time(records: &Records, mut order: Vec<Ix>) -> Vec<Ix> {
    let record = |at: Ix| records.at(at as usize);
    let millis = |at: &Ix| record(*at).occurred_at().millis();
    let (first, last) = order.iter().map(millis).fold((i64::MAX, i64::MIN), |(a, b), at| (a.min(at), b.max(at)));
    // The times of some weeks fit in front of a position, as one number.
    if last.abs_diff(first) > u32::MAX.into() {
        order.sort_unstable_by(|one, next| {
            millis(one).cmp(&millis(next)).then_with(|| record(*one).id().cmp(record(*next).id()))
        });
        return order;
    }
    let packed = order.iter().map(|at| (millis(at).abs_diff(first) << Ix::BITS) | u64::from(*at)).collect();
    let mut packed = by_digits(packed, last.abs_diff(first) + 1);
    let place = |packed: &u64| position((*packed).into());
    for alike in packed.chunk_by_mut(|one, next| one >> Ix::BITS == next >> Ix::BITS).filter(|alike| alike.len() > 1) {
        alike.sort_unstable_by_key(|packed| record(place(packed)).id());
    }
    packed.iter().map(place).collect()
}

/// By position: that of the parent.
fn parents(order: &[Ix], kept: &[Ix], children: &[(Ix, Ix)]) -> Vec<Ix> {
    let mut parents = vec![NONE; order.len()];
    if children.is_empty() {
        return parents;
    }
    let mut positions = vec![NONE; kept.len()];
    for (position, at) in (0..).zip(order) {
        positions[*at as usize] = position;
    }
    for (child, parent) in children {
        // A delivery that is not kept has no position, and a parent that is not here no place.
        if let (Some(place), Some(parent)) =
            (parents.get_mut(positions[*child as usize] as usize), kept.get(*parent as usize))
        {
            *place = positions[*parent as usize];
        }
    }
    parents
}

/// Total order over deliveries of one id: read as itself, further decided, then by content.
fn rank(record: RecordRef<'_>) -> (bool, u8, String) {
    let decided = match record.status() {
        Status::Succeeded => 0,
        Status::Failed => 1,
        Status::Uncaptured => 2,
        Status::Pending => 3,
    };
    (record.evidence_only(), decided, json(&record.to_record()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::examples;
    use domain::record::{Record, Side};

    fn record(id: &str, at: i64, parent: &str) -> Record {
        let parent = (!parent.is_empty()).then(|| parent.to_owned());
        Record { parent, ..examples::record(Side::Source, id, 1, at) }
    }

    #[test]
    fn records_stand_by_time_and_id_however_far_apart_they_are() {
        for far in [7, u32::MAX.into(), i64::from(u32::MAX) + 1, i64::MAX] {
            let records: Records = [("b", far), ("d", 3), ("c", 3), ("a", far), ("e", 0), ("f", 2)]
                .map(|(id, at)| record(id, at, ""))
                .into_iter()
                .collect();
            let others = Records::default();
            let [given, _] = sides([&records, &others]);
            let ids: Vec<&str> = (0..given.count()).map(|at| given.record(at).id()).collect();
            assert_eq!(ids, ["e", "f", "c", "d", "a", "b"], "{far}");
        }
    }

    /// Each record with its parent, by id.
    fn parents_of(records: &[Record]) -> Vec<(String, Option<String>)> {
        let records: Records = records.iter().collect();
        let others = Records::default();
        let [given, _] = sides([&records, &others]);
        let id = |at: Ix| given.record(at).id().to_owned();
        (0..given.count()).map(|at| (id(at), given.parent(at).map(id))).collect()
    }

    #[test]
    fn parents_are_found_wherever_they_stand_and_however_often_they_are_delivered() {
        let pending = Record { status: Status::Pending, ..record("sale", 9, "") };
        let given = [
            record("late", 8, "sale"),
            // Of two deliveries the other one is kept.
            pending,
            record("sale", 5, ""),
            record("sale", 5, ""),
            record("early", 1, "sale"),
            record("late", 8, "sale"),
            record("grandchild", 9, "late"),
            record("orphan", 7, "Sale"),
            record("self", 6, "self"),
        ];
        let some = |id: &str| Some(id.to_owned());
        let expected = [
            ("early", some("sale")),
            ("sale", None),
            ("self", some("self")),
            ("orphan", None),
            ("late", some("sale")),
            ("grandchild", some("late")),
        ];
        assert_eq!(parents_of(&given), expected.map(|(id, parent)| (id.to_owned(), parent)));
        assert_eq!(parents_of(&[record("b", 2, ""), record("a", 1, "")]), ["a", "b"].map(|id| (id.to_owned(), None)));
    }
}
