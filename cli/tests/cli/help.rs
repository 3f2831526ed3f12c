//! Help texts are a contract that is diffed.

use crate::fake::{settler, words};
use std::fmt::Write;

fn help(command: &str) -> String {
    let run = settler(&words(&format!("{command} --help")), &[], "");
    assert_eq!(run.code, 0, "{run:?}");
    run.stdout
}

/// Every command that there is, found by reading the help texts from the top.
fn commands() -> Vec<String> {
    let mut all = vec![String::new()];
    let mut next = 0;
    while let Some(parent) = all.get(next).cloned() {
        next += 1;
        let text = help(&parent);
        let listed =
            text.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| line.starts_with("  "));
        // What a command says about itself may go on in further lines, deeper in.
        let names = listed.filter_map(|line| line.strip_prefix("  ").filter(|rest| !rest.starts_with(' ')));
        let names = names.filter_map(|rest| rest.split_whitespace().next()).filter(|name| *name != "help");
        all.extend(names.map(|name| format!("{parent} {name}").trim().to_owned()));
    }
    all
}

#[test]
fn every_help_text_is_as_committed() {
    let mut all = String::new();
    for command in commands() {
        let text = help(&command);
        // What stands under every command is shown once.
        let own = if command.is_empty() { text } else { without_globals(&text) };
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
    for command in commands() {
        let help = help(&command).replace("\\\n", " ");
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
