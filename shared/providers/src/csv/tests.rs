//! Files as they come, good and bad.

use super::*;
use domain::{
    record::{EmailHash, Kind, Precision, Record, Scheme, Side},
    records::{RecordRef, Records},
};
use proptest::prelude::*;
use serde_json::json;

fn read(file: &[u8]) -> Reading {
    read_as(file, &Mapping::default())
}

fn read_as(file: &[u8], mapping: &Mapping) -> Reading {
    read_records(file, Side::Source, mapping, false).unwrap_or_else(|errors| panic!("{errors}"))
}

fn refused(file: &[u8], mapping: &Mapping) -> String {
    read_records(file, Side::Source, mapping, false).expect_err("a file that cannot be read").to_string()
}

fn amounts(reading: &Reading) -> Vec<String> {
    let told = |record: RecordRef<'_>| format!("{} {} {}", record.id(), record.amount_minor(), record.currency());
    reading.records.iter().map(told).collect()
}

fn errors(reading: &Reading) -> Vec<String> {
    reading.errors.iter().map(ToString::to_string).collect()
}

fn mapping(value: &serde_json::Value) -> Mapping {
    Mapping::from_json(value).unwrap_or_else(|errors| panic!("{errors:?}"))
}

#[test]
fn a_plain_file() {
    let reading = read(
        b"id,date,amount,currency,memo,reference,email,last4,kind,fee\n\
          a1,2026-01-31,12.30,EUR,Invoice 2026-077 thanks,ch_3Abc,Jo@Example.com,**** 4242,sale,0.55\n\
          a2,2026-01-31T10:00:00Z,-5,jpy,,,,,,\n",
    );
    assert_eq!(errors(&reading), [] as [&str; 0]);
    assert_eq!(amounts(&reading), ["a1 1230 EUR", "a2 -5 JPY"]);
    let records: Vec<Record> = reading.records.iter().map(RecordRef::to_record).collect();
    let [first, second] = records.as_slice() else { panic!("two records") };
    assert_eq!((first.kind, first.precision), (Kind::Sale, Precision::Day));
    assert_eq!((first.fee_minor, first.net_minor), (Some(55), Some(1175)));
    assert_eq!(first.counterparty.last4.as_deref(), Some("4242"));
    assert_eq!(first.counterparty.email_hash, EmailHash::of("jo@example.com"));
    assert_eq!(first.memo.as_deref(), Some("Invoice 2026-077 thanks"));
    let schemes: Vec<&Scheme> = first.refs.iter().map(|reference| &reference.scheme).collect();
    assert_eq!(schemes, [&Scheme::MovementId, &Scheme::ChargeId, &Scheme::Text]);
    assert_eq!((second.kind, second.precision), (Kind::Refund, Precision::Instant));
}

#[test]
fn as_a_german_bank_writes_it() {
    let file = "\u{feff}Buchungstag;Betrag;Währung;Verwendungszweck\r\n\
                31.01.2026;-1.234,56;EUR;\"Miete; Januar \"\"26\"\"\"\r\n\
                01.02.2026;7,5;EUR;zwei\r\n";
    let mapping =
        mapping(&json!({"date": "Buchungstag", "amount": "Betrag", "currency": "währung", "memo": "Verwendungszweck"}));
    let reading = read_as(file.as_bytes(), &mapping);
    assert_eq!(reading.dialect.to_string(), "semicolon-separated, decimal comma, dates day-month-year");
    let money: Vec<i64> = reading.records.iter().map(RecordRef::amount_minor).collect();
    assert_eq!(money, [-123_456, 750]);
    assert_eq!(reading.records.at(0).texts().memo, Some("Miete; Januar \"26\""));
    assert_eq!(reading.records.at(0).occurred_at().to_string(), "2026-01-31T00:00:00.000Z");
    let (latin, ..) = encoding_rs::WINDOWS_1252.encode(file.trim_start_matches('\u{feff}'));
    let told = Mapping { encoding: Encoding::parse("windows-1252"), ..mapping.clone() };
    assert_eq!(read_as(&latin, &told), reading);
    let utf16: Vec<u8> = file.encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert_eq!(read_as(&utf16, &mapping), reading);
    assert!(refused(&latin, &mapping).contains("encoding=windows-1252"));
}

#[test]
fn tabs_pipes_and_the_line_that_spreadsheets_write() {
    for (delimiter, start) in [("\t", ""), ("|", ""), (";", "sep=;\r\n"), (",", "")] {
        let rows = ["id,date,amount,currency", "1,2026-01-31,1,EUR", "2,2026-01-31,x,EUR"]
            .map(|row| row.replace(',', delimiter));
        let reading = read(format!("{start}{}\n", rows.join("\n")).as_bytes());
        assert_eq!(amounts(&reading), ["1 100 EUR"], "{delimiter:?}");
        let line = if start.is_empty() { 3 } else { 4 };
        assert_eq!(reading.errors[0].line, Some(line));
    }
}

