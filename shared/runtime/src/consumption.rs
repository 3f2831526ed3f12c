//! What invocations consumed, in DynamoDB: `pk` tenant and run · `sk` function and invocation · `at` · `q` quantities by
//! resource, in finest units · `exp` when it is forgotten.

use crate::blobs::port_error;
use async_trait::async_trait;
use aws_sdk_dynamodb::{Client, types::AttributeValue};
use domain::{
    ReconciliationId, TenantId, Timestamp,
    consumption::{Consumption, Quantities, Resource},
    ports::{ConsumptionLog, PortError},
};
use std::collections::HashMap;

/// As long as staged files: after that a run cannot be tried again either.
const KEPT_S: i64 = 400 * 24 * 60 * 60;
const TABLE: &str = "consumption";

type Item = HashMap<String, AttributeValue>;

#[derive(Debug, Clone)]
pub struct DynamoConsumption {
    client: Client,
    table: String,
}

impl DynamoConsumption {
    #[must_use]
    pub fn new(client: Client, table: String) -> Self {
        Self { client, table }
    }
}

fn text(value: impl Into<String>) -> AttributeValue {
    AttributeValue::S(value.into())
}

fn number(value: impl std::fmt::Display) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

fn partition(tenant: &TenantId, run: &ReconciliationId) -> String {
    format!("{tenant}#{run}")
}

fn item(tenant: &TenantId, run: &ReconciliationId, consumption: &Consumption) -> Item {
    let Consumption { function_name, request_id, at, quantities } = consumption;
    let quantities = quantities.0.iter().map(|(resource, quantity)| (resource.as_str().to_owned(), number(quantity)));
    Item::from([
        ("pk".to_owned(), text(partition(tenant, run))),
        ("sk".to_owned(), text(format!("{function_name}#{request_id}"))),
        ("at".to_owned(), number(at.millis())),
        ("q".to_owned(), AttributeValue::M(quantities.collect())),
        ("exp".to_owned(), number(at.millis() / 1_000 + KEPT_S)),
    ])
}

fn read(item: &Item) -> Option<Consumption> {
    let (function_name, request_id) = item.get("sk")?.as_s().ok()?.rsplit_once('#')?;
    let at = item.get("at")?.as_n().ok()?.parse().ok()?;
    let mut quantities = Quantities::default();
    for (name, quantity) in item.get("q")?.as_m().ok()? {
        quantities.add(Resource::parse(name)?, quantity.as_n().ok()?.parse().ok()?);
    }
    Some(Consumption {
        function_name: function_name.to_owned(),
        request_id: request_id.to_owned(),
        at: Timestamp::from_millis(at),
        quantities,
    })
}

#[async_trait]
impl ConsumptionLog for DynamoConsumption {
    async fn keep(
        &self,
        tenant: &TenantId,
        run: &ReconciliationId,
        consumption: &Consumption,
    ) -> Result<(), PortError> {
        let put = self.client.put_item().table_name(&self.table).set_item(Some(item(tenant, run, consumption)));
        put.send().await.map(|_| ()).map_err(|error| port_error(TABLE, &error))
    }

    async fn of_run(&self, tenant: &TenantId, run: &ReconciliationId) -> Result<Vec<Consumption>, PortError> {
        let query = self.client.query().table_name(&self.table).key_condition_expression("pk = :pk");
        let query = query.expression_attribute_values(":pk", text(partition(tenant, run)));
        let mut pages = query.into_paginator().items().send();
        let mut all = Vec::new();
        while let Some(item) = pages.next().await {
            let item = item.map_err(|error| port_error(TABLE, &error))?;
            let unreadable = || PortError::Refused(format!("{TABLE}: an item of `{tenant}/{run}` cannot be read"));
            all.push(read(&item).ok_or_else(unreadable)?);
        }
        Ok(all)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_item_reads_as_it_was_written() {
        let consumption = Consumption {
            function_name: "settler-StepFinish-1".into(),
            request_id: "8f5c".into(),
            at: Timestamp::from_millis(1_772_366_400_000),
            quantities: Quantities(Resource::ALL.into_iter().zip(1..).collect()),
        };
        let (tenant, run) = (TenantId::parse("acme").unwrap(), ReconciliationId::parse("march").unwrap());
        let item = item(&tenant, &run, &consumption);
        assert_eq!(read(&item), Some(consumption));
        assert_eq!(item["exp"], number(1_806_926_400_u64));
        assert_eq!(item["pk"], text("acme#march"));
    }

    #[test]
    fn an_item_of_another_shape_is_no_consumption() {
        let mut item = Item::from([
            ("sk".to_owned(), text("f#r")),
            ("at".to_owned(), number(1)),
            ("q".to_owned(), AttributeValue::M(HashMap::from([("dynamodb_write_units".to_owned(), number(5))]))),
        ]);
        assert!(read(&item).is_some());
        item.insert("q".to_owned(), AttributeValue::M(HashMap::from([("gold".to_owned(), number(5))])));
        assert_eq!(read(&item), None);
    }
}
