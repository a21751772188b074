//! The window on a run's log: the newest lines, bounded, whatever the length of the log.

use std::collections::VecDeque;

use jiff::{SignedDuration, Timestamp};

use crate::api::view::{LogEntry, LogPage};
use crate::domain::event::{EventKind, LogSource, RunEvent};
use crate::domain::id::RunId;
use crate::domain::stage::Stage;
use crate::domain::text::{excerpt, printable};

/// The lines that are kept.
pub const MAX_LINES: usize = 5_000;
/// The characters of one line that are kept; no screen shows more.
const MAX_LENGTH: usize = 2_000;

/// Who said a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Voice {
    /// A stage, on one of its streams.
    Stage(Stage, LogSource),
    /// orch itself.
    Orch,
}

/// One line, fit to be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// When it was said.
    pub at: Timestamp,
    /// By whom.
    pub voice: Voice,
    /// What.
    pub text: String,
}

/// The newest lines of one run's log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunLog {
    run: RunId,
    lines: VecDeque<Line>,
    /// How many lines left the window; the index of the first line that is kept.
    gone: usize,
    /// How many lines of the log had come before the window was opened.
    earlier: u64,
    total: u64,
    seq: u64,
    is_loaded: bool,
}

impl RunLog {
    /// A window on which nothing has come yet.
    pub fn of(run: RunId) -> Self {
        Self {
            run,
            lines: VecDeque::new(),
            gone: 0,
            earlier: 0,
            total: 0,
            seq: 0,
            is_loaded: false,
        }
    }

    /// The run.
    pub fn run(&self) -> RunId {
        self.run
    }

    /// Whether its end was read.
    pub fn is_loaded(&self) -> bool {
        self.is_loaded
    }

    /// The number of the last event that it knows: follow from there.
    pub fn seq(&self) -> u64 {
        self.seq
    }

    /// How many lines the whole log has.
    pub fn total(&self) -> u64 {
        self.total
    }

    /// How many lines of the log lie before the window.
    pub fn before(&self) -> u64 {
        self.earlier + self.gone as u64
    }

    /// The index of the first line in the window. Indices do not change while lines come and go.
    pub fn start(&self) -> usize {
        self.gone
    }

    /// The index after the last line.
    pub fn end(&self) -> usize {
        self.gone + self.lines.len()
    }

    /// A line by its index.
    pub fn line(&self, index: usize) -> Option<&Line> {
        self.lines.get(index.checked_sub(self.gone)?)
    }

    /// Puts the end of the log in the place of what was there.
    pub fn fill(&mut self, page: LogPage) {
        let earlier = page.lines.first().map_or(page.total, |line| line.line.saturating_sub(1));
        *self = Self {
            earlier,
            total: page.total,
            seq: page.seq,
            is_loaded: true,
            ..Self::of(self.run)
        };
        for LogEntry { at, stage, source, text, .. } in page.lines {
            self.push(at, Voice::Stage(stage, source), &text);
        }
    }

    /// Takes one event; returns whether a line came of it. An event that is known already, and
    /// one of another run, changes nothing.
    pub fn take(&mut self, event: RunEvent) -> bool {
        if event.run != self.run || event.seq <= self.seq {
            return false;
        }
        self.seq = event.seq;
        let before = self.end();
        let at = event.at;
        let remark = match event.kind {
            EventKind::Log { chunk } => {
                self.total = self.total.max(chunk.next_line().saturating_sub(1));
                for line in chunk.lines {
                    let millis = SignedDuration::from_millis(i64::from(line.0));
                    let said = at.saturating_add(millis).unwrap_or(at);
                    self.push(said, Voice::Stage(chunk.stage, line.1), &line.2);
                }
                return self.end() != before;
            }
            EventKind::Note { text } => text,
            EventKind::StageLost { stage, attempt } => {
                format!("the sandbox of {stage} was lost (attempt {attempt})")
            }
            EventKind::CancelRequested => "asked to stop".to_owned(),
            EventKind::DeadlinePassed { deadline } => {
                format!("the {} timeout passed; the stage is being stopped", deadline.name())
            }
            EventKind::PauseRequested => "asked to pause after this stage".to_owned(),
            EventKind::PauseWithdrawn => "the pause was taken back".to_owned(),
            EventKind::Approved => "a person consented".to_owned(),
            EventKind::Rejected { comment } => format!("a person refused: {comment}"),
            // The timeline tells these.
            EventKind::Created
            | EventKind::Queued { .. }
            | EventKind::StageBegun { .. }
            | EventKind::StageRunning { .. }
            | EventKind::StageEnded { .. }
            | EventKind::Waiting { .. }
            | EventKind::Ending { .. }
            | EventKind::Ended { .. } => return false,
        };
        self.push(at, Voice::Orch, &remark);
        true
    }

    fn push(&mut self, at: Timestamp, voice: Voice, text: &str) {
        let text = printable(&excerpt(text, MAX_LENGTH)).replace('\n', " ");
        self.lines.push_back(Line { at, voice, text });
        while self.lines.len() > MAX_LINES {
            self.lines.pop_front();
            self.gone += 1;
        }
    }
}

#[cfg(test)]
mod tests;
