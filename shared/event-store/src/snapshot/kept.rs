//! The bytes of a snapshot: a SHA-256 over the rest, then zstd over JSON.

use crate::aggregate::Loaded;
use domain::{Metadata, Timestamp, aggregate::SnapshotFormat};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

const LEVEL: i32 = 3;
/// Far above any state that is kept, far below what would exhaust a function.
const UNPACKED_MAX_BYTES: usize = 16 * 1024 * 1024;
const CHECKSUM_BYTES: usize = 32;

#[derive(Serialize, Deserialize)]
struct Body {
    version: u64,
    hash: String,
    as_of: Timestamp,
    origin: Metadata,
    state: Value,
}

pub(super) fn write<S>(loaded: &Loaded<S>, format: &SnapshotFormat<S>) -> Result<Vec<u8>, String> {
    let (Some(hash), Some(as_of), Some(origin)) = (loaded.hash.clone(), loaded.as_of, loaded.origin.clone()) else {
        return Err("a stream without events needs no snapshot".to_owned());
    };
    let state = (format.write)(&loaded.state).map_err(|cause| cause.to_string())?;
    let body = Body { version: loaded.version, hash, as_of, origin, state };
    let json = serde_json::to_vec(&body).map_err(|cause| cause.to_string())?;
    let packed = zstd::bulk::compress(&json, LEVEL).map_err(|cause| cause.to_string())?;
    Ok([Sha256::digest(&packed).as_slice(), &packed].concat())
}

/// The folded state with the version that it stands for, or what is wrong with the bytes.
pub(super) fn read<S>(bytes: &[u8], format: &SnapshotFormat<S>) -> Result<Loaded<S>, String> {
    let (checksum, packed) = bytes.split_at_checked(CHECKSUM_BYTES).ok_or("it is too short")?;
    if Sha256::digest(packed).as_slice() != checksum {
        return Err("its checksum does not fit".to_owned());
    }
    let json = zstd::bulk::decompress(packed, UNPACKED_MAX_BYTES).map_err(|cause| cause.to_string())?;
    let body: Body = serde_json::from_slice(&json).map_err(|cause| cause.to_string())?;
    let state = (format.read)(body.state).map_err(|cause| cause.to_string())?;
    Ok(Loaded {
        state,
        version: body.version,
        as_of: Some(body.as_of),
        origin: Some(body.origin),
        hash: Some(body.hash),
        units: crate::store::Units::default(),
    })
}
