//! A MongoDB server for the cases: one that is named, or one that is started for them.
//!
//! `ORCH_TEST_MONGODB_URI` names a server that is there. Without it, `ORCH_TEST_MONGODB_COMMAND`
//! starts one for this process: a line for the shell, in which `{port}` becomes a free port and
//! `{file}` the place of the data. That is `:memory:` for the server that all cases share, and a
//! path where nothing is yet for one that a case has to itself. The server stays in the foreground,
//! on 127.0.0.1, in a temporary working directory. For MongoDB's own server the line is
//! `mkdir -p {file} && exec mongod --port {port} --dbpath {file}`.
//!
//! `ORCH_TEST_MONGODB_CAPACITY` says how many documents the server bears; unset, there is no limit.

use std::error::Error;
use std::fs::{self, File};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use ::mongodb::Client;
use ::mongodb::bson::{Document, doc};
use ::mongodb::options::{ClientOptions, WriteConcern};
use rustix::process::{Pid, Signal, kill_process_group};
use tempfile::TempDir;
use uuid::Uuid;

use crate::case::{self, Case, CaseResult, cases};
use crate::need::Missing;
use crate::wait::wait_for;

pub(crate) const CASES: &[Case] = cases![
    a_database_is_its_own_and_goes_at_the_end needs [MongoDb],
    a_killed_server_keeps_what_it_acknowledged needs [MongoDbCommand],
    a_server_goes_with_its_guard needs [MongoDbCommand],
    a_server_goes_with_a_killed_owner needs [MongoDbCommand],
    a_server_that_ends_by_itself_is_told,
    a_uri_is_led_to_another_database,
    what_a_server_does_not_hold_is_told,
];

const URI: &str = "ORCH_TEST_MONGODB_URI";
const COMMAND: &str = "ORCH_TEST_MONGODB_COMMAND";
const CAPACITY: &str = "ORCH_TEST_MONGODB_CAPACITY";

/// Long enough for a start on a busy machine.
const START_LIMIT: Duration = Duration::from_secs(60);

/// Long enough for a server that is there, short enough for a person who waits for one that is not.
const ANSWER_LIMIT: Duration = Duration::from_secs(10);

/// Runs the line, and ends it when nobody holds the other end of its standard input any more: not
/// even `kill -9` lets a server outlive the tests. A line that ends by itself ends the keeper.
const KEEPER: &str = r#"{ (eval "$0"); kill -9 0; } </dev/null & read -r _; kill -9 0"#;

/// The server that all cases share, once one of them has asked for it.
static SHARED: Mutex<Option<Server>> = Mutex::new(None);

/// A server that was started here; it ends with this value.
pub(crate) struct Server {
    command: String,
    folder: PathBuf,
    file: String,
    port: u16,
    keeper: Option<Child>,
    /// The folder, where it is ours to remove.
    _temporary: Option<TempDir>,
}

impl Server {
    /// A server that no other case uses. It keeps its data below the folder.
    pub(crate) fn start_own(folder: &Path) -> Result<Self, Box<dyn Error>> {
        let command = variable(COMMAND).ok_or_else(|| format!("{COMMAND} is not set"))?;
        let file = folder.join("mongodb.data");
        let file = file.to_str().ok_or("the folder's name is not UTF-8")?;
        Self::start(&command, folder.to_owned(), file, None)
    }

    fn start_shared(command: &str) -> Result<Self, Box<dyn Error>> {
        let folder = tempfile::Builder::new().prefix("orch-mongodb-").tempdir()?;
        Self::start(command, folder.path().to_owned(), ":memory:", Some(folder))
    }

    fn start(
        command: &str,
        folder: PathBuf,
        file: &str,
        temporary: Option<TempDir>,
    ) -> Result<Self, Box<dyn Error>> {
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
        let mut server = Self {
            command: command.to_owned(),
            folder,
            file: file.to_owned(),
            port,
            keeper: None,
            _temporary: temporary,
        };
        server.launch(Stdio::piped())?;
        Ok(server)
    }

