//! How the command ends: one error type, and the exit code that scripts rely on.
//!
//! **Invariant:** the numbers are a contract (`settler --help` lists them); a new cause takes one of them.

use crate::problem::Problem;
use std::process::ExitCode;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Code {
    Ok = 0,
    Unexpected = 1,
    Usage = 2,
    NotFound = 3,
    Declined = 4,
    Conflict = 5,
    NotAllowed = 6,
    TimedOut = 7,
    Differences = 8,
    /// What a shell reports for a command that Ctrl-C ended.
    Interrupted = 130,
}

impl From<Code> for ExitCode {
    fn from(code: Code) -> Self {
        Self::from(code as u8)
    }
}

#[derive(Debug, thiserror::Error)]
pub enum CliError {
    /// The command cannot be carried out as it was typed or configured.
    #[error("{0}")]
    Usage(String),
    /// The API answered with an error.
    #[error("{0}")]
    Answered(Box<Problem>),
    /// No answer came.
    #[error("{0}")]
    Network(String),
    /// The run that was waited for did not complete.
    #[error("{0}")]
    RunFailed(String),
    #[error("{0}")]
    TimedOut(String),
    #[error("{0}")]
    Differences(String),
    #[error("{0}")]
    Interrupted(String),
    #[error("{0}")]
    Unexpected(String),
    /// The reader of our output has gone (`settler … | head`): nothing is wrong.
    #[error("output closed")]
    OutputClosed,
}

impl CliError {
    pub fn code(&self) -> Code {
        match self {
            Self::Usage(_) => Code::Usage,
            Self::Answered(problem) => problem.exit_code(),
            Self::Network(_) | Self::Unexpected(_) => Code::Unexpected,
            Self::RunFailed(_) => Code::Declined,
            Self::TimedOut(_) => Code::TimedOut,
            Self::Differences(_) => Code::Differences,
            Self::Interrupted(_) => Code::Interrupted,
            Self::OutputClosed => Code::Ok,
        }
    }
}

pub type Result<T> = std::result::Result<T, CliError>;
