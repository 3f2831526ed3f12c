//! Dead letters and circuits as operators see them, and what they may ask for.

use crate::{
    body,
    problem::Problem,
    request::Request,
    shape::{
        Field, Kind,
        Kind::{Boolean, Id, Instant, Integer, List, Object, OneOf, Text},
        Shape, optional, required, wrong,
    },
};
use domain::{TenantId, Timestamp};
use resilience::{
    breaker::{Circuit, Policy},
    dead_letter::{Batch, Entry, LetterFilter, Report},
};
use serde::Deserialize;
use serde_json::{Value, json};

const TEXT: Kind = Text(4_000);
/// Longest name of a source or an error.
pub const MAX_NAME: usize = 128;
/// Characters of what an operator writes down.
const MAX_NOTES: usize = 2_000;
/// Letters that one call redrives at most: it has to end before the gateway loses patience.
pub const MAX_SET: u64 = 100;
/// Letters per second, unless asked otherwise.
const DEFAULT_RATE: u64 = 10;
const MAX_RATE: u64 = 100;

pub const LETTER_STATES: &[&str] = &["new", "redriven", "resolved"];
const CIRCUIT_STATES: Kind = OneOf(&["closed", "open", "half_open"]);
const MODES: Kind = OneOf(&["automatic", "forced_open", "forced_closed"]);

const SOURCE: Field = optional("source", Text(MAX_NAME), "Whose messages they were, such as saga-control.");
const ERROR_TYPE: Field = optional("error_type", Text(MAX_NAME), "Such as Settler.ConsumerCrashed.");

pub const DEAD_LETTER: Shape = Shape {
    name: "DeadLetter",
    about: "A message or an invocation that nobody could handle.",
    fields: &[
        required("id", Id, "Of the first message; kept over redrives."),
        required("state", OneOf(LETTER_STATES), ""),
        required("source", TEXT, "Where it came from, and where a redrive sends it."),
        optional("tenant_id", Id, "Null when the payload does not say."),
        optional("saga_id", Id, "The run that it is about."),
        optional("event_id", Id, ""),
        optional("correlation_id", Id, ""),
        required(
            "error_type",
            TEXT,
            "A name of the error registry, or the code of the service that could not deliver.",
        ),
        required("error_message", TEXT, ""),
        optional("payload", Kind::Any, "What was to be handled, as it was sent; only where one letter is shown."),
        optional("payload_ref", TEXT, "Where a large payload lies in the data bucket."),
        required("retry_count", Integer, "Tries so far, over all redrives."),
        required("max_retries", Integer, "Tries before it becomes a dead letter."),
        required("returns", Integer, "Times it came back after a redrive."),
        required("created_at", Instant, ""),
        required("first_seen", Instant, ""),
        required("last_seen", Instant, ""),
        optional("redriven_at", Instant, ""),
        optional("resolved_at", Instant, ""),
        optional("resolution_notes", Text(MAX_NOTES), ""),
        optional("by", TEXT, "The key that redrove or resolved it."),
        required("version", Integer, ""),
    ],
};

pub const RESOLVE: Shape = Shape {
    name: "ResolveDeadLetter",
    about: "",
    fields: &[required("notes", Text(MAX_NOTES), "What was found and done about it.")],
};

pub const REDRIVE_SET: Shape = Shape {
    name: "RedriveDeadLetters",
    about: "New letters that all of this holds for.",
    fields: &[
        SOURCE,
        ERROR_TYPE,
        optional("tenant_id", Id, ""),
        optional("before", Instant, "Last seen before this time; what comes back later is left alone."),
        optional("limit", Integer, "Letters at most, 1 to 100; 100 when absent."),
        optional("rate_per_s", Integer, "Letters per second at most, 1 to 100; 10 when absent."),
        optional("dry_run", Boolean, "Counts and names them, and does nothing."),
    ],
};

const NOT_REDRIVEN: Shape =
    Shape { name: "NotRedriven", about: "", fields: &[required("id", Id, ""), required("detail", TEXT, "")] };

pub const REDRIVEN: Shape = Shape {
    name: "RedrivenDeadLetters",
    about: "",
    fields: &[
        required("ids", List(&Id), "The letters of this call."),
        required("redriven", Integer, ""),
        required("failed", List(&Object(&NOT_REDRIVEN)), ""),
        required("more", Boolean, "There are more: call again."),
        required("dry_run", Boolean, ""),
    ],
};

const TRANSITION: Shape = Shape {
    name: "CircuitTransition",
    about: "",
    fields: &[
        required("epoch", Integer, ""),
        required("at", Instant, ""),
        required("from", CIRCUIT_STATES, ""),
        required("to", CIRCUIT_STATES, ""),
        required("mode", MODES, ""),
        required(
            "reason",
            OneOf(&["failures", "throttled", "tenants", "probe_due", "probe_failed", "probes_succeeded", "operator"]),
            "",
        ),
        optional("calls", Integer, "In the window, where calls failed."),
        optional("failures", Integer, ""),
        optional("open", Integer, "Tenants with open circuits."),
        optional("successes", Integer, "Of the prober."),
        optional("by", TEXT, "The operator's key."),
        optional("retry_at", Instant, ""),
    ],
};

