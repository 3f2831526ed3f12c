//! What may be typed. Help texts are part of the product: each command says what it is for and shows a line to copy.

mod offline;
mod operations;
mod projections;
mod reconciliation;
mod suggestion;
mod webhook;

pub use suggestion::{Decision, SuggestionCommand};
pub use webhook::WebhookCommand;

pub use offline::{Days, Files, Learn, Match, Profile, Rules, RulesCommand, Upload};
pub use operations::{BreakerCommand, DlqCommand, KeyCommand, LetterFilter, LetterState, Redrive};
pub use projections::{ErrorHotspots, ProjectionsCommand, Rebuild, Unpark, Usage};
pub use reconciliation::{
    DryRun, ListRuns, MakeMatch, Orders, Reasoned, ReconciliationCommand, Report, Results, Review, Start, Waiting,
};

use crate::output::Format;
use clap::{Args, Parser, Subcommand, ValueEnum, ValueHint};
use clap_complete::Shell;
use std::path::PathBuf;

const AFTER_HELP: &str = "\
Configuration, the first that is set counts:
  flag            environment        file
  --api-url       SETTLER_API_URL    api_url
  --api-key       SETTLER_API_KEY    api_key
  --tenant        SETTLER_TENANT     tenant
The file is $XDG_CONFIG_HOME/settler/config.json (~/.config/settler/config.json), with mode 600.

Exit codes:
  0 ok   1 unexpected   2 usage   3 not found   4 declined, or the run failed   5 conflict
  6 not allowed   7 timed out waiting   8 differences or trouble found, where asked for

Data goes to stdout and messages to stderr, so `settler -o json … > file` is always clean.";

const UPLOAD_HELP: &str = "\
The file is checked here first, in the way a run will read it; with a row that cannot be read it is not sent.
--map and --mapping are as for `settler match` (settler match --help).

Examples:
  settler upload bank.csv --connection bank
  settler upload buchungen.csv --map amount=Betrag --map date=Datum --connection ledger";

const MATCH_HELP: &str = "\
Columns are id, date, amount, currency and any of memo, reference, email, name, last4, kind, fee; instead of amount,
debit and credit. Amounts are signed. What is called otherwise is mapped, here or in a file:
  --source-map amount=Betrag            a column by its name
  --source-map currency_code=EUR        one currency for all rows
  --source-map format=dmy               order of dates: ymd, dmy, mdy, unix, or such as DD.MM.YYYY
  --source-map zone=Europe/Berlin       zone of dates without an offset [default: UTC]
  --source-map decimal=comma            decimal mark: point or comma
  --source-map delimiter=semicolon      comma, semicolon, tab or pipe
  --source-map encoding=windows-1252    [default: utf-8, or utf-16 by its mark]
Delimiter, decimal mark and order of dates are found out where they are not said, and shown.

A row that cannot be read is named with its line, column and fix, and listed in rejected.csv; the others go on. What
is out of scope goes to excluded.csv, partners whose amounts differ to discrepancies.csv.

Examples:
  settler match --source ledger.csv --target bank.csv --output-dir out
  settler match --source sales.csv --target payments.csv --profile shop --output-dir out --fail-on-differences
  settler match --source buchungen.csv --source-map amount=Betrag --source-map date=Datum \\
    --target bank.csv --output-dir out";

/// Reconcile what was sold with what was paid, and see what does not add up
#[derive(Debug, Parser)]
#[command(name = "settler", version, after_help = AFTER_HELP, arg_required_else_help = true)]
pub struct Cli {
    #[command(flatten)]
    pub target: Target,
    /// table, json (as the API wrote it) or jsonl
    #[arg(
        short = 'o',
        long = "output-format",
        value_enum,
        default_value = "table",
        global = true,
        help_heading = "Global options",
        hide_possible_values = true,
        value_name = "FORMAT"
    )]
    pub format: Format,
    #[command(subcommand)]
    pub command: Command,
}

