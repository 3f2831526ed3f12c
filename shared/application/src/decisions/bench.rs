//! What a decision is made on: the engine's outcome and the staged records, with the decisions so far laid over them.

use super::{Choice, DecidedMatch};
use crate::error::CommandError;
use domain::{
    Decline,
    decision::{Decisions, RecordKey, members},
    matches::{ExceptionClass, Match, OrderResult},
    ports::Blobs,
    reconciliation::{Fetched, Run},
    record::{Side, Status},
    records::{RecordRef, Records},
    time::Window,
};
use event_store::Loaded;
use matching::Outcome;
use std::collections::{BTreeMap, BTreeSet};

/// Where a record stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// In the match with this id.
    Matched(String),
    /// In the suggestion with this id.
    Suggested(String),
    Excluded,
    /// Free to be matched.
    Free,
}

/// Records of one side, and their positions in order of their ids.
struct Staged {
    records: Records,
    by_id: Vec<usize>,
}

impl Staged {
    fn of(records: Records) -> Self {
        let mut by_id: Vec<usize> = (0..records.len()).collect();
        by_id.sort_by_key(|at| records.at(*at).id());
        Self { records, by_id }
    }

    /// What was read only as the parent of another record is nothing to decide about.
    fn record(&self, id: &str) -> Option<RecordRef<'_>> {
        let first = self.by_id.partition_point(|at| self.records.at(*at).id() < id);
        let from = self.by_id.iter().skip(first).map(|at| self.records.at(*at));
        from.take_while(|record| record.id() == id).find(|record| !record.evidence_only())
    }
}

pub struct Bench {
    pub outcome: Outcome,
    source: Staged,
    target: Staged,
    window: Window,
    excluded: BTreeSet<RecordKey>,
    /// Of the engine's matches and suggestions, by record.
    matched: BTreeMap<RecordKey, String>,
    suggested: BTreeMap<RecordKey, String>,
}

fn internal(error: impl std::fmt::Display) -> CommandError {
    CommandError::Internal(error.to_string())
}

impl Bench {
    /// # Errors
    /// Staged data that is gone by its lifecycle (409); our own stores.
    pub async fn of(blobs: &dyn Blobs, run: &Run) -> Result<Self, CommandError> {
        let gone = |what: &str| Decline::conflict(format!("{what} of this run are gone; run it again"));
        let published = run.published.as_ref().ok_or_else(|| gone("the results"))?;
        let read = |error: saga::StepError| match error.name {
            domain::ErrorName::StagedDataLost => gone("the staged records").into(),
            domain::ErrorName::Transient => CommandError::Transient(error.message),
            _ => internal(error),
        };
        let outcome: Outcome = saga::staged::result(blobs, &published.reference).await.map_err(read)?;
        let staged = async |fetched: &Option<Fetched>| {
            let fetched = fetched.as_ref().ok_or_else(|| gone("the staged records"))?;
            saga::staged::records(blobs, &fetched.reference).await.map_err(read)
        };
        let source = Staged::of(staged(&run.orders).await?.records);
        let target = Staged::of(staged(&run.payments).await?.records);
        let window = run.request.date_range.window(&run.request.timezone).map_err(internal)?;
        let by_record = |found: &[Match]| {
            found.iter().flat_map(|one| members(one).map(|member| (member, one.id())).collect::<Vec<_>>()).collect()
        };
        Ok(Self {
            matched: by_record(&outcome.matches),
            suggested: by_record(&outcome.suggestions),
            excluded: outcome.exclusions.iter().map(|one| (one.side, one.record_id.clone())).collect(),
            outcome,
            source,
            target,
            window,
        })
    }

