//! Documents in MongoDB: `_id`, `version`, `schema`, each key as a field of its own (absent where
//! there is none, because a unique sparse index takes an explicit null for a value), and the body
//! as one string, so that what is read is byte for byte what was written.
//!
//! `made` is the mark of the write that made it, and `write` that of the last one. Who lost the
//! answer to a write looks whether the mark is its own before it says that somebody else was
//! faster.

use futures_util::TryStreamExt;
use mongodb::bson::{Bson, Document as Bsond, doc};

use super::attempts::{Patience, mark, repeat, too_busy};
use super::errors::{Failed, failed};
use super::{MongoStore, to_integer};
use crate::store::document::{check_size, end_of_range};
use crate::store::{Collection, Document, Filter, Order, Query, StoreError};

/// What MongoDB takes, less room for names of fields.
const MAX_STORED: usize = (16 << 20) - (64 << 10);

pub(super) async fn get(
    store: &MongoStore,
    collection: Collection,
    id: &str,
) -> Result<Option<Document>, StoreError> {
    let found = repeat(|| async {
        store.of(collection).find_one(visible(collection, id)).projection(fields(collection)).await
    });
    let Some(found) = found.await.map_err(Failed::into_error)? else { return Ok(None) };
    let document = decode(collection, found)?;
    Ok(without_gone(store, vec![document]).await?.pop())
}

pub(super) async fn insert(store: &MongoStore, document: &Document) -> Result<(), StoreError> {
    let mark = mark();
    let mut stored = encode(document)?;
    stored.insert("made", &mark);
    let mut patience = Patience::new();
    let mut lost = None;
    loop {
        match store.of(document.collection).insert_one(&stored).await.map_err(failed) {
            Ok(_) => return Ok(()),
            Err(Failed::Told(error)) => return Err(lost.unwrap_or(error)),
            Err(Failed::Duplicate) => {
                let Some(error) = lost else { return Err(StoreError::Exists(document.name())) };
                match maker(store, document).await {
                    Ok(Some(made)) if made == mark => return Ok(()),
                    Ok(Some(_)) => return Err(StoreError::Exists(document.name())),
                    // A majority does not have yet what the insert met.
                    Ok(None) => lost = Some(error),
                    Err(_) => return Err(error),
                }
            }
            Err(Failed::Lost(error)) => lost = Some(error),
        }
        if !patience.lasts().await {
            return Err(lost.unwrap_or_else(|| too_busy(&document.name())));
        }
    }
}

/// The mark of the write that made the document with this id, where one is there.
async fn maker(store: &MongoStore, document: &Document) -> Result<Option<String>, StoreError> {
    let found = repeat(|| async {
        let documents = store.of(document.collection);
        documents.find_one(doc! { "_id": &document.id }).projection(doc! { "made": 1 }).await
    });
    let found = found.await.map_err(Failed::into_error)?;
    Ok(found.map(|found| text(&found, "made").unwrap_or_default()))
}

pub(super) async fn replace(store: &MongoStore, document: &Document) -> Result<(), StoreError> {
    let mark = mark();
    let mut stored = encode(document)?;
    stored.insert("write", &mark);
    stored.remove("_id");
    let mut change = doc! { "$set": stored };
    let absent = absent_keys(document);
    if !absent.is_empty() {
        change.insert("$unset", absent);
    }
    let before = to_integer(document.version) - 1;
    let filter = doc! { "_id": &document.id, "version": before };
    let mut patience = Patience::new();
    let mut lost = None;
    loop {
        let documents = store.of(document.collection);
        match documents.update_one(filter.clone(), change.clone()).await.map_err(failed) {
            Ok(result) if result.matched_count == 1 => return Ok(()),
            Ok(_) => {
                match state(store, document.collection, &document.id).await {
                    Ok(Some((_, last))) if last == mark => return Ok(()),
                    // A majority does not have yet what the filter saw.
                    Ok(Some((version, _))) if version == before => {}
                    Err(error) => return Err(lost.unwrap_or(error)),
                    Ok(found) => {
                        return Err(
                            lost.unwrap_or_else(|| refusal(document.name(), found.as_ref()))
                        );
                    }
                }
            }
            Err(Failed::Told(error)) => return Err(lost.unwrap_or(error)),
            Err(Failed::Duplicate) => {
                return Err(lost.unwrap_or_else(|| StoreError::Exists(document.name())));
            }
            Err(Failed::Lost(error)) => lost = Some(error),
        }
        if !patience.lasts().await {
            return Err(lost.unwrap_or_else(|| too_busy(&document.name())));
        }
    }
}

