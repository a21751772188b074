//! Runs in MongoDB: a run, its head and what is told of it change in one compare-and-set.
//!
//! It compares the version and the number of the last event with what was read before, and the
//! fence with the writer's token, so that nothing that was decided on an older state is written.
//! Where it does not fit, the head is read again: it tells what is wrong, or that only another
//! event came in between, and then the write is numbered anew.
//!
//! **A new run** is first a document of version 0, which no reader sees and which takes no unique
//! value; after that making it is the same compare-and-set as changing it. So the fence holds for
//! new runs too, although nobody could raise it in what was not there: the guard is set before the
//! lease is looked at.
//!
//! **An answer that was lost** is looked for by the mark of the write. If the run bears it, the
//! write happened. If the run is as it was, the write is done again: whichever of both arrives
//! first makes the other one miss. If the run has moved on, nobody can tell any more.

use jiff::Timestamp;
use mongodb::bson::{Bson, Document as Bsond, doc};

use super::attempts::{Patience, mark, repeat, too_busy};
use super::errors::{Failed, failed};
use super::heads::{self, Head};
use super::leases::{GUARD_CLOSED, GUARD_SET};
use super::{MongoStore, documents, leases, outbox, to_integer};
use crate::domain::event::{EventKind, RunEvent};
use crate::domain::id::RunId;
use crate::store::changes::encode_events;
use crate::store::{AGE, Collection, Document, Fence, StoreError, Transition, instant};

/// What is written to a run as one.
pub(super) struct Step<'a> {
    pub(super) run: RunId,
    /// The new run; `None` where only events are added.
    pub(super) document: Option<&'a Document>,
    pub(super) at: Timestamp,
    pub(super) kinds: &'a [EventKind],
    pub(super) fence: Fence,
    /// The claim that must not have been given up.
    pub(super) claim: Option<&'a str>,
}

/// What became of a step.
pub(super) enum Written {
    /// It happened; the number of the run's last event.
    At(u64),
    /// Its claim was given up before.
    Voided,
}

pub(super) async fn transition(store: &MongoStore, change: &Transition) -> Result<u64, StoreError> {
    let step = Step::of(change, None);
    match perform(store, &step).await? {
        Written::At(seq) => Ok(seq),
        Written::Voided => Err(StoreError::Conflict(step.name())),
    }
}

pub(super) async fn append(
    store: &MongoStore,
    run: RunId,
    at: Timestamp,
    kind: EventKind,
    fence: Fence,
) -> Result<u64, StoreError> {
    let step = Step { run, document: None, at, kinds: &[kind], fence, claim: None };
    match perform(store, &step).await? {
        Written::At(seq) => Ok(seq),
        Written::Voided => Err(StoreError::Conflict(step.name())),
    }
}

impl<'a> Step<'a> {
    pub(super) fn of(change: &'a Transition, claim: Option<&'a str>) -> Self {
        let Transition { run, document, at, events, fence } = change;
        Self { run: *run, document: Some(document), at: *at, kinds: events, fence: *fence, claim }
    }

    fn name(&self) -> String {
        format!("runs/{}", self.run)
    }

    fn makes_a_run(&self) -> bool {
        self.document.is_some_and(|document| document.version == 1)
    }

    /// Whether the run is as the writer believes.
    fn fits(&self, head: Option<&Head>) -> Result<(), StoreError> {
        if let (Some(shown), Some(head)) = (self.fence.token(), head)
            && head.fence > to_integer(shown)
        {
            return Err(StoreError::Fenced(self.name()));
        }
        let is_run = head.is_some_and(Head::is_run);
        let is_gone = head.is_some_and(|head| head.gone.is_some());
        match self.document {
            Some(_) if self.makes_a_run() && (is_run || is_gone) => {
                Err(StoreError::Exists(self.name()))
            }
            Some(_) if self.makes_a_run() => Ok(()),
            Some(_) | None if !is_run => Err(StoreError::NotFound(self.name())),
            Some(document)
                if head.is_some_and(|head| head.version != to_integer(document.version) - 1) =>
            {
                Err(StoreError::Conflict(self.name()))
            }
            Some(_) | None => Ok(()),
        }
    }

