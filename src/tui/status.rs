//! How the state of a run is told: always by a glyph and a word, so that nobody needs the colour.

use ratatui::style::Style;

use super::theme::Theme;
use crate::api::view::RunSummary;
use crate::domain::run::{Outcome, RunState, WaitReason};

/// What a person has to know of a state first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum StatusKind {
    /// It executes.
    Running,
    /// It waits for its turn or its time.
    Queued,
    /// It waits for a person.
    NeedsYou,
    /// A person halted it.
    Paused,
    /// It did not succeed.
    Failed,
    /// It succeeded.
    Done,
    /// It was given up by a person.
    Cancelled,
}

/// A state in a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Status {
    /// Its kind.
    pub kind: StatusKind,
    /// The word.
    pub word: &'static str,
}

impl StatusKind {
    /// The sign.
    pub const fn glyph(self) -> &'static str {
        match self {
            Self::Running => "▶",
            Self::Queued => "·",
            Self::NeedsYou => "◆",
            Self::Paused => "‖",
            Self::Failed => "✕",
            Self::Done => "✓",
            Self::Cancelled => "⊘",
        }
    }

    /// What it looks like.
    pub fn style(self, theme: &Theme) -> Style {
        match self {
            Self::Running => theme.active(),
            Self::NeedsYou => theme.signal(),
            Self::Failed => theme.danger(),
            Self::Queued | Self::Paused | Self::Done | Self::Cancelled => theme.text(),
        }
    }
}

impl Status {
    /// Where a run stands.
    pub fn of(run: &RunSummary) -> Self {
        let (kind, word) = match &run.state {
            RunState::Queued { .. } => (StatusKind::Queued, "queued"),
            RunState::Active(active) if active.stopping.is_some() => {
                (StatusKind::Running, "stopping")
            }
            RunState::Active(_) => (StatusKind::Running, "running"),
            RunState::Waiting { reason, .. } => match reason {
                WaitReason::Approval { .. } | WaitReason::Review => {
                    (StatusKind::NeedsYou, "needs you")
                }
                WaitReason::Retry { .. } => (StatusKind::Queued, "will retry"),
                WaitReason::Paused { .. } => (StatusKind::Paused, "paused"),
            },
            RunState::Ending { .. } => (StatusKind::Running, "ending"),
            RunState::Ended { outcome, .. } => match outcome {
                Outcome::Succeeded => (StatusKind::Done, "done"),
                Outcome::Failed { .. } => (StatusKind::Failed, "failed"),
                Outcome::TimedOut { .. } => (StatusKind::Failed, "timed out"),
                Outcome::Cancelled => (StatusKind::Cancelled, "cancelled"),
                Outcome::Skipped => (StatusKind::Cancelled, "skipped"),
            },
        };
        Self { kind, word }
    }

    /// Glyph and word, as in `▶ running`.
    pub fn label(self) -> String {
        format!("{} {}", self.kind.glyph(), self.word)
    }
}
