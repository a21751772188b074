//! A run as it happens, told line by line.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::follow::Follower;
use super::interrupt::{Interrupts, Word};
use crate::api::client::Client;
use crate::cli::context::Context;
use crate::cli::error::{CliError, unheard};
use crate::cli::exit::Exit;
use crate::cli::output::{Channel, Role, Ui, one_line, span};
use crate::domain::duration::HumanDuration;
use crate::domain::event::{EventKind, LogChunk, RunEvent};
use crate::domain::id::RunId;
use crate::domain::run::{Outcome, WaitReason};
use crate::domain::stage::{Stage, StageResult};
use crate::domain::text::printable;

/// Why following is over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum End {
    /// The run is over.
    Ended(Option<Outcome>),
    /// A person has to decide.
    NeedsPerson,
    /// Whoever followed it left.
    Detached {
        /// How the program ends.
        exit: Exit,
    },
}

/// How far Ctrl-C has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Interrupted {
    No,
    Asked,
    Cancelled,
}

/// Follows a run from its beginning, and tells it on a channel.
///
/// # Errors
/// Where the daemon refuses or stays away, or the result cannot be written.
pub(super) async fn follow(
    context: &Context,
    client: &Client,
    id: RunId,
    channel: Channel,
) -> Result<End, CliError> {
    let ui = context.ui();
    let mut interrupts = Interrupts::listen()?;
    let mut follower = Follower::new(context, client, id.to_string(), 0);
    let mut teller = Teller::new(ui, channel);
    let mut interrupted = Interrupted::No;
    loop {
        let event = tokio::select! {
            biased;
            word = interrupts.next() => {
                let wants_cancel = match (word, interrupted) {
                    (Word::Leave | Word::Detach, _) => {
                        return Ok(End::Detached { exit: Exit::Succeeded });
                    }
                    (Word::Interrupt, Interrupted::No) if context.is_interactive() => {
                        ui.ask("\ndetach (d) or cancel (c)? the run goes on meanwhile; \
                                ctrl-c again cancels: ");
                        interrupts.expect_answer();
                        interrupted = Interrupted::Asked;
                        false
                    }
                    (Word::Interrupt, Interrupted::Cancelled) => {
                        return Ok(End::Detached { exit: Exit::Cancelled });
                    }
                    (Word::Cancel | Word::GoOn, Interrupted::Cancelled) => false,
                    (Word::GoOn, Interrupted::No | Interrupted::Asked) => {
                        interrupted = Interrupted::No;
                        ui.note("the run goes on");
                        false
                    }
                    (Word::Interrupt | Word::Cancel, Interrupted::No | Interrupted::Asked) => true,
                };
                if wants_cancel {
                    interrupted = Interrupted::Cancelled;
                    ui.note("cancelling; ctrl-c once more leaves at once");
                    client.cancel_run(&id.to_string()).await?;
                }
                continue;
            }
            event = follower.next() => event?,
        };
        let Some(event) = event else { return Ok(End::Ended(None)) };
        unheard(teller.tell(&event))?;
        match event.kind {
            EventKind::Ended { outcome } => return Ok(End::Ended(Some(outcome))),
            EventKind::Waiting { reason, .. } => {
                // It may be an old one, decided long ago.
                let for_person = matches!(reason, WaitReason::Approval { .. } | WaitReason::Review);
                if for_person && client.run(&id.to_string()).await?.needs_person() {
                    return Ok(End::NeedsPerson);
                }
            }
            EventKind::Created
            | EventKind::Queued { .. }
            | EventKind::StageBegun { .. }
            | EventKind::StageRunning { .. }
            | EventKind::StageEnded { .. }
            | EventKind::StageLost { .. }
            | EventKind::CancelRequested
            | EventKind::DeadlinePassed { .. }
            | EventKind::PauseRequested
            | EventKind::PauseWithdrawn
            | EventKind::Approved
            | EventKind::Rejected { .. }
            | EventKind::Ending { .. }
            | EventKind::Note { .. }
            | EventKind::Log { .. } => {}
        }
    }
}

/// Puts events into words.
pub(super) struct Teller {
    ui: Ui,
    channel: Channel,
    begun: BTreeMap<(Stage, u32), Timestamp>,
}

