//! `settler reconciliation`: its commands and their options.

use super::{Paging, suggestion::Decision};
use clap::{Args, Subcommand, ValueEnum, ValueHint};
use domain::DateRange;
use std::path::PathBuf;

#[derive(Debug, Subcommand)]
pub enum ReconciliationCommand {
    /// Start a run of a job over a range of days
    #[command(after_help = "\
With --wait the command ends when the run ends: 0 completed, 4 failed, 7 still running after the timeout.

Examples:
  settler reconciliation start --job job_shop --from 2026-03-01 --to 2026-03-31 --wait
  settler reconciliation start --job job_shop --from 2026-03-01 --to 2026-03-31 --id march \\
    --wait --fail-on-differences")]
    Start(Start),
    /// List runs, newest first
    #[command(after_help = "Example:\n  settler reconciliation list --job job_shop --status failed --from 2026-01-01")]
    List(ListRuns),
    /// Show what a run found, in figures
    #[command(
        after_help = "Examples:\n  settler reconciliation show march --fail-on-differences || echo 'somebody has to look'\n  settler reconciliation show march --cost"
    )]
    Show {
        /// Id of the run
        id: String,
        /// End with 8 if anything is unmatched, suggested or discrepant
        #[arg(long)]
        fail_on_differences: bool,
        /// Also show what the run has cost on AWS so far, by what was consumed
        #[arg(long)]
        cost: bool,
    },
    /// Records that belong together
    Matches(Results),
    /// Matches that a person has to decide
    Suggestions(Results),
    /// Records without a partner, and amounts that differ, with the reason
    Unmatched(Results),
    /// Records that do not count, with the reason
    Excluded(Results),
    /// Orders, and whether their money arrived
    #[command(after_help = "Example:\n  settler reconciliation orders march --state partly_paid --all")]
    Orders(Orders),
    /// Match records by hand
    #[command(after_help = "\
Ids are those of settler reconciliation unmatched. Records that are matched or suggested are taken.

Example:
  settler reconciliation match march --source gid://shopify/OrderTransaction/7 --target ch_3Ab --reason \"paid by wire\"")]
    Match(MakeMatch),
    /// Take a match apart; its records are open again
    #[command(
        after_help = "Example:\n  settler reconciliation break march 0f8a3c1d5e7b92460f8a3c1d5e7b9246 --reason \"two orders of one customer\""
    )]
    Break(Decision),
    /// Assign, accept or write off an open question
    #[command(after_help = "\
The record stays unmatched: its reason is explained, not made away with.

Example:
  settler reconciliation review march ch_3Ab --state written_off --assignee ann --note \"below one euro\"")]
    Review(Review),
    /// Begin a further attempt of a run that failed or was cancelled
    #[command(after_help = "\
Without --from-step it begins with the latest step that the staged data allows.

Example:
  settler reconciliation retry march --from-step fetch_stripe_payments")]
    Retry {
        /// Id of the run
        id: String,
        /// Step to begin with; what comes before it is used again
        #[arg(long, value_name = "STEP")]
        from_step: Option<String>,
        #[command(flatten)]
        waiting: Waiting,
    },
    /// Undo a run and end it as cancelled
    #[command(after_help = "Example:\n  settler reconciliation cancel march --reason 'wrong month'")]
    Cancel(Reasoned),
    /// Hold a run before its next step
    Pause(Reasoned),
    /// Let a paused run go on, or a stuck one try its undo again
    Resume {
        /// Id of the run
        id: String,
        #[command(flatten)]
        waiting: Waiting,
    },
    /// Try other matching rules on what a run looked at, and show the difference; writes nothing (platform key)
    #[command(after_help = "\
Beside the run's own result, without the decisions of people. A list shows the largest differences; -o json has 100 of
each.

Example:
  settler reconciliation dry-run march --rules rules.json")]
    DryRun(DryRun),
    /// Download the full result
    #[command(after_help = "Example:\n  settler reconciliation report march --format csv --output march.csv")]
    Report(Report),
}

#[derive(Debug, Args)]
pub struct MakeMatch {
    /// Id of the run
    pub run: String,
    /// Record of the source side; may be repeated
    #[arg(long = "source", value_name = "ID", required = true)]
    pub sources: Vec<String>,
    /// Record of the target side; may be repeated
    #[arg(long = "target", value_name = "ID", required = true)]
    pub targets: Vec<String>,
    /// Why; kept with the decision
    #[arg(long)]
    pub reason: String,
}

