//! One walk over all that the records say, both sides side by side in order of time. What belongs together is mostly read
//! together, and so the texts of the one are still at hand when those of the other are compared with them.
//!
//! The walk has two halves, each of which a core can do by itself: the earlier half of all records, and the later.

use super::{
    Ix,
    given::Given,
    rows::{Row, Words},
    signs::{Part, Sign},
    texts::Left,
};
use crate::{
    digest::Digest,
    keys::{Again, References, Span},
    rules::RuleSet,
    tiers::hygiene,
};
use domain::{record::Kind, records::RecordRef, time::Window};
use std::ops::Range;

/// What the records of a half say, beside their rows.
pub(super) struct Read<'a> {
    pub words: Words<'a>,
    pub references: References<'a>,
    pub digest: Digest,
}

/// What a half reads, and where it writes. Sources come before targets.
pub(super) struct Half<'w> {
    /// Positions among those of the side.
    pub records: [Range<Ix>; 2],
    pub rows: [&'w mut [Row]; 2],
    pub signs: [Part<'w>; 2],
    pub spans: [&'w mut [Span]; 2],
}

/// How many sources and how many targets are in the earlier half of all records; of those of one time sources come first.
pub(super) fn earlier_half([source, target]: [&Given<'_>; 2]) -> [Ix; 2] {
    let (sources, targets) = (source.count(), target.count());
    let half = sources.midpoint(targets);
    let (mut least, mut most) = (half.saturating_sub(targets), half.min(sources));
    while least < most {
        let middle = least.midpoint(most);
        // A source that is not later than a target of the half is in it, too.
        if source.record(middle).occurred_at() <= target.record(half - middle - 1).occurred_at() {
            least = middle + 1;
        } else {
            most = middle;
        }
    }
    [least, half - least]
}

/// 0 for a position of the earlier half, 1 for one of the later.
pub(super) fn half_of(at: Ix, sources: Ix, [earlier_sources, earlier_targets]: [Ix; 2]) -> usize {
    let later = match at.checked_sub(sources) {
        None => at >= earlier_sources,
        Some(at) => at >= earlier_targets,
    };
    usize::from(later)
}

/// What stands by position of all records, divided into the earlier and the later half.
pub(super) fn divided<T>(
    all: &mut [T],
    sources: Ix,
    [earlier_sources, earlier_targets]: [Ix; 2],
) -> [[&mut [T]; 2]; 2] {
    let (sources, targets) = all.split_at_mut(sources as usize);
    let (earlier_sources, later_sources) = sources.split_at_mut(earlier_sources as usize);
    let (earlier_targets, later_targets) = targets.split_at_mut(earlier_targets as usize);
    [[earlier_sources, earlier_targets], [later_sources, later_targets]]
}

/// Both halves. What is written stands by position of all records.
pub(super) fn halves<'w>(
    sides: [&Given<'_>; 2],
    earlier: [Ix; 2],
    (rows, [signs, later_signs], spans): (&'w mut [Row], [[Part<'w>; 2]; 2], &'w mut [Span]),
) -> [Half<'w>; 2] {
    let [sources, targets] = sides.map(Given::count);
    let [rows, later_rows] = divided(rows, sources, earlier);
    let [spans, later_spans] = divided(spans, sources, earlier);
    let [at, target_at] = earlier;
    [
        Half { records: [0..at, 0..target_at], rows, signs, spans },
        Half { records: [at..sources, target_at..targets], rows: later_rows, signs: later_signs, spans: later_spans },
    ]
}

/// Records whose memory is asked for at once: enough to wait for them together, and few enough to be there still when they
/// are read.
const AT_ONCE: Ix = 64;

pub(super) fn read<'a>(sides: [&Given<'a>; 2], half: Half<'_>, window: Window, rules: &'a RuleSet) -> Read<'a> {
    let count: usize = half.rows.iter().map(|rows| rows.len()).sum();
    let (mut words, mut references) = (Words::default(), References::new(rules));
    let mut digest = Digest::default();
    let mut read = 0;
    in_order_of_time(sides, half, |Place { target, record, again, parent, at, row, signs, span }| {
        let (side, first) = if target { (sides[1], sides[0].count()) } else { (sides[0], 0) };
        let texts = record.texts();
        let excluded = hygiene::screen(record, texts.gateway, rules);
        let (own, mut said) = words.read(target, record, &texts, parent.map(|parent| first + parent), excluded, window);
        let authorised = parent.filter(|_| own.kind == Kind::Capture).map(|parent| side.record(parent));
        let order;
        (*span, order) = references.read(&texts, again, authorised);
        said.say(Sign::Order, order);
        *row = own;
        signs.write(at, &said);
        digest.add_record(record);
        read += 1;
        if read == Left::SAMPLE {
            let left = Left { read, left: count - read };
            words.make_room(left);
            references.make_room(left);
        }
    });
    Read { words, references, digest }
}

/// A record, and where what is read of it goes.
struct Place<'a, 'p, 'w> {
    target: bool,
    record: RecordRef<'a>,
    again: Again,
    /// Where its parent stands among those of the side.
    parent: Option<Ix>,
    row: &'p mut Row,
    span: &'p mut Span,
    signs: &'p mut Part<'w>,
    /// Where it stands among those of this part.
    at: usize,
}

