//! What is read: every movement once, at its own time, however often the reading is interrupted.

use super::{BOTH, World, append, instant, padded_january};
use domain::{
    Timestamp,
    record::{Kind, Record, Side, Status},
    time::Window,
};
use providers::{Page, ProviderError};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

const PRESETS: [&str; 7] =
    ["clean", "typical", "no-refs", "flash-sale", "multi-currency", "refund-heavy", "adversarial"];

/// Reads as a state machine does: a new adapter for every call, the cursor as text in between, and the same call again
/// where one failed.
async fn read_interrupted(world: &World, name: &str, window: Window) -> Page {
    let (mut all, mut cursor) = (Page::default(), None::<String>);
    loop {
        let given = cursor.as_deref().map(|text| serde_json::from_str(text).expect("a cursor"));
        match world.adapter(name).fetch(window, given).await {
            Err(ProviderError::Throttled { retry_after_s: 60, .. }) => {}
            Err(error) => panic!("{name}: {error}"),
            Ok(page) => {
                cursor = page.next.as_ref().map(Value::to_string);
                append(&mut all, page);
                match &cursor {
                    None => return all,
                    Some(cursor) => assert!(cursor.len() < 4096, "{cursor}"),
                }
            }
        }
    }
}

#[tokio::test]
async fn an_interrupted_read_gives_exactly_what_an_uninterrupted_one_gives() {
    for preset in ["typical", "refund-heavy"] {
        let world = World::of(preset, 700).await;
        for name in BOTH {
            let whole = world.read(name, padded_january()).await.expect("a read");
            assert!(whole.records.len() > 500, "{name}: {}", whole.records.len());
            // A break that is longer than a call may wait comes out at once, wherever the page stands.
            world.fault(json!({ "provider": name, "status": 429, "retry_after_s": 60, "probability": 0.4 })).await;
            let pieces = read_interrupted(&world, name, padded_january()).await;
            world.clear_faults().await;
            let interruptions = world.requests(name).await.1.iter().filter(|status| **status == 429).count();
            assert!(interruptions > 3, "{preset}, {name}: interrupted {interruptions} times only");
            assert_eq!(pieces.records, whole.records, "{preset}, {name}");
            assert_eq!(pieces.orders, whole.orders, "{preset}, {name}");
            assert_eq!(pieces.raw, whole.raw, "{preset}, {name}");
        }
    }
}

#[tokio::test]
async fn a_cursor_gives_the_same_page_whenever_it_is_used() {
    let world = World::of("typical", 500).await;
    for name in BOTH {
        let first = world.adapter(name).fetch(padded_january(), None).await.expect("a page");
        let cursor = first.next.expect("more than one page");
        let once = world.adapter(name).fetch(padded_january(), Some(cursor.clone())).await.expect("a page");
        let again = world.adapter(name).fetch(padded_january(), Some(cursor)).await.expect("a page");
        assert_eq!(once, again, "{name}");
        assert!(!once.records.is_empty());
    }
    // One adapter's cursor means nothing to another, and says so instead of starting anew.
    let page = world.adapter("shopify").fetch(padded_january(), None).await.expect("a page");
    let error = world.adapter("stripe").fetch(padded_january(), page.next).await.expect_err("a foreign cursor");
    assert_eq!(error.failure_name().as_str(), "Settler.ProviderRejected");
}

fn own(page: &Page) -> impl Iterator<Item = &Record> {
    page.records.iter().filter(|record| !record.evidence_only)
}

fn texts(truth: &Value, list: &str) -> BTreeSet<String> {
    let items = truth[list].as_array().expect("a list").iter();
    items.map(|id| id.as_str().expect("an id").to_owned()).collect()
}

fn pairs(truth: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().expect("an id").to_owned();
    truth["pairs"].as_array().expect("a list").iter().map(|pair| (text(&pair[0]), text(&pair[1]))).collect()
}

