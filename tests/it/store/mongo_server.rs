//! What only a server can do: go away in the middle, refuse, belong to somebody else.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use ::mongodb::Client;
use ::mongodb::bson::{Document as Bson, doc};
use orch::domain::event::EventKind;
use orch::domain::run::{Fact, Run};
use orch::store::{Collection, Expiry, Query, Store, StoreError, Taken, record};

use super::context::{Backend, Place};
use super::making::{
    append, append_lines, at, change, ended, entry, id, lines, note, numbers, queued, seconds,
    stored_queued, tell,
};
use super::outcome::{Broken, Outcome, unavailable};
use crate::case::CaseResult;
use crate::mongodb::Server;

/// Long enough for a driver to notice that a server is back.
const BACK: Duration = Duration::from_secs(60);

fn opened(uri: &str) -> impl Future<Output = Result<Arc<dyn Store>, StoreError>> {
    let address = uri.parse();
    async move {
        let address = address.map_err(|error| StoreError::Refused(format!("{error}")))?;
        orch::store::open(&address, std::path::Path::new("/nowhere/orch.db")).await
    }
}

fn block_on(case: impl Future<Output = Outcome>) -> CaseResult {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(4).enable_all().build()?;
    runtime.block_on(case).map_err(|broken: Broken| broken.to_string().into())
}

/// Repeats until the store answers, as the daemon does.
async fn patiently<T, F>(mut call: impl FnMut() -> F) -> Result<T, StoreError>
where
    F: Future<Output = Result<T, StoreError>>,
{
    let begun = Instant::now();
    loop {
        match call().await {
            Err(StoreError::Unavailable(_)) if begun.elapsed() < BACK => {
                tokio::task::yield_now().await;
            }
            other => return other,
        }
    }
}

/// It goes away between two calls: each kind of call says so within its time, and works again
/// when it is back, with the same store object.
pub(super) fn a_server_that_was_away_is_used_again() -> CaseResult {
    let folder = tempfile::tempdir()?;
    let mut server = Server::start_own(folder.path())?;
    let uri = short(&server.uri("orch"));
    block_on(async {
        let store = opened(&uri).await?;
        let run = stored_queued(store.as_ref(), 4).await?;
        store.insert(entry("a", "one", "here")).await?;
        tokio::task::block_in_place(|| server.kill()).map_err(told)?;
        let begun = Instant::now();
        let (active, events) = tell(&run, &Fact::Dispatched);
        let (read, inserted, appended, changed, taken) = tokio::join!(
            store.get(Collection::Contexts, "a"),
            store.insert(entry("b", "two", "here")),
            append(store.as_ref(), run.id(), "no"),
            store.transition(change(&active, events.clone())),
            store.take_lease("one", at(0), seconds(10)),
        );
        unavailable(read);
        unavailable(inserted);
        unavailable(appended);
        unavailable(changed);
        unavailable(taken);
        assert!(begun.elapsed() < Duration::from_secs(60), "{:?}", begun.elapsed());
        tokio::task::block_in_place(|| server.restart()).map_err(told)?;
        let all = patiently(|| store.find(Query::all(Collection::Contexts))).await?;
        assert_eq!(all, [entry("a", "one", "here")], "nothing was half done");
        assert_eq!(numbers(store.as_ref(), run.id()).await?, [1]);
        assert_eq!(store.transition(change(&active, events)).await?, 2);
        store.insert(entry("b", "two", "here")).await?;
        Ok(())
    })
}

