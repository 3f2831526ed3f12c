//! What a run found, record by record: matches, suggestions, exceptions, exclusions, orders.

use super::Context;
use crate::{
    answers::{Difference, Excluded, Match, Order, Unmatched},
    args::{Orders, Results},
    exit::Result,
    figures::{count, instant, money_in, number},
    tables::{Column, Screen, table},
};
use std::collections::BTreeMap;

pub async fn matches(context: &Context, of: &Results, part: &str) -> Result<()> {
    context.list(&path(&of.id, part), &[], &of.paging, part, |items, _| match_table(context.screen, items)).await
}

pub async fn unmatched(context: &Context, of: &Results) -> Result<()> {
    context
        .list(&path(&of.id, "unmatched"), &[], &of.paging, "unmatched records", |items, _| {
            unmatched_table(context.screen, items)
        })
        .await
}

pub async fn excluded(context: &Context, of: &Results) -> Result<()> {
    context
        .list(&path(&of.id, "excluded"), &[], &of.paging, "excluded records", |items, _| {
            excluded_table(context.screen, items)
        })
        .await
}

pub async fn orders(context: &Context, of: &Orders) -> Result<()> {
    let query = [("state", of.state.as_deref())];
    context
        .list(&path(&of.id, "orders"), &query, &of.paging, "orders", |items, more| {
            order_table(context.screen, items, more)
        })
        .await
}

const fn path<'a>(id: &'a str, part: &'a str) -> [&'a str; 4] {
    ["v1", "reconciliations", id, part]
}

/// Amounts differ: which part is what, such as `fee -0.59`.
fn difference(difference: &Difference, currency: &str) -> String {
    difference
        .parts()
        .iter()
        .map(|(name, minor)| format!("{name} {}", money_in(*minor, currency)))
        .collect::<Vec<_>>()
        .join(", ")
}

/// The first record of a side; the others of a group or set are told in [`others_of`].
fn first_of(ids: &[String]) -> String {
    ids.first().cloned().unwrap_or_else(|| "–".to_owned())
}

/// Members of a group or set beyond the first of each side. In full: an id is there to be copied.
fn others_of(found: &Match) -> Option<String> {
    let others: Vec<&str> = [&found.source_ids, &found.target_ids]
        .into_iter()
        .flat_map(|ids| ids.iter().skip(1))
        .map(String::as_str)
        .collect();
    (!others.is_empty()).then(|| format!("also {}", others.join(", ")))
}

/// Agreeing fields, what differs, and the rest of the members.
fn why(found: &Match) -> String {
    let parts = difference(&found.difference, &found.currency);
    [
        Some(found.matched_fields.join(", ")).filter(|fields| !fields.is_empty()),
        (!parts.is_empty()).then(|| format!("differs: {parts}")),
        found.cross_period.then(|| "partner lies outside the range".to_owned()),
        others_of(found),
    ]
    .into_iter()
    .flatten()
    .collect::<Vec<_>>()
    .join("; ")
}

fn match_table(screen: Screen, matches: &[Match]) -> String {
    let columns = [
        ("Order", Column::Text),
        ("Amount", Column::Figure),
        ("Source", Column::Text),
        ("Target", Column::Text),
        ("Kind", Column::Text),
        ("Rule", Column::Text),
        ("Confidence", Column::Figure),
        ("Because of", Column::Sentence),
    ];
    let row = |found: &Match| {
        vec![
            if found.order_names.is_empty() { "–".to_owned() } else { found.order_names.join(", ") },
            money_in(found.amount_minor, &found.currency),
            first_of(&found.source_ids),
            first_of(&found.target_ids),
            if matches!(found.status.as_str(), "confirmed" | "manual") {
                format!("{}, {}", found.kind, found.status)
            } else {
                found.kind.clone()
            },
            found.rule.clone(),
            number(&found.confidence),
            why(found),
        ]
    };
    table(screen, &columns, matches.iter().map(row).collect())
}

fn unmatched_table(screen: Screen, records: &[Unmatched]) -> String {
    let columns = [
        ("Date (UTC)", Column::Text),
        ("Amount", Column::Figure),
        ("Order", Column::Text),
        ("Side", Column::Text),
        ("Reason", Column::Text),
        ("Explanation", Column::Sentence),
        ("Record", Column::Text),
    ];
    let row = |record: &Unmatched| {
        let decided = record.state.as_deref().filter(|state| *state != "open");
        let assignee = record.assignee.as_deref().map(|name| format!("with {name}"));
        let note: Vec<_> = decided.map(ToOwned::to_owned).into_iter().chain(assignee).collect();
        let explanation = if note.is_empty() {
            record.explanation.clone()
        } else {
            format!("[{}] {}", note.join(", "), record.explanation)
        };
        vec![
            day(&record.occurred_at),
            money_in(record.amount_minor, &record.currency),
            record.order_name.clone().unwrap_or_else(|| "–".to_owned()),
            record.side.clone(),
            record.reason.clone(),
            explanation,
            record.record_id.clone(),
        ]
    };
    table(screen, &columns, records.iter().map(row).collect())
}

fn excluded_table(screen: Screen, records: &[Excluded]) -> String {
    let columns = [
        ("Date (UTC)", Column::Text),
        ("Amount", Column::Figure),
        ("Order", Column::Text),
        ("Side", Column::Text),
        ("Reason", Column::Text),
        ("Record", Column::Text),
    ];
    let row = |record: &Excluded| {
        vec![
            day(&record.occurred_at),
            money_in(record.amount_minor, &record.currency),
            record.order_name.clone().unwrap_or_else(|| "–".to_owned()),
            record.side.clone(),
            record.reason.clone(),
            record.record_id.clone(),
        ]
    };
    table(screen, &columns, records.iter().map(row).collect())
}

fn day(at: &str) -> String {
    instant(at).chars().take(10).collect()
}

fn order_table(screen: Screen, orders: &[Order], more: bool) -> String {
    let columns = [
        ("Order", Column::Text),
        ("State", Column::Status),
        ("Total", Column::Figure),
        ("Received", Column::Figure),
        ("Refunded", Column::Figure),
        ("Found at provider", Column::Figure),
    ];
    let row = |order: &Order| {
        let money = |minor| money_in(minor, &order.currency);
        vec![
            order.order_name.clone(),
            order.state.clone(),
            money(order.total_minor),
            money(order.received_minor),
            money(order.refunded_minor),
            money(order.matched_minor),
        ]
    };
    let mut states: BTreeMap<&str, u64> = BTreeMap::new();
    for order in orders {
        *states.entry(&order.state).or_default() += 1;
    }
    let counts: Vec<_> = states.iter().map(|(state, number)| format!("{} {state}", count(*number))).collect();
    let scope = if more { " (of those shown)" } else { "" };
    format!("{}\n\n{}{scope}", table(screen, &columns, orders.iter().map(row).collect()), counts.join(" · "))
}
