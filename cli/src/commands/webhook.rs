//! `settler webhook`: what was sent to endpoints, and their secrets.

use super::Context;
use crate::{
    answers::{Delivery, RotatedSecret},
    args::WebhookCommand,
    exit::Result,
    figures::instant,
    output,
    tables::{Column, facts, table},
};
use reqwest::Method;

pub async fn run(context: &Context, command: WebhookCommand) -> Result<()> {
    match command {
        WebhookCommand::Deliveries(wanted) => {
            let path = ["v1", "webhooks", wanted.endpoint.as_str(), "deliveries"];
            context.list(&path, &[], &wanted.paging, "deliveries", |found, _| list(context, found)).await
        }
        WebhookCommand::Replay { endpoint, delivery } => {
            let path = ["v1", "webhooks", &endpoint, "deliveries", &delivery, "replay"];
            let answer = context.client.send(Method::POST, &path, &[], None).await?;
            output::note("queued again; settler webhook deliveries shows what becomes of it");
            context.show(&answer.body, |delivery: &Delivery| list(context, std::slice::from_ref(delivery)))
        }
        WebhookCommand::Rotate { job, endpoint } => {
            let path = ["v1", "jobs", &job, "webhooks", &endpoint, "rotate"];
            let answer = context.client.send(Method::POST, &path, &[], None).await?;
            output::note("rotated; the secret is shown this once");
            context.show(&answer.body, rotated)
        }
    }
}

fn rotated(secret: &RotatedSecret) -> String {
    let mut lines =
        vec![("endpoint", secret.endpoint_id.clone()), ("url", secret.url.clone()), ("secret", secret.secret.clone())];
    lines.extend(secret.previous_valid_until.as_ref().map(|until| ("old until", format!("{} UTC", instant(until)))));
    facts(&lines)
}

fn list(context: &Context, deliveries: &[Delivery]) -> String {
    let columns = [
        ("Created", Column::Text),
        ("Delivery", Column::Text),
        ("Run", Column::Text),
        ("Event", Column::Text),
        ("State", Column::Status),
        ("Tries", Column::Figure),
        ("Last answer", Column::Sentence),
    ];
    let row = |delivery: &Delivery| {
        vec![
            instant(&delivery.created_at),
            delivery.delivery_id.clone(),
            delivery.reconciliation_id.clone(),
            delivery.event_type.clone(),
            delivery.state.clone(),
            delivery.tries.to_string(),
            last(delivery),
        ]
    };
    table(context.screen, &columns, deliveries.iter().map(row).collect())
}

/// What the endpoint said last, and what follows from it.
fn last(delivery: &Delivery) -> String {
    let said = delivery.attempts.last().map(|attempt| match (&attempt.problem, attempt.status) {
        (Some(problem), _) => problem.clone(),
        (None, Some(status)) => format!("answered {status} in {} ms", attempt.duration_ms),
        (None, None) => String::new(),
    });
    let next = match (&delivery.failed, &delivery.next_attempt_at) {
        (Some(why), _) => Some(format!("given up: {}", why.replace('_', " "))),
        (None, Some(at)) => Some(format!("next try {} UTC", instant(at))),
        (None, None) => None,
    };
    said.into_iter().chain(next).collect::<Vec<_>>().join("; ")
}
