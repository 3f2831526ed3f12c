//! One row, read: the typed fields, with the texts still in the file's own bytes.

use super::{
    amount::{self, AmountError},
    columns::{Columns, FIX_ENCODING},
    date::{DateError, Dates, FIRST_YEAR, LAST_YEAR},
    dialect::Dialect,
    error::{CsvError, shown},
};
use csv::ByteRecord;
use domain::{
    Currency, Timestamp,
    record::{Kind, Precision},
};

/// A row whose fields are all good. Empty optional fields are `None`.
#[derive(Debug)]
pub struct Row<'a> {
    /// Where the row begins, from 1.
    pub line: u64,
    pub id: Option<&'a str>,
    pub occurred_at: Timestamp,
    pub precision: Precision,
    /// Signed, positive towards the owner of the file.
    pub amount_minor: i64,
    pub currency: Currency,
    /// As the file says; none where the sign has to tell.
    pub kind: Option<Kind>,
    pub fee_minor: Option<i64>,
    pub memo: Option<&'a str>,
    pub email: Option<&'a str>,
    pub name: Option<&'a str>,
    pub last4: Option<&'a str>,
    pub(super) record: &'a ByteRecord,
    pub(super) columns: &'a Columns,
}

impl<'a> Row<'a> {
    /// Values of the reference columns with the columns' names.
    pub fn references(&self) -> impl Iterator<Item = (&'a str, &'a str)> + use<'a> {
        let (record, columns) = (self.record, self.columns);
        // Checked to be UTF-8 when the row was read.
        let text = move |at: &usize| record.get(*at).and_then(|bytes| std::str::from_utf8(bytes).ok());
        let named = move |at: &'a usize| Some((columns.name(*at), text(at)?.trim()));
        columns.references.iter().filter_map(named).filter(|(_, value)| !value.is_empty())
    }
}

/// Currencies of a file so far: there are few, and looking one up in the standard's table costs more than a row.
#[derive(Debug, Default)]
pub(super) struct Currencies(Vec<(String, Currency, u8)>);

impl Currencies {
    fn read(&mut self, text: &str) -> Option<(Currency, u8)> {
        if let Some((_, currency, exponent)) = self.0.iter().find(|(code, ..)| code == text) {
            return Some((*currency, *exponent));
        }
        let currency = Currency::parse(text).ok()?;
        self.0.push((text.to_owned(), currency, currency.exponent()));
        Some((currency, currency.exponent()))
    }
}

/// What reading needs to know beside the row.
#[derive(Debug)]
pub(super) struct Context {
    pub columns: Columns,
    pub dialect: Dialect,
    pub dates: Dates,
    pub currencies: Currencies,
    pub fixed: Option<(Currency, u8)>,
}

/// # Errors
/// The first thing that is wrong with the row.
pub(super) fn read<'a>(context: &'a mut Context, record: &'a ByteRecord, line: u64) -> Result<Row<'a>, CsvError> {
    let Context { columns, dialect, dates, currencies, fixed } = context;
    let columns: &Columns = columns;
    complete(record, columns, line)?;
    let text = |at: usize| text(record, columns, line, at);
    let some = |at: Option<usize>| match at {
        Some(at) => text(at).map(|text| Some(text).filter(|text| !text.is_empty())),
        None => Ok(None),
    };
    let date = text(columns.date)?;
    let (occurred_at, precision) =
        dates.read(date).map_err(|error| date_error(error, date, dialect, line, columns.name(columns.date)))?;
    let (currency, exponent) = match (*fixed, columns.currency) {
        (Some(fixed), _) => fixed,
        (None, Some(at)) => {
            let code = text(at)?;
            currencies.read(code).ok_or_else(|| currency_error(code, line, columns.name(at)))?
        }
        (None, None) => return Err(CsvError::row(line, "missing_column", "there is no currency")),
    };
    let money = |at: usize, text: &str| {
        amount::minor_units(text, dialect.decimal, exponent)
            .map_err(|error| amount_error(error, text, dialect, currency, line, columns.name(at)))
    };
    let amount_minor = match (columns.amount, columns.debit, columns.credit) {
        (Some(at), ..) => money(at, text(at)?)?,
        (None, Some(debit), Some(credit)) => {
            two_sided(line, columns, (debit, some(Some(debit))?), (credit, some(Some(credit))?), money)?
        }
        _ => return Err(CsvError::row(line, "missing_column", "there is no amount")),
    };
    let kind = match (columns.kind, some(columns.kind)?) {
        (Some(at), Some(word)) => Some(kind(word, amount_minor, line, columns.name(at))?),
        _ => None,
    };
    let fee_minor = match (columns.fee, some(columns.fee)?) {
        (Some(at), Some(fee)) => Some(money(at, fee)?),
        _ => None,
    };
    for at in &columns.references {
        text(*at)?;
    }
    Ok(Row {
        line,
        id: some(columns.id)?,
        occurred_at,
        precision,
        amount_minor,
        currency,
        kind,
        fee_minor,
        memo: some(columns.memo)?,
        email: some(columns.email)?,
        name: some(columns.name)?,
        last4: some(columns.last4)?,
        record,
        columns,
    })
}

