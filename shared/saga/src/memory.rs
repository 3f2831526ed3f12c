//! What a run remembers: matches that earlier runs of its job made across the edges of their days, and what people have
//! decided since about records that it looks at too.
//!
//! The streams are read, not the read models, so a run that completed a moment ago is known. Runs of one job that are
//! matched at the same time do not see each other.

use crate::{error::StepError, input::StepInput, staging::get_json};
use domain::{
    ErrorName, Timestamp,
    decision::{RecordKey, Standing, members},
    job_runs::{CompletedRun, JobRuns},
    matches::{CarriedReview, Exception, Match},
    ports::Blobs,
    reconciliation::{Reconciliation, Run},
    record::Side,
    time::Window,
};
use event_store::{EventStore, load};
use matching::{DecidedMatch, Memory, RejectedMatch, Reservation, RunInput};
use std::collections::{BTreeMap, BTreeSet};

/// What is remembered for one run.
#[derive(Debug, Default)]
pub(crate) struct Remembered {
    pub memory: Memory,
    reviews: BTreeMap<RecordKey, CarriedReview>,
}

/// The last that people said about a match, over all runs.
struct Word {
    at: Timestamp,
    /// None for a no.
    standing: Option<Standing>,
    found: Match,
}

impl Remembered {
    /// For the run, whose days with `pad_days` more on both sides hold all that it looks at.
    ///
    /// # Errors
    /// The store or the bucket does not answer, or a stream is damaged.
    pub async fn of(
        store: &dyn EventStore,
        blobs: &dyn Blobs,
        input: &StepInput,
        run: &Run,
        (records, pad_days): (&RunInput, u16),
    ) -> Result<Self, StepError> {
        let completed = load::<JobRuns>(store, &input.tenant_id, run.request.job_id.as_str()).await?.state;
        let ours = records.window.padded(pad_days);
        let mut near: Vec<&CompletedRun> = Vec::new();
        for other in completed.runs.iter().filter(|other| other.reconciliation_id != input.reconciliation_id) {
            let theirs = other.date_range.window(&other.timezone)?.padded(pad_days);
            if overlap(&ours, &theirs) {
                near.push(other);
            }
        }
        let mut words: BTreeMap<String, Word> = BTreeMap::new();
        let mut reviews = BTreeMap::new();
        for other in &near {
            let id = other.reconciliation_id.as_str();
            let Some(run) = load::<Reconciliation>(store, &input.tenant_id, id).await?.state else {
                return Err(StepError::new(ErrorName::CorruptStream, format!("run {id} completed and is not there")));
            };
            hear(&mut words, &run);
            for review in run.decisions.reviews {
                reviews.insert((review.side, review.record_id.clone()), CarriedReview::from(review));
            }
        }
        let own_days = (&run.request.date_range, run.request.timezone.as_str());
        let mut crossing: Vec<Match> = Vec::new();
        for other in completed.standing().into_iter().filter(|other| near.contains(other) && other.days() != own_days) {
            if let Some(key) = &other.crossing {
                crossing.extend(get_json::<Vec<Match>>(blobs, key).await?);
            }
        }
        Ok(Self { memory: memory(&words, &crossing, records), reviews })
    }

    /// Gives an exception what people have said about its record in an earlier run.
    pub fn review(&self, exception: &mut Exception) {
        exception.review = self.reviews.get(&(exception.side, exception.record_id.clone())).cloned();
    }
}

fn overlap(a: &Window, b: &Window) -> bool {
    a.from < b.to && b.from < a.to
}

/// Of two words about one match the later counts, and a no of the same moment.
fn hear(words: &mut BTreeMap<String, Word>, run: &Run) {
    let yes = run.decisions.standing.iter().map(|(id, decided)| {
        (id, Word { at: decided.decided_at, standing: Some(decided.standing), found: decided.found.clone() })
    });
    let parted = run.decisions.rejected.iter().chain(&run.decisions.broken);
    let no =
        parted.map(|(id, parted)| (id, Word { at: parted.decided_at, standing: None, found: parted.found.clone() }));
    for (id, word) in yes.chain(no) {
        let later = |known: &Word| (word.at, word.standing.is_none()) >= (known.at, known.standing.is_none());
        if words.get(id).is_none_or(later) {
            words.insert(id.clone(), word);
        }
    }
}

fn memory(words: &BTreeMap<String, Word>, crossing: &[Match], records: &RunInput) -> Memory {
    let here: BTreeSet<(Side, &str)> =
        records.source.iter().chain(records.target.iter()).map(|record| (record.side(), record.id())).collect();
    let concerns = |found: &Match| members(found).any(|(side, id)| here.contains(&(side, id.as_str())));
    let mut memory = Memory::default();
    // A record that a later yes speaks of is no longer held by an earlier one.
    let mut yes: Vec<&Word> = words.values().filter(|word| word.standing.is_some() && concerns(&word.found)).collect();
    yes.sort_by_key(|word| std::cmp::Reverse(word.at));
    let mut held: BTreeSet<RecordKey> = BTreeSet::new();
    for word in yes {
        if let Some(standing) = word.standing.filter(|_| members(&word.found).all(|member| !held.contains(&member))) {
            held.extend(members(&word.found));
            memory.decided.push(DecidedMatch { standing, found: word.found.clone() });
        }
    }
    for word in words.values().filter(|word| word.standing.is_none() && concerns(&word.found)) {
        let Match { source_ids, target_ids, .. } = &word.found;
        memory.rejected.push(RejectedMatch { source_ids: source_ids.clone(), target_ids: target_ids.clone() });
    }
    let no_longer = |found: &Match| {
        words.get(&found.id()).is_some_and(|word| word.standing.is_none())
            || members(found).any(|member| held.contains(&member))
    };
    for found in crossing.iter().filter(|found| concerns(found) && !no_longer(found)) {
        for source in &found.source_ids {
            memory.reserved.push(Reservation {
                record_id: source.clone(),
                side: Side::Source,
                partner_ids: found.target_ids.clone(),
            });
        }
    }
    memory
}
