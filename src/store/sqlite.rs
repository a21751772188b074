//! The embedded store: one SQLite file, one writer, a few readers.
//!
//! The write-ahead log lets readers go on while the writer writes; `synchronous=FULL` makes a
//! commit survive a crash of the machine. Each connection lives in a thread of its own, because
//! SQLite blocks; calls are handed over by bounded channels.

use std::fs::{self, OpenOptions};
use std::io;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use rusqlite::{Connection, OpenFlags, TransactionBehavior};
use tokio::sync::{mpsc, oneshot};

use super::{
    Cap, Claim, Collection, Document, Expired, Expiry, Fence, Imported, Lease, LogPosition,
    LogRange, Query, Store, StoreError, Taken, Transition,
};
use crate::domain::event::{EventKind, LogChunk, RunEvent};
use crate::domain::id::RunId;
use crate::domain::stage::Stage;

mod copy;
mod documents;
mod events;
mod expiry;
mod imports;
mod leases;
mod migrations;
mod runs;

pub use copy::Copied;

/// `orch` in ASCII: tells our files from those of other programs.
const APPLICATION_ID: i32 = 0x6f72_6368;
const READERS: usize = 3;
const QUEUE: usize = 256;
const BUSY: Duration = Duration::from_secs(5);

type Job = Box<dyn FnOnce(&mut Connection) + Send>;

/// The store in one file.
pub struct SqliteStore {
    path: PathBuf,
    writer: mpsc::Sender<Job>,
    readers: Vec<mpsc::Sender<Job>>,
    turn: AtomicUsize,
}

impl SqliteStore {
    /// Opens the file, or makes it, and brings it to the present form.
    ///
    /// # Errors
    /// `Corrupt` where it is no store of orch, damaged, or from a newer orch: it is left alone.
    /// `Unavailable` where the system refuses.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let mut connection = open_checked(path)?;
        migrations::apply(&mut connection)?;
        let writer = spawn(connection, "orch-store-writer")?;
        let mut readers = Vec::with_capacity(READERS);
        for _ in 0..READERS {
            readers.push(spawn(connect(path)?, "orch-store-reader")?);
        }
        Ok(Self { path: path.to_owned(), writer, readers, turn: AtomicUsize::new(0) })
    }

    async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&rusqlite::Transaction<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        run(&self.writer, move |connection| {
            let transaction = connection
                .transaction_with_behavior(TransactionBehavior::Immediate)
                .map_err(failed)?;
            let value = work(&transaction)?;
            transaction.commit().map_err(failed)?;
            Ok(value)
        })
        .await
    }

    async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&rusqlite::Transaction<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        run(&self.readers[turn % self.readers.len()], move |connection| {
            // One view for all that a call reads.
            let transaction = connection.transaction().map_err(failed)?;
            work(&transaction)
        })
        .await
    }
}

async fn run<T: Send + 'static>(
    thread: &mpsc::Sender<Job>,
    work: impl FnOnce(&mut Connection) -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    let (reply, answer) = oneshot::channel();
    let job: Job = Box::new(move |connection| {
        // A caller that went away no longer wants the answer.
        drop(reply.send(work(connection)));
    });
    thread.send(job).await.map_err(|_| gone())?;
    answer.await.map_err(|_| gone())?
}

fn gone() -> StoreError {
    StoreError::Unavailable("the store's thread has ended".into())
}

/// What an error of SQLite means to the caller.
fn failed(error: rusqlite::Error) -> StoreError {
    use rusqlite::ErrorCode;
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
            StoreError::Corrupt(error.to_string())
        }
        Some(
            ErrorCode::ReadOnly
            | ErrorCode::PermissionDenied
            | ErrorCode::CannotOpen
            | ErrorCode::AuthorizationForStatementDenied,
        ) => StoreError::Refused(error.to_string()),
        _ => StoreError::Unavailable(Box::new(error)),
    }
}

fn spawn(mut connection: Connection, name: &str) -> Result<mpsc::Sender<Job>, StoreError> {
    let (sender, mut jobs) = mpsc::channel::<Job>(QUEUE);
    std::thread::Builder::new()
        .name(name.to_owned())
        .spawn(move || {
            while let Some(job) = jobs.blocking_recv() {
                job(&mut connection);
            }
        })
        .map_err(|e| StoreError::Unavailable(Box::new(e)))?;
    Ok(sender)
}

fn connect(path: &Path) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(failed)?;
    connection.busy_timeout(BUSY).map_err(failed)?;
    connection.pragma_update(None, "synchronous", "FULL").map_err(|e| match failed(e) {
        StoreError::Corrupt(why) => not_ours(path, &why),
        other => other,
    })?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(connection)
}

/// Opens the file after looking at what it is, and before writing anything to it.
fn open_checked(path: &Path) -> Result<Connection, StoreError> {
    let io_error = |e: io::Error| StoreError::Unavailable(Box::new(e));
    let fresh = match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Ok(_) => true,
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {
            fs::metadata(path).map_err(io_error)?.len() == 0
        }
        Err(e) => return Err(io_error(e)),
    };
    let connection = connect(path)?;
    if !fresh {
        let found: i32 = connection
            .pragma_query_value(None, "application_id", |row| row.get(0))
            .map_err(|e| not_ours(path, &e.to_string()))?;
        if found != APPLICATION_ID {
            return Err(not_ours(path, "it belongs to another program"));
        }
    }
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).map_err(io_error)?;
    if fresh {
        // The first thing that is written: a crash in between must not leave a file that looks
        // like somebody else's.
        connection.pragma_update(None, "application_id", APPLICATION_ID).map_err(failed)?;
    }
    let mode: String = connection
        .pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0))
        .map_err(failed)?;
    if mode != "wal" {
        return Err(not_ours(path, "its file system has no write-ahead log"));
    }
    Ok(connection)
}

fn not_ours(path: &Path, why: &str) -> StoreError {
    StoreError::Corrupt(format!("{} is no store of orch: {why}", path.display()))
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
