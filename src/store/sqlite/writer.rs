//! The one writer, in a thread of its own because SQLite blocks.
//!
//! Whoever waits is served in one transaction, each in a savepoint of its own: a job that fails
//! leaves nothing and costs the others nothing, and one sync of the disk makes all of them last.
//! Answers are given after it. What fails all, fails all: also a job that was refused may have been
//! refused because of what another of them wrote.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rusqlite::{Connection, Transaction, TransactionBehavior};
use tokio::sync::{mpsc, oneshot};

use super::errors::{Failure, failed};
use super::held::Held;
use super::log_bound::LogBound;
use crate::store::StoreError;

const QUEUE: usize = 256;
/// The most jobs of one transaction.
const BATCH: usize = 256;
/// The pages that it remembers, in KiB (so the sign says): some unique values are in no order.
const CACHE: i32 = -16_384;
/// How long a transaction takes in more: whoever waits for its end shall not wait for long.
const BATCH_TIME: Duration = Duration::from_millis(20);

/// The way to the writer.
pub(super) struct Writer {
    jobs: mpsc::Sender<Box<dyn Job>>,
    thread: JoinHandle<()>,
}

trait Job: Send {
    /// Does the work. What it wrote stays only where it returns nothing.
    fn run(&mut self, tx: &Transaction<'_>) -> Option<Failure>;
    /// Tells the caller how it went.
    fn answer(self: Box<Self>, committed: Result<(), Failure>);
}

struct Write<T, F> {
    work: Option<F>,
    outcome: Option<Result<T, StoreError>>,
    reply: oneshot::Sender<Result<T, StoreError>>,
}

impl<T, F> Job for Write<T, F>
where
    T: Send,
    F: FnOnce(&Transaction<'_>) -> Result<T, StoreError> + Send,
{
    fn run(&mut self, tx: &Transaction<'_>) -> Option<Failure> {
        let work = self.work.take()?;
        let outcome = catch_unwind(AssertUnwindSafe(|| work(tx))).unwrap_or_else(|_| panicked());
        let failure = outcome.as_ref().err().map(Failure::of);
        self.outcome = Some(outcome);
        failure
    }

    fn answer(self: Box<Self>, committed: Result<(), Failure>) {
        let outcome = match (committed, self.outcome) {
            (Ok(()), Some(outcome)) => outcome,
            (Ok(()), None) => Err(gone()),
            (Err(failure), _) => Err(failure.into()),
        };
        // A caller that went away no longer wants the answer.
        drop(self.reply.send(outcome));
    }
}

impl Writer {
    pub(super) fn start(
        connection: Connection,
        bound: LogBound,
        held: Held,
    ) -> Result<Self, StoreError> {
        // What savepoints keep for a moment is as large as a transaction, and needs no disk.
        connection.pragma_update(None, "temp_store", "MEMORY").map_err(failed)?;
        connection.pragma_update(None, "cache_size", CACHE).map_err(failed)?;
        let (jobs, waiting) = mpsc::channel(QUEUE);
        let thread = std::thread::Builder::new()
            .name("orch-store-writer".to_owned())
            .spawn(move || serve(connection, waiting, bound, held))
            .map_err(|e| StoreError::Unavailable(Box::new(e)))?;
        Ok(Self { jobs, thread })
    }

    /// Waits until it has closed its connection.
    pub(super) async fn end(self) {
        let Self { jobs, thread } = self;
        drop(jobs);
        // One that panicked has closed its connection too.
        drop(tokio::task::spawn_blocking(move || drop(thread.join())).await);
    }

    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (reply, answer) = oneshot::channel();
        let job = Write { work: Some(work), outcome: None, reply };
        self.jobs.send(Box::new(job)).await.map_err(|_| gone())?;
        answer.await.map_err(|_| gone())?
    }
}

/// What a caller is told whose job panicked; the panic itself is in the daemon's log.
pub(super) fn panicked<T>() -> Result<T, StoreError> {
    Err(StoreError::Unavailable("orch made a mistake in the store, and wrote nothing".into()))
}

pub(super) fn gone() -> StoreError {
    StoreError::Unavailable("the store's thread has ended".into())
}

fn serve(
    mut connection: Connection,
    mut waiting: mpsc::Receiver<Box<dyn Job>>,
    mut bound: LogBound,
    mut held: Held,
) {
    while let Some(first) = waiting.blocking_recv() {
        let mut batch = vec![first];
        let committed =
            held.check(&connection).and_then(|()| write(&mut connection, &mut batch, &mut waiting));
        for job in batch {
            job.answer(committed.clone());
        }
        bound.hold(&connection);
    }
}

/// Runs the first job and those that wait by now, and commits.
fn write(
    connection: &mut Connection,
    batch: &mut Vec<Box<dyn Job>>,
    waiting: &mut mpsc::Receiver<Box<dyn Job>>,
) -> Result<(), Failure> {
    let begun = connection.transaction_with_behavior(TransactionBehavior::Immediate);
    let tx = match begun {
        Ok(tx) => tx,
        Err(error) => {
            // They waited as long as the first, and would each wait that long again.
            while let Ok(job) = waiting.try_recv() {
                batch.push(job);
            }
            return Err(Failure::from(&error));
        }
    };
    let start = Instant::now();
    let mut next = 0;
    while let Some(job) = batch.get_mut(next) {
        run(&tx, job.as_mut())?;
        next += 1;
        if next < BATCH
            && start.elapsed() < BATCH_TIME
            && let Ok(job) = waiting.try_recv()
        {
            batch.push(job);
        }
    }
    tx.commit().map_err(|error| Failure::from(&error))
}

fn run(tx: &Transaction<'_>, job: &mut dyn Job) -> Result<(), Failure> {
    let execute = |sql: &str| {
        let done = tx.prepare_cached(sql).and_then(|mut statement| statement.execute([]));
        done.map(drop).map_err(|error| Failure::from(&error))
    };
    execute("SAVEPOINT job")?;
    let failure = job.run(tx);
    // After some errors, as that of a full disk, SQLite gives up the transaction by itself.
    if tx.is_autocommit() {
        return Err(failure
            .unwrap_or_else(|| Failure::Unavailable("the transaction was given up".to_owned())));
    }
    if failure.is_some() {
        execute("ROLLBACK TO job")?;
    }
    execute("RELEASE job")
}
