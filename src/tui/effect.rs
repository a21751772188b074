//! What the application wants done, as data: tests compare lists of these.

use std::time::Duration;

use crate::domain::id::RunId;
use crate::domain::slug::TaskPath;

/// Something to do in the world.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Listen to the daemon's news, after a while; replaces the connection before.
    Connect {
        /// Which connection this will be; news of others are stale.
        generation: u64,
        /// How long to wait first.
        after: Duration,
    },
    /// Ask for everything.
    FetchAll {
        /// The connection.
        generation: u64,
    },
    /// Ask how the host is.
    FetchStats,
    /// Ask for a run that no news told of.
    FetchRun {
        /// Which.
        run: RunId,
    },
    /// Read the end of a run's log; replaces what was read and followed before.
    LoadLogTail {
        /// Which run.
        run: RunId,
        /// Which view of a log this is; answers for others are stale.
        generation: u64,
    },
    /// Follow a run's events, after a while.
    FollowRun {
        /// Which run.
        run: RunId,
        /// The last event that is known.
        seq: u64,
        /// The view.
        generation: u64,
        /// How long to wait first.
        after: Duration,
    },
    /// Make a run.
    StartRun {
        /// Of which task.
        task: TaskPath,
    },
    /// Ask something of a run.
    Ask {
        /// Which.
        run: RunId,
        /// What.
        request: Request,
    },
    /// Draw the whole screen anew.
    Redraw,
    /// Give the terminal back until the shell brings us to the front again.
    Suspend,
    /// Leave.
    Quit,
}

/// What can be asked of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Request {
    /// To stop.
    Cancel,
    /// To stop after the stage that executes.
    Pause,
    /// To go on.
    Resume,
    /// To take a person's consent.
    Approve,
}

impl Request {
    /// What is going on while there is no answer yet.
    pub const fn doing(self) -> &'static str {
        match self {
            Self::Cancel => "stopping…",
            Self::Pause => "pausing…",
            Self::Resume => "resuming…",
            Self::Approve => "approving…",
        }
    }

    /// As in "cannot stop".
    pub const fn verb(self) -> &'static str {
        match self {
            Self::Cancel => "stop",
            Self::Pause => "pause",
            Self::Resume => "resume",
            Self::Approve => "approve",
        }
    }
}
