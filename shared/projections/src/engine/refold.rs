//! Folding a stream from nothing, in place: what a rebuild of one run or of a time range does.

use super::{
    COMMITS_PER_LOAD, Engine, MAX_RACES, PullError, Pulled,
    advance::{Change, replacing},
    transient,
};
use crate::{
    registered::{Folded, Registered, Shown, Stop},
    store::{Checkpoint, CheckpointKey, Fault, Stand, Written},
};
use domain::Timestamp;
use event_store::{StoreError, StreamKey, Units};

/// A whole stream, folded.
struct Whole {
    shown: Shown,
    /// Sequence of the last event.
    to: u64,
    as_of: Timestamp,
}

impl Engine {
    /// Folds one stream from nothing and replaces what this version shows of it, rows and checkpoint in one
    /// transaction. `epoch` numbers the rebuild that asks: a pair that it has replaced already is only pulled.
    ///
    /// # Errors
    /// [`PullError`]. An event that cannot be applied parks the pair, and its rows stay as they are.
    pub async fn refold(
        &self,
        projection: &Registered,
        version: u32,
        stream: &StreamKey,
        epoch: u64,
    ) -> Result<Pulled, PullError> {
        let key = CheckpointKey { projection: projection.name.to_owned(), version, stream: stream.clone() };
        let busy = |fault: Fault| transient(projection, stream, &fault);
        for race in 1..=MAX_RACES {
            let checkpoint = self.store.checkpoint(&key).await.map_err(busy)?;
            if checkpoint.epoch >= epoch {
                return self.pull(projection, version, stream, None).await;
            }
            let folded = match self.fold_all(projection, stream).await? {
                Ok(folded) => folded,
                Err(stop) => {
                    let stop = Stop { is_final: true, ..stop };
                    if let Some(outcome) = self.note(projection, &key, checkpoint.stand(), None, stop).await? {
                        return outcome;
                    }
                    self.pause(projection, stream, race).await?;
                    continue;
                }
            };
            let Some(Whole { shown, to, as_of }) = folded else {
                return Ok(Pulled::UpTo { version: 0, applied: 0, units: Units::default() });
            };
            let stand = Stand { version: to, epoch };
            // What cannot be read any more cannot say which rows it had; those of the same keys are overwritten.
            let before = self.shown_before(projection, &key, &checkpoint).await?.unwrap_or_default();
            let advance = match replacing(
                projection,
                &key,
                &checkpoint,
                Change { before: &before, shown, to: stand, as_of, all: true },
            ) {
                Ok(advance) => advance,
                Err(stop) => match self.note(projection, &key, checkpoint.stand(), None, stop).await? {
                    Some(outcome) => return outcome,
                    None => {
                        self.pause(projection, stream, race).await?;
                        continue;
                    }
                },
            };
            match self.store.advance(&advance).await.map_err(busy)? {
                Written::Done(units) => return Ok(Pulled::UpTo { version: to, applied: to, units }),
                Written::Lost => self.pause(projection, stream, race).await?,
            }
        }
        Err(transient(projection, stream, &"the checkpoint keeps moving"))
    }

    /// The whole stream folded; none for a stream without events.
    async fn fold_all(
        &self,
        projection: &Registered,
        stream: &StreamKey,
    ) -> Result<Result<Option<Whole>, Stop>, PullError> {
        let mut folded: Option<Whole> = None;
        loop {
            let after = folded.as_ref().map_or(0, |whole| whole.to);
            let commits = match self.events.page(stream, after, COMMITS_PER_LOAD).await {
                Ok(commits) => commits,
                Err(StoreError::Corrupt { sequence, detail, .. }) => return Ok(Err(Stop::at(sequence, detail))),
                Err(error) => return Err(transient(projection, stream, &error)),
            };
            let Some(last) = commits.last() else { return Ok(Ok(folded)) };
            let state = folded.as_ref().and_then(|whole| whole.shown.state());
            let Folded { shown, stop, .. } = projection.fold(stream, state, &commits);
            match (shown, stop) {
                (Some(shown), None) => folded = Some(Whole { shown, to: last.to, as_of: last.metadata.timestamp }),
                (_, stop) => return Ok(Err(stop.unwrap_or_else(|| Stop::at(last.from, "nothing was applied")))),
            }
        }
    }

    async fn shown_before(
        &self,
        projection: &Registered,
        key: &CheckpointKey,
        checkpoint: &Checkpoint,
    ) -> Result<Option<Shown>, PullError> {
        let state = self.state(projection, key, checkpoint).await?;
        Ok(state.and_then(|state| projection.show(&key.stream, &state).ok()))
    }
}
