//! `settler match` on CSV files of a million rows on each side, and beside it what data people write in its place: a
//! join on the reference in pandas and in DuckDB, and a join by amount and day in DuckDB, over the same files in the
//! same run, from reading the files to writing a result.
//!
//! `cargo bench --bench offline_match -- [rows=N] [python=PATH]`; without the Python of `make bench` only Settler is
//! measured, and the report says so.

mod files;
#[expect(dead_code, reason = "every bench uses a part of it")]
#[path = "../table/mod.rs"]
mod table;

use serde_json::Value;
use std::{
    collections::BTreeMap,
    error::Error,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
    time::{Duration, Instant},
};

type Fallible<T> = Result<T, Box<dyn Error>>;

const ROWS: u32 = 1_000_000;
const RUNS: usize = 3;

fn main() -> ExitCode {
    match run() {
        Ok(0) => ExitCode::SUCCESS,
        Ok(wrong) => {
            eprintln!("settler match joined {wrong} rows that do not belong together");
            ExitCode::FAILURE
        }
        Err(cause) => {
            eprintln!("offline matching was not measured: {cause}");
            ExitCode::FAILURE
        }
    }
}

/// One way to do it, measured.
struct Measured {
    what: String,
    took: Duration,
    peak_kib: Option<u128>,
    pairs: usize,
    wrong: usize,
}

/// Wrong automatic matches of Settler.
fn run() -> Fallible<usize> {
    let options: BTreeMap<String, String> =
        std::env::args().filter_map(|text| text.split_once('=').map(|(k, v)| (k.to_owned(), v.to_owned()))).collect();
    let rows = options.get("rows").map(|text| text.parse()).transpose()?.unwrap_or(ROWS);
    let folder = std::env::temp_dir().join(format!("settler-offline-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let outcome = measure(&folder, rows, options.get("python").map(PathBuf::from).as_deref());
    std::fs::remove_dir_all(&folder)?;
    let (true_pairs, measured, note) = outcome?;
    println!("## settler match: {rows} × {rows} rows of CSV");
    println!(
        "From two files to written results, whole processes, the best of {RUNS} runs. {true_pairs} pairs are true."
    );
    println!("A join decides nothing: it has no reasons, no exceptions, and uses a row as often as it fits.\n");
    let lines: Vec<Vec<String>> = measured
        .iter()
        .map(|one| {
            vec![
                one.what.clone(),
                table::millis(one.took),
                table::mebibytes(one.peak_kib),
                one.pairs.to_string(),
                one.wrong.to_string(),
                table::ratio((one.pairs - one.wrong) as u128 * 100, true_pairs as u128),
            ]
        })
        .collect();
    println!("{}{note}", table::markdown(&["what", "ms", "peak MiB", "pairs", "wrong", "found %"], &lines));
    Ok(measured.iter().filter(|one| one.what.starts_with("settler")).map(|one| one.wrong).sum())
}

type Report = (usize, Vec<Measured>, &'static str);

fn measure(folder: &Path, rows: u32, python: Option<&Path>) -> Fallible<Report> {
    let (source, target) = (folder.join("source.csv"), folder.join("target.csv"));
    let true_pairs = files::write(&source, &target, rows)?;
    let mut measured = Vec::new();
    for profile in ["shop", "ledger"] {
        measured.push(settler(folder, &source, &target, profile)?);
    }
    let Some(python) = python.filter(|python| python.exists()) else {
        return Ok((true_pairs, measured, "\npandas and DuckDB were not measured: their Python is not there."));
    };
    for how in ["pandas-key", "duckdb-key", "duckdb-range"] {
        measured.push(join(python, how, &source, &target, &folder.join("join.csv"))?);
    }
    Ok((true_pairs, measured, ""))
}

fn settler(folder: &Path, source: &Path, target: &Path, profile: &str) -> Fallible<Measured> {
    let own = std::env::current_exe()?;
    let binary = own.parent().and_then(Path::parent).ok_or("this bench lies in no folder")?.join("settler");
    let out = folder.join(profile);
    let mut best: Option<(Duration, Option<u128>)> = None;
    for _ in 0..RUNS {
        let begun = Instant::now();
        let output = Command::new(&binary)
            .args(["match", "--profile", profile, "--source"])
            .arg(source)
            .arg("--target")
            .arg(target)
            .arg("--output-dir")
            .arg(&out)
            .output()?;
        let took = begun.elapsed();
        if !output.status.success() {
            return Err(format!("settler match failed: {}", String::from_utf8_lossy(&output.stderr)).into());
        }
        let memory = memory_of(&String::from_utf8(output.stdout)?);
        if best.is_none_or(|(before, _)| took < before) {
            best = Some((took, memory));
        }
    }
    let (took, peak_kib) = best.ok_or("no run")?;
    let (pairs, wrong) = judge(&out.join("matches.csv"), true)?;
    Ok(Measured { what: format!("settler match --profile {profile}"), took, peak_kib, pairs, wrong })
}

/// `…, 612 MiB at most`, as the command line tells it.
fn memory_of(shown: &str) -> Option<u128> {
    let (before, _) = shown.split_once(" MiB at most")?;
    let digits: String = before.rsplit(' ').next()?.chars().filter(char::is_ascii_digit).collect();
    digits.parse::<u128>().ok().map(|mebibytes| mebibytes * 1_024)
}

fn join(python: &Path, how: &str, source: &Path, target: &Path, out: &Path) -> Fallible<Measured> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../infra/bench/join.py");
    let mut best: Option<(Duration, Option<u128>)> = None;
    for _ in 0..RUNS {
        let begun = Instant::now();
        let output = Command::new(python).arg(&script).arg(how).args([source, target, out]).output()?;
        let took = begun.elapsed();
        if !output.status.success() {
            return Err(format!("{how} failed: {}", String::from_utf8_lossy(&output.stderr)).into());
        }
        let told: Value = serde_json::from_slice(&output.stdout)?;
        let peak = told.get("peak_kib").and_then(Value::as_u64).map(u128::from);
        if best.is_none_or(|(before, _)| took < before) {
            best = Some((took, peak));
        }
    }
    let (took, peak_kib) = best.ok_or("no run")?;
    let (pairs, wrong) = judge(out, false)?;
    let what = match how {
        "pandas-key" => "pandas: join on the reference",
        "duckdb-key" => "DuckDB: join on the reference",
        _ => "DuckDB: join on amount within 3 days",
    };
    Ok(Measured { what: what.to_owned(), took, peak_kib, pairs, wrong })
}

/// Pairs and wrong ones: ids that belong together end with the same number.
fn judge(path: &Path, matched_only: bool) -> Fallible<(usize, usize)> {
    let mut reader = csv::Reader::from_path(path)?;
    let header = reader.headers()?.clone();
    let at = |name: &str| header.iter().position(|column| column == name);
    let (source, target) = (at("source_id").ok_or("no source_id")?, at("target_id").ok_or("no target_id")?);
    let status = at("status").filter(|_| matched_only);
    let (mut pairs, mut wrong) = (0, 0);
    let mut row = csv::StringRecord::new();
    while reader.read_record(&mut row)? {
        let cell = |at: usize| row.get(at).unwrap_or_default();
        if status.is_some_and(|at| cell(at) != "matched") {
            continue;
        }
        pairs += 1;
        wrong += usize::from(number(cell(source)) != number(cell(target)));
    }
    Ok((pairs, wrong))
}

fn number(id: &str) -> &str {
    id.rsplit('_').next().unwrap_or(id)
}
