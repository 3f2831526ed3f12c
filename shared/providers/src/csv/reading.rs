//! A whole file as records: ids for rows without one, and no id twice.

use super::{
    dialect::Dialect,
    error::{CsvError, FileErrors},
    mapping::Mapping,
    reader::CsvReader,
    record::{ContentIds, canonical},
};
use domain::{record::Side, records::Records};
use std::{
    hash::{BuildHasher, RandomState},
    io::Read,
};

/// What a file holds.
#[derive(Debug, Clone, PartialEq)]
pub struct Reading {
    pub dialect: Dialect,
    pub records: Records,
    /// One for each row that is not among the records, in the order of the lines.
    pub errors: Vec<CsvError>,
}

/// Reads all of `input`; with `strict` the first bad row ends it.
///
/// # Errors
/// The head of the file, the file itself, or with `strict` a row.
pub fn read_records(
    input: impl Read + Send,
    side: Side,
    mapping: &Mapping,
    strict: bool,
) -> Result<Reading, FileErrors> {
    let mut reader = CsvReader::open(input, mapping)?;
    let dialect = reader.dialect();
    let mut ids = ContentIds::default();
    let (mut records, mut lines, mut errors) = (Records::default(), Vec::new(), Vec::new());
    while let Some(row) = reader.next_row()? {
        match row {
            Ok(row) => {
                let id = row.id.map_or_else(|| ids.next(&row), str::to_owned);
                lines.push(row.line);
                records.push(&canonical(&row, id, side));
            }
            Err(error) if strict => return Err(error.into()),
            Err(error) => errors.push(error),
        }
    }
    let repeated = take_out_repeated(&mut records, &lines);
    if strict && let Some(first) = repeated.iter().min_by_key(|error| error.line) {
        return Err(first.clone().into());
    }
    errors.extend(repeated);
    errors.sort_by_key(|error| error.line);
    Ok(Reading { dialect, records, errors })
}

/// Of several rows with one id the one that sorts first by its content stays, so that the order of the rows does not
/// matter; the others are errors.
fn take_out_repeated(records: &mut Records, lines: &[u64]) -> Vec<CsvError> {
    let hasher = RandomState::new();
    let mut by_hash: Vec<(u64, u32)> =
        (0..).zip(records.iter()).map(|(at, record)| (hasher.hash_one(record.id()), at)).collect();
    by_hash.sort_unstable();
    let suspects = by_hash.chunk_by(|a, b| a.0 == b.0).filter(|alike| alike.len() > 1);
    let mut drop: Vec<usize> = Vec::new();
    let mut errors = Vec::new();
    for alike in suspects {
        let mut same: Vec<(&str, String, usize)> = alike
            .iter()
            .filter_map(|(_, at)| {
                let at = usize::try_from(*at).ok()?;
                let record = records.at(at);
                Some((record.id(), serde_json::to_string(&record.to_record()).unwrap_or_default(), at))
            })
            .collect();
        same.sort_unstable();
        for group in same.chunk_by(|a, b| a.0 == b.0) {
            let Some(((id, kept, first), others)) = group.split_first() else { continue };
            let kept_line = lines.get(*first).copied().unwrap_or(0);
            for (_, content, at) in others {
                let how = if content == kept { "with the same content" } else { "with other content" };
                let detail = format!(
                    "id `{}` stands in line {kept_line} too, {how}; an id must be unique: take the row out, or map \
                     another column to id",
                    super::error::shown(id)
                );
                errors.push(CsvError::row(lines.get(*at).copied().unwrap_or(0), "duplicate_id", detail));
                drop.push(*at);
            }
        }
    }
    if !drop.is_empty() {
        drop.sort_unstable();
        let kept = (0..records.len()).filter(|at| drop.binary_search(at).is_err());
        *records = kept.map(|at| records.at(at).to_record()).collect();
    }
    errors
}
