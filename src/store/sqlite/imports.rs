//! Taking over what another store held.

use rusqlite::Transaction;

use super::{documents, events};
use crate::domain::event::RunEvent;
use crate::domain::id::RunId;
use crate::store::{AGE, Collection, Document, Imported, StoreError};

pub(super) fn import(tx: &Transaction<'_>, batch: Vec<Imported>) -> Result<(), StoreError> {
    for piece in batch {
        match piece {
            Imported::Document(document) => add(tx, &document)?,
            Imported::Events(numbered) => follow(tx, &numbered)?,
            Imported::Head { run, last_seq, last_line } => end(tx, run, last_seq, last_line)?,
        }
    }
    Ok(())
}

fn add(tx: &Transaction<'_>, document: &Document) -> Result<(), StoreError> {
    documents::insert(tx, document)?;
    if document.collection != Collection::Runs {
        return Ok(());
    }
    let run = document
        .id
        .parse()
        .map_err(|_| StoreError::Corrupt(format!("{} has no id of a run", document.name())))?;
    events::begin(tx, run)?;
    match document.key(AGE) {
        Some(age) => events::put_age(tx, run, age),
        None => Ok(()),
    }
}

fn head(tx: &Transaction<'_>, run: RunId) -> Result<events::Head, StoreError> {
    events::head(tx, run)?.ok_or_else(|| StoreError::NotFound(format!("runs/{run}")))
}

fn follow(tx: &Transaction<'_>, numbered: &[RunEvent]) -> Result<(), StoreError> {
    let Some(first) = numbered.first() else { return Ok(()) };
    let run = first.run;
    let mut head = head(tx, run)?;
    if head.seq == 0 {
        // Those before have expired.
        head.seq = first.seq.saturating_sub(1);
        head.floor = head.seq;
        events::put_floor(tx, run, head.floor)?;
    }
    for event in numbered {
        let conflict = || StoreError::Conflict(format!("event {} of run {run}", event.seq));
        if event.run != run || event.seq != head.seq + 1 {
            return Err(conflict());
        }
        head.seq = event.seq;
        let Some(chunk) = event.chunk() else { continue };
        // The first chunk that is left begins where the last that expired ended.
        if head.line == 0 && head.floor > 0 {
            head.line = chunk.first_line.saturating_sub(1);
        }
        head.line = chunk.follows(head.line).ok_or_else(conflict)?;
    }
    events::insert(tx, numbered)?;
    events::put_head(tx, run, &head)
}

/// The numbers of a run without events are the end of those that expired; otherwise they are those
/// of the last event, and of the last line where there is one.
fn end(tx: &Transaction<'_>, run: RunId, seq: u64, line: u64) -> Result<(), StoreError> {
    let mut head = head(tx, run)?;
    let all_expired = head.seq == head.floor;
    if (!all_expired && (seq != head.seq || (head.line > 0 && line != head.line)))
        || seq < head.seq
        || line < head.line
    {
        return Err(StoreError::Conflict(format!("the numbers of run {run}")));
    }
    (head.seq, head.line) = (seq, line);
    events::put_head(tx, run, &head)?;
    if all_expired {
        events::put_floor(tx, run, seq)?;
    }
    Ok(())
}
