//! Runs in SQLite: a run, its head and what is told of it change in one transaction.

use jiff::Timestamp;
use rusqlite::types::Value;
use rusqlite::{Transaction as Tx, params_from_iter};

use super::documents;
use super::errors::failed;
use super::{events, leases};
use crate::domain::event::{EventKind, LogChunk, RunEvent};
use crate::domain::id::RunId;
use crate::store::{AGE, Cap, Claim, Fence, StoreError, Transition};

pub(super) fn transition(tx: &Tx<'_>, change: Transition) -> Result<u64, StoreError> {
    let Transition { run, document, at, events, fence } = change;
    leases::check(tx, fence, || document.name())?;
    if document.version == 1 {
        documents::insert(tx, &document)?;
        events::begin(tx, run)?;
    } else {
        documents::replace(tx, &document)?;
    }
    if let Some(age) = document.key(AGE) {
        events::put_age(tx, run, age)?;
    }
    append(tx, run, at, events)
}

pub(super) fn claim(tx: &Tx<'_>, change: Transition, caps: &[Cap]) -> Result<Claim, StoreError> {
    leases::check(tx, change.fence, || change.document.name())?;
    for (place, cap) in caps.iter().enumerate() {
        let mut values = vec![Value::Text(change.document.id.clone())];
        let scope = match &cap.scope {
            Some((field, value)) => {
                values.push(Value::Text(value.clone()));
                format!("AND {field} = ?2")
            }
            None => String::new(),
        };
        // `slot` is the index of choice, whatever the scope: few runs hold one.
        let sql = format!(
            "SELECT count(*) FROM runs INDEXED BY runs_by_slot \
             WHERE slot IS NOT NULL AND id <> ?1 {scope}"
        );
        let held: i64 = tx
            .prepare_cached(&sql)
            .and_then(|mut statement| {
                statement.query_row(params_from_iter(values), |row| row.get(0))
            })
            .map_err(failed)?;
        if held >= i64::from(cap.limit) {
            return Ok(Claim::Full(place));
        }
    }
    transition(tx, change).map(Claim::Granted)
}

pub(super) fn append_event(
    tx: &Tx<'_>,
    run: RunId,
    at: Timestamp,
    event: EventKind,
    fence: Fence,
) -> Result<u64, StoreError> {
    leases::check(tx, fence, || format!("an event of run {run}"))?;
    append(tx, run, at, vec![event])
}

pub(super) fn append_chunk(
    tx: &Tx<'_>,
    run: RunId,
    at: Timestamp,
    chunk: LogChunk,
    fence: Fence,
) -> Result<u64, StoreError> {
    leases::check(tx, fence, || format!("the log of run {run}"))?;
    append(tx, run, at, vec![EventKind::Log { chunk }])
}

fn append(
    tx: &Tx<'_>,
    run: RunId,
    at: Timestamp,
    kinds: Vec<EventKind>,
) -> Result<u64, StoreError> {
    let mut head =
        events::head(tx, run)?.ok_or_else(|| StoreError::NotFound(format!("runs/{run}")))?;
    if kinds.is_empty() {
        return Ok(head.seq);
    }
    let mut numbered = Vec::with_capacity(kinds.len());
    for kind in kinds {
        if let EventKind::Log { chunk } = &kind {
            head.line = chunk.follows(head.line).ok_or_else(|| {
                StoreError::Conflict(format!(
                    "the log of run {run} ends at line {}, so {} lines from {} cannot follow; it",
                    head.line,
                    chunk.lines.len(),
                    chunk.first_line
                ))
            })?;
        }
        head.seq += 1;
        numbered.push(RunEvent { run, seq: head.seq, at, kind });
    }
    events::insert(tx, &numbered)?;
    events::put_head(tx, run, &head)?;
    Ok(head.seq)
}
