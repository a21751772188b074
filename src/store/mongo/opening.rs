//! Opening a database: what the address may say, whose the database is, and its form.
//!
//! The address holds a password. What the driver says about an address may repeat parts of it, so
//! that is shown only where there is nothing to hide.

use std::time::Duration;

use mongodb::bson::doc;
use mongodb::options::{
    Acknowledgment, ClientOptions, ReadConcern, ReadPreference, SelectionCriteria, WriteConcern,
};
use mongodb::{Client, Database};

use super::attempts::{Patience, repeat, too_busy};
use super::documents::{integer, text};
use super::errors::{Failed, failed, words};
use super::{META, MongoStore, indexes};
use crate::domain::address::MongoUrl;
use crate::store::StoreError;

/// The form of the database; grows with each change that older programs cannot read.
const FORM: i64 = 1;
const FORM_ID: &str = "form";
const APPLICATION: &str = "orch";

const SELECTION: Duration = Duration::from_secs(5);
const CONNECT: Duration = Duration::from_secs(5);
const CONNECTIONS: u32 = 16;

pub(super) async fn open(url: &MongoUrl) -> Result<MongoStore, StoreError> {
    let options = options(url).await?;
    let client = Client::with_options(options).map_err(|error| unusable(url, &error))?;
    let database = client.database(url.database());
    let store = MongoStore {
        database,
        copied: std::sync::Mutex::default(),
        reserving: tokio::sync::Semaphore::new(1),
        fills: false,
    };
    ping(&store.database).await.map_err(|error| named(url, error))?;
    claim_database(&store, url).await?;
    indexes::apply(&store).await.map_err(|error| named(url, error))?;
    Ok(store)
}

/// What the address says about the way to the server counts; what it says about how safely is
/// written does not.
async fn options(url: &MongoUrl) -> Result<ClientOptions, StoreError> {
    let parsed = ClientOptions::parse(url.with_password()).await;
    let mut options = parsed.map_err(|error| unusable(url, &error))?;
    options.app_name.get_or_insert_with(|| APPLICATION.to_owned());
    options.server_selection_timeout.get_or_insert(SELECTION);
    options.connect_timeout.get_or_insert(CONNECT);
    options.max_pool_size.get_or_insert(CONNECTIONS);
    let safely = WriteConcern::builder().w(Acknowledgment::Majority).journal(true).build();
    options.write_concern = Some(safely);
    options.read_concern = Some(ReadConcern::majority());
    options.selection_criteria = Some(SelectionCriteria::ReadPreference(ReadPreference::Primary));
    Ok(options)
}

/// The driver's words about an address, where they can hold no secret of it.
pub(super) fn unusable(url: &MongoUrl, error: &mongodb::error::Error) -> StoreError {
    // Without a user and without a value that is not shown there is no secret in it.
    let shown = url.to_string();
    let hides_nothing = !shown.contains('@') && !shown.contains("***");
    let why = if hides_nothing { words(error) } else { HIDDEN.to_owned() };
    match error.kind.as_ref() {
        mongodb::error::ErrorKind::DnsResolve { .. } => {
            StoreError::Unavailable(format!("the host of {url} has no record in the DNS").into())
        }
        _ => StoreError::Refused(format!("the address {url} cannot be used: {why}")),
    }
}

const HIDDEN: &str = "the driver does not understand it; signs like @ : / % in a user's name or \
                      password are written as %40 %3A %2F %25";

/// An error with the store's name, so that a person knows which server is meant.
fn named(url: &MongoUrl, error: StoreError) -> StoreError {
    match error {
        StoreError::Refused(why) => StoreError::Refused(format!("{url}: {why}")),
        StoreError::Corrupt(why) => StoreError::Corrupt(format!("{url}: {why}")),
        StoreError::Unavailable(why) => StoreError::Unavailable(format!("{url}: {why}").into()),
        other => other,
    }
}

async fn ping(database: &Database) -> Result<(), StoreError> {
    database.run_command(doc! { "ping": 1 }).await.map(drop).map_err(|e| failed(e).into_error())
}

/// The form is the first thing that is written, so that whoever finds anything else without it
/// knows that the database is somebody else's. Its collection may be there before it, where another
/// daemon is making the database or died over it.
async fn claim_database(store: &MongoStore, url: &MongoUrl) -> Result<(), StoreError> {
    let mut patience = Patience::new();
    loop {
        if is_ours(store, url).await? {
            return Ok(());
        }
        if holds_anything(store).await.map_err(|error| named(url, error.into_error()))? {
            // Another daemon may have begun to make it since the first look.
            if is_ours(store, url).await? {
                return Ok(());
            }
            return Err(StoreError::Corrupt(format!("{url} belongs to another program")));
        }
        let form = doc! { "$setOnInsert": { "application": APPLICATION, "form": FORM } };
        let made = repeat(|| async {
            let meta = store.named(META);
            meta.update_one(doc! { "_id": FORM_ID }, form.clone()).upsert(true).await
        });
        match made.await {
            Ok(_) | Err(Failed::Duplicate) => {}
            Err(error) => return Err(named(url, error.into_error())),
        }
        // A majority may not have yet what another daemon has made.
        if !patience.lasts().await {
            return Err(named(url, too_busy("the form of the database")));
        }
    }
}

/// Whether there is anything but a form, and the place for it.
async fn holds_anything(store: &MongoStore) -> Result<bool, Failed> {
    let names = repeat(|| async { store.database.list_collection_names().await }).await?;
    if names.iter().any(|name| !name.starts_with("system.") && name != META) {
        return Ok(true);
    }
    let others = doc! { "_id": { "$ne": FORM_ID } };
    Ok(repeat(|| async { store.named(META).find_one(others.clone()).await }).await?.is_some())
}

/// Whether the database has a form, which must be one that we know.
async fn is_ours(store: &MongoStore, url: &MongoUrl) -> Result<bool, StoreError> {
    let found =
        repeat(|| async { store.named(META).find_one(doc! { "_id": FORM_ID }).await }).await;
    let Some(found) = found.map_err(|error| named(url, error.into_error()))? else {
        return Ok(false);
    };
    if text(&found, "application").as_deref() != Some(APPLICATION) {
        return Err(StoreError::Corrupt(format!("{url} belongs to another program")));
    }
    let form = integer(&found, "form");
    if form > FORM {
        return Err(StoreError::Corrupt(format!(
            "{url} has form {form}, and this orch knows up to {FORM}; use a newer one"
        )));
    }
    Ok(true)
}
