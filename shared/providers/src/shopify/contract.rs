//! The queries against the published schema: valid, nothing deprecated, and within the cost of one query.

use super::{
    SCOPES,
    normalise::read_order,
    select::{
        ORDERS, ORDERS_BY_ID, ORDERS_PER_PAGE, TENDER, TENDER_PER_PAGE, TRANSACTIONS_OF_ONE_ORDER,
        TRANSACTIONS_PER_ORDER,
    },
};
use apollo_compiler::{
    ExecutableDocument, Schema,
    executable::{Field, Selection, SelectionSet},
    validation::Valid,
};
use serde_json::{Value, json};

/// Shopify refuses a query that asks for more, whatever the plan.
const MAX_QUERY_COST: u64 = 1000;

fn schema() -> Valid<Schema> {
    Schema::parse_and_validate(include_str!("../../schema/admin-2026-10.graphql"), "admin-2026-10.graphql").unwrap()
}

/// Every query with the largest variables that the adapter sends.
fn queries() -> [(&'static str, &'static str, Value); 5] {
    let ids = |count: u32| vec!["gid://shopify/Order/1"; count as usize];
    [
        ("scopes", SCOPES, json!({})),
        ("orders", ORDERS, json!({"first": ORDERS_PER_PAGE, "transactions": TRANSACTIONS_PER_ORDER})),
        ("orders by id", ORDERS_BY_ID, json!({"ids": ids(ORDERS_PER_PAGE), "transactions": TRANSACTIONS_PER_ORDER})),
        ("one order", ORDERS_BY_ID, json!({"ids": ids(1), "transactions": TRANSACTIONS_OF_ONE_ORDER})),
        ("tender transactions", TENDER, json!({"first": TENDER_PER_PAGE})),
    ]
}

#[test]
fn queries_are_valid_and_use_nothing_deprecated() {
    let schema = schema();
    for (name, text, _) in queries() {
        let document = ExecutableDocument::parse_and_validate(&schema, text, "query.graphql");
        let document = document.unwrap_or_else(|error| panic!("{name}: {}", error.errors));
        let fields = document.operations.get(None).unwrap().all_fields(&document);
        for field in fields {
            assert!(field.definition.directives.get("deprecated").is_none(), "{name}: {} is deprecated", field.name);
        }
    }
}

#[test]
fn queries_stay_within_the_cost_of_one_query() {
    let schema = schema();
    for (name, text, variables) in queries() {
        let document = ExecutableDocument::parse_and_validate(&schema, text, "query.graphql").unwrap();
        let root = &document.operations.get(None).unwrap().selection_set;
        let cost = set_cost(&schema, &document, root, &variables);
        assert!(cost <= MAX_QUERY_COST, "{name} may cost {cost}");
    }
}

/// As Shopify documents it (objects 1, scalars and enums 0, connections by their size), with plain lists counted by
/// their size too, which is the dearest reading.
fn set_cost(schema: &Valid<Schema>, document: &ExecutableDocument, set: &SelectionSet, variables: &Value) -> u64 {
    let cost = |selection: &Selection| match selection {
        Selection::Field(field) => field_cost(schema, document, field, variables),
        Selection::FragmentSpread(spread) => {
            set_cost(schema, document, &document.fragments[&spread.fragment_name].selection_set, variables)
        }
        Selection::InlineFragment(fragment) => set_cost(schema, document, &fragment.selection_set, variables),
    };
    set.selections.iter().map(cost).sum()
}

fn field_cost(schema: &Valid<Schema>, document: &ExecutableDocument, field: &Field, variables: &Value) -> u64 {
    if field.selection_set.selections.is_empty() {
        return 0;
    }
    let inner = set_cost(schema, document, &field.selection_set, variables);
    let argument = |name: &str| {
        let variable = field.specified_argument_by_name(name)?.as_variable()?;
        Some(&variables[variable.as_str()])
    };
    let size =
        argument("first").and_then(Value::as_u64).or_else(|| argument("ids")?.as_array().map(|ids| ids.len() as u64));
    if field.ty().inner_named_type().ends_with("Connection") {
        // The nodes are what is multiplied; the list of them and its page information come with the connection.
        return 2 + size.unwrap() * inner;
    }
    match field.name.as_str() {
        "pageInfo" => 0,
        _ => size.unwrap_or(1) * (1 + inner),
    }
}

#[test]
fn every_kind_and_status_of_the_schema_is_understood() {
    let schema = schema();
    let values = |name: &str| schema.get_enum(name).unwrap().values.keys().map(ToString::to_string).collect::<Vec<_>>();
    for kind in values("OrderTransactionKind") {
        for status in values("OrderTransactionStatus") {
            let mut order = super::tests::order(1, "2026-01-01T00:00:00Z");
            order["transactions"] =
                json!([super::tests::transaction(1, &kind, &status, "1.00", "2026-01-01T00:00:00Z")]);
            let read = read_order(&order, 0).unwrap();
            assert_eq!(read.movements.len(), usize::from(kind != "SUGGESTED_REFUND"), "{kind} {status}");
        }
    }
}
