//! `settler job`: what is reconciled.

use super::{Context, read_json};
use crate::{
    answers::Job,
    args::{Adapter, JobCommand, JobCreate, JobFields, JobUpdate},
    exit::{CliError, Result},
    output,
    tables::{Column, facts, table},
};
use reqwest::Method;
use serde_json::{Map, Value, json};

pub async fn run(context: &Context, command: JobCommand) -> Result<()> {
    match command {
        JobCommand::Create(job) => create(context, job).await,
        JobCommand::List(paging) => {
            context.list(&["v1", "jobs"], &[], &paging, "jobs", |jobs, _| list(context, jobs)).await
        }
        JobCommand::Show { id } => context.show(&context.client.get(&["v1", "jobs", &id], &[]).await?.body, show),
        JobCommand::Update(job) => update(context, job).await,
        JobCommand::Delete { id, yes } => delete(context, &id, yes).await,
    }
}

async fn create(context: &Context, job: JobCreate) -> Result<()> {
    let mut body = match &job.fields.file {
        Some(file) => definition(read_json(file)?)?,
        None => {
            let missing: Vec<_> = [
                ("--name", &job.fields.name),
                ("--source-connection", &job.fields.source_connection),
                ("--target-connection", &job.fields.target_connection),
            ]
            .into_iter()
            .filter_map(|(flag, value)| value.is_none().then_some(flag))
            .collect();
            if !missing.is_empty() {
                return Err(CliError::Usage(format!("a new job needs {}, or --file job.json", missing.join(", "))));
            }
            let sides = json!({"source": {"adapter": "shopify"}, "target": {"adapter": "stripe"}});
            let mut body = definition(sides)?;
            apply(&mut body, &job.fields)?;
            body
        }
    };
    if let Some(id) = &job.id {
        body.insert("job_id".to_owned(), json!(id));
    }
    let answer = context.client.send(Method::POST, &["v1", "jobs"], &[], Some(&Value::Object(body))).await?;
    output::note("job created");
    context.show(&answer.body, show)
}

/// Reads the job, changes what was named and writes it back, unless somebody else changed it in between.
async fn update(context: &Context, job: JobUpdate) -> Result<()> {
    let path = ["v1", "jobs", job.id.as_str()];
    let (body, etag) = match &job.fields.file {
        Some(file) => (definition(read_json(file)?)?, None),
        None => {
            let current = context.client.get(&path, &[]).await?;
            let mut body = writable(current.read()?);
            if !apply(&mut body, &job.fields)? {
                return Err(CliError::Usage(
                    "nothing to change: name a field, such as --timezone, or give --file job.json".to_owned(),
                ));
            }
            (body, current.etag)
        }
    };
    let answer =
        context.client.send(Method::PUT, &path, &[("If-Match", etag.as_deref())], Some(&Value::Object(body))).await?;
    output::note("job updated; runs that were started before keep the old definition");
    context.show(&answer.body, show)
}

async fn delete(context: &Context, id: &str, yes: bool) -> Result<()> {
    output::confirm(
        yes,
        &format!("Delete job {id}? Its runs stay, its id cannot be used again."),
        &format!("deleting a job is for good and its id cannot be used again: add --yes to delete {id}"),
        "nothing was deleted",
    )?;
    context.client.send(Method::DELETE, &["v1", "jobs", id], &[], None).await?;
    output::note(&format!("job {id} deleted"));
    Ok(())
}

fn definition(value: Value) -> Result<Map<String, Value>> {
    match value {
        Value::Object(fields) => Ok(fields),
        _ => Err(CliError::Usage("a job's definition is a JSON object".to_owned())),
    }
}

/// The fields of a job that a command may carry; the API refuses the rest.
fn writable(job: Map<String, Value>) -> Map<String, Value> {
    let wanted = |name: &str| matches!(name, "name" | "source" | "target" | "timezone" | "matching_rules" | "schedule");
    let webhooks = job.get("webhooks").and_then(Value::as_array).map(|webhooks| webhooks.iter().map(named).collect());
    let mut body: Map<String, Value> =
        job.into_iter().filter(|(name, value)| wanted(name) && !value.is_null()).collect();
    if let Some(webhooks) = webhooks.filter(|webhooks: &Vec<Value>| !webhooks.is_empty()) {
        body.insert("webhooks".to_owned(), Value::Array(webhooks));
    }
    body
}

