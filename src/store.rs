//! The record. What is not in the store did not happen.
//!
//! Documents are JSON with a schema and a version, found by id or by declared indexes; each write
//! is a compare-and-set on the version. Beside them lie the events of runs, numbered from 1
//! without a gap, and of these the log chunks, whose lines are numbered too.
//!
//! [`Store`] is one of the two seams of orch. Two databases stand behind it: [`sqlite`] for one
//! host, without any set-up, and `mongo` for servers and for several daemons. The trait asks
//! for no transaction over several documents except for a run and its own events, so that a
//! document database without transactions can keep it as well. `tests/it/store` is the one suite
//! that both pass.

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};

use crate::domain::event::{EventKind, LogChunk, RunEvent};
use crate::domain::id::RunId;
use crate::domain::stage::Stage;

mod changes;
mod collection;
mod document;
mod error;
pub mod fault;
mod lease;
#[cfg(feature = "mongo")]
pub mod mongo;
mod opening;
pub mod record;
pub mod sqlite;
pub mod transfer;

pub use changes::{Cap, Claim, Expired, Expiry, Imported, LogPosition, LogRange, Transition};
pub use collection::{AGE, Collection, Index, instant};
pub use document::{Document, Filter, MAX_BODY, MAX_RUN, Order, Query};
pub use error::{Source, StoreError};
pub use lease::{Fence, Lease, Taken};
pub use opening::{Filling, open};

/// Where everything that must last is kept.
///
/// **Atomicity.** Every method happened as a whole when it returned `Ok`, and not at all when it
/// returned an error other than [`StoreError::Unavailable`]; after that one the caller has to look,
/// because the answer may have been lost on the way. [`Store::import`] and [`Store::expire`] say
/// for themselves what a whole is. A read never sees half of a write.
///
/// **Durability.** What a method wrote when it returned `Ok` survives a crash of the machine.
///
/// **Order.** A read that begins after a write returned sees it, from every daemon.
///
/// **Errors.** Besides those that a method names, any may return `Unavailable`, `Refused` and
/// `Corrupt`, and those that write `TooLarge`, before anything was sent.
///
/// **Fences.** Methods that change a run take a [`Fence`] and return `Fenced`, having written
/// nothing, where a later lease than the writer's was taken.
#[async_trait]
pub trait Store: Send + Sync {
    /// The document with this id, if there is one.
    async fn get(&self, collection: Collection, id: &str) -> Result<Option<Document>, StoreError>;

    /// Adds a document of version 1, not a run. `Exists` where its id or a unique value is taken.
    async fn insert(&self, document: Document) -> Result<(), StoreError>;

    /// Puts a document, not a run, in the place of the one with its id and the version before its
    /// own. `NotFound` where there is none, `Conflict` where the version is another, `Exists` where
    /// a unique value is taken.
    async fn replace(&self, document: Document) -> Result<(), StoreError>;

    /// Removes a document, not a run, that has this version. `NotFound` where there is none,
    /// `Conflict` where the version is another.
    async fn delete(
        &self,
        collection: Collection,
        id: &str,
        version: u64,
    ) -> Result<(), StoreError>;

    /// The documents that fit, in order, at most `limit`. The fields of the filters are declared
    /// indexes of the collection.
    async fn find(&self, query: Query) -> Result<Vec<Document>, StoreError>;

    /// Writes a run and what is told of the change, as one. With version 1 the run is added, and
    /// it is `Exists` where its id, its idempotency key or its tail is taken; otherwise it is
    /// replaced, with the errors of `replace`. Returns the number of the run's last event; the
    /// events have the numbers up to it without a gap.
    async fn transition(&self, change: Transition) -> Result<u64, StoreError>;

    /// A transition to a run that holds a slot (its field `slot` has a value), which happens only
    /// where each cap leaves room beside all other runs that hold one. However many claim at once,
    /// from however many daemons: no cap is exceeded, and a run is claimed by one. A run that holds
    /// a slot already counts once. Errors as `transition`.
    async fn claim(&self, change: Transition, caps: &[Cap]) -> Result<Claim, StoreError>;

    /// Adds one event to a run without changing it. Returns its number. `NotFound` where there is
    /// no such run.
    async fn append_event(
        &self,
        run: RunId,
        at: Timestamp,
        event: EventKind,
        fence: Fence,
    ) -> Result<u64, StoreError>;

    /// Adds lines to a run's log. Returns the number of the event. `NotFound` where there is no
    /// such run; `Conflict` where `first_line` is not the one after the last stored line, so that
    /// a gap and a double are both refused. A chunk without lines is `Conflict` too.
    async fn append_chunk(
        &self,
        run: RunId,
        at: Timestamp,
        chunk: LogChunk,
        fence: Fence,
    ) -> Result<u64, StoreError>;

    /// How far a run's log is stored, and the raw output of one execution of a stage. All zero
    /// where there is no such run.
    async fn log_position(
        &self,
        run: RunId,
        stage: Stage,
        attempt: u32,
    ) -> Result<LogPosition, StoreError>;

    /// A run's events after a number, in order, at most `limit`, and fewer where they are large:
    /// only an empty answer is the end. Those that expired are left out; between two that are there
    /// none is missing.
    async fn events(
        &self,
        run: RunId,
        after: u64,
        limit: usize,
    ) -> Result<Vec<RunEvent>, StoreError>;

    /// The chunks that hold a run's lines from a number on, at most `limit` lines and what their
    /// chunks hold besides, and fewer where they are large; and the numbers of the run's last event
    /// and last line.
    async fn log(&self, run: RunId, from: u64, limit: usize) -> Result<LogRange, StoreError>;

    /// Takes the lead for `time` where nobody has it, where its time is over at `now`, or where
    /// `holder` itself has it: with a token above all before. From then on every write that shows
    /// an older token is `Fenced`.
    async fn take_lease(
        &self,
        holder: &str,
        now: Timestamp,
        time: SignedDuration,
    ) -> Result<Taken, StoreError>;

    /// Keeps the lead for `time` from `now`, also where its time was over and nobody took it since.
    /// `Fenced` where somebody did, or where it was given back.
    async fn renew_lease(
        &self,
        lease: &Lease,
        now: Timestamp,
        time: SignedDuration,
    ) -> Result<Lease, StoreError>;

    /// Gives the lead back, so that nobody has to wait for its end. `Ok` also where it is somebody
    /// else's by now.
    async fn release_lease(&self, lease: &Lease) -> Result<(), StoreError>;

    /// Removes what is older than `before`: at most about `limit` documents and events in one call,
    /// so that no call keeps others waiting. What belongs together disappears for readers as one,
    /// before the first piece of it is removed; an interrupted call is gone on with by the next.
    async fn expire(
        &self,
        what: Expiry,
        before: Timestamp,
        limit: usize,
    ) -> Result<Expired, StoreError>;

    /// Adds what another store held, into a store that nobody else uses; a run comes before its
    /// events. A batch is a whole only in an embedded store: who is interrupted begins again with
    /// an empty one. `Exists` where something is there already, `Conflict` where numbers do not
    /// follow, `NotFound` where events have no run.
    async fn import(&self, batch: Vec<Imported>) -> Result<(), StoreError>;
}
