//! Typed documents: which collection a type of the domain lies in, and what it is found by.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Collection, Document, Filter, Query, Store, StoreError};

mod keys;

pub use keys::newest_schema;

/// A type that is stored as documents.
pub trait Record: Serialize + DeserializeOwned {
    /// Where it lies.
    const COLLECTION: Collection;
    /// The newest shape that this program can read, and the one that it writes.
    const SCHEMA: u32;

    /// Its id.
    fn id(&self) -> String;
    /// Its version.
    fn version(&self) -> u64;
    /// What it is found by, in the order of the collection's indexes.
    fn keys(&self) -> Vec<(&'static str, Option<String>)>;
}

/// The document of a record.
///
/// # Errors
/// `Corrupt` where it cannot be written as JSON.
pub fn encode<R: Record>(record: &R) -> Result<Document, StoreError> {
    let body = serde_json::to_string(record)
        .map_err(|e| StoreError::Corrupt(format!("a document cannot be written: {e}")))?;
    Ok(Document {
        collection: R::COLLECTION,
        id: record.id(),
        version: record.version(),
        schema: R::SCHEMA,
        keys: record.keys(),
        body,
    })
}

/// The record of a document.
///
/// # Errors
/// `Corrupt` where a newer orch has written it, or it cannot be read.
pub fn decode<R: Record>(document: &Document) -> Result<R, StoreError> {
    let Document { collection, id, schema, .. } = document;
    if *schema > R::SCHEMA {
        return Err(StoreError::Corrupt(format!(
            "{collection}/{id} has schema {schema}, and this orch reads up to {}; use a newer one",
            R::SCHEMA
        )));
    }
    serde_json::from_str(&document.body)
        .map_err(|e| StoreError::Corrupt(format!("{collection}/{id} cannot be read: {e}")))
}

/// The record with this id, if there is one.
///
/// # Errors
/// As [`Store::get`] and [`decode`].
pub async fn get<R: Record>(store: &dyn Store, id: &str) -> Result<Option<R>, StoreError> {
    store.get(R::COLLECTION, id).await?.as_ref().map(decode).transpose()
}

/// The one record whose unique field has this value, if there is one.
///
/// # Errors
/// As [`Store::find`] and [`decode`].
pub async fn lookup<R: Record>(
    store: &dyn Store,
    field: &'static str,
    value: &str,
) -> Result<Option<R>, StoreError> {
    let query = Query::all(R::COLLECTION).filter(Filter::Equals(field, value.to_owned()));
    store.find(Query { limit: 1, ..query }).await?.first().map(decode).transpose()
}

/// The records that fit.
///
/// # Errors
/// As [`Store::find`] and [`decode`].
pub async fn find<R: Record>(store: &dyn Store, query: Query) -> Result<Vec<R>, StoreError> {
    store.find(query).await?.iter().map(decode).collect()
}

/// Adds a record.
///
/// # Errors
/// As [`Store::insert`].
pub async fn insert<R: Record>(store: &dyn Store, record: &R) -> Result<(), StoreError> {
    store.insert(encode(record)?).await
}

/// Replaces a record.
///
/// # Errors
/// As [`Store::replace`].
pub async fn replace<R: Record>(store: &dyn Store, record: &R) -> Result<(), StoreError> {
    store.replace(encode(record)?).await
}

fn reversed(id: &str) -> String {
    id.chars().rev().collect()
}

/// The filter that finds a run by the end of its id.
pub fn tail_filter(end: &str) -> Filter {
    Filter::StartsWith("tail", reversed(end))
}

#[cfg(test)]
mod tests;
