//! Where in a row each field stands: the mapping held against the header.

use super::{
    error::{CsvError, FileErrors, shown},
    mapping::{Field, Mapping},
};
use csv::ByteRecord;

/// Positions in a row.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Columns {
    /// As the header writes them, for messages.
    pub names: Vec<String>,
    pub date: usize,
    pub amount: Option<usize>,
    pub debit: Option<usize>,
    pub credit: Option<usize>,
    pub currency: Option<usize>,
    pub id: Option<usize>,
    pub memo: Option<usize>,
    pub references: Vec<usize>,
    pub email: Option<usize>,
    pub name: Option<usize>,
    pub last4: Option<usize>,
    pub kind: Option<usize>,
    pub fee: Option<usize>,
}

impl Columns {
    /// # Errors
    /// Every column that is missing or named twice, with what the file has instead.
    pub fn resolve(header: &ByteRecord, line: u64, mapping: &Mapping) -> Result<Self, FileErrors> {
        let mut errors = Vec::new();
        let mut names = Vec::with_capacity(header.len());
        for (index, name) in header.iter().enumerate() {
            match std::str::from_utf8(name) {
                Ok(name) => names.push(name.trim().to_owned()),
                Err(_) => errors.push(CsvError::row(
                    line,
                    "invalid_utf8",
                    format!("name {} of the header is not UTF-8; {FIX_ENCODING}", index + 1),
                )),
            }
        }
        if !errors.is_empty() {
            return Err(FileErrors(errors));
        }
        let mut found = Found { names: &names, line, mapping, errors: Vec::new() };
        let with_debit = mapping.column(Field::Amount).is_none()
            && (mapping.column(Field::Debit).is_some() || mapping.column(Field::Credit).is_some() || found.two_sided());
        let columns = Self {
            date: found.needed(Field::Date).unwrap_or(0),
            amount: if with_debit { None } else { found.needed(Field::Amount) },
            debit: if with_debit { found.needed(Field::Debit) } else { None },
            credit: if with_debit { found.needed(Field::Credit) } else { None },
            currency: if mapping.fixed_currency.is_some() { None } else { found.needed(Field::Currency) },
            id: found.wanted(Field::Id),
            memo: found.wanted(Field::Memo),
            references: found.references(),
            email: found.wanted(Field::Email),
            name: found.wanted(Field::Name),
            last4: found.wanted(Field::Last4),
            kind: found.wanted(Field::Kind),
            fee: found.wanted(Field::Fee),
            names: Vec::new(),
        };
        if found.errors.is_empty() { Ok(Self { names, ..columns }) } else { Err(FileErrors(found.errors)) }
    }

    /// The name of a column, for messages.
    pub fn name(&self, at: usize) -> &str {
        self.names.get(at).map_or("?", String::as_str)
    }
}

pub(super) const FIX_ENCODING: &str =
    "save the file as UTF-8, or say which encoding it has, such as encoding=windows-1252";

struct Found<'a> {
    names: &'a [String],
    line: u64,
    mapping: &'a Mapping,
    errors: Vec<CsvError>,
}

impl Found<'_> {
    fn positions(&self, name: &str) -> Vec<usize> {
        let exact: Vec<usize> =
            self.names.iter().enumerate().filter(|(_, known)| *known == name).map(|(at, _)| at).collect();
        if !exact.is_empty() {
            return exact;
        }
        let lower = name.to_lowercase();
        self.names.iter().enumerate().filter(|(_, known)| known.to_lowercase() == lower).map(|(at, _)| at).collect()
    }

    /// No amount, but debit and credit.
    fn two_sided(&self) -> bool {
        let has = |field: Field| !self.positions(field.as_str()).is_empty();
        !has(Field::Amount) && has(Field::Debit) && has(Field::Credit)
    }

    fn place(&mut self, field: Field, name: &str, needed: bool) -> Option<usize> {
        match self.positions(name).as_slice() {
            [at] => Some(*at),
            [] if needed => {
                let has: Vec<String> = self.names.iter().map(|name| format!("`{}`", shown(name))).collect();
                let how = format!("name the column that holds it, such as {}=<column>", field.as_str());
                let fix = match field {
                    Field::Currency => format!("{how}, or say one currency for all rows, such as currency_code=EUR"),
                    Field::Amount => format!("{how}, or debit=<column> and credit=<column>"),
                    _ => how,
                };
                let detail = format!("is missing; the file has {}; {fix}", has.join(", "));
                self.errors.push(CsvError::at(self.line, name, "missing_column", detail));
                None
            }
            [] => None,
            _ => {
                let detail = format!("stands twice in the header; name another one with {}=<column>", field.as_str());
                self.errors.push(CsvError::at(self.line, name, "repeated_column", detail));
                None
            }
        }
    }

    fn needed(&mut self, field: Field) -> Option<usize> {
        let name = self.mapping.column(field).unwrap_or(field.as_str()).to_owned();
        self.place(field, &name, true)
    }

    /// Needed only if the mapping names it.
    fn wanted(&mut self, field: Field) -> Option<usize> {
        match self.mapping.column(field) {
            Some(name) => self.place(field, name, true),
            None => self.place(field, field.as_str(), false),
        }
    }

    fn references(&mut self) -> Vec<usize> {
        let named: Vec<String> = self
            .mapping
            .columns
            .iter()
            .filter(|(field, _)| *field == Field::Reference)
            .map(|(_, column)| column.clone())
            .collect();
        if named.is_empty() {
            return self.place(Field::Reference, Field::Reference.as_str(), false).into_iter().collect();
        }
        named.iter().filter_map(|name| self.place(Field::Reference, name, true)).collect()
    }
}
