use std::io::Cursor;

use jiff::Timestamp;
use tempfile::TempDir;

use super::*;
use crate::domain::event::{EventKind, LogChunk, LogLine, LogSource, OutputCursor};
use crate::domain::stage::Stage;
use crate::store::sqlite::SqliteStore;
use crate::store::{Collection, Expiry, Fence, MAX_BODY, Store, StoreError, Transition};

const RUNS: [&str; 3] =
    ["01jzzzzzzzaaaaaaaaaaaaaaaa", "01jzzzzzzzbbbbbbbbbbbbbbbb", "01jzzzzzzzcccccccccccccccc"];

fn store(folder: &TempDir, name: &str) -> SqliteStore {
    SqliteStore::open(&folder.path().join(name)).unwrap()
}

fn document(collection: Collection, id: &str, body: &str) -> Document {
    let keys = collection.indexes().iter().map(|index| {
        let value = if index.unique { Some(format!("{id}\u{0}\"\n")) } else { None };
        (index.field, value)
    });
    Document {
        collection,
        id: id.to_owned(),
        version: 1,
        schema: 1,
        keys: keys.collect(),
        body: body.to_owned(),
    }
}

fn chunk(first_line: u64, count: usize) -> LogChunk {
    let line = |n: usize| LogLine(n as u32, LogSource::Stdout, format!("line {n} \u{1b}[31m ü"));
    LogChunk {
        stage: Stage::Implement,
        attempt: 1,
        first_line,
        lines: (0..count).map(line).collect(),
        cursor: OutputCursor { stdout: first_line, stderr: 0 },
        checksum: format!("sum {first_line}"),
    }
}

async fn begin(store: &dyn Store, run: &str, age: Option<&str>) {
    let mut document = document(Collection::Runs, run, "{ \"b\": 1,  \"a\": 1e1 }");
    for (field, value) in &mut document.keys {
        if *field == crate::store::AGE {
            *value = age.map(str::to_owned);
        }
    }
    let (run, at) = (run.parse().unwrap(), Timestamp::UNIX_EPOCH);
    let events = vec![EventKind::Created, EventKind::Note { text: "\u{7}".to_owned() }];
    store.transition(Transition { run, document, at, events, fence: Fence::NONE }).await.unwrap();
}

/// A store with something of every kind: several versions, values that JSON has to escape, a run
/// whose events have expired, one whose events are half hidden, one without any log.
async fn fill(store: &dyn Store) {
    for collection in Collection::ALL {
        if collection != Collection::Runs {
            for id in ["a", "b\u{2028}\u{1}", "ü"] {
                store.insert(document(collection, id, "{\"x\":\"\\u0000\"} ")).await.unwrap();
            }
            let newer = Document { version: 2, ..document(collection, "a", "{}") };
            store.replace(newer).await.unwrap();
        }
    }
    begin(store, RUNS[0], Some("000000000000001")).await;
    store
        .append_chunk(RUNS[0].parse().unwrap(), Timestamp::UNIX_EPOCH, chunk(1, 3), Fence::NONE)
        .await
        .unwrap();
    let before = Timestamp::from_millisecond(5).unwrap();
    while store.expire(Expiry::Events, before, 10).await.unwrap().more {}
    for run in &RUNS[1..] {
        begin(store, run, None).await;
    }
    for part in 0..40 {
        let chunk = chunk(part * 3 + 1, 3);
        let run = RUNS[1].parse().unwrap();
        store.append_chunk(run, Timestamp::UNIX_EPOCH, chunk, Fence::NONE).await.unwrap();
    }
}

fn head() -> Head {
    Head {
        format: FORMAT,
        version: "1.2.3".to_owned(),
        at: Timestamp::UNIX_EPOCH,
        from: "sqlite".to_owned(),
    }
}

async fn backup(store: &dyn Store) -> (Vec<u8>, Summary) {
    let mut writer = Writer::begin(Vec::new(), head()).unwrap();
    let mut export = Export::new(store);
    while let Some(piece) = export.next_piece().await.unwrap() {
        writer.write(&piece).unwrap();
    }
    let (file, summary, bytes) = writer.finish().unwrap();
    assert_eq!(file.len() as u64, bytes);
    (file, summary)
}

async fn small() -> (Vec<u8>, Summary) {
    let folder = tempfile::tempdir().unwrap();
    let store = store(&folder, "small.db");
    store.insert(document(Collection::Projects, "a", "{}")).await.unwrap();
    begin(&store, RUNS[0], None).await;
    let run = RUNS[0].parse().unwrap();
    store.append_chunk(run, Timestamp::UNIX_EPOCH, chunk(1, 2), Fence::NONE).await.unwrap();
    backup(&store).await
}

fn read(file: &[u8]) -> Result<Summary, BackupError> {
    let mut reader = Reader::begin(Cursor::new(file))?;
    let mut content = Content::default();
    while let Some(piece) = reader.next_piece()? {
        content.add(&piece);
    }
    assert_eq!(reader.bytes(), file.len() as u64);
    assert_eq!(reader.end(), Some(&content.summary()));
    Ok(content.summary())
}

