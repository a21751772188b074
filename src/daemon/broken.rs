//! Why something could not be executed, in the words of a failure.

use crate::domain::failure::{Failure, FailureClass};
use crate::sandbox::SandboxError;
use crate::store::StoreError;
use crate::workspace::GitError;

/// Why an execution has no result of its own.
pub(crate) enum Broken {
    /// It ended, and not well.
    Failed(Failure),
    /// It was stopped before anything ran.
    Stopped,
    /// What executed is gone.
    Lost,
    /// The daemon leaves; the next one goes on.
    Leaving,
}

impl From<Failure> for Broken {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl From<SandboxError> for Broken {
    fn from(error: SandboxError) -> Self {
        match error {
            SandboxError::NotFound(_) => Self::Lost,
            SandboxError::Unreachable { .. }
            | SandboxError::Permission { .. }
            | SandboxError::ImageMissing(_)
            | SandboxError::NotOurs(_)
            | SandboxError::Failed { .. } => Self::Failed(sandbox_failure(&error)),
        }
    }
}

impl From<GitError> for Broken {
    fn from(error: GitError) -> Self {
        Self::Failed(git_failure(&error))
    }
}

impl From<StoreError> for Broken {
    fn from(error: StoreError) -> Self {
        let message = format!("the log could not be stored: {error}");
        Self::Failed(Failure::new(FailureClass::Internal, message))
    }
}

/// A sandbox's refusal as a failure, with the engine's words.
pub(crate) fn sandbox_failure(error: &SandboxError) -> Failure {
    Failure::new(FailureClass::Sandbox, chain(error)).with_suggestion(error.hint())
}

/// git's refusal as a failure, with its words.
pub(crate) fn git_failure(error: &GitError) -> Failure {
    let first = error.words.lines().last().unwrap_or_default();
    let failure = Failure::new(FailureClass::Git, format!("{error}: {first}"))
        .with_detail(error.words.clone());
    match error.hints.first() {
        Some(hint) => failure.with_suggestion(hint.clone()),
        None => failure,
    }
}

/// An error with its causes, in one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(current) = cause {
        let words = current.to_string();
        // Some libraries repeat their cause in their own words.
        if !text.contains(&words) {
            text = format!("{text}: {words}");
        }
        cause = current.source();
    }
    text
}
