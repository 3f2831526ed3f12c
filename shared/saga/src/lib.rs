//! The Shopify-Stripe reconciliation as a saga: its ledger, its steps, and how it begins and ends.
//!
//! Step Functions decides when a step runs; everything a step does is here, behind ports. **Invariant:** a step's own
//! events and its line in the ledger are one transaction, guarded by the attempt's fence, so a late or repeated step
//! can neither write twice nor write after its attempt has ended.

mod accounts;
pub mod control;
mod draft;
mod error;
mod fetch;
mod finish;
mod input;
mod ledger;
mod matching_step;
mod notify;
mod persist;
mod report;
pub mod staged;
mod staging;

pub use accounts::{Accounts, CALL_TIMEOUT, HttpAccounts, WITHIN};
pub use error::StepError;
pub use fetch::{FetchOutcome, FetchRecords};
pub use finish::{FinishInput, FinishOutcome, FinishRun, ReportedFailure};
pub use input::StepInput;
pub use ledger::Ledger;
pub use matching_step::MatchRecords;
pub use notify::NotifyWebhooks;
pub use persist::PersistResults;
pub use report::report_key;
pub use staging::{Manifest, staged_prefix};
pub use webhooks::{Delivery, Outbox};