/// Which API, as whom.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Global options")]
pub struct Target {
    /// Address of the API
    #[arg(long, global = true, value_name = "URL", value_hint = ValueHint::Url)]
    pub api_url: Option<String>,
    /// API key; the environment or the file hide it better
    #[arg(long, global = true, value_name = "KEY")]
    pub api_key: Option<String>,
    /// Tenant to act for; platform keys only
    #[arg(long, global = true, value_name = "TENANT")]
    pub tenant: Option<String>,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Accounts at Shopify and Stripe, with their credentials
    #[command(subcommand, visible_alias = "connections")]
    Connection(ConnectionCommand),
    /// What to reconcile: two connections, a time zone, rules
    #[command(subcommand, visible_alias = "jobs")]
    Job(JobCommand),
    /// What was sent to a job's webhook endpoints, and their secrets
    #[command(subcommand, visible_alias = "webhooks")]
    Webhook(WebhookCommand),
    /// Run reconciliations and look at their results
    #[command(subcommand, visible_aliases = ["recon", "reconciliations"])]
    Reconciliation(Box<ReconciliationCommand>),
    /// Decide about matches that a run suggests
    #[command(subcommand, visible_alias = "suggestions")]
    Suggestion(SuggestionCommand),
    /// How a run went, step by step (platform key)
    #[command(subcommand, visible_alias = "sagas")]
    Saga(SagaCommand),
    /// The audit trail (platform key)
    #[command(subcommand)]
    Events(EventsCommand),
    /// Show what runs used, day by day
    #[command(after_help = "\
A day is that on which a run started, in UTC.

Example:
  settler usage --from 2026-03-01 --to 2026-03-31")]
    Usage(Usage),
    /// Show which errors came from which steps, and how often
    #[command(after_help = "\
Tries that a later one has healed are counted too.

Examples:
  settler error-hotspots --job job_shop
  settler error-hotspots --reconciliation march")]
    ErrorHotspots(ErrorHotspots),
    /// Read models: whether they are complete, and how to rebuild them (platform key)
    #[command(subcommand, visible_alias = "projection")]
    Projections(ProjectionsCommand),
    /// After a deployment: make read models anew that the release stores in another way (platform key)
    #[command(after_help = "\
Events are never changed: old ones are read as they were written. Lists go on showing the live version until the new one
is complete. Ends with 8 when something could not be folded or is not exact afterwards. Again does nothing.

Examples:
  settler migrate --dry-run
  settler migrate")]
    Migrate {
        /// Only show what would be done
        #[arg(long)]
        dry_run: bool,
    },
    /// Messages that nobody could handle (platform key)
    #[command(subcommand, visible_alias = "dead-letters")]
    Dlq(DlqCommand),
    /// Circuit breakers around the providers (platform key)
    #[command(subcommand, visible_alias = "breakers")]
    Breaker(BreakerCommand),
    /// Who may call the API (platform key)
    #[command(subcommand, visible_alias = "keys")]
    Key(KeyCommand),
    /// Say what is wrong, from the configuration to the dead letters, and what to do about it
    #[command(after_help = "\
Looks at the configuration, the API, the key, read models, sagas, circuit breakers and dead letters.
Ends with 8 when anything is wrong. A tenant's key sees the first three.

Example:
  settler doctor || page-somebody")]
    Doctor,
    /// Put a CSV file into the service, so that it can be a side of a job
    #[command(after_help = UPLOAD_HELP)]
    Upload(Upload),
    /// Reconcile two CSV files here, without any service
    #[command(after_help = MATCH_HELP)]
    Match(Box<Match>),
    /// Matching rules, offline
    #[command(subcommand)]
    Rules(RulesCommand),
    /// Print a completion script for a shell
    #[command(after_help = "Example:\n  settler completions bash > ~/.local/share/bash-completion/completions/settler")]
    Completions {
        /// The shell
        shell: Shell,
    },
}