    /// Starts the program and waits until it answers. It ends when `owner` has no writer any more.
    fn launch(&mut self, owner: Stdio) -> CaseResult {
        let line = self
            .command
            .replace("{port}", &self.port.to_string())
            .replace("{file}", &format!("'{}'", self.file.replace('\'', r"'\''")));
        let log = File::create(self.log())?;
        // A group of its own: it can be killed as a whole, and Ctrl-C goes the way of the pipe.
        let keeper = Command::new("sh")
            .args(["-c", KEEPER, &line])
            .current_dir(&self.folder)
            .process_group(0)
            .stdin(owner)
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()?;
        let keeper = self.keeper.insert(keeper);
        let (port, mut ended) = (self.port, None);
        wait_for("the MongoDB server to listen", START_LIMIT, || {
            ended = keeper.try_wait().map_err(|error| error.to_string())?;
            match TcpStream::connect((Ipv4Addr::LOCALHOST, port)) {
                Err(error) if ended.is_none() => Err(error.to_string()),
                Ok(_) | Err(_) => Ok(()),
            }
        })?;
        if ended.is_some() {
            let said = fs::read_to_string(self.log())?;
            return Err(format!("the server ended by itself: {}: {}", line, said.trim()).into());
        }
        ping(&self.uri("admin"))
    }

    /// Kills it without a warning, and waits until it is gone.
    pub(crate) fn kill(&mut self) -> CaseResult {
        let Some(mut keeper) = self.keeper.take() else { return Ok(()) };
        if let Some(group) = Pid::from_raw(keeper.id().cast_signed()) {
            // It may have ended by itself.
            kill_process_group(group, Signal::KILL).ok();
        }
        keeper.wait()?;
        self.wait_until_gone()
    }

    /// Starts it again after a kill, on the same port and with the same data.
    pub(crate) fn restart(&mut self) -> CaseResult {
        self.launch(Stdio::piped())
    }

    /// How a database of this server is reached.
    pub(crate) fn uri(&self, database: &str) -> String {
        format!("mongodb://127.0.0.1:{}/{database}?directConnection=true", self.port)
    }

    fn wait_until_gone(&self) -> CaseResult {
        wait_for("the MongoDB server to be gone", ANSWER_LIMIT, || {
            match TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)) {
                Ok(_) => Err("it listens"),
                Err(_) => Ok(()),
            }
            .map_err(str::to_owned)
        })?;
        Ok(())
    }

    fn log(&self) -> PathBuf {
        self.folder.join("mongodb.log")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // If this fails, the keeper ends it with our process.
        self.kill().ok();
    }
}

/// A database of the shared server with a name that nobody else has; dropped at the end.
pub(crate) struct Database {
    name: String,
    uri: String,
}

impl Database {
    /// A database that is empty. The case needs [`crate::need::Need::MongoDb`].
    pub(crate) fn new() -> Result<Self, Box<dyn Error>> {
        let name = format!("orch_test_{}", Uuid::now_v7().simple());
        let uri = match variable(URI) {
            Some(uri) => with_database(&uri, &name)?,
            None => {
                let shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
                shared.as_ref().ok_or("the case does not say that it needs MongoDb")?.uri(&name)
            }
        };
        Ok(Self { name, uri })
    }

    /// How it is reached; the URI names the database.
    pub(crate) fn uri(&self) -> &str {
        &self.uri
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let dropping = async { connect(&self.uri).await?.database(&self.name).drop().await };
        // On a server which is gone there is nothing left to drop.
        block_on(dropping).ok();
    }
}

/// How many documents the server bears before it gets too slow; nothing for a real MongoDB.
pub(crate) fn capacity() -> Option<usize> {
    variable(CAPACITY).map(|text| text.parse().expect("the capacity is a number of documents"))
}

/// As many as are wanted, or what the server bears: then the end of the output says so.
///
/// `case` is the full name, such as `store::pages`; `what` are the things in question.
pub(crate) fn scaled(case: &str, wanted: usize, what: &str) -> usize {
    let (count, note) = scale(capacity(), case, wanted, what);
    if let Some(note) = note {
        case::note(note);
    }
    count
}

/// Makes sure that the shared server is there.
pub(crate) fn look_for_server() -> Result<(), Missing> {
    let (name, found) = match (variable(URI), variable(COMMAND)) {
        (Some(uri), _) => (URI, ping(&uri)),
        (None, Some(command)) => (COMMAND, share(&command)),
        (None, None) => {
            return Err(Missing {
                reason: format!("neither {URI} nor {COMMAND} is set"),
                remedy: "run .ci/run, or set ORCH_TEST_MONGODB_URI to the URI of a MongoDB server",
            });
        }
    };
    found.map_err(|error| Missing {
        reason: format!("the MongoDB server of {name} does not answer ({error})"),
        remedy: "see tests/it/mongodb.rs for what to set",
    })
}

