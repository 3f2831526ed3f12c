//! How many records the matching engine decides per second, beside two things that anyone could write in its place:
//! a hash join on the strong id, which is the least that any matcher has to do, and the loop that takes the first
//! payment of the same amount within a day. All three see the same records in the same run, so their ratio says
//! something on any machine.
//!
//! `cargo bench --bench match_records -- [ORDERS] [python=PATH]` leaves out sizes above ORDERS; with the Python of `make
//! bench` it ends with what pandas takes for joins in memory, a yardstick for the machine.
//!
//! Ends with 1 when the engine pairs records wrongly: the speed of a wrong answer is of no interest.

mod baselines;
mod generated;
#[path = "../table/mod.rs"]
mod table;

use generated::{Month, month, number};
use matching::{MatchRef, Reconciled, RuleSet, decide};
use serde_json::Value;
use std::{
    error::Error,
    hint::black_box,
    path::Path,
    process::{Command, ExitCode},
    time::{Duration, Instant},
};

/// As in `settler match`.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Orders, and how often each size is measured (odd, for a median).
const SIZES: [(u32, usize); 4] = [(1_000, 9), (10_000, 9), (100_000, 5), (1_000_000, 3)];
/// The loop's time grows with the square: more than this would take hours.
const LARGEST_LOOP: u32 = 10_000;

struct Measured {
    orders: u32,
    /// Of both sides.
    records: usize,
    engine: Duration,
    join: Duration,
    first_hit: Option<Duration>,
    /// Automatic matches per 10,000 true pairs.
    coverage_bp: usize,
    wrong: usize,
    wrong_first_hits: Option<usize>,
    /// What the process holds once the records are there.
    records_kib: Option<u128>,
    /// Highest of this process so far, with the records themselves; sizes rise, so it belongs to this one.
    peak_kib: Option<u128>,
}

fn main() -> ExitCode {
    match run() {
        Ok(0) => ExitCode::SUCCESS,
        Ok(wrong) => {
            eprintln!("{wrong} matches join records that do not belong together");
            ExitCode::FAILURE
        }
        Err(cause) => {
            eprintln!("the engine was not measured: {cause}");
            ExitCode::FAILURE
        }
    }
}

/// Wrong matches of the engine, over all sizes.
fn run() -> Result<usize, Box<dyn Error>> {
    // `cargo bench … -- 100000` leaves out what is larger.
    let largest = std::env::args().find_map(|argument| argument.parse().ok()).unwrap_or(u32::MAX);
    let sizes = SIZES.iter().filter(|(orders, _)| *orders <= largest);
    let measured: Vec<Measured> = sizes.map(|(orders, runs)| measure(*orders, *runs)).collect::<Result<_, _>>()?;
    println!("## Matching: records of a generated month");
    println!(
        "From canonical records in memory to matches with reasons, median of several runs, with the allocator of `settler match`; the engine reads half of the records on a core of its own where there are two."
    );
    println!(
        "`key join` is a hash join on the strong id alone; `first hit` takes the first payment of equal amount within a day."
    );
    println!("`growth` is the time per record against the row above; 1.00 is linear.\n");
    let header = [
        "orders",
        "records",
        "engine ms",
        "records/s",
        "growth",
        "key join ms",
        "engine/join",
        "first hit ms",
        "first hit/engine",
        "coverage %",
        "wrong",
        "wrong first hits",
        "records MiB",
        "peak MiB",
    ];
    let rows: Vec<Vec<String>> = measured
        .iter()
        .enumerate()
        .map(|(at, this)| row(this, at.checked_sub(1).and_then(|at| measured.get(at))))
        .collect();
    println!("{}", table::markdown(&header, &rows));
    if let (Some(python), Some(largest)) = (python().filter(|python| Path::new(python).exists()), measured.last()) {
        println!("{}", yardstick(&python, largest)?);
    }
    Ok(measured.iter().map(|size| size.wrong).sum())
}

fn python() -> Option<String> {
    std::env::args().find_map(|argument| argument.strip_prefix("python=").map(str::to_owned))
}

