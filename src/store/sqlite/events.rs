//! The events of runs in SQLite.

use rusqlite::{OptionalExtension, Row, Transaction, params};

use super::documents::to_integer;
use super::errors::failed;
use crate::domain::event::{EventKind, OutputCursor, RunEvent};
use crate::domain::id::RunId;
use crate::domain::stage::Stage;
use crate::store::changes::{PAGE, encode_events};
use crate::store::{LogPosition, LogRange, StoreError};

/// How far the events and lines of a run are numbered, and how many of them have expired.
pub(super) struct Head {
    pub(super) seq: u64,
    pub(super) line: u64,
    /// The number up to which events are hidden.
    pub(super) floor: u64,
}

pub(super) fn head(tx: &Transaction<'_>, run: RunId) -> Result<Option<Head>, StoreError> {
    let numbers = |row: &Row<'_>| -> rusqlite::Result<Head> {
        Ok(Head {
            seq: row.get::<_, i64>(0)?.unsigned_abs(),
            line: row.get::<_, i64>(1)?.unsigned_abs(),
            floor: row.get::<_, i64>(2)?.unsigned_abs(),
        })
    };
    tx.prepare_cached("SELECT seq, line, floor FROM run_heads WHERE run = ?1")
        .and_then(|mut statement| statement.query_row([run.to_string()], numbers).optional())
        .map_err(failed)
}

/// The head of a run that was just made.
pub(super) fn begin(tx: &Transaction<'_>, run: RunId) -> Result<(), StoreError> {
    tx.prepare_cached(
        "INSERT INTO run_heads (run, seq, line, floor, age) VALUES (?1, 0, 0, 0, NULL)",
    )
    .and_then(|mut statement| statement.execute([run.to_string()]))
    .map(drop)
    .map_err(failed)
}

pub(super) fn put_head(tx: &Transaction<'_>, run: RunId, head: &Head) -> Result<(), StoreError> {
    tx.prepare_cached("UPDATE run_heads SET seq = ?2, line = ?3 WHERE run = ?1")
        .and_then(|mut statement| {
            statement.execute(params![run.to_string(), to_integer(head.seq), to_integer(head.line)])
        })
        .map(drop)
        .map_err(failed)
}

/// Remembers from when on the age of a run counts, for the expiry of its events.
pub(super) fn put_age(tx: &Transaction<'_>, run: RunId, age: &str) -> Result<(), StoreError> {
    tx.prepare_cached("UPDATE run_heads SET age = ?2 WHERE run = ?1")
        .and_then(|mut statement| statement.execute(params![run.to_string(), age]))
        .map(drop)
        .map_err(failed)
}

/// Takes the events up to the floor as expired.
pub(super) fn put_floor(tx: &Transaction<'_>, run: RunId, floor: u64) -> Result<(), StoreError> {
    tx.prepare_cached("UPDATE run_heads SET floor = ?2 WHERE run = ?1")
        .and_then(|mut statement| statement.execute(params![run.to_string(), to_integer(floor)]))
        .map(drop)
        .map_err(failed)
}

