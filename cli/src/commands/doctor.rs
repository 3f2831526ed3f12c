//! `settler doctor`: what is wrong, from the configuration here to the service's dead letters, and what to do about it.

use crate::{
    answers::{Health, HealthCheck},
    client::Client,
    config::Config,
    exit::{CliError, Result},
    figures::{counted, plain},
    output::{self, Format},
    steps::sign,
    tables::Screen,
};
use serde_json::json;
use std::fmt::Write;

const OK: &str = "ok";
const TROUBLE: &str = "trouble";

/// # Errors
/// [`CliError::Differences`] when anything is wrong, after all of it was listed.
pub async fn run(config: Result<Config>, format: Format, screen: Screen) -> Result<()> {
    let checks = examine(config).await;
    let wrong = checks.iter().filter(|check| check.status != OK).count();
    match format {
        Format::Table => output::data(&story(screen, &checks))?,
        Format::Json | Format::Jsonl => {
            let shown = |check: &HealthCheck| {
                json!({
                    "name": check.name, "status": check.status, "count": check.count, "detail": check.detail,
                    "items": check.items, "next": next(check),
                })
            };
            let checks: Vec<_> = checks.iter().map(shown).collect();
            let status = if wrong == 0 { OK } else { TROUBLE };
            output::data(&json!({ "status": status, "checks": checks }).to_string())?;
        }
    }
    match wrong {
        0 => Ok(()),
        _ => Err(CliError::Differences(format!("{} found trouble", counted(wrong as u64, "check", "checks")))),
    }
}

fn check(name: &str, status: &str, detail: impl Into<String>) -> HealthCheck {
    let count = u64::from(status != OK);
    HealthCheck { name: name.to_owned(), status: status.to_owned(), count, detail: detail.into(), items: Vec::new() }
}

/// Each check needs those before it: the list ends where nothing more can be said.
async fn examine(config: Result<Config>) -> Vec<HealthCheck> {
    let client = match config.and_then(|config| Ok((config.api_url.clone(), Client::new(config)?))) {
        Ok((url, client)) => (check("configuration", OK, url), client),
        Err(error) => return vec![check("configuration", TROUBLE, error.to_string())],
    };
    let (configuration, client) = client;
    let mut checks = vec![configuration];
    if let Err(error) = client.get(&["healthz"], &[]).await {
        checks.push(check("api", TROUBLE, error.to_string()));
        return checks;
    }
    checks.push(check("api", OK, "it answers"));
    let health = match client.get(&["admin", "health"], &[]).await {
        Ok(answer) => answer.read::<Health>(),
        Err(error @ CliError::Answered(_)) => {
            // Not an operator's key; perhaps a tenant's.
            let read = client.get(&["v1", "reconciliations"], &[("limit", Some("1"))]).await;
            checks.push(match read {
                Ok(_) => check("access", OK, "a tenant's key; what follows here needs a platform key"),
                Err(_) => check("access", TROUBLE, format!("the key opens nothing: {error}")),
            });
            return checks;
        }
        Err(error) => Err(error),
    };
    checks.push(check("access", OK, "a platform key"));
    match health {
        Ok(health) => checks.extend(health.checks),
        Err(error) => checks.push(check("health", TROUBLE, error.to_string())),
    }
    checks
}

/// What to do about it.
fn next(check: &HealthCheck) -> Option<&'static str> {
    if check.status == OK {
        return None;
    }
    Some(match check.name.as_str() {
        "configuration" => "settler --help says where the configuration is read from",
        "api" => "is the address right, and the stack up? (locally: make up)",
        "access" => "give another key, or have one made: settler key create",
        "projections" => "settler projections status, then settler projections unpark or rebuild",
        "sagas" => {
            "settler saga status <id> says why; settler saga resume tries the undo again, skip-undo goes on without"
        }
        "circuits" => "settler breaker list --history says why; it probes by itself unless it was forced open",
        "dead_letters" => "settler dlq list, then settler dlq show, and redrive or resolve",
        _ => "look at the service's log",
    })
}

fn story(screen: Screen, checks: &[HealthCheck]) -> String {
    let mut text = String::new();
    for check in checks {
        let status = if check.status == OK { "completed" } else { "failed" };
        let detail = screen.wrap(&plain_lines(&check.detail), 18, "                  ");
        let _ = writeln!(text, "{} {:<14}  {detail}", sign(screen, status), plain(&check.name));
        for item in &check.items {
            let _ = writeln!(text, "    {}", screen.wrap(&plain(item), 4, "      "));
        }
        let unnamed = check.count.saturating_sub(check.items.len() as u64);
        if unnamed > 0 && !check.items.is_empty() {
            let _ = writeln!(text, "    and {unnamed} more");
        }
        if let Some(next) = next(check) {
            let _ = writeln!(text, "    {} {}", screen.bold("next:"), screen.wrap(next, 10, "          "));
        }
    }
    text
}

/// Messages of several lines keep them.
fn plain_lines(text: &str) -> String {
    text.lines().map(|line| plain(line.trim_end())).collect::<Vec<_>>().join("\n")
}