/// Killed while four write: all that was acknowledged is there, each event once and without a gap.
pub(super) fn a_server_killed_under_writers_keeps_what_it_acknowledged() -> CaseResult {
    const ROUNDS: u64 = 3;
    let folder = tempfile::tempdir()?;
    let mut server = Server::start_own(folder.path())?;
    let uri = short(&server.uri("orch"));
    block_on(async {
        let store = opened(&uri).await?;
        for round in 1..=ROUNDS {
            let acknowledged = Arc::new(AtomicU64::new(0));
            let writers: Vec<_> = (0..3)
                .map(|number| {
                    let (store, count) = (Arc::clone(&store), Arc::clone(&acknowledged));
                    let run = u128::from(round) * 10 + number;
                    tokio::spawn(async move { until_it_breaks(store.as_ref(), run, &count).await })
                })
                .collect();
            while acknowledged.load(Ordering::SeqCst) < 15 {
                tokio::task::yield_now().await;
            }
            tokio::task::block_in_place(|| server.kill()).map_err(told)?;
            let mut kept = Vec::new();
            for writer in writers {
                kept.push(writer.await?);
            }
            tokio::task::block_in_place(|| server.restart()).map_err(told)?;
            for (run, last, version) in kept {
                let name = id::<()>(run).to_string();
                let found = patiently(|| store.get(Collection::Runs, &name)).await?;
                let found = found.expect("the run was acknowledged");
                assert!((version..=version + 1).contains(&found.version), "{version}: {found:?}");
                let told = numbers(store.as_ref(), id(run)).await?;
                let stored = told.len() as u64;
                assert_eq!(told, (1..=stored).collect::<Vec<_>>(), "without a gap");
                assert!((last..=last + 1).contains(&stored), "{last} were acknowledged: {stored}");
                let log = store.log(id(run), 1, usize::MAX).await?;
                assert_eq!(log.last_seq, stored);
                // What comes next fits to what is there.
                append_lines(store.as_ref(), id(run), lines(log.last_line + 1, 2)).await?;
                assert_eq!(append(store.as_ref(), id(run), "goes on").await?, stored + 2);
            }
        }
        Ok(())
    })
}

/// Makes a run and tells of it until the store is gone; the numbers of the last event and of the
/// last version that were acknowledged.
async fn until_it_breaks(store: &dyn Store, number: u128, count: &AtomicU64) -> (u128, u64, u64) {
    let run = queued(number);
    let made = patiently(|| store.transition(change(&run, vec![EventKind::Created]))).await;
    let (mut last, mut version) = (made.unwrap_or(1), 1);
    let mut line = 0;
    loop {
        let answer = match last % 3 {
            0 => append(store, run.id(), "told").await,
            1 => append_lines(store, run.id(), lines(line + 1, 3)).await,
            _ => {
                let keys = [("live", "yes")];
                let document = super::making::raw_run(number, &keys);
                let document = orch::store::Document { version: version + 1, ..document };
                let told = vec![note("changed")];
                store.transition(super::making::raw_change(number, document, told)).await
            }
        };
        match answer {
            Ok(seq) => {
                assert_eq!(seq, last + 1);
                match last % 3 {
                    0 => {}
                    1 => line += 3,
                    _ => version += 1,
                }
                last = seq;
                count.fetch_add(1, Ordering::SeqCst);
            }
            Err(StoreError::Unavailable(_)) => return (number, last, version),
            Err(other) => {
                assert_eq!(other.to_string(), "", "only the connection broke");
                return (number, last, version);
            }
        }
    }
}

pub(super) fn a_server_that_is_not_there_is_told() -> CaseResult {
    block_on(async {
        let begun = Instant::now();
        let answer = opened("mongodb://anna:hunter2secret@127.0.0.1:1/orch").await;
        assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
        let words = words(answer);
        assert!(words.contains("127.0.0.1:1"), "{words}");
        Ok(())
    })
}

/// What is wrong with an address is told without what may be secret in it.
pub(super) fn no_password_is_told() -> CaseResult {
    let folder = tempfile::tempdir()?;
    let server = Server::start_own(folder.path())?;
    let plain = server.uri("orch");
    let place = plain.strip_prefix("mongodb://").ok_or("it has a scheme")?.to_owned();
    let (hosts, _) = place.split_once('/').ok_or("it has a database")?;
    block_on(async {
        for address in [
            // One that the server does not know.
            format!("mongodb://anna:hunter2secret@{place}"),
            // Those that the driver does not understand.
            format!("mongodb://anna:hunter2secret@{hosts}/orch?authMechanism=NOTHING"),
            format!("mongodb://anna@{hosts}/orch?authMechanismProperties=TOKEN:hunter2secret"),
            format!("mongodb://anna:hunter2secret%@{hosts}/orch"),
            format!("mongodb://anna:p@hunter2secret/x@{hosts}/orch"),
            "mongodb://anna:hunter2secret@127.0.0.1:notaport/orch".to_owned(),
            "mongodb+srv://anna:hunter2secret@nowhere.invalid/orch".to_owned(),
        ] {
            let words = words(opened(&address).await);
            assert!(!words.contains("hunter2"), "{words}");
        }
        Ok(())
    })
}

