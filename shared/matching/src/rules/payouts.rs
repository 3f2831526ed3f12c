//! How tier 7 looks for the members of a payout or a bank deposit.

use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Payouts {
    /// Days that a member may be later than its deposit …
    pub days_before: u16,
    /// … and earlier.
    pub days_after: u16,
    /// Largest number of members that a sum is searched for; membership given by the provider has no limit.
    pub max_members: u16,
    /// More candidates than this are not searched.
    pub max_candidates: u16,
    /// Partial sums looked at per deposit.
    pub max_steps: u32,
    /// Expected number of accidental sums, in ten-thousandths, up to which a single sum says anything.
    pub max_chance_bp: u32,
}
