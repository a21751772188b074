//! Refusals on the wire: problem details after RFC 9457, with a stable type.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What sort of refusal it is. Fixes the HTTP status and, at the command line, the exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProblemKind {
    /// The request itself is wrong.
    Invalid,
    /// What it names is not there.
    NotFound,
    /// What it would make is there already.
    Exists,
    /// Somebody else changed it in between, or it cannot be done where things stand.
    Conflict,
    /// A policy says no.
    Refused,
    /// It is larger than we take.
    TooLarge,
    /// Something that we need does not answer: Docker, the store.
    Unavailable,
    /// A fault of orch.
    Internal,
}

impl ProblemKind {
    /// The HTTP status.
    pub const fn status(self) -> u16 {
        match self {
            Self::Invalid => 422,
            Self::NotFound => 404,
            Self::Exists | Self::Conflict => 409,
            Self::Refused => 403,
            Self::TooLarge => 413,
            Self::Unavailable => 503,
            Self::Internal => 500,
        }
    }
}

/// A refusal: what, why, and what to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Problem {
    /// The sort of refusal; stable.
    #[serde(rename = "type")]
    pub kind: ProblemKind,
    /// The HTTP status once more, for readers of the body alone.
    pub status: u16,
    /// What was refused and why, in one line.
    pub detail: String,
    /// What to do.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hints: Vec<String>,
}

impl Problem {
    /// A refusal.
    pub fn new(kind: ProblemKind, detail: impl Into<String>) -> Self {
        Self { kind, status: kind.status(), detail: detail.into(), hints: Vec::new() }
    }

    /// The same with something to do about it.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.detail)
    }
}

impl std::error::Error for Problem {}
