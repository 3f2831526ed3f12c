//! Rows into chunks and back. Pure and deterministic.

use super::{Position, ResultRows};
use crate::store::Fault;
use event_store::Units;
use serde_json::Value;
use std::io::Read;

/// Rows that share one item: as many as the longest page, so that a page touches two items at most.
pub const MAX_CHUNK_ROWS: usize = 200;
/// Compressed bytes that one item aims at, so that a page is read cheaply. A longer chunk is halved.
pub const MAX_CHUNK_BYTES: usize = 64 * 1_024;
/// A single row above this is refused: an item may hold 400 KB with its keys.
const MAX_ROW_BYTES: usize = 380 * 1_024;
/// Uncompressed bytes that a chunk may expand to; guards the reader against a damaged item.
const MAX_PLAIN_BYTES: u64 = 64 * 1_024 * 1_024;
/// The compressor's default: levels above cost time for little on chunks this small.
const LEVEL: i32 = 3;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chunk {
    pub number: u32,
    /// How many chunks the list has, at least one.
    pub of: u32,
    pub rows: u32,
    pub body: Vec<u8>,
}

pub fn pack(rows: &[Value]) -> Result<Vec<Chunk>, Fault> {
    let mut bodies = Vec::new();
    if rows.is_empty() {
        compress(rows, &mut bodies)?;
    }
    for slice in rows.chunks(MAX_CHUNK_ROWS) {
        compress(slice, &mut bodies)?;
    }
    let count =
        |length: usize| u32::try_from(length).map_err(|_| Fault::Refused("a list this long cannot be stored".into()));
    let of = count(bodies.len())?;
    let chunk = |(number, (rows, body))| Ok(Chunk { number: count(number)?, of, rows: count(rows)?, body });
    bodies.into_iter().enumerate().map(chunk).collect()
}

/// Compresses rows into one body, or halves of them into several.
fn compress(rows: &[Value], bodies: &mut Vec<(usize, Vec<u8>)>) -> Result<(), Fault> {
    let refused = |cause: String| Fault::Refused(format!("rows of a result cannot be packed: {cause}"));
    let plain = serde_json::to_vec(rows).map_err(|cause| refused(cause.to_string()))?;
    let body = zstd::bulk::compress(&plain, LEVEL).map_err(|cause| refused(cause.to_string()))?;
    if body.len() > MAX_CHUNK_BYTES && rows.len() > 1 {
        let (left, right) = rows.split_at(rows.len() / 2);
        compress(left, bodies)?;
        return compress(right, bodies);
    }
    if body.len() > MAX_ROW_BYTES || u64::try_from(plain.len()).is_ok_and(|length| length > MAX_PLAIN_BYTES) {
        return Err(refused(format!("one row has {} bytes", plain.len())));
    }
    bodies.push((rows.len(), body));
    Ok(())
}

pub fn unpack(body: &[u8]) -> Result<Vec<Value>, Fault> {
    let corrupt = |cause: String| Fault::Corrupt(format!("chunk of a result: {cause}"));
    let decoder = zstd::stream::read::Decoder::new(body).map_err(|cause| corrupt(cause.to_string()))?;
    let mut plain = Vec::new();
    decoder.take(MAX_PLAIN_BYTES).read_to_end(&mut plain).map_err(|cause| corrupt(cause.to_string()))?;
    serde_json::from_slice(&plain).map_err(|cause| corrupt(cause.to_string()))
}

/// Puts a page together from chunks in turn.
#[derive(Debug)]
pub struct Reading {
    missing: usize,
    position: Position,
    /// Number of chunks, as the last one read says.
    of: u32,
    rows: Vec<Value>,
}

impl Reading {
    pub fn new(limit: u32, position: Position) -> Self {
        Self { missing: usize::try_from(limit).unwrap_or(usize::MAX), position, of: 0, rows: Vec::new() }
    }

    /// Number of the chunk to read next.
    pub fn chunk(&self) -> u32 {
        self.position.chunk
    }

    /// Takes what the page still misses out of that chunk, which only a list that was never written may lack. True
    /// when the page is complete.
    pub fn take(&mut self, chunk: Option<&Chunk>) -> Result<bool, Fault> {
        let Some(chunk) = chunk.filter(|chunk| chunk.number == self.position.chunk) else {
            let number = self.position.chunk;
            return if number == 0 {
                Ok(true)
            } else {
                Err(Fault::Corrupt(format!("chunk {number} of a result is gone")))
            };
        };
        self.of = chunk.of;
        let skip = usize::try_from(self.position.row).unwrap_or(usize::MAX);
        let before = self.rows.len();
        self.rows.extend(unpack(&chunk.body)?.into_iter().skip(skip).take(self.missing));
        let taken = self.rows.len() - before;
        self.missing -= taken;
        self.position.row = self.position.row.saturating_add(u32::try_from(taken).unwrap_or(u32::MAX));
        if self.position.row >= chunk.rows {
            self.position = Position { chunk: self.position.chunk.saturating_add(1), row: 0 };
        }
        Ok(self.missing == 0 || self.position.chunk >= chunk.of)
    }

    pub fn done(self, units: Units) -> ResultRows {
        let next = (self.position.chunk < self.of).then_some(self.position);
        ResultRows { rows: self.rows, next, units }
    }
}