    /// The events with their numbers, and the number of the last line after them.
    fn numbered(&self, seq: u64, mut line: u64) -> Result<(Vec<RunEvent>, u64), StoreError> {
        let mut numbered = Vec::with_capacity(self.kinds.len());
        for (kind, seq) in self.kinds.iter().zip(seq + 1..) {
            if let EventKind::Log { chunk } = kind {
                line = chunk.follows(line).ok_or_else(|| {
                    StoreError::Conflict(format!(
                        "the log of run {} ends at line {line}, so {} lines from {} cannot follow; it",
                        self.run,
                        chunk.lines.len(),
                        chunk.first_line
                    ))
                })?;
            }
            numbered.push(RunEvent { run: self.run, seq, at: self.at, kind: kind.clone() });
        }
        Ok((numbered, line))
    }
}

/// Writes a step, or tells why not.
pub(super) async fn perform(store: &MongoStore, step: &Step<'_>) -> Result<Written, StoreError> {
    if let Some(document) = step.document {
        document.check_size()?;
    }
    let written = attempt(store, step).await;
    match &written {
        Ok(_) | Err(StoreError::Unavailable(_)) => {}
        Err(_) => {
            if step.makes_a_run() {
                drop_seed(store, step.run).await;
            }
            // Who no longer leads is told so, whatever else is wrong.
            leases::check(store, step.fence, &step.name()).await?;
        }
    }
    written
}

async fn attempt(store: &MongoStore, step: &Step<'_>) -> Result<Written, StoreError> {
    let mark = mark();
    let mut lost: Option<(StoreError, (i64, i64))> = None;
    let mut patience = Patience::new();
    loop {
        let head = match heads::read(store, step.run).await {
            Ok(head) => head,
            Err(error) => return Err(lost.map_or(error, |(error, _)| error)),
        };
        if let Some(head) = head.as_ref().filter(|head| head.write.as_deref() == Some(&mark)) {
            return Ok(Written::At(head.seq.unsigned_abs()));
        }
        let place = head.as_ref().map_or((0, 0), |head| (head.version, head.seq));
        if let Some((error, seen)) = lost.take_if(|(_, seen)| *seen != place) {
            tracing::debug!(run = %step.run, ?seen, ?place, "a write's answer was lost, and the run moved on");
            return Err(error);
        }
        if let (Some(claim), Some(head)) = (step.claim, &head)
            && head.voided.iter().any(|voided| voided == claim)
        {
            return Ok(Written::Voided);
        }
        step.fits(head.as_ref())?;
        let change = Change::prepare(step, head.as_ref(), &mark)?;
        match change.write(store, step, head.as_ref()).await {
            Ok(true) => {
                // The step has happened, whether the copy can be made now or later.
                if !change.records.is_empty()
                    && let Err(error) =
                        outbox::copy(store, step.run, change.seq, &change.records).await
                {
                    tracing::warn!(run = %step.run, %error, "events wait in the run's outbox");
                }
                return Ok(Written::At(change.seq.unsigned_abs()));
            }
            Ok(false) => {}
            Err(Failed::Duplicate) => {
                return Err(
                    lost.map_or_else(|| StoreError::Exists(step.name()), |(error, _)| error)
                );
            }
            Err(Failed::Told(error)) => return Err(lost.map_or(error, |(error, _)| error)),
            Err(Failed::Lost(error)) => lost = Some((error, place)),
        }
        if !patience.lasts().await {
            return Err(lost.map_or_else(|| too_busy(&step.name()), |(error, _)| error));
        }
    }
}

/// One compare-and-set.
struct Change {
    filter: Bsond,
    set: Bsond,
    unset: Bsond,
    records: Vec<Bsond>,
    seq: i64,
}

