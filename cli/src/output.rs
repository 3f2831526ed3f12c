//! Data to stdout in the wanted format, messages to stderr. JSON is passed on as the API wrote it: fields keep their
//! order and numbers their digits.

use crate::exit::{CliError, Result};
use clap::ValueEnum;
use serde_json::value::RawValue;
use std::io::{BufRead, IsTerminal, Write};

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people
    Table,
    /// The API's JSON; a list is one array
    Json,
    /// The API's JSON, one item per line
    Jsonl,
}

/// # Errors
/// When stdout cannot take it; a closed pipe ends the command quietly.
pub fn data(text: &str) -> Result<()> {
    bytes(text.as_bytes())?;
    if text.ends_with('\n') { Ok(()) } else { bytes(b"\n") }
}

/// # Errors
/// As [`data`].
pub fn bytes(bytes: &[u8]) -> Result<()> {
    let mut stdout = std::io::stdout().lock();
    stdout.write_all(bytes).and_then(|()| stdout.flush()).map_err(|error| match error.kind() {
        std::io::ErrorKind::BrokenPipe => CliError::OutputClosed,
        _ => CliError::Unexpected(format!("cannot write the output: {error}")),
    })
}

/// A message for the person. When even stderr is closed there is nobody left to tell.
pub fn note(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// Asks a person, unless `--yes` was given.
///
/// # Errors
/// Usage with `refusal` where nobody can be asked, and with `declined` when the answer is not yes.
pub fn confirm(yes: bool, question: &str, refusal: &str, declined: &str) -> Result<()> {
    if yes {
        return Ok(());
    }
    if !std::io::stdin().is_terminal() || !interactive() {
        return Err(CliError::Usage(refusal.to_owned()));
    }
    note(&format!("{question} [y/N]"));
    let mut answer = String::new();
    // An unreadable answer is no yes.
    let _ = std::io::stdin().lock().read_line(&mut answer);
    if matches!(answer.trim(), "y" | "Y" | "yes") { Ok(()) } else { Err(CliError::Usage(declined.to_owned())) }
}

pub fn interactive() -> bool {
    std::io::stderr().is_terminal()
}

/// # Errors
/// As [`data`].
pub fn item(format: Format, raw: &RawValue) -> Result<()> {
    match format {
        Format::Jsonl => data(&reformat(raw.get(), None)),
        Format::Json | Format::Table => data(&reformat(raw.get(), Some(0))),
    }
}

/// # Errors
/// As [`data`].
pub fn array(items: &[Box<RawValue>]) -> Result<()> {
    let joined: Vec<&str> = items.iter().map(|item| item.get()).collect();
    data(&reformat(&format!("[{}]", joined.join(",")), Some(0)))
}

/// Valid JSON with other white space: indented by two from `depth`, or on one line. Works on the text, because a
/// parsed document loses the order of fields and the digits of numbers.
fn reformat(json: &str, depth: Option<usize>) -> String {
    let mut text = String::with_capacity(json.len() * 2);
    let mut level = depth.unwrap_or(0);
    let line = |text: &mut String, level: usize| {
        if depth.is_some() {
            text.push('\n');
            text.extend(std::iter::repeat_n("  ", level));
        }
    };
    let (mut quoted, mut escaped, mut opened) = (false, false, false);
    for character in json.chars() {
        if quoted {
            text.push(character);
            quoted = escaped || character != '"';
            escaped = !escaped && character == '\\';
            continue;
        }
        if character.is_ascii_whitespace() {
            continue;
        }
        if opened && !matches!(character, ']' | '}') {
            line(&mut text, level);
        }
        match character {
            '{' | '[' => level += 1,
            '}' | ']' => {
                level = level.saturating_sub(1);
                if !opened {
                    line(&mut text, level);
                }
            }
            _ => {}
        }
        opened = matches!(character, '{' | '[');
        text.push(character);
        match character {
            '"' => quoted = true,
            ',' => line(&mut text, level),
            ':' if depth.is_some() => text.push(' '),
            _ => {}
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_keeps_order_and_digits() {
        let json = r#"{"z":1.10,"a":[ ],"b":{"c":"x\"{, \\"},"d":[1,{"e":null}]}"#;
        let pretty = "{\n  \"z\": 1.10,\n  \"a\": [],\n  \"b\": {\n    \"c\": \"x\\\"{, \\\\\"\n  },\n  \"d\": [\n    1,\n    {\n      \"e\": null\n    }\n  ]\n}";
        assert_eq!(reformat(json, Some(0)), pretty);
        assert_eq!(reformat(pretty, None), json.replace("[ ]", "[]"));
    }
}
