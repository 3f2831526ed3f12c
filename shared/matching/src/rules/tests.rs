use super::*;
use proptest::prelude::*;
use serde_json::json;

fn pointers(value: &Value) -> Vec<String> {
    RuleSet::from_json(value).expect_err("wrong fields").into_iter().map(|error| error.pointer).collect()
}

#[test]
fn all_wrong_fields_are_named_at_once() {
    let rules = json!({
        "gateways": ["", 3], "colour": 1, "amount_days": -1, "key_fields": "order",
        "tolerance": {"over_bp": 20_000, "fees": [{"name": "card"}]},
        "weights": {"time": [{"from_minutes": 0, "to_minutes": 10, "share": 1}]},
    });
    let expected = [
        "/amount_days",
        "/colour",
        "/gateways/0",
        "/gateways/1",
        "/key_fields",
        "/tolerance/fees/0/percent_bp",
        "/tolerance/over_bp",
        "/weights/time/0/share",
    ];
    assert_eq!(pointers(&rules), expected);
    assert_eq!(pointers(&json!([])), [""]);
}

#[test]
fn what_fields_say_together_is_checked_too() {
    let rules = json!({
        "gateways": [],
        "tolerance": {"fx_bands": [{"source": "USD", "target": "USD", "rate": "zero", "band_bp": 1}]},
        "weights": {
            "time": [{"from_minutes": 0, "to_minutes": 10, "share": -1}, {"from_minutes": 11, "to_minutes": 20, "share": -1}],
            "amount": [{"up_to_ppm": 5, "share": -1}],
            "calibration": [{"margin": 5, "confidence_bp": 10}, {"margin": 5, "confidence_bp": 20}],
        },
    });
    let expected = [
        "/gateways",
        "/tolerance/fx_bands/0/rate",
        "/tolerance/fx_bands/0/target",
        "/weights/amount/0/up_to_ppm",
        "/weights/calibration/1",
        "/weights/time/1",
    ];
    assert_eq!(pointers(&rules), expected);
}

#[test]
fn what_is_not_given_keeps_the_default_of_the_profile() {
    let rules = RuleSet::from_json(&json!({"profile": "ledger", "tolerance": {"over_bp": 100}})).expect("right rules");
    let defaults = RuleSet::of(Profile::Ledger);
    assert_eq!(rules.tolerance.over_bp, 100);
    assert_eq!(rules.tolerance.under_bp, defaults.tolerance.under_bp);
    assert_eq!(rules.weights, defaults.weights);
    assert_eq!(RuleSet::from_json(&json!({})), Ok(RuleSet::default()));
    assert_eq!(RuleSet::over(Profile::Ledger, &json!({})), Ok(defaults));
}

#[test]
fn a_changed_rule_set_has_another_version() {
    assert_eq!(RuleSet::default().version(), "shop@1");
    assert_eq!(RuleSet::of(Profile::Ledger).version(), "ledger@1");
    let other = RuleSet { amount_days: 5, ..RuleSet::default() }.version();
    assert!(other.starts_with("shop@1+") && other.len() == 15, "{other}");
}

#[test]
fn mirroring_twice_changes_nothing() {
    for profile in [Profile::Shop, Profile::Ledger] {
        let rules = RuleSet::of(profile);
        assert_eq!(rules.mirrored().mirrored(), rules);
        assert!(rules.mirrored().inconsistencies().is_empty());
    }
}

