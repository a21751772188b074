//! The readers: a few threads with a connection each, which take from one queue.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use rusqlite::{Connection, Transaction};
use tokio::sync::{mpsc, oneshot};

use super::errors::failed;
use super::file::connect;
use super::writer::{gone, panicked};
use crate::store::StoreError;

const READERS: usize = 3;
const QUEUE: usize = 256;

type Job = Box<dyn FnOnce(&mut Connection) + Send>;

/// The way to the readers.
pub(super) struct Readers {
    jobs: mpsc::Sender<Job>,
    threads: Vec<JoinHandle<()>>,
}

impl Readers {
    pub(super) fn start(path: &Path) -> Result<Self, StoreError> {
        let (jobs, waiting) = mpsc::channel::<Job>(QUEUE);
        // Whoever is free takes the next: a long read keeps nobody waiting but its caller.
        let waiting = Arc::new(Mutex::new(waiting));
        let mut threads = Vec::with_capacity(READERS);
        for _ in 0..READERS {
            let mut connection = connect(path)?;
            let waiting = Arc::clone(&waiting);
            let thread = std::thread::Builder::new()
                .name("orch-store-reader".to_owned())
                .spawn(move || {
                    while let Some(job) = next(&waiting) {
                        job(&mut connection);
                    }
                })
                .map_err(|e| StoreError::Unavailable(Box::new(e)))?;
            threads.push(thread);
        }
        Ok(Self { jobs, threads })
    }

    /// Waits until all have closed their connections.
    pub(super) async fn end(self) {
        let Self { jobs, threads } = self;
        drop(jobs);
        let ended = move || threads.into_iter().for_each(|thread| drop(thread.join()));
        // One that panicked has closed its connection too.
        drop(tokio::task::spawn_blocking(ended).await);
    }

    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (reply, answer) = oneshot::channel();
        let job: Job = Box::new(move |connection| {
            let outcome = catch_unwind(AssertUnwindSafe(|| {
                // One view for all that a call reads.
                let transaction = connection.transaction().map_err(failed)?;
                work(&transaction)
            }));
            // A caller that went away no longer wants the answer.
            drop(reply.send(outcome.unwrap_or_else(|_| panicked())));
        });
        self.jobs.send(job).await.map_err(|_| gone())?;
        answer.await.map_err(|_| gone())?
    }
}

fn next(waiting: &Mutex<mpsc::Receiver<Job>>) -> Option<Job> {
    waiting.lock().unwrap_or_else(PoisonError::into_inner).blocking_recv()
}