pub const CIRCUIT: Shape = Shape {
    name: "Circuit",
    about: "The circuit breaker of a provider, or of one tenant's account there.",
    fields: &[
        required("circuit", TEXT, "Its name, such as stripe or stripe.acme."),
        required("provider", TEXT, ""),
        optional("tenant_id", Id, "Null for the provider as a whole."),
        required("state", CIRCUIT_STATES, ""),
        required("mode", MODES, ""),
        optional("retry_at", Instant, "No call goes out before this time; then one probe does."),
        required("calls", Integer, "In the window."),
        required("failures", Integer, "In the window."),
        required("tenants_in_trouble", List(&Id), "Of a provider: whose circuits opened because calls failed."),
        required("history", List(&Object(&TRANSITION)), "The last changes, oldest first."),
        required("version", Integer, ""),
    ],
};

/// A letter as it is shown; `with_payload` where it is the only one.
#[must_use]
pub fn dead_letter(entry: &Entry, with_payload: bool) -> Value {
    let letter = &entry.letter;
    // JSON is shown as JSON; what is not, as the text that it was.
    let payload = with_payload.then(|| serde_json::from_str(&letter.payload).unwrap_or_else(|_| json!(letter.payload)));
    json!({
        "id": letter.id,
        "state": entry.state.as_str(),
        "source": letter.source,
        "tenant_id": letter.tenant_id,
        "saga_id": letter.saga_id,
        "event_id": letter.event_id,
        "correlation_id": letter.correlation_id,
        "error_type": letter.error_type,
        "error_message": letter.error_message,
        "payload": payload,
        "payload_ref": entry.payload_ref,
        "retry_count": letter.retry_count,
        "max_retries": letter.max_retries,
        "returns": entry.returns,
        "created_at": entry.created_at,
        "first_seen": letter.first_seen,
        "last_seen": letter.last_seen,
        "redriven_at": entry.redriven_at,
        "resolved_at": entry.resolved_at,
        "resolution_notes": entry.resolution_notes,
        "by": entry.by,
        "version": entry.revision,
    })
}

#[must_use]
pub fn circuit(circuit: &Circuit, now: Timestamp, policy: &Policy) -> Value {
    let counts = circuit.counts(now, policy);
    json!({
        "circuit": circuit.key,
        "provider": circuit.key.provider,
        "tenant_id": circuit.key.tenant,
        "state": circuit.phase.as_str(),
        "mode": circuit.mode,
        "retry_at": circuit.retry_at(),
        "calls": counts.calls,
        "failures": counts.failures,
        "tenants_in_trouble": circuit.troubled,
        "history": circuit.history,
        "version": circuit.epoch,
    })
}

#[must_use]
pub fn redriven(report: &Report, dry_run: bool) -> Value {
    let failed: Vec<Value> = report.failed.iter().map(|(id, detail)| json!({"id": id, "detail": detail})).collect();
    json!({
        "ids": report.ids,
        "redriven": report.redriven,
        "failed": failed,
        "more": report.more,
        "dry_run": dry_run,
    })
}

/// The notes in the body.
///
/// # Errors
/// As [`body::operators_object`]; missing, empty or too long.
pub fn notes(request: &Request) -> Result<String, Problem> {
    #[derive(Deserialize)]
    struct Body {
        notes: String,
    }
    let Body { notes } = checked(&body::operators_object(request)?, &RESOLVE, Vec::new())?;
    Ok(notes)
}

/// Which letters are to be redriven, and how. `{}` means every new one.
///
/// # Errors
/// As [`body::operators_object`]; everything that is wrong at once.
pub fn redrive_set(request: &Request) -> Result<Batch, Problem> {
    #[derive(Deserialize)]
    struct Body {
        source: Option<String>,
        error_type: Option<String>,
        tenant_id: Option<TenantId>,
        before: Option<Timestamp>,
        limit: Option<u32>,
        rate_per_s: Option<u32>,
        #[serde(default)]
        dry_run: Option<bool>,
    }
    let body = body::operators_object(request)?;
    let range = |name: &str, most: u64| {
        let value = body.get(name).filter(|value| value.is_number())?;
        let fits = value.as_u64().is_some_and(|number| (1..=most).contains(&number));
        (!fits).then(|| wrong(&format!("/{name}"), "invalid", format!("must be 1 to {most}")))
    };
    let out_of_range = [range("limit", MAX_SET), range("rate_per_s", MAX_RATE)].into_iter().flatten().collect();
    let Body { source, error_type, tenant_id, before, limit, rate_per_s, dry_run } =
        checked(&body, &REDRIVE_SET, out_of_range)?;
    let number = |given: Option<u32>, default: u64| given.unwrap_or_else(|| u32::try_from(default).unwrap_or(1));
    Ok(Batch {
        filter: LetterFilter { state: None, source, error_type, tenant: tenant_id, before },
        limit: number(limit, MAX_SET),
        rate_per_s: number(rate_per_s, DEFAULT_RATE),
        dry_run: dry_run.unwrap_or(false),
    })
}

fn checked<T: for<'de> Deserialize<'de>>(
    body: &Value,
    shape: &Shape,
    more: Vec<application::FieldError>,
) -> Result<T, Problem> {
    let mut errors = shape.check(body);
    errors.extend(more);
    if !errors.is_empty() {
        return Err(Problem::fields(errors));
    }
    T::deserialize(body).map_err(|error| Problem::malformed(format!("the body cannot be read: {error}")))
}