#[test]
fn debit_and_credit() {
    let reading = read(
        b"id,date,debit,credit,currency\n1,2026-01-31,5.00,,EUR\n2,2026-01-31,,7,EUR\n3,2026-01-31,-2,0.00,EUR\n\
          4,2026-01-31,1,1,EUR\n5,2026-01-31,,,EUR\n6,2026-01-31,0,,EUR\n",
    );
    assert_eq!(amounts(&reading), ["1 -500 EUR", "2 700 EUR", "3 -200 EUR", "6 0 EUR"]);
    assert_eq!(
        errors(&reading),
        [
            "line 5, column `credit`: a row has a debit or a credit, and this one has both; see `debit`",
            "line 6, column `credit`: neither a debit nor a credit is given",
        ]
    );
}

#[test]
fn every_bad_row_says_where_and_what_to_do() {
    let reading = read(
        b"id,date,amount,currency,kind\n\
          ok,2026-01-31,1.00,EUR,\n\
          a,soon,1.00,EUR,\n\
          b,2026-02-30,1.00,EUR,\n\
          c,1066-10-14,1.00,EUR,\n\
          d,2026-01-31,1.005,EUR,\n\
          e,2026-01-31,999999999999999999999,EUR,\n\
          f,2026-01-31,\"1,5\",EUR,\n\
          g,2026-01-31,1.00,ZZZ,\n\
          h,2026-01-31,1.00\n\
          i,2026-01-31,1.00,EUR,,x\n\
          j,2026-01-31,1.00,EUR,present\n\
          k,2026-01-31,1.00,EUR,refund\n\
          l\xff,2026-01-31,1.00,EUR,\n\
          m,,1.00,EUR,\n\
          n,2026-01-31,,EUR,\n\
          o,2026-01-31,1.00,,\n\
          ,,,,\n\
          \n\
          ok,2026-01-31,1.00,EUR,\n",
    );
    assert_eq!(amounts(&reading), ["ok 100 EUR"]);
    insta::assert_snapshot!(errors(&reading).join("\n"));
    let codes: Vec<&str> = reading.errors.iter().map(|error| error.code).collect();
    assert_eq!(
        codes,
        [
            "not_a_date",
            "not_a_date",
            "date_out_of_range",
            "too_precise",
            "amount_overflow",
            "not_an_amount",
            "unknown_currency",
            "broken_row",
            "broken_row",
            "unknown_kind",
            "unknown_kind",
            "invalid_utf8",
            "empty_value",
            "empty_value",
            "empty_value",
            "duplicate_id",
        ]
    );
}

#[test]
fn a_quote_that_is_never_closed_is_no_silent_loss() {
    let reading = read(b"id,date,amount,currency\n1,2026-01-31,1,EUR\n2,\"2026-01-31,1,EUR\n3,2026-01-31,1,EUR\n");
    assert_eq!(amounts(&reading), ["1 100 EUR"]);
    assert_eq!(
        errors(&reading),
        [
            "line 3: has 2 fields, but the header has 4: a quote is opened and not closed, so 3 lines were read as one row; close the quote"
        ]
    );
}

#[test]
fn a_head_that_cannot_be_read_says_all_that_is_wrong() {
    insta::assert_snapshot!(
        [
            refused(b"", &Mapping::default()),
            refused(b"\xef\xbb\xbf\r\n", &Mapping::default()),
            refused(b"Nr;Datum;Betrag\n1;2026-01-31;5\n", &Mapping::default()),
            refused(b"id,date,amount,amount,currency\n", &Mapping::default()),
            refused(b"id,date,amount,currency\n1,2026-01-31,1,EUR\n", &mapping(&json!({"memo": "Text", "id": "ID"}))),
            refused(b"id,date,amount,currency\n1,01/02/2026,\"1,234\",KWD\n", &Mapping::default()),
        ]
        .join("\n")
    );
}

#[test]
fn strict_stops_at_the_first_bad_row() {
    let file = b"id,date,amount,currency\n1,2026-01-31,x,EUR\n2,2026-01-31,y,EUR\n";
    let errors = read_records(file.as_slice(), Side::Source, &Mapping::default(), true).unwrap_err();
    assert_eq!(errors.0.iter().map(|error| error.line).collect::<Vec<_>>(), [Some(2)]);
    let file = b"id,date,amount,currency\n1,2026-01-31,2,EUR\n1,2026-01-31,2,EUR\n";
    let errors = read_records(file.as_slice(), Side::Source, &Mapping::default(), true).unwrap_err();
    assert_eq!(errors.0[0].code, "duplicate_id");
}

