//! `settler match` and `settler rules`: real files, no service.

use crate::fake::{Run, settler, words};
use std::{collections::BTreeMap, fs, path::Path};

const SOLD: [&str; 6] = [
    "s1,2026-01-03T10:00:00Z,12.30,EUR,r8aaaaaaaaaaaaaaaaaaaaaa",
    "s2,2026-01-04T10:00:00Z,7.00,EUR,r8bbbbbbbbbbbbbbbbbbbbbb",
    "s3,2026-01-05T10:00:00Z,99.00,EUR,r8cccccccccccccccccccccc",
    "s4,2026-01-06T10:00:00Z,1000,JPY,r8dddddddddddddddddddddd",
    "s5,2026-01-07T10:00:00Z,50.00,EUR,",
    "s6,2026-01-07T11:00:00Z,0.00,EUR,",
];
const PAID: [&str; 4] = [
    "t4,2026-01-06T10:00:05Z,1000,JPY,r8dddddddddddddddddddddd",
    "t2,2026-01-04T10:00:05Z,7.00,EUR,r8bbbbbbbbbbbbbbbbbbbbbb",
    "t1,2026-01-03T10:00:05Z,12.30,EUR,r8aaaaaaaaaaaaaaaaaaaaaa",
    "t9,2026-01-20T10:00:00Z,3.33,EUR,",
];

fn file(folder: &Path, name: &str, rows: &[&str]) -> String {
    let path = folder.join(name);
    fs::write(&path, format!("id,date,amount,currency,reference\n{}\n", rows.join("\n"))).unwrap();
    path.display().to_string()
}

struct World {
    folder: tempfile::TempDir,
}

impl World {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn run(&self, sold: &[&str], paid: &[&str], more: &str) -> Run {
        let (source, target) = (file(self.folder.path(), "sold.csv", sold), file(self.folder.path(), "paid.csv", paid));
        let out = self.folder.path().join("out");
        let line =
            format!("match --source {source} --target {target} --output-dir {} --profile shop {more}", out.display());
        settler(&words(&line), &[], "")
    }

    /// Every file of the result.
    fn result(&self) -> BTreeMap<String, String> {
        let files = fs::read_dir(self.folder.path().join("out")).unwrap().map(Result::unwrap);
        files.map(|file| (file.file_name().into_string().unwrap(), fs::read_to_string(file.path()).unwrap())).collect()
    }
}

#[test]
fn two_files_become_matches_exceptions_and_a_summary() {
    let world = World::new();
    let run = world.run(&SOLD, &PAID, "");
    assert_eq!(run.code, 0, "{run:?}");
    let result = world.result();
    assert_eq!(result.keys().collect::<Vec<_>>(), ["excluded.csv", "matches.csv", "summary.json", "unmatched.csv"]);
    let mut lines = result["matches.csv"].lines();
    assert_eq!(lines.next(), Some("match_id,kind,source_id,target_id,status,confidence,rule,margin"));
    let pairs: Vec<Vec<&str>> = lines.map(|line| line.split(',').skip(1).take(4).collect()).collect();
    assert_eq!(
        pairs,
        [["pair", "s1", "t1", "matched"], ["pair", "s2", "t2", "matched"], ["pair", "s4", "t4", "matched"]]
    );
    let open = &result["unmatched.csv"];
    assert!(open.starts_with("side,id,reason,best_candidate,why_not\nsource,s3,missing_target,"), "{open}");
    assert!(open.contains("\nsource,s5,") && open.contains("\ntarget,t9,"), "{open}");
    assert_eq!(result["excluded.csv"], "side,id,amount,currency,reason\nsource,s6,0.00,EUR,zero_amount\n");
    let summary: serde_json::Value = serde_json::from_str(&result["summary.json"]).unwrap();
    assert_eq!((&summary["total_source_records"], &summary["matched_count"]), (&5.into(), &3.into()));
    assert_eq!(summary["accuracy_percentage"].to_string(), "66.66");
    for told in ["Accuracy 66.66 %", "Look at these first: 3 of 3 open", "10 records in"] {
        assert!(run.stdout.contains(told), "{told}: {}", run.stdout);
    }
    assert!(
        run.stderr.contains("sold.csv: comma-separated, decimal point, dates year-month-day, 6 rows"),
        "{}",
        run.stderr
    );
}

