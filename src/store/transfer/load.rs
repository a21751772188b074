//! Writing pieces into an empty store.

use super::Piece;
use crate::store::record::newest_schema;
use crate::store::{Collection, Imported, Query, Store, StoreError};

/// What is written in one go.
const BATCH: usize = 4 << 20;
const BATCH_PIECES: usize = 256;
/// Documents that are read in one go; a few large ones must fit into memory.
const PAGE: usize = 16;

/// Writes pieces into a store that nobody else uses. What was added is there after
/// [`Loader::finish`].
pub struct Loader<'a> {
    store: &'a dyn Store,
    batch: Vec<Imported>,
    bytes: usize,
}

impl<'a> Loader<'a> {
    /// Writes into this store.
    pub fn new(store: &'a dyn Store) -> Self {
        Self { store, batch: Vec::new(), bytes: 0 }
    }

    /// Adds a piece.
    ///
    /// # Errors
    /// As [`Store::import`].
    pub async fn add(&mut self, piece: Piece) -> Result<(), StoreError> {
        self.bytes += piece.bytes();
        self.batch.push(piece.into_imported());
        if self.bytes >= BATCH || self.batch.len() >= BATCH_PIECES {
            self.write().await?;
        }
        Ok(())
    }

    /// Writes what was not written yet.
    ///
    /// # Errors
    /// As [`Store::import`].
    pub async fn finish(mut self) -> Result<(), StoreError> {
        self.write().await
    }

    async fn write(&mut self) -> Result<(), StoreError> {
        self.bytes = 0;
        if self.batch.is_empty() {
            return Ok(());
        }
        self.store.import(std::mem::take(&mut self.batch)).await
    }
}

/// Whether this orch can read all that a store holds: one that cannot does not start with it.
///
/// # Errors
/// `Corrupt` where a newer orch wrote something; otherwise as [`Store::find`].
pub async fn is_known(store: &dyn Store) -> Result<(), StoreError> {
    for collection in Collection::ALL {
        let known = newest_schema(collection);
        let mut query = Query { limit: PAGE, ..Query::all(collection) };
        loop {
            let page = store.find(query.clone()).await?;
            if let Some(newer) = page.iter().find(|document| document.schema > known) {
                let (name, schema) = (newer.name(), newer.schema);
                return Err(StoreError::Corrupt(format!(
                    "{name} has schema {schema}, and this orch reads up to {known}; use a newer one"
                )));
            }
            let Some(last) = page.last() else { break };
            query.after = Some(last.id.clone());
        }
    }
    Ok(())
}

/// The collections of a store that hold something.
///
/// # Errors
/// As [`Store::find`].
pub async fn occupied(store: &dyn Store) -> Result<Vec<Collection>, StoreError> {
    let mut found = Vec::new();
    for collection in Collection::ALL {
        if !store.find(Query { limit: 1, ..Query::all(collection) }).await?.is_empty() {
            found.push(collection);
        }
    }
    Ok(found)
}