fn sorted(records: &Records) -> Vec<String> {
    let mut texts: Vec<String> = records.iter().map(|record| format!("{record:?}")).collect();
    texts.sort();
    texts
}

#[test]
fn rows_without_an_id_get_one_by_their_content() {
    let rows = ["2026-01-31,1,EUR,a", "2026-01-31,1,EUR,a", "2026-01-31,1,EUR,b"];
    let file = |rows: &[&str]| format!("date,amount,currency,memo\n{}\n", rows.join("\n"));
    let reading = read(file(&rows).as_bytes());
    let ids: Vec<&str> = reading.records.iter().map(RecordRef::id).collect();
    assert!(ids[0].starts_with("row-") && ids[1] == format!("{}-2", ids[0]) && ids[2] != ids[0], "{ids:?}");
    let other = read(file(&[rows[2], rows[1], rows[0]]).as_bytes());
    assert_eq!(sorted(&reading.records), sorted(&other.records));
}

#[test]
fn of_equal_ids_the_same_row_stays_whatever_the_order() {
    let rows = ["1,2026-01-31,5,EUR", "1,2026-01-30,7,EUR", "2,2026-01-30,7,EUR"];
    let file = |order: [usize; 3]| format!("id,date,amount,currency\n{}\n", order.map(|at| rows[at]).join("\n"));
    let first = read(file([0, 1, 2]).as_bytes());
    assert_eq!((first.records.len(), first.errors.len()), (2, 1));
    for order in [[1, 0, 2], [2, 1, 0], [1, 2, 0]] {
        let again = read(file(order).as_bytes());
        assert_eq!(sorted(&again.records), sorted(&first.records));
        assert_eq!(again.errors.len(), 1);
    }
}

fn cell() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => "[a-z0-9 ,;\"\n\r\t'|äß-]{0,8}",
        2 => "-?[0-9]{1,4}([.,][0-9]{1,3})?",
        2 => "(20[0-9]{2}-[01][0-9]-[0-3][0-9])|([0-3][0-9]\\.[01][0-9]\\.20[0-9]{2})",
        1 => Just("EUR".to_owned()),
    ]
}

proptest! {
    /// Whatever the bytes: no panic, and every row is a record, an error, or empty.
    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = read_records(bytes.as_slice(), Side::Target, &Mapping::default(), false);
        let mut file = b"id,date,amount,currency\n".to_vec();
        file.extend(bytes);
        if let Ok(reading) = read_records(file.as_slice(), Side::Target, &Mapping::default(), false) {
            prop_assert!(reading.errors.iter().all(|error| error.line.is_some()));
        }
    }

    /// What a CSV writer writes is read back field by field, in every dialect, and nothing is lost.
    #[test]
    fn what_is_written_is_read_or_named(
        cells in prop::collection::vec(prop::array::uniform5(cell()), 1..12),
        delimiter in prop::sample::select(vec![b',', b';', b'\t']),
        crlf in any::<bool>(),
    ) {
        let mut writer = ::csv::WriterBuilder::new()
            .delimiter(delimiter)
            .terminator(if crlf { ::csv::Terminator::CRLF } else { ::csv::Terminator::Any(b'\n') })
            .from_writer(Vec::new());
        writer.write_record(["id", "date", "amount", "currency", "memo"]).unwrap();
        for row in &cells {
            writer.write_record(row).unwrap();
        }
        let file = writer.into_inner().unwrap();
        if let Ok(reading) = read_records(file.as_slice(), Side::Source, &Mapping::default(), false) {
            let empty = cells.iter().filter(|row| row.iter().all(|cell| cell.trim().is_empty())).count();
            prop_assert_eq!(reading.records.len() + reading.errors.len() + empty, cells.len());
        }
    }

    /// Good rows in any order are the same records.
    #[test]
    fn the_order_of_rows_does_not_matter(
        rows in prop::collection::vec((0_u8..6, 1_i64..5_000, 1_u8..28), 1..20),
        seed in any::<u64>(),
    ) {
        let line = |(id, minor, day): &(u8, i64, u8)| format!("{id},2026-01-{day:02},{}.{:02},EUR", minor / 100, minor % 100);
        let file = |lines: &[String]| format!("id,date,amount,currency\n{}\n", lines.join("\n"));
        let lines: Vec<String> = rows.iter().map(line).collect();
        let mut shuffled = lines.clone();
        let length = shuffled.len();
        for at in 0..length {
            let other = usize::try_from(seed.rotate_left(u32::try_from(at).unwrap()) % length as u64).unwrap();
            shuffled.swap(at, other);
        }
        let (one, two) = (read(file(&lines).as_bytes()), read(file(&shuffled).as_bytes()));
        prop_assert_eq!(sorted(&one.records), sorted(&two.records));
        prop_assert_eq!(one.errors.len(), two.errors.len());
    }
}
