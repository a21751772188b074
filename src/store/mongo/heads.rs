//! The head of a run: what of its document a writer or a reader of events has to know.

use mongodb::bson::{Document as Bsond, doc};
use serde::Deserialize;

use super::MongoStore;
use super::attempts::repeat;
use super::errors::Failed;
use crate::domain::id::RunId;
use crate::store::{Collection, StoreError};

/// The numbers of a run, without its body.
#[derive(Debug, Deserialize)]
pub(super) struct Head {
    /// 0 where it is not yet a run, or no longer.
    pub(super) version: i64,
    /// The number of the last event.
    pub(super) seq: i64,
    /// The number of the last line.
    pub(super) line: i64,
    /// The number up to which events are hidden.
    pub(super) floor: i64,
    /// The newest token of the lease that it knows.
    #[serde(default)]
    pub(super) fence: i64,
    /// Whether the fence is raised when the lease is taken; see [`super::leases`].
    #[serde(default)]
    pub(super) guard: Option<String>,
    /// Whether it is being removed.
    #[serde(default)]
    pub(super) gone: Option<String>,
    /// Its age, where it has ended.
    #[serde(default)]
    pub(super) age: Option<String>,
    /// The mark of the last write.
    #[serde(default)]
    pub(super) write: Option<String>,
    /// Claims that have been given up for it.
    #[serde(default)]
    pub(super) voided: Vec<String>,
    /// The events of the last write, without their bodies.
    #[serde(default)]
    pub(super) outbox: Vec<Record>,
}

impl Head {
    pub(super) fn is_run(&self) -> bool {
        self.version > 0
    }
}

/// An event as it is stored.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Record {
    pub(super) seq: i64,
    #[serde(default)]
    pub(super) first_line: Option<i64>,
    #[serde(default)]
    pub(super) last_line: Option<i64>,
    #[serde(default)]
    pub(super) stage: Option<String>,
    #[serde(default)]
    pub(super) attempt: Option<i64>,
    /// The event as JSON; empty where only its place was asked for.
    #[serde(default)]
    pub(super) body: String,
}

/// The head of a run, of what is about to become one, or of what is being removed.
pub(super) async fn read(store: &MongoStore, run: RunId) -> Result<Option<Head>, StoreError> {
    let id = run.to_string();
    let runs = store.named_as::<Head>(Collection::Runs.name());
    repeat(|| async { runs.find_one(doc! { "_id": &id }).projection(fields()).await })
        .await
        .map_err(Failed::into_error)
}

fn fields() -> Bsond {
    doc! {
        "version": 1, "seq": 1, "line": 1, "floor": 1, "fence": 1, "guard": 1,
        "gone": 1, "age": 1, "write": 1, "voided": 1,
        "outbox.seq": 1, "outbox.first_line": 1, "outbox.last_line": 1, "outbox.stage": 1,
        "outbox.attempt": 1,
    }
}

/// The head of what has no events yet.
pub(super) fn beginning() -> Bsond {
    doc! { "seq": 0_i64, "line": 0_i64, "floor": 0_i64, "removed": 0_i64, "fence": 0_i64 }
}
