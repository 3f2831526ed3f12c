//! Hashes whose value nobody reads: the results of the engine do not depend on how things hash.
//!
//! The hash is fixed and fast instead of keyed. Whoever crafts colliding ids slows down a run over data of their own.

use foldhash::fast::FixedState;
use std::hash::{BuildHasher, Hash};

pub(crate) fn hash<T: Hash + ?Sized>(value: &T) -> u64 {
    FixedState::default().hash_one(value)
}
