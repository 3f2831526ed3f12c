//! Executing a checked operation against a shop's objects: only what was selected is returned.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use graphql_parser::query::{Field, SelectionSet};
use serde_json::{Map, Value, json};

use super::graphql::{Operation, ROOT};
use super::schema::{FieldDef, SCHEMA};
use super::search::Search;
use super::store::{Entry, Item, Store};

/// Lists end here, however much there is.
const MOST_OBJECTS_PAGED: usize = 25_000;

#[derive(Debug)]
pub struct Executor<'s, 'd> {
    pub store: &'s Store,
    pub operation: &'s Operation<'d>,
    pub scopes: &'s [String],
    /// Orders processed before this are invisible (the 60 days without `read_all_orders`).
    pub visible_from_s: i64,
    /// Points that the objects really returned are worth.
    pub cost: i64,
    pub errors: Vec<Value>,
    /// Ignored parts of search queries, for `extensions.search`.
    pub search: Vec<Value>,
}

/// An object of the shop, or a plain value inside one.
#[derive(Debug, Clone, Copy)]
enum Source<'v> {
    Item(Item),
    Value(&'v Value),
}

type Set<'d> = &'d SelectionSet<'static, String>;

impl<'s, 'd> Executor<'s, 'd> {
    pub fn run(&mut self) -> Value {
        let mut fields = Vec::new();
        self.operation.fields(self.operation.selection, ROOT, &mut fields);
        let mut data = Map::new();
        for field in fields {
            let value = self.root(field);
            merge(&mut data, key_of(field), value);
        }
        Value::Object(data)
    }

    fn root(&mut self, field: &'d Field<'static, String>) -> Value {
        let Some(definition) = SCHEMA.types.get(ROOT).and_then(|of| of.fields.get(&field.name)) else {
            return json!(ROOT);
        };
        let set = &field.selection_set;
        match field.name.as_str() {
            "shop" => self.object(Source::Value(&self.store.shop), "Shop", set, true),
            "currentAppInstallation" => {
                let scopes: Vec<Value> = self
                    .scopes
                    .iter()
                    .map(|handle| json!({ "handle": handle, "description": handle.replace('_', " ") }))
                    .collect();
                self.object(
                    Source::Value(&json!({ "id": "gid://shopify/AppInstallation/1", "accessScopes": scopes })),
                    "AppInstallation",
                    set,
                    true,
                )
            }
            "node" | "order" => {
                let gid = self.operation.argument(field, "id");
                self.by_id(gid.as_ref().and_then(Value::as_str), definition, set)
            }
            "nodes" => {
                let ids = self.operation.argument(field, "ids").unwrap_or_default();
                let ids = if let Value::Array(ids) = ids { ids } else { vec![ids] };
                Value::Array(ids.iter().map(|gid| self.by_id(gid.as_str(), definition, set)).collect())
            }
            "ordersCount" => {
                let count = self.entries(field, &self.store.orders).map_or(0, |found| found.len());
                self.object(Source::Value(&json!({ "count": count, "precision": "EXACT" })), "Count", set, false)
            }
            "orders" => {
                let sort_key = self.operation.argument(field, "sortKey");
                let sort_key = sort_key.as_ref().and_then(Value::as_str).unwrap_or("PROCESSED_AT").to_owned();
                self.list(field, &self.store.orders, &sort_key, "Order")
            }
            "tenderTransactions" => self.list(field, &self.store.tenders, "ID", "TenderTransaction"),
            _ => Value::Null,
        }
    }

    fn by_id(&mut self, gid: Option<&str>, definition: &FieldDef, set: Set<'d>) -> Value {
        let Some((gid, item)) = gid.and_then(|gid| Some((gid, self.store.find(gid)?))) else {
            return Value::Null;
        };
        let concrete = type_of(gid);
        if definition.base != "Node" && definition.base != concrete {
            return Value::Null;
        }
        self.object(Source::Item(item), concrete, set, true)
    }

