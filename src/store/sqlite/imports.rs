//! Taking over what another store held.

use rusqlite::{Transaction, params};

use super::documents::{self, to_integer};
use super::{events, failed};
use crate::domain::event::RunEvent;
use crate::store::{Collection, Imported, StoreError};

pub(super) fn import(tx: &Transaction<'_>, batch: Vec<Imported>) -> Result<(), StoreError> {
    for piece in batch {
        match piece {
            Imported::Document(document) => {
                documents::insert(tx, &document)?;
                if document.collection == Collection::Runs {
                    begin(tx, &document.id)?;
                }
            }
            Imported::Events(numbered) => follow(tx, &numbered)?,
            Imported::Head { run, last_seq, last_line } => {
                let head = events::head(tx, run)?
                    .ok_or_else(|| StoreError::NotFound(format!("runs/{run}")))?;
                if last_seq < head.seq || last_line < head.line {
                    return Err(StoreError::Conflict(format!("the numbers of run {run}")));
                }
                let all_expired = head.seq == 0;
                let head = events::Head { seq: last_seq, line: last_line, ..head };
                events::put_head(tx, run, &head)?;
                if all_expired {
                    put_floor(tx, &run.to_string(), last_seq)?;
                }
            }
        }
    }
    Ok(())
}

fn begin(tx: &Transaction<'_>, run: &str) -> Result<(), StoreError> {
    let run = run.parse().map_err(|_| StoreError::Corrupt(format!("runs/{run} has no id")))?;
    events::begin(tx, run)
}

fn follow(tx: &Transaction<'_>, numbered: &[RunEvent]) -> Result<(), StoreError> {
    let Some(first) = numbered.first() else { return Ok(()) };
    let run = first.run;
    let mut head =
        events::head(tx, run)?.ok_or_else(|| StoreError::NotFound(format!("runs/{run}")))?;
    if head.seq == 0 {
        head.seq = first.seq.saturating_sub(1);
        put_floor(tx, &run.to_string(), head.seq)?;
    }
    for event in numbered {
        if event.run != run || event.seq != head.seq + 1 {
            return Err(StoreError::Conflict(format!("event {} of run {run}", event.seq)));
        }
        head.seq = event.seq;
        if let Some(chunk) = event.chunk() {
            head.line = chunk.next_line() - 1;
        }
    }
    events::insert(tx, numbered)?;
    events::put_head(tx, run, &head)
}

fn put_floor(tx: &Transaction<'_>, run: &str, floor: u64) -> Result<(), StoreError> {
    tx.prepare_cached("UPDATE run_heads SET floor = ?2, removed = ?2 WHERE run = ?1")
        .and_then(|mut statement| statement.execute(params![run, to_integer(floor)]))
        .map(drop)
        .map_err(failed)
}