/// Makes sure that cases can start servers of their own.
pub(crate) fn look_for_command() -> Result<(), Missing> {
    let Some(command) = variable(COMMAND) else {
        return Err(Missing {
            reason: format!("{COMMAND} is not set"),
            remedy: "set ORCH_TEST_MONGODB_COMMAND to a line that starts a MongoDB server; \
                     tests/it/mongodb.rs says how",
        });
    };
    Server::start_shared(&command).map(drop).map_err(|error| Missing {
        reason: format!("{COMMAND} does not start a MongoDB server ({error})"),
        remedy: "see tests/it/mongodb.rs for what to set",
    })
}

/// Ends the shared server, if there is one.
pub(crate) fn stop_shared() {
    drop(SHARED.lock().unwrap_or_else(PoisonError::into_inner).take());
}

fn share(command: &str) -> CaseResult {
    let server = Server::start_shared(command)?;
    *SHARED.lock().unwrap_or_else(PoisonError::into_inner) = Some(server);
    Ok(())
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// The same server and the same user, another database.
fn with_database(uri: &str, name: &str) -> Result<String, Box<dyn Error>> {
    let (scheme, rest) = uri.split_once("://").ok_or_else(|| format!("{URI} is not a URI"))?;
    let (rest, options) = rest.split_once('?').unwrap_or((rest, ""));
    let (hosts, before) = rest.split_once('/').unwrap_or((rest, ""));
    let mut options = options.to_owned();
    // The user is looked up in the database that the URI named, unless it says otherwise.
    if hosts.contains('@') && !options.to_lowercase().contains("authsource=") {
        let source = if before.is_empty() { "admin" } else { before };
        let and = if options.is_empty() { "" } else { "&" };
        options.push_str(&format!("{and}authSource={source}"));
    }
    let mark = if options.is_empty() { "" } else { "?" };
    Ok(format!("{scheme}://{hosts}/{name}{mark}{options}"))
}

/// How many of the wanted things a server of this capacity bears, and what to tell if not all.
fn scale(
    capacity: Option<usize>,
    case: &str,
    wanted: usize,
    what: &str,
) -> (usize, Option<String>) {
    match capacity {
        Some(most) if most < wanted => {
            let (few, all) = (grouped(most), grouped(wanted));
            let why = format!("the server holds about {few} documents");
            (most, Some(format!("scaled down: {case}: {few} of {all} {what} ({why})")))
        }
        Some(_) | None => (wanted, None),
    }
}

/// With a comma before every three digits: 15,625.
fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Runtime::new().expect("a runtime can be made").block_on(work)
}

async fn connect(uri: &str) -> ::mongodb::error::Result<Client> {
    let mut options = ClientOptions::parse(uri).await?;
    options.server_selection_timeout = Some(ANSWER_LIMIT);
    options.write_concern = Some(WriteConcern::majority());
    Client::with_options(options)
}

fn ping(uri: &str) -> CaseResult {
    block_on(async {
        connect(uri).await?.database("admin").run_command(doc! { "ping": 1 }).await
    })?;
    Ok(())
}

fn a_database_is_its_own_and_goes_at_the_end() -> CaseResult {
    let (one, other) = (Database::new()?, Database::new()?);
    let name = one.name.clone();
    let names = block_on(async {
        let client = connect(one.uri()).await?;
        let collection = client.default_database().expect("the URI names it").collection("runs");
        collection.insert_one(doc! { "_id": "1" }).await?;
        let elsewhere = connect(other.uri()).await?.default_database().expect("the URI names it");
        assert_eq!(elsewhere.collection::<Document>("runs").count_documents(doc! {}).await?, 0);
        client.list_database_names().await
    })?;
    assert!(names.contains(&name), "{names:?}");
    let uri = one.uri().to_owned();
    drop(one);
    let names = block_on(async { connect(&uri).await?.list_database_names().await })?;
    assert!(!names.contains(&name), "{names:?}");
    Ok(())
}

