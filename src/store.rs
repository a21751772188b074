//! The record. What is not in the store did not happen.
//!
//! Documents are JSON with a schema and a version, found by id or by declared indexes; each write
//! is a compare-and-set on the version. Beside them lie the events of runs, numbered from 1
//! without a gap, and of these the log chunks, whose lines are numbered too.
//!
//! [`Store`] is one of the two seams of orch: [`sqlite`] stands behind it for one host. The trait
//! asks for no transaction over several documents except for a run and its own events, so that a
//! document database can keep it as well.

use std::fmt;

use async_trait::async_trait;
use jiff::Timestamp;

use crate::domain::event::{EventKind, LogChunk, OutputCursor, RunEvent};
use crate::domain::id::RunId;
use crate::domain::stage::Stage;

pub mod record;
pub mod sqlite;

#[cfg(test)]
mod conformance;

type Source = Box<dyn std::error::Error + Send + Sync>;

/// Why the store did not do as asked. Callers act on the variant; the source is for people.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The document is not there.
    #[error("{0} is not there")]
    NotFound(String),
    /// The id, or a value that must be unique, is taken.
    #[error("{0} is there already")]
    Exists(String),
    /// The document has another version, or the log another end, than the caller believes.
    #[error("{0} was changed by somebody else")]
    Conflict(String),
    /// The store cannot be reached, or cannot write now. The call may be repeated.
    #[error("the store does not answer")]
    Unavailable(#[source] Source),
    /// What is stored cannot be read, or is not ours. Nothing was overwritten.
    #[error("the store cannot be used: {0}")]
    Corrupt(String),
}

/// The kinds of documents.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Collection {
    /// Projects.
    Projects,
    /// Repositories.
    Repositories,
    /// Tasks.
    Tasks,
    /// Runs.
    Runs,
    /// Findings.
    Findings,
    /// The envelopes of runs, under the runs' ids.
    Envelopes,
}

/// A declared index of a collection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Index {
    /// The field.
    pub field: &'static str,
    /// Whether two documents may not have the same value; absent values are never the same.
    pub unique: bool,
}

impl Index {
    const fn unique(field: &'static str) -> Self {
        Self { field, unique: true }
    }

    const fn plain(field: &'static str) -> Self {
        Self { field, unique: false }
    }
}

impl Collection {
    /// Every collection.
    pub const ALL: [Self; 6] = [
        Self::Projects,
        Self::Repositories,
        Self::Tasks,
        Self::Runs,
        Self::Findings,
        Self::Envelopes,
    ];

    /// The name as it is stored.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Projects => "projects",
            Self::Repositories => "repositories",
            Self::Tasks => "tasks",
            Self::Runs => "runs",
            Self::Findings => "findings",
            Self::Envelopes => "envelopes",
        }
    }

    /// The fields that documents can be found by.
    pub const fn indexes(self) -> &'static [Index] {
        match self {
            Self::Projects => const { &[Index::unique("slug")] },
            Self::Repositories => {
                const { &[Index::unique("path"), Index::plain("project"), Index::plain("source")] }
            }
            Self::Tasks => const { &[Index::unique("path"), Index::plain("repository")] },
            Self::Runs => {
                const {
                    &[
                        Index::unique("idempotency_key"),
                        Index::unique("tail"),
                        Index::plain("live"),
                        Index::plain("task"),
                    ]
                }
            }
            Self::Findings => const { &[Index::unique("fingerprint"), Index::plain("open")] },
            Self::Envelopes => &[],
        }
    }
}

impl fmt::Display for Collection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A document as the store sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// Where it belongs.
    pub collection: Collection,
    /// Its id, unique in the collection; ids sort by the time that they were made.
    pub id: String,
    /// 1 when it is made, one more with each write.
    pub version: u64,
    /// The shape of the body.
    pub schema: u32,
    /// The values of the indexed fields; `None` where it has none.
    pub keys: Vec<(&'static str, Option<String>)>,
    /// The document itself, as JSON.
    pub body: String,
}

/// A condition on an indexed field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Filter {
    /// The value is this.
    Equals(&'static str, String),
    /// The value begins like this.
    StartsWith(&'static str, String),
    /// The id begins like this.
    IdStartsWith(String),
}

/// In which order documents are found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// The first made first.
    OldestFirst,
    /// The last made first.
    NewestFirst,
}

/// What to find.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    /// Where.
    pub collection: Collection,
    /// Conditions that all hold.
    pub filters: Vec<Filter>,
    /// In which order.
    pub order: Order,
    /// Only what comes after this id in that order. Stays right when documents come and go.
    pub after: Option<String>,
    /// At most so many.
    pub limit: usize,
}

impl Query {
    /// Everything of a collection, the oldest first.
    pub fn all(collection: Collection) -> Self {
        Self {
            collection,
            filters: Vec::new(),
            order: Order::OldestFirst,
            after: None,
            limit: usize::MAX,
        }
    }

    /// The same with one more condition.
    pub fn filter(mut self, filter: Filter) -> Self {
        self.filters.push(filter);
        self
    }
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

/// Where everything that must last is kept.
///
/// Every method is atomic: it happened as a whole when it returned `Ok`, and not at all when it
/// returned an error other than [`StoreError::Unavailable`]; after that one, the caller has to
/// look. What it wrote when it returned `Ok` survives a crash of the machine.
#[async_trait]
pub trait Store: Send + Sync {
    /// The document with this id, if there is one.
    async fn get(&self, collection: Collection, id: &str) -> Result<Option<Document>, StoreError>;

    /// Adds a document of version 1. `Exists` where its id or a unique value is taken.
    async fn insert(&self, document: Document) -> Result<(), StoreError>;

    /// Puts a document in the place of the one with its id and the version before its own.
    /// `NotFound` where there is none, `Conflict` where the version is another, `Exists` where a
    /// unique value is taken.
    async fn replace(&self, document: Document) -> Result<(), StoreError>;

    /// The documents that fit, in order, at most `limit`.
    async fn find(&self, query: Query) -> Result<Vec<Document>, StoreError>;

    /// Writes a run and what is told of the change, as one. With version 1 the run is added, as
    /// by `insert`; otherwise it is replaced, as by `replace`. Returns the number of the last
    /// event; the events have the numbers up to it without a gap.
    async fn transition(
        &self,
        run: RunId,
        document: Document,
        at: Timestamp,
        events: Vec<EventKind>,
    ) -> Result<u64, StoreError>;

    /// Adds one event to a run without changing it. Returns its number.
    async fn append_event(
        &self,
        run: RunId,
        at: Timestamp,
        event: EventKind,
    ) -> Result<u64, StoreError>;

    /// Adds lines to a run's log. Returns the number of the event. `Conflict` where `first_line`
    /// is not the one after the last stored line: a gap and a double are both refused.
    async fn append_chunk(
        &self,
        run: RunId,
        at: Timestamp,
        chunk: LogChunk,
    ) -> Result<u64, StoreError>;

    /// How far a run's log is stored, and the raw output of one execution of a stage.
    async fn log_position(
        &self,
        run: RunId,
        stage: Stage,
        attempt: u32,
    ) -> Result<LogPosition, StoreError>;

    /// A run's events after a number, in order, at most `limit`.
    async fn events(
        &self,
        run: RunId,
        after: u64,
        limit: usize,
    ) -> Result<Vec<RunEvent>, StoreError>;

    /// The chunks that hold a run's lines from a number on, at most `limit` lines and what their
    /// chunks hold besides; and the numbers of the run's last event and last line.
    async fn log(&self, run: RunId, from: u64, limit: usize) -> Result<LogRange, StoreError>;
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
