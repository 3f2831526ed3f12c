//! How a step of a run is told in words, the same in `saga status` and while waiting.

use crate::{
    answers::{Failure, StepRun, Waiting},
    figures::{between, count, counted, duration, instant, plain},
    tables::{Screen, Tone, tone},
};

/// Running time of a step that has ended, its tries if it took several, and what it handled.
pub fn story(run: &StepRun) -> String {
    let took = run.ended_at.as_deref().and_then(|end| between(&run.started_at, end)).map(duration);
    let tries = (run.tries > 1).then(|| counted(run.tries, "try", "tries"));
    let handled = (run.records > 0 || run.pages > 0)
        .then(|| format!("{} on {}", counted(run.records, "record", "records"), counted(run.pages, "page", "pages")));
    [took, tries, handled].into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// Sign and colour of a status.
pub fn sign(screen: Screen, status: &str) -> String {
    let sign = match (tone(status), status) {
        (Tone::Good, _) => "✔",
        (Tone::Bad, _) => "✘",
        (_, "to do") => "○",
        (_, "undone") => "↶",
        _ => "●",
    };
    screen.toned(sign, tone(status))
}

/// `Settler.ProviderUnavailable in fetch_shopify_orders: Shopify answered 503 (trying again may help)`.
pub fn failure(failure: &Failure) -> String {
    let step = if failure.step.is_empty() { String::new() } else { format!(" in {}", plain(&failure.step)) };
    let again = if failure.retryable { "trying again may help" } else { "trying again will not help" };
    format!("{}{step}: {} ({again})", plain(&failure.name), plain(&failure.message))
}

/// What a step waits for: `waiting, the circuit is open: no call goes out before 2026-04-01 06:01:00 UTC`.
pub fn wait(waiting: &Waiting) -> String {
    let reason = match waiting.reason.as_str() {
        "throttled" => "the provider asked for patience",
        "circuit_open" => "the circuit is open",
        "unavailable" => "the provider does not answer",
        "paused" => "it is paused",
        "stuck" => "an operator has to decide",
        other => return format!("waiting ({})", plain(other)),
    };
    let until = waiting.until.as_deref().map(|at| format!(": no call goes out before {} UTC", instant(at)));
    format!("waiting, {reason}{}", until.unwrap_or_default())
}

/// What to do about a failure, by its name in the error registry.
pub fn advice(failure: &Failure) -> &'static str {
    match failure.name.trim_start_matches("Settler.") {
        "ProviderAccessDenied" | "CredentialsMissing" => {
            "give the connection working credentials (settler connection put), then try again"
        }
        "ProviderUnavailable" | "ProviderThrottled" => "wait until the provider is well again, then try again",
        _ if failure.retryable => "try again; if it fails again, report it with the run's id",
        _ => "report it with the run's id: trying again will not help",
    }
}

/// `3 tries` style counters for a saga as a whole.
pub fn attempts(attempt: u64, retries: u64) -> String {
    let retries = if retries > 0 { format!(", {}", counted(retries, "retry", "retries")) } else { String::new() };
    format!("attempt {}{retries}", count(attempt))
}
