//! `settler suggestion` and the commands of `settler reconciliation` by which people decide.

use super::Context;
use crate::{
    answers::{DecidedMatch, ReviewedException},
    args::{Decision, MakeMatch, Review, SuggestionCommand},
    exit::Result,
    output,
    tables::facts,
};
use reqwest::Method;
use serde_json::{Value, json};

pub async fn suggestion(context: &Context, command: SuggestionCommand) -> Result<()> {
    match command {
        SuggestionCommand::Confirm(decision) => decide(context, &decision, "suggestions", "confirm").await,
        SuggestionCommand::Reject(decision) => decide(context, &decision, "suggestions", "reject").await,
    }
}

pub async fn take_apart(context: &Context, decision: &Decision) -> Result<()> {
    decide(context, decision, "matches", "break").await
}

async fn decide(context: &Context, decision: &Decision, list: &str, verb: &str) -> Result<()> {
    let path = ["v1", "reconciliations", &decision.run, list, &decision.match_id, verb];
    send(context, &path, &json!({ "reason": decision.reason })).await
}

pub async fn make(context: &Context, wanted: &MakeMatch) -> Result<()> {
    let body = json!({ "source_ids": wanted.sources, "target_ids": wanted.targets, "reason": wanted.reason });
    send(context, &["v1", "reconciliations", &wanted.run, "matches"], &body).await
}

async fn send(context: &Context, path: &[&str], body: &Value) -> Result<()> {
    let answer = context.client.send(Method::POST, path, &[], Some(body)).await?;
    context.show(&answer.body, |decided: &DecidedMatch| {
        output::note(&format!("decided; the figures follow from version {}", decided.version));
        facts(&[
            ("match", decided.match_id.clone()),
            ("status", decided.status.clone()),
            ("source", decided.source_ids.join(", ")),
            ("target", decided.target_ids.join(", ")),
        ])
    })
}

pub async fn review(context: &Context, review: &Review) -> Result<()> {
    let mut body = json!({ "state": review.state, "note": review.note });
    if let Some(assignee) = &review.assignee {
        body["assignee"] = json!(assignee);
    }
    let path = ["v1", "reconciliations", &review.run, "unmatched", &review.record];
    let answer = context.client.send(Method::POST, &path, &[], Some(&body)).await?;
    context.show(&answer.body, |reviewed: &ReviewedException| {
        let mut lines = vec![
            ("record", reviewed.record_id.clone()),
            ("side", reviewed.side.clone()),
            ("state", reviewed.state.clone()),
            ("note", reviewed.note.clone()),
        ];
        lines.extend(reviewed.assignee.as_ref().map(|assignee| ("assignee", assignee.clone())));
        facts(&lines)
    })
}
