//! CSV files as they come out of banks, shops and spreadsheets.
//!
//! Read top to bottom: [`mapping`] is what a person says about a file, [`dialect`] what is found out, [`columns`] holds
//! both against the header, [`row`] reads one row, [`reader`] goes through the file, and [`reading`] makes records.
//!
//! **Invariants:** every row becomes a record or an error that names its line; an amount that could be read in two ways
//! is refused; the order of the rows changes nothing but line numbers.

mod amount;
mod columns;
mod connection;
mod date;
mod dialect;
mod error;
mod mapping;
mod reader;
mod reading;
mod record;
mod row;
#[cfg(test)]
mod tests;

pub use amount::DecimalMark;
pub use connection::{ADAPTER, CsvFile, MAX_UPLOAD_BYTES, Upload};
pub use date::DateOrder;
pub use dialect::Dialect;
pub use error::{CsvError, FileErrors};
pub use mapping::{Encoding, Field, Mapping};
pub use reader::CsvReader;
pub use reading::{Reading, read_records};
pub use row::Row;