#[test]
fn the_order_of_rows_changes_no_byte() {
    let (one, two) = (World::new(), World::new());
    assert_eq!(one.run(&SOLD, &PAID, "").code, 0);
    let turned = |rows: &[&'static str]| rows.iter().rev().copied().collect::<Vec<_>>();
    assert_eq!(two.run(&turned(&SOLD), &turned(&PAID), "").code, 0);
    assert_eq!(one.result(), two.result());
    // The same folder again: the same files again.
    assert_eq!(two.run(&SOLD, &PAID, "").code, 0);
    assert_eq!(one.result(), two.result());
}

#[test]
fn what_a_person_should_confirm_stands_behind_the_matches() {
    let world = World::new();
    // Nothing but the amount speaks for it.
    let paid = [PAID[2], "t5,2026-01-07T15:00:00Z,50.00,EUR,"];
    assert_eq!(world.run(&[SOLD[4], SOLD[0]], &paid, "").code, 0);
    let result = world.result();
    let lines: Vec<Vec<&str>> =
        result["matches.csv"].lines().skip(1).map(|line| line.split(',').skip(1).collect()).collect();
    assert_eq!(
        lines,
        [
            ["pair", "s1", "t1", "matched", "0.9980", "weak_reference@1", ""],
            ["pair", "s5", "t5", "suggested", "0.9700", "suggest_amount@1", ""]
        ]
    );
}

/// More than are written out at once: three pages, of which the last is not full.
#[test]
fn tens_of_thousands_of_matches_are_all_written_in_order() {
    const ROWS: u32 = 40_000;
    let row = |side: &str, at: u32| {
        let minute = format!("2026-01-{:02}T{:02}:{:02}:00Z", 1 + at / 1_440, at / 60 % 24, at % 60);
        format!("{side}{at},{minute},{}.00,EUR,r8{at:022}", 1 + at % 7)
    };
    let sold: Vec<String> = (0..ROWS).map(|at| row("s", at)).collect();
    // In an order of their own.
    let paid: Vec<String> = (0..ROWS).map(|at| row("t", at * 7_919 % ROWS)).collect();
    let world = World::new();
    let texts = |rows: &[String]| rows.iter().map(String::as_str).collect::<Vec<_>>().join("\n");
    let run = world.run(&[&texts(&sold)], &[&texts(&paid)], "--fail-on-differences");
    assert_eq!(run.code, 0, "{run:?}");
    let written = &world.result()["matches.csv"];
    let pairs: Vec<String> = written.lines().skip(1).map(|line| line.split(',').skip(2).take(2).collect()).collect();
    let expected: Vec<String> = (0..ROWS).map(|at| format!("s{at}t{at}")).collect();
    assert_eq!(pairs.len(), expected.len());
    assert!(pairs == expected, "a pair is lost, doubled or out of order");
}

#[test]
fn differences_change_the_exit_code_only_where_asked() {
    let world = World::new();
    let run = world.run(&SOLD, &PAID, "--fail-on-differences");
    assert_eq!(run.code, 8, "{run:?}");
    assert!(run.stderr.contains("not everything adds up") && run.stdout.contains("Accuracy"), "{run:?}");
    assert!(world.result().contains_key("matches.csv"));
    let equal = world.run(&SOLD[..2], &PAID[1..3], "--fail-on-differences");
    assert_eq!(equal.code, 0, "{equal:?}");
    assert!(!world.result().contains_key("excluded.csv"), "left from the run before");
}

#[test]
fn bad_rows_are_named_listed_and_stop_a_strict_run() {
    let world = World::new();
    let rows = [SOLD[0], "s8,soon,1,EUR,", "s9,2026-01-01,1,ZZZ,", SOLD[0]];
    let run = world.run(&rows, &PAID, "");
    assert_eq!(run.code, 0, "{run:?}");
    assert!(run.stderr.contains("3 rows of") && run.stderr.contains("line 3, column `date`: `soon`"), "{}", run.stderr);
    let listed = &world.result()["rejected.csv"];
    let places: Vec<Vec<&str>> = listed
        .lines()
        .skip(1)
        .map(|line| {
            line.split(',').enumerate().filter(|(at, _)| [0, 2, 3, 4].contains(at)).map(|(_, cell)| cell).collect()
        })
        .collect();
    assert_eq!(
        places,
        [
            ["source", "3", "date", "not_a_date"],
            ["source", "4", "currency", "unknown_currency"],
            ["source", "5", "", "duplicate_id"]
        ]
    );
    let summary: serde_json::Value = serde_json::from_str(&world.result()["summary.json"]).unwrap();
    assert_eq!(summary["rejected_source_rows"], 3);
    let strict = World::new();
    let run = strict.run(&rows, &PAID, "--strict");
    assert_eq!(run.code, 2, "{run:?}");
    assert!(run.stderr.contains("sold.csv: line 3, column `date`") && !strict.folder.path().join("out").exists());
}

#[test]
fn what_is_wrong_with_both_files_is_said_at_once() {
    let world = World::new();
    let run = world.run(&SOLD, &PAID, "--source-map date=Tag --target-map amount=Betrag --target-map fee=Kosten");
    assert_eq!(run.code, 2, "{run:?}");
    for told in ["sold.csv: line 1, column `Tag`: is missing", "paid.csv: line 1, column `Betrag`", "column `Kosten`"] {
        assert!(run.stderr.contains(told), "{told}: {}", run.stderr);
    }
    let run = world.run(&SOLD, &PAID, "--source-map colour=red --source-map decimal");
    assert_eq!(run.code, 2, "{run:?}");
    assert!(run.stderr.contains("colour=red: is not a field") && run.stderr.contains("must be KEY=VALUE"));
    let line = "match --source /nowhere/a.csv --target /nowhere/b.csv --profile shop --output-dir /tmp/never";
    let run = settler(&words(line), &[], "");
    assert!(run.code == 2 && run.stderr.contains("a.csv") && run.stderr.contains("b.csv"), "{run:?}");
}

#[test]
fn empty_files_and_one_sided_files_are_results_with_a_warning() {
    let world = World::new();
    for (sold, paid) in [(&SOLD[..0], &PAID[..0]), (&SOLD[..], &PAID[..0]), (&SOLD[..0], &PAID[..])] {
        let run = world.run(sold, paid, "");
        assert_eq!(run.code, 0, "{run:?}");
        assert!(run.stdout.contains("Warning:"), "{}", run.stdout);
        assert_eq!(world.result()["matches.csv"].lines().count(), 1);
    }
    let huge = format!("h,2026-01-01,{}.07,EUR,", "92233720368547758");
    let run = world.run(&[&huge, "g,2026-01-01,-92233720368547758.08,EUR,"], &PAID, "");
    assert!(matches!(run.code, 0 | 1), "{run:?}");
}

#[test]
fn json_on_stdout_is_the_summary_file() {
    let world = World::new();
    let run = world.run(&SOLD, &PAID, "-o json");
    let (shown, kept): (serde_json::Value, serde_json::Value) =
        (serde_json::from_str(&run.stdout).unwrap(), serde_json::from_str(&world.result()["summary.json"]).unwrap());
    assert_eq!(shown, kept);
}

#[test]
fn rules_are_checked_with_all_errors_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let check = |text: &str, more: &str| {
        let path = folder.path().join("rules.json");
        fs::write(&path, text).unwrap();
        settler(&words(&format!("rules check {} {more}", path.display())), &[], "")
    };
    let good = check(r#"{"amount_days": 5}"#, "");
    assert!(good.code == 0 && good.stdout.contains("valid, version shop@1+"), "{good:?}");
    let bad = check(r#"{"amount_days": -1, "colour": 1, "gateways": 7}"#, "");
    assert_eq!(bad.code, 4, "{bad:?}");
    for told in ["3 fields are wrong", "/amount_days", "/colour", "/gateways"] {
        assert!(bad.stderr.contains(told), "{told}: {}", bad.stderr);
    }
    let json = check(r#"{"colour": 1}"#, "-o json");
    let body: serde_json::Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!((&body["valid"], &body["errors"][0]["pointer"]), (&false.into(), &"/colour".into()));
    assert_eq!(check("{", "").code, 2);
}

/// `learn` over thirty payments that arrive a day or two late, some with a fee.
fn learn(world: &World, labels: Option<&str>) -> Run {
    let rows = |side: &str, late: usize| -> Vec<String> {
        let row = |at: usize| {
            let fee = if late > 0 && at.is_multiple_of(5) { 7 } else { 0 };
            let cents = 1_000 + at * 137 - fee;
            let day = 1 + at % 20 + late + (at % 2) * late;
            format!("{side}{at},2026-03-{day:02},{}.{:02},EUR,customer {at}", cents / 100, cents % 100)
        };
        (0..30).map(row).collect()
    };
    let folder = world.folder.path();
    let written =
        |name: &str, rows: &[String]| file(folder, name, &rows.iter().map(String::as_str).collect::<Vec<_>>());
    let (source, target) = (written("sold.csv", &rows("s", 0)), written("paid.csv", &rows("t", 1)));
    let labels = labels.map_or_else(String::new, |text| {
        let path = folder.join("labels.csv");
        fs::write(&path, text).unwrap();
        format!("--labels {}", path.display())
    });
    let output = folder.join("learnt.json");
    let line = format!(
        "rules learn --source {source} --target {target} --source-map memo=reference --target-map memo=reference \
         --output {} {labels}",
        output.display()
    );
    settler(&words(&line), &[], "")
}

#[test]
fn a_proposal_is_learnt_judged_and_can_be_used() {
    let world = World::new();
    let labels: Vec<String> = (0..30).map(|at| format!("t{at},s{at}")).collect();
    let labels = format!("target_id,source_id\nt99,s99\n{}\n", labels.join("\n"));
    let run = learn(&world, Some(&labels));
    assert_eq!(run.code, 0, "{run:?}");
    assert!(run.stderr.contains("labels.csv: 1 row left out"), "{}", run.stderr);
    for told in ["(30 known pairs)", "automatic precision", "coverage", "wrong automatic pairs", "ledger@1+"] {
        assert!(run.stdout.contains(told), "{told}: {}", run.stdout);
    }
    let learnt = world.folder.path().join("learnt.json").display().to_string();
    let checked = settler(&words(&format!("rules check {learnt}")), &[], "");
    assert_eq!(checked.code, 0, "{checked:?}");
    let (source, target) = (world.folder.path().join("sold.csv"), world.folder.path().join("paid.csv"));
    let out = world.folder.path().join("out");
    let line = format!(
        "match --source {} --target {} --rules {learnt} --output-dir {}",
        source.display(),
        target.display(),
        out.display()
    );
    let used = settler(&words(&line), &[], "");
    assert_eq!(used.code, 0, "{used:?}");
    let summary: serde_json::Value = serde_json::from_str(&world.result()["summary.json"]).unwrap();
    assert!(run.stdout.contains(summary["rule_set_version"].as_str().unwrap()), "{summary}");
}

#[test]
fn without_labels_nothing_is_claimed() {
    let world = World::new();
    let run = learn(&world, None);
    assert_eq!(run.code, 0, "{run:?}");
    assert!(run.stdout.contains("no known pairs, ") && !run.stdout.contains("precision"), "{}", run.stdout);
}

#[test]
fn labels_that_teach_nothing_are_refused() {
    for (labels, told) in [
        ("source_id,target_id\ns900,t900\n", "labels.csv: no row names a record of the source and one of the target"),
        ("source_id\ns1\n", "labels.csv: needs two columns, `source_id` and `target_id`"),
        ("source_id,target_id\ns1,t1,x\n", "labels.csv: CSV error: record 1 (line: 2"),
    ] {
        let world = World::new();
        let run = learn(&world, Some(labels));
        assert_eq!(run.code, 2, "{run:?}");
        assert!(run.stderr.contains(told), "{told}: {}", run.stderr);
        assert!(!world.folder.path().join("learnt.json").exists());
    }
}
