//! What has been decided so far. Tiers read the table and write here; what is taken stays taken.

use crate::{
    hashed::Hashing,
    reason::Reason,
    rule::Rule,
    rules::RuleSet,
    table::{Ix, NONE, Table, ix},
};
use domain::{matches::MatchKind, summary::Difference};
use smallvec::{SmallVec, smallvec};
use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    slice,
};

/// Signs of agreement, as bits.
pub(crate) use domain::fields as field;

/// Members of one side of a match: nearly always one, which then needs no memory of its own.
pub(crate) type Members = SmallVec<[Ix; 4]>;

/// A match. Millions are held, and most are pairs of which there is nothing else to say: what others have stands apart.
#[derive(Debug, Clone)]
pub(crate) struct Accepted(Found);

#[derive(Debug, Clone)]
enum Found {
    /// A source and a target.
    Pair {
        rule: Rule,
        fields: u16,
        members: [Ix; 2],
    },
    More(Box<More>),
}

const _: () = assert!(size_of::<Accepted>() == 16);

/// What there is to say about few matches.
#[derive(Debug, Clone)]
struct More {
    kind: MatchKind,
    rule: Rule,
    fields: u16,
    sources: Members,
    targets: Members,
    details: Details,
}

/// How sure a match is, and in what its sides differ.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Details {
    /// Thousandths of agreement to the best alternative.
    pub margin: Option<i64>,
    pub difference: Difference,
    /// Ten-thousandths, where the rule's own confidence is not what holds.
    pub confidence_bp: Option<u16>,
    /// Set when the amounts differ: the reason under which the discrepancy is listed.
    pub discrepancy: Option<Reason>,
}

impl Accepted {
    pub fn pair(source: Ix, target: Ix, rule: Rule, fields: u16) -> Self {
        Self::exchanged(source, target, rule, fields | field::CURRENCY)
    }

    /// A pair whose sides are in two currencies.
    pub fn exchanged(source: Ix, target: Ix, rule: Rule, fields: u16) -> Self {
        Self(Found::Pair { rule, fields, members: [source, target] })
    }

    pub fn many(
        kind: MatchKind,
        sources: impl Into<Members>,
        targets: impl Into<Members>,
        rule: Rule,
        fields: u16,
    ) -> Self {
        let (sources, targets, details) = (sources.into(), targets.into(), Details::default());
        Self(Found::More(Box::new(More { kind, rule, fields: fields | field::CURRENCY, sources, targets, details })))
    }

    pub fn with(self, details: Details) -> Self {
        let (kind, rule, fields) = (self.kind(), self.rule(), self.fields());
        let (sources, targets) = (self.sources().into(), self.targets().into());
        Self(Found::More(Box::new(More { kind, rule, fields, sources, targets, details })))
    }

    pub fn kind(&self) -> MatchKind {
        match &self.0 {
            Found::Pair { .. } => MatchKind::Pair,
            Found::More(more) => more.kind,
        }
    }

    pub fn rule(&self) -> Rule {
        match &self.0 {
            Found::Pair { rule, .. } => *rule,
            Found::More(more) => more.rule,
        }
    }

    pub fn by_rule(mut self, by: Rule) -> Self {
        match &mut self.0 {
            Found::Pair { rule, .. } => *rule = by,
            Found::More(more) => more.rule = by,
        }
        self
    }

    /// Signs of agreement, as bits.
    pub fn fields(&self) -> u16 {
        match &self.0 {
            Found::Pair { fields, .. } => *fields,
            Found::More(more) => more.fields,
        }
    }

    /// In order, once it is accepted or proposed.
    pub fn sources(&self) -> &[Ix] {
        match &self.0 {
            Found::Pair { members: [source, _], .. } => slice::from_ref(source),
            Found::More(more) => &more.sources,
        }
    }

    /// In order, once it is accepted or proposed.
    pub fn targets(&self) -> &[Ix] {
        match &self.0 {
            Found::Pair { members: [_, target], .. } => slice::from_ref(target),
            Found::More(more) => &more.targets,
        }
    }

    pub fn details(&self) -> Details {
        match &self.0 {
            Found::Pair { .. } => Details::default(),
            Found::More(more) => more.details,
        }
    }