    #[must_use]
    pub fn record(&self, (side, id): &RecordKey) -> Option<RecordRef<'_>> {
        match side {
            Side::Source => self.source.record(id),
            Side::Target => self.target.record(id),
        }
    }

    /// Counted by this run; records of the pad are not.
    #[must_use]
    pub fn in_scope(&self, record: RecordRef<'_>) -> bool {
        self.window.contains(record.occurred_at())
    }

    #[must_use]
    pub fn side_of(&self, record_id: &str) -> Option<Side> {
        [Side::Source, Side::Target].into_iter().find(|side| self.record(&(*side, record_id.to_owned())).is_some())
    }

    #[must_use]
    pub fn place(&self, decisions: &Decisions, key: &RecordKey) -> Place {
        let decided = decisions.standing.iter().find(|(_, decided)| members(&decided.found).any(|held| held == *key));
        if let Some((id, _)) = decided {
            return Place::Matched(id.clone());
        }
        if self.excluded.contains(key) {
            return Place::Excluded;
        }
        if let Some(id) = self.matched.get(key).filter(|id| !decisions.broken.contains_key(*id)) {
            return Place::Matched(id.clone());
        }
        match self.suggested.get(key).filter(|id| !decisions.rejected.contains_key(*id)) {
            Some(id) => Place::Suggested(id.clone()),
            None => Place::Free,
        }
    }

    /// # Errors
    /// A record that is matched, suggested, out of scope, or outside of the run's days (409).
    pub fn must_be_exception(&self, decisions: &Decisions, side: Side, record_id: &str) -> Result<(), Decline> {
        let key = (side, record_id.to_owned());
        let discrepant = self
            .outcome
            .exceptions
            .iter()
            .any(|one| one.class == ExceptionClass::Discrepancy && one.side == side && one.record_id == record_id);
        match self.place(decisions, &key) {
            Place::Free if self.record(&key).is_some_and(|record| self.in_scope(record)) => Ok(()),
            // A discrepancy is matched, and is to be looked at all the same.
            Place::Matched(_) if discrepant && !decisions.left_keys().contains(&key) => Ok(()),
            Place::Matched(id) => {
                Err(Decline::conflict(format!("the record is matched ({id}); there is nothing open")))
            }
            Place::Suggested(id) => Err(Decline::conflict(format!("confirm or reject the suggestion {id} first"))),
            Place::Excluded | Place::Free => {
                Err(Decline::conflict("the record does not count in this run; there is nothing open"))
            }
        }
    }

    #[must_use]
    pub fn suggestion(&self, match_id: &str) -> Option<&Match> {
        self.outcome.suggestions.iter().find(|found| found.id() == match_id)
    }

    #[must_use]
    pub fn engines_match(&self, match_id: &str) -> Option<&Match> {
        self.outcome.matches.iter().find(|found| found.id() == match_id)
    }

    /// An order as it was rolled up last.
    #[must_use]
    pub fn order<'a>(&'a self, decisions: &'a Decisions, order_id: &str) -> Option<&'a OrderResult> {
        let published = || self.outcome.orders.iter().find(|order| order.order_id == order_id);
        decisions.orders.get(order_id).or_else(published)
    }

    /// What was paid for an order through gateways that the job does not cover.
    #[must_use]
    pub fn paid_elsewhere(&self, order_id: &str) -> i64 {
        let elsewhere = self.outcome.exclusions.iter().filter(|one| one.reason == "gateway_out_of_scope");
        let records = elsewhere.filter_map(|one| self.record(&(one.side, one.record_id.clone())));
        let of_order = records.filter(|record| record.order().is_some_and(|order| order.id == order_id));
        of_order
            .filter(|record| record.status() == Status::Succeeded && record.amount_minor() > 0)
            .map(RecordRef::amount_minor)
            .sum()
    }

    /// How a match stands once a choice was carried out.
    #[must_use]
    pub fn answer(&self, choice: &Choice, loaded: &Loaded<Option<Run>>) -> DecidedMatch {
        let decisions = loaded.state.as_ref().map(|run| &run.decisions);
        let known = |id: &str| {
            let decided = decisions.and_then(|decisions| {
                let standing = decisions.standing(id).map(|decided| &decided.found);
                let parted =
                    || decisions.rejected.get(id).or_else(|| decisions.broken.get(id)).map(|parted| &parted.found);
                standing.or_else(parted)
            });
            decided.or_else(|| self.suggestion(id)).or_else(|| self.engines_match(id)).cloned()
        };
        let (status, id, found) = match choice {
            Choice::Confirm { match_id } => ("confirmed", match_id.clone(), known(match_id)),
            Choice::Reject { match_id } => ("rejected", match_id.clone(), known(match_id)),
            Choice::Break { match_id } => ("broken", match_id.clone(), known(match_id)),
            Choice::Make { source_ids, target_ids } => {
                let id = super::decide::id_of(source_ids, target_ids);
                let found = known(&id);
                ("manual", id, found)
            }
        };
        let (source_ids, target_ids) = match (found, choice) {
            (Some(found), _) => (found.source_ids, found.target_ids),
            (None, Choice::Make { source_ids, target_ids }) => (source_ids.clone(), target_ids.clone()),
            (None, _) => (Vec::new(), Vec::new()),
        };
        DecidedMatch {
            match_id: id,
            status: status.to_owned(),
            source_ids,
            target_ids,
            version: loaded.version,
            replayed: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::{
        Currency, Money, Timestamp,
        record::{Kind, Record},
    };

    fn record(id: &str, amount_minor: i64, evidence_only: bool) -> Record {
        let money = Money { amount_minor, currency: Currency::parse("EUR").unwrap() };
        let at = Timestamp::from_millis(0);
        Record { evidence_only, ..Record::plain(Side::Source, Kind::Sale, id.to_owned(), money, at) }
    }

    #[test]
    fn a_record_is_found_by_its_id_unless_it_was_read_for_another_only() {
        let staged = Staged::of(
            [
                record("c", 3, false),
                record("b", 2, true),
                record("a", 1, false),
                record("c", 4, true),
                record("d", 5, true),
                record("d", 6, false),
            ]
            .into_iter()
            .collect(),
        );
        let amount = |id| staged.record(id).map(RecordRef::amount_minor);
        assert_eq!([amount("a"), amount("c"), amount("d")], [Some(1), Some(3), Some(6)]);
        assert_eq!([amount("b"), amount("bb"), amount("")], [None; 3]);
    }
}
