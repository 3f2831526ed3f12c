//! How a file is written, found out from its beginning: delimiter, decimal mark, order of dates.

use super::{
    amount::{self, DecimalMark},
    columns::Columns,
    date::{self, DateOrder},
    error::{CsvError, FileErrors},
    mapping::{Field, Mapping},
};
use csv::{ByteRecord, ReaderBuilder};
use domain::Currency;
use std::fmt;

/// What a file was read as. Shown to the person before anything else, because a wrong guess here spoils every row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dialect {
    pub delimiter: u8,
    pub decimal: DecimalMark,
    pub date_order: DateOrder,
}

impl fmt::Display for Dialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let delimiter = match self.delimiter {
            b',' => "comma",
            b';' => "semicolon",
            b'\t' => "tab",
            _ => "pipe",
        };
        let date = match self.date_order {
            DateOrder::YearMonthDay => "year-month-day",
            DateOrder::DayMonthYear => "day-month-year",
            DateOrder::MonthDayYear => "month-day-year",
            DateOrder::UnixSeconds => "unix seconds",
        };
        write!(f, "{delimiter}-separated, decimal {}, dates {date}", self.decimal.as_str())
    }
}

const DELIMITERS: [u8; 4] = [b',', b';', b'\t', b'|'];
/// Rows that are looked at.
const SAMPLE_ROWS: usize = 5_000;

/// A line `sep=;` before the header, which spreadsheets write and read. The delimiter, and the length of the line.
pub(super) fn separator_line(sample: &[u8]) -> Option<(u8, usize)> {
    let rest = sample.strip_prefix(b"sep=")?;
    let (delimiter, rest) = rest.split_first()?;
    let end = match rest {
        [b'\r', b'\n', ..] => 2,
        [b'\n', ..] => 1,
        _ => return None,
    };
    DELIMITERS.contains(delimiter).then_some((*delimiter, 5 + end))
}

/// The delimiter under which the header names most of the wanted columns and most rows have as many fields as it.
pub(super) fn delimiter(sample: &[u8], mapping: &Mapping) -> u8 {
    if let Some(delimiter) = mapping.delimiter {
        return delimiter;
    }
    let wanted: Vec<String> =
        Field::ALL.into_iter().map(|field| mapping.column(field).unwrap_or(field.as_str()).to_lowercase()).collect();
    let score = |delimiter: u8| {
        let mut rows = rows(sample, delimiter);
        let Some(header) = rows.next() else { return (0, 0, 0) };
        let known = header
            .iter()
            .filter(|name| wanted.iter().any(|wanted| wanted.as_bytes() == name.trim_ascii().to_ascii_lowercase()))
            .count();
        let (alike, all) =
            rows.take(200).fold((0, 0), |(alike, all), row| (alike + usize::from(row.len() == header.len()), all + 1));
        let share = if header.len() > 1 { (alike * 100_usize).checked_div(all).unwrap_or(100) } else { 0 };
        (known, share, header.len())
    };
    // Of equals the first one listed.
    DELIMITERS.into_iter().rev().max_by_key(|delimiter| score(*delimiter)).unwrap_or(b',')
}

/// The rows of a sample, its header first; a row that the sample cuts off is left out by the caller.
pub(super) fn rows(sample: &[u8], delimiter: u8) -> impl Iterator<Item = ByteRecord> {
    let reader = ReaderBuilder::new().delimiter(delimiter).has_headers(false).flexible(true).from_reader(sample);
    reader.into_byte_records().filter_map(Result::ok).take(SAMPLE_ROWS)
}

/// Decimal mark and order of dates, unless the mapping says them.
pub(super) fn of_values(
    sample: &[u8],
    delimiter: u8,
    columns: &Columns,
    mapping: &Mapping,
) -> Result<Dialect, FileErrors> {
    let mut amounts = amount::Witnesses::default();
    let mut dates = date::Witnesses::default();
    for row in rows(sample, delimiter).skip(1) {
        let text = |at: Option<usize>| {
            at.and_then(|at| row.get(at)).and_then(|bytes| std::str::from_utf8(bytes).ok()).map_or("", str::trim)
        };
        let currency = mapping.fixed_currency.or_else(|| Currency::parse(text(columns.currency)).ok());
        for money in [columns.amount, columns.debit, columns.credit, columns.fee].map(text) {
            if !money.is_empty() {
                amounts.see(money, currency);
            }
        }
        let date = text(Some(columns.date));
        if !date.is_empty() {
            dates.see(date);
        }
    }
    let mut errors = Vec::new();
    let decimal = mapping.decimal.map_or_else(|| amounts.decide(), Ok).unwrap_or_else(|undecided| {
        let example = super::error::shown(&undecided.example);
        errors.push(CsvError::file(
            "ambiguous_decimal",
            format!(
                "`{example}` can be read with a decimal point or a decimal comma, and no other amount tells which is \
                 meant; say decimal=point or decimal=comma"
            ),
        ));
        DecimalMark::Point
    });
    let date_order = mapping.date_order.map_or_else(|| dates.decide(), Ok).unwrap_or_else(|example| {
        let example = super::error::shown(&example);
        errors.push(CsvError::file(
            "ambiguous_date",
            format!(
                "`{example}` can be day-month or month-day, and no other date tells which is meant; say format=dmy or \
                 format=mdy"
            ),
        ));
        DateOrder::DayMonthYear
    });
    if errors.is_empty() { Ok(Dialect { delimiter, decimal, date_order }) } else { Err(FileErrors(errors)) }
}
