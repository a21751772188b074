//! Reading the events of runs. A reader takes the head first, then events up to its last number,
//! then the outbox where some are not copied yet, and begins again where the run moved on in
//! between: what it returns was all there at one moment.

use futures_util::TryStreamExt;
use mongodb::bson::{Document as Bsond, deserialize_from_document, doc};

use super::attempts::{Patience, repeat, too_busy};
use super::errors::Failed;
use super::heads::{self, Head, Record};
use super::{MongoStore, RUN_EVENTS, outbox, to_integer};
use crate::domain::event::{EventKind, OutputCursor, RunEvent};
use crate::domain::id::RunId;
use crate::domain::stage::Stage;
use crate::store::{LogPosition, LogRange, StoreError};

/// Which events of a run.
enum Wanted {
    /// Those after a number, so many.
    After(i64, i64),
    /// Those that hold lines from one number up to another.
    Lines(i64, i64),
    /// The last one with lines; of one execution of a stage, or of all.
    LastChunk(Option<(Stage, i64)>),
}

pub(super) async fn after(
    store: &MongoStore,
    run: RunId,
    after: u64,
    limit: usize,
) -> Result<Vec<RunEvent>, StoreError> {
    let wanted = [Wanted::After(to_integer(after), to_integer(limit as u64))];
    let Some((_, [records])) = gather(store, run, wanted).await? else { return Ok(Vec::new()) };
    records.iter().map(parse).collect()
}

pub(super) async fn log(
    store: &MongoStore,
    run: RunId,
    from: u64,
    limit: usize,
) -> Result<LogRange, StoreError> {
    let until = from.saturating_add(limit as u64);
    let wanted = [Wanted::Lines(to_integer(from), to_integer(until))];
    let Some((head, [records])) = gather(store, run, wanted).await? else {
        return Ok(LogRange::default());
    };
    Ok(LogRange {
        events: records.iter().map(parse).collect::<Result<_, _>>()?,
        last_line: head.line.unsigned_abs(),
        last_seq: head.seq.unsigned_abs(),
    })
}

pub(super) async fn log_position(
    store: &MongoStore,
    run: RunId,
    stage: Stage,
    attempt: u32,
) -> Result<LogPosition, StoreError> {
    let own = Wanted::LastChunk(Some((stage, i64::from(attempt))));
    let mut position =
        LogPosition { line: 0, checksum: String::new(), cursor: OutputCursor::default() };
    let found = gather(store, run, [Wanted::LastChunk(None), own]).await?;
    let Some((head, [newest, own])) = found else { return Ok(position) };
    // The numbers outlive the chunks that had them.
    position.line = head.line.unsigned_abs();
    if let Some(record) = newest.last()
        && let EventKind::Log { chunk } = parse(record)?.kind
    {
        position.checksum = chunk.checksum;
    }
    if let Some(record) = own.last()
        && let EventKind::Log { chunk } = parse(record)?.kind
    {
        position.cursor = chunk.cursor;
    }
    Ok(position)
}

/// What is wanted of a run, all from one moment, each in the order of numbers; `None` where there
/// is no such run.
async fn gather<const N: usize>(
    store: &MongoStore,
    run: RunId,
    wanted: [Wanted; N],
) -> Result<Option<(Head, [Vec<Record>; N])>, StoreError> {
    let mut patience = Patience::new();
    loop {
        let Some(head) = heads::read(store, run).await?.filter(Head::is_run) else {
            return Ok(None);
        };
        let mut found = [const { Vec::new() }; N];
        for (records, wanted) in found.iter_mut().zip(&wanted) {
            *records = wanted.query(store, run, &head).await?;
        }
        let is_missing = wanted.iter().zip(&found).any(|(wanted, records)| {
            let here = head.outbox.iter().filter(|record| wanted.includes(&head, record));
            here.into_iter().any(|record| records.iter().all(|one| one.seq != record.seq))
        });
        let is_whole = if is_missing {
            match outbox::read(store, run, &head).await? {
                Some(outbox) => {
                    let outbox = decode(outbox)?;
                    for (records, wanted) in found.iter_mut().zip(&wanted) {
                        wanted.merge(&head, records, &outbox);
                    }
                    true
                }
                None => false,
            }
        } else {
            still_holds(store, run, &head).await?
        };
        if is_whole {
            return Ok(Some((head, found)));
        }
        if !patience.lasts().await {
            return Err(too_busy(&format!("the events of run {run}")));
        }
    }
}

