//! `settler migrate`: after a deployment, makes those read models anew that the release stores in another way.

use super::{
    Context,
    projections::{States, all_folded, ask, compared, ended, states, verdict},
};
use crate::{
    answers::ProjectionState,
    exit::{CliError, Result},
    figures::{count, counted},
    output::{self, Format},
    tables::{Column, table},
};
use serde_json::json;
use std::collections::BTreeMap;

pub async fn run(context: &Context, dry_run: bool) -> Result<()> {
    let all = states(context).await?;
    let behind: Vec<&States> = all.iter().filter(|(state, _)| is_behind(state)).collect();
    if dry_run || behind.is_empty() {
        return show(context, &behind);
    }
    output::note(&plan(context, &behind));
    let mut numbers = BTreeMap::new();
    for (state, _) in &behind {
        numbers.extend(ask(context, &json!({ "projection": state.projection })).await?.1);
    }
    let ended = ended(context, &numbers).await?;
    all_folded(&ended)?;
    let all = states(context).await?;
    let left: Vec<&str> =
        all.iter().filter(|(state, _)| is_behind(state)).map(|(state, _)| state.projection.as_str()).collect();
    if !left.is_empty() {
        // Somebody deployed again in the meantime, or a version did not go live.
        return Err(CliError::Differences(format!("still of another format: {}", left.join(", "))));
    }
    let compared = compared(context).await?;
    match context.format {
        Format::Table => output::data(&verdict(&compared))?,
        _ => output::array(&all.iter().map(|(_, raw)| raw.clone()).collect::<Vec<_>>())?,
    }
    if compared.inexact.is_empty() {
        return Ok(());
    }
    Err(CliError::Differences(format!(
        "{} of {} are not exact: settler projections status",
        count(compared.checked - compared.exact),
        counted(compared.checked, "pair", "pairs")
    )))
}

fn is_behind(state: &ProjectionState) -> bool {
    state.live_format != state.format
}

fn show(context: &Context, behind: &[&States]) -> Result<()> {
    match context.format {
        Format::Table if behind.is_empty() => {
            output::data("nothing to migrate: every read model is stored as this release stores it")
        }
        Format::Table => output::data(&plan(context, behind)),
        _ => output::array(&behind.iter().map(|(_, raw)| raw.clone()).collect::<Vec<_>>()),
    }
}

fn plan(context: &Context, behind: &[&States]) -> String {
    let columns = [
        ("Read model", Column::Text),
        ("Live", Column::Figure),
        ("Stored as", Column::Figure),
        ("This release", Column::Figure),
        ("What is done", Column::Sentence),
    ];
    let row = |(state, _): &&States| {
        vec![
            state.projection.clone(),
            format!("v{}", state.live),
            count(state.live_format),
            count(state.format),
            format!("folded anew beside the live version, then v{} goes live", state.live + 1),
        ]
    };
    table(context.screen, &columns, behind.iter().map(row).collect())
}