async fn load(file: &[u8], store: &dyn Store) -> Result<(), StoreError> {
    let mut reader = Reader::begin(Cursor::new(file)).unwrap();
    let mut loader = Loader::new(store);
    while let Some(piece) = reader.next_piece().unwrap() {
        loader.add(piece).await?;
    }
    loader.finish().await
}

/// The lines of a file with a change in one of them, under sums that are right.
fn rewritten(file: &[u8], change: impl Fn(usize, &str) -> String) -> Vec<u8> {
    let text = std::str::from_utf8(file).unwrap();
    let (mut old, mut new) = (line::Chain::default(), line::Chain::default());
    let mut changed = String::new();
    for (number, line) in text.lines().enumerate() {
        let json = change(number + 1, &old.open(line).unwrap());
        if !json.is_empty() {
            changed.push_str(&new.close(&json));
        }
    }
    changed.into_bytes()
}

#[tokio::test]
async fn what_was_in_a_store_is_in_the_next_one() {
    let folder = tempfile::tempdir().unwrap();
    let first = store(&folder, "first.db");
    fill(&first).await;
    let (file, written) = backup(&first).await;
    assert_eq!(written, summary(&first).await.unwrap());
    assert_eq!(written.documents["audit"], 3);
    assert_eq!((written.total(), written.events), (45, 44));
    assert_eq!(read(&file).unwrap(), written);

    let second = store(&folder, "second.db");
    assert!(occupied(&second).await.unwrap().is_empty());
    load(&file, &second).await.unwrap();
    assert_eq!(occupied(&second).await.unwrap(), Collection::ALL);
    assert_eq!(summary(&second).await.unwrap(), written);
    assert_eq!(backup(&second).await.0, file);
    // Numbers go on where they ended, also where all events have expired.
    for (run, next) in [(RUNS[0], 4), (RUNS[1], 43), (RUNS[2], 3)] {
        let run = run.parse().unwrap();
        let event = EventKind::Created;
        let at = Timestamp::UNIX_EPOCH;
        assert_eq!(second.append_event(run, at, event, Fence::NONE).await.unwrap(), next);
    }
}

#[tokio::test]
async fn an_empty_store_has_a_backup_too() {
    let folder = tempfile::tempdir().unwrap();
    let (file, written) = backup(&store(&folder, "empty.db")).await;
    assert_eq!(read(&file).unwrap(), written);
    assert_eq!((written.total(), written.events), (0, 0));
}

#[tokio::test]
async fn every_difference_changes_the_checksum() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(&folder, "one.db");
    let mut seen = vec![summary(&store).await.unwrap().checksum];
    let mut differs = async |store: &dyn Store| {
        let sum = summary(store).await.unwrap().checksum;
        assert!(!seen.contains(&sum));
        seen.push(sum);
    };
    store.insert(document(Collection::Tasks, "a", "{}")).await.unwrap();
    differs(&store).await;
    for (version, schema, body) in [(2, 1, "{}"), (3, 2, "{}"), (4, 2, "{ }")] {
        let document = Document { version, schema, ..document(Collection::Tasks, "a", body) };
        store.replace(document).await.unwrap();
        differs(&store).await;
    }
    begin(&store, RUNS[0], None).await;
    differs(&store).await;
    let run: RunId = RUNS[0].parse().unwrap();
    store.append_chunk(run, Timestamp::UNIX_EPOCH, chunk(1, 1), Fence::NONE).await.unwrap();
    differs(&store).await;
}

#[tokio::test]
async fn each_flipped_byte_is_noticed() {
    let (file, _) = small().await;
    for place in 0..file.len() {
        for bit in [0, 3, 5] {
            let mut flipped = file.clone();
            flipped[place] ^= 1 << bit;
            assert!(read(&flipped).is_err(), "byte {place}, bit {bit}");
        }
    }
}

#[tokio::test]
async fn damage_is_told_with_its_line() {
    let (file, _) = small().await;
    let text = String::from_utf8(file).unwrap();
    let damaged = text.replacen("\\\"note\\\"", "\\\"mote\\\"", 1);
    let error = read(damaged.as_bytes()).unwrap_err();
    assert_eq!(error.to_string(), "line 4 is damaged: its sum is another");
    // A line that is missing, doubled or moved.
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    for place in 1..lines.len() - 1 {
        let mut without = lines.clone();
        without.remove(place);
        let mut doubled = lines.clone();
        doubled.insert(place, lines[place]);
        let mut moved = lines.clone();
        moved.swap(place, place - 1);
        for lines in [without, doubled, moved] {
            assert!(read(lines.concat().as_bytes()).is_err(), "{place}");
        }
    }
    let longer = format!("{text}\n");
    assert!(read(longer.as_bytes()).unwrap_err().to_string().contains("behind the end"));
}

#[tokio::test]
async fn a_file_that_was_cut_off_is_refused_wherever_that_was() {
    let (file, _) = small().await;
    for length in 0..file.len() {
        let error = read(&file[..length]).unwrap_err();
        let whole = file[..length].iter().filter(|byte| **byte == b'\n').count();
        match length {
            0 => assert!(matches!(error, BackupError::Foreign)),
            _ => assert_eq!(error.to_string(), format!("it is cut off after line {whole}")),
        }
    }
}

