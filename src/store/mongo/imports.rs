//! Taking over what another store held: documents many at a time, events before the head that
//! makes them visible.

use mongodb::bson::{Document as Bsond, doc};

use super::attempts::{repeat, within};
use super::errors::{Failed, duplicates, failed};
use super::heads::{self, Head};
use super::{MongoStore, RUN_EVENTS, documents, outbox, to_integer};
use crate::domain::event::RunEvent;
use crate::domain::id::RunId;
use crate::store::changes::encode_events;
use crate::store::{Collection, Document, Imported, StoreError};

/// What is sent at once: few calls, and none that keeps the server long.
const BATCH_BYTES: usize = 4 << 20;
const BATCH: usize = 200;

pub(super) async fn import(store: &MongoStore, batch: Vec<Imported>) -> Result<(), StoreError> {
    let mut pending = Pending::default();
    for piece in batch {
        match piece {
            Imported::Document(document) => pending.push(store, &document).await?,
            Imported::Events(numbered) => {
                pending.flush(store).await?;
                within(follow(store, &numbered)).await?;
            }
            Imported::Head { run, last_seq, last_line } => {
                pending.flush(store).await?;
                let (seq, line) = (to_integer(last_seq), to_integer(last_line));
                within(end(store, run, seq, line)).await?;
            }
        }
    }
    pending.flush(store).await
}

/// Documents of one collection that go together.
#[derive(Default)]
struct Pending {
    collection: Option<Collection>,
    stored: Vec<Bsond>,
    bytes: usize,
}

impl Pending {
    async fn push(&mut self, store: &MongoStore, document: &Document) -> Result<(), StoreError> {
        let mut stored = documents::encode(document)?;
        if document.collection == Collection::Runs {
            stored.extend(heads::beginning());
        }
        let bytes = document.body.len();
        let is_full = self.stored.len() == BATCH || self.bytes + bytes > BATCH_BYTES;
        if is_full || self.collection != Some(document.collection) {
            self.flush(store).await?;
        }
        self.collection = Some(document.collection);
        self.bytes += bytes;
        self.stored.push(stored);
        Ok(())
    }

    async fn flush(&mut self, store: &MongoStore) -> Result<(), StoreError> {
        let stored = std::mem::take(&mut self.stored);
        self.bytes = 0;
        match self.collection {
            Some(collection) => within(insert(store, collection.name(), &stored)).await,
            None => Ok(()),
        }
    }
}

/// Nobody else uses the store: an answer that was lost is not looked for, because who imports
/// begins again with an empty one.
async fn insert(store: &MongoStore, name: &str, stored: &[Bsond]) -> Result<(), StoreError> {
    if stored.is_empty() {
        return Ok(());
    }
    let Err(error) = store.named(name).insert_many(stored).await else { return Ok(()) };
    let place = duplicates(&error).and_then(|places| places.first().copied());
    let taken = place.and_then(|place| documents::text(stored.get(place)?, "_id"));
    Err(match (taken, failed(error)) {
        (Some(id), _) => StoreError::Exists(format!("{name}/{id}")),
        (None, error) => error.into_error(),
    })
}

async fn head(store: &MongoStore, run: RunId) -> Result<Head, StoreError> {
    let head = heads::read(store, run).await?.filter(Head::is_run);
    head.ok_or_else(|| StoreError::NotFound(format!("runs/{run}")))
}

async fn follow(store: &MongoStore, numbered: &[RunEvent]) -> Result<(), StoreError> {
    let Some(first) = numbered.first() else { return Ok(()) };
    let run = first.run;
    let head = head(store, run).await?;
    let mut change = doc! {};
    let (mut seq, mut line) = (head.seq.unsigned_abs(), head.line.unsigned_abs());
    let mut floor = head.floor.unsigned_abs();
    if seq == 0 {
        // Those before have expired.
        seq = first.seq.saturating_sub(1);
        floor = seq;
        change.extend(doc! { "floor": to_integer(seq), "removed": to_integer(seq) });
    }
    for event in numbered {
        let conflict = || StoreError::Conflict(format!("event {} of run {run}", event.seq));
        if event.run != run || event.seq != seq + 1 {
            return Err(conflict());
        }
        seq = event.seq;
        let Some(chunk) = event.chunk() else { continue };
        // The first chunk that is left begins where the last that expired ended.
        if line == 0 && floor > 0 {
            line = chunk.first_line.saturating_sub(1);
        }
        line = chunk.follows(line).ok_or_else(conflict)?;
    }
    change.extend(doc! { "seq": to_integer(seq), "line": to_integer(line) });
    if let Some(age) = &head.age {
        change.insert("events_age", age);
    }
    let bodies = encode_events(numbered)?;
    let records: Vec<Bsond> =
        numbered.iter().zip(&bodies).map(|(event, body)| outbox::record(event, body)).collect();
    for some in records.chunks(BATCH) {
        insert(store, RUN_EVENTS, some).await?;
    }
    put(store, run, &head, change).await
}

/// The numbers of a run without events are the end of those that expired; otherwise they are those
/// of the last event, and of the last line where there is one.
async fn end(store: &MongoStore, run: RunId, seq: i64, line: i64) -> Result<(), StoreError> {
    let head = head(store, run).await?;
    let all_expired = head.seq == head.floor;
    if (!all_expired && (seq != head.seq || (head.line > 0 && line != head.line)))
        || seq < head.seq
        || line < head.line
    {
        return Err(StoreError::Conflict(format!("the numbers of run {run}")));
    }
    let mut change = doc! { "seq": seq, "line": line };
    if all_expired {
        change.extend(doc! { "floor": seq, "removed": seq });
    }
    put(store, run, &head, change).await
}

async fn put(store: &MongoStore, run: RunId, head: &Head, change: Bsond) -> Result<(), StoreError> {
    let same = doc! { "_id": run.to_string(), "version": head.version, "seq": head.seq };
    let change = doc! { "$set": change };
    let result = repeat(|| async {
        store.of(Collection::Runs).update_one(same.clone(), change.clone()).await
    });
    if result.await.map_err(Failed::into_error)?.matched_count == 1 {
        return Ok(());
    }
    Err(StoreError::Conflict(format!("the numbers of run {run}")))
}