/// Whether nothing was hidden since, and so nothing removed under the reader's hands. Only what
/// has ended can be.
async fn still_holds(store: &MongoStore, run: RunId, head: &Head) -> Result<bool, StoreError> {
    if head.age.is_none() {
        return Ok(true);
    }
    let now = heads::read(store, run).await?;
    Ok(now.is_some_and(|now| now.is_run() && now.floor == head.floor))
}

impl Wanted {
    async fn query(
        &self,
        store: &MongoStore,
        run: RunId,
        head: &Head,
    ) -> Result<Vec<Record>, StoreError> {
        let run = run.to_string();
        let numbers = doc! { "$gt": head.floor, "$lte": head.seq };
        let (filter, order, limit) = match self {
            Self::After(after, limit) => {
                let start = (*after).max(head.floor);
                let end = start.saturating_add(*limit).min(head.seq);
                if end <= start {
                    return Ok(Vec::new());
                }
                let first = outbox::event_id(&run, start);
                let last = outbox::event_id(&run, end);
                (doc! { "_id": { "$gt": first, "$lte": last } }, doc! { "_id": 1 }, None)
            }
            Self::Lines(from, until) => (
                doc! {
                    "run": run, "last_line": { "$gte": *from }, "first_line": { "$lt": *until },
                    "seq": numbers,
                },
                doc! { "last_line": 1 },
                None,
            ),
            Self::LastChunk(None) => (
                doc! { "run": run, "last_line": { "$gt": 0_i64 }, "seq": numbers },
                doc! { "last_line": -1 },
                Some(1),
            ),
            Self::LastChunk(Some((stage, attempt))) => (
                doc! { "run": run, "stage": stage.name(), "attempt": *attempt, "seq": numbers },
                doc! { "seq": -1 },
                Some(1),
            ),
        };
        repeat(|| async {
            let events = store.named_as::<Record>(RUN_EVENTS);
            let mut find = events.find(filter.clone()).sort(order.clone());
            if let Some(limit) = limit {
                find = find.limit(limit);
            }
            find.await?.try_collect().await
        })
        .await
        .map_err(Failed::into_error)
    }

    /// Whether an event of the outbox is one of them, as far as that can be told alone.
    fn includes(&self, head: &Head, record: &Record) -> bool {
        if record.seq <= head.floor {
            return false;
        }
        match self {
            Self::After(after, limit) => {
                let start = (*after).max(head.floor);
                record.seq > start && record.seq - start <= *limit
            }
            Self::Lines(from, until) => {
                record.last_line.is_some_and(|line| line >= *from)
                    && record.first_line.is_some_and(|line| line < *until)
            }
            Self::LastChunk(None) => record.last_line.is_some(),
            Self::LastChunk(Some((stage, attempt))) => {
                record.stage.as_deref() == Some(stage.name()) && record.attempt == Some(*attempt)
            }
        }
    }

    fn merge(&self, head: &Head, records: &mut Vec<Record>, outbox: &[Record]) {
        for record in outbox.iter().filter(|record| self.includes(head, record)) {
            if records.iter().all(|one| one.seq != record.seq) {
                records.push(record.clone());
            }
        }
        records.sort_by_key(|record| record.seq);
    }
}

fn decode(outbox: Vec<Bsond>) -> Result<Vec<Record>, StoreError> {
    let records = outbox.into_iter().map(deserialize_from_document);
    records
        .collect::<Result<_, _>>()
        .map_err(|error| StoreError::Corrupt(format!("an outbox cannot be read: {error}")))
}

fn parse(record: &Record) -> Result<RunEvent, StoreError> {
    serde_json::from_str(&record.body)
        .map_err(|error| StoreError::Corrupt(format!("an event cannot be read: {error}")))
}