#[derive(Debug, Subcommand)]
pub enum ConnectionCommand {
    /// Create a connection, or replace its credentials
    #[command(after_help = "\
Credentials are a JSON object, {\"shop\", \"access_token\"} for shopify, {\"api_key\"} for stripe, and
{\"upload_id\", \"mapping\"} for csv (settler upload makes both).
They are never shown again. --credential leaves them in the shell's history: prefer a file.

Examples:
  settler connection put shop --adapter shopify --credentials-file shopify.json
  pass show stripe.json | settler connection put stripe --adapter stripe --credentials-file -")]
    Put(ConnectionPut),
    /// Show a connection, without its credentials
    Show {
        /// Id of the connection
        id: String,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Adapter {
    Shopify,
    Stripe,
    Csv,
}

impl Adapter {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Shopify => "shopify",
            Self::Stripe => "stripe",
            Self::Csv => "csv",
        }
    }
}

#[derive(Debug, Args)]
pub struct ConnectionPut {
    /// Id of the connection: letters, digits, - and _
    pub id: String,
    /// Provider of the account
    #[arg(long, value_enum)]
    pub adapter: Adapter,
    /// JSON file with the credentials; - reads stdin
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, required_unless_present = "credential", conflicts_with = "credential")]
    pub credentials_file: Option<PathBuf>,
    /// One credential; may be repeated
    #[arg(long, value_name = "KEY=VALUE")]
    pub credential: Vec<Credential>,
}

/// `key=value` as it was typed. Taken apart only after the command line was read, because clap quotes in its message
/// what it cannot read.
#[derive(Clone)]
pub struct Credential(String);

impl Credential {
    pub fn parts(&self) -> Option<(&str, &str)> {
        self.0.split_once('=').filter(|(key, value)| !key.is_empty() && !value.is_empty())
    }
}

impl From<String> for Credential {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl std::fmt::Debug for Credential {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("(hidden)")
    }
}

#[derive(Debug, Subcommand)]
pub enum JobCommand {
    /// Create a job
    #[command(after_help = "\
Examples:
  settler job create --name \"Web shop\" --source-connection shop --target-connection stripe \\
    --timezone Europe/Berlin
  settler job create --name \"Web shop\" --source-connection shop --target-connection stripe \\
    --webhook https://books.example/hook --schedule \"cron(0 6 1 * ? *)\" --schedule-window previous_month
  settler job create --name Bank --source-adapter csv --source-connection ledger \\
    --target-adapter csv --target-connection bank
  settler job create --file job.json")]
    Create(JobCreate),
    /// List jobs
    List(Paging),
    /// Show a job
    Show {
        /// Id of the job
        id: String,
    },
    /// Change a job; what is not named stays
    #[command(after_help = "\
Runs that were started before keep the definition they began with.

Examples:
  settler job update job_shop --timezone Europe/Berlin
  settler job update job_shop --schedule \"rate(1 day)\" --schedule-window previous_day
  settler job update job_shop --no-schedule --no-webhooks
  settler job update job_shop --file job.json        (replaces the whole definition)")]
    Update(JobUpdate),
    /// Delete a job; its runs stay
    Delete {
        /// Id of the job
        id: String,
        /// Do not ask
        #[arg(long, short = 'y')]
        yes: bool,
    },
}

#[derive(Debug, Args)]
pub struct JobCreate {
    /// Id of the new job; one is made if absent
    #[arg(long)]
    pub id: Option<String>,
    #[command(flatten)]
    pub fields: JobFields,
}

#[derive(Debug, Args)]
pub struct JobUpdate {
    /// Id of the job
    pub id: String,
    #[command(flatten)]
    pub fields: JobFields,
}

