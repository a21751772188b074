//! The store in a MongoDB database, or in one that speaks its protocol.
//!
//! **No transactions over several documents**, so that standalone servers and compatible ones
//! serve as well. What must be one is one document: a run holds its *head* (the numbers of its
//! last event and line, and up to which events are hidden) and its *outbox* (the events of its
//! last write). A transition is one compare-and-set on it; the events are copied to `run_events`
//! afterwards, under ids that make a second copy harmless, by the writer, or else by the next one
//! before it replaces the outbox. Readers take the head first and the outbox where `run_events`
//! does not have it yet, so that nobody sees half of a step. See [`runs`] and [`events`].
//!
//! Runs of version 0 are no runs: what is about to be made (see [`runs`]), and what is being
//! removed (see [`expiry`]). Caps are kept by [`slots`], the lead by [`leases`].
//!
//! **Every write** waits for a majority and its journal, and every read asks the primary for what
//! a majority has, whatever the address says: less would lose what was acknowledged.
//!
//! **No index lets documents expire by themselves.** The server would remove a run without its
//! events, or events that a reader is about to be given, and a document that expired by the clock
//! of one store would still be there in the other. Expiry is asked for, and hides before it
//! removes; the leases' and reservations' times are compared by those who use them.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use mongodb::Database;
use mongodb::bson::Document as Bsond;
use tokio::sync::Semaphore;

use self::attempts::within;
use super::{
    Cap, Claim, Collection, Document, Expired, Expiry, Fence, Imported, Lease, LogPosition,
    LogRange, Query, Store, StoreError, Taken, Transition,
};
use crate::domain::address::MongoUrl;
use crate::domain::event::{EventKind, LogChunk, RunEvent};
use crate::domain::id::RunId;
use crate::domain::stage::Stage;

mod attempts;
mod documents;
mod errors;
mod events;
mod expiry;
mod filling;
mod heads;
mod imports;
mod indexes;
mod leases;
mod opening;
mod outbox;
mod runs;
mod slots;

const RUN_EVENTS: &str = "run_events";
const LEASE: &str = "lease";
const SLOTS: &str = "slots";
const META: &str = "meta";

/// So many runs are remembered; who is forgotten costs one more write.
const REMEMBERED: usize = 4096;

/// The store in a database.
pub struct MongoStore {
    database: Database,
    /// Up to which number this process knows the events of runs to be copied. A hint that saves
    /// work, and never the reason to believe that something is stored.
    copied: Mutex<HashMap<RunId, i64>>,
    /// A queue for those who reserve a slot: one document decides, so that of many who try at once
    /// the unlucky would try for ever. It spares them that within one process, and proves nothing.
    reserving: Semaphore,
    /// Whether it is here to fill a database; see [`filling`].
    fills: bool,
}

impl MongoStore {
    /// Opens the database, or makes it.
    ///
    /// # Errors
    /// `Corrupt` where the database belongs to something else or to a newer orch, or where an index
    /// is missing: it is left alone. `Refused` where the server does not let us in, `Unavailable`
    /// where it does not answer.
    pub async fn open(url: &MongoUrl) -> Result<Self, StoreError> {
        within(async {
            let store = opening::open(url).await?;
            filling::is_whole(&store).await?;
            Ok(store)
        })
        .await
    }

    fn of(&self, collection: Collection) -> mongodb::Collection<Bsond> {
        self.named(collection.name())
    }

    fn named(&self, name: &str) -> mongodb::Collection<Bsond> {
        self.database.collection(name)
    }

    fn named_as<T: Send + Sync>(&self, name: &str) -> mongodb::Collection<T> {
        self.database.collection(name)
    }

    fn is_copied(&self, run: RunId, seq: i64) -> bool {
        let copied = self.copied.lock().unwrap_or_else(PoisonError::into_inner);
        copied.get(&run) == Some(&seq)
    }

    fn remember_copied(&self, run: RunId, seq: i64) {
        let mut copied = self.copied.lock().unwrap_or_else(PoisonError::into_inner);
        if copied.len() >= REMEMBERED {
            copied.clear();
        }
        copied.insert(run, seq);
    }
}

/// MongoDB's integers end at 2^63; no count of ours comes near.
fn to_integer(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

#[async_trait]
impl Store for MongoStore {
    async fn get(&self, collection: Collection, id: &str) -> Result<Option<Document>, StoreError> {
        within(documents::get(self, collection, id)).await
    }

    async fn insert(&self, document: Document) -> Result<(), StoreError> {
        document.is_not_a_run()?;
        within(documents::insert(self, &document)).await
    }

    async fn replace(&self, document: Document) -> Result<(), StoreError> {
        document.is_not_a_run()?;
        within(documents::replace(self, &document)).await
    }

    async fn delete(
        &self,
        collection: Collection,
        id: &str,
        version: u64,
    ) -> Result<(), StoreError> {
        collection.is_not_runs()?;
        within(documents::delete(self, collection, id, version)).await
    }

    async fn find(&self, query: Query) -> Result<Vec<Document>, StoreError> {
        within(documents::find(self, &query)).await
    }

    async fn transition(&self, change: Transition) -> Result<u64, StoreError> {
        within(runs::transition(self, &change)).await
    }

    async fn claim(&self, change: Transition, caps: &[Cap]) -> Result<Claim, StoreError> {
        within(slots::claim(self, &change, caps)).await
    }

    async fn append_event(
        &self,
        run: RunId,
        at: Timestamp,
        event: EventKind,
        fence: Fence,
    ) -> Result<u64, StoreError> {
        within(runs::append(self, run, at, event, fence)).await
    }

    async fn append_chunk(
        &self,
        run: RunId,
        at: Timestamp,
        chunk: LogChunk,
        fence: Fence,
    ) -> Result<u64, StoreError> {
        within(runs::append(self, run, at, EventKind::Log { chunk }, fence)).await
    }

    async fn log_position(
        &self,
        run: RunId,
        stage: Stage,
        attempt: u32,
    ) -> Result<LogPosition, StoreError> {
        within(events::log_position(self, run, stage, attempt)).await
    }

    async fn events(
        &self,
        run: RunId,
        after: u64,
        limit: usize,
    ) -> Result<Vec<RunEvent>, StoreError> {
        within(events::after(self, run, after, limit)).await
    }

    async fn log(&self, run: RunId, from: u64, limit: usize) -> Result<LogRange, StoreError> {
        within(events::log(self, run, from, limit)).await
    }

    async fn take_lease(
        &self,
        holder: &str,
        now: Timestamp,
        time: SignedDuration,
    ) -> Result<Taken, StoreError> {
        within(async {
            // Somebody may have begun to fill it since it was opened.
            if !self.fills {
                filling::is_whole(self).await?;
            }
            leases::take(self, holder, now, time).await
        })
        .await
    }

    async fn renew_lease(
        &self,
        lease: &Lease,
        now: Timestamp,
        time: SignedDuration,
    ) -> Result<Lease, StoreError> {
        within(leases::renew(self, lease, now, time)).await
    }

    async fn release_lease(&self, lease: &Lease) -> Result<(), StoreError> {
        within(leases::release(self, lease)).await
    }

    async fn expire(
        &self,
        what: Expiry,
        before: Timestamp,
        limit: usize,
    ) -> Result<Expired, StoreError> {
        within(expiry::expire(self, what, before, limit)).await
    }

    async fn import(&self, batch: Vec<Imported>) -> Result<(), StoreError> {
        imports::import(self, batch).await
    }
}

#[cfg(test)]
mod tests;
