//! The result of a run as positions, and how it is written out.
//!
//! A match that is written out takes half a kilobyte in a handful of pieces, and a run has millions: whoever goes through
//! them one by one, to write a file, never holds more than one.

use crate::{
    Outcome, RunInput,
    board::{Accepted, Matched},
    orders,
    table::{Ix, Table},
};
use domain::{
    fields::Fields,
    matches::{Exception, Exclusion, Match, MatchKind},
    summary::RunSummary,
};

/// What a run decided, every list in a canonical order.
#[derive(Debug)]
pub struct Reconciled<'a> {
    pub(crate) input: &'a RunInput,
    pub(crate) table: Table<'a>,
    pub(crate) matched: Matched,
    /// Numbers of those that are of this run.
    pub(crate) matches: Vec<u32>,
    pub(crate) suggested: Vec<Accepted>,
    /// Likewise.
    pub(crate) suggestions: Vec<u32>,
    pub(crate) exceptions: Vec<(Ix, Exception)>,
    pub(crate) exclusions: Vec<Exclusion>,
    pub(crate) summary: RunSummary,
}

impl Reconciled<'_> {
    #[must_use]
    pub fn matches(&self) -> impl ExactSizeIterator<Item = MatchRef<'_>> {
        self.read(&self.matched.all, &self.matches)
    }

    /// At most one per record.
    #[must_use]
    pub fn suggestions(&self) -> impl ExactSizeIterator<Item = MatchRef<'_>> {
        self.read(&self.suggested, &self.suggestions)
    }

    fn read<'r>(&'r self, all: &'r [Accepted], numbers: &'r [u32]) -> impl ExactSizeIterator<Item = MatchRef<'r>> {
        numbers.iter().map(|number| MatchRef { table: &self.table, accepted: &all[*number as usize] })
    }

    pub fn exceptions(&self) -> impl ExactSizeIterator<Item = &Exception> {
        self.exceptions.iter().map(|(_, exception)| exception)
    }

    #[must_use]
    pub fn exclusions(&self) -> &[Exclusion] {
        &self.exclusions
    }

    #[must_use]
    pub fn summary(&self) -> &RunSummary {
        &self.summary
    }

    /// All of it written out.
    #[must_use]
    pub fn into_outcome(self) -> Outcome {
        Outcome {
            matches: self.matches().map(MatchRef::to_match).collect(),
            suggestions: self.suggestions().map(MatchRef::to_match).collect(),
            orders: orders::roll_up(&self.table, &self.input.orders, &self.matched, self.input.window),
            memory: self.input.memory.in_order(),
            exceptions: self.exceptions.into_iter().map(|(_, exception)| exception).collect(),
            exclusions: self.exclusions,
            summary: self.summary,
        }
    }
}

/// A match or a suggestion; what it tells is what the written [`Match`] says.
#[derive(Debug, Clone, Copy)]
pub struct MatchRef<'r> {
    table: &'r Table<'r>,
    accepted: &'r Accepted,
}

impl<'r> MatchRef<'r> {
    #[must_use]
    pub fn kind(self) -> MatchKind {
        self.accepted.kind()
    }

    pub fn source_ids(self) -> impl Iterator<Item = &'r str> {
        self.ids(self.accepted.sources())
    }

    pub fn target_ids(self) -> impl Iterator<Item = &'r str> {
        self.ids(self.accepted.targets())
    }

    fn ids(self, members: &'r [Ix]) -> impl Iterator<Item = &'r str> {
        members.iter().map(move |at| self.table.record(*at).id())
    }

    #[must_use]
    pub fn rule(self) -> &'static str {
        self.accepted.rule().code()
    }

    #[must_use]
    pub fn confidence_bp(self) -> u16 {
        self.accepted.confidence_bp()
    }

    #[must_use]
    pub fn margin(self) -> Option<i64> {
        self.accepted.details().margin
    }

    #[must_use]
    pub fn to_match(self) -> Match {
        let Self { table, accepted } = self;
        let first = accepted.members().next().unwrap_or(0);
        Match {
            kind: self.kind(),
            source_ids: self.source_ids().map(str::to_owned).collect(),
            target_ids: self.target_ids().map(str::to_owned).collect(),
            order_names: self.order_names(),
            amount_minor: accepted.sources().iter().map(|at| table.row(*at).amount).sum(),
            currency: table.currency(first),
            confidence_bp: self.confidence_bp(),
            rule: self.rule().into(),
            matched_fields: Fields::of(accepted.fields()),
            margin: self.margin(),
            difference: accepted.details().difference,
            cross_period: accepted.members().any(|at| !table.row(at).in_window()),
        }
    }

    fn order_names(self) -> Vec<String> {
        let orders = self.accepted.members().filter_map(|at| self.table.record(at).order());
        let mut names: Vec<String> = orders.map(|order| order.name.to_owned()).collect();
        names.sort_unstable();
        names.dedup();
        names
    }
}
