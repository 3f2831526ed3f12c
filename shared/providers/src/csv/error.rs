//! What is wrong with a file or a row, said so that the person who has the file open can put it right: where, what, and
//! what to do.

use std::fmt;

/// One thing that is wrong. Quotes at most a few characters of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CsvError {
    /// Line of the file, from 1; the header's for a column that is missing. None for what concerns no line.
    pub line: Option<u64>,
    /// The column as the file names it, or the field that is missing.
    pub column: Option<String>,
    /// Stable, for programs.
    pub code: &'static str,
    /// What is wrong and how to put it right.
    pub detail: String,
}

impl CsvError {
    pub(super) fn at(line: u64, column: &str, code: &'static str, detail: impl Into<String>) -> Self {
        Self { line: Some(line), column: Some(shown(column)), code, detail: detail.into() }
    }

    pub(super) fn row(line: u64, code: &'static str, detail: impl Into<String>) -> Self {
        Self { line: Some(line), column: None, code, detail: detail.into() }
    }

    pub(super) fn file(code: &'static str, detail: impl Into<String>) -> Self {
        Self { line: None, column: None, code, detail: detail.into() }
    }
}

impl fmt::Display for CsvError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.line, &self.column) {
            (Some(line), Some(column)) => write!(f, "line {line}, column `{column}`: {}", self.detail),
            (Some(line), None) => write!(f, "line {line}: {}", self.detail),
            _ => f.write_str(&self.detail),
        }
    }
}

/// The file cannot be read as a whole; everything that is wrong with its head at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileErrors(pub Vec<CsvError>);

impl fmt::Display for FileErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, error) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str("; ")?;
            }
            write!(f, "{error}")?;
        }
        Ok(())
    }
}

impl std::error::Error for FileErrors {}

impl From<CsvError> for FileErrors {
    fn from(error: CsvError) -> Self {
        Self(vec![error])
    }
}

/// Longest piece of the file that a message quotes.
const MAX_SHOWN: usize = 40;

/// A value as a message may show it: short, on one line, without control characters.
pub(super) fn shown(text: &str) -> String {
    let mut short: String = text.chars().take(MAX_SHOWN).map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect();
    if text.chars().nth(MAX_SHOWN).is_some() {
        short.push('…');
    }
    short
}
