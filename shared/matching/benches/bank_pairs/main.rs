//! How right the profile `ledger` is on two-sided bank data with known truth, and how that holds up when the data become
//! denser, sparser or noisier than those the weights come from.
//!
//! `cargo bench -p matching --bench bank_pairs -- <folder> [--variants]`; the folder holds `origin.csv`,
//! `destination.csv` (`id,date,amount,currency,memo`) and `truth.csv` (`origin_id,destination_id`). Prints Markdown.
//! Without a folder there is nothing to measure, and it says so.

mod data;
mod measure;
mod variants;

use data::Data;
use matching::{Profile, RuleSet, reconcile};
use measure::Measured;
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

fn run(folder: &std::path::Path, with_variants: bool) -> Result<(), Box<dyn Error>> {
    let data = Data::read(folder)?;
    let mut variants = vec![("as it is".to_owned(), data.clone())];
    if with_variants {
        variants.extend(variants::of(&data));
    }
    println!("{}", Measured::HEADER);
    for (name, data) in variants {
        println!("{}", measured(&name, &data)?);
    }
    Ok(())
}

fn measured(name: &str, data: &Data) -> Result<String, Box<dyn Error>> {
    let rules = RuleSet::of(Profile::Ledger);
    let input = data.input()?;
    let start = Instant::now();
    let outcome = reconcile(input, &rules)?;
    let seconds = start.elapsed();
    Ok(Measured::of(data, &outcome).row(name, seconds))
}
