//! Reads a file row by row: finds out how it is written, then yields typed rows and says what is wrong with the others.

use super::{
    columns::Columns,
    date::Dates,
    dialect::{self, Dialect},
    error::{CsvError, FileErrors},
    mapping::Mapping,
    row::{self, Context, Currencies, Row},
};
use csv::{ByteRecord, ReaderBuilder};
use encoding_rs::Encoding as Charset;
use encoding_rs_io::DecodeReaderBytesBuilder;
use jiff::tz::TimeZone;
use std::io::{Chain, Cursor, Read};

/// Bytes that are looked at before the first row is read.
const SAMPLE_BYTES: usize = 1 << 20;

type Input<'r> = Chain<Cursor<Vec<u8>>, Box<dyn Read + Send + 'r>>;

/// A file that is being read.
pub struct CsvReader<'r> {
    reader: csv::Reader<Input<'r>>,
    record: ByteRecord,
    context: Context,
    /// Lines before the first one that the parser sees.
    lines_before: u64,
}

impl std::fmt::Debug for CsvReader<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CsvReader").field("dialect", &self.context.dialect).finish_non_exhaustive()
    }
}

impl<'r> CsvReader<'r> {
    /// Reads the beginning: encoding, delimiter, header, decimal mark, order of dates.
    ///
    /// # Errors
    /// Everything that is wrong with the head of the file at once.
    pub fn open(input: impl Read + Send + 'r, mapping: &Mapping) -> Result<Self, FileErrors> {
        let mut input: Box<dyn Read + Send + 'r> = decoded(Box::new(input), mapping)?;
        let mut sample = Vec::new();
        input.by_ref().take(SAMPLE_BYTES as u64).read_to_end(&mut sample).map_err(|error| unreadable(&error))?;
        if sample.starts_with(b"\xEF\xBB\xBF") {
            sample.drain(..3);
        }
        let mut lines_before = 0;
        let mut told = None;
        if let Some((delimiter, length)) = dialect::separator_line(&sample) {
            sample.drain(..length);
            lines_before = 1;
            told = Some(delimiter);
        }
        if sample.iter().all(u8::is_ascii_whitespace) {
            return Err(CsvError::file("empty_file", "is empty; the first line must name the columns").into());
        }
        // A row that the sample cuts off says nothing about the file.
        let whole = match sample.iter().rposition(|byte| *byte == b'\n') {
            Some(end) if sample.len() >= SAMPLE_BYTES => sample.get(..=end).unwrap_or(&sample),
            _ => sample.as_slice(),
        };
        let delimiter = mapping.delimiter.or(told).unwrap_or_else(|| dialect::delimiter(whole, mapping));
        let header = dialect::rows(whole, delimiter).next().unwrap_or_default();
        let header_line = header.position().map_or(1, csv::Position::line) + lines_before;
        let columns = Columns::resolve(&header, header_line, mapping)?;
        let dialect = dialect::of_values(whole, delimiter, &columns, mapping)?;
        let zone = mapping.zone.clone().unwrap_or(TimeZone::UTC);
        let context = Context {
            columns,
            dialect,
            dates: Dates::new(dialect.date_order, zone),
            currencies: Currencies::default(),
            fixed: mapping.fixed_currency.map(|currency| (currency, currency.exponent())),
        };
        let reader = ReaderBuilder::new()
            .delimiter(delimiter)
            .has_headers(false)
            .flexible(true)
            .buffer_capacity(256 << 10)
            .from_reader(Cursor::new(sample).chain(input));
        let mut this = Self { reader, record: ByteRecord::new(), context, lines_before };
        this.advance()?;
        Ok(this)
    }

    #[must_use]
    pub fn dialect(&self) -> Dialect {
        self.context.dialect
    }

    /// The header as the file writes it.
    #[must_use]
    pub fn header(&self) -> &[String] {
        &self.context.columns.names
    }

    /// The next row, or what is wrong with it; `None` at the end. Rows without any content are passed over.
    ///
    /// # Errors
    /// The file itself cannot be read on.
    pub fn next_row(&mut self) -> Result<Option<Result<Row<'_>, CsvError>>, FileErrors> {
        loop {
            if !self.advance()? {
                return Ok(None);
            }
            if self.record.iter().any(|field| !field.trim_ascii().is_empty()) {
                break;
            }
        }
        let line = self.record.position().map_or(0, csv::Position::line) + self.lines_before;
        Ok(Some(row::read(&mut self.context, &self.record, line)))
    }

    fn advance(&mut self) -> Result<bool, FileErrors> {
        self.reader.read_byte_record(&mut self.record).map_err(|error| match error.kind() {
            csv::ErrorKind::Io(cause) => unreadable(cause).into(),
            _ => CsvError::file("unreadable", format!("cannot be read on: {error}")).into(),
        })
    }
}

fn unreadable(error: &std::io::Error) -> CsvError {
    CsvError::file("unreadable", format!("cannot be read: {error}"))
}

/// UTF-8 passes as it is; UTF-16 tells itself by its first two bytes.
fn decoded<'r>(
    mut input: Box<dyn Read + Send + 'r>,
    mapping: &Mapping,
) -> Result<Box<dyn Read + Send + 'r>, FileErrors> {
    let mut first = Vec::new();
    input.by_ref().take(2).read_to_end(&mut first).map_err(|error| unreadable(&error))?;
    let told = match first.as_slice() {
        [0xFF, 0xFE] => Some(encoding_rs::UTF_16LE),
        [0xFE, 0xFF] => Some(encoding_rs::UTF_16BE),
        _ => None,
    };
    let charset: Option<&'static Charset> = told.or(mapping.encoding.map(|encoding| encoding.0));
    let whole = Cursor::new(first).chain(input);
    match charset {
        Some(charset) if charset != encoding_rs::UTF_8 => {
            Ok(Box::new(DecodeReaderBytesBuilder::new().encoding(Some(charset)).build(whole)))
        }
        _ => Ok(Box::new(whole)),
    }
}
