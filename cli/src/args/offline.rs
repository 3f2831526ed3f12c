//! What needs no service: files in, files out.

use clap::{Args, Subcommand, ValueEnum, ValueHint};
use std::path::PathBuf;

/// What kind of data the rules are made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Profile {
    /// Bank and accounting data: day precision, memos, fees
    Ledger,
    /// An online shop against its payment provider
    Shop,
}

impl Profile {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ledger => "ledger",
            Self::Shop => "shop",
        }
    }
}

/// Two files and how they are to be read.
#[derive(Debug, Args)]
pub struct Files {
    /// What was sold or booked
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub source: PathBuf,
    /// What was paid
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub target: PathBuf,
    /// A column of the source file, or how it is written; may be repeated
    #[arg(long, value_name = "KEY=VALUE")]
    pub source_map: Vec<String>,
    /// JSON file with the same for the whole source file
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub source_mapping: Option<PathBuf>,
    /// As --source-map, for the target file
    #[arg(long, value_name = "KEY=VALUE")]
    pub target_map: Vec<String>,
    /// As --source-mapping, for the target file
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub target_mapping: Option<PathBuf>,
}

/// The days that count.
#[derive(Debug, Default, Args)]
pub struct Days {
    /// First day that counts (YYYY-MM-DD); earlier records may still be partners
    #[arg(long, value_name = "DAY")]
    pub from: Option<String>,
    /// Last day that counts
    #[arg(long, value_name = "DAY")]
    pub to: Option<String>,
    /// When the files were made (RFC 3339) [default: the end of their last day]
    #[arg(long, value_name = "TIME", value_parser = super::instant)]
    pub as_of: Option<String>,
}

/// The rules that decide, or that learning starts from.
#[derive(Debug, Args)]
pub struct Rules {
    /// Defaults that the rules start from [default: ledger, or what the rules say]
    #[arg(long, value_enum, hide_possible_values = true)]
    pub profile: Option<Profile>,
    /// JSON file with the matching rules
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub rules: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct Match {
    #[command(flatten)]
    pub files: Files,
    /// Folder for matches.csv, unmatched.csv and summary.json; made if absent
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub output_dir: PathBuf,
    #[command(flatten)]
    pub rules: Rules,
    #[command(flatten)]
    pub days: Days,
    /// Stop at the first row that cannot be read
    #[arg(long)]
    pub strict: bool,
    /// Exit with 8 unless everything is matched and equal
    #[arg(long)]
    pub fail_on_differences: bool,
}

#[derive(Debug, Subcommand)]
pub enum RulesCommand {
    /// Check a file of matching rules; names all that is wrong with it
    #[command(after_help = "Example:\n  settler rules check rules.json")]
    Check {
        /// JSON file with the rules; - reads stdin
        #[arg(value_hint = ValueHint::FilePath)]
        file: PathBuf,
    },
    /// Propose the weights of a rule set from two files; changes nothing
    #[command(after_help = "\
With --labels, a file with the columns source_id and target_id (matches.csv is one), the levels of these pairs are
counted and the accuracy before and after is shown. Without, they are estimated (expectation maximisation).

Examples:
  settler rules learn --source sold.csv --target paid.csv --labels checked.csv --output rules.json
  settler match --source sold.csv --target paid.csv --rules rules.json --output-dir out")]
    Learn(Box<Learn>),
}

#[derive(Debug, Args)]
pub struct Learn {
    #[command(flatten)]
    pub files: Files,
    /// CSV file with pairs known to be right
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub labels: Option<PathBuf>,
    /// File for the proposed rules
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub output: PathBuf,
    #[command(flatten)]
    pub rules: Rules,
    #[command(flatten)]
    pub days: Days,
}

#[derive(Debug, Args)]
pub struct Upload {
    /// The CSV file
    #[arg(value_hint = ValueHint::FilePath)]
    pub file: PathBuf,
    /// Make or change this connection, so that it reads the file
    #[arg(long, value_name = "ID")]
    pub connection: Option<String>,
    /// A column of the file, or how it is written; may be repeated
    #[arg(long, value_name = "KEY=VALUE")]
    pub map: Vec<String>,
    /// JSON file with the same for the whole file
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub mapping: Option<PathBuf>,
}
