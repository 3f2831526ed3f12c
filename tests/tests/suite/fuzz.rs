//! Readers of what people write, fed with nonsense that looks like it: nothing panics, nothing gets lost, and what is
//! accepted is read the same again.
//!
//! A longer run by hand: `PROPTEST_CASES=1000000 cargo nextest run --release -p settler-tests fuzz`.

use domain::record::Side;
use matching::RuleSet;
use proptest::prelude::*;
use providers::csv::{Mapping, read_records};
use serde_json::{Map, Value, json};

/// Pieces out of which files are made: every mark that means something, and some that do not.
fn piece() -> impl Strategy<Value = Vec<u8>> {
    let fixed: Vec<&'static [u8]> = vec![
        b"id",
        b"date",
        b"amount",
        b"currency",
        b"memo",
        b"fee",
        b"debit",
        b"credit",
        b"kind",
        b",",
        b";",
        b"\t",
        b"|",
        b"\n",
        b"\r\n",
        b"\r",
        b"\"",
        b"\"\"",
        b"'",
        b" ",
        b"\xEF\xBB\xBF",
        b"\xFF\xFE",
        b"\xC3",
        b"\xA0",
        b"\0",
        b"sep=;\n",
        b"EUR",
        b"JPY",
        b"ZZZ",
        b"2026-01-31",
        b"31.01.2026",
        b"01/02/2026",
        b"T10:00:00Z",
        b"-",
        b"+",
        b"(",
        b")",
        b"1,234.56",
        b"1.234,56",
        b"0",
        b"9",
        b"99999999999999999999",
        b"refund",
    ];
    prop_oneof![
        12 => prop::sample::select(fixed).prop_map(<[u8]>::to_vec),
        1 => prop::collection::vec(any::<u8>(), 0..6),
    ]
}

fn file() -> impl Strategy<Value = Vec<u8>> {
    let body = prop::collection::vec(piece(), 0..120).prop_map(|pieces| pieces.concat());
    let head = prop::sample::select(vec![
        "",
        "id,date,amount,currency\n",
        "date;amount;currency;memo\n",
        "id\tdate\tdebit\tcredit\tcurrency\n",
    ]);
    (head, body).prop_map(|(head, body)| [head.as_bytes(), &body].concat())
}

/// JSON that is nearly a rule set or a mapping.
fn document() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(|number| json!(number)),
        (0_u64..400).prop_map(Value::from),
        "[a-z_./:;, ]{0,12}".prop_map(Value::from),
        prop::sample::select(vec!["shop", "ledger", "stripe", "UTC", "comma", ";", "dmy", "EUR"]).prop_map(Value::from),
    ];
    let names = prop::sample::select(vec![
        "profile",
        "gateways",
        "window_pad_days",
        "key_fields",
        "amount_days",
        "set_hours",
        "group_max_members",
        "tolerances",
        "fees",
        "fx",
        "thresholds",
        "weights",
        "id",
        "amount",
        "debit",
        "refs",
        "counterparty",
        "email",
        "zone",
        "format",
        "decimal",
        "delimiter",
        "x~/y",
    ]);
    leaf.prop_recursive(3, 40, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
            prop::collection::vec((names.clone(), inner), 0..8).prop_map(|fields| Value::Object(
                fields.into_iter().map(|(k, v)| (k.to_owned(), v)).collect::<Map<_, _>>()
            )),
        ]
    })
}

proptest! {
    #[test]
    fn any_file_is_read_or_refused(bytes in file(), strict in any::<bool>()) {
        let read = || read_records(bytes.as_slice(), Side::Source, &Mapping::default(), strict);
        match read() {
            Ok(reading) => {
                prop_assert!(reading.errors.iter().all(|error| error.line.is_some() && !error.detail.is_empty()));
                prop_assert!(!strict || reading.errors.is_empty());
                let mut ids: Vec<&str> = reading.records.iter().map(domain::records::RecordRef::id).collect();
                ids.sort_unstable();
                let all = ids.len();
                ids.dedup();
                prop_assert_eq!(ids.len(), all, "an id is given twice");
                prop_assert_eq!(Ok(reading), read());
            }
            Err(errors) => prop_assert!(!errors.0.is_empty() && !errors.to_string().is_empty()),
        }
    }

    #[test]
    fn any_rules_are_accepted_and_kept_or_refused_with_places(value in document()) {
        match RuleSet::from_json(&value) {
            Ok(rules) => {
                let written = serde_json::to_value(&rules).expect("rules are JSON");
                prop_assert_eq!(RuleSet::from_json(&written), Ok(rules));
            }
            Err(errors) => {
                prop_assert!(!errors.is_empty());
                for error in errors {
                    prop_assert!(error.pointer.is_empty() || error.pointer.starts_with('/'), "{}", error.pointer);
                    prop_assert!(!error.message.is_empty());
                }
            }
        }
    }

    #[test]
    fn any_mapping_is_accepted_and_kept_or_refused_with_places(value in document()) {
        match Mapping::from_json(&value) {
            Ok(mapping) => prop_assert_eq!(Mapping::from_json(&mapping.to_json()), Ok(mapping)),
            Err(errors) => {
                prop_assert!(errors.iter().all(|error| error.pointer.is_empty() || error.pointer.starts_with('/')));
            }
        }
    }
}
