//! What the store does in a second: `cargo bench --bench store`.
//!
//! Prints one table for each store. The first is a SQLite file in a temporary folder (`TMPDIR` says
//! where: put it on the disk that you mean, and not into memory). `ORCH_BENCH_STORE` names more, by
//! the addresses that `store` takes in the settings, with a space between; each must be empty, and
//! is left full. `ORCH_BENCH_CAP` bounds how many runs and lines are written, for servers that
//! cannot hold a million; `ORCH_BENCH_SECONDS` is how long each rate is measured.

#![expect(clippy::print_stdout, reason = "the table is the result")]

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use jiff::Timestamp;
use orch::domain::address::StoreAddress;
use orch::domain::event::{EventKind, LogChunk, LogLine, LogSource, OutputCursor};
use orch::domain::id::{Id, RunId};
use orch::domain::run::{NewRun, Run};
use orch::domain::stage::Stage;
use orch::domain::task::{HarnessKind, TaskSpec};
use orch::store::sqlite::SqliteStore;
use orch::store::{
    Cap, Claim, Collection, Document, Fence, Filter, Imported, Order, Query, Store, Transition,
    open, record,
};
use uuid::Uuid;

/// One line is as long as a line of a build.
const LINE: &str = "   Compiling something v1.2.3 (/home/somebody/in/a/folders) with features x";
/// As the daemon fills them.
const CHUNK_BYTES: usize = 64 << 10;
const REPOSITORIES: u128 = 100;
const CLAIMS: u64 = 1_000;
const PAGE: usize = 50;
const LOOKS: usize = 400;

struct Bench {
    store: Arc<dyn Store>,
    cap: u64,
    time: Duration,
    next: AtomicUsize,
}

fn main() -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(run())
}

async fn run() -> Result<()> {
    let cap = number("ORCH_BENCH_CAP", 1_000_000)?.max(1_000);
    let time = Duration::from_secs(number("ORCH_BENCH_SECONDS", 4)?.max(1));
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("orch.db");
    println!("## SQLite, {}", folder.path().display());
    measure(&StoreAddress::File(file.clone()), Some(&file), cap, time).await?;
    let more = std::env::var("ORCH_BENCH_STORE").unwrap_or_default();
    for address in more.split_whitespace() {
        let address: StoreAddress = address.parse()?;
        println!("\n## {address}");
        let file = match &address {
            StoreAddress::File(path) => Some(path.clone()),
            StoreAddress::Embedded | StoreAddress::Mongo(_) => None,
        };
        measure(&address, file.as_deref(), cap, time).await?;
    }
    Ok(())
}

fn number(name: &str, default: u64) -> Result<u64> {
    match std::env::var(name) {
        Ok(text) => text.parse().with_context(|| format!("{name} is no number")),
        Err(_) => Ok(default),
    }
}

fn row(what: &str, result: &str) {
    println!("| {what:<52} | {result:<58} |");
}

async fn measure(
    address: &StoreAddress,
    file: Option<&Path>,
    cap: u64,
    time: Duration,
) -> Result<()> {
    let nowhere = PathBuf::from("/nowhere");
    let store = open(address, &nowhere).await?;
    let bench = Arc::new(Bench { store, cap, time, next: AtomicUsize::new(0) });
    let disk = match file {
        Some(file) => Some(raw_appends(file, time)?),
        None => None,
    };
    for writers in [1, 50] {
        bench.chunks(writers, disk).await?;
    }
    bench.claims().await?;
    bench.lines(file).await?;
    let mut made = CLAIMS;
    for count in [1_000, 100_000, 1_000_000].into_iter().filter(|count| *count <= cap) {
        bench.pages(&mut made, count).await?;
    }
    if let Some(file) = file {
        drop(bench);
        cold_open(file).await?;
        copy(file).await?;
    }
    Ok(())
}

/// What the disk gives: pieces of the same size, each synced, in a plain file.
fn raw_appends(beside: &Path, time: Duration) -> Result<f64> {
    let path = beside.with_extension("raw");
    let mut file = File::create(&path)?;
    let piece = vec![b'x'; CHUNK_BYTES];
    let start = Instant::now();
    let mut count = 0_u32;
    while start.elapsed() < time {
        file.write_all(&piece)?;
        file.sync_data()?;
        count += 1;
    }
    let rate = f64::from(count) / start.elapsed().as_secs_f64();
    fs::remove_file(path)?;
    row("a plain file, 64 KiB and a sync each", &format!("{rate:.0} appends/s"));
    Ok(rate)
}

impl Bench {
    fn id<K>(&self) -> Id<K> {
        let number = self.next.fetch_add(1, Ordering::Relaxed) as u128;
        Id::from_uuid(Uuid::from_u128(0x019b_7640_0000_7000_8000_0000_0000_0000 | number))
    }

