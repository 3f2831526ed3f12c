//! The services that functions and tests call: one method per command, idempotent, deciding on aggregates and appending
//! what was decided. Nothing here writes a read model.

mod admin;
mod command;
mod connections;
mod decisions;
mod dry_run;
mod error;
mod jobs;
mod keys;
mod managed_jobs;
mod reconciliations;
mod replays;
mod scheduled;
mod steering;
mod uploads;

pub use admin::AdminService;
pub use command::{Caller, Idempotency};
pub use connections::{ConnectionAnswer, ConnectionService};
pub use decisions::{Choice, DecidedMatch, DecisionService, ReviewException, Reviewed};
pub use dry_run::DryRun;
pub use error::{CommandError, FieldError};
pub use jobs::{JobAnswer, JobService};
pub use keys::{KeyService, KeyView, NewKey};
pub use managed_jobs::{ManagedJob, ManagedJobs, Rotated, WantedJob};
pub use reconciliations::{ReconciliationService, StartReconciliation, Started};
pub use replays::{ReplayService, Replayed};
pub use scheduled::scheduled_id;
pub use steering::{Conditions, Steered};
pub use uploads::{UploadAnswer, UploadService};
