//! `settler webhook`: its commands and their options.

use super::Paging;
use clap::{Args, Subcommand};

#[derive(Debug, Subcommand)]
pub enum WebhookCommand {
    /// What was sent to an endpoint, newest first, and what it answered
    #[command(after_help = "\
An endpoint's id is shown by settler job show.

Examples:
  settler webhook deliveries we_01jd5q4x7mfz8v3k2n9t6c0h1e
  settler webhook deliveries we_01jd5q4x7mfz8v3k2n9t6c0h1e --all -o jsonl")]
    Deliveries(Deliveries),
    /// Send a delivery again, under the same webhook-id
    #[command(
        after_help = "Example:\n  settler webhook replay we_01jd5q4x7mfz8v3k2n9t6c0h1e 3d2b1c7e-5a1f-5f0e-9c4b-2f1f6a9b7c3d"
    )]
    Replay {
        /// Id of the endpoint
        endpoint: String,
        /// Id of the delivery: its webhook-id
        delivery: String,
    },
    /// Give an endpoint a new secret; the present one stays valid for a day
    #[command(after_help = "\
The new secret is shown once. Until the old one ends, every delivery is signed with both.

Example:
  settler webhook rotate job_shop we_01jd5q4x7mfz8v3k2n9t6c0h1e")]
    Rotate {
        /// Id of the job
        job: String,
        /// Id of the endpoint
        endpoint: String,
    },
}

#[derive(Debug, Args)]
pub struct Deliveries {
    /// Id of the endpoint
    pub endpoint: String,
    #[command(flatten)]
    pub paging: Paging,
}
