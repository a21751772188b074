//! Documents as a store sees them, how they are found, and how large they may be.

use super::collection::Collection;
use super::error::StoreError;

/// The largest body of a document. A document database ends at 16 MiB, and needs some of it.
pub const MAX_BODY: usize = 15 << 20;

/// The largest body of a run, and the most that the events of one call may have together: both lie
/// in one document for a moment.
pub const MAX_RUN: usize = 7 << 20;

/// A document as the store sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// Where it belongs.
    pub collection: Collection,
    /// Its id, unique in the collection; ids sort by the time that they were made.
    pub id: String,
    /// 1 when it is made, one more with each write.
    pub version: u64,
    /// The shape of the body.
    pub schema: u32,
    /// The values of all indexed fields, in the order of the declaration; `None` where it has none.
    pub keys: Vec<(&'static str, Option<String>)>,
    /// The document itself, as JSON.
    pub body: String,
}

impl Document {
    /// `collection/id`, as errors name it.
    pub fn name(&self) -> String {
        format!("{}/{}", self.collection, self.id)
    }

    /// The value of an indexed field.
    pub fn key(&self, field: &str) -> Option<&str> {
        let (_, value) = self.keys.iter().find(|(name, _)| *name == field)?;
        value.as_deref()
    }

    /// Refuses runs, which have methods of their own.
    pub(super) fn is_not_a_run(&self) -> Result<(), StoreError> {
        self.collection.is_not_runs()
    }

    /// Whether every store can hold it; looked at before anything is sent.
    ///
    /// # Errors
    /// `TooLarge`.
    pub(super) fn check_size(&self) -> Result<(), StoreError> {
        let limit = if self.collection == Collection::Runs { MAX_RUN } else { MAX_BODY };
        check_size(|| self.name(), self.body.len(), limit)
    }
}

pub(super) fn check_size(
    what: impl Fn() -> String,
    bytes: usize,
    limit: usize,
) -> Result<(), StoreError> {
    if bytes > limit {
        return Err(StoreError::TooLarge { what: what(), bytes, limit });
    }
    Ok(())
}

/// A condition on an indexed field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Filter {
    /// The value is this.
    Equals(&'static str, String),
    /// The value begins like this.
    StartsWith(&'static str, String),
    /// The id begins like this.
    IdStartsWith(String),
}

/// In which order documents are found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// The first made first.
    OldestFirst,
    /// The last made first.
    NewestFirst,
}

/// What to find.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    /// Where.
    pub collection: Collection,
    /// Conditions that all hold.
    pub filters: Vec<Filter>,
    /// In which order.
    pub order: Order,
    /// Only what comes after this id in that order. Stays right when documents come and go, this
    /// one included.
    pub after: Option<String>,
    /// At most so many.
    pub limit: usize,
}

impl Query {
    /// Everything of a collection, the oldest first.
    pub fn all(collection: Collection) -> Self {
        Self {
            collection,
            filters: Vec::new(),
            order: Order::OldestFirst,
            after: None,
            limit: usize::MAX,
        }
    }

    /// The same with one more condition.
    pub fn filter(mut self, filter: Filter) -> Self {
        self.filters.push(filter);
        self
    }
}

/// The first text behind all that begin with `start`; nothing where they go on to the end. Bytes
/// sort as characters do.
pub(super) fn end_of_range(start: &str) -> Option<String> {
    let mut end = start.to_owned();
    while let Some(last) = end.pop() {
        let behind = match last {
            // What lies between is no character.
            '\u{d7ff}' => Some('\u{e000}'),
            _ => char::from_u32(u32::from(last) + 1),
        };
        if let Some(behind) = behind {
            end.push(behind);
            return Some(end);
        }
    }
    None
}