impl Teller {
    /// Tells on a channel.
    pub(super) fn new(ui: Ui, channel: Channel) -> Self {
        Self { ui, channel, begun: BTreeMap::new() }
    }

    /// Tells one event, if it says anything to a person.
    fn tell(&mut self, event: &RunEvent) -> Result<(), CliError> {
        let Some((role, text)) = self.words(event) else { return Ok(()) };
        self.ui.say(self.channel, &self.ui.paint(self.channel, role, &text))
    }

    /// The words for an event.
    pub(super) fn words(&mut self, event: &RunEvent) -> Option<(Role, String)> {
        match &event.kind {
            EventKind::Created
            | EventKind::StageRunning { .. }
            | EventKind::Ending { .. }
            | EventKind::Ended { .. } => None,
            EventKind::Queued { next: Stage::Prepare } => Some((Role::Faint, "queued".to_owned())),
            EventKind::Queued { next } => {
                Some((Role::Faint, format!("queued, to go on with {next}")))
            }
            EventKind::StageBegun { stage, attempt } => {
                self.begun.insert((*stage, *attempt), event.at);
                let again =
                    if *attempt > 1 { format!(" (attempt {attempt})") } else { String::new() };
                Some((Role::Heading, format!("==> {stage}{again}")))
            }
            EventKind::StageEnded { stage, attempt, exit, result } => {
                let took = match self.begun.get(&(*stage, *attempt)) {
                    Some(from) => format!(" · {}", span(HumanDuration::between(*from, event.at))),
                    None => String::new(),
                };
                Some(match result {
                    StageResult::Passed => {
                        let sign = self.ui.glyph(Role::Good);
                        (Role::Good, format!("{sign} {stage} passed{took}"))
                    }
                    StageResult::Failed { failure } => {
                        let sign = self.ui.glyph(Role::Bad);
                        let code = exit.map(|code| format!(" (exit {code})")).unwrap_or_default();
                        let message = one_line(&failure.message);
                        (Role::Bad, format!("{sign} {stage} failed{code}{took}: {message}"))
                    }
                    StageResult::Stopped => (Role::Warning, format!("! {stage} stopped{took}")),
                })
            }
            EventKind::StageLost { stage, .. } => {
                Some((Role::Warning, format!("! what ran {stage} is gone without a trace")))
            }
            EventKind::CancelRequested => Some((Role::Warning, "! cancelling".to_owned())),
            EventKind::DeadlinePassed { deadline } => {
                Some((Role::Warning, format!("! the {} timeout has passed", deadline.name())))
            }
            EventKind::PauseRequested => {
                Some((Role::Warning, "! it will pause after this stage".to_owned()))
            }
            EventKind::PauseWithdrawn => Some((Role::Faint, "it will not pause".to_owned())),
            EventKind::Waiting { reason, .. } => Some((Role::Warning, waiting(reason, event.run))),
            EventKind::Approved => Some((Role::Good, "approved".to_owned())),
            EventKind::Rejected { comment } => {
                Some((Role::Warning, format!("rejected: {}", one_line(comment))))
            }
            EventKind::Note { text } => Some((Role::Faint, one_line(text))),
            EventKind::Log { chunk } => log_text(chunk),
        }
    }
}

fn waiting(reason: &WaitReason, run: RunId) -> String {
    let id = run.short();
    match reason {
        WaitReason::Approval { next } => format!("! it waits for consent before {next}"),
        WaitReason::Review => "! it waits for a person to look at it".to_owned(),
        WaitReason::Retry { next, until } => format!("it tries {next} again at {until:.0}"),
        WaitReason::Paused { .. } => format!("! it is paused; `orch resume {id}` lets it go on"),
    }
}

/// All lines of a chunk at once, since each writing costs.
fn log_text(chunk: &LogChunk) -> Option<(Role, String)> {
    let lines: Vec<String> = chunk.lines.iter().map(|line| printable(&line.2)).collect();
    (!lines.is_empty()).then(|| (Role::Plain, lines.join("\n")))
}

#[cfg(test)]
mod tests;
