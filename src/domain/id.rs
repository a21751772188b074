//! Identities. An id is a UUIDv7 written in 26 characters of Crockford's base 32: ordered by
//! creation, never reused, safe in file names, labels and branches.
//!
//! Its head is a clock, so two runs of the same minute share it; people are therefore shown the
//! *tail* ([`Id::short`]), which is random. Both ends are accepted where an id is typed.

use std::fmt;
use std::marker::PhantomData;
use std::str::FromStr;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::Uuid;

const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
/// The number of characters in the full text of an id.
pub const ID_LENGTH: usize = 26;
/// The number of characters shown to people.
pub const SHORT_LENGTH: usize = 6;

/// The identity of one thing of kind `K`; ids of different kinds do not mix.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id<K> {
    uuid: Uuid,
    kind: PhantomData<K>,
}

/// Marks ids of projects.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ProjectKind {}
/// Marks ids of repositories.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RepositoryKind {}
/// Marks ids of tasks.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TaskMarker {}
/// Marks ids of runs.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RunKind {}
/// Marks ids of findings.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FindingMarker {}
/// Marks ids of due times.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DueTimeMarker {}
/// Marks ids of artifacts.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ArtifactMarker {}
/// Marks ids of workers.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum WorkerMarker {}
/// Marks ids of provider configs.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ProviderConfigMarker {}
/// Marks ids of contexts.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ContextMarker {}
/// Marks ids of secrets.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SecretMarker {}
/// Marks ids of entries of the audit.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AuditMarker {}
/// Marks ids of salvages.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SalvageMarker {}

/// The identity of a project.
pub type ProjectId = Id<ProjectKind>;
/// The identity of a repository.
pub type RepositoryId = Id<RepositoryKind>;
/// The identity of a task.
pub type TaskId = Id<TaskMarker>;
/// The identity of a run.
pub type RunId = Id<RunKind>;
/// The identity of a finding.
pub type FindingId = Id<FindingMarker>;
/// The identity of a due time.
pub type DueTimeId = Id<DueTimeMarker>;
/// The identity of an artifact.
pub type ArtifactId = Id<ArtifactMarker>;
/// The identity of a worker.
pub type WorkerId = Id<WorkerMarker>;
/// The identity of a provider config.
pub type ProviderConfigId = Id<ProviderConfigMarker>;
/// The identity of a revision of a context.
pub type ContextId = Id<ContextMarker>;
/// The identity of a secret.
pub type SecretId = Id<SecretMarker>;
/// The identity of an entry of the audit.
pub type AuditId = Id<AuditMarker>;
/// The identity of a salvage.
pub type SalvageId = Id<SalvageMarker>;

/// Text that is not an id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an id: an id has {ID_LENGTH} characters of 0-9 and a-z without i, l, o, u")]
pub struct InvalidId(String);

impl<K> Id<K> {
    /// The id that carries this UUID. The caller makes the UUID, for there is no clock here.
    pub fn from_uuid(uuid: Uuid) -> Self {
        Self { uuid, kind: PhantomData }
    }

    /// The id of what belongs to this at one instant: the same whoever makes it, and in the order
    /// of the instants among others of its kind.
    pub fn at<L>(&self, instant: Timestamp) -> Id<L> {
        const CLOCK: u32 = 80;
        let clock = u128::try_from(instant.as_millisecond()).unwrap_or(0) << CLOCK;
        let rest = self.uuid.as_u128() & ((1 << CLOCK) - 1);
        Id::from_uuid(Uuid::from_u128(clock | rest))
    }

    /// What a person is shown: the last, random characters.
    pub fn short(&self) -> String {
        let text = self.to_string();
        text[ID_LENGTH - SHORT_LENGTH..].to_owned()
    }

    /// The 32 bits at the end, as a source of spread that stays the same for the same id.
    pub fn spread(&self) -> u32 {
        let bytes = self.uuid.as_bytes();
        u32::from_be_bytes([bytes[12], bytes[13], bytes[14], bytes[15]])
    }
}

impl<K> fmt::Display for Id<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut value = self.uuid.as_u128();
        let mut text = [0u8; ID_LENGTH];
        for slot in text.iter_mut().rev() {
            *slot = ALPHABET[(value & 31) as usize];
            value >>= 5;
        }
        f.write_str(&String::from_utf8_lossy(&text))
    }
}

impl<K> fmt::Debug for Id<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl<K> FromStr for Id<K> {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let refused = || InvalidId(text.chars().take(40).collect());
        if text.len() != ID_LENGTH || !text.starts_with(|first| ('0'..='7').contains(&first)) {
            return Err(refused());
        }
        let mut value = 0u128;
        for byte in text.bytes() {
            let lower = byte.to_ascii_lowercase();
            let digit = ALPHABET.iter().position(|known| *known == lower).ok_or_else(refused)?;
            value = (value << 5) | digit as u128;
        }
        Ok(Self::from_uuid(Uuid::from_u128(value)))
    }
}

impl<K> Serialize for Id<K> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de, K> Deserialize<'de> for Id<K> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl<K> JsonSchema for Id<K> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Id".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "string",
            "minLength": ID_LENGTH,
            "maxLength": ID_LENGTH,
        })
    }
}

#[cfg(test)]
mod tests;