pub(super) fn a_database_of_another_program_is_left_alone() -> CaseResult {
    let folder = tempfile::tempdir()?;
    let server = Server::start_own(folder.path())?;
    let uri = server.uri("music");
    block_on(async {
        let database = Client::with_uri_str(&uri).await?.database("music");
        database.collection::<Bson>("songs").insert_one(doc! { "_id": 1, "title": "x" }).await?;
        let words = words(opened(&uri).await);
        assert!(words.contains("belongs to another program"), "{words}");
        assert_eq!(database.list_collection_names().await?, ["songs"]);
        Ok(())
    })
}

/// Whoever began to make it died before it was known whose it is.
pub(super) fn a_database_that_was_hardly_begun_is_made() -> CaseResult {
    let place = Backend::MongoDb.place()?;
    let Place::Database(database) = &place else { return Err("it is a database".into()) };
    let uri = database.uri().to_owned();
    block_on(async {
        let client = Client::with_uri_str(&uri).await?;
        let database = client.default_database().expect("the URI names it");
        database.create_collection("meta").await?;
        assert_eq!(database.list_collection_names().await?, ["meta"]);
        let (one, two) = tokio::join!(opened(&uri), opened(&uri));
        one?.insert(entry("a", "one", "here")).await?;
        assert!(two?.get(Collection::Contexts, "a").await?.is_some());
        assert_eq!(database.collection::<Bson>("meta").count_documents(doc! {}).await?, 1);
        Ok(())
    })
}

/// Neither events that have expired nor a guard stay behind where more is told of what has ended.
pub(super) fn nothing_stays_behind_of_what_has_ended() -> CaseResult {
    let place = Backend::MongoDb.place()?;
    let Place::Database(database) = &place else { return Err("it is a database".into()) };
    let uri = database.uri().to_owned();
    block_on(async {
        let client = Client::with_uri_str(&uri).await?;
        let database = client.default_database().expect("the URI names it");
        let stored = |name: &str, filter| {
            let collection = database.collection::<Bson>(name);
            async move { collection.count_documents(filter).await }
        };
        let store = opened(&uri).await?;
        let run = stored_queued(store.as_ref(), 4).await?;
        let run = ended(store.as_ref(), &run, at(10_000)).await?.id();
        let last = numbers(store.as_ref(), run).await?.len() as u64;
        // Small bites, so that a pass ends with a run half removed.
        let other = opened(&uri).await?;
        while other.expire(Expiry::Events, at(50_000), 1).await?.more {}
        assert_eq!(stored("run_events", doc! {}).await?, 0);
        let Taken::Ours(lease) = other.take_lease("one", at(0), seconds(10)).await? else {
            return Err(StoreError::Conflict("nobody else leads; the lease".to_owned()).into());
        };
        // Another process, which does not know what was copied.
        let third = opened(&uri).await?;
        let fence = lease.fence();
        assert_eq!(third.append_event(run, at(0), note("late"), fence).await?, last + 1);
        assert_eq!(numbers(store.as_ref(), run).await?, [last + 1]);
        assert_eq!(stored("run_events", doc! {}).await?, 1, "only the late one");
        let guarded = doc! { "guard": { "$exists": true } };
        assert_eq!(stored("runs", guarded).await?, 0, "it has ended");
        Ok(())
    })
}

pub(super) fn a_database_of_a_newer_orch_is_left_alone() -> CaseResult {
    let folder = tempfile::tempdir()?;
    let server = Server::start_own(folder.path())?;
    let uri = server.uri("orch");
    block_on(async {
        let store = opened(&uri).await?;
        store.insert(entry("a", "one", "here")).await?;
        drop(store);
        let database = Client::with_uri_str(&uri).await?.database("orch");
        let mut raised = 0;
        for name in database.list_collection_names().await? {
            let forms = database.collection::<Bson>(&name);
            let newer = doc! { "$set": { "form": 99_i64 } };
            let result = forms.update_many(doc! { "form": { "$exists": true } }, newer).await?;
            raised += result.matched_count;
        }
        assert_eq!(raised, 1, "its form is written down once");
        let words = words(opened(&uri).await);
        assert!(words.contains("form 99") && words.contains("use a newer one"), "{words}");
        let contexts = database.collection::<Bson>("contexts");
        assert_eq!(contexts.count_documents(doc! {}).await?, 1);
        Ok(())
    })
}

