//! `settler projections`: is what lists show complete, and if not, what brings it up to the log again.

use super::Context;
use crate::{
    answers::{Comparison, Inexact, ProjectionState, RebuildState, StartedRebuilds},
    args::{ProjectionsCommand, Rebuild, Unpark},
    client,
    exit::{CliError, Result},
    figures::{count, counted, instant, plain},
    output::{self, Format},
    tables::{Column, table},
};
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use reqwest::Method;
use serde_json::{Value, json, value::RawValue};
use std::{collections::BTreeMap, time::Duration};

const PAUSE: Duration = Duration::from_millis(300);
/// Looks at a rebuild that does not get on before it is given up: the queue's messages are tried for minutes.
const STALLED_LOOKS: u32 = 2_000;

pub async fn run(context: &Context, command: ProjectionsCommand) -> Result<()> {
    match command {
        ProjectionsCommand::Status => status(context).await,
        ProjectionsCommand::Rebuild(wanted) => rebuild(context, &wanted).await,
        ProjectionsCommand::Unpark(pair) => unpark(context, &pair).await,
    }
}

/// A projection, read and as the API wrote it.
pub(super) type States = (ProjectionState, Box<RawValue>);

/// Every page of the comparison, added up.
pub(super) async fn compared(context: &Context) -> Result<Comparison> {
    let spinner = if output::interactive() { ProgressBar::new_spinner() } else { ProgressBar::hidden() };
    let (mut all, mut cursor) = (Comparison::default(), None::<String>);
    loop {
        let query = [("limit", Some("200")), ("cursor", cursor.as_deref())];
        let page: Comparison = context.client.get(&["admin", "projections", "comparison"], &query).await?.read()?;
        // What is exact as of the first page is what can be said of the whole.
        if all.as_of.is_empty() {
            all.as_of = page.as_of;
        }
        all.checked += page.checked;
        all.exact += page.exact;
        all.inexact.extend(page.inexact);
        spinner.set_message(format!("{} compared", count(all.checked)));
        spinner.tick();
        match page.next_cursor {
            None => break,
            next => cursor = next,
        }
    }
    spinner.finish_and_clear();
    Ok(all)
}

pub(super) async fn states(context: &Context) -> Result<Vec<States>> {
    let mut states = Vec::new();
    context
        .client
        .pages(&["admin", "projections"], &[], u64::MAX, |page| {
            for raw in page {
                states.push((client::read(&raw)?, raw));
            }
            Ok(())
        })
        .await?;
    Ok(states)
}

async fn status(context: &Context) -> Result<()> {
    let states = states(context).await?;
    let compared = compared(context).await?;
    match context.format {
        Format::Table => {
            output::data(&state_table(context, states.iter().map(|(state, _)| state)))?;
            if !compared.inexact.is_empty() {
                output::data(&format!("\n{}", inexact_table(context, &compared.inexact)))?;
            }
            output::data(&format!("\n{}", verdict(&compared)))?;
        }
        format => {
            let projections: Vec<&RawValue> = states.iter().map(|(_, raw)| &**raw).collect();
            let body = json!({
                "as_of": compared.as_of,
                "checked": compared.checked,
                "exact": compared.exact,
                "inexact": compared.inexact.iter().map(as_json).collect::<Vec<_>>(),
                "projections": projections,
            });
            let raw =
                serde_json::value::to_raw_value(&body).map_err(|error| CliError::Unexpected(error.to_string()))?;
            output::item(format, &raw)?;
        }
    }
    if compared.inexact.is_empty() {
        return Ok(());
    }
    Err(CliError::Differences(format!(
        "{} of {} are not exact",
        count(compared.checked - compared.exact),
        counted(compared.checked, "pair", "pairs")
    )))
}

fn as_json(pair: &Inexact) -> Value {
    json!({
        "projection": pair.projection,
        "tenant_id": pair.tenant_id,
        "aggregate_type": pair.aggregate_type,
        "aggregate_id": pair.aggregate_id,
        "standing": pair.standing,
        "checkpoint": pair.checkpoint,
        "head": pair.head,
        "position": pair.position,
        "error": pair.error,
    })
}

