//! Adapters for agent programs. Pure: a task becomes a command, an exit becomes a verdict; nothing
//! is executed here.

use crate::domain::failure::{Failure, FailureClass};
use crate::domain::stage::{Stage, StageResult};
use crate::domain::task::{HarnessKind, TaskSpec};

mod commands;
mod script;

/// Where things lie, as the sandbox sees them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Places {
    /// The run's clone of the repository.
    pub tree: String,
    /// Files that orch wrote for this execution; not writable inside a container.
    pub control: String,
    /// The home folder, kept for the whole run.
    pub home: String,
}

/// A file to be written before the command starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ControlFile {
    /// Its name in the control folder.
    pub name: &'static str,
    /// What is in it.
    pub text: String,
}

/// What a stage executes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// The program and its arguments.
    pub argv: Vec<String>,
    /// Files for it.
    pub files: Vec<ControlFile>,
}

/// How a stage's program ended, as far as it was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ending {
    /// The exit code.
    pub code: i32,
    /// Whether the memory limit ended it.
    pub out_of_memory: bool,
    /// The last lines of its output.
    pub tail: Vec<String>,
    /// The last heading of a command that was printed, for stages that are lists of commands.
    pub command: Option<String>,
}

/// What a stage of a task executes; `None` where there is nothing to execute.
pub fn plan(stage: Stage, spec: &TaskSpec, places: &Places) -> Option<Plan> {
    match stage {
        Stage::Prepare => commands::plan(&spec.setup, places),
        Stage::Verify => commands::plan(&spec.verify, places),
        Stage::Implement => Some(match spec.harness {
            HarnessKind::Script => script::plan(&spec.instructions, places),
        }),
        Stage::Solve => match spec.harness {
            HarnessKind::Script => commands::plan(&spec.solve, places),
        },
        Stage::Publish => None,
    }
}

/// If a line is the heading of one of the stage's commands, that command.
pub fn heading(stage: Stage, spec: &TaskSpec, line: &str) -> Option<String> {
    let list = match stage {
        Stage::Prepare => &spec.setup,
        Stage::Verify => &spec.verify,
        Stage::Solve => &spec.solve,
        Stage::Implement | Stage::Publish => return None,
    };
    let shown = line.strip_prefix(commands::HEADING)?;
    list.iter().find(|command| commands::first_line(command) == shown).cloned()
}

/// Whether a stage succeeded, by how its program ended.
pub fn judge(stage: Stage, ending: &Ending) -> StageResult {
    if ending.code == 0 {
        return StageResult::Passed;
    }
    if ending.out_of_memory {
        let failure = Failure::new(FailureClass::Sandbox, format!("{stage} ran out of memory"))
            .with_detail(ending.tail.join("\n"))
            .with_suggestion("give the sandbox more memory, or make the work smaller");
        return StageResult::Failed { failure };
    }
    let class = match stage {
        Stage::Verify => FailureClass::Verify,
        Stage::Prepare | Stage::Implement | Stage::Solve | Stage::Publish => FailureClass::Command,
    };
    let what = match (&ending.command, stage) {
        (Some(command), _) => format!("`{}`", commands::first_line(command)),
        (None, Stage::Implement) => "the script".to_owned(),
        (None, _) => format!("a command of {stage}"),
    };
    let failure = Failure::new(class, format!("{what} exited with {}", ending.code))
        .with_detail(ending.tail.join("\n"));
    StageResult::Failed {
        failure: match ending.code {
            126 => failure.with_suggestion("the program is there but may not be executed"),
            127 => failure.with_suggestion(
                "the program is not in the sandbox; choose an image that has it, or install it in \
                 the setup commands",
            ),
            _ => failure,
        },
    }
}

/// What was done, in a few words, from the last that was printed.
pub fn summary(kind: HarnessKind, tail: &[String]) -> String {
    match kind {
        HarnessKind::Script => script::summary(tail),
    }
}

#[cfg(test)]
mod tests;
