//! A month of a shop as two CSV files, the same every time. An id ends with the number of what it belongs to.

use settler_tests::sandbox::random::Random;
use std::{
    fs::File,
    io::{BufWriter, Write},
    path::Path,
};

/// 2026-01-01T00:00:00Z.
const START_S: i64 = 1_767_225_600;
const MONTH_S: i64 = 31 * 86_400;
const LAG_S: i64 = 90;

/// Nearly all payments carry the reference; of the others most share the payer's card or e-mail address, and on each
/// side some have no partner. Returns how many pairs are true.
pub fn write(source: &Path, target: &Path, rows: u32) -> std::io::Result<usize> {
    let mut random = Random::from_text(&format!("offline_match|{rows}"));
    let mut out = [BufWriter::new(File::create(source)?), BufWriter::new(File::create(target)?)];
    for side in &mut out {
        writeln!(side, "id,date,amount,currency,reference,email,last4,memo")?;
    }
    let mut true_pairs = 0;
    // Targets come in an order of their own.
    let mut payments = Vec::new();
    for number in 0..rows {
        let link = random.within(0, 1_000);
        let minor = if random.percent(50) { random.within(9, 200) * 100 - 1 } else { random.within(500, 60_000) };
        let at_s = START_S + random.within(0, MONTH_S - LAG_S);
        let paid_s = at_s + random.within(0, LAG_S);
        let reference = random.token("r", 23);
        let buyer = random.within(0, i64::from(rows) * 4 / 5);
        let card = random.within(0, 10_000);
        let amount = format!("{}.{:02}", minor / 100, minor % 100);
        let (sold, paid) = match link {
            0..970 => (reference.clone(), reference),
            970..985 => (reference, String::new()),
            _ => (String::new(), String::new()),
        };
        if link < 993 {
            let order = 1_001 + number;
            let [sales, _] = &mut out;
            writeln!(
                sales,
                "s_{number},{},{amount},USD,{sold},b{buyer}@example.com,{card:04},Order #{order}",
                instant(at_s)
            )?;
        }
        if !(985..993).contains(&link) {
            payments
                .push(format!("t_{number},{},{amount},USD,{paid},b{buyer}@example.com,{card:04},", instant(paid_s)));
        }
        true_pairs += usize::from(link < 985);
    }
    for last in (1..payments.len()).rev() {
        payments.swap(last, random.index(last + 1));
    }
    let [_, target] = &mut out;
    for line in payments {
        writeln!(target, "{line}")?;
    }
    for side in &mut out {
        side.flush()?;
    }
    Ok(true_pairs)
}

fn instant(at_s: i64) -> String {
    settler_tests::sandbox::times::rfc3339(at_s)
}
