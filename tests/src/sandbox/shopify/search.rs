//! The search syntax of list arguments: `processed_at:>='2026-01-01T00:00:00Z' test:false`, terms joined by AND.
//!
//! Like the real one, an unknown field does not fail the query: it is ignored and named in a warning.

use super::store::Entry;
use crate::sandbox::times;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Comparison {
    Equal,
    Less,
    LessOrEqual,
    More,
    MoreOrEqual,
}

impl Comparison {
    fn holds(self, left: i64, right: i64) -> bool {
        match self {
            Self::Equal => left == right,
            Self::Less => left < right,
            Self::LessOrEqual => left <= right,
            Self::More => left > right,
            Self::MoreOrEqual => left >= right,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Term {
    Created(Comparison, i64),
    Processed(Comparison, i64),
    Updated(Comparison, i64),
    Id(Comparison, i64),
    Name(String),
    Test(bool),
}

#[derive(Debug, Default)]
pub struct Search {
    terms: Vec<Term>,
    /// Fields that were ignored, with the reason.
    pub warnings: Vec<(String, String)>,
}

impl Search {
    /// # Errors
    /// A sentence, where the text cannot be read as terms joined by AND.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut search = Self::default();
        for (field, value) in split(text)? {
            search.add(&field, &value);
        }
        Ok(search)
    }

    fn add(&mut self, field: &str, value: &str) {
        let (comparison, operand) = compare(value);
        let term = match field {
            "created_at" => times::parse_s(operand).map(|at| Term::Created(comparison, at)),
            "processed_at" => times::parse_s(operand).map(|at| Term::Processed(comparison, at)),
            "updated_at" => times::parse_s(operand).map(|at| Term::Updated(comparison, at)),
            "id" => operand.rsplit('/').next().and_then(|id| id.parse().ok()).map(|id| Term::Id(comparison, id)),
            "name" => Some(Term::Name(operand.trim_start_matches('#').to_owned())),
            "test" => operand.parse().ok().map(Term::Test),
            _ => {
                self.warnings.push((field.to_owned(), "Invalid search field for this query.".to_owned()));
                return;
            }
        };
        match term {
            Some(term) => self.terms.push(term),
            None => self.warnings.push((field.to_owned(), format!("Input `{operand}` is not an accepted value."))),
        }
    }

    #[must_use]
    pub fn accepts(&self, entry: &Entry) -> bool {
        self.terms.iter().all(|term| match term {
            Term::Created(comparison, at) => comparison.holds(entry.created_s, *at),
            Term::Processed(comparison, at) => comparison.holds(entry.processed_s, *at),
            Term::Updated(comparison, at) => comparison.holds(entry.updated_s, *at),
            Term::Id(comparison, id) => comparison.holds(i64::try_from(entry.id).unwrap_or(i64::MAX), *id),
            Term::Name(name) => entry.name.trim_start_matches('#') == name,
            Term::Test(test) => entry.test == *test,
        })
    }
}

fn compare(value: &str) -> (Comparison, &str) {
    for (sign, comparison) in [
        (">=", Comparison::MoreOrEqual),
        ("<=", Comparison::LessOrEqual),
        (">", Comparison::More),
        ("<", Comparison::Less),
    ] {
        if let Some(operand) = value.strip_prefix(sign) {
            return (comparison, operand.trim_matches(['\'', '"']));
        }
    }
    (Comparison::Equal, value.trim_matches(['\'', '"']))
}

/// `field:value` terms; a value may be quoted. OR, NOT and parentheses are not served.
fn split(text: &str) -> Result<Vec<(String, String)>, String> {
    let mut words: Vec<String> = Vec::new();
    let mut word = String::new();
    let mut quote = None;
    for letter in text.chars() {
        match quote {
            Some(open) if letter == open => {
                quote = None;
                word.push(letter);
            }
            Some(_) => word.push(letter),
            None if letter == '\'' || letter == '"' => {
                quote = Some(letter);
                word.push(letter);
            }
            None if letter.is_whitespace() => {
                if !word.is_empty() {
                    words.push(std::mem::take(&mut word));
                }
            }
            None => word.push(letter),
        }
    }
    if quote.is_some() {
        return Err("unterminated quote in search query".to_owned());
    }
    if !word.is_empty() {
        words.push(word);
    }
    let mut terms = Vec::new();
    for word in words {
        if word == "AND" {
            continue;
        }
        let (field, value) = word
            .split_once(':')
            .ok_or_else(|| format!("the sandbox reads only field:value terms joined by AND, not `{word}`"))?;
        if value.is_empty() || field.starts_with(['-', '(']) {
            return Err(format!("the sandbox reads only field:value terms joined by AND, not `{word}`"));
        }
        terms.push((field.to_owned(), value.to_owned()));
    }
    Ok(terms)
}
