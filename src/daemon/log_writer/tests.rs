//! Bytes become lines and chunks, in a real store.

use bytes::Bytes;

use super::*;
use crate::domain::event::RunEvent;
use crate::domain::run::Run;
use crate::domain::run::tests::{at, full_spec, id, new_run};
use crate::store::fault::{Fault, FaultyStore, Moment};
use crate::store::{Fence, Store, Transition, record};

/// Surroundings in which the run with the number 4 is stored.
async fn with_a_run() -> (tempfile::TempDir, Arc<Shared>) {
    let (folder, shared) = Shared::for_tests();
    let run = Run::create(new_run(full_spec()), at(0));
    assert_eq!(run.id(), id(4));
    let change = Transition {
        run: run.id(),
        document: record::encode(&run).unwrap(),
        at: at(0),
        events: Vec::new(),
        fence: Fence::NONE,
    };
    shared.store.transition(change).await.unwrap();
    (folder, shared)
}

async fn writer(shared: &Arc<Shared>) -> LogWriter {
    LogWriter::open(Arc::clone(shared), id(4), Stage::Implement, 1).await.unwrap()
}

fn frame(source: LogSource, millis: i64, bytes: &[u8]) -> OutputFrame {
    OutputFrame { source, at: at(millis), bytes: Bytes::copy_from_slice(bytes) }
}

async fn stored(shared: &Shared) -> Vec<LogChunk> {
    let events = shared.store.log(id(4), 1, usize::MAX >> 1).await.unwrap().events;
    events
        .into_iter()
        .map(|event| match event.kind {
            EventKind::Log { chunk } => chunk,
            other => panic!("{other:?} is no log"),
        })
        .collect()
}

fn texts(chunks: &[LogChunk]) -> Vec<&str> {
    chunks.iter().flat_map(|chunk| chunk.lines.iter().map(|line| line.2.as_str())).collect()
}

#[tokio::test]
async fn lines_are_put_together_from_pieces_of_each_stream() {
    let (_folder, shared) = with_a_run().await;
    let mut writer = writer(&shared).await;
    for (source, piece) in [
        (LogSource::Stdout, "hel"),
        (LogSource::Stderr, "oo"),
        (LogSource::Stdout, "lo\nwor"),
        (LogSource::Stderr, "ps\r\n"),
        (LogSource::Stdout, "ld"),
    ] {
        writer.push(&frame(source, 0, piece.as_bytes()), |_| {}).await.unwrap();
    }
    writer.finish(|_| {}).await.unwrap();
    let chunks = stored(&shared).await;
    assert_eq!(texts(&chunks), ["hello", "oops", "world"]);
    assert_eq!(chunks[0].lines[1].1, LogSource::Stderr);
    assert_eq!(chunks[0].cursor, OutputCursor { stdout: 11, stderr: 6 });
    assert_eq!(writer.tail(), ["hello", "oops", "world"]);
}

#[tokio::test]
async fn who_goes_on_misses_nothing_and_doubles_nothing() {
    let output: Vec<u8> = (0..500).flat_map(|n| format!("line {n}\n").into_bytes()).collect();
    let (_folder, shared) = with_a_run().await;
    let mut first = writer(&shared).await;
    // Killed in the middle of a line, with lines that were not stored yet.
    first.push(&frame(LogSource::Stdout, 0, &output[..1_000]), |_| {}).await.unwrap();
    first.flush().await.unwrap();
    first.push(&frame(LogSource::Stdout, 0, &output[1_000..2_000]), |_| {}).await.unwrap();
    drop(first);
    let mut second = writer(&shared).await;
    assert_eq!(second.tail().last().map(String::as_str), Some("line 122"), "the last words too");
    let from = usize::try_from(second.cursor().stdout).unwrap();
    assert!(from <= 1_000, "only what is stored counts");
    second.push(&frame(LogSource::Stdout, 0, &output[from..]), |_| {}).await.unwrap();
    second.finish(|_| {}).await.unwrap();
    let chunks = stored(&shared).await;
    let expected: Vec<String> = (0..500).map(|n| format!("line {n}")).collect();
    assert_eq!(texts(&chunks), expected);
}

#[tokio::test]
async fn the_checksums_form_a_chain_that_a_change_breaks() {
    let (_folder, shared) = with_a_run().await;
    let mut writer = writer(&shared).await;
    for n in 0..3 {
        let line = format!("line {n}\n");
        writer.push(&frame(LogSource::Stdout, n, line.as_bytes()), |_| {}).await.unwrap();
        writer.flush().await.unwrap();
    }
    let chunks = stored(&shared).await;
    let mut before = String::new();
    for chunk in &chunks {
        assert_eq!(chunk.checksum, checksum(&before, &chunk.lines));
        before.clone_from(&chunk.checksum);
    }
    let changed = [LogLine(0, LogSource::Stdout, "line 9".into())];
    assert_ne!(checksum(&chunks[0].checksum, &changed), chunks[1].checksum);
}

