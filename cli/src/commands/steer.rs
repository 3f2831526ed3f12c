//! What steers a run that was started: the same answer for tenants' commands and for operators'.

use super::{Context, wait};
use crate::{answers::Steered, args::Waiting, client::Answer, exit::Result, output, tables::facts};
use reqwest::Method;
use serde_json::{Map, Value};

/// Sends the command `path` with those fields that are there, and shows where the run stands.
pub async fn send(context: &Context, path: &[&str], fields: &[(&str, Option<&str>)]) -> Result<()> {
    let answer = post(context, path, fields).await?;
    let steered: Steered = answer.read()?;
    output::note(&format!("accepted; follow it with: settler reconciliation show {}", steered.reconciliation_id));
    show(context, &answer)
}

/// The same, and follows the run to its end if that is wanted.
///
/// # Errors
/// As [`wait::to_the_end`] when it waits.
pub async fn send_and_wait(
    context: &Context,
    path: &[&str],
    fields: &[(&str, Option<&str>)],
    waiting: &Waiting,
) -> Result<()> {
    if !waiting.wait {
        return send(context, path, fields).await;
    }
    let steered: Steered = post(context, path, fields).await?.read()?;
    let id = &steered.reconciliation_id;
    output::note(&format!("accepted: run {id}, attempt {}", steered.attempt));
    wait::to_the_end(context, id, waiting.timeout).await.map(drop)
}

async fn post(context: &Context, path: &[&str], fields: &[(&str, Option<&str>)]) -> Result<Answer> {
    let given = fields.iter().filter_map(|(name, value)| Some(((*name).to_owned(), Value::from((*value)?))));
    let body = Value::Object(given.collect::<Map<_, _>>());
    context.client.send(Method::POST, path, &[], Some(&body)).await
}

fn show(context: &Context, answer: &Answer) -> Result<()> {
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
