//! How much speaks for two records being partners, as one integer.
//!
//! A weight is the logarithm of odds, in millibits: how often a true pair compares like this, over how many records would
//! compare like this by chance. The first comes from the rule set's tables, the second is counted in the run: how many
//! records share these words, this amount, this stretch of time (Fellegi and Sunter's record linkage with frequencies
//! counted on the spot, "A Theory for Record Linkage", JASA 1969). Because chance is counted, a weight keeps its meaning
//! when the data become denser.

pub(crate) mod bits;
mod census;
mod columns;
mod compare;
mod text;
mod weigh;

pub(crate) use columns::{Node, Pool, pools};
pub(crate) use compare::COMMON_START;
pub use compare::TextLevel;
pub(crate) use weigh::{AmountLevel, Pair, Scorer, Weighed};
