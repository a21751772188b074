//! How a run went: a block for people, or its envelope for programs.

use jiff::Timestamp;

use crate::api::client::Client;
use crate::api::problem::ProblemKind;
use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::output::{Channel, Ui, one_line, span};
use crate::cli::{status, table};
use crate::domain::duration::HumanDuration;
use crate::domain::envelope::{Envelope, GitReport, StageMetrics};
use crate::domain::id::RunId;
use crate::domain::run::{Run, RunState, WaitReason};

/// A run, with its envelope where it has one.
#[derive(Debug, Clone)]
pub(crate) struct Report {
    run: Run,
    envelope: Option<Envelope>,
}

/// Asks for a run and its envelope.
///
/// # Errors
/// Where the daemon does not answer, or does not know the run.
pub(crate) async fn fetch(
    context: &Context,
    client: &Client,
    id: RunId,
) -> Result<Report, CliError> {
    fetch_by(context, client, &id.to_string()).await
}

/// The same by whatever a person typed.
///
/// # Errors
/// Where the daemon does not answer, or does not know the run.
pub(crate) async fn fetch_by(
    context: &Context,
    client: &Client,
    reference: &str,
) -> Result<Report, CliError> {
    let run = match client.run(reference).await {
        Err(error) if error.is_away() => {
            // It may be away for a moment only, as after an upgrade.
            context.client().await?.run(reference).await?
        }
        answer => answer?,
    };
    let envelope = match client.envelope(&run.id().to_string()).await {
        Ok(envelope) => Some(envelope),
        Err(error) => match error.kind() {
            Some(ProblemKind::NotFound | ProblemKind::Conflict) => None,
            Some(_) | None => return Err(error.into()),
        },
    };
    Ok(Report { run, envelope })
}

impl Report {
    /// How a program that followed the run ends.
    pub(crate) fn exit(&self) -> Exit {
        match (self.run.outcome(), &self.envelope) {
            (Some(outcome), _) => Exit::of_outcome(outcome),
            (None, Some(envelope)) => Exit::of_envelope(envelope.status),
            (None, None) if self.run.needs_person() => Exit::NeedsPerson,
            (None, None) => Exit::Succeeded,
        }
    }

    /// Prints it: the envelope, or the run as it stands where there is none yet; or the block.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub(crate) fn print(&self, ui: &Ui, json: bool) -> Result<(), CliError> {
        match (json, &self.envelope) {
            (true, Some(envelope)) => ui.json(envelope),
            (true, None) => ui.json(&self.run),
            (false, _) => self.print_block(ui),
        }
    }

    fn print_block(&self, ui: &Ui) -> Result<(), CliError> {
        let (role, word) = status::of_state(self.run.state());
        let id = self.run.id().short();
        let headline = format!("{} {word}", ui.glyph(role));
        let headline = ui.paint(Channel::Result, role, &headline);
        ui.line("")?;
        ui.line(&format!("{headline} · {} · {id}", self.run.path()))?;
        table::print_fields(ui, &self.fields())?;
        self.print_hints(ui, &id);
        Ok(())
    }

    fn fields(&self) -> Vec<(&'static str, String)> {
        let took = span(self.run.wall_time(Timestamp::now()));
        let mut fields = Vec::new();
        let Some(envelope) = &self.envelope else {
            fields.push(("  stages", self.stages_so_far()));
            if let Some(failure) = self.run.failure() {
                fields.push(("  error", format!("{}: {}", failure.class, failure.message)));
            }
            fields.push(("  since", took));
            return fields;
        };
        fields.push(("  summary", envelope.summary.clone()));
        let stages: Vec<String> = envelope.metrics.stages.iter().map(stage).collect();
        fields.push(("  stages", stages.join(", ")));
        if let Some(git) = &envelope.git {
            fields.push(("  changes", changes(git)));
            if git.files > 0 {
                fields.push(("  branch", git.branch.clone()));
            }
            fields.push(("  pull request", git.pr_url.clone().unwrap_or_default()));
        }
        if let Some(error) = &envelope.error {
            fields.push(("  error", format!("{}: {}", error.class, error.message)));
        }
        fields.push(("  took", took));
        fields
    }

    fn stages_so_far(&self) -> String {
        let stages = self.run.stages().iter().map(|record| {
            let until = record.ended_at.unwrap_or_else(Timestamp::now);
            stage(&StageMetrics {
                stage: record.stage,
                attempt: record.attempt,
                ms: HumanDuration::between(record.started_at, until).as_millis(),
                exit: record.exit,
            })
        });
        stages.collect::<Vec<_>>().join(", ")
    }

    fn print_hints(&self, ui: &Ui, id: &str) {
        if let Some(error) = self.envelope.as_ref().and_then(|envelope| envelope.error.as_ref()) {
            ui.hint(&one_line(&error.suggestion));
        } else if let Some(failure) = self.run.failure() {
            ui.hint(&one_line(&failure.suggestion));
        }
        if let RunState::Waiting { reason, .. } = self.run.state() {
            match reason {
                WaitReason::Approval { .. } => ui.hint(&format!(
                    "look at it with `orch diff {id}`, then `orch approve {id}` or `orch reject {id}`"
                )),
                WaitReason::Review => ui.hint(&format!(
                    "look at it with `orch logs {id}`, then `orch approve {id}` to try once more \
                     or `orch reject {id}` to end it"
                )),
                WaitReason::Paused { .. } => ui.hint(&format!("go on with `orch resume {id}`")),
                WaitReason::Retry { .. } => {}
            }
        }
        if self.run.outcome().is_some() {
            ui.hint(&format!(
                "more in `orch logs {id}`, `orch diff {id}`, `orch show {id} --json`"
            ));
        }
    }
}

/// One execution of a stage, such as `verify 0.4s (exit 1)`.
fn stage(metrics: &StageMetrics) -> String {
    let again = if metrics.attempt > 1 { format!(" #{}", metrics.attempt) } else { String::new() };
    let exit = match metrics.exit {
        Some(0) | None => String::new(),
        Some(code) => format!(" (exit {code})"),
    };
    format!("{}{again} {}{exit}", metrics.stage, span(HumanDuration::from_millis(metrics.ms)))
}

fn changes(git: &GitReport) -> String {
    match git.files {
        0 => "none".to_owned(),
        1 => format!("1 file, +{} -{}", git.additions, git.deletions),
        files => format!("{files} files, +{} -{}", git.additions, git.deletions),
    }
}
