//! Writing pieces into an empty store.

use super::Piece;
use crate::store::{Collection, Imported, Query, Store, StoreError};

/// What is written in one go.
const BATCH: usize = 4 << 20;
const BATCH_PIECES: usize = 256;

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
