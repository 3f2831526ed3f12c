//! `settler connection`: accounts at providers.

use super::{Context, read_json};
use crate::{
    answers::Connection,
    args::{ConnectionCommand, ConnectionPut, Credential},
    exit::{CliError, Result},
    figures::instant,
    output,
    tables::facts,
};
use reqwest::Method;
use serde_json::{Map, Value, json};

pub async fn run(context: &Context, command: ConnectionCommand) -> Result<()> {
    match command {
        ConnectionCommand::Put(put) => self::put(context, put).await,
        ConnectionCommand::Show { id } => context
            .show(&context.client.get(&["v1", "connections", &id], &[]).await?.body, |connection| {
                table(&id, connection)
            }),
    }
}

async fn put(context: &Context, put: ConnectionPut) -> Result<()> {
    let credentials = match &put.credentials_file {
        Some(file) => read_json(file)?,
        None => one_by_one(&put.credential)?,
    };
    let body = json!({"adapter": put.adapter.as_str(), "credentials": credentials});
    let answer = context.client.send(Method::PUT, &["v1", "connections", &put.id], &[], Some(&body)).await?;
    output::note(&format!("connection {} is set", put.id));
    context.show(&answer.body, |connection| table(&put.id, connection))
}

fn one_by_one(credentials: &[Credential]) -> Result<Value> {
    let member = |credential: &Credential| credential.parts().map(|(key, value)| (key.to_owned(), Value::from(value)));
    let members: Option<Map<_, _>> = credentials.iter().map(member).collect();
    members.map(Value::Object).ok_or_else(|| CliError::Usage("write each --credential as key=value".to_owned()))
}

fn table(id: &str, connection: &Connection) -> String {
    let mut lines = vec![
        ("connection", id.to_owned()),
        ("adapter", connection.adapter.clone()),
        ("credentials", "stored, not shown".to_owned()),
    ];
    if !connection.updated_at.is_empty() {
        lines.push(("updated", format!("{} UTC", instant(&connection.updated_at))));
    }
    facts(&lines)
}
