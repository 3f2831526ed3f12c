//! Bounded reads of rows, for the readers.

use super::{
    DynamoProjections, Item, MAX_BATCH,
    items::{fault, job_key, row_key, text, text_of},
};
use crate::{
    read::{Order, RowPosition, Rows, Selected, Selection},
    store::{Fault, RowKey, Table},
};
use async_trait::async_trait;
use std::collections::HashMap;

fn position_of(item: &Item, indexed: bool) -> Result<RowPosition, Fault> {
    let started = if indexed { Some(text_of(item, "started")?.to_owned()) } else { None };
    Ok(RowPosition { partition: text_of(item, "pk")?.to_owned(), sort: text_of(item, "sk")?.to_owned(), started })
}

fn start_key(order: &Order, position: &RowPosition) -> Item {
    let mut key = Item::from([("pk".to_owned(), text(&position.partition)), ("sk".to_owned(), text(&position.sort))]);
    if let Order::OfJob { partition, job } = order {
        key.insert("job".to_owned(), text(job_key(partition, job)));
    }
    key.extend(position.started.as_ref().map(|started| ("started".to_owned(), text(started))));
    key
}

/// `#a0 = :a0 AND …` with its names and values; all none without conditions.
type Filter = (Option<String>, Option<HashMap<String, String>>, Item);

fn filter(equals: &[(&'static str, String)]) -> Filter {
    let mut parts = Vec::new();
    let mut names = HashMap::new();
    let mut values = Item::new();
    for (index, (name, value)) in equals.iter().enumerate() {
        parts.push(format!("#a{index} = :a{index}"));
        names.insert(format!("#a{index}"), (*name).to_owned());
        values.insert(format!(":a{index}"), text(value));
    }
    if parts.is_empty() { (None, None, values) } else { (Some(parts.join(" AND ")), Some(names), values) }
}

impl DynamoProjections {
    async fn scan(&self, selection: &Selection) -> Result<(Vec<Item>, Option<Item>), Fault> {
        let (expression, names, values) = filter(&selection.equals);
        let scan = self
            .client
            .scan()
            .table_name(self.tables.of(selection.table))
            .set_filter_expression(expression)
            .set_expression_attribute_names(names)
            .set_expression_attribute_values((!values.is_empty()).then_some(values))
            .set_exclusive_start_key(selection.after.as_ref().map(|after| start_key(&selection.order, after)))
            .limit(i32::try_from(selection.limit).unwrap_or(i32::MAX));
        let output = scan.send().await.map_err(|error| fault(&error))?;
        Ok((output.items.unwrap_or_default(), output.last_evaluated_key))
    }

    async fn query(&self, selection: &Selection) -> Result<(Vec<Item>, Option<Item>), Fault> {
        let (expression, names, mut values) = filter(&selection.equals);
        let mut value = |name: &str, value: &str| values.insert(name.to_owned(), text(value));
        let mut query = self.client.query().table_name(self.tables.of(selection.table));
        query = match &selection.order {
            Order::Scan => return self.scan(selection).await,
            Order::ById { partition } => {
                value(":pk", partition);
                query.key_condition_expression("pk = :pk")
            }
            Order::Under { partition, prefix } => {
                value(":pk", partition);
                value(":prefix", prefix);
                query.key_condition_expression("pk = :pk AND begins_with(sk, :prefix)")
            }
            Order::OfJob { partition, job } => {
                value(":job", &job_key(partition, job));
                query.index_name("by_job").key_condition_expression("job = :job")
            }
            Order::NewestFirst { partition, from, to } => {
                value(":pk", partition);
                value(":from", from);
                value(":to", to);
                query
                    .index_name("by_started")
                    .scan_index_forward(false)
                    .key_condition_expression("pk = :pk AND started BETWEEN :from AND :to")
            }
        };
        let query = query
            .set_filter_expression(expression)
            .set_expression_attribute_names(names)
            .set_expression_attribute_values(Some(values))
            .set_exclusive_start_key(selection.after.as_ref().map(|after| start_key(&selection.order, after)))
            .limit(i32::try_from(selection.limit).unwrap_or(i32::MAX));
        let output = query.send().await.map_err(|error| fault(&error))?;
        Ok((output.items.unwrap_or_default(), output.last_evaluated_key))
    }
}

#[async_trait]
impl Rows for DynamoProjections {
    async fn select(&self, selection: &Selection) -> Result<Selected, Fault> {
        let (items, next) = match &selection.order {
            // DynamoDB refuses a range that ends before it starts.
            Order::NewestFirst { from, to, .. } if from > to => (Vec::new(), None),
            _ => self.query(selection).await?,
        };
        let indexed = matches!(selection.order, Order::NewestFirst { .. });
        let read = |item: &Item| Ok((position_of(item, indexed)?, text_of(item, "row")?.to_owned()));
        let rows = items.iter().map(read).collect::<Result<_, Fault>>()?;
        Ok(Selected { rows, next: next.as_ref().map(|key| position_of(key, indexed)).transpose()? })
    }

    async fn many(&self, keys: &[RowKey]) -> Result<Vec<Option<String>>, Fault> {
        let mut found: HashMap<(Table, String, String), String> = HashMap::new();
        for some in keys.chunk_by(|one, other| one.table == other.table).flat_map(|keys| keys.chunks(MAX_BATCH)) {
            let Some(table) = some.first().map(|key| key.table) else { continue };
            for item in self.batch(self.tables.of(table), some.iter().map(row_key).collect()).await? {
                let place = (table, text_of(&item, "pk")?.to_owned(), text_of(&item, "sk")?.to_owned());
                found.insert(place, text_of(&item, "row")?.to_owned());
            }
        }
        let place = |key: &RowKey| (key.table, key.partition.clone(), key.sort.clone());
        Ok(keys.iter().map(|key| found.get(&place(key)).cloned()).collect())
    }

    async fn owners(&self, table: Table, id: &str) -> Result<Vec<String>, Fault> {
        let query = self.client.query().table_name(self.tables.of(table)).index_name("by_id");
        let query = query.key_condition_expression("id = :id").expression_attribute_values(":id", text(id));
        let mut partitions = Vec::new();
        let mut pages = query.into_paginator().items().send();
        while let Some(item) = pages.next().await {
            partitions.push(text_of(&item.map_err(|error| fault(&error))?, "pk")?.to_owned());
        }
        Ok(partitions)
    }
}
