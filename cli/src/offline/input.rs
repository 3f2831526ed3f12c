//! The run's input: records, the days that count, and when the files were made.

use crate::{
    args::Days,
    exit::{CliError, Result},
};
use domain::{
    DateRange, Timestamp,
    records::{Orders, Records},
    time::Window,
};
use matching::{Memory, RunInput};

const DAY_MS: i64 = 86_400_000;

/// Without `--from` and `--to` every record counts. Without `--as-of` the files were made at the end of their last day,
/// so that their newest records may still be waiting for a partner, and the clock plays no part.
///
/// # Errors
/// Usage for days that do not exist.
pub fn of(what: &Days, source: Records, target: Records) -> Result<RunInput> {
    let times = source.iter().chain(target.iter()).map(|record| record.occurred_at().millis());
    let (first, last) = times.fold((i64::MAX, i64::MIN), |(first, last), at| (first.min(at), last.max(at)));
    let all = if first > last {
        Window { from: Timestamp::from_millis(0), to: Timestamp::from_millis(0) }
    } else {
        let midnight = |ms: i64| ms.div_euclid(DAY_MS) * DAY_MS;
        Window { from: Timestamp::from_millis(midnight(first)), to: Timestamp::from_millis(midnight(last) + DAY_MS) }
    };
    let day = |text: &str| {
        let range = DateRange { start: text.to_owned(), end: text.to_owned() };
        range.window("UTC").map_err(|error| CliError::Usage(error.to_string()))
    };
    let from = what.from.as_deref().map(day).transpose()?.map_or(all.from, |day| day.from);
    let to = what.to.as_deref().map(day).transpose()?.map_or(all.to, |day| day.to);
    if to < from {
        return Err(CliError::Usage("--from lies after --to".to_owned()));
    }
    let as_of = match &what.as_of {
        Some(text) => Timestamp::parse(text).map_err(|error| CliError::Usage(error.to_string()))?,
        None => all.to,
    };
    Ok(RunInput {
        source,
        target,
        orders: Orders::default(),
        window: Window { from, to },
        as_of,
        memory: Memory::default(),
    })
}
