//! The Shopify-Stripe reconciliation as a saga: its ledger, its steps, how it begins and ends, waits and is undone.
//!
//! Step Functions decides when a step runs; everything a step does is here, behind ports. **Invariant:** a step's own
//! events and its line in the ledger are one transaction, guarded by the attempt's fence, so a late or repeated step
//! can neither write twice nor write after its attempt has ended.

mod accounts;
mod compensate;
pub mod control;
mod draft;
mod error;
mod failure;
mod fetch;
mod finish;
mod input;
mod ledger;
mod matching_step;
mod memory;
mod notify;
mod outcome;
mod persist;
mod policies;
mod report;
mod rules;
pub mod staged;
mod staged_files;
mod staging;
mod undo;
mod wait;
mod watchdog;

pub use accounts::{Accounts, CALL_TIMEOUT, HttpAccounts, WITHIN};
pub use compensate::{Effect, Plan, PlanInput, Undoes};
pub use error::StepError;
pub use failure::ReportedFailure;
pub use fetch::{FetchOutcome, FetchRecords};
pub use finish::{FinishInput, FinishOutcome, FinishRun};
pub use input::StepInput;
pub use ledger::{CurrentOf, Decision, DecisionOf, Guard, Ledger, LedgerOf};
pub use matching_step::MatchRecords;
pub use notify::NotifyWebhooks;
pub use outcome::StepOutcome;
pub use persist::PersistResults;
pub use policies::{Policies, WAIT_BUDGET_S};
pub use report::{ReportFile, report_file, report_key};
pub use rules::rules_for;
pub use staged_files::staged_data;
pub use staging::{Manifest, staged_prefix};
pub use undo::UndoSteps;
pub use wait::{Bell, TaskTokens, WaitForWord, WaitInput, Waiter};
pub use watchdog::{Due, DueSagas, Round, Watchdog};
pub use webhooks::{Delivery, Outbox};
