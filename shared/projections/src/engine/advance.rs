//! From folded commits to one write: which rows change, and how many commits have room.

use super::Step;
use crate::{
    projection::Row,
    registered::{Folded, Registered, Shown, Stop},
    store::{Advance, Checkpoint, CheckpointKey, MAX_ROWS_PER_ADVANCE, RowKey, RowPut, Stand, row_partition_within},
};
use domain::Timestamp;
use event_store::Commit;

/// What an aggregate showed, what it shows now, and where its checkpoint is to stand.
pub(super) struct Change<'a> {
    pub before: &'a Shown,
    pub shown: Shown,
    pub to: Stand,
    pub as_of: Timestamp,
    /// Write every row, also those that look the same.
    pub all: bool,
}

/// As many of `commits` as have room in one transaction; usually all.
pub(super) fn next_step(
    projection: &Registered,
    key: &CheckpointKey,
    checkpoint: &Checkpoint,
    state: Option<&str>,
    before: &Shown,
    commits: &[Commit],
) -> Step {
    let mut taken = commits;
    loop {
        let Folded { shown, commits: applied, stop } = projection.fold(&key.stream, state, taken);
        let last = applied.checked_sub(1).and_then(|index| taken.get(index));
        let (Some(shown), Some(last)) = (shown, last) else { return Step { advance: None, stop } };
        let to = Stand { version: last.to, epoch: checkpoint.epoch };
        let as_of = last.metadata.timestamp;
        match replacing(projection, key, checkpoint, Change { before, shown, to, as_of, all: false }) {
            Ok(advance) => return Step { advance: Some(advance), stop },
            Err(full) if applied == 1 => return Step::stopped(full),
            // Fewer commits change fewer rows.
            Err(_) => taken = taken.get(..applied.div_ceil(2).min(applied - 1)).unwrap_or_default(),
        }
    }
}

/// The write that turns `before` into `shown`: all rows, or only those that differ.
pub(super) fn replacing(
    projection: &Registered,
    key: &CheckpointKey,
    checkpoint: &Checkpoint,
    change: Change<'_>,
) -> Result<Advance, Stop> {
    let Change { before, shown, to, as_of, all } = change;
    let row_key = |row: &Row| RowKey {
        table: projection.table,
        partition: row_partition_within(&key.stream.tenant, key.version, row.within.as_deref()),
        sort: row.sort.clone(),
    };
    let gone = before.rows.iter().filter(|old| !shown.rows.iter().any(|row| row_key(row) == row_key(old)));
    let removes: Vec<RowKey> = gone.map(row_key).collect();
    let changed = shown.rows.iter().filter(|row| all || !before.rows.contains(row));
    let puts: Vec<RowPut> =
        changed.map(|row| RowPut { key: row_key(row), row: row.text.clone(), keys: row.keys.clone() }).collect();
    let rows = puts.len() + removes.len();
    if rows > MAX_ROWS_PER_ADVANCE {
        let error = format!("{rows} rows of one aggregate change at once; at most {MAX_ROWS_PER_ADVANCE} can");
        return Err(Stop::for_good(to.version, error));
    }
    Ok(Advance { checkpoint: key.clone(), from: checkpoint.stand(), to, as_of, state: shown.apart, puts, removes })
}
