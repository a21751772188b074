//! Reading the events of runs. A reader takes the head first, then events up to its last number,
//! then the outbox where some are not copied yet, and begins again where the run moved on in
//! between: what it returns was all there at one moment.
//!
//! What is found is read in order and only as far as it is wanted: to the end of the range, or
//! until a page is full.

use futures_util::TryStreamExt;
use mongodb::bson::{Document as Bsond, deserialize_from_document, doc};

use super::attempts::{Patience, repeat, too_busy};
use super::errors::Failed;
use super::heads::{self, Head, Record};
use super::{MongoStore, RUN_EVENTS, outbox, to_integer};
use crate::domain::event::{EventKind, OutputCursor, RunEvent};
use crate::domain::id::RunId;
use crate::domain::stage::Stage;
use crate::store::changes::PAGE;
use crate::store::{LogPosition, LogRange, StoreError};

/// So many chunks of a log are sent at once: a range of lines ends somewhere within them.
const CHUNKS: u32 = 64;

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
    let from = from.max(1);
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
        let mut found = [const { Found::new() }; N];
        for (found, wanted) in found.iter_mut().zip(&wanted) {
            *found = wanted.query(store, run, &head).await?;
        }
        let is_missing = wanted.iter().zip(&found).any(|(wanted, found)| {
            let mut here = head.outbox.iter().filter(|record| wanted.includes(&head, record));
            here.any(|record| found.lacks(record))
        });
        let is_whole = if is_missing {
            match outbox::read(store, run, &head).await? {
                Some(outbox) => {
                    let outbox = decode(outbox)?;
                    for (found, wanted) in found.iter_mut().zip(&wanted) {
                        wanted.merge(&head, found, &outbox);
                    }
                    true
                }
                None => false,
            }
        } else {
            still_holds(store, run, &head).await?
        };
        if is_whole {
            return Ok(Some((head, found.map(|found| found.records))));
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

/// What was found so far, in the order of numbers.
struct Found {
    records: Vec<Record>,
    /// Whether there is more behind the last one, for which there was no room.
    is_full: bool,
}

impl Found {
    const fn new() -> Self {
        Self { records: Vec::new(), is_full: false }
    }

    /// Whether an event that is wanted belongs among them and is not there.
    fn lacks(&self, record: &Record) -> bool {
        let is_behind = self.records.last().is_some_and(|last| record.seq > last.seq);
        !(self.is_full && is_behind) && self.records.iter().all(|one| one.seq != record.seq)
    }

    /// Leaves out what a page has no room for.
    fn bound(&mut self) {
        let mut bytes = 0;
        let fits = |record: &&Record| {
            bytes += record.body.len();
            bytes <= PAGE
        };
        let count = self.records.iter().take_while(fits).count().max(1);
        self.is_full |= count < self.records.len();
        self.records.truncate(count);
    }
}

impl Wanted {
    async fn query(
        &self,
        store: &MongoStore,
        run: RunId,
        head: &Head,
    ) -> Result<Found, StoreError> {
        let run = run.to_string();
        let numbers = doc! { "$gt": head.floor, "$lte": head.seq };
        let (filter, order, limit) = match self {
            Self::After(after, limit) => {
                let start = (*after).max(head.floor);
                let end = start.saturating_add(*limit).min(head.seq);
                if end <= start {
                    return Ok(Found::new());
                }
                let first = outbox::event_id(&run, start);
                let last = outbox::event_id(&run, end);
                (doc! { "_id": { "$gt": first, "$lte": last } }, doc! { "_id": 1 }, None)
            }
            Self::Lines(from, until) if until <= from => return Ok(Found::new()),
            // Each chunk holds a line at least. Where the last one ends is seen here: asked for in
            // the filter it would be looked up to the end of the log.
            Self::Lines(from, until) => (
                doc! { "run": run, "last_line": { "$gte": *from }, "seq": numbers },
                doc! { "last_line": 1 },
                i32::try_from(until - from).ok().map(i64::from),
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
            if matches!(self, Self::Lines(..)) {
                find = find.batch_size(CHUNKS);
            }
            let mut cursor = find.await?;
            let (mut found, mut bytes) = (Found::new(), 0);
            while let Some(record) = cursor.try_next().await? {
                if self.ends_before(&record) {
                    break;
                }
                bytes += record.body.len();
                found.is_full = bytes > PAGE && !found.records.is_empty();
                if found.is_full {
                    break;
                }
                found.records.push(record);
            }
            Ok(found)
        })
        .await
        .map_err(Failed::into_error)
    }

    /// Whether nothing more is wanted from this one on.
    fn ends_before(&self, record: &Record) -> bool {
        match self {
            Self::Lines(_, until) => record.first_line.is_none_or(|line| line >= *until),
            Self::After(..) | Self::LastChunk(_) => false,
        }
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
                from < until
                    && record.last_line.is_some_and(|line| line >= *from)
                    && record.first_line.is_some_and(|line| line < *until)
            }
            Self::LastChunk(None) => record.last_line.is_some(),
            Self::LastChunk(Some((stage, attempt))) => {
                record.stage.as_deref() == Some(stage.name()) && record.attempt == Some(*attempt)
            }
        }
    }

    fn merge(&self, head: &Head, found: &mut Found, outbox: &[Record]) {
        let wanted = outbox.iter().filter(|record| self.includes(head, record));
        let missing: Vec<_> = wanted.filter(|record| found.lacks(record)).cloned().collect();
        found.records.extend(missing);
        found.records.sort_by_key(|record| record.seq);
        if !matches!(self, Self::LastChunk(_)) {
            found.bound();
        }
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