#[tokio::test]
async fn a_line_without_end_is_cut_and_memory_stays_bounded() {
    let (_folder, shared) = with_a_run().await;
    let mut writer = writer(&shared).await;
    let piece = "ä".repeat(50_000);
    for _ in 0..4 {
        writer.push(&frame(LogSource::Stdout, 0, piece.as_bytes()), |_| {}).await.unwrap();
        assert!(writer.stdout.len() <= MAX_LINE && writer.pending_bytes <= CHUNK_BYTES + MAX_LINE);
    }
    writer.finish(|_| {}).await.unwrap();
    let chunks = stored(&shared).await;
    let whole: String = texts(&chunks).concat();
    assert_eq!(whole, piece.repeat(4), "no character was cut in two");
    assert_eq!(chunks.last().unwrap().cursor.stdout, 400_000);
}

#[tokio::test]
async fn bytes_that_are_no_text_are_shown_as_such() {
    let (_folder, shared) = with_a_run().await;
    let mut writer = writer(&shared).await;
    writer.push(&frame(LogSource::Stdout, 0, b"\xff\xfe ok \x00\n"), |_| {}).await.unwrap();
    writer.finish(|_| {}).await.unwrap();
    assert_eq!(texts(&stored(&shared).await), ["\u{fffd}\u{fffd} ok \u{0}"]);
}

#[tokio::test]
async fn many_short_lines_do_not_wait_for_a_full_chunk() {
    let (_folder, shared) = with_a_run().await;
    let mut writer = writer(&shared).await;
    let lines = "\n".repeat(CHUNK_LINES + 1);
    writer.push(&frame(LogSource::Stdout, 0, lines.as_bytes()), |_| {}).await.unwrap();
    assert_eq!(stored(&shared).await.len(), 1);
    assert!(writer.due().is_some());
    writer.flush().await.unwrap();
    assert!(writer.due().is_none());
}

/// The lines that are stored, and how far, when the calls with these numbers break.
async fn end_of(faults: [Fault; 2]) -> (Vec<LogChunk>, LogPosition, u64) {
    let (mut counting, mut plain) = (None, None);
    let (_folder, shared) = Shared::for_tests_with(|inner| {
        plain = Some(Arc::clone(&inner));
        let [first, second] = faults;
        let store: Arc<dyn Store> = Arc::new(FaultyStore::new(inner, first));
        let store = Arc::new(FaultyStore::new(store, second));
        counting = Some(Arc::clone(&store));
        store
    });
    // The run has to be there before the story begins, whatever breaks in it.
    let run = Run::create(new_run(full_spec()), at(0));
    let change = Transition {
        run: run.id(),
        document: record::encode(&run).unwrap(),
        at: at(0),
        events: Vec::new(),
        fence: Fence::NONE,
    };
    shared.store.transition(change).await.unwrap();
    let mut writer = writer(&shared).await;
    for (number, text) in ["one\n", "two\nthree\n", "four\n"].iter().enumerate() {
        let millis = i64::try_from(number).unwrap();
        writer.push(&frame(LogSource::Stdout, millis, text.as_bytes()), |_| {}).await.unwrap();
        writer.flush().await.unwrap();
    }
    writer.finish(|_| {}).await.unwrap();
    let calls = counting.expect("it was made").counted();
    let plain = plain.expect("it is behind the faults");
    let position = plain.log_position(id(4), Stage::Implement, 1).await.unwrap();
    let events = plain.log(id(4), 1, usize::MAX >> 1).await.unwrap().events;
    let chunks = events.iter().filter_map(RunEvent::chunk).cloned().collect();
    (chunks, position, calls)
}

/// Making the run is the first call, and opening the writer makes two reads.
const BEFORE_THE_STORY: u64 = 3;

#[tokio::test]
async fn whichever_call_breaks_the_log_is_the_same() {
    let none = Fault::at_call(0, Moment::Before);
    let (expected, position, calls) = end_of([none, none]).await;
    assert_eq!((expected.len(), position.line, calls), (3, 4, BEFORE_THE_STORY + 3));
    let mut faults = Vec::new();
    for number in BEFORE_THE_STORY + 1..=calls {
        for moment in [Moment::Before, Moment::After] {
            let fault = Fault::at_call(number, moment);
            faults.push([none, fault]);
            // And again at each of the next calls: the second attempt, or the look at what is there.
            for next in number + 1..=number + 3 {
                faults.push([fault, Fault::at_call(next, Moment::Before)]);
            }
        }
    }
    let ends = futures_util::future::join_all(faults.iter().map(|faults| end_of(*faults))).await;
    for (faults, (found, at, taken)) in faults.iter().zip(ends) {
        assert_eq!((&found, &at), (&expected, &position), "{faults:?}");
        assert!(taken > calls, "{faults:?} came, and a call was repeated");
    }
}
