//! What bounds a run: time, attempts, resources, network.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::duration::HumanDuration;
use super::failure::{Failure, RetryRule};
use super::size::ByteSize;
use super::stage::Stage;

/// How often Solve may try before a person is asked.
pub const MAX_SOLVE_ROUNDS: u32 = 3;

/// How long each stage may take, and the run as a whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Timeouts {
    /// For Prepare.
    pub prepare: HumanDuration,
    /// For Implement.
    pub implement: HumanDuration,
    /// For each Verify.
    pub verify: HumanDuration,
    /// For each Solve.
    pub solve: HumanDuration,
    /// For Publish.
    pub publish: HumanDuration,
    /// For all stages together; waiting does not count.
    pub total: HumanDuration,
    /// Without any output from the stage.
    pub idle: HumanDuration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            prepare: HumanDuration::from_mins(15),
            implement: HumanDuration::from_mins(60),
            verify: HumanDuration::from_mins(30),
            solve: HumanDuration::from_mins(30),
            publish: HumanDuration::from_mins(10),
            total: HumanDuration::from_mins(180),
            idle: HumanDuration::from_mins(15),
        }
    }
}

impl Timeouts {
    /// The limit of one stage.
    pub const fn of(&self, stage: Stage) -> HumanDuration {
        match stage {
            Stage::Prepare => self.prepare,
            Stage::Implement => self.implement,
            Stage::Verify => self.verify,
            Stage::Solve => self.solve,
            Stage::Publish => self.publish,
        }
    }

    /// The first limit that is zero, by name: nothing could ever run under it.
    pub fn zero_limit(&self) -> Option<&'static str> {
        let named = [
            ("prepare", self.prepare),
            ("implement", self.implement),
            ("verify", self.verify),
            ("solve", self.solve),
            ("publish", self.publish),
            ("total", self.total),
            ("idle", self.idle),
        ];
        named.into_iter().find(|(_, limit)| limit.is_zero()).map(|(name, _)| name)
    }
}

/// How failures are tried again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct RetryPolicy {
    /// How often a stage may be attempted in all.
    pub max_attempts: u32,
    /// The wait before the second attempt; it doubles from there.
    pub backoff: HumanDuration,
    /// The longest wait.
    pub max_backoff: HumanDuration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            max_attempts: 3,
            backoff: HumanDuration::from_secs(30),
            max_backoff: HumanDuration::from_mins(30),
        }
    }
}

impl RetryPolicy {
    /// How long to wait before trying again after `failure`, if at all. `retries` are those
    /// already made; `spread` moves runs that failed together apart by up to a quarter.
    pub fn wait(&self, failure: &Failure, retries: u32, spread: u32) -> Option<HumanDuration> {
        if retries.saturating_add(1) >= self.max_attempts {
            return None;
        }
        match failure.class.retry_rule() {
            RetryRule::Never => None,
            RetryRule::OnceAtOnce => (retries == 0).then_some(HumanDuration::from_millis(0)),
            RetryRule::Backoff => {
                let doubled = self.backoff.as_millis().saturating_mul(1 << retries.min(20));
                let bounded = doubled.min(self.max_backoff.as_millis());
                let jitter = (bounded / 4).saturating_mul(u64::from(spread % 1024)) / 1024;
                let wait = HumanDuration::from_millis(bounded + jitter);
                // Being told how long outranks guessing, and still gets the spread.
                Some(
                    failure.retry_after.map_or(wait, |told| {
                        told.plus(HumanDuration::from_millis(jitter)).max(wait)
                    }),
                )
            }
        }
    }
}

/// What executes a stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum SandboxKind {
    /// A hardened container.
    Docker,
    /// A process of the host, without a container: only for tasks that you trust.
    Process,
}

impl SandboxKind {
    /// The name as it is stored and typed.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Docker => "docker",
            Self::Process => "process",
        }
    }
}

/// What a stage may reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum NetworkProfile {
    /// Nothing.
    None,
    /// Everything.
    Open,
}

impl NetworkProfile {
    /// The name as it is stored and typed.
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Open => "open",
        }
    }
}

/// Where and within which bounds the stages of a task execute.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SandboxProfile {
    /// Container or process.
    pub kind: SandboxKind,
    /// The image of the containers.
    pub image: String,
    /// The network of Prepare, Implement and Solve; the other stages have none.
    pub network: NetworkProfile,
    /// The memory of a container.
    pub memory: ByteSize,
    /// The processors of a container, in thousandths.
    pub milli_cpus: u32,
    /// The processes and threads of a container.
    pub pids: u32,
    /// The output of one stage; more than this ends it.
    pub log: ByteSize,
    /// Variables for the commands; no place for secrets.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub env: BTreeMap<String, String>,
}

impl Default for SandboxProfile {
    fn default() -> Self {
        Self {
            kind: SandboxKind::Docker,
            image: "orch/base:1".to_owned(),
            network: NetworkProfile::Open,
            memory: ByteSize::from_mib(2048),
            milli_cpus: 2000,
            pids: 512,
            log: ByteSize::from_mib(256),
            env: BTreeMap::new(),
        }
    }
}

/// When a run stops for a person's consent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ApprovalProfile {
    /// Never.
    None,
    /// Before its first stage.
    BeforeStart,
    /// Before its result leaves orch.
    BeforePublish,
}

/// Which runs go first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Priority {
    /// Before everything else.
    Critical,
    /// Soon.
    High,
    /// As it comes.
    Normal,
    /// When nothing better waits.
    Low,
    /// Last of all.
    Deferred,
}

/// Where a run's branch goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum PublishPolicy {
    /// It stays in orch; the diff can be read there.
    None,
    /// It is pushed to the repository that the run was made from.
    Branch,
}

/// Which files of the workspace are kept when the run ends.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct ArtifactPolicy {
    /// Patterns of paths inside the workspace.
    pub paths: Vec<String>,
}

/// How many runs may be active at once in one scope; `None` leaves it to the wider scope.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Caps {
    /// Active runs at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_active: Option<u32>,
}

#[cfg(test)]
mod tests;