    pub fn confidence_bp(&self) -> u16 {
        self.details().confidence_bp.unwrap_or(self.rule().confidence_bp())
    }

    pub fn members(&self) -> impl Iterator<Item = Ix> {
        self.sources().iter().chain(self.targets()).copied()
    }

    fn sort(&mut self) {
        if let Found::More(more) = &mut self.0 {
            more.sources.sort_unstable();
            more.targets.sort_unstable();
        }
    }
}

/// All matches by number, and which one holds a record.
#[derive(Debug)]
pub(crate) struct Matched {
    pub all: Vec<Accepted>,
    /// By position.
    numbers: Vec<u32>,
}

impl Matched {
    /// None yet, of so many records.
    fn none(count: usize) -> Self {
        // A match has two members at least; what is reserved and never used takes no memory.
        Self { all: Vec::with_capacity(count / 2), numbers: vec![NONE; count] }
    }

    fn add(&mut self, accepted: Accepted) {
        let number = ix(self.all.len());
        for at in accepted.members() {
            self.numbers[at as usize] = number;
        }
        self.all.push(accepted);
    }

    /// The match that holds a record.
    pub fn of(&self, at: Ix) -> Option<&Accepted> {
        self.all.get(self.numbers[at as usize] as usize)
    }
}

/// Something a person may confirm.
#[derive(Debug, Clone)]
pub(crate) struct Proposal {
    pub accepted: Accepted,
    /// Thousandths of agreement.
    pub score: i64,
}

/// What a tier found out about a record that it had to leave.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Hint {
    pub reason: Reason,
    pub other: Ix,
    pub candidates: u32,
}

#[derive(Debug)]
pub(crate) struct Board<'t> {
    pub table: &'t Table<'t>,
    pub rules: &'t RuleSet,
    pub matched: Matched,
    pub proposals: Vec<Proposal>,
    blocked: Vec<bool>,
    /// No record but these is open; before taken ones are forgotten any may be.
    left: Option<Vec<Ix>>,
    hints: HashMap<Ix, Hint, Hashing>,
    /// Heaviest candidates of records that tier 6 left, best first.
    candidates: BTreeMap<Ix, Vec<Ix>>,
    /// Members that people said are no match, sorted.
    forbidden: BTreeSet<(Members, Members)>,
}

impl<'t> Board<'t> {
    pub fn new(table: &'t Table<'t>, rules: &'t RuleSet) -> Self {
        let count = table.rows.len();
        Self {
            table,
            rules,
            matched: Matched::none(count),
            proposals: Vec::new(),
            blocked: vec![false; count],
            left: None,
            hints: HashMap::default(),
            candidates: BTreeMap::new(),
            forbidden: BTreeSet::new(),
        }
    }

    /// From now on these records together are neither matched nor suggested.
    pub fn forbid(&mut self, mut sources: Members, mut targets: Members) {
        sources.sort_unstable();
        targets.sort_unstable();
        self.forbidden.insert((sources, targets));
    }

    pub fn is_forbidden_pair(&self, source: Ix, target: Ix) -> bool {
        !self.forbidden.is_empty() && self.forbidden.contains(&(smallvec![source], smallvec![target]))
    }

    fn is_forbidden(&self, sorted: &Accepted) -> bool {
        // Hardly any run has one, and then no members are copied.
        !self.forbidden.is_empty() && self.forbidden.contains(&(sorted.sources().into(), sorted.targets().into()))
    }

    /// In scope, decided by the provider, and not matched yet.
    pub fn is_open(&self, at: Ix) -> bool {
        // Whether it is taken is asked first: it mostly is, and that takes the least memory to look at.
        !self.is_taken(at) && self.table.in_scope(at) && !self.table.row(at).pending() && !self.blocked[at as usize]
    }

    /// All open records, in order.
    pub fn open(&self) -> impl Iterator<Item = Ix> {
        let all = self.left.is_none().then(|| self.table.positions());
        let maybe = all.into_iter().flatten().chain(self.left.iter().flatten().copied());
        maybe.filter(|at| self.is_open(*at))
    }

    /// No record but these is open; any may be where nothing is said.
    pub fn left(&self) -> Option<&[Ix]> {
        self.left.as_deref()
    }