    /// What a list's query lets through.
    fn entries(&mut self, field: &Field<'static, String>, all: &'s [Entry]) -> Option<Vec<&'s Entry>> {
        let text = self.operation.argument(field, "query");
        let text = text.as_ref().and_then(Value::as_str).unwrap_or_default();
        let search = match Search::parse(text) {
            Ok(search) => search,
            Err(message) => {
                self.errors.push(
                    json!({ "message": message, "path": [key_of(field)], "extensions": { "code": "BAD_REQUEST" } }),
                );
                return None;
            }
        };
        if !search.warnings.is_empty() {
            let warnings: Vec<Value> = search
                .warnings
                .iter()
                .map(|(name, message)| json!({ "field": name, "message": message, "code": "invalid_field" }))
                .collect();
            self.search.push(json!({ "path": [key_of(field)], "query": text, "warnings": warnings }));
        }
        let from_s = self.visible_from_s;
        Some(all.iter().filter(|entry| entry.processed_s >= from_s && search.accepts(entry)).collect())
    }

    fn list(&mut self, field: &'d Field<'static, String>, all: &'s [Entry], sort_key: &str, type_name: &str) -> Value {
        let Some(mut entries) = self.entries(field, all) else {
            return Value::Null;
        };
        let value_of = |entry: &Entry| match sort_key {
            "CREATED_AT" => entry.created_s,
            "UPDATED_AT" => entry.updated_s,
            "PROCESSED_AT" => entry.processed_s,
            _ => i64::try_from(entry.id).unwrap_or(i64::MAX),
        };
        entries.sort_by_key(|entry| (value_of(entry), entry.id));
        if self.operation.argument(field, "reverse") == Some(Value::Bool(true)) {
            entries.reverse();
        }
        let reversed = self.operation.argument(field, "reverse") == Some(Value::Bool(true));
        let place = |name: &str| -> Result<Option<(i64, u64)>, ()> {
            match self.operation.argument(field, name) {
                None => Ok(None),
                Some(cursor) => cursor.as_str().and_then(read_cursor).map(Some).ok_or(()),
            }
        };
        let (Ok(after), Ok(before)) = (place("after"), place("before")) else {
            self.errors.push(json!({ "message": "Invalid cursor for current pagination sort.", "path": [key_of(field)], "extensions": { "code": "BAD_REQUEST" } }));
            return Value::Null;
        };
        let order = |entry: &Entry, (value, id): (i64, u64)| {
            let order = (value_of(entry), entry.id).cmp(&(value, id));
            if reversed { order.reverse() } else { order }
        };
        let mut start = after.map_or(0, |place| entries.partition_point(|entry| order(entry, place).is_le()));
        let reach = entries.len().min(MOST_OBJECTS_PAGED);
        let mut end =
            before.map_or(reach, |place| entries.partition_point(|entry| order(entry, place).is_lt())).min(reach);
        start = start.min(end);
        let (open_start, open_end) = (start, end);
        if let Some(first) = self.operation.count(field, "first") {
            end = end.min(start + usize::try_from(first).unwrap_or(0));
        } else if let Some(last) = self.operation.count(field, "last") {
            start = start.max(end.saturating_sub(usize::try_from(last).unwrap_or(0)));
        }
        let page: Vec<(String, Item)> =
            entries[start..end].iter().map(|entry| (write_cursor(value_of(entry), entry.id), entry.item)).collect();
        self.connection(&page, start > open_start, end < open_end, type_name, &field.selection_set)
    }

    fn connection(
        &mut self,
        page: &[(String, Item)],
        previous: bool,
        next: bool,
        node_type: &str,
        set: Set<'d>,
    ) -> Value {
        self.cost += 2;
        let connection_type = format!("{node_type}Connection");
        let mut fields = Vec::new();
        self.operation.fields(set, &connection_type, &mut fields);
        let mut answer = Map::new();
        for field in fields {
            let value = match field.name.as_str() {
                "nodes" => Value::Array(
                    page.iter()
                        .map(|(_, node)| self.object(Source::Item(*node), node_type, &field.selection_set, true))
                        .collect(),
                ),
                "edges" => Value::Array(
                    page.iter()
                        .map(|(cursor, node)| self.edge(cursor, *node, node_type, &field.selection_set))
                        .collect(),
                ),
                "pageInfo" => {
                    let info = json!({
                        "hasNextPage": next,
                        "hasPreviousPage": previous,
                        "startCursor": page.first().map(|(cursor, _)| cursor),
                        "endCursor": page.last().map(|(cursor, _)| cursor),
                    });
                    self.object(Source::Value(&info), "PageInfo", &field.selection_set, false)
                }
                _ => json!(connection_type),
            };
            merge(&mut answer, key_of(field), value);
        }
        Value::Object(answer)
    }

    fn edge(&mut self, cursor: &str, node: Item, node_type: &str, set: Set<'d>) -> Value {
        let edge_type = format!("{node_type}Edge");
        let mut fields = Vec::new();
        self.operation.fields(set, &edge_type, &mut fields);
        let mut answer = Map::new();
        for field in fields {
            let value = match field.name.as_str() {
                "node" => self.object(Source::Item(node), node_type, &field.selection_set, true),
                "cursor" => json!(cursor),
                _ => json!(edge_type),
            };
            merge(&mut answer, key_of(field), value);
        }
        Value::Object(answer)
    }

    /// `counted` objects cost a point; members of plain lists come with their list.
    fn object(&mut self, source: Source<'_>, declared: &str, set: Set<'d>, counted: bool) -> Value {
        let concrete = match source {
            Source::Value(value) => value.get("__typename").and_then(Value::as_str).unwrap_or(declared),
            Source::Item(_) => declared,
        };
        let mut fields = Vec::new();
        self.operation.fields(set, concrete, &mut fields);
        self.cost += i64::from(counted);
        let mut answer = Map::new();
        for field in fields {
            let value = if field.name == "__typename" {
                json!(concrete)
            } else {
                let definition = SCHEMA.types.get(concrete).and_then(|of| of.fields.get(&field.name));
                let value = match source {
                    Source::Value(value) => value.get(&field.name).cloned().unwrap_or_default(),
                    Source::Item(item) => self.store.field(item, &field.name),
                };
                definition.map_or(Value::Null, |definition| self.value(value, definition, field, counted))
            };
            merge(&mut answer, key_of(field), value);
        }
        Value::Object(answer)
    }

    fn value(
        &mut self,
        value: Value,
        definition: &FieldDef,
        field: &'d Field<'static, String>,
        counted: bool,
    ) -> Value {
        let set = &field.selection_set;
        match value {
            Value::Array(items) if definition.base.ends_with("Connection") => {
                self.short_connection(&items, definition, field)
            }
            Value::Array(items) => {
                let first = self
                    .operation
                    .count(field, "first")
                    .and_then(|first| usize::try_from(first).ok())
                    .unwrap_or(usize::MAX);
                if set.items.is_empty() {
                    return Value::Array(items);
                }
                self.cost += i64::from(counted);
                Value::Array(
                    items.iter().take(first).map(|item| self.follow(item, &definition.base, set, false)).collect(),
                )
            }
            Value::Object(_) if !set.items.is_empty() => {
                let node = SCHEMA.types.get(&definition.base).is_some_and(|of| of.is_node);
                self.follow(&value, &definition.base, set, counted && node)
            }
            scalar => scalar,
        }
    }

    fn follow(&mut self, value: &Value, declared: &str, set: Set<'d>, counted: bool) -> Value {
        match value.get("$ref").and_then(Value::as_str) {
            None => self.object(Source::Value(value), declared, set, counted),
            Some(gid) => match self.store.find(gid) {
                Some(item) => self.object(Source::Item(item), declared, set, counted),
                None => Value::Null,
            },
        }
    }

    /// A connection inside an object is short: its cursors are positions.
    fn short_connection(&mut self, items: &[Value], definition: &FieldDef, field: &'d Field<'static, String>) -> Value {
        let store = self.store;
        let node_type = definition.base.trim_end_matches("Connection");
        let after = self.operation.argument(field, "after");
        let start = after
            .as_ref()
            .and_then(Value::as_str)
            .and_then(read_cursor)
            .map_or(0, |(place, _)| usize::try_from(place + 1).unwrap_or(0));
        let first = self.operation.count(field, "first").and_then(|first| usize::try_from(first).ok()).unwrap_or(0);
        let page: Vec<(String, Item)> = items
            .iter()
            .enumerate()
            .skip(start)
            .take(first)
            .filter_map(|(place, item)| {
                let item = store.find(item.get("$ref")?.as_str()?)?;
                Some((write_cursor(i64::try_from(place).unwrap_or(0), 0), item))
            })
            .collect();
        let next = start + page.len() < items.len();
        self.connection(&page, start > 0, next, node_type, &field.selection_set)
    }
}

