//! The three lists, one page at a time.

use super::{
    Stripe,
    cursor::{Cursor, List},
    normalise::{id_at, own_time, read_charge, read_refund},
};
use crate::{
    paging::Step,
    provider::{Page, ProviderError},
    read::Object,
};
use domain::{record::Record, time::Window};
use serde_json::Value;

/// The most that a list gives at once.
const PAGE_LIMIT: usize = 100;

impl Stripe {
    pub(super) async fn step(&self, window: Window, mut cursor: Cursor) -> Result<Step<Cursor>, ProviderError> {
        let span = Window { from: window.from, to: cursor.until };
        let (name, expand) = match cursor.list {
            List::BalanceTransactions => ("balance_transactions", Some("data.source")),
            List::Charges => ("charges", None),
            List::Refunds => ("refunds", Some("data.charge.balance_transaction")),
        };
        let (objects, after) = self.list(name, expand, span, cursor.after.as_deref()).await?;
        let mut page = Page::default();
        for object in objects {
            match cursor.list {
                List::BalanceTransactions => self.balance_transaction(span, &mut cursor, &mut page, object).await?,
                List::Charges => charge_without_balance(&mut page, object)?,
                List::Refunds => self.refund(span, &mut cursor, &mut page, object).await?,
            }
        }
        Ok(Step { page, next: cursor.next(after) })
    }

    /// Objects of `name` created within `span`, and where the next page starts.
    async fn list(
        &self,
        name: &str,
        expand: Option<&str>,
        span: Window,
        after: Option<&str>,
    ) -> Result<(Vec<Value>, Option<String>), ProviderError> {
        let seconds = |millis: i64| millis.div_euclid(1000).to_string();
        let mut query = vec![
            ("limit", PAGE_LIMIT.to_string()),
            ("created[gte]", seconds(span.from.millis())),
            ("created[lt]", seconds(span.to.millis())),
        ];
        query.extend(expand.map(|path| ("expand[]", path.to_owned())));
        query.extend(after.map(|id| ("starting_after", id.to_owned())));
        let mut answer = self.api.get(&[name], &query).await?;
        let malformed =
            |problem: &str| ProviderError::Malformed { message: format!("list of {name}: field {problem}") };
        let Some(Value::Array(objects)) = answer.get_mut("data").map(Value::take) else {
            return Err(malformed("data is not a list"));
        };
        let has_more =
            answer.get("has_more").and_then(Value::as_bool).ok_or_else(|| malformed("has_more is missing"))?;
        let last = objects.last().and_then(|object| object.get("id")).and_then(Value::as_str).map(str::to_owned);
        match (has_more, last) {
            (false, _) => Ok((objects, None)),
            (true, Some(last)) => Ok((objects, Some(last))),
            (true, None) => Err(malformed("has_more is true without a last object")),
        }
    }

    /// Charges and refunds at the moment they moved. Other movements (fees, payouts, disputes, a payment that failed
    /// later) tell something of a charge, whose own fields tell it too.
    async fn balance_transaction(
        &self,
        span: Window,
        cursor: &mut Cursor,
        page: &mut Page,
        raw: Value,
    ) -> Result<(), ProviderError> {
        let balance = Object::new("balance_transaction", &raw)?;
        let is_charge = match balance.text("type")? {
            "charge" | "payment" => true,
            "refund" | "payment_refund" => false,
            _ => return Ok(()),
        };
        let source = balance.find("source").filter(|source| source.is_object());
        let source = source.ok_or_else(|| balance.malformed("source", "is not expanded"))?;
        let source = Object::new(if is_charge { "charge" } else { "refund" }, source)?;
        // An object may have several movements (captures in parts, a refund that came back); it is read at the one that
        // it names as its own.
        if id_at(&source, "balance_transaction").is_some_and(|own| own != balance.id) {
            return Ok(());
        }
        let record = if is_charge {
            read_charge(&source, Some(&balance), page.raw.len())?
        } else {
            read_refund(&source, Some(&balance), None, page.raw.len())?
        };
        // The list of refunds gives the parents of those that were created in the window.
        let listed = is_charge || span.contains(source.unix_time("created")?);
        let parent = record.parent.clone().filter(|_| !listed);
        page.records.push(record);
        page.raw.push(raw);
        match parent {
            Some(charge) => self.evidence_by_id(span, cursor, page, &charge).await,
            None => Ok(()),
        }
    }

    async fn refund(
        &self,
        span: Window,
        cursor: &mut Cursor,
        page: &mut Page,
        mut raw: Value,
    ) -> Result<(), ProviderError> {
        let object = Object::new("refund", &raw)?;
        let charge_id = id_at(&object, "charge").map(str::to_owned);
        let expanded = object.find("charge").filter(|charge| charge.is_object()).is_some();
        if let Some(id) = charge_id.as_deref().filter(|_| !expanded) {
            let charge = self.charge(id).await?;
            if let Some(place) = raw.get_mut("charge") {
                *place = charge;
            }
        }
        let refund = Object::new("refund", &raw)?;
        let charge = refund.find("charge").map(|charge| Object::new("charge", charge)).transpose()?;
        let moved = id_at(&refund, "balance_transaction").is_some();
        let own = if moved { None } else { Some(read_refund(&refund, None, charge.as_ref(), page.raw.len())?) };
        let parent = match charge {
            Some(charge) => evidence(span, cursor, &charge, page.raw.len())?,
            None => None,
        };
        if own.is_some() || parent.is_some() {
            page.records.extend(own);
            page.records.extend(parent);
            page.raw.push(raw);
        }
        Ok(())
    }

    async fn evidence_by_id(
        &self,
        span: Window,
        cursor: &mut Cursor,
        page: &mut Page,
        id: &str,
    ) -> Result<(), ProviderError> {
        if cursor.parents.knows(id) {
            return Ok(());
        }
        let raw = self.charge(id).await?;
        if let Some(record) = evidence(span, cursor, &Object::new("charge", &raw)?, page.raw.len())? {
            page.records.push(record);
            page.raw.push(raw);
        }
        Ok(())
    }

    async fn charge(&self, id: &str) -> Result<Value, ProviderError> {
        self.api.get(&["charges", id], &[("expand[]", "balance_transaction".to_owned())]).await
    }
}

/// Failed, uncaptured, or not yet on the balance. The others are read where they moved.
fn charge_without_balance(page: &mut Page, raw: Value) -> Result<(), ProviderError> {
    let charge = Object::new("charge", &raw)?;
    if charge.find("balance_transaction").is_none() {
        page.records.push(read_charge(&charge, None, page.raw.len())?);
        page.raw.push(raw);
    }
    Ok(())
}

/// The charge as evidence if its own time lies outside `span` (else it is a record of its own) and it was not given yet.
fn evidence(
    span: Window,
    cursor: &mut Cursor,
    charge: &Object<'_>,
    raw_index: usize,
) -> Result<Option<Record>, ProviderError> {
    let balance = match charge.find("balance_transaction") {
        Some(balance) if balance.is_object() => Some(Object::new("balance_transaction", balance)?),
        Some(_) => return Err(charge.malformed("balance_transaction", "is not expanded")),
        None => None,
    };
    if span.contains(own_time(charge, balance.as_ref())?) || cursor.parents.knows(charge.id) {
        return Ok(None);
    }
    cursor.parents.remember(charge.id);
    let record = read_charge(charge, balance.as_ref(), raw_index)?;
    Ok(Some(Record { evidence_only: true, ..record }))
}
