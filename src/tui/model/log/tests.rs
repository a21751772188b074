use super::*;
use crate::domain::event::{LogChunk, LogLine, OutputCursor};
use crate::domain::id::Id;
use uuid::Uuid;

fn run() -> RunId {
    Id::from_uuid(Uuid::from_u128(7))
}

fn event(seq: u64, kind: EventKind) -> RunEvent {
    RunEvent { run: run(), seq, at: Timestamp::UNIX_EPOCH, kind }
}

fn chunk(seq: u64, first_line: u64, texts: &[&str]) -> RunEvent {
    let mut lines = Vec::new();
    for (at, text) in texts.iter().enumerate() {
        lines.push(LogLine(
            u32::try_from(at).unwrap() * 1_000,
            LogSource::Stdout,
            (*text).to_owned(),
        ));
    }
    let chunk = LogChunk {
        stage: Stage::Verify,
        attempt: 1,
        first_line,
        lines,
        cursor: OutputCursor::default(),
        checksum: String::new(),
    };
    event(seq, EventKind::Log { chunk })
}

#[test]
fn lines_come_once_and_at_their_time() {
    let mut log = RunLog::of(run());
    assert!(log.take(chunk(3, 1, &["one", "two"])));
    assert!(!log.take(chunk(3, 1, &["one", "two"])));
    assert!(!log.take(chunk(2, 1, &["zero"])));
    assert_eq!((log.start(), log.end(), log.total(), log.seq()), (0, 2, 2, 3));
    assert_eq!(log.line(1).unwrap().at.as_second(), 1);
    let mut other = chunk(9, 3, &["other"]);
    other.run = Id::from_uuid(Uuid::from_u128(8));
    assert!(!log.take(other));
}

#[test]
fn the_window_is_bounded_and_indices_stay() {
    let mut log = RunLog::of(run());
    let mut first = 1;
    for seq in 1..=60 {
        let texts = vec!["line"; 100];
        log.take(chunk(seq, first, &texts));
        first += 100;
    }
    assert_eq!((log.start(), log.end()), (1_000, 6_000));
    assert_eq!((log.before(), log.total()), (1_000, 6_000));
    assert_eq!(log.line(999), None);
    assert!(log.line(1_000).is_some() && log.line(5_999).is_some());
    assert_eq!(log.line(6_000), None);
}

#[test]
fn the_end_of_a_long_log_knows_what_lies_before_it() {
    let mut log = RunLog::of(run());
    let entry = |line| LogEntry {
        line,
        at: Timestamp::UNIX_EPOCH,
        stage: Stage::Verify,
        source: LogSource::Stdout,
        text: String::new(),
    };
    log.fill(LogPage { lines: (501..=1_000).map(entry).collect(), total: 1_000, seq: 40 });
    assert!(log.is_loaded());
    assert_eq!((log.before(), log.end(), log.total(), log.seq()), (500, 500, 1_000, 40));
}

#[test]
fn a_line_is_bounded_and_harmless() {
    let mut log = RunLog::of(run());
    let long = "x".repeat(100_000);
    log.take(chunk(1, 1, &[&long, "a\u{1b}[31mb\u{1b}]8;;http://evil\u{7}c\u{202e}d\ne"]));
    assert_eq!(log.line(0).unwrap().text.chars().count(), MAX_LENGTH + 1);
    assert_eq!(log.line(1).unwrap().text, "abcd e");
}

#[test]
fn what_orch_remarks_stands_among_the_lines() {
    let mut log = RunLog::of(run());
    assert!(!log.take(event(1, EventKind::Created)));
    assert!(log.take(event(2, EventKind::CancelRequested)));
    let line = log.line(0).unwrap();
    assert_eq!((line.voice, line.text.as_str()), (Voice::Orch, "asked to stop"));
    assert_eq!(log.total(), 0);
}