fn key_of<'f>(field: &'f Field<'static, String>) -> &'f str {
    field.alias.as_deref().unwrap_or(&field.name)
}

/// Two selections of one field are one field with both selections.
fn merge(into: &mut Map<String, Value>, key: &str, value: Value) {
    match into.get_mut(key) {
        Some(there) => merge_values(there, value),
        None => {
            into.insert(key.to_owned(), value);
        }
    }
}

fn merge_values(there: &mut Value, value: Value) {
    match (there, value) {
        (Value::Object(there), Value::Object(more)) => {
            for (key, value) in more {
                merge(there, &key, value);
            }
        }
        (Value::Array(there), Value::Array(more)) => {
            for (there, value) in there.iter_mut().zip(more) {
                merge_values(there, value);
            }
        }
        (there, value) => *there = value,
    }
}

fn type_of(gid: &str) -> &str {
    gid.strip_prefix("gid://shopify/").and_then(|rest| rest.split('/').next()).unwrap_or_default()
}

fn write_cursor(value: i64, id: u64) -> String {
    STANDARD.encode(json!({ "last_id": id, "last_value": value.to_string() }).to_string())
}

fn read_cursor(text: &str) -> Option<(i64, u64)> {
    let bytes = STANDARD.decode(text).ok()?;
    let cursor: Value = serde_json::from_slice(&bytes).ok()?;
    Some((cursor.get("last_value")?.as_str()?.parse().ok()?, cursor.get("last_id")?.as_u64()?))
}
