//! Maps whose order nobody reads: the results of the engine do not depend on how they hash.
//!
//! The hash is fixed and fast instead of keyed. Whoever crafts colliding ids slows down a run over data of their own.

use foldhash::fast::FixedState;

pub(crate) type Map<K, V> = std::collections::HashMap<K, V, FixedState>;

pub(crate) fn with_capacity<K, V>(capacity: usize) -> Map<K, V> {
    Map::with_capacity_and_hasher(capacity, FixedState::default())
}