#[derive(Debug, Args)]
pub struct Review {
    /// Id of the run
    pub run: String,
    /// Id of the record
    pub record: String,
    /// What is thought of it
    #[arg(long, value_parser = ["open", "accepted", "written_off"])]
    pub state: String,
    /// Who looks at it
    #[arg(long)]
    pub assignee: Option<String>,
    /// What there is to say
    #[arg(long)]
    pub note: String,
}

#[derive(Debug, Args)]
pub struct Reasoned {
    /// Id of the run
    pub id: String,
    /// Why, for the audit trail
    #[arg(long)]
    pub reason: Option<String>,
}

#[derive(Debug, Args)]
pub struct Start {
    /// Job to run
    #[arg(long)]
    pub job: String,
    /// First day, in the job's time zone
    #[arg(long, value_name = "YYYY-MM-DD", value_parser = date)]
    pub from: String,
    /// Last day, included
    #[arg(long, value_name = "YYYY-MM-DD", value_parser = date)]
    pub to: String,
    /// Id of the run; starting the same again then is harmless [default: one is made]
    #[arg(long)]
    pub id: Option<String>,
    /// Id that ties this run to something of yours; kept with every event
    #[arg(long, value_name = "ID")]
    pub correlation_id: Option<String>,
    /// The same key again gives the first answer again
    #[arg(long, value_name = "KEY")]
    pub idempotency_key: Option<String>,
    #[command(flatten)]
    pub waiting: Waiting,
    /// End with 8 if anything is unmatched, suggested or discrepant
    #[arg(long, requires = "wait")]
    pub fail_on_differences: bool,
}

#[derive(Debug, Args)]
pub struct DryRun {
    /// Id of the run
    pub id: String,
    /// JSON file with the matching rules to try; - reads stdin
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub rules: PathBuf,
    /// End with 8 if anything would be different
    #[arg(long)]
    pub fail_on_differences: bool,
}

#[derive(Debug, Args)]
pub struct Waiting {
    /// Follow the steps until the run ends, then show its result
    #[arg(long)]
    pub wait: bool,
    /// Seconds to wait at most; the run itself goes on
    #[arg(long, value_name = "SECONDS", default_value_t = 600, requires = "wait")]
    pub timeout: u64,
}

#[derive(Debug, Args)]
pub struct ListRuns {
    /// Only runs with this status, such as running, completed or failed
    #[arg(long)]
    pub status: Option<String>,
    /// Only runs of this job
    #[arg(long)]
    pub job: Option<String>,
    /// Only runs from this day
    #[arg(long, value_name = "YYYY-MM-DD", value_parser = date)]
    pub from: Option<String>,
    /// Only runs up to this day
    #[arg(long, value_name = "YYYY-MM-DD", value_parser = date)]
    pub to: Option<String>,
    #[command(flatten)]
    pub paging: Paging,
}

#[derive(Debug, Args)]
pub struct Results {
    /// Id of the run
    pub id: String,
    #[command(flatten)]
    pub paging: Paging,
}

#[derive(Debug, Args)]
pub struct Orders {
    /// Id of the run
    pub id: String,
    /// Only orders in this state
    #[arg(long, value_parser = ["paid", "partly_paid", "unpaid", "refunded", "disputed", "out_of_scope"])]
    pub state: Option<String>,
    #[command(flatten)]
    pub paging: Paging,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ReportFormat {
    Csv,
    Jsonl,
}

impl ReportFormat {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Jsonl => "jsonl",
        }
    }
}

#[derive(Debug, Args)]
pub struct Report {
    /// Id of the run
    pub id: String,
    /// Format of the report
    #[arg(id = "report_format", long = "format", value_name = "FORMAT", value_enum)]
    pub format: ReportFormat,
    /// File to write [default: stdout]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub output: Option<PathBuf>,
}

fn date(text: &str) -> Result<String, String> {
    let day = DateRange { start: text.to_owned(), end: text.to_owned() };
    day.validate().map(|()| text.to_owned()).map_err(|error| error.to_string())
}