    fn run(&self, number: u128) -> Result<(RunId, Document)> {
        let (id, repository) = (self.id(), Uuid::from_u128(number % REPOSITORIES));
        let new = NewRun {
            id,
            project: Id::from_uuid(Uuid::from_u128(1)),
            repository: Id::from_uuid(repository),
            task: Id::from_uuid(repository),
            path: "acme/web/tidy".parse()?,
            spec: TaskSpec::new(
                HarnessKind::Script,
                "make all that is red green again, ".repeat(9),
            ),
            repository_setup: Vec::new(),
            source: "/srv/git/web.git".to_owned(),
            base_branch: None,
            idempotency_key: None,
        };
        Ok((id, record::encode(&Run::create(new, Timestamp::now()))?))
    }

    async fn begin(&self, number: u128) -> Result<RunId> {
        let (run, document) = self.run(number)?;
        self.store.transition(change(run, document)).await?;
        Ok(run)
    }

    /// Chunks of logs by so many writers at once, each made to last before the next.
    async fn chunks(self: &Arc<Self>, writers: u32, disk: Option<f64>) -> Result<()> {
        let mut tasks = Vec::new();
        for writer in 0..writers {
            let run = self.begin(u128::from(writer)).await?;
            let bench = Arc::clone(self);
            tasks.push(tokio::spawn(async move {
                let mut times = Vec::new();
                let mut line = 1;
                let start = Instant::now();
                while start.elapsed() < bench.time {
                    let piece = chunk(line);
                    line = piece.next_line();
                    let before = Instant::now();
                    bench.store.append_chunk(run, Timestamp::now(), piece, Fence::NONE).await?;
                    times.push(before.elapsed());
                }
                anyhow::Ok((times, line - 1))
            }));
        }
        let start = Instant::now();
        let (mut times, mut lines) = (Vec::new(), 0);
        for task in tasks {
            let (some, count) = task.await??;
            times.extend(some);
            lines += count;
        }
        let seconds = start.elapsed().as_secs_f64();
        let rate = times.len() as f64 / seconds;
        let ratio = disk.map_or(String::new(), |disk| format!(", {:.2} of raw", rate / disk));
        let lines = lines as f64 / seconds;
        let names = if writers == 1 { "1 writer" } else { "50 writers" };
        row(
            &format!("chunks of 64 KiB, durable, {names}"),
            &format!("{rate:.0}/s, {lines:.0} lines/s{ratio}; {}", quantiles(times)),
        );
        Ok(())
    }

    /// Queued runs claimed by eight at once, under two caps.
    async fn claims(self: &Arc<Self>) -> Result<()> {
        let mut queued = Vec::new();
        for number in 0..CLAIMS {
            let (run, document) = self.run(u128::from(number))?;
            self.store.transition(change(run, document.clone())).await?;
            queued.push((run, document));
        }
        let queued = Arc::new(queued);
        let next = Arc::new(AtomicUsize::new(0));
        let start = Instant::now();
        let mut tasks = Vec::new();
        for _ in 0..8 {
            let (bench, queued, next) = (Arc::clone(self), Arc::clone(&queued), Arc::clone(&next));
            tasks.push(tokio::spawn(async move {
                while let Some((run, document)) = queued.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let repository = document.key("repository").unwrap_or_default().to_owned();
                    let caps = [
                        Cap { scope: None, limit: 2_000 },
                        Cap { scope: Some(("repository", repository)), limit: 2_000 },
                    ];
                    let mut held = Document { version: 2, ..document.clone() };
                    for (field, value) in &mut held.keys {
                        if *field == "slot" {
                            *value = Some("yes".to_owned());
                        }
                    }
                    let claim = bench.store.claim(change(*run, held), &caps).await?;
                    ensure!(matches!(claim, Claim::Granted(_)), "a claim was refused");
                }
                anyhow::Ok(())
            }));
        }
        for task in tasks {
            task.await??;
        }
        let rate = CLAIMS as f64 / start.elapsed().as_secs_f64();
        row("claims of 1,000 queued runs, 8 at once, 2 caps", &format!("{rate:.0}/s"));
        Ok(())
    }

    /// A long log: what it takes on disk, and a look into its end.
    async fn lines(&self, file: Option<&Path>) -> Result<()> {
        let before = file.map(size);
        let run = self.begin(0).await?;
        let mut line = 1;
        while line <= self.cap {
            let piece = chunk(line);
            line = piece.next_line();
            self.store.append_chunk(run, Timestamp::now(), piece, Fence::NONE).await?;
        }
        if let (Some(file), Some(before)) = (file, before) {
            let bytes = (size(file).saturating_sub(before)) as f64 / line as f64;
            let raw = (LINE.len() + 1) as f64;
            let result = format!("{bytes:.0} MB, {:.2} of the bare text", bytes / raw);
            row("on disk for a million lines", &result);
        }
        let mut times = Vec::new();
        for look in 0..LOOKS as u64 {
            let from = self.cap / 10 * 9 + look;
            let start = Instant::now();
            let range = self.store.log(run, from, 200).await?;
            times.push(start.elapsed());
            ensure!(!range.events.is_empty(), "the log is there");
        }
        row(&format!("200 lines from {} of {}", self.cap / 10 * 9, self.cap), &quantiles(times));
        Ok(())
    }

    /// The first page of runs, newest first.
    async fn pages(&self, made: &mut u64, count: u64) -> Result<()> {
        while *made < count {
            let mut batch = Vec::new();
            while *made < count && batch.len() < 1_000 {
                batch.push(Imported::Document(self.run(u128::from(*made))?.1));
                *made += 1;
            }
            self.store.import(batch).await?;
        }
        let all = Query { order: Order::NewestFirst, limit: PAGE, ..Query::all(Collection::Runs) };
        let repository = Id::<orch::domain::repository::Repository>::from_uuid(Uuid::from_u128(7));
        let one = all.clone().filter(Filter::Equals("repository", repository.to_string()));
        for (name, query) in [("all", all), ("of one repository", one)] {
            let mut times = Vec::new();
            for _ in 0..LOOKS {
                let start = Instant::now();
                let page = self.store.find(query.clone()).await?;
                times.push(start.elapsed());
                ensure!(!page.is_empty(), "there are runs");
            }
            row(&format!("first 50 runs, {name}, of {count}"), &quantiles(times));
        }
        Ok(())
    }
}