/// Sources come before targets of their time.
fn in_order_of_time<'a>(sides: [&Given<'a>; 2], half: Half<'_>, mut take: impl FnMut(Place<'a, '_, '_>)) {
    let Half { records: [sources, targets], rows, signs: [source_signs, target_signs], spans } = half;
    let ([source_rows, target_rows], [source_spans, target_spans]) = (rows, spans);
    let mut source = Stream::of(false, sides[0], sources, source_rows, source_signs, source_spans);
    let mut target = Stream::of(true, sides[1], targets, target_rows, target_signs, target_spans);
    loop {
        let next = match (source.record, target.record) {
            (Some(a), Some(b)) if a.occurred_at() <= b.occurred_at() => source.next(a),
            (_, Some(b)) => target.next(b),
            (Some(a), None) => source.next(a),
            (None, None) => break,
        };
        take(next);
    }
}

/// Records of one side, one after the other.
struct Stream<'a, 'w> {
    target: bool,
    given: &'w Given<'a>,
    /// Where those that are still to come stand among those of the side, and the first of them.
    positions: Range<Ix>,
    record: Option<RecordRef<'a>>,
    /// How many were read.
    read: usize,
    rows: &'w mut [Row],
    signs: Part<'w>,
    spans: &'w mut [Span],
}

impl<'a, 'w> Stream<'a, 'w> {
    fn of(
        target: bool,
        given: &'w Given<'a>,
        positions: Range<Ix>,
        rows: &'w mut [Row],
        signs: Part<'w>,
        spans: &'w mut [Span],
    ) -> Self {
        let mut stream = Self { target, given, positions, record: None, read: 0, rows, signs, spans };
        stream.record = stream.first();
        stream
    }

    fn first(&self) -> Option<RecordRef<'a>> {
        let Range { start, end } = self.positions;
        if start % AT_ONCE == 0 {
            self.given.look(start..end.min(start + AT_ONCE));
        }
        (start < end).then(|| self.given.record(start))
    }

    /// The place of this record, which is the first of those to come.
    #[inline]
    fn next(&mut self, record: RecordRef<'a>) -> Place<'a, '_, 'w> {
        let (position, at) = (self.positions.start, self.read);
        self.positions.start += 1;
        self.record = self.first();
        self.read += 1;
        Place {
            target: self.target,
            record,
            again: self.given.again(position),
            parent: self.given.parent(position),
            row: &mut self.rows[at],
            span: &mut self.spans[at],
            signs: &mut self.signs,
            at,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::{given, rows::EMPTY, signs::Signs},
        *,
    };
    use crate::examples;
    use domain::{record::Side, records::Records};

    fn side(side: Side, times: &[i64]) -> Records {
        let record = |(number, at): (usize, &i64)| examples::record(side, &number.to_string(), 1, *at);
        times.iter().enumerate().map(record).collect()
    }

    #[test]
    fn the_earlier_half_is_half_and_not_later_than_the_rest() {
        let cases: [(&[i64], &[i64], [Ix; 2]); 8] = [
            (&[], &[], [0, 0]),
            (&[1], &[], [0, 0]),
            (&[], &[1, 2, 3], [0, 1]),
            (&[1, 2, 3, 4], &[], [2, 0]),
            (&[1, 2, 3], &[4, 5, 6], [3, 0]),
            (&[4, 5, 6], &[1, 2, 3], [0, 3]),
            (&[1, 5, 9], &[2, 6, 7, 8], [2, 1]),
            // Of one time sources come first.
            (&[5, 5, 5], &[5, 5, 5], [3, 0]),
        ];
        for (sources, targets, expected) in cases {
            let (source, target) = (side(Side::Source, sources), side(Side::Target, targets));
            let sides = given::sides([&source, &target]);
            assert_eq!(earlier_half(sides.each_ref()), expected, "{sources:?} {targets:?}");
        }
    }

    #[test]
    fn what_stands_by_position_is_divided_as_the_records_are() {
        let mut all = [0, 1, 2, 10, 11, 12, 13];
        let [[sources, targets], [later_sources, later_targets]] = divided(&mut all, 3, [1, 3]);
        assert_eq!((&*sources, &*targets), (&[0][..], &[10, 11, 12][..]));
        assert_eq!((&*later_sources, &*later_targets), (&[1, 2][..], &[13][..]));
    }

    #[test]
    fn records_of_both_sides_come_in_order_of_time() {
        let (source, target) = (side(Side::Source, &[3, 1, 7]), side(Side::Target, &[1, 9, 4]));
        let sides = given::sides([&source, &target]);
        let sides = sides.each_ref();
        let (mut rows, mut signs, mut spans) = (vec![EMPTY; 6], Signs::default(), vec![Span::default(); 6]);
        let split = earlier_half(sides);
        let halves = halves(sides, split, (&mut rows, signs.divided(3, split), &mut spans));
        let [earlier, later] = halves.map(|half| {
            let mut read = Vec::new();
            in_order_of_time(sides, half, |place| read.push((place.record.occurred_at().millis(), place.target)));
            read
        });
        assert_eq!(earlier, [(1, false), (1, true), (3, false)]);
        assert_eq!(later, [(4, true), (7, false), (9, true)]);
    }
}