/// A look-up by each declared index uses it, as the winning plan of MongoDB's own server says. A
/// compatible server that tells less is asked for as much as it tells, and the end of the output
/// says so.
pub(super) fn declared_indexes_are_used() -> CaseResult {
    let place = Backend::MongoDb.place()?;
    let Place::Database(database) = &place else { return Err("it is a database".into()) };
    let uri = database.uri().to_owned();
    block_on(async {
        let store = opened(&uri).await?;
        stored_queued(store.as_ref(), 4).await?;
        let client = Client::with_uri_str(&uri).await?;
        let database = client.default_database().expect("the URI names it");
        let (mut asked, mut untold) = (0, 0);
        for collection in Collection::ALL {
            for index in collection.indexes() {
                let (field, name) = (index.field, format!("by_{}", index.field));
                let equal = explain(&database, collection.name(), doc! { field: "x" }).await?;
                asked += 1;
                match used(&equal) {
                    Used::Index(found) => {
                        assert!(found.contains(&name), "{collection} by {field}: {found}");
                        let range = doc! { field: { "$gte": "x", "$lt": "y" } };
                        let told = explain(&database, collection.name(), range).await?;
                        assert!(matches!(used(&told), Used::Index(found) if found.contains(&name)));
                    }
                    Used::Possible(found) => {
                        assert!(found.contains(&name), "{collection} by {field}: {found:?}");
                    }
                    Used::Untold => {
                        let there = database.collection::<Bson>(collection.name());
                        assert!(there.list_index_names().await?.contains(&name), "{name}");
                        untold += 1;
                    }
                }
            }
        }
        assert_eq!(asked, 36, "so many indexes are declared");
        if untold > 0 {
            crate::case::note(format!(
                "store::declared_indexes_are_used: of {untold} of {asked} indexes the server tells \
                 only that they are there"
            ));
        }
        Ok(())
    })
}

/// What a server tells of how it would look something up.
enum Used {
    /// Its winning plan, which names the index.
    Index(String),
    /// The indexes that it could use.
    Possible(Vec<String>),
    /// Nothing.
    Untold,
}

async fn explain(
    database: &::mongodb::Database,
    collection: &str,
    filter: Bson,
) -> Result<Bson, ::mongodb::error::Error> {
    let find = doc! { "find": collection, "filter": filter };
    database.run_command(doc! { "explain": find, "verbosity": "queryPlanner" }).await
}

fn used(told: &Bson) -> Used {
    if let Ok(planner) = told.get_document("queryPlanner")
        && let Ok(plan) = planner.get_document("winningPlan")
    {
        return Used::Index(plan.to_string());
    }
    if let Ok(details) = told.get_document("details")
        && let Ok(usable) = details.get_array("usableVirtualIndexes")
    {
        return Used::Possible(
            usable.iter().filter_map(|name| name.as_str().map(str::to_owned)).collect(),
        );
    }
    Used::Untold
}

/// What a refusal says, with its causes.
fn words(answer: Result<Arc<dyn Store>, StoreError>) -> String {
    let error = match answer {
        Err(error) => error,
        Ok(_) => StoreError::Refused("it was opened".to_owned()),
    };
    let mut words = format!("{error} {error:?}");
    let mut cause = std::error::Error::source(&error);
    while let Some(error) = cause {
        words.push_str(&format!(": {error} {error:?}"));
        cause = error.source();
    }
    words
}

/// The same with a short time for who looks for a server that is gone.
fn short(uri: &str) -> String {
    format!("{uri}&serverSelectionTimeoutMS=2000")
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "it stands where an error is turned into another"
)]
fn told(error: Box<dyn std::error::Error>) -> StoreError {
    StoreError::Refused(error.to_string())
}

/// A record as it is stored by one and read by another, after the server has been away in between.
pub(super) fn what_was_stored_before_a_kill_is_read_after_it() -> CaseResult {
    let folder = tempfile::tempdir()?;
    let mut server = Server::start_own(folder.path())?;
    let uri = short(&server.uri("orch"));
    block_on(async {
        let run = stored_queued(opened(&uri).await?.as_ref(), 4).await?;
        tokio::task::block_in_place(|| server.kill()).map_err(told)?;
        tokio::task::block_in_place(|| server.restart()).map_err(told)?;
        let store = opened(&uri).await?;
        let found: Option<Run> = record::get(store.as_ref(), &run.id().to_string()).await?;
        assert_eq!(found, Some(run.clone()));
        assert_eq!(append(store.as_ref(), run.id(), "goes on").await?, 2);
        Ok(())
    })
}
