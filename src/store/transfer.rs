//! A store as a stream of pieces: out of one, through a file or directly, into another. Pure over
//! [`Store`](super::Store), so that every back end can be read into every other.
//!
//! The order is the same for all: the collections as [`super::Collection::ALL`] has them, documents by
//! their ids, and behind each run its events and its numbers. The checksum is of this content, not
//! of the bytes of a file: two stores that hold the same have the same, whatever keeps them,
//! however large the pages were, and whenever it is computed. Leases are no content: a lead is
//! not handed on.
//!
//! The pages are bounded in number and adapt to the size of what they hold, so that a store of
//! many gigabytes passes through a few megabytes of memory.

use std::io;

use super::{Document, Imported};
use crate::domain::event::RunEvent;
use crate::domain::id::RunId;

mod content;
mod export;
mod line;
mod load;
mod reader;
mod writer;

pub use content::{Content, Summary};
pub use export::{Export, summary};
pub use line::{FORMAT, Head, MARK};
pub use load::{Loader, is_known, occupied};
pub use reader::Reader;
pub use writer::Writer;

/// A piece of a store's content.
#[derive(Debug, Clone, PartialEq)]
pub enum Piece {
    /// A document.
    Document(Document),
    /// Some events of one run, one after the other, and each as the text that is stored.
    Events {
        /// The events; never none.
        events: Vec<RunEvent>,
        /// Their texts.
        bodies: Vec<String>,
    },
    /// How far a run is numbered; behind its events.
    Numbers {
        /// The run.
        run: RunId,
        /// The number of its last event.
        last_seq: u64,
        /// The number of its last line.
        last_line: u64,
        /// The number up to which its events have expired.
        expired: u64,
    },
}

impl Piece {
    /// About how much memory it takes.
    pub fn bytes(&self) -> usize {
        match self {
            Self::Document(document) => document.body.len(),
            Self::Events { bodies, .. } => bodies.iter().map(String::len).sum(),
            Self::Numbers { .. } => 0,
        }
    }

    /// How many documents and events it has.
    pub fn count(&self) -> u64 {
        match self {
            Self::Document(_) => 1,
            Self::Events { events, .. } => events.len() as u64,
            Self::Numbers { .. } => 0,
        }
    }

    fn into_imported(self) -> Imported {
        match self {
            Self::Document(document) => Imported::Document(document),
            Self::Events { events, .. } => Imported::Events(events),
            Self::Numbers { run, last_seq, last_line, expired: _ } => {
                Imported::Head { run, last_seq, last_line }
            }
        }
    }
}

/// Why a file cannot be taken for a backup. Nothing was written because of it.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// It begins with something else.
    #[error("it is no backup of orch")]
    Foreign,
    /// A newer orch wrote it.
    #[error("orch {version} wrote it in format {format}, and this orch reads up to {FORMAT}")]
    Newer {
        /// The orch that wrote it.
        version: String,
        /// Its format.
        format: u64,
    },
    /// It is whole, and holds something that would be lost here.
    #[error("line {line} holds {what}, which this orch does not know in full")]
    Unknown {
        /// Where.
        line: u64,
        /// What.
        what: String,
    },
    /// It is not what was written.
    #[error("line {line} is damaged: {what}")]
    Damaged {
        /// Where.
        line: u64,
        /// What is wrong.
        what: String,
    },
    /// Its end is missing.
    #[error("it is cut off after line {line}")]
    CutOff {
        /// The last whole line.
        line: u64,
    },
    /// The system does not let us read it.
    #[error("it cannot be read")]
    Read(#[source] io::Error),
}

#[cfg(test)]
mod tests;
