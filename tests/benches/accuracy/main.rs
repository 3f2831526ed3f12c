//! How right the engine is, against data whose truth is known: every preset of the sandbox, read by the real adapters,
//! and two-sided bank data if a path to it is given. Prints the report that `make bench` keeps in `docs/ACCURACY.md`.
//!
//! `cargo bench --bench accuracy -- [orders=N] [seed=N] [preset=NAME] [bank-pairs=PATH]`; the path may also stand in
//! `SETTLER_BANK_PAIRS`. What is wrong is told on stderr with seed and preset, so that it can be looked at.
//!
//! Ends with 1 when a shop of the presets `clean` or `typical` has a wrong automatic match, when the order of the records
//! changes a result, when exchanging the sides does not mirror it, or when a result does not add up.

mod bank;
mod figures;
mod mirror;
mod rules;
mod sandbox;
#[expect(dead_code, reason = "every bench uses a part of it")]
#[path = "../table/mod.rs"]
mod table;
mod truth;

use figures::{Figures, percent};
use matching::{Outcome, RuleSet, RunInput, reconcile};
use rules::ByRule;
use settler_tests::sandbox::generate::presets::PRESETS;
use std::{collections::BTreeMap, error::Error, process::ExitCode, time::Instant};
use truth::{Found, Truth};

type Fallible<T> = Result<T, Box<dyn Error>>;

/// Orders of the presets for which no wrong match is allowed, and of the others.
const MANY_ORDERS: u32 = 100_000;
const SOME_ORDERS: u32 = 20_000;
const STRICT: [&str; 2] = ["clean", "typical"];
/// Wrong things that are told in words.
const TOLD: usize = 12;

struct Options(BTreeMap<String, String>);

impl Options {
    fn read() -> Self {
        Self(
            std::env::args()
                .filter_map(|text| text.split_once('=').map(|(k, v)| (k.to_owned(), v.to_owned())))
                .collect(),
        )
    }

    fn number(&self, name: &str) -> Fallible<Option<u32>> {
        Ok(self.0.get(name).map(|text| text.parse()).transpose()?)
    }
}

fn main() -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build() {
        Ok(runtime) => runtime,
        Err(cause) => {
            eprintln!("accuracy was not measured: {cause}");
            return ExitCode::FAILURE;
        }
    };
    match runtime.block_on(run(&Options::read())) {
        Ok(broken) if broken.is_empty() => ExitCode::SUCCESS,
        Ok(broken) => {
            eprintln!("{}", broken.join("\n"));
            ExitCode::FAILURE
        }
        Err(cause) => {
            eprintln!("accuracy was not measured: {cause}");
            ExitCode::FAILURE
        }
    }
}

/// What must never be, in words.
async fn run(options: &Options) -> Fallible<Vec<String>> {
    let seed = options.number("seed")?.unwrap_or(1);
    let only = options.0.get("preset");
    let sandbox = sandbox::Running::start().await?;
    let mut broken = Vec::new();
    let mut rows = Vec::new();
    let mut by_rule = ByRule::default();
    for preset in PRESETS.iter().map(|preset| preset.name).filter(|name| only.is_none_or(|only| only == name)) {
        let usual = if STRICT.contains(&preset) { MANY_ORDERS } else { SOME_ORDERS };
        let orders = options.number("orders")?.unwrap_or(usual);
        let (input, truth) = sandbox.month(preset, orders, seed).await?;
        let (figures, mut faults) = measure(&input, &truth, (preset, seed), &mut by_rule)?;
        if STRICT.contains(&preset) && figures.wrong > 0 {
            faults.push(format!("{preset}, seed {seed}: {} wrong automatic matches", figures.wrong));
        }
        broken.extend(faults);
        rows.push(figures.row(preset, orders));
    }
    println!("## Generated shops\n");
    println!(
        "Seed {seed}, January, default rules of the profile `shop`, read through the real adapters from the sandbox.\n"
    );
    println!("{}", table::markdown(&figures::HEADER, &rows));
    println!("{}", figures::LEGEND);
    println!("\n## Rules of all these shops together\n");
    println!(
        "How sure a rule says that it is, and how often it was right; first those that are furthest off for what they decide.\n"
    );
    println!("{}", by_rule.table());
    match options.0.get("bank-pairs").cloned().or_else(|| std::env::var("SETTLER_BANK_PAIRS").ok()) {
        Some(path) => println!("{}", bank::report(path.as_ref())?),
        None => println!(
            "\n## Bank data\n\nNot measured: no path was given (`make bench BANK_PAIRS=<folder>` with origin.csv, \
             destination.csv and truth.csv)."
        ),
    }
    Ok(broken)
}

fn result(input: &RunInput, rules: &RuleSet) -> Fallible<Outcome> {
    reconcile(input, rules).map_err(|broken| broken.to_string().into())
}

fn measure(
    input: &RunInput,
    truth: &Truth,
    (preset, seed): (&str, u32),
    by_rule: &mut ByRule,
) -> Fallible<(Figures, Vec<String>)> {
    let begun = Instant::now();
    let rules = RuleSet::default();
    let outcome = result(input, &rules)?;
    eprintln!(
        "{preset}: {} + {} records, engine {} ms",
        input.source.len(),
        input.target.len(),
        begun.elapsed().as_millis()
    );
    let found: Vec<Found> = Found::of(&outcome);
    by_rule.count(&found, truth);
    let (figures, examples) = figures::judge(&found, &outcome.exceptions, truth);
    for example in examples.iter().take(TOLD) {
        eprintln!("  {preset}, seed {seed}: {example}");
    }
    let mut faults = Vec::new();
    if serde_json::to_string(&result(&mirror::shuffled(input, u64::from(seed)), &rules)?)?
        != serde_json::to_string(&outcome)?
    {
        faults.push(format!("{preset}, seed {seed}: the order of the records changes the result"));
    }
    let mirrored = mirror::differences(&outcome, &result(&mirror::swapped(input), &rules.mirrored())?);
    if !mirrored.is_empty() {
        faults.push(format!(
            "{preset}, seed {seed}: {} matches differ when sides and rules are mirrored",
            mirrored.len()
        ));
        mirrored.iter().take(TOLD).for_each(|one| eprintln!("  {preset}, seed {seed}: {one}"));
    }
    eprintln!("  {preset}: coverage {} %", percent(figures.covered, truth.edges));
    Ok((figures, faults))
}