/// Killed while it is written to: what was acknowledged before is there, with the same client.
fn a_killed_server_keeps_what_it_acknowledged() -> CaseResult {
    let folder = tempfile::tempdir()?;
    let mut server = Server::start_own(folder.path())?;
    let runtime = tokio::runtime::Runtime::new()?;
    let collection = runtime
        .block_on(connect(&server.uri("orch")))?
        .database("orch")
        .collection::<Document>("runs");
    for round in 1..=2 {
        let writer = collection.clone();
        let (tx, rx) = std::sync::mpsc::channel();
        let writing = runtime.spawn(async move {
            let mut number: i64 = 0;
            loop {
                let document = doc! { "_id": format!("{round}-{number}") };
                if let Err(error) = writer.insert_one(document).await {
                    return (number, error);
                }
                number += 1;
                tx.send(number).ok();
            }
        });
        while rx.recv_timeout(ANSWER_LIMIT)? < 20 {}
        server.kill()?;
        let (acknowledged, error) = runtime.block_on(writing)?;
        server.restart()?;
        let mine = doc! { "_id": { "$gte": format!("{round}-"), "$lt": format!("{round}.") } };
        let kept =
            i64::try_from(runtime.block_on(async { collection.count_documents(mine).await })?)?;
        // One more may have been stored without an answer.
        assert!((acknowledged..=acknowledged + 1).contains(&kept), "{kept}: {error}");
    }
    Ok(())
}

fn a_server_goes_with_its_guard() -> CaseResult {
    let folder = tempfile::tempdir()?;
    let server = Server::start_own(folder.path())?;
    let address = (Ipv4Addr::LOCALHOST, server.port);
    TcpStream::connect(address)?;
    drop(server);
    assert!(TcpStream::connect(address).is_err(), "it listens");
    Ok(())
}

fn a_server_goes_with_a_killed_owner() -> CaseResult {
    let folder = tempfile::tempdir()?;
    let mut server = Server::start_own(folder.path())?;
    server.kill()?;
    // In the place of this process, one that may be killed.
    let mut owner = Command::new("sleep").arg("600").stdout(Stdio::piped()).spawn()?;
    server.launch(owner.stdout.take().ok_or("it has an output")?.into())?;
    owner.kill()?;
    owner.wait()?;
    server.wait_until_gone()
}

fn a_server_that_ends_by_itself_is_told() -> CaseResult {
    let Err(error) = Server::start_shared("echo port {port} is taken, {file} too; exit 3") else {
        return Err("it was started".into());
    };
    let text = error.to_string();
    assert!(text.contains("the server ended by itself"), "{text}");
    assert!(text.ends_with("is taken, :memory: too"), "{text}");
    Ok(())
}

fn a_uri_is_led_to_another_database() -> CaseResult {
    for (uri, expected) in [
        ("mongodb://localhost", "mongodb://localhost/x"),
        ("mongodb://localhost:27017/", "mongodb://localhost:27017/x"),
        ("mongodb://a,b:2/orch?replicaSet=rs0", "mongodb://a,b:2/x?replicaSet=rs0"),
        ("mongodb://u:p@a", "mongodb://u:p@a/x?authSource=admin"),
        ("mongodb://u:p@a/orch?tls=true", "mongodb://u:p@a/x?tls=true&authSource=orch"),
        ("mongodb+srv://u:p@a/?authSource=b", "mongodb+srv://u:p@a/x?authSource=b"),
    ] {
        assert_eq!(with_database(uri, "x")?, expected, "{uri}");
    }
    assert!(with_database("localhost", "x").is_err());
    Ok(())
}

fn what_a_server_does_not_hold_is_told() -> CaseResult {
    let (count, note) = scale(Some(1_000), "store::pages", 15_625, "chunks");
    assert_eq!(count, 1_000);
    assert_eq!(
        note.as_deref(),
        Some(
            "scaled down: store::pages: 1,000 of 15,625 chunks \
             (the server holds about 1,000 documents)"
        )
    );
    assert_eq!(scale(Some(1_000), "store::pages", 1_000, "chunks"), (1_000, None));
    assert_eq!(scale(None, "store::pages", 15_625, "chunks"), (15_625, None));
    assert_eq!([grouped(7), grouped(123), grouped(1_234_567)], ["7", "123", "1,234,567"]);
    assert_eq!(scaled("mongodb::what_a_server_does_not_hold_is_told", 1, "documents"), 1);
    Ok(())
}
