//! Hashes whose value nobody reads: the results of the engine do not depend on how things hash.
//!
//! The hash is fixed and fast instead of keyed. Whoever crafts colliding ids slows down a run over data of their own.

use foldhash::fast::FixedState;
use std::hash::{BuildHasher, Hash};

/// How maps hash.
pub(crate) type Hashing = FixedState;

#[expect(clippy::cast_possible_truncation, reason = "half of a good hash is a good hash")]
pub(crate) fn hash<T: Hash + ?Sized>(value: &T) -> u32 {
    FixedState::default().hash_one(value) as u32
}
