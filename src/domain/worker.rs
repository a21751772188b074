//! A worker: a Docker engine that runs containers for us.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::duration::HumanDuration;
use super::endpoint::Endpoint;
use super::id::WorkerId;
use super::size::ByteSize;
use super::slug::Slug;

/// The shape of stored workers.
pub const WORKER_SCHEMA: u32 = 1;

/// What a worker has for the sandboxes on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Capacity {
    /// Thousandths of a processor.
    pub milli_cpus: u32,
    /// Memory.
    pub memory: ByteSize,
}

/// A Docker engine that runs containers for us.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Worker {
    /// The shape that this document has.
    pub schema: u32,
    /// Grows with each write; a write that does not name the current one is refused.
    pub version: u64,
    /// Its identity.
    pub id: WorkerId,
    /// Its name.
    pub name: Slug,
    /// Where it is reached.
    pub address: Endpoint,
    /// What it has.
    pub capacity: Capacity,
    /// What it is good for, for those who choose among workers.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// When it last said that it is there; `None` where it never did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub heartbeat_at: Option<Timestamp>,
    /// When it was made known.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

impl Worker {
    /// A worker that has not been heard yet.
    pub fn new(
        id: WorkerId,
        name: Slug,
        address: Endpoint,
        capacity: Capacity,
        now: Timestamp,
    ) -> Self {
        Self {
            schema: WORKER_SCHEMA,
            version: 1,
            id,
            name,
            address,
            capacity,
            labels: BTreeMap::new(),
            heartbeat_at: None,
            created_at: now,
            updated_at: now,
        }
    }

    /// Whether it was heard no longer ago than `patience`.
    pub fn is_alive(&self, now: Timestamp, patience: HumanDuration) -> bool {
        self.heartbeat_at.is_some_and(|beat| HumanDuration::between(beat, now) <= patience)
    }
}

#[cfg(test)]
mod tests;
