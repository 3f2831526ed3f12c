//! Result pages: packing, paging, rewriting, cost.

use crate::{backend::Backend, for_both, given::tenant};
use domain::{ReconciliationId, matches::OrderState};
use projections::{Position, ReadError, ResultList, read_page};
use serde_json::{Value, json};

for_both!(
    every_row_comes_back_in_order,
    rewriting_leaves_nothing_stale,
    lists_attempts_and_tenants_are_apart,
    orders_of_all_states_page_as_one_list,
    large_rows_still_fit,
    ten_thousand_orders_cost_little,
);

fn run() -> ReconciliationId {
    ReconciliationId::parse("recon_1").unwrap()
}

fn rows(count: usize, mark: &str) -> Vec<Value> {
    let row = |number: usize| {
        json!({ "order_id": format!("gid://shopify/Order/{}", 5_000_000_000_000_u64 + number as u64 * 7_919), "order_name": format!("#{number}"),
                "currency": "EUR", "total_minor": number * 37 % 50_000, "received_minor": number, "refunded_minor": 0, "matched_minor": number,
                "state": mark })
    };
    (0..count).map(row).collect()
}

async fn read(backend: &Backend, list: ResultList, limit: u32) -> Vec<Value> {
    let mut found = Vec::new();
    let mut position = Some(Position::default());
    while let Some(start) = position {
        let page = backend.results.page(&tenant("acme"), &run(), 1, list, limit, start).await.unwrap();
        assert!(
            page.rows.len() == usize::try_from(limit).unwrap() || page.next.is_none(),
            "only the last page is short"
        );
        found.extend(page.rows);
        position = page.next;
    }
    found
}

async fn every_row_comes_back_in_order(backend: Backend) {
    let acme = tenant("acme");
    assert_eq!(read(&backend, ResultList::Unmatched, 50).await, Vec::<Value>::new(), "never written");
    for count in [0, 1, 199, 200, 201, 401] {
        let written = rows(count, "x");
        backend.results.write(&acme, &run(), 1, ResultList::Unmatched, &written).await.unwrap();
        for limit in [37, 200] {
            assert_eq!(read(&backend, ResultList::Unmatched, limit).await, written, "{count} rows by {limit}");
        }
    }
}

async fn rewriting_leaves_nothing_stale(backend: Backend) {
    let acme = tenant("acme");
    for count in [900, 900, 250, 10, 0] {
        let written = rows(count, &format!("of {count}"));
        backend.results.write(&acme, &run(), 1, ResultList::Excluded, &written).await.unwrap();
        assert_eq!(read(&backend, ResultList::Excluded, 100).await, written);
    }
}

async fn lists_attempts_and_tenants_are_apart(backend: Backend) {
    let acme = tenant("acme");
    backend.results.write(&acme, &run(), 1, ResultList::Suggested, &rows(3, "x")).await.unwrap();
    let page = async |tenant_id: &str, attempt, list| {
        backend
            .results
            .page(&tenant(tenant_id), &run(), attempt, list, 10, Position::default())
            .await
            .unwrap()
            .rows
            .len()
    };
    assert_eq!(page("acme", 1, ResultList::Suggested).await, 3);
    assert_eq!(page("acme", 2, ResultList::Suggested).await, 0);
    assert_eq!(page("acme", 1, ResultList::Unmatched).await, 0);
    assert_eq!(page("other", 1, ResultList::Suggested).await, 0);
}

async fn orders_of_all_states_page_as_one_list(backend: Backend) {
    let acme = tenant("acme");
    for (state, count) in
        [(OrderState::Paid, 250), (OrderState::Unpaid, 3), (OrderState::Refunded, 0), (OrderState::OutOfScope, 7)]
    {
        backend.results.write(&acme, &run(), 1, ResultList::Orders(state), &rows(count, state.as_str())).await.unwrap();
    }
    let of_run = (&acme, &run(), 1);
    let mut states = Vec::new();
    let mut cursor: Option<String> = None;
    loop {
        let page = read_page(&*backend.results, of_run, &ResultList::ORDERS, 100, cursor.as_deref()).await.unwrap();
        states.extend(page.items.iter().map(|row| row["state"].as_str().unwrap().to_owned()));
        cursor = page.next_cursor;
        if cursor.is_none() {
            break;
        }
    }
    let count = |state: &str| states.iter().filter(|seen| *seen == state).count();
    assert_eq!((states.len(), count("paid"), count("unpaid"), count("out_of_scope")), (260, 250, 3, 7));

    let first = read_page(&*backend.results, of_run, &ResultList::ORDERS, 100, None).await.unwrap();
    let cursor = first.next_cursor.as_deref();
    let invalid = |result: Result<_, ReadError>| matches!(result, Err(ReadError::InvalidCursor));
    assert!(invalid(read_page(&*backend.results, of_run, &[ResultList::Unmatched], 100, cursor).await.map(|_| ())));
    assert!(invalid(
        read_page(&*backend.results, (&tenant("other"), &run(), 1), &ResultList::ORDERS, 100, cursor).await.map(|_| ())
    ));
    assert!(invalid(
        read_page(&*backend.results, (&acme, &run(), 2), &ResultList::ORDERS, 100, cursor).await.map(|_| ())
    ));
    assert!(invalid(read_page(&*backend.results, of_run, &ResultList::ORDERS, 100, Some("x")).await.map(|_| ())));
}

async fn large_rows_still_fit(backend: Backend) {
    let acme = tenant("acme");
    // Digits of a simple generator do not compress to less than half.
    let mut seed = 1_u64;
    let mut noise = |length: usize| -> String {
        let digit = |_| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            char::from_digit((seed >> 60) as u32, 16).unwrap()
        };
        (0..length).map(digit).collect()
    };
    let written: Vec<Value> = (0..40).map(|number| json!({ "number": number, "noise": noise(9_000) })).collect();
    backend.results.write(&acme, &run(), 1, ResultList::Unmatched, &written).await.unwrap();
    assert_eq!(read(&backend, ResultList::Unmatched, 30).await, written);
    let too_large = [json!(noise(900_000))];
    assert!(backend.results.write(&acme, &run(), 1, ResultList::Unmatched, &too_large).await.is_err());
}

async fn ten_thousand_orders_cost_little(backend: Backend) {
    let acme = tenant("acme");
    let orders = rows(10_000, "paid");
    let units = backend.results.write(&acme, &run(), 1, ResultList::Orders(OrderState::Paid), &orders).await.unwrap();
    assert!(units.write_milli <= 400_000, "{} milli-units", units.write_milli);
    assert_eq!(read(&backend, ResultList::Orders(OrderState::Paid), 200).await.len(), 10_000);
}
