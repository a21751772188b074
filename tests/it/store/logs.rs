//! Logs: lines are numbered without a gap, and found by their number however long the log is.

use std::sync::Arc;

use orch::domain::event::OutputCursor;
use orch::domain::stage::Stage;
use orch::store::{LogPosition, LogRange};

use super::context::Context;
use super::making::{
    append, append_lines, at_once, id, lines, lines_of, numbers, spans, stored_queued,
};
use super::outcome::{Outcome, conflict, won_against_conflicts};
use super::{StoreCase, store_cases};

pub(super) const CASES: &[StoreCase] = store_cases![
    lines_go_on_where_they_ended,
    a_gap_a_double_and_nothing_are_refused,
    of_twenty_chunks_with_the_same_lines_one_is_stored,
    lines_are_found_by_their_number,
    ranges_end_where_the_log_does,
    notes_between_chunks_are_no_lines,
    what_is_not_there_has_no_log,
    the_log_position_is_each_executions_own,
    a_log_of_a_million_lines_is_read_in_the_middle,
];

async fn lines_go_on_where_they_ended(context: &Context) -> Outcome {
    let store = context.store.as_ref();
    let run = stored_queued(store, 7).await?.id();
    assert_eq!(append_lines(store, run, lines(1, 10)).await?, 2);
    assert_eq!(append(store, run, "in between").await?, 3);
    assert_eq!(append_lines(store, run, lines_of(Stage::Verify, 1, 11, 5)).await?, 4);
    let range = store.log(run, 1, 100).await?;
    assert_eq!((range.last_line, range.last_seq), (15, 4));
    assert_eq!(spans(&range.events), [(1, 10), (11, 15)]);
    let events = store.events(run, 0, 10).await?;
    assert_eq!(events[1].chunk(), Some(&lines(1, 10)));
    assert_eq!([&events[1], &events[3]], [&range.events[0], &range.events[1]]);
    Ok(())
}

async fn a_gap_a_double_and_nothing_are_refused(context: &Context) -> Outcome {
    let store = context.store.as_ref();
    let run = stored_queued(store, 7).await?.id();
    for first in [0, 2, 3] {
        conflict(append_lines(store, run, lines(first, 1)).await);
    }
    append_lines(store, run, lines(1, 10)).await?;
    for first in [0, 1, 10, 12, 1_000] {
        conflict(append_lines(store, run, lines(first, 1)).await);
        conflict(append_lines(store, run, lines(first, 20)).await);
    }
    conflict(append_lines(store, run, lines(11, 0)).await);
    let range = store.log(run, 1, 100).await?;
    assert_eq!((range.last_line, range.last_seq, range.events.len()), (10, 2, 1));
    assert_eq!(numbers(store, run).await?, [1, 2], "what was refused got no number");
    assert_eq!(append_lines(store, run, lines(11, 1)).await?, 3);
    Ok(())
}

async fn of_twenty_chunks_with_the_same_lines_one_is_stored(context: &Context) -> Outcome {
    let other = context.reopen().await?;
    let run = stored_queued(context.store.as_ref(), 7).await?.id();
    for round in 0..3 {
        let answers = at_once(20, |number| {
            let store = Arc::clone(if number % 2 == 0 { &context.store } else { &other });
            async move { append_lines(store.as_ref(), run, lines(round * 5 + 1, 5)).await }
        })
        .await;
        assert_eq!(won_against_conflicts(answers), 1);
    }
    let range = context.store.log(run, 1, 100).await?;
    assert_eq!(spans(&range.events), [(1, 5), (6, 10), (11, 15)]);
    assert_eq!(range.last_seq, 4);
    Ok(())
}

async fn lines_are_found_by_their_number(context: &Context) -> Outcome {
    let store = context.store.as_ref();
    let run = stored_queued(store, 7).await?.id();
    for chunk in 0..20 {
        append_lines(store, run, lines(chunk * 10 + 1, 10)).await?;
    }
    for (from, limit, expected) in [
        (95, 10, vec![(91, 100), (101, 110)]),
        (1, 10, vec![(1, 10)]),
        (1, 1, vec![(1, 10)]),
        (10, 1, vec![(1, 10)]),
        (10, 2, vec![(1, 10), (11, 20)]),
        (11, 1, vec![(11, 20)]),
        (11, 10, vec![(11, 20)]),
        (11, 11, vec![(11, 20), (21, 30)]),
        (200, 1, vec![(191, 200)]),
        (195, usize::MAX, vec![(191, 200)]),
        (5, 0, vec![]),
    ] {
        let range = store.log(run, from, limit).await?;
        assert_eq!((range.last_line, range.last_seq), (200, 21), "{limit} from {from}");
        // No line was asked for; the chunk that it would be in may come all the same.
        if limit > 0 {
            assert_eq!(spans(&range.events), expected, "{limit} lines from {from}");
        }
    }
    assert_eq!(store.log(run, 0, usize::MAX).await?.events.len(), 20);
    assert_eq!(spans(&store.log(run, 0, 5).await?.events), [(1, 10)]);
    Ok(())
}

