//! A writer is killed at any instant: whatever was acknowledged is there, and nothing half.
//!
//! The test binary starts itself as the writer, with an address in [`WRITER`]. It prints a line for
//! each write that returned; the case kills it, opens the store and compares.

use std::collections::BTreeMap;
use std::error::Error;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use orch::domain::address::StoreAddress;
use orch::domain::event::{EventKind, LogChunk, LogLine, LogSource, OutputCursor};
use orch::domain::id::{Id, RunId};
use orch::domain::run::{NewRun, Run};
use orch::domain::stage::Stage;
use orch::domain::task::{HarnessKind, TaskSpec};
use orch::store::{
    Collection, Document, Fence, Query, Store, StoreError, Transition, open, record,
};
use uuid::Uuid;

use crate::case::{Case, CaseResult, cases};
use crate::mongodb::Database;
use crate::wait::wait_for;

pub(crate) const CASES: &[Case] = cases![
    what_was_acknowledged_is_there_after_a_kill,
    what_was_acknowledged_is_in_mongodb_after_a_kill needs [MongoDb],
    a_disk_that_fills_up_stops_writers_until_there_is_room needs [Root],
    a_disk_that_can_only_be_read_is_refused_in_words needs [Root],
];

/// The address that a writer is started with.
const WRITER: &str = "ORCH_TEST_WRITER";
/// One more store to try: an address as in the settings, of an empty database.
const STORE: &str = "ORCH_TEST_STORE";

/// On SQLite, with a file for each lane.
const LANES: usize = 4;
const KILLS: usize = 50;
/// Tasks that write at once, each to a run of its own.
const TASKS: usize = 4;
/// A writer lives at most this long, its start included.
const LIFE: u64 = 150;
/// How long a store may take to come up when nobody is killed for it.
const PATIENCE: Duration = Duration::from_secs(60);
const STAGE: Stage = Stage::Implement;

type Failed = Box<dyn Error + Send + Sync>;

fn what_was_acknowledged_is_there_after_a_kill() -> CaseResult {
    let folder = tempfile::tempdir()?;
    let mut addresses: Vec<StoreAddress> = (0..LANES)
        .map(|lane| StoreAddress::File(folder.path().join(format!("{lane}.db"))))
        .collect();
    if let Ok(address) = std::env::var(STORE) {
        addresses.push(address.parse()?);
    }
    for (address, acknowledged) in survive(addresses)? {
        assert!(acknowledged > KILLS, "{address}: the writers came to {acknowledged} writes only");
    }
    Ok(())
}

fn what_was_acknowledged_is_in_mongodb_after_a_kill() -> CaseResult {
    let database = Database::new()?;
    for (address, acknowledged) in survive(vec![database.uri().parse()?])? {
        assert!(acknowledged > KILLS, "{address}: the writers came to {acknowledged} writes only");
    }
    Ok(())
}

/// Kills writers to each of these stores, side by side. Returns how much was acknowledged.
fn survive(addresses: Vec<StoreAddress>) -> Result<Vec<(StoreAddress, usize)>, Box<dyn Error>> {
    let lanes: Vec<_> = addresses
        .into_iter()
        .map(|address| {
            thread::spawn(move || {
                let acknowledged = lane(&address).map_err(|e| format!("{address}: {e}"))?;
                Ok::<_, String>((address, acknowledged))
            })
        })
        .collect();
    let mut all = Vec::new();
    for lane in lanes {
        all.push(lane.join().map_err(|_| "a lane panicked")??);
    }
    Ok(all)
}

fn lane(address: &StoreAddress) -> Result<usize, Failed> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut acknowledged = 0;
    for _ in 0..KILLS {
        let said = killed_writer(address)?;
        acknowledged += said.len();
        let told = what_was_told(&said)?;
        runtime.block_on(async {
            let store = open(address, Path::new("/nowhere")).await?;
            for (run, told) in &told {
                compare(store.as_ref(), *run, told).await?;
            }
            Ok::<_, Failed>(())
        })?;
    }
    // What nobody was told of is whole too.
    runtime.block_on(async {
        let store = open(address, Path::new("/nowhere")).await?;
        for document in store.find(Query::all(Collection::Runs)).await? {
            compare(store.as_ref(), document.id.parse()?, &Told::default()).await?;
        }
        Ok::<_, Failed>(())
    })?;
    Ok(acknowledged)
}