/// "exact for 100 % of aggregates as of T", or for how many.
pub(super) fn verdict(compared: &Comparison) -> String {
    let as_of = instant(&compared.as_of);
    if compared.exact == compared.checked {
        return format!("exact for 100 % of aggregates as of {as_of} UTC ({} compared)", count(compared.checked));
    }
    // Rounded down: 100 % is only said when it is so.
    let per_mille = compared.exact.saturating_mul(1_000) / compared.checked.max(1);
    format!(
        "exact for {}.{} % of aggregates as of {as_of} UTC ({} of {} compared)",
        per_mille / 10,
        per_mille % 10,
        count(compared.exact),
        count(compared.checked)
    )
}

fn state_table<'s>(context: &Context, states: impl Iterator<Item = &'s ProjectionState>) -> String {
    let columns = [
        ("Projection", Column::Text),
        ("Follows", Column::Text),
        ("Live", Column::Figure),
        ("Building", Column::Figure),
        ("Last rebuild", Column::Text),
    ];
    let row = |state: &ProjectionState| {
        vec![
            state.projection.clone(),
            state.aggregate_type.clone(),
            format!("v{}", state.live),
            state.building.map_or_else(|| "–".to_owned(), |version| format!("v{version}")),
            state.rebuild.as_ref().map_or_else(|| "never".to_owned(), last_rebuild),
        ]
    };
    table(context.screen, &columns, states.map(row).collect())
}

fn last_rebuild(rebuild: &RebuildState) -> String {
    match (&rebuild.finished_at, rebuild.phase.as_str()) {
        (Some(at), "done") => format!("done {}", instant(at)),
        (_, phase) => format!("{phase} {} of {}", count(rebuild.done), count(rebuild.total)),
    }
}

fn inexact_table(context: &Context, pairs: &[Inexact]) -> String {
    let columns = [
        ("Projection", Column::Text),
        ("Tenant", Column::Text),
        ("Aggregate", Column::Text),
        ("Standing", Column::Status),
        ("At", Column::Figure),
        ("Head", Column::Figure),
        ("Why", Column::Sentence),
    ];
    let row = |pair: &Inexact| {
        vec![
            pair.projection.clone(),
            pair.tenant_id.clone(),
            format!("{} {}", pair.aggregate_type, pair.aggregate_id),
            pair.standing.clone(),
            count(pair.checkpoint),
            count(pair.head),
            pair.error.clone().unwrap_or_else(|| "not read yet".to_owned()),
        ]
    };
    table(context.screen, &columns, pairs.iter().map(row).collect())
}

async fn rebuild(context: &Context, wanted: &Rebuild) -> Result<()> {
    let body = json!({
        "projection": wanted.projection,
        "reconciliation_id": wanted.reconciliation,
        "from": wanted.from,
        "to": wanted.to,
    });
    let (answer, numbers) = ask(context, &body).await?;
    if wanted.no_wait {
        return context
            .show(&answer, |_: &Value| "asked for; settler projections status shows how far it is".to_owned());
    }
    let ended = ended(context, &numbers).await?;
    match context.format {
        Format::Table => output::data(&state_table(context, ended.iter().map(|(state, _)| state)))?,
        _ => output::array(&ended.iter().map(|(_, raw)| raw.clone()).collect::<Vec<_>>())?,
    }
    all_folded(&ended)
}

/// Asks for a rebuild; gives back the answer and the number of each one that was begun or goes on.
pub(super) async fn ask(context: &Context, body: &Value) -> Result<(Box<RawValue>, BTreeMap<String, u64>)> {
    let answer = context.client.send(Method::POST, &["admin", "projections", "rebuild"], &[], Some(body)).await?;
    let started: StartedRebuilds = answer.read()?;
    for one in &started.rebuilds {
        let how = if one.resumed { "goes on" } else { "was asked for" };
        output::note(&format!("rebuild {} of {} {how}", one.rebuild.number, plain(&one.projection)));
    }
    let numbers = started.rebuilds.iter().map(|one| (one.projection.clone(), one.rebuild.number)).collect();
    Ok((answer.body, numbers))
}

