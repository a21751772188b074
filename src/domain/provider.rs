//! A provider config: how a harness reaches its models.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::endpoint::Endpoint;
use super::id::ProviderConfigId;
use super::secret::SecretName;
use super::slug::Slug;
use super::task::HarnessKind;

/// The shape of stored provider configs.
pub const PROVIDER_CONFIG_SCHEMA: u32 = 1;

/// How a harness reaches its models.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ProviderConfig {
    /// The shape that this document has.
    pub schema: u32,
    /// Grows with each write; a write that does not name the current one is refused.
    pub version: u64,
    /// Its identity.
    pub id: ProviderConfigId,
    /// Its name.
    pub name: Slug,
    /// The harness that it is for.
    pub harness: HarnessKind,
    /// Where the models are; `None` leaves it to the harness.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<Endpoint>,
    /// The names of its models, the preferred one first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub models: Vec<String>,
    /// The secrets that it needs, by the variables in which the harness looks for them. Names
    /// alone: what is behind them is known where they are opened.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub secrets: BTreeMap<String, SecretName>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

impl ProviderConfig {
    /// A config that leaves everything to the harness.
    pub fn new(id: ProviderConfigId, name: Slug, harness: HarnessKind, now: Timestamp) -> Self {
        Self {
            schema: PROVIDER_CONFIG_SCHEMA,
            version: 1,
            id,
            name,
            harness,
            endpoint: None,
            models: Vec::new(),
            secrets: BTreeMap::new(),
            created_at: now,
            updated_at: now,
        }
    }
}