#[tokio::test]
async fn every_record_of_the_truth_is_read_and_no_other() {
    let range = Window { from: instant("2026-01-01T00:00:00Z"), to: instant("2026-02-01T00:00:00Z") };
    for preset in PRESETS {
        let world = World::of(preset, 250).await;
        let truth = world.sandbox.truth(&world.shop).await;
        let outside = texts(&truth, "outside");
        let mut spoken: BTreeSet<String> = pairs(&truth).into_iter().flat_map(|(a, b)| [a, b]).collect();
        for list in ["source_only", "target_only", "excluded"] {
            spoken.extend(texts(&truth, list));
        }
        let mut read = BTreeMap::new();
        for name in BOTH {
            let page = world.read(name, padded_january()).await.expect("a read");
            // An account in which pages repeat themselves is the only reason to meet a record twice.
            let distinct: BTreeSet<&str> = own(&page).map(|record| record.id.as_str()).collect();
            assert!(preset == "adversarial" || distinct.len() == own(&page).count(), "{preset}, {name}");
            read.extend(own(&page).map(|record| (record.id.clone(), record.clone())));
        }
        let inside: BTreeSet<String> =
            read.values().filter(|record| range.contains(record.occurred_at)).map(|record| record.id.clone()).collect();
        let expected: BTreeSet<String> = spoken.difference(&outside).cloned().collect();
        assert_eq!(inside, expected, "{preset}");
        assert!(outside.iter().all(|id| read.contains_key(id)), "{preset}: a partner outside the range is not read");
        sides_and_money_agree(preset, &read, &pairs(&truth));
    }
}

/// What belongs together is on two sides and, in one currency, worth the same.
fn sides_and_money_agree(preset: &str, read: &BTreeMap<String, Record>, pairs: &[(String, String)]) {
    let mut sums: BTreeMap<&str, i64> = BTreeMap::new();
    let mut compared = 0;
    for (source, target) in pairs {
        let (source, of_target) = (&read[source], &read[target]);
        assert_eq!((source.side, of_target.side), (Side::Source, Side::Target));
        if source.currency == of_target.currency {
            *sums.entry(target).or_default() += source.amount_minor;
        }
    }
    for (target, sum) in sums {
        assert_eq!(read[target].amount_minor, sum, "{preset}: {target}");
        compared += 1;
    }
    assert!(compared > 100, "{preset}: {compared} pairs in one currency");
}

fn money_moved(record: &Record) -> bool {
    record.status == Status::Succeeded && matches!(record.kind, Kind::Sale | Kind::Capture | Kind::Refund)
}

#[tokio::test]
async fn a_movement_belongs_to_the_window_of_its_own_date() {
    let world = World::of("refund-heavy", 300).await;
    for name in BOTH {
        let wide = world.read(name, padded_january()).await.expect("a read");
        // The shop tells of what moved no money only with an order of the window or one whose money moved in it.
        let counts = |record: &&Record| name == "stripe" || money_moved(record);
        let mut times: Vec<Timestamp> = own(&wide).filter(counts).map(|record| record.occurred_at).collect();
        times.sort_unstable();
        // Both edges lie exactly on movements: the first belongs to the window, the last does not.
        for (first, last) in [(times.len() / 3, times.len() * 2 / 3), (times.len() / 2, times.len() / 2 + 1)] {
            let window = Window { from: times[first], to: times[last] };
            let narrow = world.read(name, window).await.expect("a read");
            let ids = |records: &mut dyn Iterator<Item = &Record>| -> BTreeMap<String, Timestamp> {
                records.map(|record| (record.id.clone(), record.occurred_at)).collect()
            };
            let got = ids(&mut own(&narrow).filter(counts));
            let expected = ids(&mut own(&wide).filter(counts).filter(|record| window.contains(record.occurred_at)));
            assert_eq!(got, expected, "{name} in {window:?}");
            assert!(got.values().any(|at| *at == window.from) && got.values().all(|at| *at < window.to));
            assert!(own(&narrow).all(|record| window.contains(record.occurred_at)));
        }
    }
}

#[tokio::test]
async fn a_refund_of_an_older_order_is_read_with_its_sale_as_evidence() {
    let world = World::of("refund-heavy", 300).await;
    let window = Window { from: instant("2026-01-10T00:00:00Z"), to: instant("2026-01-20T00:00:00Z") };
    for name in BOTH {
        let page = world.read(name, window).await.expect("a read");
        let evidence: BTreeSet<&str> =
            page.records.iter().filter(|record| record.evidence_only).map(|record| record.id.as_str()).collect();
        let mut older = 0;
        for refund in own(&page).filter(|record| record.kind == Kind::Refund) {
            let parent = refund.parent.as_deref().expect("a refund has a parent");
            let beside = own(&page).any(|record| record.id == parent);
            assert!(beside || evidence.contains(parent), "{name}: {} without {parent}", refund.id);
            older += usize::from(!beside);
        }
        assert!(older > 5, "{name}: {older} refunds of earlier payments");
    }
}

#[tokio::test]
async fn without_the_scope_an_old_window_is_refused_and_not_empty() {
    let world = World::with("clean", 20, json!({ "scopes": ["read_orders"] })).await;
    let error = world.read("shopify", padded_january()).await.expect_err("older than 60 days");
    assert_eq!(error.failure_name().as_str(), "Settler.ProviderAccessDenied");
    assert!(error.to_string().contains("read_all_orders"), "{error}");
}