#[tokio::test]
async fn what_is_no_backup_or_a_newer_one_is_refused() {
    for foreign in ["", "\n", "hello\n", "{}\n", "{\"orch\":1}\n", "SQLite format 3\0", "[1]"] {
        assert!(matches!(read(foreign.as_bytes()), Err(BackupError::Foreign)), "{foreign}");
    }
    let newer = "{\"orchBackup\":{\"format\":7,\"version\":\"9.9.9\",\"compressed\":true}}\n";
    assert_eq!(
        read(newer.as_bytes()).unwrap_err().to_string(),
        "orch 9.9.9 wrote it in format 7, and this orch reads up to 1"
    );
}

#[tokio::test]
async fn what_would_be_lost_is_refused() {
    let (file, _) = small().await;
    let case = |line: usize, from: &str, to: &str| {
        let changed = rewritten(&file, |number, json| {
            if number != line {
                return json.to_owned();
            }
            assert!(json.contains(from), "{json}");
            json.replacen(from, to, 1)
        });
        read(&changed).unwrap_err().to_string()
    };
    let unknown = |error: String| assert!(error.contains("does not know"), "{error}");
    let damaged = |error: String| assert!(error.contains("is damaged"), "{error}");
    unknown(case(2, "projects", "robots"));
    unknown(case(2, "slug", "name"));
    unknown(case(2, "\"version\"", "\"more\":1,\"version\""));
    unknown(case(4, "\\\"event\\\":\\\"note\\\"", "\\\"event\\\":\\\"sang\\\""));
    unknown(case(4, "\\\"event\\\"", "\\\"loud\\\":1,\\\"event\\\""));
    damaged(case(2, "\"version\":1", "\"version\":0"));
    damaged(case(3, "01jzzzzzzza", "z1jzzzzzzza"));
    damaged(case(4, "\"first\":1", "\"first\":2"));
    damaged(case(4, RUNS[0], RUNS[1]));
    damaged(case(5, "\"lastEvent\":3", "\"lastEvent\":4"));
    damaged(case(5, "\"expired\":0", "\"expired\":1"));
    damaged(case(6, "\"projects\":1", "\"projects\":2"));
    damaged(case(6, "\"events\":3", "\"events\":2"));
    damaged(case(6, "sha256:", "sha256:0"));
    // Lines that are missing though all sums are right.
    for missing in 2..6 {
        let changed =
            rewritten(
                &file,
                |number, json| {
                    if number == missing { String::new() } else { json.to_owned() }
                },
            );
        assert!(read(&changed).is_err(), "{missing}");
    }
}

/// An older orch may have written an event with other words: what it said is kept.
#[tokio::test]
async fn another_way_to_write_an_event_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let first = store(&folder, "first.db");
    begin(&first, RUNS[0], None).await;
    let mut writer = Writer::begin(Vec::new(), head()).unwrap();
    let mut export = Export::new(&first);
    let mut spaced = 0;
    while let Some(mut piece) = export.next_piece().await.unwrap() {
        if let Piece::Events { bodies, .. } = &mut piece {
            for body in bodies {
                *body = body.replacen('{', "{ \"stage\":null, ", 1);
                spaced += 1;
            }
        }
        writer.write(&piece).unwrap();
    }
    assert_eq!(spaced, 2);
    let (file, written, _) = writer.finish().unwrap();
    let second = store(&folder, "second.db");
    load(&file, &second).await.unwrap();
    assert_eq!(summary(&second).await.unwrap(), summary(&first).await.unwrap());
    assert_ne!(summary(&second).await.unwrap(), written);
}

#[tokio::test]
async fn the_largest_bodies_pass() {
    let folder = tempfile::tempdir().unwrap();
    let first = store(&folder, "first.db");
    // A sign that takes six bytes for one.
    let body = "\u{1}".repeat(MAX_BODY);
    for id in ["a", "b"] {
        first.insert(document(Collection::Envelopes, id, &body)).await.unwrap();
    }
    let (file, written) = backup(&first).await;
    let second = store(&folder, "second.db");
    load(&file, &second).await.unwrap();
    assert_eq!(summary(&second).await.unwrap(), written);
}

#[tokio::test]
async fn chunks_of_any_size_pass() {
    let folder = tempfile::tempdir().unwrap();
    let first = store(&folder, "first.db");
    begin(&first, RUNS[0], None).await;
    let run = RUNS[0].parse().unwrap();
    for number in 0..40 {
        // Escaped, it is close to what one call may write.
        let text = "\u{1}".repeat(1 << 20);
        let mut chunk = chunk(number + 1, 1);
        chunk.lines[0].2 = text;
        first.append_chunk(run, Timestamp::UNIX_EPOCH, chunk, Fence::NONE).await.unwrap();
    }
    let (file, written) = backup(&first).await;
    let second = store(&folder, "second.db");
    load(&file, &second).await.unwrap();
    assert_eq!(summary(&second).await.unwrap(), written);
}
