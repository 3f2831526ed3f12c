//! Usage, error hotspots, and the care of read models.

use super::{Paging, instant};
use clap::{Args, Subcommand};

#[derive(Debug, Args)]
pub struct Usage {
    /// First day [default: 30 days before the last one]
    #[arg(long, value_name = "DATE", value_parser = date)]
    pub from: Option<String>,
    /// Last day [default: today]
    #[arg(long, value_name = "DATE", value_parser = date)]
    pub to: Option<String>,
}

#[derive(Debug, Args)]
pub struct ErrorHotspots {
    /// Only runs of this job
    #[arg(long, value_name = "ID")]
    pub job: Option<String>,
    /// Only this run
    #[arg(long, value_name = "ID")]
    pub reconciliation: Option<String>,
    #[command(flatten)]
    pub paging: Paging,
}

#[derive(Debug, Subcommand)]
pub enum ProjectionsCommand {
    /// Compare every head with its checkpoints; exit code 8 when something lags or is parked
    #[command(after_help = "Example:\n  settler projections status")]
    Status,
    /// Rebuild read models from the log; asked for again, a rebuild goes on
    #[command(after_help = "\
Without a run or a range everything is rebuilt beside the live version, compared, and then
goes live. A run or a range is folded anew in the live version. Nothing but read models is
written: no run starts, no webhook is sent.

Examples:
  settler projections rebuild
  settler projections rebuild --projection tenant_usage_view
  settler projections rebuild --reconciliation march --tenant acme
  settler projections rebuild --from 2026-03-01T00:00:00Z --to 2026-03-02T00:00:00Z")]
    Rebuild(Rebuild),
    /// Pull an aggregate again that a projection has put aside
    #[command(after_help = "Example:\n  settler projections unpark saga_state march --tenant acme")]
    Unpark(Unpark),
}

#[derive(Debug, Args)]
pub struct Rebuild {
    /// Only this read model
    #[arg(long, value_name = "NAME")]
    pub projection: Option<String>,
    /// Only this run
    #[arg(long, value_name = "ID", conflicts_with_all = ["from", "to"])]
    pub reconciliation: Option<String>,
    /// Only aggregates with an event from then on (RFC 3339)
    #[arg(long, value_name = "TIME", value_parser = instant, requires = "to")]
    pub from: Option<String>,
    /// … and before then
    #[arg(long, value_name = "TIME", value_parser = instant, requires = "from")]
    pub to: Option<String>,
    /// Do not wait for the end
    #[arg(long)]
    pub no_wait: bool,
}

#[derive(Debug, Args)]
pub struct Unpark {
    /// Name of the read model
    pub projection: String,
    /// Id of the aggregate: of the run, of the job
    pub id: String,
}

fn date(text: &str) -> Result<String, String> {
    let day = domain::DateRange { start: text.to_owned(), end: text.to_owned() };
    day.validate().map(|()| text.to_owned()).map_err(|error| error.to_string())
}
