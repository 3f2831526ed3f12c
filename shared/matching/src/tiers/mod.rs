//! One file per tier. A tier takes what it can prove and leaves the rest, with a hint where it knows why.

pub(crate) mod amount_window;
pub(crate) mod classify;
pub(crate) mod components;
pub(crate) mod decided;
pub(crate) mod hygiene;
pub(crate) mod parent;
pub(crate) mod payout;
pub(crate) mod reserved;
pub(crate) mod same_key_group;
pub(crate) mod strong_id;
pub(crate) mod suggest;
pub(crate) mod tolerance;
pub(crate) mod weak_reference;