/// What a writer said until it was killed.
fn killed_writer(address: &StoreAddress) -> Result<Vec<String>, Failed> {
    let written = match address {
        StoreAddress::Embedded => return Err("it has no address".into()),
        StoreAddress::File(path) => format!("sqlite:{}", path.display()),
        StoreAddress::Mongo(url) => url.with_password().to_owned(),
    };
    let mut writer = Command::new(std::env::current_exe()?)
        .env(WRITER, written)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()?;
    let said = listen(&mut writer)?;
    let life = Duration::from_millis(u64::from(Uuid::now_v7().as_fields().3[7]) * LIFE / 256);
    let end = Instant::now() + life;
    let mut lines = Vec::new();
    loop {
        match said.recv_timeout(end.saturating_duration_since(Instant::now())) {
            Ok(line) => lines.push(line),
            Err(RecvTimeoutError::Timeout) => break,
            Err(RecvTimeoutError::Disconnected) => {
                let status = writer.wait()?;
                return Err(
                    format!("the writer ended by itself: {status}, {:?}", lines.last()).into()
                );
            }
        }
    }
    writer.kill()?;
    writer.wait()?;
    while let Ok(line) = said.recv_timeout(PATIENCE) {
        lines.push(line);
    }
    Ok(lines)
}

fn listen(writer: &mut Child) -> Result<Receiver<String>, Failed> {
    let output = writer.stdout.take().ok_or("it has no output")?;
    let (lines, said) = mpsc::channel();
    thread::spawn(move || {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            if lines.send(line).is_err() {
                return;
            }
        }
    });
    Ok(said)
}

/// How far a run was acknowledged.
#[derive(Default)]
struct Told {
    version: u64,
    seq: u64,
    line: u64,
}

fn what_was_told(said: &[String]) -> Result<BTreeMap<RunId, Told>, Failed> {
    let mut runs: BTreeMap<RunId, Told> = BTreeMap::new();
    for line in said {
        let words: Vec<&str> = line.split(' ').collect();
        let [run, version, seq, line] = words[..] else {
            return Err(format!("the writer said: {line}").into());
        };
        let told = runs.entry(run.parse()?).or_default();
        *told = Told { version: version.parse()?, seq: seq.parse()?, line: line.parse()? };
    }
    Ok(runs)
}

async fn compare(store: &dyn Store, run: RunId, told: &Told) -> Result<(), Failed> {
    let document = store.get(Collection::Runs, &run.to_string()).await?;
    let document = document.ok_or_else(|| format!("{run} was acknowledged and is gone"))?;
    let (mut seq, mut line, mut version, mut checksum) = (0, 0, 0, String::new());
    loop {
        let page = store.events(run, seq, 100).await?;
        if page.is_empty() {
            break;
        }
        for event in page {
            assert_eq!(event.seq, seq + 1, "{run}: a number is missing");
            seq = event.seq;
            match event.kind {
                EventKind::Log { chunk } => {
                    assert_eq!(chunk.first_line, line + 1, "{run}: a line is missing");
                    checksum = chained(&checksum, &chunk.lines);
                    assert_eq!(chunk.checksum, checksum, "{run}: the chain is broken");
                    line = chunk.next_line() - 1;
                }
                EventKind::Note { text } => {
                    version += 1;
                    assert_eq!(text, version.to_string(), "{run}: a version has no event");
                }
                other => return Err(format!("{run}: nobody wrote {other:?}").into()),
            }
        }
    }
    assert_eq!(document.version, version, "{run}: a version and its event are not one");
    assert_eq!(document.body, body(version), "{run}");
    assert!(version >= told.version && seq >= told.seq && line >= told.line, "{run}: lost");
    let position = store.log_position(run, STAGE, 1).await?;
    assert_eq!((position.line, position.checksum), (line, checksum), "{run}");
    let range = store.log(run, 1, usize::MAX).await?;
    assert_eq!((range.last_seq, range.last_line), (seq, line), "{run}");
    Ok(())
}