async fn ranges_end_where_the_log_does(context: &Context) -> Outcome {
    let store = context.store.as_ref();
    let run = stored_queued(store, 7).await?.id();
    let nothing = LogRange { events: Vec::new(), last_line: 0, last_seq: 1 };
    for from in [0, 1, 2] {
        assert_eq!(store.log(run, from, 10).await?, nothing, "no line was stored yet");
    }
    append_lines(store, run, lines(1, 10)).await?;
    let beyond = LogRange { events: Vec::new(), last_line: 10, last_seq: 2 };
    for from in [11, 12, 1_000, u64::MAX >> 1, u64::MAX] {
        assert_eq!(store.log(run, from, 10).await?, beyond, "from {from}");
        assert_eq!(store.log(run, from, usize::MAX).await?, beyond, "from {from}");
    }
    assert_eq!(store.log(run, 10, usize::MAX).await?.events.len(), 1);
    Ok(())
}

async fn notes_between_chunks_are_no_lines(context: &Context) -> Outcome {
    let store = context.store.as_ref();
    let run = stored_queued(store, 7).await?.id();
    append(store, run, "before").await?;
    append_lines(store, run, lines(1, 2)).await?;
    append(store, run, "between").await?;
    append_lines(store, run, lines(3, 2)).await?;
    append(store, run, "behind").await?;
    let range = store.log(run, 1, 10).await?;
    assert_eq!((spans(&range.events), range.last_seq), (vec![(1, 2), (3, 4)], 6));
    assert_eq!(range.events.len(), 2, "only chunks are told");
    assert_eq!(numbers(store, run).await?, [1, 2, 3, 4, 5, 6]);
    Ok(())
}

async fn what_is_not_there_has_no_log(context: &Context) -> Outcome {
    let store = context.store.as_ref();
    let zero = LogPosition { line: 0, checksum: String::new(), cursor: OutputCursor::default() };
    assert_eq!(store.log(id(7), 0, 10).await?, LogRange::default());
    assert_eq!(store.log_position(id(7), Stage::Implement, 1).await?, zero);
    assert_eq!(store.events(id(7), 0, 10).await?, []);
    stored_queued(store, 7).await?;
    assert_eq!(store.log_position(id(7), Stage::Implement, 1).await?, zero);
    Ok(())
}

async fn the_log_position_is_each_executions_own(context: &Context) -> Outcome {
    let store = context.store.as_ref();
    let run = stored_queued(store, 7).await?.id();
    append_lines(store, run, lines_of(Stage::Implement, 1, 1, 10)).await?;
    append_lines(store, run, lines_of(Stage::Implement, 2, 11, 5)).await?;
    append_lines(store, run, lines_of(Stage::Verify, 1, 16, 5)).await?;
    append_lines(store, run, lines_of(Stage::Implement, 2, 21, 1)).await?;
    append(store, run, "no line").await?;
    for (stage, attempt, stdout) in [
        (Stage::Implement, 1, 11),
        (Stage::Implement, 2, 22),
        (Stage::Implement, 3, 0),
        (Stage::Verify, 1, 21),
        (Stage::Verify, 2, 0),
        (Stage::Prepare, 1, 0),
    ] {
        let position = store.log_position(run, stage, attempt).await?;
        let cursor = OutputCursor { stdout, stderr: 0 };
        let expected = LogPosition { line: 21, checksum: "sum 22".to_owned(), cursor };
        assert_eq!(position, expected, "{stage} {attempt}");
    }
    Ok(())
}

/// In chunks of 2,000 lines, so that a server which bears few documents bears it as well.
async fn a_log_of_a_million_lines_is_read_in_the_middle(context: &Context) -> Outcome {
    const EACH: u64 = 2_000;
    let store = context.store.as_ref();
    let run = stored_queued(store, 7).await?.id();
    let chunks = context.scaled(500, "chunks of 2,000 lines");
    for number in 0..chunks {
        append_lines(store, run, lines(number * EACH + 1, EACH)).await?;
    }
    let (last, line) = (chunks * EACH, chunks * EACH / 10 * 9);
    assert!(last == 1_000_000 || chunks < 500);
    let range = store.log(run, line, 100).await?;
    assert_eq!((range.last_line, range.last_seq), (last, chunks + 1));
    assert_eq!(spans(&range.events), [(line - EACH + 1, line), (line + 1, line + EACH)]);
    let text = &range.events[0].chunk().expect("it is a chunk").lines[1_999].2;
    assert_eq!(*text, format!("line {line}"));
    // The same by the number of the event: the first one told of the run itself.
    let seq = line / EACH + 1;
    let events = store.events(run, seq - 1, 2).await?;
    assert_eq!(events, range.events);
    assert_eq!((events[0].seq, events[1].seq), (seq, seq + 1));
    let position = store.log_position(run, Stage::Implement, 1).await?;
    assert_eq!((position.line, position.cursor.stdout), (last, last + 1));
    assert_eq!(spans(&store.log(run, last, 10).await?.events), [(last - EACH + 1, last)]);
    Ok(())
}