/// As many fields as the header; empty ones more are a spreadsheet's.
fn complete(record: &ByteRecord, columns: &Columns, line: u64) -> Result<(), CsvError> {
    let (has, wants) = (record.len(), columns.names.len());
    let spare = record.iter().skip(wants).all(<[u8]>::is_empty);
    if has == wants || (has > wants && spare) {
        return Ok(());
    }
    let swallowed = record.iter().map(|field| field.iter().filter(|byte| **byte == b'\n').count()).sum::<usize>();
    let fix = if swallowed > 0 {
        format!("a quote is opened and not closed, so {} lines were read as one row; close the quote", swallowed + 1)
    } else if has > wants {
        "a value that contains the delimiter must stand in quotes".to_owned()
    } else {
        "a delimiter is missing, or the row was cut off".to_owned()
    };
    Err(CsvError::row(line, "broken_row", format!("has {has} fields, but the header has {wants}: {fix}")))
}

fn text<'a>(record: &'a ByteRecord, columns: &Columns, line: u64, at: usize) -> Result<&'a str, CsvError> {
    match std::str::from_utf8(record.get(at).unwrap_or_default()) {
        Ok(text) => Ok(text.trim()),
        Err(error) => Err(CsvError::at(
            line,
            columns.name(at),
            "invalid_utf8",
            format!("byte {} is not UTF-8; {FIX_ENCODING}", error.valid_up_to() + 1),
        )),
    }
}

fn date_error(error: DateError, text: &str, dialect: &Dialect, line: u64, column: &str) -> CsvError {
    let value = shown(text);
    let order = dialect.date_order.as_str();
    let (code, detail) = match error {
        _ if text.is_empty() => ("empty_value", "is empty; every row needs a date".to_owned()),
        DateError::NotADate => (
            "not_a_date",
            format!(
                "`{value}` is no date in the order {order}; write dates such as 2026-01-31, or say another order with format=…"
            ),
        ),
        DateError::NoSuchDay => ("not_a_date", format!("`{value}` does not exist in the calendar")),
        DateError::OutOfRange => (
            "date_out_of_range",
            format!("`{value}` is out of range; dates from {FIRST_YEAR} to {LAST_YEAR} are accepted"),
        ),
    };
    CsvError::at(line, column, code, detail)
}

fn currency_error(code: &str, line: u64, column: &str) -> CsvError {
    if code.is_empty() {
        return CsvError::at(line, column, "empty_value", "is empty; write a code such as EUR");
    }
    let detail = format!("`{}` is no ISO 4217 currency; write a code such as EUR", shown(code));
    CsvError::at(line, column, "unknown_currency", detail)
}

fn amount_error(
    error: AmountError,
    text: &str,
    dialect: &Dialect,
    currency: Currency,
    line: u64,
    column: &str,
) -> CsvError {
    let value = shown(text);
    let mark = dialect.decimal.as_str();
    let (code, detail) = match error {
        _ if text.is_empty() => ("empty_value", "is empty; every row needs an amount".to_owned()),
        AmountError::NotAnAmount => (
            "not_an_amount",
            format!(
                "`{value}` is no amount with a decimal {mark}, as this file is read; write digits and at most one \
                 decimal mark, or say decimal=point or decimal=comma"
            ),
        ),
        AmountError::TooPrecise => {
            ("too_precise", format!("`{value}` has more decimals than {currency} has ({})", currency.exponent()))
        }
        AmountError::Overflow => {
            ("amount_overflow", format!("`{value}` is too large: minor units must fit into 64 bits"))
        }
    };
    CsvError::at(line, column, code, detail)
}

/// Credit comes in, debit goes out, whichever sign the file gives it.
fn two_sided(
    line: u64,
    columns: &Columns,
    (debit_at, debit): (usize, Option<&str>),
    (credit_at, credit): (usize, Option<&str>),
    money: impl Fn(usize, &str) -> Result<i64, CsvError>,
) -> Result<i64, CsvError> {
    let debit = debit.map(|text| money(debit_at, text)).transpose()?;
    let credit = credit.map(|text| money(credit_at, text)).transpose()?;
    match (debit.filter(|minor| *minor != 0), credit.filter(|minor| *minor != 0)) {
        // Towards the negative there is one more number.
        (Some(debit), None) => Ok(if debit > 0 { -debit } else { debit }),
        (None, Some(credit)) if credit > 0 => Ok(credit),
        (None, Some(_)) => {
            Err(CsvError::at(line, columns.name(credit_at), "not_an_amount", "a credit must not be negative"))
        }
        (Some(_), Some(_)) => {
            let detail =
                format!("a row has a debit or a credit, and this one has both; see `{}`", columns.name(debit_at));
            Err(CsvError::at(line, columns.name(credit_at), "not_an_amount", detail))
        }
        (None, None) if debit.or(credit).is_some() => Ok(0),
        (None, None) => {
            Err(CsvError::at(line, columns.name(credit_at), "empty_value", "neither a debit nor a credit is given"))
        }
    }
}

fn kind(word: &str, amount_minor: i64, line: u64, column: &str) -> Result<Kind, CsvError> {
    let wrong = |detail: String| Err(CsvError::at(line, column, "unknown_kind", detail));
    let found = match word.to_ascii_lowercase().as_str() {
        "sale" | "order" | "invoice" => Kind::Sale,
        "charge" | "payment" => Kind::Charge,
        "capture" => Kind::Capture,
        "refund" | "credit_note" => Kind::Refund,
        "authorization" | "authorisation" => Kind::Authorization,
        "void" => Kind::Void,
        _ => {
            return wrong(format!(
                "`{}` is no kind; known are sale, order, invoice, charge, payment, capture, refund, credit_note, \
                 authorization and void",
                shown(word)
            ));
        }
    };
    if found == Kind::Refund && amount_minor > 0 {
        return wrong("a refund takes money out, so its amount must be negative".to_owned());
    }
    Ok(found)
}