#[derive(Debug, Default, Args)]
pub struct JobFields {
    /// The definition as JSON, instead of the options below; - is stdin
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, conflicts_with_all = ["name", "source_connection", "target_connection", "source_adapter", "target_adapter", "timezone", "rules", "webhooks", "no_webhooks", "schedule", "no_schedule"])]
    pub file: Option<PathBuf>,
    /// Name for people
    #[arg(long)]
    pub name: Option<String>,
    /// Connection to what was sold
    #[arg(long, value_name = "CONNECTION")]
    pub source_connection: Option<String>,
    /// Connection to what was paid
    #[arg(long, value_name = "CONNECTION")]
    pub target_connection: Option<String>,
    /// Adapter of the source: shopify or csv [default of a new job: shopify]
    #[arg(long, value_enum, value_name = "ADAPTER", hide_possible_values = true)]
    pub source_adapter: Option<Adapter>,
    /// Adapter of the target: stripe or csv [default of a new job: stripe]
    #[arg(long, value_enum, value_name = "ADAPTER", hide_possible_values = true)]
    pub target_adapter: Option<Adapter>,
    /// Zone in which days begin and end, such as Europe/Berlin [default: UTC]
    #[arg(long, value_name = "ZONE")]
    pub timezone: Option<String>,
    /// JSON file with the matching rules [default: the service's own]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub rules: Option<PathBuf>,
    /// Address that is told how runs end; may be repeated. All of a job's addresses are named together
    #[arg(long = "webhook", value_name = "URL", value_hint = ValueHint::Url)]
    pub webhooks: Vec<String>,
    /// Tell nobody any more
    #[arg(long, conflicts_with = "webhooks")]
    pub no_webhooks: bool,
    /// When the job runs by itself: cron(…), rate(…) or at(…), as EventBridge Scheduler reads them
    #[arg(long, value_name = "EXPRESSION", requires = "schedule_window")]
    pub schedule: Option<String>,
    /// Days that a scheduled run covers: the last complete month, week or day
    #[arg(long, value_name = "PERIOD", value_parser = PERIODS, requires = "schedule")]
    pub schedule_window: Option<String>,
    /// Zone of the expression [default: the job's]
    #[arg(long, value_name = "ZONE", requires = "schedule")]
    pub schedule_timezone: Option<String>,
    /// Run only when asked to
    #[arg(long, conflicts_with = "schedule")]
    pub no_schedule: bool,
}

/// Days that a schedule may cover.
const PERIODS: [&str; 3] = ["previous_month", "previous_week", "previous_day"];

/// The only kind of saga there is so far.
pub const RECONCILIATION: &str = "reconciliation";

#[derive(Debug, Subcommand)]
pub enum SagaCommand {
    /// Tell how a run went: each step, its tries, its failure, what is next
    #[command(after_help = "Example:\n  settler saga status march")]
    Status {
        /// Id of the saga: the run's id
        id: String,
        /// Kind of saga
        #[arg(long = "type", value_name = "TYPE", default_value = RECONCILIATION)]
        saga_type: String,
    },
    /// Let a paused saga go on, or a stuck one try its undo again
    Resume {
        /// Id of the saga: the run's id
        id: String,
        #[command(flatten)]
        waiting: Waiting,
    },
    /// Begin a further attempt of a saga that failed or was cancelled
    Retry {
        /// Id of the saga: the run's id
        id: String,
        /// Step to begin with; what comes before it is used again
        #[arg(long, value_name = "STEP")]
        from_step: Option<String>,
        #[command(flatten)]
        waiting: Waiting,
    },
    /// Undo a saga and end it as cancelled
    Cancel(Reasoned),
    /// End a saga as it stands, without undoing it, and show what it left
    #[command(after_help = "Example:\n  settler saga kill march --reason 'the engine hangs' --yes")]
    Kill {
        #[command(flatten)]
        of: Reasoned,
        /// Do not ask
        #[arg(long, short = 'y')]
        yes: bool,
    },
    /// Go on without the undo of the step that a saga is stuck at
    #[command(after_help = "Example:\n  settler saga skip-undo march --reason 'withdrawn by hand'")]
    SkipUndo {
        /// Id of the saga: the run's id
        id: String,
        /// The step; the one that is stuck if absent
        #[arg(long)]
        step: Option<String>,
        /// Why, for the audit trail
        #[arg(long)]
        reason: String,
    },
    /// List sagas
    List {
        /// Only sagas with this status, such as running or failed
        #[arg(long)]
        status: Option<String>,
        #[command(flatten)]
        paging: Paging,
    },
}

