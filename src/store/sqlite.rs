//! The embedded store: one SQLite file, one writer, a few readers.
//!
//! The write-ahead log lets readers go on while the writer writes; `synchronous=FULL` makes a
//! commit survive a crash of the machine. Each connection lives in a thread of its own, because
//! SQLite blocks; calls are handed over by bounded channels. Besides the trait there are
//! [`SqliteStore::copy_to`] and [`SqliteStore::verify`].

use std::path::{Path, PathBuf};

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use rusqlite::Transaction;

use self::held::Held;
use self::log_bound::LogBound;
use self::readers::Readers;
use self::writer::Writer;
use super::{
    Cap, Claim, Collection, Document, Expired, Expiry, Fence, Imported, Lease, LogPosition,
    LogRange, Query, Store, StoreError, Taken, Transition,
};
use crate::domain::event::{EventKind, LogChunk, RunEvent};
use crate::domain::id::RunId;
use crate::domain::stage::Stage;

mod check;
mod copy;
mod documents;
mod errors;
mod events;
mod expiry;
mod file;
mod held;
mod imports;
mod leases;
mod log_bound;
mod migrations;
mod readers;
mod runs;
mod writer;

pub use copy::Copied;

/// The store in one file.
pub struct SqliteStore {
    path: PathBuf,
    writer: Writer,
    readers: Readers,
}

impl SqliteStore {
    /// Opens the file, or makes it, and brings it to the present form.
    ///
    /// # Errors
    /// `Corrupt` where it is no store of orch, damaged, or from a newer orch: it is left alone.
    /// `Refused` where it cannot be written, `Unavailable` where the disk is full or another
    /// process keeps it locked.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let (connection, path) = file::open(path)?;
        let bound = LogBound::new(&path, &connection)?;
        let readers = Readers::start(&path)?;
        let writer = Writer::start(connection, bound, Held::new(&path))?;
        Ok(Self { path, writer, readers })
    }

    /// Closes the file. Afterwards it has no companions, unless somebody else has it open.
    pub async fn close(self) {
        let Self { path: _, writer, readers } = self;
        // One connection has to be the last: of two that close at once neither takes itself for it,
        // and the write-ahead log would stay.
        readers.end().await;
        writer.end().await;
    }

    async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.writer.run(work).await
    }

    async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.readers.run(work).await
    }
}

#[async_trait]
impl Store for SqliteStore {
    async fn get(&self, collection: Collection, id: &str) -> Result<Option<Document>, StoreError> {
        let id = id.to_owned();
        self.read(move |tx| documents::get(tx, collection, &id)).await
    }

    async fn insert(&self, document: Document) -> Result<(), StoreError> {
        document.is_not_a_run()?;
        self.write(move |tx| documents::insert(tx, &document)).await
    }

    async fn replace(&self, document: Document) -> Result<(), StoreError> {
        document.is_not_a_run()?;
        self.write(move |tx| documents::replace(tx, &document)).await
    }

    async fn delete(
        &self,
        collection: Collection,
        id: &str,
        version: u64,
    ) -> Result<(), StoreError> {
        collection.is_not_runs()?;
        let id = id.to_owned();
        self.write(move |tx| documents::delete(tx, collection, &id, version)).await
    }

    async fn find(&self, query: Query) -> Result<Vec<Document>, StoreError> {
        self.read(move |tx| documents::find(tx, &query)).await
    }

    async fn transition(&self, change: Transition) -> Result<u64, StoreError> {
        self.write(move |tx| runs::transition(tx, change)).await
    }

    async fn claim(&self, change: Transition, caps: &[Cap]) -> Result<Claim, StoreError> {
        let caps = caps.to_vec();
        self.write(move |tx| runs::claim(tx, change, &caps)).await
    }

    async fn append_event(
        &self,
        run: RunId,
        at: Timestamp,
        event: EventKind,
        fence: Fence,
    ) -> Result<u64, StoreError> {
        self.write(move |tx| runs::append_event(tx, run, at, event, fence)).await
    }

    async fn append_chunk(
        &self,
        run: RunId,
        at: Timestamp,
        chunk: LogChunk,
        fence: Fence,
    ) -> Result<u64, StoreError> {
        self.write(move |tx| runs::append_chunk(tx, run, at, chunk, fence)).await
    }

    async fn log_position(
        &self,
        run: RunId,
        stage: Stage,
        attempt: u32,
    ) -> Result<LogPosition, StoreError> {
        self.read(move |tx| events::log_position(tx, run, stage, attempt)).await
    }

    async fn events(
        &self,
        run: RunId,
        after: u64,
        limit: usize,
    ) -> Result<Vec<RunEvent>, StoreError> {
        self.read(move |tx| events::after(tx, run, after, limit)).await
    }

    async fn log(&self, run: RunId, from: u64, limit: usize) -> Result<LogRange, StoreError> {
        self.read(move |tx| events::log(tx, run, from, limit)).await
    }

    async fn take_lease(
        &self,
        holder: &str,
        now: Timestamp,
        time: SignedDuration,
    ) -> Result<Taken, StoreError> {
        let holder = holder.to_owned();
        self.write(move |tx| leases::take(tx, &holder, now, time)).await
    }

    async fn renew_lease(
        &self,
        lease: &Lease,
        now: Timestamp,
        time: SignedDuration,
    ) -> Result<Lease, StoreError> {
        let lease = lease.clone();
        self.write(move |tx| leases::renew(tx, &lease, now, time)).await
    }

    async fn release_lease(&self, lease: &Lease) -> Result<(), StoreError> {
        let lease = lease.clone();
        self.write(move |tx| leases::release(tx, &lease)).await
    }

    async fn expire(
        &self,
        what: Expiry,
        before: Timestamp,
        limit: usize,
    ) -> Result<Expired, StoreError> {
        self.write(move |tx| expiry::expire(tx, what, before, limit)).await
    }

    async fn import(&self, batch: Vec<Imported>) -> Result<(), StoreError> {
        self.write(move |tx| imports::import(tx, batch)).await
    }
}

#[cfg(test)]
mod tests;