#[test]
fn the_schema_describes_exactly_the_fields_there_are() {
    fn compare(schema: &Value, root: &Value, value: &Value, place: &str) {
        let reference = schema.get("$ref").and_then(Value::as_str).and_then(|name| name.strip_prefix('#'));
        let schema = reference.map_or(schema, |pointer| root.pointer(pointer).expect("a definition"));
        match value {
            Value::Object(fields) => {
                let known = schema.get("properties").and_then(Value::as_object).expect(place);
                let names = |object: &serde_json::Map<String, Value>| {
                    object.keys().cloned().collect::<std::collections::BTreeSet<_>>()
                };
                assert_eq!(names(fields), names(known), "{place}");
                assert_eq!(schema.get("additionalProperties"), Some(&json!(false)), "{place}");
                for (name, value) in fields {
                    let property = known.get(name).expect(name);
                    assert!(property.get("description").is_some(), "{place}/{name} is described");
                    compare(property, root, value, &format!("{place}/{name}"));
                }
            }
            Value::Array(entries) => {
                for entry in entries {
                    compare(schema.get("items").expect(place), root, entry, &format!("{place}/*"));
                }
            }
            _ => {}
        }
    }
    let schema: Value = serde_json::from_str(SCHEMA).expect("a schema");
    let mut rules = RuleSet::of(Profile::Shop);
    rules.tolerance.fees = vec![FeeSchedule {
        name: "card".to_owned(),
        percent_bp: 290,
        fixed_minor: 30,
        currency: domain::Currency::parse("USD").ok(),
        rounding_minor: 1,
    }];
    rules.tolerance.fx_bands = vec![FxBand {
        source: domain::Currency::parse("USD").expect("a currency"),
        target: domain::Currency::parse("EUR").expect("a currency"),
        rate: "0.92".to_owned(),
        band_bp: 200,
    }];
    compare(&schema, &schema, &serde_json::to_value(rules).expect("an object"), "");
}

/// The reader understands what a full implementation of JSON Schema understands, on the defaults and on every document
/// that is made of them by putting one wrong value somewhere.
#[test]
fn the_reader_agrees_with_a_full_implementation() {
    fn places(value: &Value, at: &str, found: &mut Vec<String>) {
        found.push(at.to_owned());
        match value {
            Value::Object(fields) => {
                for (name, value) in fields {
                    places(value, &format!("{at}/{name}"), found);
                }
            }
            Value::Array(list) => {
                for (number, value) in list.iter().enumerate().take(2) {
                    places(value, &format!("{at}/{number}"), found);
                }
            }
            _ => {}
        }
    }
    let schema: Value = serde_json::from_str(SCHEMA).expect("a schema");
    let full = jsonschema::validator_for(&schema).expect("a valid schema");
    let wrong = [
        json!(null),
        json!(-1),
        json!(1.5),
        json!(9_000_000_000_000_000_000_u64),
        json!(""),
        json!([]),
        json!({"x": 1}),
        json!([1]),
        json!(true),
    ];
    for profile in [Profile::Shop, Profile::Ledger] {
        let rules = serde_json::to_value(RuleSet::of(profile)).expect("an object");
        assert!(full.is_valid(&rules));
        let mut found = Vec::new();
        places(&rules, "", &mut found);
        for place in found {
            for value in &wrong {
                let mut document = rules.clone();
                *document.pointer_mut(&place).expect("a place") = value.clone();
                let ours = validate::against(&schema, &document);
                assert_eq!(ours.is_empty(), full.is_valid(&document), "{place} = {value}: {ours:?}");
            }
        }
    }
}

/// JSON that looks like rules: their own names with values of any kind, numbers at their extremes.
fn any_rules() -> impl Strategy<Value = Value> {
    let names: Vec<String> = match serde_json::to_value(RuleSet::of(Profile::Ledger)) {
        Ok(Value::Object(fields)) => fields.keys().cloned().collect(),
        _ => Vec::new(),
    };
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (0..50_i64).prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "\\PC{0,12}".prop_map(Value::from),
    ];
    let name = prop_oneof![4 => prop::sample::select(names), 1 => "\\PC{0,8}"];
    leaf.prop_recursive(4, 40, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(name.clone(), inner, 0..5)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever is given is taken or refused with places; what is taken is whole and means the same when it is read again.
    #[test]
    fn any_json_is_taken_or_refused_with_a_place(given in any_rules()) {
        match RuleSet::from_json(&given) {
            Ok(rules) => {
                let again = serde_json::to_value(&rules).unwrap();
                prop_assert_eq!(RuleSet::from_json(&again), Ok(rules));
            }
            Err(errors) => {
                prop_assert!(!errors.is_empty());
                prop_assert!(errors.iter().all(|error| !error.message.is_empty()));
            }
        }
    }
}