/// # Errors
/// Differences, when some aggregates could not be folded; each is named on stderr.
pub(super) fn all_folded(ended: &[States]) -> Result<()> {
    let mut unfolded = 0;
    for (state, _) in ended {
        let Some(rebuild) = &state.rebuild else { continue };
        unfolded += rebuild.unfolded_count;
        for one in &rebuild.unfolded {
            output::note(&format!(
                "{}: {} {} of {} stopped at sequence {}: {}",
                plain(&state.projection),
                plain(&one.aggregate_type),
                plain(&one.aggregate_id),
                plain(&one.tenant_id),
                one.position,
                plain(&one.error)
            ));
        }
    }
    if unfolded > 0 {
        return Err(CliError::Differences(format!(
            "{} could not be folded",
            counted(unfolded, "aggregate", "aggregates")
        )));
    }
    Ok(())
}

/// Waits for the end of these rebuilds; on a terminal with a bar for each.
pub(super) async fn ended(context: &Context, numbers: &BTreeMap<String, u64>) -> Result<Vec<States>> {
    let mut bars = Bars::new();
    let (mut seen, mut stalled) = (String::new(), 0);
    loop {
        let mut states = states(context).await?;
        // A later rebuild of the same projection means that this one has ended.
        states.retain(|(state, _)| numbers.contains_key(&state.projection));
        let open = |state: &ProjectionState| {
            let wanted = numbers.get(&state.projection).copied().unwrap_or_default();
            state.rebuild.as_ref().is_some_and(|rebuild| rebuild.number == wanted && rebuild.finished_at.is_none())
        };
        for (state, _) in &states {
            bars.see(state, open(state));
        }
        if !states.iter().any(|(state, _)| open(state)) {
            bars.end();
            return Ok(states);
        }
        let now = states.iter().map(|(_, raw)| raw.get()).collect::<String>();
        stalled = if now == seen { stalled + 1 } else { 0 };
        seen = now;
        if stalled > STALLED_LOOKS {
            bars.end();
            return Err(CliError::TimedOut(
                "the rebuild does not get on; ask for it again to let it go on where it stopped".to_owned(),
            ));
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Progress on stderr: bars on a terminal, a line per phase elsewhere.
struct Bars {
    live: Option<MultiProgress>,
    bars: BTreeMap<String, ProgressBar>,
    told: BTreeMap<String, String>,
}

impl Bars {
    fn new() -> Self {
        Self { live: output::interactive().then(MultiProgress::new), bars: BTreeMap::new(), told: BTreeMap::new() }
    }

    fn see(&mut self, state: &ProjectionState, open: bool) {
        let Some(rebuild) = &state.rebuild else { return };
        let phase = plain(&rebuild.phase);
        if let Some(live) = &self.live {
            let bar = self.bars.entry(state.projection.clone()).or_insert_with(|| {
                let style = ProgressStyle::with_template("  {prefix:<24} {bar:30} {pos:>7}/{len:<7} {msg}");
                let bar = live.add(ProgressBar::new(0));
                bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
                bar.set_prefix(plain(&state.projection));
                bar
            });
            bar.set_length(rebuild.total.max(rebuild.done));
            bar.set_position(rebuild.done);
            bar.set_message(phase);
            if !open {
                bar.abandon();
            }
        } else if self.told.insert(state.projection.clone(), phase.clone()).as_ref() != Some(&phase) {
            output::note(&format!("{}: {phase}", plain(&state.projection)));
        }
    }

    fn end(&self) {
        for bar in self.bars.values() {
            bar.abandon();
        }
    }
}

async fn unpark(context: &Context, pair: &Unpark) -> Result<()> {
    let body = json!({ "projection": pair.projection, "aggregate_id": pair.id });
    let answer = context.client.send(Method::POST, &["admin", "projections", "unpark"], &[], Some(&body)).await?;
    context.show(&answer.body, |_: &Value| {
        format!(
            "{} of {} is pulled again; settler projections status shows what became of it",
            plain(&pair.id),
            plain(&pair.projection)
        )
    })
}
