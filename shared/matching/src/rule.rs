//! The rules by which records are matched, and how sure each of them is.
//!
//! | rule | accepted because | confidence |
//! |---|---|---|
//! | `strong_id@1` | one strong id on both sides, equal amounts, nothing contradicts | 10,000 |
//! | `strong_id_contested@1` | the same, but one of e-mail, card or order disagrees and nobody else fits | 9,900 |
//! | `strong_id_group@1` | a whole id group, one against many, equal sums | 9,990 |
//! | `weak_reference@1` | an order id, name or metadata value unique on both sides, equal amounts | 9,980 |
//! | `matched_parent@1` | the movements that these undo are matched with each other, equal amounts | 9,980 |
//! | `same_key_pair@1` | one exact pair inside a larger key group | 9,970 |
//! | `same_key_group@1` | one against many under one key, equal sums | 9,950 |
//! | `duplicate_charge@1` | several charges for one sale: the settled one, else the first | 9,900 |
//! | `linked_discrepancy@1` | the partner is certain, the amounts differ | 9,900 |
//! | `amount_agreement@1` | amount, currency and window, and e-mail, card, name, memo or reference agree | 9,980 |
//! | `amount_instant@1` | amount unique for a day on both sides, minutes apart | 9,980 |
//! | `identical_set@1` | k identical against k identical | 9,900 |
//! | `confirmed@1`, `manual@1` | a person said so, in an earlier run of the job | as it was |
//! | `reserved@1` | an earlier run matched them across the edge of its window | 9,950 |
//! | `suggest_agreement@1` | as `amount_agreement`, but a reference points elsewhere | 8,500 |
//! | `suggest_amount@1` | only the amount, mutually unique in the window | 9,700 |
//! | `suggest_best@1` | several fit, one fits better | 9,500 |
//! | `suggest_set@1` | k identical against m | 8,000 |
//! | `tolerance@1` | weighed, and far enough ahead of the best result without it | from its margin |
//! | `suggest_tolerance@1` | weighed, and ahead | from its margin |
//! | `suggest_unsolved@1` | both prefer each other in a component that was too much work to solve | from its lead |
//! | `suggest_payout@1` | the provider says what is in the payout that a deposit names, and it adds up | 9,500 |
//! | `suggest_decomposition@1` | the only sum of nearby records that makes the deposit | at most 9,000 |

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Rule {
    Confirmed,
    Manual,
    Reserved,
    StrongId,
    StrongIdContested,
    StrongIdGroup,
    WeakReference,
    MatchedParent,
    SameKeyPair,
    SameKeyGroup,
    DuplicateCharge,
    LinkedDiscrepancy,
    AmountAgreement,
    AmountInstant,
    IdenticalSet,
    SuggestAgreement,
    SuggestAmount,
    SuggestBest,
    SuggestSet,
    Tolerance,
    SuggestTolerance,
    SuggestUnsolved,
    SuggestPayout,
    SuggestDecomposition,
}

impl Rule {
    /// Id and version, as it stands in a match.
    pub const fn code(self) -> &'static str {
        self.table().0
    }

    /// Ten-thousandths.
    pub const fn confidence_bp(self) -> u16 {
        self.table().1
    }

    const fn table(self) -> (&'static str, u16) {
        match self {
            Self::Confirmed => ("confirmed@1", 9_999),
            Self::Manual => ("manual@1", 9_999),
            Self::Reserved => ("reserved@1", 9_950),
            Self::StrongId => ("strong_id@1", 10_000),
            Self::StrongIdContested => ("strong_id_contested@1", 9_900),
            Self::StrongIdGroup => ("strong_id_group@1", 9_990),
            Self::WeakReference => ("weak_reference@1", 9_980),
            Self::MatchedParent => ("matched_parent@1", 9_980),
            Self::SameKeyPair => ("same_key_pair@1", 9_970),
            Self::SameKeyGroup => ("same_key_group@1", 9_950),
            Self::DuplicateCharge => ("duplicate_charge@1", 9_900),
            Self::LinkedDiscrepancy => ("linked_discrepancy@1", 9_900),
            Self::AmountAgreement => ("amount_agreement@1", 9_980),
            Self::AmountInstant => ("amount_instant@1", 9_980),
            Self::IdenticalSet => ("identical_set@1", 9_900),
            Self::SuggestAgreement => ("suggest_agreement@1", 8_500),
            Self::SuggestAmount => ("suggest_amount@1", 9_700),
            Self::SuggestBest => ("suggest_best@1", 9_500),
            Self::SuggestSet => ("suggest_set@1", 8_000),
            Self::Tolerance => ("tolerance@1", 9_900),
            Self::SuggestTolerance => ("suggest_tolerance@1", 8_000),
            Self::SuggestUnsolved => ("suggest_unsolved@1", 8_000),
            Self::SuggestPayout => ("suggest_payout@1", 9_500),
            Self::SuggestDecomposition => ("suggest_decomposition@1", 9_000),
        }
    }
}
