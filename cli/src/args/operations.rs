//! Dead letters and circuit breakers: for whoever is on call.

use super::{Paging, instant};
use clap::{Args, Subcommand, ValueEnum};

#[derive(Debug, Subcommand)]
pub enum DlqCommand {
    /// List dead letters: new ones first
    #[command(after_help = "\
Examples:
  settler dlq list --state new
  settler dlq list --source saga-control --error-type Settler.ConsumerCrashed")]
    List {
        /// Only letters in this state
        #[arg(long, value_enum)]
        state: Option<LetterState>,
        #[command(flatten)]
        filter: LetterFilter,
        #[command(flatten)]
        paging: Paging,
    },
    /// Show a dead letter with its payload
    Show {
        /// Id of the letter
        id: String,
    },
    /// Deal with a dead letter for good, and say how
    #[command(after_help = "\
Example:
  settler dlq resolve 19dd0b57-b21e-4ac1-bd88-01bbb068cb78 --notes \"the run was deleted by the customer\"")]
    Resolve {
        /// Id of the letter
        id: String,
        /// What was found and done about it
        #[arg(long, value_name = "TEXT")]
        notes: String,
    },
    /// Send one dead letter, or a set of new ones, back to where they came from
    #[command(after_help = "\
A set is counted before it is sent. What fails again comes back under its id, and is not sent twice by one command.

Examples:
  settler dlq redrive 19dd0b57-b21e-4ac1-bd88-01bbb068cb78
  settler dlq redrive --source saga-control --dry-run
  settler dlq redrive --error-type Settler.ConsumerCrashed --rate 5 --yes")]
    Redrive(Redrive),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LetterState {
    New,
    Redriven,
    Resolved,
}

impl LetterState {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Redriven => "redriven",
            Self::Resolved => "resolved",
        }
    }
}

#[derive(Debug, Args)]
pub struct LetterFilter {
    /// Only letters of this function, such as saga-control
    #[arg(long, value_name = "NAME")]
    pub source: Option<String>,
    /// Only letters with this error, such as Settler.ConsumerCrashed
    #[arg(long, value_name = "NAME")]
    pub error_type: Option<String>,
}

#[derive(Debug, Args)]
pub struct Redrive {
    /// Id of the letter; without it a set is meant
    #[arg(conflicts_with_all = ["source", "error_type", "before", "every", "dry_run"])]
    pub id: Option<String>,
    #[command(flatten)]
    pub filter: LetterFilter,
    /// Only letters that were last seen before this time (RFC 3339) [default: now]
    #[arg(long, value_name = "TIME", value_parser = instant)]
    pub before: Option<String>,
    /// Every new letter
    #[arg(long = "all", conflicts_with_all = ["source", "error_type"])]
    pub every: bool,
    /// Count them and do nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Letters per second at most
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=100))]
    pub rate: u64,
    /// Do not ask
    #[arg(long, short = 'y')]
    pub yes: bool,
}

#[derive(Debug, Subcommand)]
pub enum BreakerCommand {
    /// List circuit breakers: what is held back, since when, and why
    List {
        /// All that happened to each, as far as it is remembered
        #[arg(long)]
        history: bool,
        #[command(flatten)]
        paging: Paging,
    },
    /// Hold all calls back until further notice
    #[command(after_help = "\
A provider's circuit holds back every tenant's calls; stripe.acme is that of one tenant.

Examples:
  settler breaker open stripe
  settler breaker open stripe.acme")]
    Open {
        /// Name of the circuit, such as stripe or stripe.acme
        circuit: String,
    },
    /// Let all calls through until further notice, whatever happens
    Close {
        /// Name of the circuit, such as stripe or stripe.acme
        circuit: String,
    },
    /// Leave a circuit to itself again
    Auto {
        /// Name of the circuit, such as stripe or stripe.acme
        circuit: String,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum KeyScope {
    Read,
    Write,
    Admin,
}

impl KeyScope {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Admin => "admin",
        }
    }
}

#[derive(Debug, Subcommand)]
pub enum KeyCommand {
    /// Issue a key, which is shown this once
    #[command(after_help = "\
A tenant's key is for --tenant and may read, write or both; a platform key has the scope admin and no tenant.

Examples:
  settler key create --tenant acme --scope read --scope write
  settler key create --tenant acme --scope read --expires-at 2027-01-01T00:00:00Z
  settler key create --scope admin")]
    Create {
        /// What it may do; may be given several times
        #[arg(long = "scope", value_enum, required = true, value_name = "SCOPE")]
        scopes: Vec<KeyScope>,
        /// From this time on (RFC 3339) it opens nothing [default: never]
        #[arg(long, value_name = "TIME", value_parser = instant)]
        expires_at: Option<String>,
        /// Repeating the command with the same key issues nothing more
        #[arg(long, value_name = "KEY")]
        idempotency_key: Option<String>,
    },
    /// List keys, without the keys themselves, which nobody knows
    #[command(after_help = "\
Examples:
  settler key list
  settler key list --tenant acme --all")]
    List {
        #[command(flatten)]
        paging: Paging,
    },
    /// Revoke a key at once and for good
    #[command(after_help = "Example:\n  settler key revoke key_0a1b2c3d4e5f6071 --yes")]
    Revoke {
        /// Id of the key
        key_id: String,
        /// Do not ask
        #[arg(long, short = 'y')]
        yes: bool,
    },
}
