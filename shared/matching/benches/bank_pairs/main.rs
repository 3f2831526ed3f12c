//! How right the profile `ledger` is on two-sided bank data with known truth, and how that holds up when the data become
//! denser, sparser or noisier than those the weights come from.
//!
//! `cargo bench -p matching --bench bank_pairs -- <folder> [--variants]`; the folder holds `origin.csv`,
//! `destination.csv` (`id,date,amount,currency,memo`) and `truth.csv` (`origin_id,destination_id`). Prints Markdown.
//! Without a folder there is nothing to measure, and it says so.

mod data;
mod variants;

use data::Data;
use matching::{Profile, RuleSet, accuracy, learn, reconcile};
use std::{error::Error, path::PathBuf, process::ExitCode, time::Instant};

fn main() -> ExitCode {
    // `cargo bench` passes `--bench` to every target.
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let folder = arguments.iter().find(|argument| !argument.starts_with("--"));
    let Some(folder) = folder else {
        println!("Bank pairs: no folder was given, nothing was measured.");
        return ExitCode::SUCCESS;
    };
    match run(&PathBuf::from(folder), arguments.iter().any(|argument| argument == "--variants")) {
        Ok(()) => ExitCode::SUCCESS,
        Err(cause) => {
            eprintln!("bank pairs were not measured: {cause}");
            ExitCode::FAILURE
        }
    }
}

const HEADER: &str = "\
| data | pairs | precision | recall | F1 | automatic precision | wrong | coverage | suggestions right | calibration error | time |
|---|---|---|---|---|---|---|---|---|---|---|";

fn run(folder: &std::path::Path, with_variants: bool) -> Result<(), Box<dyn Error>> {
    let data = Data::read(folder)?;
    let rules = RuleSet::of(Profile::Ledger);
    println!("{HEADER}");
    println!("{}", measured("as it is", &data, &rules)?);
    if !with_variants {
        return Ok(());
    }
    for (name, data) in variants::of(&data) {
        println!("{}", measured(&name, &data, &rules)?);
    }
    // Cross-validation: what one half teaches, with labels and without, is measured on the other.
    let (first, second) = variants::halves(&data);
    for (name, teacher, pupil) in
        [("learnt from the other half", &second, &first), ("the other way round", &first, &second)]
    {
        for (how, labels) in [("with labels", Some(teacher.labels())), ("without labels", None)] {
            let learnt = learn(&teacher.input()?, &rules, labels.as_deref())?;
            println!("{}", measured(&format!("{name}, {how}"), pupil, &learnt.rules)?);
        }
    }
    Ok(())
}

fn measured(name: &str, data: &Data, rules: &RuleSet) -> Result<String, Box<dyn Error>> {
    let input = data.input()?;
    let start = Instant::now();
    let outcome = reconcile(&input, rules)?;
    let time = start.elapsed();
    let found = accuracy(&outcome, &data.labels());
    let share = |share: u32| format!("{}.{:05}", share / 100_000, share % 100_000);
    Ok(format!(
        "| {name} | {} | {} | {} | {} | {} | {} | {} | {} | {} | {} ms |",
        found.known,
        share(found.precision),
        share(found.recall),
        share(found.f1),
        share(found.automatic_precision),
        found.automatic_wrong,
        share(found.coverage),
        share(found.suggestions_right),
        share(found.calibration_error),
        time.as_millis(),
    ))
}