/// A file system of a few megabytes, gone with its value.
struct SmallDisk(PathBuf);

impl SmallDisk {
    fn mount(at: &Path) -> Result<Self, Box<dyn Error>> {
        let options = ["-t", "tmpfs", "-o", "size=6m", "orch-test"];
        let mounted = Command::new("mount").args(options).arg(at).status()?;
        if !mounted.success() {
            return Err(format!("mount: {mounted}").into());
        }
        Ok(Self(at.to_owned()))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // What stays mounted goes with the machine that the tests run in.
        drop(Command::new("umount").arg("-l").arg(&self.0).status());
    }
}

fn a_disk_that_fills_up_stops_writers_until_there_is_room() -> CaseResult {
    let folder = tempfile::tempdir()?;
    let disk = SmallDisk::mount(folder.path())?;
    let filler = disk.0.join("filler");
    fs::write(&filler, vec![1; 3 << 20])?;
    let address = StoreAddress::File(disk.0.join("orch.db"));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let done = runtime.block_on(async {
        let store = open(&address, Path::new("/nowhere")).await?;
        fill_up(store.as_ref(), &filler).await
    });
    done.map_err(|error: Failed| error as Box<dyn Error>)
}

fn a_disk_that_can_only_be_read_is_refused_in_words() -> CaseResult {
    let folder = tempfile::tempdir()?;
    let disk = SmallDisk::mount(folder.path())?;
    let address = StoreAddress::File(disk.0.join("orch.db"));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let opened = runtime.block_on(open(&address, Path::new("/nowhere")));
    drop(opened?);
    // The threads of the store end by themselves, and only then the disk can change.
    wait_for("the disk to be read only", PATIENCE, || {
        let options = ["-o", "remount,ro"];
        let done = Command::new("mount").args(options).arg(&disk.0).output();
        let done = done.map_err(|error| error.to_string())?;
        done.status.success().then_some(()).ok_or_else(|| format!("{done:?}"))
    })?;
    let new = StoreAddress::File(disk.0.join("new.db"));
    for address in [&address, &new] {
        let opened = runtime.block_on(open(address, Path::new("/nowhere")));
        let Err(StoreError::Refused(why)) = opened.map(drop) else {
            return Err(format!("{address} was not refused").into());
        };
        assert!(why.contains("cannot be written"), "{why}");
    }
    Ok(())
}

/// Writes a log until no more of it goes onto the disk, makes room, and goes on.
async fn fill_up(store: &dyn Store, filler: &Path) -> Result<(), Failed> {
    let (run, document) = new_run()?;
    let versioned = |version: u64| {
        let document = Document { version, body: body(version), ..document.clone() };
        let events = vec![EventKind::Note { text: version.to_string() }];
        Transition { run, document, at: Timestamp::now(), events, fence: Fence::NONE }
    };
    store.transition(versioned(1)).await?;
    let (mut line, mut checksum) = (0, String::new());
    let refused = loop {
        let chunk = large_chunk(line + 1, &checksum);
        let (last, sum) = (chunk.next_line() - 1, chunk.checksum.clone());
        match store.append_chunk(run, Timestamp::now(), chunk, Fence::NONE).await {
            Ok(_) => (line, checksum) = (last, sum),
            Err(error) => break error,
        }
    };
    let StoreError::Unavailable(why) = refused else { return Err(refused.into()) };
    assert!(why.to_string().contains("the disk is full"), "{why}");
    let chunk = large_chunk(line + 1, &checksum);
    let again = store.append_chunk(run, Timestamp::now(), chunk.clone(), Fence::NONE).await;
    assert!(matches!(again, Err(StoreError::Unavailable(_))), "there is no room yet: {again:?}");
    compare(store, run, &Told { version: 1, line, seq: 0 }).await?;
    fs::remove_file(filler)?;
    line = chunk.next_line() - 1;
    store.append_chunk(run, Timestamp::now(), chunk, Fence::NONE).await?;
    let seq = store.transition(versioned(2)).await?;
    compare(store, run, &Told { version: 2, seq, line }).await
}