    /// From now on whoever asks for all that is open passes over what is not open any more, as most is after a few tiers.
    pub fn forget_taken(&mut self) {
        self.left = Some(self.open().collect());
    }

    pub fn is_taken(&self, at: Ix) -> bool {
        self.match_number(at) != NONE
    }

    /// The match that holds a record.
    pub fn match_of(&self, at: Ix) -> Option<&Accepted> {
        self.matched.of(at)
    }

    pub fn match_number(&self, at: Ix) -> u32 {
        self.matched.numbers[at as usize]
    }

    pub fn is_blocked(&self, at: Ix) -> bool {
        self.blocked[at as usize]
    }

    /// Keeps a record from being matched: it is promised to a partner that is not here.
    pub fn block(&mut self, at: Ix) {
        self.blocked[at as usize] = true;
    }

    /// Takes all members; refused as a whole when one of them is taken already, or people said that it is no match.
    pub fn accept(&mut self, mut accepted: Accepted) -> bool {
        if accepted.members().any(|at| !self.is_open(at)) {
            return false;
        }
        accepted.sort();
        if self.is_forbidden(&accepted) {
            return false;
        }
        self.matched.add(accepted);
        true
    }

    pub fn propose(&mut self, mut accepted: Accepted, score: i64) {
        accepted.sort();
        if self.is_forbidden(&accepted) {
            return;
        }
        self.proposals.push(Proposal { accepted, score });
    }

    /// The first tier that knows something about a record is believed.
    pub fn hint(&mut self, at: Ix, reason: Reason, other: Ix, candidates: usize) {
        self.hints.entry(at).or_insert(Hint { reason, other, candidates: ix(candidates) });
    }

    pub fn hint_of(&self, at: Ix) -> Option<Hint> {
        self.hints.get(&at).copied()
    }

    /// Keeps candidates of a record for people, best first.
    pub fn remember(&mut self, at: Ix, candidates: Vec<Ix>) {
        self.candidates.insert(at, candidates);
    }

    pub fn candidates_of(&self, at: Ix) -> &[Ix] {
        self.candidates.get(&at).map_or(&[], Vec::as_slice)
    }

    /// Open records among these.
    pub fn open_among(&self, all: &[Ix]) -> Members {
        all.iter().copied().filter(|at| self.is_open(*at)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::examples::{input, record};
    use domain::record::{Record, Side};

    #[test]
    fn what_is_taken_blocked_or_out_of_scope_is_not_open_and_stays_so() {
        let test = Record { test: true, ..record(Side::Source, "s3", 1, 3) };
        let sources = [record(Side::Source, "s1", 1, 1), record(Side::Source, "s2", 1, 2), test];
        let input = input(sources, ["t1", "t2"].map(|id| record(Side::Target, id, 1, 0)));
        let rules = RuleSet::default();
        let table = Table::build(&input, &rules);
        let mut board = Board::new(&table, &rules);
        let open = |board: &Board<'_>| board.open().collect::<Vec<_>>();
        assert_eq!(open(&board), [0, 1, 3, 4]);
        assert!(board.accept(Accepted::pair(0, 3, Rule::StrongId, 0)));
        assert_eq!(open(&board), [1, 4]);
        board.forget_taken();
        assert_eq!(open(&board), [1, 4]);
        board.block(4);
        assert_eq!(open(&board), [1]);
        board.forget_taken();
        assert_eq!(board.left, Some(vec![1]));
    }

    #[test]
    fn the_first_hint_about_a_record_is_believed() {
        let input = input(["s1", "s2", "s3"].map(|id| record(Side::Source, id, 1, 0)), []);
        let rules = RuleSet::default();
        let table = Table::build(&input, &rules);
        let mut board = Board::new(&table, &rules);
        board.hint(1, Reason::OutsideWindow, 2, 1);
        board.hint(0, Reason::Ambiguous, 1, 3);
        board.hint(1, Reason::Ambiguous, 0, 2);
        let told = |at| board.hint_of(at).map(|hint| (hint.reason, hint.other, hint.candidates));
        assert_eq!(told(0), Some((Reason::Ambiguous, 1, 3)));
        assert_eq!(told(1), Some((Reason::OutsideWindow, 2, 1)));
        assert_eq!(told(2), None);
    }
}
