//! Why something failed: a class that decides retry and backoff, and words for a person.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::duration::HumanDuration;

/// The kind of a failure. Retry, backoff, explanation and suggestion hang on it.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "camelCase")]
pub enum FailureClass {
    /// The provider asked for slower requests.
    RateLimit,
    /// The provider is overloaded.
    Overload,
    /// The network, or a name in it, did not answer.
    Network,
    /// A credential is missing, wrong or expired.
    Auth,
    /// A budget of tokens or money is used up.
    Budget,
    /// The agent used all the turns that it had.
    MaxTurns,
    /// A deadline passed.
    Timeout,
    /// The agent asked a question that nobody answers.
    InteractivePrompt,
    /// The agent program ended without a result.
    HarnessCrash,
    /// The result is not in the form that was asked for.
    BadOutput,
    /// A command of the task itself exited with an error.
    Command,
    /// The container or process could not be made, or was lost.
    Sandbox,
    /// git refused.
    Git,
    /// A check that decides "done" did not pass.
    Verify,
    /// A person stopped it.
    Cancelled,
    /// A fault of orch.
    Internal,
}

/// What the class says about trying again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RetryRule {
    /// The same would happen again.
    Never,
    /// At once, and only once.
    OnceAtOnce,
    /// After a growing wait, as often as the task allows.
    Backoff,
}

impl FailureClass {
    /// Every class, in the order of their discriminants.
    pub const ALL: [Self; 16] = [
        Self::RateLimit,
        Self::Overload,
        Self::Network,
        Self::Auth,
        Self::Budget,
        Self::MaxTurns,
        Self::Timeout,
        Self::InteractivePrompt,
        Self::HarnessCrash,
        Self::BadOutput,
        Self::Command,
        Self::Sandbox,
        Self::Git,
        Self::Verify,
        Self::Cancelled,
        Self::Internal,
    ];

    /// Whether another attempt may heal it.
    pub const fn retry_rule(self) -> RetryRule {
        match self {
            Self::RateLimit | Self::Overload | Self::Network => RetryRule::Backoff,
            Self::HarnessCrash | Self::BadOutput => RetryRule::OnceAtOnce,
            Self::Auth
            | Self::Budget
            | Self::MaxTurns
            | Self::Timeout
            | Self::InteractivePrompt
            | Self::Command
            | Self::Sandbox
            | Self::Git
            | Self::Verify
            | Self::Cancelled
            | Self::Internal => RetryRule::Never,
        }
    }

    /// What a failure of this class means.
    pub const fn explanation(self) -> &'static str {
        match self {
            Self::RateLimit => "the provider asked for slower requests",
            Self::Overload => "the provider is overloaded",
            Self::Network => "the network did not answer",
            Self::Auth => "a credential is missing, wrong or expired",
            Self::Budget => "the budget is used up",
            Self::MaxTurns => "the agent used all its turns",
            Self::Timeout => "a deadline passed",
            Self::InteractivePrompt => "the agent asked a question that nobody answers",
            Self::HarnessCrash => "the agent program ended without a result",
            Self::BadOutput => "the result is not in the form that was asked for",
            Self::Command => "a command of the task exited with an error",
            Self::Sandbox => "the sandbox could not run the stage",
            Self::Git => "git refused",
            Self::Verify => "a check did not pass",
            Self::Cancelled => "a person stopped it",
            Self::Internal => "orch itself failed",
        }
    }

    /// What a person can do about it.
    pub const fn suggestion(self) -> &'static str {
        match self {
            Self::RateLimit | Self::Overload => "wait, then retry; or choose another harness",
            Self::Network => "check the network profile of the task and the host's connection",
            Self::Auth => "renew the credential, then retry",
            Self::Budget => "raise the budget, then retry",
            Self::MaxTurns => "allow more turns, or split the task",
            Self::Timeout => "raise the timeout, or split the task",
            Self::InteractivePrompt => {
                "say in the instructions what to do, so that it need not ask"
            }
            Self::HarnessCrash => "read the end of the log; retry if it looks accidental",
            Self::BadOutput => "read the end of the log; make the instructions more exact",
            Self::Command => "read the end of the log, mend the command or the code, and run again",
            Self::Sandbox => "check that the engine runs and that the image is there",
            Self::Git => "read git's words in the detail; mend the repository, then run again",
            Self::Verify => "read which check failed; mend the code or the check, then run again",
            Self::Cancelled => "run it again when you want it",
            Self::Internal => "see the daemon's log; report it if it happens again",
        }
    }

    /// The name as it is stored, shown and filtered by.
    pub const fn name(self) -> &'static str {
        match self {
            Self::RateLimit => "rateLimit",
            Self::Overload => "overload",
            Self::Network => "network",
            Self::Auth => "auth",
            Self::Budget => "budget",
            Self::MaxTurns => "maxTurns",
            Self::Timeout => "timeout",
            Self::InteractivePrompt => "interactivePrompt",
            Self::HarnessCrash => "harnessCrash",
            Self::BadOutput => "badOutput",
            Self::Command => "command",
            Self::Sandbox => "sandbox",
            Self::Git => "git",
            Self::Verify => "verify",
            Self::Cancelled => "cancelled",
            Self::Internal => "internal",
        }
    }
}

impl fmt::Display for FailureClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// One failure, told so that a person can act on it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Failure {
    /// Its kind.
    pub class: FailureClass,
    /// What happened, in one line.
    pub message: String,
    /// More of it, such as the end of the log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// What a person can do.
    pub suggestion: String,
    /// How long we were told to wait before another attempt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<HumanDuration>,
}

impl Failure {
    /// A failure with the suggestion that belongs to its class.
    pub fn new(class: FailureClass, message: impl Into<String>) -> Self {
        Self {
            class,
            message: message.into(),
            detail: None,
            suggestion: class.suggestion().to_owned(),
            retry_after: None,
        }
    }

    /// The same, with more detail.
    pub fn with_detail(self, detail: impl Into<String>) -> Self {
        Self { detail: Some(detail.into()), ..self }
    }

    /// The same, with a better suggestion than the class has.
    pub fn with_suggestion(self, suggestion: impl Into<String>) -> Self {
        Self { suggestion: suggestion.into(), ..self }
    }

    /// Whether another attempt may heal it.
    pub fn is_retryable(&self) -> bool {
        match self.class.retry_rule() {
            RetryRule::Never => false,
            RetryRule::OnceAtOnce | RetryRule::Backoff => true,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.class, self.message)
    }
}

#[cfg(test)]
mod tests;
