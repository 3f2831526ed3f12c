//! `settler suggestion`: its commands and their options.

use clap::{Args, Subcommand};

#[derive(Debug, Subcommand)]
pub enum SuggestionCommand {
    /// Take a suggestion for a match
    #[command(after_help = "\
settler reconciliation suggestions shows the ids; -o json shows all of a suggestion.

Example:
  settler suggestion confirm march 0f8a3c1d5e7b92460f8a3c1d5e7b9246 --reason \"the customer confirmed\"")]
    Confirm(Decision),
    /// Say that the records do not belong together; they are not suggested again
    #[command(
        after_help = "Example:\n  settler suggestion reject march 0f8a3c1d5e7b92460f8a3c1d5e7b9246 --reason \"another customer\""
    )]
    Reject(Decision),
}

/// A decision about one match of a run.
#[derive(Debug, Args)]
pub struct Decision {
    /// Id of the run
    pub run: String,
    /// Id of the match
    pub match_id: String,
    /// Why; kept with the decision
    #[arg(long)]
    pub reason: String,
}
