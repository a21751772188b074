//! The events of runs in SQLite.

use rusqlite::{OptionalExtension, Row, Transaction, params};

use super::documents::to_integer;
use super::unavailable;
use crate::domain::event::{EventKind, OutputCursor, RunEvent};
use crate::domain::id::RunId;
use crate::domain::stage::Stage;
use crate::store::{LogPosition, LogRange, StoreError};

pub(super) fn last_seq(tx: &Transaction<'_>, run: RunId) -> Result<u64, StoreError> {
    last(tx, "SELECT max(seq) FROM run_events WHERE run = ?1", run)
}

pub(super) fn last_line(tx: &Transaction<'_>, run: RunId) -> Result<u64, StoreError> {
    last(tx, "SELECT max(last_line) FROM run_events WHERE run = ?1 AND last_line IS NOT NULL", run)
}

fn last(tx: &Transaction<'_>, sql: &str, run: RunId) -> Result<u64, StoreError> {
    let found: Option<i64> = tx
        .prepare_cached(sql)
        .and_then(|mut statement| statement.query_row([run.to_string()], |row| row.get(0)))
        .map_err(unavailable)?;
    Ok(found.unwrap_or(0).unsigned_abs())
}

pub(super) fn insert(tx: &Transaction<'_>, event: &RunEvent) -> Result<(), StoreError> {
    let body = serde_json::to_string(event)
        .map_err(|e| StoreError::Corrupt(format!("an event cannot be written: {e}")))?;
    let (lines, stage, attempt) = match &event.kind {
        EventKind::Log { chunk } => (
            Some((to_integer(chunk.first_line), to_integer(chunk.next_line() - 1))),
            Some(chunk.stage.name()),
            Some(chunk.attempt),
        ),
        EventKind::Created
        | EventKind::Queued { .. }
        | EventKind::StageBegun { .. }
        | EventKind::StageRunning { .. }
        | EventKind::StageEnded { .. }
        | EventKind::StageLost { .. }
        | EventKind::CancelRequested
        | EventKind::DeadlinePassed { .. }
        | EventKind::PauseRequested
        | EventKind::PauseWithdrawn
        | EventKind::Waiting { .. }
        | EventKind::Approved
        | EventKind::Rejected { .. }
        | EventKind::Ending { .. }
        | EventKind::Ended { .. }
        | EventKind::Note { .. } => (None, None, None),
    };
    tx.prepare_cached(
        "INSERT INTO run_events (run, seq, at, first_line, last_line, stage, attempt, body) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    )
    .and_then(|mut statement| {
        statement.execute(params![
            event.run.to_string(),
            to_integer(event.seq),
            event.at.as_millisecond(),
            lines.map(|(first, _)| first),
            lines.map(|(_, last)| last),
            stage,
            attempt,
            body,
        ])
    })
    .map(drop)
    .map_err(unavailable)
}

pub(super) fn after(
    tx: &Transaction<'_>,
    run: RunId,
    after: u64,
    limit: usize,
) -> Result<Vec<RunEvent>, StoreError> {
    let mut statement = tx
        .prepare_cached(
            "SELECT body FROM run_events WHERE run = ?1 AND seq > ?2 ORDER BY seq LIMIT ?3",
        )
        .map_err(unavailable)?;
    let rows = statement
        .query_map(params![run.to_string(), to_integer(after), to_integer(limit as u64)], body)
        .map_err(unavailable)?;
    rows.map(|row| parse(&row.map_err(unavailable)?)).collect()
}

pub(super) fn log_position(
    tx: &Transaction<'_>,
    run: RunId,
    stage: Stage,
    attempt: u32,
) -> Result<LogPosition, StoreError> {
    let newest: Option<String> = tx
        .prepare_cached(
            "SELECT body FROM run_events WHERE run = ?1 AND last_line IS NOT NULL \
             ORDER BY last_line DESC LIMIT 1",
        )
        .and_then(|mut statement| statement.query_row([run.to_string()], body).optional())
        .map_err(unavailable)?;
    let own: Option<String> = tx
        .prepare_cached(
            "SELECT body FROM run_events WHERE run = ?1 AND stage = ?2 AND attempt = ?3 \
             AND last_line IS NOT NULL ORDER BY seq DESC LIMIT 1",
        )
        .and_then(|mut statement| {
            statement.query_row(params![run.to_string(), stage.name(), attempt], body).optional()
        })
        .map_err(unavailable)?;
    let mut position =
        LogPosition { line: 0, checksum: String::new(), cursor: OutputCursor::default() };
    if let Some(text) = newest
        && let EventKind::Log { chunk } = parse(&text)?.kind
    {
        position.line = chunk.next_line() - 1;
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
    let mut range = LogRange {
        events: Vec::new(),
        last_line: last_line(tx, run)?,
        last_seq: last_seq(tx, run)?,
    };
    let until = from.saturating_add(limit as u64);
    let mut statement = tx
        .prepare_cached(
            "SELECT body FROM run_events WHERE run = ?1 AND last_line >= ?2 \
             AND last_line IS NOT NULL ORDER BY last_line",
        )
        .map_err(unavailable)?;
    let rows = statement
        .query_map(params![run.to_string(), to_integer(from)], body)
        .map_err(unavailable)?;
    for row in rows {
        let event = parse(&row.map_err(unavailable)?)?;
        let EventKind::Log { chunk } = &event.kind else { continue };
        if chunk.first_line >= until {
            break;
        }
        range.events.push(event);
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
