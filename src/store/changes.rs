//! What is written as one: a run with what is told of it, under caps or without.

use jiff::Timestamp;

use super::document::{Document, MAX_RUN, check_size};
use super::error::StoreError;
use super::lease::Fence;
use crate::domain::event::{EventKind, OutputCursor, RunEvent};
use crate::domain::id::RunId;

/// A change of a run, and what is told of it.
#[derive(Debug, Clone)]
pub struct Transition {
    /// The run.
    pub run: RunId,
    /// What it is afterwards.
    pub document: Document,
    /// When it changed.
    pub at: Timestamp,
    /// What is told of the change.
    pub events: Vec<EventKind>,
    /// That the writer still leads.
    pub fence: Fence,
}

/// How many runs may hold a slot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cap {
    /// An indexed field of runs and its value: only runs that have it count. `None` counts all.
    pub scope: Option<(&'static str, String)>,
    /// So many.
    pub limit: u32,
}

/// The answer to a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claim {
    /// The run has its slot; the number of its last event.
    Granted(u64),
    /// Nothing was written, because the cap at this place of the list is reached.
    Full(usize),
}

/// How far the log of a run is stored, for who goes on writing it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogPosition {
    /// The number of the last line; 0 where there is none.
    pub line: u64,
    /// The checksum of the last chunk; empty where there is none.
    pub checksum: String,
    /// How far the raw output of the execution in question has been read.
    pub cursor: OutputCursor,
}

/// A piece of a run's log.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LogRange {
    /// The events whose chunks hold it.
    pub events: Vec<RunEvent>,
    /// The number of the run's last line.
    pub last_line: u64,
    /// The number of the run's last event.
    pub last_seq: u64,
}

/// What [`super::Store::expire`] removes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expiry {
    /// The events and logs of runs. The runs stay, and so do the numbers: none is given again.
    Events,
    /// Documents of a collection. With a run go its events, its envelope and its artifacts.
    Documents(super::Collection),
}

/// What one batch of an expiry did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Expired {
    /// How many documents and events are gone.
    pub removed: u64,
    /// Whether there is more of that age.
    pub more: bool,
}

/// A piece of what another store held; see [`super::Store::import`].
#[derive(Debug, Clone, PartialEq)]
pub enum Imported {
    /// A document of any version.
    Document(Document),
    /// Events of one run under their own numbers, one after the other. The first of a run may have
    /// any number, because older ones may have expired.
    Events(Vec<RunEvent>),
    /// How far the events and lines of a run were numbered; comes after all of them, and before
    /// them where all have expired.
    Head {
        /// The run.
        run: RunId,
        /// The number of its last event.
        last_seq: u64,
        /// The number of its last line.
        last_line: u64,
    },
}

/// The most bytes of one page of events, so that no reader fills the memory; one event is always
/// given.
pub(super) const PAGE: usize = 32 << 20;

/// Events as they are stored, looked at for their size.
///
/// # Errors
/// `TooLarge`; `Corrupt` where one cannot be written as JSON.
pub(super) fn encode_events(events: &[RunEvent]) -> Result<Vec<String>, StoreError> {
    let mut bodies = Vec::with_capacity(events.len());
    for event in events {
        let body = serde_json::to_string(event)
            .map_err(|e| StoreError::Corrupt(format!("an event cannot be written: {e}")))?;
        bodies.push(body);
    }
    let bytes = bodies.iter().map(String::len).sum();
    let what = || match events.first() {
        Some(event) => format!("what is told of run {}", event.run),
        None => "nothing".to_owned(),
    };
    check_size(what, bytes, MAX_RUN)?;
    Ok(bodies)
}
