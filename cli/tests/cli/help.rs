//! Help texts are a contract that is diffed.

use crate::fake::{settler, words};
use std::{fmt::Write, fs, path::Path};

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

/// Without a configuration a command comes as far as asking for one, if what was typed is understood.
fn assert_can_be_typed(example: &str, place: &str) {
    let ends = [" || ", " > ", "  ("];
    let typed = ends.iter().fold(example, |typed, end| typed.split(end).next().unwrap()).replace('"', "'");
    let offline = ["completions", "match", "rules"].iter().any(|own| typed.starts_with(own));
    let run = settler(&words(&typed), &[], "");
    if typed.ends_with("--help") {
        assert_eq!(run.code, 0, "{place}: `{typed}`: {run:?}");
        return;
    }
    if offline {
        // They need no configuration, but files that are not here.
        assert!(!run.stderr.contains("Usage:"), "{place}: `{typed}`: {run:?}");
        return;
    }
    // The doctor says it where it says everything else.
    let said = if typed.starts_with("doctor") { &run.stdout } else { &run.stderr };
    assert!(said.contains("not configured yet"), "{place}: `{typed}`: {run:?}");
}

#[test]
fn examples_in_help_texts_can_be_typed() {
    for command in commands() {
        let help = help(&command).replace("\\\n", " ");
        let examples = help.lines().filter_map(|line| {
            line.strip_prefix("  settler ").or_else(|| line.split_once("| settler ").map(|(_, rest)| rest))
        });
        for example in examples {
            assert_can_be_typed(example, &command);
        }
    }
}

/// Commands behind a prompt, and those in sentences and tables, which may also only name one.
fn documented(text: &str, named: &[String]) -> Vec<String> {
    let text = text.replace("\\\n", " ");
    let at_prompts = text.lines().filter_map(|line| line.strip_prefix("$ settler ")).map(str::to_owned);
    let in_sentences = text.split('`').skip(1).step_by(2).filter_map(|code| code.strip_prefix("settler "));
    let typed = |code: &str| {
        if named.iter().any(|name| name == code) { format!("{code} --help") } else { code.to_owned() }
    };
    at_prompts.chain(in_sentences.map(typed)).collect()
}

#[test]
fn commands_in_the_documents_can_be_typed() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let named = commands();
    let docs = fs::read_dir(root.join("docs")).unwrap().map(|entry| entry.unwrap().path());
    let mut count = 0;
    for file in docs.chain([root.join("README.md")]) {
        for typed in documented(&fs::read_to_string(&file).unwrap(), &named) {
            assert_can_be_typed(&typed, &file.display().to_string());
            count += 1;
        }
    }
    assert!(count > 40, "only {count} commands were found");
}

#[test]
fn completions_know_the_commands() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let run = settler(&words(&format!("completions {shell}")), &[], "");
        assert_eq!(run.code, 0, "{run:?}");
        assert!(run.stdout.contains("suggestions"), "{shell}");
    }
}
