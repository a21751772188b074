use super::*;
use crate::domain::event::{LogLine, LogSource, OutputCursor};
use crate::domain::failure::{Failure, FailureClass};

fn told(kinds: Vec<EventKind>) -> Vec<String> {
    let mut teller = Teller::new(Ui::new(true, false, true), Channel::Result);
    let mut lines = Vec::new();
    for (seq, kind) in (1..).zip(kinds) {
        let at = Timestamp::from_millisecond(seq * 1_500).expect("is in range");
        let run = RunId::from_uuid(uuid::Uuid::from_u128(7));
        let seq = u64::try_from(seq).expect("is positive");
        if let Some((_, text)) = teller.words(&RunEvent { run, seq, at, kind }) {
            lines.push(text);
        }
    }
    lines
}

fn log(text: &[&str]) -> EventKind {
    let lines = text.iter().map(|text| LogLine(0, LogSource::Stdout, (*text).to_owned())).collect();
    EventKind::Log {
        chunk: LogChunk {
            stage: Stage::Verify,
            attempt: 1,
            first_line: 1,
            lines,
            cursor: OutputCursor::default(),
            checksum: String::new(),
        },
    }
}

#[test]
fn a_run_is_told_as_it_happens() {
    let failure = Failure::new(FailureClass::Verify, "`sh test.sh` failed\u{1b}[2J");
    let lines = told(vec![
        EventKind::Created,
        EventKind::StageBegun { stage: Stage::Prepare, attempt: 1 },
        EventKind::StageRunning { stage: Stage::Prepare, attempt: 1 },
        EventKind::StageEnded {
            stage: Stage::Prepare,
            attempt: 1,
            exit: Some(0),
            result: StageResult::Passed,
        },
        EventKind::StageBegun { stage: Stage::Verify, attempt: 2 },
        log(&["one\u{1b}]0;evil\u{7}", "two"]),
        EventKind::StageEnded {
            stage: Stage::Verify,
            attempt: 2,
            exit: Some(1),
            result: StageResult::Failed { failure },
        },
        EventKind::DeadlinePassed { deadline: crate::domain::run::Deadline::Idle },
        EventKind::Waiting { reason: WaitReason::Review, failure: None },
        EventKind::Ended { outcome: Outcome::Cancelled },
    ]);
    assert_eq!(
        lines,
        [
            "==> prepare",
            "✓ prepare passed · 3.0s",
            "==> verify (attempt 2)",
            "one\ntwo",
            "✗ verify failed (exit 1) · 3.0s: `sh test.sh` failed",
            "! the idle timeout has passed",
            "! it waits for a person to look at it",
        ]
    );
}
