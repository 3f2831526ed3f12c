//! A bank's and a bookkeeper's view of made-up payments: texts cut or with a word dropped, amounts off by some percent,
//! a few days apart, some records without a partner.

use crate::records::{DAY, With as _, charge, sale};
use domain::record::{Precision, Record};

pub struct Ledger {
    pub records: Vec<Record>,
    pub truth: Vec<(String, String)>,
}

pub fn with_memo(record: Record, memo: &str) -> Record {
    Record { memo: Some(memo.to_owned()), precision: Precision::Day, ..record }
}

const FIRST: [&str; 12] =
    ["Anna", "Boris", "Clara", "David", "Emil", "Frida", "Gustav", "Hanna", "Ivo", "Jonas", "Karla", "Ludwig"];
const LAST: [&str; 16] = [
    "Acker", "Brandt", "Cramer", "Dorn", "Engel", "Falk", "Grimm", "Hesse", "Jung", "Krug", "Lang", "Moser", "Nagel",
    "Ott", "Pohl", "Quast",
];
const FILLER: [&str; 3] = ["payment", "transfer", "deposit"];

/// `count` payments; the same seed gives the same ledger.
pub fn ledger(count: u64, seed: u64) -> Ledger {
    let mut state = seed;
    let mut dice = |sides: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % sides
    };
    let mut records = Vec::new();
    let mut truth = Vec::new();
    for number in 0..count {
        let pick =
            |list: &[&'static str], roll: u64| list.get(usize::try_from(roll).unwrap_or(0)).copied().unwrap_or("X");
        let name = format!("{} {}", pick(&FIRST, dice(12)), pick(&LAST, dice(16)));
        let filler = pick(&FILLER, dice(3));
        let amount = i64::try_from(2_000 + dice(80_000)).unwrap_or(2_000);
        let day = i64::try_from(dice(18)).unwrap_or(0) - 9;
        let lag = [1, 1, 1, 2, 2, 2, 2, 3, 5, 8][usize::try_from(dice(10)).unwrap_or(0)];
        let paid = match dice(3) {
            0 => amount,
            _ => amount - amount * i64::try_from(dice(60)).unwrap_or(0) / 1_000 + amount / 40,
        };
        let whole = format!("{name} {filler} BGC");
        let (left, right) = match dice(3) {
            0 => (whole.clone(), whole),
            1 => (whole.chars().take(15).collect(), whole),
            _ => (format!("{name} BGC"), whole),
        };
        let source = with_memo(sale(&format!("s{number}"), amount), &left).at(day * DAY);
        let target = with_memo(charge(&format!("t{number}"), paid), &right).at((day + lag) * DAY);
        match dice(10) {
            0 => records.push(source),
            1 => records.push(target),
            _ => {
                truth.push((source.id.clone(), target.id.clone()));
                records.extend([source, target]);
            }
        }
    }
    Ledger { records, truth }
}