pub(super) async fn delete(
    store: &MongoStore,
    collection: Collection,
    id: &str,
    version: u64,
) -> Result<(), StoreError> {
    let name = format!("{collection}/{id}");
    let version = to_integer(version);
    let mut patience = Patience::new();
    let mut lost = None;
    loop {
        let filter = doc! { "_id": id, "version": version };
        match store.of(collection).delete_one(filter).await.map_err(failed) {
            Ok(result) if result.deleted_count == 1 => return Ok(()),
            Ok(_) => match state(store, collection, id).await {
                Ok(Some((found, _))) if found == version => {}
                Err(error) => return Err(lost.unwrap_or(error)),
                // Whether it was us who removed it, nobody can tell any more.
                Ok(found) => return Err(lost.unwrap_or_else(|| refusal(name, found.as_ref()))),
            },
            Err(Failed::Lost(error)) => lost = Some(error),
            Err(other) => return Err(lost.unwrap_or_else(|| other.into_error())),
        }
        if !patience.lasts().await {
            return Err(lost.unwrap_or_else(|| too_busy(&name)));
        }
    }
}

/// The version of a document and the mark of its last write.
async fn state(
    store: &MongoStore,
    collection: Collection,
    id: &str,
) -> Result<Option<(i64, String)>, StoreError> {
    let found = repeat(|| async {
        let wanted = doc! { "version": 1, "write": 1 };
        store.of(collection).find_one(doc! { "_id": id }).projection(wanted).await
    });
    let Some(found) = found.await.map_err(Failed::into_error)? else { return Ok(None) };
    Ok(Some((integer(&found, "version"), text(&found, "write").unwrap_or_default())))
}

fn refusal(name: String, found: Option<&(i64, String)>) -> StoreError {
    match found {
        None => StoreError::NotFound(name),
        Some(_) => StoreError::Conflict(name),
    }
}

pub(super) async fn find(store: &MongoStore, query: &Query) -> Result<Vec<Document>, StoreError> {
    let mut found = Vec::new();
    let mut after = query.after.clone();
    // What is being removed is left out of a page, and the page is filled up again.
    while found.len() < query.limit {
        let wanted = query.limit - found.len();
        let page = page(store, query, after.as_deref(), wanted).await?;
        let is_last = page.len() < wanted;
        after = page.last().map(|document| document.id.clone());
        found.extend(without_gone(store, page).await?);
        if is_last {
            break;
        }
    }
    Ok(found)
}

async fn page(
    store: &MongoStore,
    query: &Query,
    after: Option<&str>,
    limit: usize,
) -> Result<Vec<Document>, StoreError> {
    let collection = query.collection;
    let filter = conditions(query, after);
    let direction = match query.order {
        Order::OldestFirst => 1,
        Order::NewestFirst => -1,
    };
    let found: Vec<Bsond> = repeat(|| async {
        let documents = store.of(collection);
        let mut find = documents
            .find(filter.clone())
            .projection(fields(collection))
            .sort(doc! { "_id": direction });
        // Zero is no limit to MongoDB, and the largest numbers are too large for some servers.
        if let Ok(limit) = i32::try_from(limit) {
            find = find.limit(i64::from(limit));
        }
        find.await?.try_collect().await
    })
    .await
    .map_err(Failed::into_error)?;
    found.into_iter().map(|one| decode(collection, one)).collect()
}

fn conditions(query: &Query, after: Option<&str>) -> Bsond {
    let mut all = Vec::new();
    if query.collection == Collection::Runs {
        all.push(doc! { "version": { "$gt": 0_i64 } });
    }
    for filter in &query.filters {
        all.push(match filter {
            Filter::Equals(field, value) => doc! { *field: value },
            Filter::StartsWith(field, start) => doc! { *field: beginning(start) },
            Filter::IdStartsWith(start) => doc! { "_id": beginning(start) },
        });
    }
    if let Some(after) = after {
        let comparison = match query.order {
            Order::OldestFirst => "$gt",
            Order::NewestFirst => "$lt",
        };
        all.push(doc! { "_id": { comparison: after } });
    }
    if all.is_empty() {
        Bsond::new()
    } else {
        doc! { "$and": all }
    }
}

