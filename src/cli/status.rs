//! The state of a run in one word, with its colour.

use super::output::Role;
use crate::domain::run::{Outcome, RunState, WaitReason};

/// The word for people, and how it is coloured.
pub(crate) fn of_state(state: &RunState) -> (Role, String) {
    match state {
        RunState::Queued { .. } => (Role::Faint, "queued".to_owned()),
        RunState::Active(active) if active.stopping.is_some() => {
            (Role::Warning, "stopping".to_owned())
        }
        RunState::Active(active) => (Role::Busy, active.stage.name().to_owned()),
        RunState::Waiting { reason, .. } => match reason {
            WaitReason::Approval { .. } => (Role::Warning, "needs approval".to_owned()),
            WaitReason::Review => (Role::Warning, "needs review".to_owned()),
            WaitReason::Retry { .. } => (Role::Faint, "waits to retry".to_owned()),
            WaitReason::Paused { .. } => (Role::Faint, "paused".to_owned()),
        },
        RunState::Ending { .. } => (Role::Busy, "ending".to_owned()),
        RunState::Ended { outcome, .. } => (of_outcome(outcome), outcome.name().to_owned()),
    }
}

/// How an outcome is coloured.
pub(crate) const fn of_outcome(outcome: &Outcome) -> Role {
    match outcome {
        Outcome::Succeeded => Role::Good,
        Outcome::Failed { .. } | Outcome::TimedOut { .. } => Role::Bad,
        Outcome::Cancelled | Outcome::Skipped => Role::Warning,
    }
}