#[derive(Debug, Subcommand)]
pub enum EventsCommand {
    /// List events of one aggregate, or all with one correlation id
    #[command(after_help = "\
Examples:
  settler events list reconciliation march
  settler events list saga march --as-of 2026-04-01T06:00:00Z
  settler events list --correlation month-end-2026-03")]
    List(EventsList),
    /// Verify hash chains: of one aggregate, of the tenant named by --tenant, or of all
    #[command(after_help = "\
Every commit's hash is recomputed from the stored bytes, every event is read, and the end is held against the head.
Ends with exit code 8 when anything is damaged, and says where and what to do.

Examples:
  settler events verify reconciliation march --tenant acme
  settler events verify --tenant acme
  settler events verify")]
    Verify(Audited),
    /// Write heads anew out of their commits, where they are missing or differ
    #[command(after_help = "\
A head says where a stream ends. One that was lost is found by `settler events verify`; commits are never touched.

Examples:
  settler events rebuild-heads saga march --tenant acme --yes
  settler events rebuild-heads --tenant acme --yes")]
    RebuildHeads {
        #[command(flatten)]
        what: Audited,
        /// Do not ask
        #[arg(long, short = 'y')]
        yes: bool,
    },
}

#[derive(Debug, Args)]
pub struct Audited {
    /// Type of one aggregate, such as reconciliation, saga, matches, job or connection; without it, all
    #[arg(value_name = "TYPE", requires = "aggregate_id")]
    pub aggregate_type: Option<String>,
    /// Its id
    #[arg(value_name = "ID")]
    pub aggregate_id: Option<String>,
}

#[derive(Debug, Args)]
pub struct EventsList {
    /// Type of the aggregate, such as reconciliation, saga, job or connection
    #[arg(value_name = "TYPE", required_unless_present = "correlation", requires = "aggregate_id")]
    pub aggregate_type: Option<String>,
    /// Its id
    #[arg(value_name = "ID")]
    pub aggregate_id: Option<String>,
    /// Only what had happened by then (RFC 3339), and the state at that point
    #[arg(long, value_name = "TIME", value_parser = instant)]
    pub as_of: Option<String>,
    /// Events of every aggregate with this correlation id
    #[arg(long, value_name = "ID", conflicts_with_all = ["aggregate_type", "aggregate_id", "as_of"])]
    pub correlation: Option<String>,
    #[command(flatten)]
    pub paging: Paging,
}

#[derive(Debug, Clone, Copy, Args)]
pub struct Paging {
    /// Show at most so many
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u64).range(1..))]
    pub limit: u64,
    /// Show all, however many
    #[arg(long, conflicts_with = "limit")]
    pub all: bool,
}

impl Paging {
    pub const fn most(&self) -> u64 {
        if self.all { u64::MAX } else { self.limit }
    }
}

pub fn instant(text: &str) -> Result<String, String> {
    domain::Timestamp::parse(text).map(|_| text.to_owned()).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_definition_holds_together() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_credential_is_taken_apart_and_not_shown_by_debug() {
        let credential = |text: &str| Credential::from(text.to_owned());
        assert_eq!(credential("api_key=sk_x=y").parts(), Some(("api_key", "sk_x=y")));
        assert_eq!(credential("api_key").parts(), None);
        assert_eq!(format!("{:?}", credential("a=b")), "(hidden)");
    }
}
