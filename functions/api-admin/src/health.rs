//! `GET /admin/health`: what is wrong right now, without a tenant's data. One look at each thing that needs a person.

use crate::handler::Handler;
use domain::{Timestamp, ports::PortError, saga::SagaStatus, time::Window};
use http_api::{Problem, Response};
use projections::{ALL, Fault, ReadError, SagaFilter, compare::compare_recent};
use resilience::{
    breaker::{Circuit, Mode, Phase},
    dead_letter::{LetterFilter, LetterState},
};
use serde::Serialize;
use serde_json::json;

/// What moved within this time is held against its read models.
const RECENT_MS: i64 = 30 * 60_000;
/// Clocks of functions differ, and a window's end is not part of it.
const AHEAD_MS: i64 = 60_000;
/// Items that one look takes.
const LOOK: u32 = 200;
/// Items that are named.
const NAMED: usize = 10;

#[derive(Serialize)]
struct Check {
    name: &'static str,
    status: &'static str,
    count: usize,
    detail: String,
    items: Vec<String>,
}

impl Check {
    /// Trouble when there are any.
    /// `wrong` says it of one, and of several.
    fn of(name: &'static str, mut items: Vec<String>, well: &str, wrong: [&str; 2]) -> Self {
        let count = items.len();
        items.truncate(NAMED);
        let [one, several] = wrong;
        let detail = match count {
            0 => well.to_owned(),
            1 => format!("1 {one}"),
            _ => format!("{count} {several}"),
        };
        Self { name, status: status(count == 0), count, detail, items }
    }

    /// What cannot be looked at is trouble of its own, and hides nothing else.
    fn blind(name: &'static str, cause: &str) -> Self {
        tracing::error!(check = name, cause, "a check could not look");
        Self {
            name,
            status: status(false),
            count: 1,
            detail: "could not be looked at; see the log".into(),
            items: vec![],
        }
    }
}

fn status(well: bool) -> &'static str {
    if well { "ok" } else { "trouble" }
}

/// # Errors
/// None: what cannot be looked at is in the answer.
pub async fn look(handler: &Handler) -> Result<Response, Problem> {
    let now = handler.clock.now();
    let checks = [
        event_store(handler).await,
        projections(handler, now).await.unwrap_or_else(|fault| Check::blind("projections", &fault.to_string())),
        sagas(handler).await.unwrap_or_else(|error| Check::blind("sagas", &error.to_string())),
        circuits(handler).await.unwrap_or_else(|error| Check::blind("circuits", &error.to_string())),
        dead_letters(handler).await.unwrap_or_else(|error| Check::blind("dead_letters", &error.to_string())),
    ];
    let well = checks.iter().all(|check| check.status == status(true));
    Ok(Response::json(200, &json!({ "status": status(well), "checks": checks, "as_of": now })))
}

async fn event_store(handler: &Handler) -> Check {
    match handler.store.heads(1, None).await {
        Ok(_) => Check::of("event_store", Vec::new(), "it answers", [""; 2]),
        Err(error) => Check::blind("event_store", &error.to_string()),
    }
}

async fn projections(handler: &Handler, now: Timestamp) -> Result<Check, Fault> {
    let at = |offset_ms: i64| Timestamp::from_millis(now.millis() + offset_ms);
    let window = Window { from: at(-RECENT_MS), to: at(AHEAD_MS) };
    let (store, registry) = (handler.store.as_ref(), handler.registry.as_ref());
    let found = compare_recent(store, registry, &ALL, (window, LOOK), now).await?;
    let name = |pair: projections::compare::Inexact| {
        let standing = json!(pair.standing);
        let standing = standing.as_str().unwrap_or_default();
        format!("{} of {} {} {}: {standing}", pair.projection, pair.tenant_id, pair.aggregate_type, pair.aggregate_id)
    };
    let items = found.inexact.into_iter().map(name).collect();
    Ok(Check::of(
        "projections",
        items,
        "what moved in the last 30 minutes is in the read models",
        ["read model is behind or parked", "read models are behind or parked"],
    ))
}

async fn sagas(handler: &Handler) -> Result<Check, ReadError> {
    let filter = SagaFilter { tenant: None, status: Some(SagaStatus::Stuck) };
    let page = handler.models.list_sagas(&filter, LOOK, None).await?;
    let items = page.items.iter().map(|saga| format!("{} {}", saga.tenant_id, saga.saga_id)).collect();
    Ok(Check::of(
        "sagas",
        items,
        "none is stuck",
        ["saga is stuck and waits for an operator", "sagas are stuck and wait for an operator"],
    ))
}

async fn circuits(handler: &Handler) -> Result<Check, PortError> {
    let breakers = &handler.force.0;
    let (circuits, _) = breakers.store.list(LOOK, None).await?;
    let held = circuits.iter().filter(|circuit| is_open(circuit));
    let items = held.map(|circuit| circuit.key.to_string()).collect();
    Ok(Check::of(
        "circuits",
        items,
        "all calls go out",
        ["circuit is open: calls are held back", "circuits are open: calls are held back"],
    ))
}

/// A probe under way is no reason to call anybody.
fn is_open(circuit: &Circuit) -> bool {
    circuit.mode == Mode::ForcedOpen || (circuit.mode == Mode::Automatic && matches!(circuit.phase, Phase::Open { .. }))
}

async fn dead_letters(handler: &Handler) -> Result<Check, PortError> {
    let filter = LetterFilter { state: Some(LetterState::New), ..LetterFilter::default() };
    let (letters, _) = handler.redrive.store.list(&filter, LOOK, None).await?;
    let name = |entry: &resilience::dead_letter::Entry| {
        format!("{} from {}: {}", entry.letter.id, entry.letter.source, entry.letter.error_type)
    };
    let items = letters.iter().map(name).collect();
    Ok(Check::of(
        "dead_letters",
        items,
        "none waits for a person",
        ["dead letter waits for a person", "dead letters wait for a person"],
    ))
}
