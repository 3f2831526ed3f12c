//! Two-sided bank data through the real `settler match`, with its defaults.

use super::{
    Fallible,
    figures::{self, HEADER},
    table,
    truth::{Found, Truth},
};
use domain::matches::MatchKind;
use matching::{Profile, RuleSet};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    process::Command,
};

/// The command line that was built in the profile of this bench.
pub fn settler() -> Fallible<PathBuf> {
    let own = std::env::current_exe()?;
    let folder = own.parent().and_then(Path::parent).ok_or("this bench lies in no folder")?;
    let binary = folder.join("settler");
    if binary.exists() {
        Ok(binary)
    } else {
        Err(format!("{} is missing; `make bench` builds it", binary.display()).into())
    }
}

fn rows(path: &Path) -> Fallible<Vec<BTreeMap<String, String>>> {
    let mut reader = csv::Reader::from_path(path)?;
    let rows = reader.deserialize().collect::<Result<_, _>>()?;
    Ok(rows)
}

fn field<'r>(row: &'r BTreeMap<String, String>, name: &str) -> Fallible<&'r String> {
    Ok(row.get(name).ok_or_else(|| format!("no column `{name}`"))?)
}

/// Runs the command line; its output lies in `out` then.
fn run(source: &Path, target: &Path, out: &Path, rules: Option<&Path>) -> Fallible<String> {
    let mut command = Command::new(settler()?);
    command.args(["match", "--source"]).arg(source).arg("--target").arg(target).arg("--output-dir").arg(out);
    if let Some(rules) = rules {
        command.arg("--rules").arg(rules);
    }
    let output = command.output()?;
    if !output.status.success() {
        return Err(format!("settler match failed: {}", String::from_utf8_lossy(&output.stderr)).into());
    }
    let shown = String::from_utf8(output.stdout)?;
    Ok(shown.lines().find(|line| line.contains(" records in ")).unwrap_or_default().to_owned())
}

fn found(out: &Path) -> Fallible<Vec<Found>> {
    let mut by_match: BTreeMap<String, Found> = BTreeMap::new();
    for row in rows(&out.join("matches.csv"))? {
        let digits: String = field(&row, "confidence")?.chars().filter(char::is_ascii_digit).collect();
        let one = by_match.entry(field(&row, "match_id")?.clone()).or_insert(Found {
            kind: match field(&row, "kind")?.as_str() {
                "set" => MatchKind::Set,
                "group" => MatchKind::Group,
                _ => MatchKind::Pair,
            },
            sources: Vec::new(),
            targets: Vec::new(),
            automatic: field(&row, "status")? == "matched",
            confidence_bp: digits.parse()?,
            rule: field(&row, "rule")?.clone(),
            amount_minor: 1,
            currency: String::new(),
        });
        for (ids, name) in [(&mut one.sources, "source_id"), (&mut one.targets, "target_id")] {
            let id = field(&row, name)?;
            if !ids.contains(id) {
                ids.push(id.clone());
            }
        }
    }
    Ok(by_match.into_values().collect())
}

fn edges(found: &[Found], turned: bool) -> BTreeSet<(String, String, bool)> {
    let truth = Truth::default();
    let all = found.iter().flat_map(|one| one.edges(&truth).into_iter().map(|(a, b, _)| (a, b, one.automatic)));
    all.map(|(a, b, automatic)| if turned { (b, a, automatic) } else { (a, b, automatic) }).collect()
}

pub fn report(folder: &Path) -> Fallible<String> {
    let (origin, destination) = (folder.join("origin.csv"), folder.join("destination.csv"));
    let mut truth = Truth::default();
    for row in rows(&folder.join("truth.csv"))? {
        truth.add(field(&row, "origin_id")?.clone(), field(&row, "destination_id")?.clone());
    }
    let ids = |path: &Path| -> Fallible<Vec<String>> {
        rows(path)?.into_iter().map(|mut row| Ok(row.remove("id").ok_or("no id")?)).collect()
    };
    let all = ids(&origin)?.into_iter().chain(ids(&destination)?);
    truth.alone = all.filter(|id| !truth.targets_of.contains_key(id) && !truth.sources_of.contains_key(id)).collect();
    let out = std::env::temp_dir().join(format!("settler-accuracy-{}", std::process::id()));
    let took = run(&origin, &destination, &out, None)?;
    let ours = found(&out)?;
    let (mut figures, examples) = figures::judge(&ours, &[], &truth);
    let unmatched = rows(&out.join("unmatched.csv"))?;
    let open: BTreeSet<&String> = unmatched.iter().map(|row| field(row, "id")).collect::<Fallible<_>>()?;
    figures.abstained = truth.alone.iter().filter(|id| open.contains(id)).count();
    let turned = out.join("turned");
    let rules = out.join("mirrored.json");
    fs::write(&rules, serde_json::to_string(&RuleSet::of(Profile::Ledger).mirrored())?)?;
    run(&destination, &origin, &turned, Some(&rules))?;
    let mirrored = edges(&ours, false).symmetric_difference(&edges(&found(&turned)?, true)).count();
    fs::remove_dir_all(&out)?;
    for example in examples.iter().take(super::TOLD) {
        eprintln!("  bank: {example}");
    }
    Ok(format!(
        "\n## Bank data\n\n`settler match` with its default profile `ledger` on two-sided bank data with known truth; nothing \
         was set for these files. {took}. With the files swapped and the rules mirrored {mirrored} of {} pairs differ.\n\n{}\n\
         Goals: F1 ≥ 98.5 (better 99), auto precision ≥ 99.9 at coverage ≥ 90.",
        ours.len(),
        table::markdown(&HEADER, &[figures.row("bank_pairs", 0)]),
    ))
}
