//! Backups that are larger than what a case would wait for.

use std::fs::File;
use std::io::{BufReader, BufWriter};
use std::path::Path;

use orch::domain::event::{EventKind, LogChunk, LogLine, LogSource, OutputCursor, RunEvent};
use orch::domain::stage::Stage;
use orch::store::transfer::{Piece, Reader, Writer};

use crate::case::CaseResult;

/// A backup like this one, with so many more events of its last run: log lines and notes.
pub(super) fn enlarged(from: &Path, to: &Path, more: u64) -> CaseResult {
    let mut reader = Reader::begin(BufReader::new(File::open(from)?))?;
    let mut pieces = Vec::new();
    while let Some(piece) = reader.next_piece()? {
        pieces.push(piece);
    }
    let head = reader.head().clone();
    let last = pieces.iter().rposition(|piece| matches!(piece, Piece::Numbers { .. }));
    let last = last.ok_or("no run")?;
    let mut writer = Writer::begin(BufWriter::new(File::create(to)?), head)?;
    for (place, piece) in pieces.iter().enumerate() {
        match piece {
            Piece::Numbers { run, last_seq, last_line, expired } if place == last => {
                let at = "2026-01-01T00:00:00Z".parse()?;
                let (mut seq, mut line) = (*last_seq, *last_line);
                while seq < last_seq + more {
                    let mut events = Vec::new();
                    for _ in 0..64.min(last_seq + more - seq) {
                        seq += 1;
                        let kind = if seq.is_multiple_of(2) {
                            line += 1;
                            let text = format!("line {line} \u{1b}[1m of a long log, ü");
                            EventKind::Log { chunk: chunk(line, text) }
                        } else {
                            EventKind::Note { text: format!("note {seq}") }
                        };
                        events.push(RunEvent { run: *run, seq, at, kind });
                    }
                    let bodies: Result<Vec<String>, _> =
                        events.iter().map(serde_json::to_string).collect();
                    writer.write(&Piece::Events { events, bodies: bodies? })?;
                }
                let (run, expired) = (*run, *expired);
                writer.write(&Piece::Numbers { run, last_seq: seq, last_line: line, expired })?;
            }
            piece => writer.write(piece)?,
        }
    }
    writer.finish()?;
    Ok(())
}

fn chunk(line: u64, text: String) -> LogChunk {
    LogChunk {
        stage: Stage::Implement,
        attempt: 1,
        first_line: line,
        lines: vec![LogLine(0, LogSource::Stdout, text)],
        cursor: OutputCursor { stdout: line * 10, stderr: 0 },
        checksum: format!("{line:064}"),
    }
}