/// What pandas takes, and how many times as long the engine. Where pandas takes 0.13 s for a join of a million rows on a number
/// and 0.26 s for the nearest row of equal amount, the engine is to take 1.5 s.
fn yardstick(python: &str, engine: &Measured) -> Result<String, Box<dyn Error>> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../infra/bench/in_memory.py");
    let output = Command::new(python).arg(script).arg(engine.orders.to_string()).output()?;
    if !output.status.success() {
        return Err(format!("pandas was not measured: {}", String::from_utf8_lossy(&output.stderr)).into());
    }
    let told: Value = serde_json::from_slice(&output.stdout)?;
    let took = |what: &str| told.get(what).and_then(Value::as_u64).map(Duration::from_micros).ok_or("no time");
    let (key, nearest) = (took("key_us")?, took("nearest_us")?);
    let times = |of: Duration| table::ratio(engine.engine.as_micros(), of.as_micros());
    Ok(format!(
        "pandas in the same run, {} rows on each side in memory, one core: {} ms for a join on a number, {} ms for the row of \
         equal amount that is nearest in time. The engine takes {} and {} times as long; the goal, for a million on one core, is 11.53 and 5.76.\n",
        engine.orders,
        table::millis(key),
        table::millis(nearest),
        times(key),
        times(nearest),
    ))
}

fn row(this: &Measured, before: Option<&Measured>) -> Vec<String> {
    let none = || "–".to_owned();
    let engine_us = this.engine.as_micros();
    let growth = before.map(|before| {
        let records = |size: &Measured| size.records as u128;
        table::ratio(engine_us * records(before), before.engine.as_micros() * records(this))
    });
    vec![
        this.orders.to_string(),
        this.records.to_string(),
        table::millis(this.engine),
        (this.records as u128 * 1_000_000).checked_div(engine_us).map_or_else(none, |rate| rate.to_string()),
        growth.unwrap_or_else(none),
        table::millis(this.join),
        table::ratio(engine_us, this.join.as_micros()),
        this.first_hit.map_or_else(none, table::millis),
        this.first_hit.map_or_else(none, |loop_time| table::ratio(loop_time.as_micros(), engine_us)),
        table::ratio(this.coverage_bp as u128, 100),
        this.wrong.to_string(),
        this.wrong_first_hits.map_or_else(none, |wrong| wrong.to_string()),
        table::mebibytes(this.records_kib),
        table::mebibytes(this.peak_kib),
    ]
}

fn measure(orders: u32, runs: usize) -> Result<Measured, Box<dyn Error>> {
    let rules = RuleSet::default();
    let (mut records, mut true_pairs) = (0, 0);
    let (mut engine, mut join, mut first_hit) = (Vec::new(), Vec::new(), Vec::new());
    let (mut judged, mut wrong_first_hits, mut records_kib) = (None, None, None);
    for _ in 0..runs {
        // Made anew each time: a copy kept for the next run would count as memory of this one.
        let Month { input, true_pairs: pairs } = month(orders);
        records_kib = records_kib.or_else(|| table::memory_kib("self", "VmRSS"));
        (records, true_pairs) = (input.source.len() + input.target.len(), pairs);
        join.push(timed(|| baselines::key_join(&input)).0);
        if orders <= LARGEST_LOOP {
            let (time, pairs) = timed(|| baselines::first_hit(&input));
            first_hit.push(time);
            wrong_first_hits = Some(pairs.iter().filter(|(source, target)| number(source) != number(target)).count());
        }
        let (time, reconciled) = timed(|| decide(&input, &rules));
        engine.push(time);
        judged = Some(judge(&reconciled?));
    }
    let (right, wrong) = judged.ok_or("no run")?;
    Ok(Measured {
        orders,
        records,
        engine: table::median(&mut engine).ok_or("no run")?,
        join: table::median(&mut join).ok_or("no run")?,
        first_hit: table::median(&mut first_hit),
        coverage_bp: right * 10_000 / true_pairs.max(1),
        wrong,
        wrong_first_hits,
        records_kib,
        peak_kib: table::memory_kib("self", "VmHWM"),
    })
}

/// The result is dropped outside of the measured time and cannot be optimised away.
fn timed<T>(work: impl FnOnce() -> T) -> (Duration, T) {
    let started = Instant::now();
    let result = black_box(work());
    (started.elapsed(), result)
}

/// Automatically matched pairs that are right and that are wrong. Records that belong together carry the same number; a
/// set or group is right when its sides carry the same numbers.
fn judge(reconciled: &Reconciled<'_>) -> (usize, usize) {
    fn numbers<'a>(ids: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
        let mut numbers: Vec<&str> = ids.map(number).collect();
        numbers.sort_unstable();
        numbers
    }
    let is_right = |found: &MatchRef<'_>| numbers(found.source_ids()) == numbers(found.target_ids());
    let (right, wrong): (Vec<MatchRef<'_>>, Vec<MatchRef<'_>>) = reconciled.matches().partition(is_right);
    let pairs = |of: &[MatchRef<'_>]| of.iter().map(|found| found.source_ids().count()).sum();
    (pairs(&right), pairs(&wrong))
}
