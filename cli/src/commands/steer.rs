//! What steers a run that was started: the same answer for tenants' commands and for operators'.

use super::Context;
use crate::{answers::Steered, exit::Result, output, tables::facts};
use reqwest::Method;
use serde_json::{Map, Value};

/// Sends the command `path` with those fields that are there, and shows where the run stands.
pub async fn send(context: &Context, path: &[&str], fields: &[(&str, Option<&str>)]) -> Result<()> {
    let given = fields.iter().filter_map(|(name, value)| Some(((*name).to_owned(), Value::from((*value)?))));
    let body = Value::Object(given.collect::<Map<_, _>>());
    let answer = context.client.send(Method::POST, path, &[], Some(&body)).await?;
    let steered: Steered = answer.read()?;
    output::note(&format!("accepted; follow it with: settler reconciliation show {}", steered.reconciliation_id));
    context.show(&answer.body, |steered: &Steered| {
        let mut rows = vec![
            ("reconciliation", steered.reconciliation_id.clone()),
            ("status", steered.status.clone()),
            ("attempt", steered.attempt.to_string()),
        ];
        rows.extend(steered.from_step.clone().map(|step| ("from step", step)));
        if !steered.left.is_empty() {
            rows.push(("left behind", steered.left.join(", ")));
        }
        facts(&rows)
    })
}
