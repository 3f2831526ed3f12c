//! `settler key`: who may call the API.

use super::Context;
use crate::{
    answers::ApiKey,
    args::KeyCommand,
    exit::Result,
    figures::{instant, plain},
    output,
    tables::{Column, facts, table},
};
use reqwest::Method;
use serde_json::{Value, json};

const PATH: [&str; 2] = ["admin", "api-keys"];

pub async fn run(context: &Context, command: KeyCommand) -> Result<()> {
    match command {
        KeyCommand::Create { scopes, expires_at, idempotency_key } => {
            let scopes: Vec<&str> = scopes.iter().map(|scope| scope.as_str()).collect();
            let body = json!({ "tenant_id": context.client.tenant(), "scopes": scopes, "expires_at": expires_at });
            let headers = [("Idempotency-Key", idempotency_key.as_deref())];
            let made = context.client.send(Method::POST, &PATH, &headers, Some(&body)).await?;
            output::note(if made.replayed {
                "this idempotency key was used before: the key was shown then and is not shown again"
            } else {
                "the key is shown this once: keep it where secrets are kept"
            });
            context.show(&made.body, show)
        }
        KeyCommand::List { paging } => {
            context.list(&PATH, &[], &paging, "keys", |keys: &[ApiKey], _| list(context, keys)).await
        }
        KeyCommand::Revoke { key_id, yes } => {
            output::confirm(
                yes,
                &format!("Revoke {key_id}? Whoever uses it is locked out at once."),
                &format!("whoever uses {key_id} is locked out at once and for good: add --yes"),
                "nothing was revoked",
            )?;
            let path: Vec<&str> = PATH.into_iter().chain([key_id.as_str()]).collect();
            let revoked = context.client.send(Method::DELETE, &path, &[], None::<&Value>).await?;
            context.show(&revoked.body, show)
        }
    }
}

fn holder(key: &ApiKey) -> String {
    key.tenant_id.as_deref().map_or_else(|| "the platform".to_owned(), plain)
}

fn expiry(key: &ApiKey) -> String {
    key.expires_at.as_deref().map_or_else(|| "never".to_owned(), |at| format!("{} UTC", instant(at)))
}

fn show(key: &ApiKey) -> String {
    let mut lines = vec![
        ("key id", plain(&key.key_id)),
        ("for", holder(key)),
        ("scopes", key.scopes.join(", ")),
        ("expires", expiry(key)),
        ("status", plain(&key.status)),
    ];
    lines.extend(key.key.as_ref().map(|secret| ("key", secret.clone())));
    facts(&lines)
}

fn list(context: &Context, keys: &[ApiKey]) -> String {
    let columns = [
        ("Key", Column::Text),
        ("For", Column::Text),
        ("Scopes", Column::Text),
        ("Created (UTC)", Column::Text),
        ("Expires", Column::Text),
        ("Status", Column::Status),
    ];
    let row = |key: &ApiKey| {
        let scopes = key.scopes.join(", ");
        vec![key.key_id.clone(), holder(key), scopes, instant(&key.created_at), expiry(key), key.status.clone()]
    };
    table(context.screen, &columns, keys.iter().map(row).collect())
}
