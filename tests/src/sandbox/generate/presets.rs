//! The presets: how often each kind of trouble happens. Shares are in ten-thousandths of the orders unless said otherwise.

use crate::sandbox::random::PerMyriad;

/// How late the card processor's movement is against the shop's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lag {
    /// Seconds.
    Prompt,
    /// Minutes, rarely two hours: for shops in which time is the only evidence.
    Short,
    /// Seconds for nine in ten, hours for most others, up to three days for one in a hundred.
    Long,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    Steady,
    /// Most orders come in bursts of equal amounts.
    Bursts,
}

#[derive(Debug, Clone, Copy)]
pub struct Preset {
    pub name: &'static str,
    pub shape: Shape,
    pub lag: Lag,
    pub without_strong: PerMyriad,
    /// Weights of what those carry instead: order in metadata, order in description, e-mail and card, nothing.
    pub instead: [u32; 4],
    pub damaged: PerMyriad,
    pub refunds: PerMyriad,
    /// Share of the refunds that belong to orders long before the range.
    pub earlier: PerMyriad,
    /// Share of the refunded orders with two or three refunds.
    pub several: PerMyriad,
    pub odd_refunds: PerMyriad,
    pub partial_captures: PerMyriad,
    pub late_captures: PerMyriad,
    pub multi_captures: PerMyriad,
    pub split_tender: PerMyriad,
    pub missing: PerMyriad,
    pub duplicate_charges: PerMyriad,
    pub excluded: PerMyriad,
    pub pending: PerMyriad,
    pub repeated: PerMyriad,
    pub near_amounts: PerMyriad,
    pub reused: PerMyriad,
    pub swapped: PerMyriad,
    pub disputes: PerMyriad,
    pub many_currencies: bool,
    pub restless: bool,
}

const NONE: PerMyriad = PerMyriad(0);

const CLEAN: Preset = Preset {
    name: "clean",
    shape: Shape::Steady,
    lag: Lag::Prompt,
    without_strong: NONE,
    instead: [1, 0, 0, 0],
    damaged: NONE,
    refunds: PerMyriad(200),
    earlier: NONE,
    several: NONE,
    odd_refunds: NONE,
    partial_captures: NONE,
    late_captures: NONE,
    multi_captures: NONE,
    split_tender: NONE,
    // Not noise: even in a tidy shop, a few orders stay unpaid and a few payments have no order.
    missing: PerMyriad(50),
    duplicate_charges: NONE,
    excluded: NONE,
    pending: NONE,
    repeated: NONE,
    near_amounts: NONE,
    reused: NONE,
    swapped: NONE,
    disputes: NONE,
    many_currencies: false,
    restless: false,
};

const TYPICAL: Preset = Preset {
    name: "typical",
    lag: Lag::Long,
    without_strong: PerMyriad(1500),
    instead: [60, 24, 10, 6],
    damaged: PerMyriad(300),
    refunds: PerMyriad(500),
    earlier: PerMyriad(3333),
    partial_captures: PerMyriad(300),
    late_captures: PerMyriad(100),
    multi_captures: PerMyriad(30),
    split_tender: PerMyriad(200),
    missing: PerMyriad(100),
    duplicate_charges: PerMyriad(50),
    excluded: PerMyriad(200),
    pending: PerMyriad(20),
    repeated: PerMyriad(200),
    ..CLEAN
};

const NO_REFS: Preset = Preset {
    name: "no-refs",
    lag: Lag::Short,
    without_strong: PerMyriad(10_000),
    instead: [0, 0, 50, 50],
    refunds: PerMyriad(400),
    earlier: PerMyriad(3333),
    missing: PerMyriad(100),
    excluded: PerMyriad(200),
    ..CLEAN
};

const FLASH_SALE: Preset = Preset {
    name: "flash-sale",
    shape: Shape::Bursts,
    lag: Lag::Prompt,
    without_strong: PerMyriad(4500),
    instead: [40, 10, 25, 25],
    missing: PerMyriad(50),
    excluded: PerMyriad(100),
    ..CLEAN
};

const MULTI_CURRENCY: Preset = Preset { name: "multi-currency", many_currencies: true, ..TYPICAL };

const REFUND_HEAVY: Preset = Preset {
    name: "refund-heavy",
    refunds: PerMyriad(3000),
    earlier: PerMyriad(2500),
    several: PerMyriad(3500),
    odd_refunds: PerMyriad(100),
    disputes: PerMyriad(200),
    ..TYPICAL
};

const ADVERSARIAL: Preset = Preset {
    name: "adversarial",
    without_strong: PerMyriad(3000),
    instead: [45, 20, 20, 15],
    damaged: PerMyriad(800),
    refunds: PerMyriad(1500),
    earlier: PerMyriad(3333),
    several: PerMyriad(3000),
    odd_refunds: PerMyriad(100),
    missing: PerMyriad(250),
    duplicate_charges: PerMyriad(150),
    excluded: PerMyriad(500),
    pending: PerMyriad(50),
    repeated: PerMyriad(800),
    near_amounts: PerMyriad(400),
    reused: PerMyriad(100),
    swapped: PerMyriad(100),
    disputes: PerMyriad(100),
    many_currencies: true,
    restless: true,
    ..TYPICAL
};

pub const PRESETS: [Preset; 7] = [CLEAN, TYPICAL, NO_REFS, FLASH_SALE, MULTI_CURRENCY, REFUND_HEAVY, ADVERSARIAL];

#[must_use]
pub fn by_name(name: &str) -> Option<Preset> {
    PRESETS.into_iter().find(|preset| preset.name == name)
}
