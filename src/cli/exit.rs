//! The exit codes: fixed, documented, for scripts.

use std::process::ExitCode;

use crate::domain::envelope::EnvelopeStatus;
use crate::domain::run::Outcome;

/// How a command ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// It did what it was asked to do; a run succeeded.
    Succeeded,
    /// The run failed, or orch itself did.
    Failed,
    /// The command line, a file or a setting is wrong.
    Usage,
    /// A policy refuses.
    Refused,
    /// A person has to decide.
    NeedsPerson,
    /// What was named is not there.
    NotFound,
    /// The daemon, Docker or the store does not answer.
    Unavailable,
    /// The run ran out of time.
    TimedOut,
    /// The run was cancelled.
    Cancelled,
}

impl Exit {
    /// Every way to end, for the help.
    pub(crate) const ALL: [Self; 9] = [
        Self::Succeeded,
        Self::Failed,
        Self::Usage,
        Self::Refused,
        Self::NeedsPerson,
        Self::NotFound,
        Self::Unavailable,
        Self::TimedOut,
        Self::Cancelled,
    ];

    /// The number.
    pub(crate) const fn code(self) -> u8 {
        match self {
            Self::Succeeded => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::Refused => 3,
            Self::NeedsPerson => 4,
            Self::NotFound => 5,
            Self::Unavailable => 69,
            Self::TimedOut => 124,
            Self::Cancelled => 130,
        }
    }

    /// What the number means.
    pub(crate) const fn meaning(self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::Failed => "the run failed",
            Self::Usage => "wrong usage",
            Self::Refused => "refused by a policy",
            Self::NeedsPerson => "a person has to decide",
            Self::NotFound => "not found",
            Self::Unavailable => "the daemon or Docker does not answer",
            Self::TimedOut => "timed out",
            Self::Cancelled => "cancelled",
        }
    }

    /// How following a run ends with its outcome.
    pub(crate) const fn of_outcome(outcome: &Outcome) -> Self {
        match outcome {
            Outcome::Succeeded => Self::Succeeded,
            Outcome::Failed { .. } => Self::Failed,
            Outcome::Cancelled | Outcome::Skipped => Self::Cancelled,
            Outcome::TimedOut { .. } => Self::TimedOut,
        }
    }

    /// How following a run ends with its envelope.
    pub(crate) const fn of_envelope(status: EnvelopeStatus) -> Self {
        match status {
            EnvelopeStatus::Succeeded => Self::Succeeded,
            EnvelopeStatus::Failed => Self::Failed,
            EnvelopeStatus::Cancelled => Self::Cancelled,
            EnvelopeStatus::TimedOut => Self::TimedOut,
            EnvelopeStatus::NeedsPerson => Self::NeedsPerson,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}