fn change(run: RunId, document: Document) -> Transition {
    let at = Timestamp::now();
    Transition { run, document, at, events: vec![EventKind::Created], fence: Fence::NONE }
}

fn chunk(first_line: u64) -> LogChunk {
    let lines = (0..CHUNK_BYTES / (LINE.len() + 1))
        .map(|number| LogLine(number as u32, LogSource::Stdout, LINE.to_owned()))
        .collect();
    LogChunk {
        stage: Stage::Implement,
        attempt: 1,
        first_line,
        lines,
        cursor: OutputCursor::default(),
        checksum: "5f".repeat(32),
    }
}

fn quantiles(mut times: Vec<Duration>) -> String {
    times.sort_unstable();
    let at = |part: usize| times.get(times.len() * part / 100).copied().unwrap_or_default();
    let millis = |time: Duration| time.as_secs_f64() * 1_000.0;
    format!("p50 {:.2} ms, p99 {:.2} ms", millis(at(50)), millis(at(99)))
}

/// The file with its log.
fn size(file: &Path) -> u64 {
    let mut log = file.as_os_str().to_owned();
    log.push("-wal");
    let length = |path: &Path| fs::metadata(path).map_or(0, |found| found.len());
    length(file) + length(Path::new(&log))
}

/// Opening a store that nobody has read since the machine came up.
async fn cold_open(file: &Path) -> Result<()> {
    let open_file = File::open(file)?;
    open_file.sync_all()?;
    rustix::fs::fadvise(&open_file, 0, None, rustix::fs::Advice::DontNeed)?;
    let start = Instant::now();
    let store = SqliteStore::open(file)?;
    let opened = start.elapsed();
    let query = Query { order: Order::NewestFirst, limit: PAGE, ..Query::all(Collection::Runs) };
    store.find(query).await?;
    let megabytes = size(file) >> 20;
    let result = format!("{opened:.0?}, {:.0?} with the first page", start.elapsed());
    row(&format!("cold open of {megabytes} MiB"), &result);
    let start = Instant::now();
    store.verify().await?;
    row(&format!("full check of {megabytes} MiB"), &format!("{:.1?}", start.elapsed()));
    Ok(())
}

/// A backup while one run writes its log.
async fn copy(file: &Path) -> Result<()> {
    let store = Arc::new(SqliteStore::open(file)?);
    let bench = Bench {
        store: Arc::clone(&store) as Arc<dyn Store>,
        cap: 0,
        time: Duration::ZERO,
        next: AtomicUsize::new(usize::MAX >> 8),
    };
    let run = bench.begin(0).await?;
    let to = file.with_extension("copy");
    let start = Instant::now();
    let copying = tokio::spawn({
        let (store, to) = (Arc::clone(&store), to.clone());
        async move { store.copy_to(&to, |_| {}).await }
    });
    let (mut line, mut times) = (1, Vec::new());
    while !copying.is_finished() {
        let piece = chunk(line);
        line = piece.next_line();
        let before = Instant::now();
        store.append_chunk(run, Timestamp::now(), piece, Fence::NONE).await?;
        times.push(before.elapsed());
    }
    let copied = copying.await??;
    let seconds = start.elapsed().as_secs_f64();
    let speed = copied.bytes as f64 / 1_048_576.0 / seconds;
    let beside = times.len() as f64 / seconds;
    row(
        "backup copy, beside one writer",
        &format!("{speed:.0} MiB/s; the writer {beside:.0}/s, {}", quantiles(times)),
    );
    fs::remove_file(to)?;
    Ok(())
}