/// An endpoint as a command names it, so that it keeps its secret.
fn named(webhook: &Value) -> Value {
    json!({ "endpoint_id": webhook["endpoint_id"], "url": webhook["url"] })
}

/// Writes the named fields into a definition; false when none was named.
fn apply(body: &mut Map<String, Value>, fields: &JobFields) -> Result<bool> {
    let mut changed = false;
    let mut set = |field: &str, part: Option<&str>, value: Option<Value>| {
        let Some(value) = value else { return };
        changed = true;
        match part {
            None => body.insert(field.to_owned(), value),
            Some(part) => {
                let side = body.entry(field).or_insert_with(|| json!({}));
                side.as_object_mut().and_then(|side| side.insert(part.to_owned(), value))
            }
        };
    };
    let text = |value: &Option<String>| value.as_deref().map(Value::from);
    set("name", None, text(&fields.name));
    set("timezone", None, text(&fields.timezone));
    set("source", Some("connection"), text(&fields.source_connection));
    set("target", Some("connection"), text(&fields.target_connection));
    let adapter = |of: Option<Adapter>| of.map(|adapter| Value::from(adapter.as_str()));
    set("source", Some("adapter"), adapter(fields.source_adapter));
    set("target", Some("adapter"), adapter(fields.target_adapter));
    set("matching_rules", None, fields.rules.as_deref().map(read_json).transpose()?);
    let webhooks: Vec<Value> = fields.webhooks.iter().map(|url| json!({ "url": url })).collect();
    set("webhooks", None, (!webhooks.is_empty()).then_some(Value::Array(webhooks)));
    let schedule = fields.schedule.as_ref().map(|expression| {
        let mut schedule = json!({ "expression": expression, "window": fields.schedule_window });
        if let Some(zone) = &fields.schedule_timezone {
            schedule["timezone"] = json!(zone);
        }
        schedule
    });
    set("schedule", None, schedule);
    for (drop, field) in [(fields.no_webhooks, "webhooks"), (fields.no_schedule, "schedule")] {
        if drop {
            body.remove(field);
            changed = true;
        }
    }
    Ok(changed)
}

fn side(side: &crate::answers::Side) -> String {
    format!("{} ({})", side.connection, side.adapter)
}

fn show(job: &Job) -> String {
    let mut lines = vec![
        ("job", job.job_id.clone()),
        ("name", job.name.clone()),
        ("source", side(&job.source)),
        ("target", side(&job.target)),
        ("time zone", job.timezone.clone()),
        (
            "rules",
            if job.matching_rules.is_null() { "the service's own".to_owned() } else { job.matching_rules.to_string() },
        ),
    ];
    let schedule = job.schedule.as_ref().map_or_else(
        || "none; runs are started by hand".to_owned(),
        |schedule| format!("{} in {}, {}", schedule.expression, schedule.timezone, schedule.window.replace('_', " ")),
    );
    lines.push(("schedule", schedule));
    for webhook in &job.webhooks {
        let state = webhook.disabled.as_ref().map(|disabled| format!(", disabled: {}", disabled.reason));
        lines.push(("webhook", format!("{} ({}{})", webhook.url, webhook.endpoint_id, state.unwrap_or_default())));
        lines.extend(webhook.secret.as_ref().map(|secret| ("secret", format!("{secret} (shown this once)"))));
    }
    if let Some(version) = job.version {
        lines.push(("version", version.to_string()));
    }
    facts(&lines)
}

fn list(context: &Context, jobs: &[Job]) -> String {
    let columns = [
        ("Job", Column::Text),
        ("Name", Column::Sentence),
        ("Source", Column::Text),
        ("Target", Column::Text),
        ("Time zone", Column::Text),
    ];
    let row = |job: &Job| {
        vec![job.job_id.clone(), job.name.clone(), side(&job.source), side(&job.target), job.timezone.clone()]
    };
    table(context.screen, &columns, jobs.iter().map(row).collect())
}