pub(super) fn insert(tx: &Transaction<'_>, events: &[RunEvent]) -> Result<(), StoreError> {
    let bodies = encode_events(events)?;
    let mut statement = tx
        .prepare_cached(
            "INSERT INTO run_events (run, seq, first_line, last_line, stage, attempt, body) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )
        .map_err(failed)?;
    for (event, body) in events.iter().zip(bodies) {
        let chunk = event.chunk();
        let values = params![
            event.run.to_string(),
            to_integer(event.seq),
            chunk.map(|chunk| to_integer(chunk.first_line)),
            chunk.map(|chunk| to_integer(chunk.next_line() - 1)),
            chunk.map(|chunk| chunk.stage.name()),
            chunk.map(|chunk| chunk.attempt),
            body,
        ];
        statement.execute(values).map_err(failed)?;
    }
    Ok(())
}

pub(super) fn after(
    tx: &Transaction<'_>,
    run: RunId,
    after: u64,
    limit: usize,
) -> Result<Vec<RunEvent>, StoreError> {
    let Some(head) = head(tx, run)? else { return Ok(Vec::new()) };
    let after = after.max(head.floor);
    let mut statement = tx
        .prepare_cached(
            "SELECT body FROM run_events WHERE run = ?1 AND seq > ?2 ORDER BY seq LIMIT ?3",
        )
        .map_err(failed)?;
    let rows = statement
        .query_map(params![run.to_string(), to_integer(after), to_integer(limit as u64)], body)
        .map_err(failed)?;
    let mut events = Vec::new();
    let mut bytes = 0;
    for row in rows {
        let body = row.map_err(failed)?;
        bytes += body.len();
        if bytes > PAGE && !events.is_empty() {
            break;
        }
        events.push(parse(&body)?);
    }
    Ok(events)
}

pub(super) fn log_position(
    tx: &Transaction<'_>,
    run: RunId,
    stage: Stage,
    attempt: u32,
) -> Result<LogPosition, StoreError> {
    let mut position =
        LogPosition { line: 0, checksum: String::new(), cursor: OutputCursor::default() };
    let Some(head) = head(tx, run)? else { return Ok(position) };
    // Lines keep their numbers also where they have expired.
    position.line = head.line;
    let floor = to_integer(head.floor);
    let newest: Option<String> = tx
        .prepare_cached(
            "SELECT body FROM run_events INDEXED BY run_events_by_line \
             WHERE run = ?1 AND last_line IS NOT NULL AND seq > ?2 \
             ORDER BY last_line DESC LIMIT 1",
        )
        .and_then(|mut statement| {
            statement.query_row(params![run.to_string(), floor], body).optional()
        })
        .map_err(failed)?;
    let own: Option<String> = tx
        .prepare_cached(
            "SELECT body FROM run_events INDEXED BY run_events_by_stage \
             WHERE run = ?1 AND stage = ?2 AND attempt = ?3 \
             AND last_line IS NOT NULL AND seq > ?4 ORDER BY seq DESC LIMIT 1",
        )
        .and_then(|mut statement| {
            let values = params![run.to_string(), stage.name(), attempt, floor];
            statement.query_row(values, body).optional()
        })
        .map_err(failed)?;
    if let Some(text) = newest
        && let EventKind::Log { chunk } = parse(&text)?.kind
    {
        position.checksum = chunk.checksum;
    }
    if let Some(text) = own
        && let EventKind::Log { chunk } = parse(&text)?.kind
    {
        position.cursor = chunk.cursor;
    }
    Ok(position)
}

pub(super) fn log(
    tx: &Transaction<'_>,
    run: RunId,
    from: u64,
    limit: usize,
) -> Result<LogRange, StoreError> {
    let Some(head) = head(tx, run)? else { return Ok(LogRange::default()) };
    let mut range = LogRange { events: Vec::new(), last_line: head.line, last_seq: head.seq };
    let from = from.max(1);
    let until = from.saturating_add(limit as u64);
    if until == from {
        return Ok(range);
    }
    let mut bytes = 0;
    // Named, because the floor would be looked up by number, through the whole log.
    let mut statement = tx
        .prepare_cached(
            "SELECT first_line, body FROM run_events INDEXED BY run_events_by_line \
             WHERE run = ?1 AND last_line >= ?2 AND last_line IS NOT NULL AND seq > ?3 ORDER BY last_line",
        )
        .map_err(failed)?;
    let values = params![run.to_string(), to_integer(from), to_integer(head.floor)];
    let rows = statement.query_map(values, |row| Ok((row.get(0)?, row.get(1)?))).map_err(failed)?;
    for row in rows {
        let (first, body): (i64, String) = row.map_err(failed)?;
        bytes += body.len();
        // What lies behind the end is not read: the chunks are in order.
        if first.unsigned_abs() >= until || (bytes > PAGE && !range.events.is_empty()) {
            break;
        }
        range.events.push(parse(&body)?);
    }
    Ok(range)
}

fn body(row: &Row<'_>) -> rusqlite::Result<String> {
    row.get(0)
}

fn parse(text: &str) -> Result<RunEvent, StoreError> {
    serde_json::from_str(text)
        .map_err(|e| StoreError::Corrupt(format!("an event cannot be read: {e}")))
}
