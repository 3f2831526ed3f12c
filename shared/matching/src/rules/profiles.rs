//! The two sets of defaults. The figures of `ledger` come from bank data with known truth (`settler rules learn`),
//! smoothed where that data has nothing to say; those of `shop` are set by hand, and careful: a shop's amounts are
//! known to the cent, so a difference that nobody agreed on is a question for people.

use super::{
    Automatic, Payouts, Profile, RuleSet, Tolerance,
    weights::{AmountLevel, CalibrationStep, FieldWeight, FieldWeights, TextWeight, TimeLevel, Weights},
};
use crate::scoring::TextLevel;

const DAY: i64 = 1_440;

pub(super) fn of(profile: Profile) -> RuleSet {
    match profile {
        Profile::Shop => shop(),
        Profile::Ledger => ledger(),
    }
}

fn shop() -> RuleSet {
    RuleSet {
        profile: Profile::Shop,
        gateways: vec!["stripe".to_owned(), "Stripe Card Payments".to_owned()],
        window_pad_days: 3,
        pending_sla_hours: 72,
        key_fields: Vec::new(),
        key_min_hits: 20,
        key_min_length: 8,
        key_max_holders: 8,
        weak_reference_days: 10,
        exact_amounts: true,
        amount_days: 3,
        unique_hours: 24,
        instant_minutes: 15,
        set_hours: 24,
        group_max_members: 32,
        tolerance: Tolerance {
            automatic: Automatic::Explained,
            automatic_margin: 12_000,
            // Nothing but fees and rates that were agreed on: what else differs is a question for people.
            over_bp: 0,
            over_minor: 0,
            under_bp: 0,
            under_minor: 0,
            rounding_minor: 0,
            ..tolerance()
        },
        // A shop's leftovers are many: only a sum that chance cannot make says anything.
        payouts: Payouts { max_chance_bp: 0, ..payouts() },
        weights: Weights {
            time: levels(&[
                (-DAY, 0, -5_000),
                (0, 15, -1_200),
                (15, 60, -2_500),
                (60, DAY, -2_000),
                (DAY, 3 * DAY, -2_300),
                (3 * DAY, 8 * DAY, -4_500),
            ]),
            amount: amounts(&[
                (0, -700),
                (100, -6_500),
                (1_000, -6_500),
                (10_000, -5_500),
                (35_000, -4_500),
                (60_000, -5_500),
                (100_000, -6_500),
            ]),
            ..weights()
        },
    }
}

fn ledger() -> RuleSet {
    RuleSet {
        profile: Profile::Ledger,
        gateways: Vec::new(),
        window_pad_days: 31,
        exact_amounts: false,
        tolerance: tolerance(),
        payouts: payouts(),
        weights: Weights {
            time: levels(&[
                (-3 * DAY, 0, -8_000),
                (0, DAY, -5_600),
                (DAY, 3 * DAY, -400),
                (3 * DAY, 7 * DAY, -2_700),
                (7 * DAY, 14 * DAY, -4_900),
                (14 * DAY, 22 * DAY, -4_700),
                (22 * DAY, 32 * DAY, -8_000),
            ]),
            amount: amounts(&[
                (0, -1_990),
                (5_000, -3_360),
                (10_000, -3_350),
                (20_000, -2_470),
                (30_000, -2_840),
                (40_000, -3_280),
                (50_000, -4_000),
                (60_000, -4_730),
                (80_000, -5_370),
                (100_000, -7_500),
                (140_000, -10_000),
            ]),
            ..weights()
        },
        ..shop()
    }
}

fn tolerance() -> Tolerance {
    Tolerance {
        automatic: Automatic::Scored,
        automatic_margin: 7_000,
        suggestion_margin: 100,
        over_bp: 1_400,
        over_minor: 1,
        under_bp: 1_400,
        under_minor: 1,
        rounding_minor: 1,
        fees: Vec::new(),
        fx_bands: Vec::new(),
        filler_words: [
            "payment", "transfer", "deposit", "invoice", "ref", "donation", "bgc", "bacs", "chq", "fpi", "dd",
        ]
        .map(str::to_owned)
        .to_vec(),
        max_block_pairs: 20_000_000,
        max_component_work: 20_000_000,
    }
}

fn payouts() -> Payouts {
    Payouts {
        days_before: 0,
        days_after: 7,
        max_members: 12,
        max_candidates: 24,
        max_steps: 200_000,
        max_chance_bp: 50,
    }
}

fn weights() -> Weights {
    let field = |agree, differ| FieldWeight { agree, differ };
    Weights {
        time: Vec::new(),
        amount: Vec::new(),
        agreed_fee: -1_000,
        agreed_rate: -1_000,
        text: texts(),
        fields: FieldWeights {
            email: field(-150, -7_000),
            last4: field(-150, -7_000),
            name: field(-500, -2_500),
            reference: 6_000,
        },
        partner: 4_000,
        calibration: calibration(),
    }
}

fn levels(table: &[(i64, i64, i64)]) -> Vec<TimeLevel> {
    table
        .iter()
        .map(|(from_minutes, to_minutes, share)| TimeLevel {
            from_minutes: *from_minutes,
            to_minutes: *to_minutes,
            share: *share,
        })
        .collect()
}

fn amounts(table: &[(u32, i64)]) -> Vec<AmountLevel> {
    table.iter().map(|(up_to_ppm, share)| AmountLevel { up_to_ppm: *up_to_ppm, share: *share }).collect()
}

fn texts() -> std::collections::BTreeMap<TextLevel, TextWeight> {
    [
        (TextLevel::Missing, 0, 0),
        (TextLevel::Same, -1_030, -7_110),
        (TextLevel::CutInWord, -3_130, -10_120),
        (TextLevel::CutBeforeFiller, -4_660, -9_940),
        (TextLevel::CutBeforeWords, -5_920, -11_500),
        (TextLevel::EndsBeforeFiller, -2_500, -6_410),
        (TextLevel::EndsBeforeWords, -9_500, -6_660),
        (TextLevel::FillerDropped, -3_990, -7_260),
        (TextLevel::FillerDiffersCut, -3_630, -4_970),
        (TextLevel::FillerDiffers, -6_140, -6_150),
        (TextLevel::WordsAgainstFiller, -9_080, -3_320),
        (TextLevel::WordsDiffer, -11_000, -1_190),
        (TextLevel::WordDiffers, -11_000, -1_400),
        (TextLevel::SharedWord, -5_000, 0),
        (TextLevel::Different, -7_000, 0),
    ]
    .into_iter()
    .map(|(level, share, random_share)| (level, TextWeight { share, random_share }))
    .collect()
}

/// Odds of the margin as a probability, `1 / (1 + 2^-margin)`, in quarters of a bit. It needs no correction on the bank
/// data: `docs/MATCHING.md` has the figures.
fn calibration() -> Vec<CalibrationStep> {
    const CONFIDENCES: [u16; 41] = [
        5_216, 5_646, 6_066, 6_471, 6_856, 7_217, 7_551, 7_857, 8_135, 8_383, 8_605, 8_800, 8_971, 9_120, 9_250, 9_361,
        9_457, 9_540, 9_610, 9_670, 9_721, 9_764, 9_801, 9_832, 9_858, 9_880, 9_899, 9_915, 9_928, 9_940, 9_949, 9_957,
        9_964, 9_969, 9_974, 9_978, 9_982, 9_984, 9_987, 9_989, 9_990,
    ];
    (0..)
        .step_by(250)
        .zip(CONFIDENCES)
        .map(|(margin, confidence_bp)| CalibrationStep { margin, confidence_bp })
        .collect()
}