fn large_chunk(first_line: u64, before: &str) -> LogChunk {
    let lines = vec![LogLine(0, LogSource::Stdout, "x".repeat(1_000)); 64];
    let (checksum, cursor) = (chained(before, &lines), OutputCursor::default());
    LogChunk { stage: STAGE, attempt: 1, first_line, lines, cursor, checksum }
}

/// The writer, where the binary was started as one; it ends only by an error.
pub(crate) fn writer() -> Option<ExitCode> {
    let address = std::env::var(WRITER).ok()?;
    if let Err(error) = write(&address) {
        // Nobody may be there to read it.
        drop(say(&format!("error: {error}")));
    }
    Some(ExitCode::FAILURE)
}

fn write(address: &str) -> Result<(), Failed> {
    let address: StoreAddress = address.parse()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let store = open(&address, Path::new("/nowhere")).await?;
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..TASKS {
            let store = std::sync::Arc::clone(&store);
            tasks.spawn(async move { write_run(store.as_ref()).await });
        }
        while let Some(ended) = tasks.join_next().await {
            ended??;
        }
        Ok(())
    })
}

/// Changes one run for ever, and says so after each write that returned.
async fn write_run(store: &dyn Store) -> Result<(), Failed> {
    let (run, mut document) = new_run()?;
    let (mut line, mut checksum) = (0, String::new());
    loop {
        document.body = body(document.version);
        let events = vec![EventKind::Note { text: document.version.to_string() }];
        let (at, fence) = (Timestamp::now(), Fence::NONE);
        let change = Transition { run, document: document.clone(), at, events, fence };
        let seq = store.transition(change).await?;
        say(&format!("{run} {} {seq} {line}", document.version))?;
        let count = document.version as usize % 7 + 1;
        let lines =
            vec![LogLine(0, LogSource::Stdout, format!("line {line} ").repeat(count)); count];
        checksum = chained(&checksum, &lines);
        let chunk = LogChunk {
            stage: STAGE,
            attempt: 1,
            first_line: line + 1,
            lines,
            cursor: OutputCursor::default(),
            checksum: checksum.clone(),
        };
        line = chunk.next_line() - 1;
        let seq = store.append_chunk(run, at, chunk, fence).await?;
        say(&format!("{run} {} {seq} {line}", document.version))?;
        document.version += 1;
    }
}

fn new_run() -> Result<(RunId, Document), Failed> {
    let id = Id::from_uuid(Uuid::now_v7());
    let new = NewRun {
        id,
        project: Id::from_uuid(Uuid::from_u128(1)),
        repository: Id::from_uuid(Uuid::from_u128(2)),
        task: Id::from_uuid(Uuid::from_u128(3)),
        path: "acme/web/tidy".parse()?,
        spec: TaskSpec::new(HarnessKind::Script, "true"),
        repository_setup: Vec::new(),
        source: "/srv/git/web.git".to_owned(),
        base_branch: None,
        idempotency_key: None,
    };
    Ok((id, record::encode(&Run::create(new, Timestamp::now()))?))
}

fn body(version: u64) -> String {
    format!("{{\"version\":{version}}}")
}

fn chained(before: &str, lines: &[LogLine]) -> String {
    let mut hasher = DefaultHasher::new();
    before.hash(&mut hasher);
    for LogLine(_, _, text) in lines {
        text.hash(&mut hasher);
    }
    hasher.finish().to_string()
}

/// One line in one piece, also where several tasks say something.
fn say(text: &str) -> io::Result<()> {
    let mut output = io::stdout().lock();
    writeln!(output, "{text}")?;
    output.flush()
}
