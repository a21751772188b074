//! What happens to the application: keys, the clock, and what comes back from effects.

use crossterm::event::{KeyEvent, MouseEvent};
use ratatui::layout::Size;

use super::effect::Request;
use super::model::Snapshot;
use crate::api::client::ClientError;
use crate::api::notice::Notice;
use crate::api::view::{LogPage, RunSummary, Stats};
use crate::domain::event::RunEvent;
use crate::domain::id::RunId;
use crate::domain::slug::TaskPath;

/// One thing that happened.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// A key.
    Key(KeyEvent),
    /// A button or the wheel.
    Mouse(MouseEvent),
    /// The screen has another size.
    Resize(Size),
    /// We are back from the shell.
    Resumed,
    /// A second passed while something runs.
    Second,
    /// Something came from the daemon.
    Reply(Reply),
}

/// What comes from the daemon.
#[derive(Debug, Clone, PartialEq)]
pub enum Reply {
    /// It is there; its news will come.
    Connected {
        /// The connection.
        generation: u64,
    },
    /// It is gone.
    Disconnected {
        /// The connection.
        generation: u64,
        /// Why.
        trouble: Trouble,
    },
    /// Everything.
    Everything {
        /// The connection.
        generation: u64,
        /// What it said.
        result: Result<Box<Snapshot>, Trouble>,
    },
    /// One change.
    Notice {
        /// The connection.
        generation: u64,
        /// The change.
        notice: Notice,
    },
    /// How the host is. A failure is not told: the connection will tell it.
    Stats(Stats),
    /// A run that was asked for.
    Run {
        /// Which.
        run: RunId,
        /// What it said.
        result: Result<Box<RunSummary>, Trouble>,
    },
    /// The end of a log.
    LogTail {
        /// The view.
        generation: u64,
        /// What it said.
        result: Result<LogPage, Trouble>,
    },
    /// Something happened in the run that is followed.
    RunEvent {
        /// The view.
        generation: u64,
        /// What.
        event: Box<RunEvent>,
    },
    /// The run that was followed is over, or the stream broke.
    FollowEnded {
        /// The view.
        generation: u64,
        /// Why, if it broke.
        trouble: Option<Trouble>,
    },
    /// A run was made, or refused.
    Started {
        /// Of which task.
        task: TaskPath,
        /// What it said.
        result: Result<Box<RunSummary>, Trouble>,
    },
    /// A run was asked for something.
    Asked {
        /// Which.
        run: RunId,
        /// For what.
        request: Request,
        /// What it said.
        result: Result<Box<RunSummary>, Trouble>,
    },
}

/// Why something could not be had or done, for a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// What and why, in one line.
    pub what: String,
    /// What to do.
    pub hint: Option<String>,
    /// Whether the daemon is gone, as against having said no.
    pub is_away: bool,
}

impl From<&ClientError> for Trouble {
    fn from(error: &ClientError) -> Self {
        let (what, hint) = match error {
            ClientError::Unreachable(problem) => {
                (format!("{error}: {problem}"), Some(problem.hint().to_owned()))
            }
            ClientError::Refused(problem) => (problem.detail.clone(), {
                let hints = problem.hints.join("; ");
                (!hints.is_empty()).then_some(hints)
            }),
            ClientError::Broken(_) => (error.to_string(), None),
        };
        Self { what, hint, is_away: error.is_away() }
    }
}
