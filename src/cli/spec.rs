//! The flags that say how a task is carried out; the same for a run on the spot and for a task
//! that is kept.

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};

use crate::config::draft::{TaskDraft, TimeoutsDraft};
use crate::config::words::{self, Words};
use crate::domain::duration::HumanDuration;
use crate::domain::limits::{
    ApprovalProfile, NetworkProfile, Priority, PublishPolicy, SandboxKind,
};
use crate::domain::task::HarnessKind;

/// How a task is carried out.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "How it is carried out")]
pub(crate) struct SpecFlags {
    /// The adapter that runs the prompt
    #[arg(long, value_name = "NAME", value_parser = word::<HarnessKind>())]
    harness: Option<HarnessKind>,
    /// Where stages execute: in a container, or as a process without one
    #[arg(long, value_name = "KIND", value_parser = word::<SandboxKind>())]
    sandbox: Option<SandboxKind>,
    /// The image of the containers
    #[arg(long, value_name = "IMAGE")]
    image: Option<String>,
    /// What stages may reach; checks and publishing never reach anything
    #[arg(long, value_name = "PROFILE", value_parser = word::<NetworkProfile>())]
    network: Option<NetworkProfile>,
    /// A command that makes the workspace ready; can be repeated
    #[arg(long, value_name = "COMMAND")]
    setup: Vec<String>,
    /// A command that decides whether it is done; can be repeated
    #[arg(long, value_name = "COMMAND")]
    verify: Vec<String>,
    /// A command that mends what the checks complain of; can be repeated
    #[arg(long, value_name = "COMMAND")]
    solve: Vec<String>,
    /// How long all stages together may take, such as 45m
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    timeout: Option<HumanDuration>,
    /// How long a stage may print nothing, such as 10m
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    idle_timeout: Option<HumanDuration>,
    /// Where the result goes: nowhere, or as a branch to the repository
    #[arg(long, value_name = "POLICY", value_parser = word::<PublishPolicy>())]
    publish: Option<PublishPolicy>,
    /// When a person is asked
    #[arg(long, value_name = "WHEN", value_parser = word::<ApprovalProfile>())]
    approve: Option<ApprovalProfile>,
    /// A variable for the commands, no place for secrets; can be repeated
    #[arg(long, value_name = "NAME=VALUE", value_parser = variable)]
    env: Vec<(String, String)>,
}

/// What goes first.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct PriorityFlag {
    /// What goes first
    #[arg(long, value_name = "LEVEL", value_parser = word::<Priority>())]
    pub(crate) priority: Option<Priority>,
}

/// Whether the result is for a program.
#[derive(Debug, Clone, Copy, Default, Args)]
pub(crate) struct JsonFlag {
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

impl SpecFlags {
    /// The first flag that was used, if one was.
    pub(crate) fn used(&self) -> Option<&'static str> {
        let used = [
            (self.harness.is_some(), "--harness"),
            (self.sandbox.is_some(), "--sandbox"),
            (self.image.is_some(), "--image"),
            (self.network.is_some(), "--network"),
            (!self.setup.is_empty(), "--setup"),
            (!self.verify.is_empty(), "--verify"),
            (!self.solve.is_empty(), "--solve"),
            (self.timeout.is_some(), "--timeout"),
            (self.idle_timeout.is_some(), "--idle-timeout"),
            (self.publish.is_some(), "--publish"),
            (self.approve.is_some(), "--approve"),
            (!self.env.is_empty(), "--env"),
        ];
        used.into_iter().find(|(is_used, _)| *is_used).map(|(_, name)| name)
    }

    /// What the flags say of a task.
    pub(crate) fn draft(self) -> TaskDraft {
        TaskDraft {
            harness: self.harness,
            sandbox: self.sandbox,
            image: self.image,
            network: self.network,
            setup: self.setup,
            verify: self.verify,
            solve: self.solve,
            timeouts: TimeoutsDraft {
                total: self.timeout,
                idle: self.idle_timeout,
                ..TimeoutsDraft::default()
            },
            publish: self.publish,
            approve: self.approve,
            env: self.env.into_iter().collect(),
            ..TaskDraft::default()
        }
    }
}

/// Reads one of the words of a choice; help and completions list them.
pub(crate) fn word<T: Words + Clone + Send + Sync + 'static>() -> impl TypedValueParser<Value = T> {
    PossibleValuesParser::new(T::WORDS).try_map(|word| words::read::<T>(&word))
}

fn variable(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        Some(_) | None => Err("write NAME=VALUE".to_owned()),
    }
}
