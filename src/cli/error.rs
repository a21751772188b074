//! What went wrong, told so that a person can act on it: the kind, the chain of causes, and what
//! to do. The kind fixes the exit code.

use std::error::Error;
use std::io;

use super::exit::Exit;
use crate::api::client::ClientError;
use crate::api::problem::ProblemKind;
use crate::config::draft::DraftError;
use crate::config::layers::ConfigError;
use crate::config::paths::NoPlace;
use crate::domain::task::InvalidTask;

/// The kind of an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ErrorKind {
    /// The command line, a file or a setting is wrong.
    Usage,
    /// It is there already.
    Exists,
    /// It cannot be done where things stand.
    Conflict,
    /// A policy refuses.
    Refused,
    /// What was named is not there.
    NotFound,
    /// Something does not answer.
    Unavailable,
    /// Something that was tried did not work.
    Failed,
    /// A person stopped it.
    Cancelled,
    /// A fault of orch.
    Internal,
    /// Nobody reads the output any more, which is no fault of ours.
    NobodyReads,
}

impl ErrorKind {
    /// The word for people; empty where the message says it all.
    const fn word(self) -> &'static str {
        match self {
            Self::Usage => "usage",
            Self::Exists => "exists",
            Self::Conflict => "conflict",
            Self::Refused => "refused",
            Self::NotFound => "not found",
            Self::Unavailable => "unavailable",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Internal | Self::NobodyReads => "internal",
        }
    }

    /// How the program ends.
    pub(crate) const fn exit(self) -> Exit {
        match self {
            Self::Usage | Self::Exists | Self::Conflict => Exit::Usage,
            Self::Refused => Exit::Refused,
            Self::NotFound => Exit::NotFound,
            Self::Unavailable => Exit::Unavailable,
            Self::Failed | Self::Internal => Exit::Failed,
            Self::Cancelled => Exit::Cancelled,
            Self::NobodyReads => Exit::Succeeded,
        }
    }
}

/// An error with all that a person is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CliError {
    kind: ErrorKind,
    chain: Vec<String>,
    hints: Vec<String>,
}

impl CliError {
    /// An error without a cause.
    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, chain: vec![message.into()], hints: Vec::new() }
    }

    /// An error that the caller can mend.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Usage, message)
    }

    /// A fault of orch, with its cause.
    pub(crate) fn internal(message: impl Into<String>, cause: &dyn Error) -> Self {
        Self::new(ErrorKind::Internal, message).because(cause)
    }

    /// The same with a cause, and the causes of that.
    pub(crate) fn because(mut self, cause: &dyn Error) -> Self {
        let mut cause = Some(cause);
        while let Some(error) = cause {
            let text = error.to_string();
            // A transparent error says the same as its source.
            if self.chain.last() != Some(&text) {
                self.chain.push(text);
            }
            cause = error.source();
        }
        self
    }

    /// The same with what it is about in front.
    pub(crate) fn about(mut self, what: impl Into<String>) -> Self {
        self.chain.insert(0, what.into());
        self
    }

    /// The same with something to do about it.
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// The kind.
    pub(crate) fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// How the program ends.
    pub(crate) fn exit(&self) -> Exit {
        self.kind.exit()
    }

    /// What to do, one by one.
    pub(crate) fn hints(&self) -> &[String] {
        &self.hints
    }

    /// Kind and chain in one line.
    pub(crate) fn headline(&self) -> String {
        format!("{}: {}", self.kind.word(), self.chain.join(": "))
    }

    pub(super) fn of_chain(kind: ErrorKind, error: &dyn Error) -> Self {
        Self { kind, chain: Vec::new(), hints: Vec::new() }.because(error)
    }
}

impl From<ClientError> for CliError {
    fn from(error: ClientError) -> Self {
        match &error {
            ClientError::Refused(problem) => {
                let mut told = Self::new(of_problem(problem.kind), problem.detail.clone());
                told.hints.clone_from(&problem.hints);
                told
            }
            ClientError::Unreachable(problem) => {
                Self::of_chain(ErrorKind::Unavailable, &error).hint(problem.hint())
            }
            ClientError::Broken(_) => Self::of_chain(ErrorKind::Unavailable, &error)
                .hint("see how it is with `orch daemon status`"),
        }
    }
}

impl From<ConfigError> for CliError {
    fn from(error: ConfigError) -> Self {
        Self::of_chain(ErrorKind::Usage, &error).hint(error.hint())
    }
}

impl From<NoPlace> for CliError {
    fn from(error: NoPlace) -> Self {
        Self::of_chain(ErrorKind::Usage, &error).hint("set ORCH_HOME to an absolute path")
    }
}

impl From<DraftError> for CliError {
    fn from(error: DraftError) -> Self {
        Self::of_chain(ErrorKind::Usage, &error)
    }
}

impl From<InvalidTask> for CliError {
    fn from(error: InvalidTask) -> Self {
        Self::of_chain(ErrorKind::Usage, &error)
    }
}

/// Errors of writing the result; every other use of the system names what it was about.
impl From<io::Error> for CliError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::new(ErrorKind::NobodyReads, "nobody reads"),
            _ => Self::new(ErrorKind::Failed, "cannot write the result").because(&error),
        }
    }
}

/// Talk that nobody reads any more; what is talked about goes on, and its end still counts.
pub(crate) fn unheard(said: Result<(), CliError>) -> Result<(), CliError> {
    match said {
        Err(error) if error.kind() == ErrorKind::NobodyReads => Ok(()),
        other => other,
    }
}

/// The kind that belongs to a refusal of the daemon.
pub(crate) const fn of_problem(kind: ProblemKind) -> ErrorKind {
    match kind {
        ProblemKind::Invalid | ProblemKind::TooLarge => ErrorKind::Usage,
        ProblemKind::NotFound => ErrorKind::NotFound,
        ProblemKind::Exists => ErrorKind::Exists,
        ProblemKind::Conflict => ErrorKind::Conflict,
        ProblemKind::Refused => ErrorKind::Refused,
        ProblemKind::Unavailable => ErrorKind::Unavailable,
        ProblemKind::Internal => ErrorKind::Internal,
    }
}

#[cfg(test)]
mod tests;
