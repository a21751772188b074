//! The normalised result of a run: one JSON document, the same whatever harness ran, checked
//! against its schema before it is stored.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::failure::{Failure, FailureClass};
use super::id::{RunId, TaskId};
use super::run::Outcome;
use super::schema::{self, Violation};
use super::stage::Stage;

/// The shape of envelopes.
pub const ENVELOPE_SCHEMA: u32 = 1;

/// The result of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Envelope {
    /// The shape of this document.
    #[schemars(range(min = 1, max = 1))]
    pub schema: u32,
    /// The run.
    pub run_id: RunId,
    /// The task that it executed.
    pub task_id: TaskId,
    /// How it ended.
    pub status: EnvelopeStatus,
    /// What was done, in a few words.
    pub summary: String,
    /// What was done, one by one.
    pub actions: Vec<Action>,
    /// What was kept.
    pub artifacts: Vec<Artifact>,
    /// What it took.
    pub metrics: Metrics,
    /// Where the whole output can be read.
    pub raw_output_ref: String,
    /// Why it did not succeed; null where it did.
    pub error: Option<EnvelopeError>,
    /// What ran.
    pub harness: HarnessReport,
    /// What became of the repository; null where no workspace was made.
    pub git: Option<GitReport>,
}

/// How a run ended, for programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum EnvelopeStatus {
    /// All of it was done and verified.
    Succeeded,
    /// It was not.
    Failed,
    /// A person or a policy stopped it.
    Cancelled,
    /// A deadline passed.
    TimedOut,
    /// A person has to decide.
    NeedsPerson,
}

impl EnvelopeStatus {
    /// The status that belongs to an outcome.
    pub const fn of(outcome: &Outcome) -> Self {
        match outcome {
            Outcome::Succeeded => Self::Succeeded,
            Outcome::Failed { .. } => Self::Failed,
            Outcome::Cancelled | Outcome::Skipped => Self::Cancelled,
            Outcome::TimedOut { .. } => Self::TimedOut,
        }
    }
}

/// One thing that was done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Action {
    /// What sort of thing, such as `command`, `commit` or `push`.
    pub kind: String,
    /// What it was done to.
    pub target: String,
    /// More of it.
    pub detail: String,
}

/// One file that was kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Artifact {
    /// Its name.
    pub name: String,
    /// What sort of file.
    pub kind: String,
    /// Its size.
    pub bytes: u64,
    /// Its SHA-256, in hexadecimal digits.
    pub sha256: String,
}

/// What a run took.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Metrics {
    /// From its creation to its end.
    pub wall_ms: u64,
    /// Turns of the agent; null where nobody counted.
    pub turns: Option<u64>,
    /// Tokens read; null where nobody counted.
    pub tokens_in: Option<u64>,
    /// Tokens written; null where nobody counted.
    pub tokens_out: Option<u64>,
    /// Money; null where nobody counted.
    pub cost_usd: Option<f64>,
    /// Each execution of a stage.
    pub stages: Vec<StageMetrics>,
}

/// One execution of a stage.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct StageMetrics {
    /// Which stage.
    pub stage: Stage,
    /// Which execution of it.
    pub attempt: u32,
    /// How long it took.
    pub ms: u64,
    /// The exit code; null where nothing ran or it was lost.
    pub exit: Option<i32>,
}

/// Why a run did not succeed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EnvelopeError {
    /// The kind of failure.
    pub class: FailureClass,
    /// What happened.
    pub message: String,
    /// What a person can do.
    pub suggestion: String,
    /// Whether another attempt may heal it.
    pub retryable: bool,
}

impl From<&Failure> for EnvelopeError {
    fn from(failure: &Failure) -> Self {
        Self {
            class: failure.class,
            message: failure.message.clone(),
            suggestion: failure.suggestion.clone(),
            retryable: failure.is_retryable(),
        }
    }
}

/// What ran.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct HarnessReport {
    /// The adapter.
    pub name: String,
    /// The program's version; null where it has none.
    pub version: Option<String>,
    /// The model; null where there is none.
    pub model: Option<String>,
    /// The session that could be resumed; null where there is none.
    pub session_id: Option<String>,
}

/// What became of the repository.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GitReport {
    /// The commit that the run started from.
    pub base: String,
    /// The commit that it ended at.
    pub head: String,
    /// The run's branch.
    pub branch: String,
    /// Files changed.
    pub files: u64,
    /// Lines added.
    pub additions: u64,
    /// Lines removed.
    pub deletions: u64,
    /// The pull request; null where there is none.
    pub pr_url: Option<String>,
}

/// The schema of envelopes, as generated from the type. A copy ships as
/// `examples/envelope.schema.json`.
pub fn envelope_schema() -> Value {
    schemars::SchemaGenerator::default().into_root_schema_for::<Envelope>().to_value()
}

/// Whether a document is an envelope.
///
/// # Errors
/// Every place where it is not.
pub fn check_envelope(document: &Value) -> Result<(), Vec<Violation>> {
    schema::check(&envelope_schema(), document)
}

#[cfg(test)]
pub(crate) mod tests;
