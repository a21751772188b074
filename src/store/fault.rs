//! A store that fails once, at a call that is chosen: before the call reaches the store behind it,
//! or after it was done there and only its answer was lost. A caller that ends the same in both
//! cases, whichever call it is, loses nothing to a connection that breaks.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};

use super::{
    Cap, Claim, Collection, Document, Expired, Expiry, Fence, Imported, Lease, LogPosition,
    LogRange, Query, Store, StoreError, Taken, Transition,
};
use crate::domain::event::{EventKind, LogChunk, RunEvent};
use crate::domain::id::RunId;
use crate::domain::stage::Stage;

/// When a call fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// Before the store behind has heard of it: nothing happened.
    Before,
    /// After the store behind has done it: all of it happened.
    After,
}

/// Which calls count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counted {
    /// All.
    Calls,
    /// Those that change something.
    Writes,
}

/// Which call fails, and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fault {
    /// The number among those that count, from 1; 0 never comes.
    pub number: u64,
    /// Which calls count.
    pub of: Counted,
    /// When it fails.
    pub moment: Moment,
}

impl Fault {
    /// The write with this number fails.
    pub fn at_write(number: u64, moment: Moment) -> Self {
        Self { number, of: Counted::Writes, moment }
    }

    /// The call with this number fails.
    pub fn at_call(number: u64, moment: Moment) -> Self {
        Self { number, of: Counted::Calls, moment }
    }
}

/// The store that fails once, with [`StoreError::Unavailable`].
pub struct FaultyStore {
    inner: Arc<dyn Store>,
    fault: Fault,
    counted: AtomicU64,
}

impl FaultyStore {
    /// Before that store stands the fault.
    pub fn new(inner: Arc<dyn Store>, fault: Fault) -> Self {
        Self { inner, fault, counted: AtomicU64::new(0) }
    }

    /// How many calls have come so far, of those that count.
    pub fn counted(&self) -> u64 {
        self.counted.load(Ordering::SeqCst)
    }

    async fn read<T>(
        &self,
        call: impl Future<Output = Result<T, StoreError>> + Send,
    ) -> Result<T, StoreError> {
        match self.fault.of {
            Counted::Calls => self.count(call).await,
            Counted::Writes => call.await,
        }
    }

    async fn count<T>(
        &self,
        call: impl Future<Output = Result<T, StoreError>> + Send,
    ) -> Result<T, StoreError> {
        let number = self.counted.fetch_add(1, Ordering::SeqCst) + 1;
        if number != self.fault.number {
            return call.await;
        }
        match self.fault.moment {
            Moment::Before => Err(StoreError::Unavailable("it was not asked".into())),
            // An error is an answer too, and lost as well.
            Moment::After => {
                drop(call.await);
                Err(StoreError::Unavailable("its answer was lost".into()))
            }
        }
    }
}

#[async_trait]
impl Store for FaultyStore {
    async fn get(&self, collection: Collection, id: &str) -> Result<Option<Document>, StoreError> {
        self.read(self.inner.get(collection, id)).await
    }

    async fn insert(&self, document: Document) -> Result<(), StoreError> {
        self.count(self.inner.insert(document)).await
    }

    async fn replace(&self, document: Document) -> Result<(), StoreError> {
        self.count(self.inner.replace(document)).await
    }

    async fn delete(
        &self,
        collection: Collection,
        id: &str,
        version: u64,
    ) -> Result<(), StoreError> {
        self.count(self.inner.delete(collection, id, version)).await
    }

    async fn find(&self, query: Query) -> Result<Vec<Document>, StoreError> {
        self.read(self.inner.find(query)).await
    }

    async fn transition(&self, change: Transition) -> Result<u64, StoreError> {
        self.count(self.inner.transition(change)).await
    }

    async fn claim(&self, change: Transition, caps: &[Cap]) -> Result<Claim, StoreError> {
        self.count(self.inner.claim(change, caps)).await
    }

    async fn append_event(
        &self,
        run: RunId,
        at: Timestamp,
        event: EventKind,
        fence: Fence,
    ) -> Result<u64, StoreError> {
        self.count(self.inner.append_event(run, at, event, fence)).await
    }

    async fn append_chunk(
        &self,
        run: RunId,
        at: Timestamp,
        chunk: LogChunk,
        fence: Fence,
    ) -> Result<u64, StoreError> {
        self.count(self.inner.append_chunk(run, at, chunk, fence)).await
    }

    async fn log_position(
        &self,
        run: RunId,
        stage: Stage,
        attempt: u32,
    ) -> Result<LogPosition, StoreError> {
        self.read(self.inner.log_position(run, stage, attempt)).await
    }

    async fn events(
        &self,
        run: RunId,
        after: u64,
        limit: usize,
    ) -> Result<Vec<RunEvent>, StoreError> {
        self.read(self.inner.events(run, after, limit)).await
    }

    async fn log(&self, run: RunId, from: u64, limit: usize) -> Result<LogRange, StoreError> {
        self.read(self.inner.log(run, from, limit)).await
    }

    async fn take_lease(
        &self,
        holder: &str,
        now: Timestamp,
        time: SignedDuration,
    ) -> Result<Taken, StoreError> {
        self.count(self.inner.take_lease(holder, now, time)).await
    }

    async fn renew_lease(
        &self,
        lease: &Lease,
        now: Timestamp,
        time: SignedDuration,
    ) -> Result<Lease, StoreError> {
        self.count(self.inner.renew_lease(lease, now, time)).await
    }

    async fn release_lease(&self, lease: &Lease) -> Result<(), StoreError> {
        self.count(self.inner.release_lease(lease)).await
    }

    async fn expire(
        &self,
        what: Expiry,
        before: Timestamp,
        limit: usize,
    ) -> Result<Expired, StoreError> {
        self.count(self.inner.expire(what, before, limit)).await
    }

    async fn import(&self, batch: Vec<Imported>) -> Result<(), StoreError> {
        self.count(self.inner.import(batch)).await
    }
}
