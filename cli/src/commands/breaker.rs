//! `settler breaker`: what is held back from providers, and why.

use super::Context;
use crate::{
    answers::{Circuit, CircuitTransition},
    args::BreakerCommand,
    exit::Result,
    figures::{instant, plain},
    tables::{Column, table},
};
use reqwest::Method;
use std::fmt::Write;

const PATH: [&str; 2] = ["admin", "circuit-breakers"];

pub async fn run(context: &Context, command: BreakerCommand) -> Result<()> {
    let (circuit, verb) = match command {
        BreakerCommand::List { history, paging } => {
            return context
                .list(&PATH, &[], &paging, "circuits were used", |circuits: &[Circuit], _| {
                    if history { story(circuits) } else { list(context, circuits) }
                })
                .await;
        }
        BreakerCommand::Open { circuit } => (circuit, "open"),
        BreakerCommand::Close { circuit } => (circuit, "close"),
        BreakerCommand::Auto { circuit } => (circuit, "auto"),
    };
    let path: Vec<&str> = PATH.into_iter().chain([circuit.as_str(), verb]).collect();
    let answer = context.client.send(Method::POST, &path, &[], None).await?;
    context.show(&answer.body, |circuit: &Circuit| list(context, std::slice::from_ref(circuit)))
}

/// Why a circuit is as it is.
fn why(transition: &CircuitTransition) -> String {
    let number = |figure: Option<u64>| figure.unwrap_or_default();
    match transition.reason.as_str() {
        "failures" => format!("{} of {} calls failed", number(transition.failures), number(transition.calls)),
        "throttled" => "the provider asked for patience".to_owned(),
        "tenants" => format!("the circuits of {} tenants opened", number(transition.open)),
        "probe_due" => "it was time to try again".to_owned(),
        "probe_failed" => "the probe failed".to_owned(),
        "probes_succeeded" => format!("{} probes succeeded", number(transition.successes)),
        "operator" => format!("forced by {}", transition.by.clone().unwrap_or_default()),
        other => plain(other),
    }
}

fn list(context: &Context, circuits: &[Circuit]) -> String {
    let columns = [
        ("Circuit", Column::Text),
        ("State", Column::Status),
        ("Mode", Column::Text),
        ("Calls", Column::Figure),
        ("Failed", Column::Figure),
        ("Since (UTC)", Column::Text),
        ("Probe at (UTC)", Column::Text),
        ("Why", Column::Sentence),
    ];
    let row = |circuit: &Circuit| {
        let last = circuit.history.last();
        vec![
            circuit.circuit.clone(),
            circuit.state.clone(),
            circuit.mode.clone(),
            circuit.calls.to_string(),
            circuit.failures.to_string(),
            last.map_or_else(|| "–".to_owned(), |last| instant(&last.at)),
            circuit.retry_at.as_deref().filter(|_| circuit.mode == "automatic").map_or_else(|| "–".to_owned(), instant),
            last.map(why).unwrap_or_default(),
        ]
    };
    table(context.screen, &columns, circuits.iter().map(row).collect())
}

fn story(circuits: &[Circuit]) -> String {
    let mut text = String::new();
    for circuit in circuits {
        let _ = writeln!(text, "{}: {} ({})", plain(&circuit.circuit), plain(&circuit.state), plain(&circuit.mode));
        for transition in &circuit.history {
            let _ = writeln!(
                text,
                "  {} UTC  {:<9} -> {:<9}  {}",
                instant(&transition.at),
                plain(&transition.from),
                plain(&transition.to),
                why(transition)
            );
        }
    }
    text
}