/// A range and not a pattern: it is always looked up in the index.
fn beginning(start: &str) -> Bsond {
    match end_of_range(start) {
        Some(end) => doc! { "$gte": start, "$lt": end },
        None => doc! { "$gte": start },
    }
}

/// Runs of version 0 are not there yet or no longer.
fn visible(collection: Collection, id: &str) -> Bsond {
    if collection == Collection::Runs {
        doc! { "_id": id, "version": { "$gt": 0_i64 } }
    } else {
        doc! { "_id": id }
    }
}

/// What hangs on a run disappears with it, though it is removed later.
async fn without_gone(
    store: &MongoStore,
    found: Vec<Document>,
) -> Result<Vec<Document>, StoreError> {
    let runs: Vec<&str> = found.iter().filter_map(run_of).collect();
    if runs.is_empty() {
        return Ok(found);
    }
    let filter = doc! { "_id": { "$in": runs }, "gone": "yes" };
    let gone: Vec<Bsond> = repeat(|| async {
        let runs = store.of(Collection::Runs);
        runs.find(filter.clone()).projection(doc! { "_id": 1 }).await?.try_collect().await
    })
    .await
    .map_err(Failed::into_error)?;
    let gone: Vec<String> = gone.iter().filter_map(|run| text(run, "_id")).collect();
    let is_there =
        |document: &Document| !run_of(document).is_some_and(|run| gone.iter().any(|id| id == run));
    Ok(found.into_iter().filter(is_there).collect())
}

fn run_of(document: &Document) -> Option<&str> {
    match document.collection {
        Collection::Envelopes => Some(&document.id),
        Collection::Artifacts => document.key("run"),
        Collection::Projects
        | Collection::Repositories
        | Collection::Tasks
        | Collection::TaskSchedules
        | Collection::DueTimes
        | Collection::Runs
        | Collection::Findings
        | Collection::Workers
        | Collection::ProviderConfigs
        | Collection::Contexts
        | Collection::Secrets
        | Collection::Audit
        | Collection::Salvages => None,
    }
}

/// The document as it is stored, looked at for its size.
pub(super) fn encode(document: &Document) -> Result<Bsond, StoreError> {
    document.check_size()?;
    let keys: usize = document.keys.iter().flat_map(|(_, key)| key).map(String::len).sum();
    check_size(|| document.name(), document.body.len() + document.id.len() + keys, MAX_STORED)?;
    let mut stored = doc! {
        "_id": &document.id,
        "version": to_integer(document.version),
        "schema": i64::from(document.schema),
        "body": &document.body,
    };
    for (field, key) in &document.keys {
        if let Some(key) = key {
            stored.insert(*field, key);
        }
    }
    Ok(stored)
}

pub(super) fn absent_keys(document: &Document) -> Bsond {
    let absent = document.keys.iter().filter(|(_, key)| key.is_none());
    absent.map(|(field, _)| ((*field).to_owned(), Bson::from(""))).collect()
}

fn fields(collection: Collection) -> Bsond {
    let mut fields = doc! { "version": 1, "schema": 1, "body": 1 };
    for index in collection.indexes() {
        fields.insert(index.field, 1);
    }
    fields
}

fn decode(collection: Collection, mut found: Bsond) -> Result<Document, StoreError> {
    let id = text(&found, "_id").unwrap_or_default();
    let Some(Bson::String(body)) = found.remove("body") else {
        return Err(StoreError::Corrupt(format!("{collection}/{id} has no body")));
    };
    let indexes = collection.indexes().iter();
    Ok(Document {
        collection,
        version: integer(&found, "version").unsigned_abs(),
        schema: u32::try_from(integer(&found, "schema")).unwrap_or(u32::MAX),
        keys: indexes.map(|index| (index.field, text(&found, index.field))).collect(),
        id,
        body,
    })
}

pub(super) fn text(found: &Bsond, field: &str) -> Option<String> {
    found.get_str(field).ok().map(str::to_owned)
}

/// A number of whatever width; some servers narrow what was written as 64 bits.
pub(super) fn integer(found: &Bsond, field: &str) -> i64 {
    match found.get(field) {
        Some(Bson::Int64(number)) => *number,
        Some(Bson::Int32(number)) => i64::from(*number),
        _ => 0,
    }
}
