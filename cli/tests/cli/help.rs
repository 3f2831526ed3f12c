//! Help texts are a contract that is diffed.

use crate::fake::{settler, words};
use std::fmt::Write;

const COMMANDS: &[&str] = &[
    "",
    "connection",
    "connection put",
    "connection show",
    "job",
    "job create",
    "job list",
    "job show",
    "job update",
    "job delete",
    "webhook",
    "webhook deliveries",
    "webhook replay",
    "webhook rotate",
    "reconciliation",
    "reconciliation start",
    "reconciliation list",
    "reconciliation show",
    "reconciliation matches",
    "reconciliation suggestions",
    "reconciliation unmatched",
    "reconciliation excluded",
    "reconciliation orders",
    "reconciliation match",
    "reconciliation break",
    "reconciliation review",
    "reconciliation report",
    "suggestion",
    "suggestion confirm",
    "suggestion reject",
    "saga",
    "saga status",
    "saga list",
    "events",
    "events list",
    "events verify",
    "events rebuild-heads",
    "usage",
    "error-hotspots",
    "projections",
    "projections status",
    "projections rebuild",
    "projections unpark",
    "dlq",
    "dlq list",
    "dlq show",
    "dlq resolve",
    "dlq redrive",
    "breaker",
    "breaker list",
    "breaker open",
    "breaker close",
    "breaker auto",
    "key",
    "key create",
    "key list",
    "key revoke",
    "doctor",
    "upload",
    "match",
    "rules",
    "rules check",
    "completions",
];

#[test]
fn every_help_text_is_as_committed() {
    let mut all = String::new();
    for command in COMMANDS {
        let run = settler(&words(&format!("{command} --help")), &[], "");
        assert_eq!(run.code, 0, "{run:?}");
        // What stands under every command is shown once.
        let own = if command.is_empty() { run.stdout.clone() } else { without_globals(&run.stdout) };
        writeln!(all, "$ settler {command} --help\n{own}").unwrap();
    }
    insta::assert_snapshot!(all);
}

fn without_globals(help: &str) -> String {
    let mut inside = false;
    let keep = |line: &&str| {
        inside = line.starts_with("Global options:") || (inside && line.starts_with(' '));
        !inside
    };
    help.lines().filter(keep).collect::<Vec<_>>().join("\n")
}

#[test]
fn examples_in_help_texts_can_be_typed() {
    for command in COMMANDS {
        let help = settler(&words(&format!("{command} --help")), &[], "").stdout.replace("\\\n", " ");
        let examples = help.lines().filter_map(|line| {
            line.strip_prefix("  settler ").or_else(|| line.split_once("| settler ").map(|(_, rest)| rest))
        });
        for example in
            examples.filter(|line| !["completions", "match", "rules"].iter().any(|own| line.starts_with(own)))
        {
            let typed = example.split(" || ").next().unwrap().split("  (").next().unwrap().replace('"', "'");
            let run = settler(&words(&typed), &[], "");
            // The doctor says it where it says everything else.
            let said = if typed.starts_with("doctor") { &run.stdout } else { &run.stderr };
            assert!(said.contains("not configured yet"), "`{typed}`: {run:?}");
        }
    }
}

#[test]
fn completions_know_the_commands() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let run = settler(&words(&format!("completions {shell}")), &[], "");
        assert_eq!(run.code, 0, "{run:?}");
        assert!(run.stdout.contains("suggestions"), "{shell}");
    }
}
