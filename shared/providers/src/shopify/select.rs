//! The two selections, one request at a time.

use super::{
    Shopify,
    cursor::{Cursor, Selection},
    home::{Emitted, at_home, whole},
    normalise::{read_lone_tender, read_order},
};
use crate::{
    paging::Step,
    provider::{Page, ProviderError},
    read::Object,
};
use domain::{Timestamp, time::Window};
use serde_json::{Value, json};

pub(super) const ORDERS: &str = concat!(include_str!("orders.graphql"), include_str!("transactions.graphql"));
pub(super) const ORDERS_BY_ID: &str =
    concat!(include_str!("orders_by_id.graphql"), include_str!("transactions.graphql"));
pub(super) const TENDER: &str = include_str!("tender_transactions.graphql");

/// Sizes of a page such that a query stays under Shopify's limit of 1,000 points even if every object in it counts
/// one: 25 orders × (3 + 5 × 6), 100 tender transactions × 3, one order × (3 + 150 × 6). A test computes it.
pub(super) const ORDERS_PER_PAGE: u32 = 25;
pub(super) const TENDER_PER_PAGE: u32 = 100;
pub(super) const TRANSACTIONS_PER_ORDER: usize = 5;
pub(super) const TRANSACTIONS_OF_ONE_ORDER: usize = 150;
/// Shopify pages through 25,000 objects of a list and not further; with room for what is added meanwhile.
const MAX_OBJECTS_PER_SLICE: u32 = 24_000;
/// From so many orders a day on, a day's movements might pass the same limit.
const CROWDED_ORDERS_PER_DAY: u32 = 8_000;
/// The memory of order ids covers so many pages before the limit.
const REMEMBERED_PAGES: u32 = 6;

impl Shopify {
    pub(super) async fn step(&self, window: Window, cursor: Cursor) -> Result<Step<Cursor>, ProviderError> {
        match cursor.selection {
            Selection::Orders => self.orders(window, cursor).await,
            Selection::Money => self.money(window, cursor).await,
        }
    }

    async fn orders(&self, window: Window, mut cursor: Cursor) -> Result<Step<Cursor>, ProviderError> {
        let span = Window { from: window.from, to: cursor.until };
        let last_page = MAX_OBJECTS_PER_SLICE / ORDERS_PER_PAGE;
        let variables = json!({
            "first": ORDERS_PER_PAGE, "after": cursor.after, "query": processed_within(cursor.slice()),
            "transactions": TRANSACTIONS_PER_ORDER,
        });
        let mut data = self.api.query(ORDERS, &variables).await?;
        let list = Connection::take(&mut data, "orders")?;
        let mut page = Page::default();
        let mut latest = cursor.from;
        for order in list.nodes {
            let order = self.with_all_transactions(order).await?;
            let id = Object::new("Order", &order)?.id.to_owned();
            let read = read_order(&order, page.raw.len())?;
            let at = read.order.occurred_at;
            latest = latest.max(at);
            if !span.contains(at) || cursor.seen.knows(&id) {
                continue;
            }
            if cursor.pages + REMEMBERED_PAGES >= last_page {
                cursor.seen.remember(&id);
            }
            emit(&mut page, whole(read, span), order);
        }
        cursor.crowded |= (cursor.pages + 1) * ORDERS_PER_PAGE > CROWDED_ORDERS_PER_DAY;
        let next = match list.end_cursor {
            None => cursor.next_slice(window),
            Some(after) if cursor.pages + 1 < last_page => Some(cursor.next_page(after)),
            Some(_) if latest > cursor.from => Some(cursor.rest_of_slice(latest)),
            Some(_) => return Err(too_many("orders")),
        };
        Ok(Step { page, next })
    }

