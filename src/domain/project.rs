//! A project: the umbrella over several repositories.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::id::ProjectId;
use super::limits::Caps;
use super::slug::Slug;

/// The shape of stored projects; raised when old ones must be read differently.
pub const PROJECT_SCHEMA: u32 = 1;

/// An umbrella over several repositories, with shared caps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Project {
    /// The shape that this document has.
    pub schema: u32,
    /// Grows with each write; a write that does not name the current one is refused.
    pub version: u64,
    /// Its identity.
    pub id: ProjectId,
    /// Its name in addresses.
    pub slug: Slug,
    /// What it is, for people.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub title: String,
    /// The customer that it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer: Option<String>,
    /// What its repositories together may use.
    #[serde(default)]
    pub caps: Caps,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// When it was put away; its history stays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub archived_at: Option<Timestamp>,
}

impl Project {
    /// A new project.
    pub fn new(id: ProjectId, slug: Slug, now: Timestamp) -> Self {
        Self {
            schema: PROJECT_SCHEMA,
            version: 1,
            id,
            slug,
            title: String::new(),
            customer: None,
            caps: Caps::default(),
            created_at: now,
            updated_at: now,
            archived_at: None,
        }
    }
}
