//! How long each function takes from the start of its process to its first poll for an event: what a cold start costs
//! beyond what the platform does by itself. Nothing answers but the runtime API, so a function that calls anything
//! else before it polls is found out here.
//!
//! Ends with 1 when a function's median is above the limit or a function never polls.

mod runtime_api;
#[path = "../table/mod.rs"]
mod table;
mod template;

use runtime_api::{Start, start};
use std::{
    error::Error,
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

/// Design goal of the start of any function.
const LIMIT: Duration = Duration::from_millis(10);
/// Odd, so that a median is one of them. A round starts every function once: a busy moment of the machine then falls on
/// all of them instead of on one.
const ROUNDS: usize = 21;

struct Function {
    name: String,
    binary: PathBuf,
    settings: Vec<(String, String)>,
    starts: Vec<Start>,
}

fn main() -> ExitCode {
    match run() {
        Ok(slow) if slow.is_empty() => ExitCode::SUCCESS,
        Ok(slow) => {
            eprintln!("slower than {} ms: {}", LIMIT.as_millis(), slow.join(", "));
            ExitCode::FAILURE
        }
        Err(cause) => {
            eprintln!("function start was not measured: {cause}");
            ExitCode::FAILURE
        }
    }
}

/// Names of the functions that are too slow.
fn run() -> Result<Vec<String>, Box<dyn Error>> {
    let mut functions = functions()?;
    // The first round fills the page cache, which would otherwise be measured once and by chance.
    for round in 0..=ROUNDS {
        for function in &mut functions {
            let started = start(&function.binary, &function.name, &function.settings)
                .map_err(|cause| format!("{}: {cause}", function.name))?;
            if round > 0 {
                function.starts.push(started);
            }
        }
    }
    let (rows, slow) = report(&mut functions);
    println!("## Function start: process start to first poll of the runtime API");
    println!(
        "{ROUNDS} starts each, in turn, after one that is not counted. Limit: a median of {} ms.\n",
        LIMIT.as_millis()
    );
    let header = ["function", "min ms", "median ms", "max ms", "memory MiB", "binary MiB"];
    println!("{}", table::markdown(&header, &rows));
    Ok(slow)
}

fn report(functions: &mut [Function]) -> (Vec<Vec<String>>, Vec<String>) {
    let (mut rows, mut slow) = (Vec::new(), Vec::new());
    for function in functions {
        let mut times: Vec<Duration> = function.starts.iter().map(|start| start.took).collect();
        let median = table::median(&mut times).unwrap_or(Duration::MAX);
        if median > LIMIT {
            slow.push(function.name.clone());
        }
        let shown = |time: Option<&Duration>| time.map_or_else(|| "–".to_owned(), |time| table::millis(*time));
        let size = fs::metadata(&function.binary).ok().map(|meta| u128::from(meta.len() / 1_024));
        rows.push(vec![
            function.name.clone(),
            shown(times.first()),
            table::millis(median),
            shown(times.last()),
            table::mebibytes(function.starts.iter().filter_map(|start| start.resident_kib).max()),
            table::mebibytes(size),
        ]);
    }
    (rows, slow)
}

/// Every function of the workspace, its binary beside this bench's, and its settings out of the template.
fn functions() -> Result<Vec<Function>, Box<dyn Error>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let template = fs::read_to_string(root.join("template.yaml"))?;
    let own = std::env::current_exe()?;
    let built = own.parent().and_then(Path::parent).ok_or("this bench lies in no target folder")?;
    let mut names: Vec<String> = Vec::new();
    for entry in fs::read_dir(root.join("functions"))? {
        names.push(entry?.file_name().to_string_lossy().into_owned());
    }
    names.sort_unstable();
    let missing: Vec<&str> = names.iter().filter(|name| !built.join(name).is_file()).map(String::as_str).collect();
    if !missing.is_empty() {
        let list = missing.join(", ");
        return Err(format!("{} lacks {list}; `make bench` builds them first", built.display()).into());
    }
    let function = |name: String| {
        let settings = template::settings(&template, &name);
        if settings.is_empty() {
            return Err(format!("template.yaml gives {name} no settings").into());
        }
        Ok(Function { binary: built.join(&name), settings, name, starts: Vec::new() })
    };
    names.into_iter().map(function).collect()
}