    async fn money(&self, window: Window, mut cursor: Cursor) -> Result<Step<Cursor>, ProviderError> {
        let (span, slice) = (Window { from: window.from, to: cursor.until }, cursor.slice());
        let variables = json!({"first": TENDER_PER_PAGE, "after": cursor.after, "query": processed_within(slice)});
        let mut data = self.api.query(TENDER, &variables).await?;
        let list = Connection::take(&mut data, "tenderTransactions")?;
        let mut page = Page::default();
        // Of each older order that is new in this slice: its id and one of its tender transactions.
        let mut older: Vec<(String, Vec<Value>)> = Vec::new();
        for tender in list.nodes {
            let object = Object::new("TenderTransaction", &tender)?;
            if !slice.contains(object.time("processedAt")?) {
                continue;
            }
            match object.maybe_text("order.id") {
                None => emit_lone(&mut page, tender)?,
                Some(_) if span.contains(object.time("order.processedAt")?) => {}
                Some(id) if cursor.seen.knows(id) => {}
                Some(id) => match older.iter_mut().find(|(known, _)| known == id) {
                    Some((_, tenders)) => tenders.push(tender),
                    None => older.push((id.to_owned(), vec![tender])),
                },
            }
        }
        for some in older.chunks(ORDERS_PER_PAGE as usize) {
            let ids: Vec<&str> = some.iter().map(|(id, _)| id.as_str()).collect();
            let orders = self.orders_by_id(&ids, TRANSACTIONS_PER_ORDER).await?;
            for ((id, tenders), order) in some.iter().zip(orders) {
                if order.is_null() {
                    tenders.iter().try_for_each(|tender| emit_lone(&mut page, tender.clone()))?;
                    continue;
                }
                let order = self.with_all_transactions(order).await?;
                cursor.seen.remember(id);
                let emitted = at_home(read_order(&order, page.raw.len())?, span, slice);
                let unlisted = !emitted.money_in_slice;
                emit(&mut page, emitted, order);
                if unlisted {
                    tenders.iter().try_for_each(|tender| emit_lone(&mut page, tender.clone()))?;
                }
            }
        }
        let next = match list.end_cursor {
            None => cursor.next_slice(window),
            Some(after) if (cursor.pages + 2) * TENDER_PER_PAGE <= MAX_OBJECTS_PER_SLICE => {
                Some(cursor.next_page(after))
            }
            Some(_) => return Err(too_many("tender transactions")),
        };
        Ok(Step { page, next })
    }

    /// The order itself, or, if its list of transactions is full, the same order with a longer one.
    async fn with_all_transactions(&self, order: Value) -> Result<Value, ProviderError> {
        let object = Object::new("Order", &order)?;
        if object.list("transactions")?.len() < TRANSACTIONS_PER_ORDER {
            return Ok(order);
        }
        let again = self.orders_by_id(&[object.id], TRANSACTIONS_OF_ONE_ORDER).await?;
        let again = again.into_iter().next().filter(Value::is_object);
        let again =
            again.ok_or_else(|| object.malformed("transactions", "cannot be read in full: the order is gone"))?;
        let object = Object::new("Order", &again)?;
        if object.list("transactions")?.len() >= TRANSACTIONS_OF_ONE_ORDER {
            return Err(object.malformed("transactions", "has more entries than can be read"));
        }
        Ok(again)
    }

    /// Aligned with `ids`; null where an order is gone or invisible.
    async fn orders_by_id(&self, ids: &[&str], transactions: usize) -> Result<Vec<Value>, ProviderError> {
        let mut data = self.api.query(ORDERS_BY_ID, &json!({"ids": ids, "transactions": transactions})).await?;
        match data.get_mut("nodes").map(Value::take) {
            Some(Value::Array(nodes)) if nodes.len() == ids.len() => Ok(nodes),
            _ => Err(ProviderError::Malformed {
                message: "QueryRoot: field nodes is not a list of the asked length".to_owned(),
            }),
        }
    }
}

struct Connection {
    nodes: Vec<Value>,
    /// `None` on the last page.
    end_cursor: Option<String>,
}

impl Connection {
    fn take(data: &mut Value, field: &str) -> Result<Self, ProviderError> {
        let malformed =
            |what: &str| ProviderError::Malformed { message: format!("QueryRoot: field {field}.{what} is missing") };
        let connection = data.get_mut(field).ok_or_else(|| malformed("nodes"))?;
        let Some(Value::Array(nodes)) = connection.get_mut("nodes").map(Value::take) else {
            return Err(malformed("nodes"));
        };
        let has_next = connection.pointer("/pageInfo/hasNextPage").and_then(Value::as_bool);
        let end_cursor = if has_next.ok_or_else(|| malformed("pageInfo.hasNextPage"))? {
            let end = connection.pointer("/pageInfo/endCursor").and_then(Value::as_str);
            Some(end.ok_or_else(|| malformed("pageInfo.endCursor"))?.to_owned())
        } else {
            None
        };
        Ok(Self { nodes, end_cursor })
    }
}

/// Keeps the raw order only if something points to it.
fn emit(page: &mut Page, emitted: Emitted, raw: Value) {
    if emitted.records.is_empty() && emitted.order.is_none() {
        return;
    }
    page.raw.push(raw);
    page.records.extend(emitted.records);
    page.orders.extend(emitted.order);
}

fn emit_lone(page: &mut Page, tender: Value) -> Result<(), ProviderError> {
    page.records.push(read_lone_tender(&tender, page.raw.len())?);
    page.raw.push(tender);
    Ok(())
}

/// Shopify's search syntax: both bounds, whole seconds.
fn processed_within(slice: Window) -> String {
    let second = |at: Timestamp| at.to_string().replace(".000Z", "Z");
    format!("processed_at:>='{}' processed_at:<'{}'", second(slice.from), second(slice.to))
}

fn too_many(what: &str) -> ProviderError {
    ProviderError::Rejected {
        message: format!("Shopify lists more than 25,000 {what} in one slice of time and cannot page further"),
    }
}