impl Change {
    fn prepare(step: &Step<'_>, head: Option<&Head>, mark: &str) -> Result<Self, StoreError> {
        let (version, seq, line) =
            head.map_or((0, 0, 0), |head| (head.version, head.seq, head.line));
        let (numbered, last_line) = step.numbered(seq.unsigned_abs(), line.unsigned_abs())?;
        let bodies = encode_events(&numbered)?;
        let records: Vec<Bsond> =
            numbered.iter().zip(&bodies).map(|(event, body)| outbox::record(event, body)).collect();
        let mut filter = doc! { "_id": step.run.to_string(), "version": version, "seq": seq };
        if let Some(shown) = step.fence.token() {
            filter.insert("fence", doc! { "$lte": to_integer(shown) });
        }
        if let Some(claim) = step.claim {
            filter.insert("voided", doc! { "$ne": claim });
        }
        let mut set = doc! { "write": mark };
        let mut unset = Bsond::new();
        let seq = seq + to_integer(records.len() as u64);
        if !records.is_empty() {
            set.insert("seq", seq);
            set.insert("line", to_integer(last_line));
            set.insert("outbox", &records);
        }
        let age = match step.document {
            Some(document) => {
                set.extend(documents::encode(document)?);
                set.remove("_id");
                unset.extend(documents::absent_keys(document));
                // Claims of older versions miss anyway, and what has ended is guarded when needed.
                let is_live = document.key("live") == Some("yes");
                let past = ["voided", "begun", "guard"].into_iter();
                unset.extend(
                    past.filter(|field| *field != "guard" || !is_live)
                        .map(|field| (field.to_owned(), Bson::from(""))),
                );
                document.key(AGE)
            }
            None => {
                let age = head.and_then(|head| head.age.as_deref());
                // The history of what has ended is not raised with each lease.
                if age.is_some() {
                    unset.insert("guard", "");
                }
                age
            }
        };
        match age {
            Some(age) => set.insert("events_age", age),
            None => unset.insert("events_age", ""),
        };
        Ok(Self { filter, set, unset, records, seq })
    }

    /// `false` where the run is no longer as it was read.
    async fn write(
        &self,
        store: &MongoStore,
        step: &Step<'_>,
        head: Option<&Head>,
    ) -> Result<bool, Failed> {
        let mut set = self.set.clone();
        if let Some(head) = head
            && !self.records.is_empty()
        {
            outbox::settle(store, step.run, head).await.map_err(Failed::Told)?;
        }
        if head.is_none() {
            plant_seed(store, step).await?;
        }
        let mut change = Bsond::new();
        let is_closed = head.is_some_and(|head| head.guard.as_deref() == Some(GUARD_CLOSED));
        if step.fence.token().is_some() && !is_closed {
            set_guard(store, step.run).await?;
            let token = leases::check(store, step.fence, &step.name()).await;
            change.insert("$max", doc! { "fence": to_integer(token.map_err(Failed::Told)?) });
            if !self.unset.contains_key("guard") {
                set.insert("guard", GUARD_CLOSED);
            }
        }
        change.insert("$set", set);
        if !self.unset.is_empty() {
            change.insert("$unset", self.unset.clone());
        }
        let runs = store.of(Collection::Runs);
        let result = runs.update_one(self.filter.clone(), change).await.map_err(failed)?;
        Ok(result.matched_count == 1)
    }
}

/// What a run grows from. It is there already where somebody else makes the same run, or where
/// somebody has begun to and died.
async fn plant_seed(store: &MongoStore, step: &Step<'_>) -> Result<(), Failed> {
    let id = step.run.to_string();
    let planted = repeat(|| async {
        store
            .of(Collection::Runs)
            .update_one(doc! { "_id": &id }, doc! { "$setOnInsert": seed(step.at) })
            .upsert(true)
            .await
    });
    match planted.await {
        Ok(_) | Err(Failed::Duplicate) => Ok(()),
        Err(error) => Err(error),
    }
}

/// `begun` is for who removes seeds that nothing grew from.
pub(super) fn seed(at: Timestamp) -> Bsond {
    let mut seed = heads::beginning();
    seed.insert("version", 0_i64);
    seed.insert("begun", instant(at));
    seed
}

async fn set_guard(store: &MongoStore, run: RunId) -> Result<(), Failed> {
    let id = run.to_string();
    let change = doc! { "$set": { "guard": GUARD_SET } };
    repeat(|| async {
        store.of(Collection::Runs).update_one(doc! { "_id": &id }, change.clone()).await
    })
    .await
    .map(drop)
}

/// Best effort: what stays is seen by nobody, and removed with what is old.
async fn drop_seed(store: &MongoStore, run: RunId) {
    let seed = doc! {
        "_id": run.to_string(),
        "version": 0_i64,
        "gone": { "$exists": false },
        "voided": { "$exists": false },
    };
    if let Err(error) = store.of(Collection::Runs).delete_one(seed).await.map_err(failed) {
        tracing::debug!(%run, ?error, "the beginning of a run stays behind");
    }
}
