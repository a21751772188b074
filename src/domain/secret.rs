//! A secret as it is kept: sealed. What is behind the seal has no type here, so that it cannot be
//! stored, and what is sealed is not shown either.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::id::{RepositoryId, SecretId};

/// The shape of stored secrets.
pub const SECRET_SCHEMA: u32 = 1;

const MAX_NAME: usize = 64;

/// Who is given a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "kind", content = "id")]
pub enum SecretScope {
    /// Any run that needs it.
    Everywhere,
    /// Runs in this repository that need it.
    Repository(RepositoryId),
}

impl fmt::Display for SecretScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Everywhere => f.write_str("everywhere"),
            Self::Repository(id) => write!(f, "repository:{id}"),
        }
    }
}

/// How a secret is sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum SealAlgorithm {
    /// A nonce that is long enough to be drawn at random, and a tag that shows any change.
    #[serde(rename = "xchacha20poly1305")]
    XChaCha20Poly1305,
}

/// A secret, sealed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Secret {
    /// The shape that this document has.
    pub schema: u32,
    /// Grows with each write; a write that does not name the current one is refused.
    pub version: u64,
    /// Its identity.
    pub id: SecretId,
    /// Its name, which no other secret of the same scope has: a repository may have its own in the
    /// place of one that is there for all.
    pub name: SecretName,
    /// Who is given it.
    pub scope: SecretScope,
    /// How it is sealed.
    pub algorithm: SealAlgorithm,
    /// Which key opens it.
    pub key_id: String,
    /// The nonce that it was sealed with.
    pub nonce: Sealed,
    /// The secret and its tag, as the algorithm leaves them.
    pub ciphertext: Sealed,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// Says which secret it is and where it goes, never what it is.
impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.scope {
            SecretScope::Everywhere => write!(f, "{}", self.name),
            SecretScope::Repository(repository) => {
                write!(f, "{} (repository {})", self.name, repository.short())
            }
        }
    }
}

/// The name of a secret: letters, digits, underscores and hyphens, beginning with a letter, such
/// as `GH_TOKEN`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SecretName(String);

/// Text that cannot be the name of a secret. It is not repeated: whoever gives a secret where its
/// name belongs shall not read it again in a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "this cannot be the name of a secret; write at most {MAX_NAME} letters, digits, `_` and `-`, \
     a letter first, such as GH_TOKEN"
)]
pub struct InvalidSecretName;

impl SecretName {
    /// The name itself.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for SecretName {
    type Err = InvalidSecretName;

    fn from_str(text: &str) -> Result<Self, InvalidSecretName> {
        let is_name = text.len() <= MAX_NAME
            && text.starts_with(|first: char| first.is_ascii_alphabetic())
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
        if is_name { Ok(Self(text.to_owned())) } else { Err(InvalidSecretName) }
    }
}

impl TryFrom<String> for SecretName {
    type Error = InvalidSecretName;

    fn try_from(text: String) -> Result<Self, InvalidSecretName> {
        text.parse()
    }
}

impl From<SecretName> for String {
    fn from(name: SecretName) -> Self {
        name.0
    }
}

impl fmt::Display for SecretName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Sealed bytes, as base64 with padding. They are stored, and never shown.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Sealed(String);

/// Text that is no base64.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("sealed bytes are not written in base64; the secret has to be stored anew")]
pub struct InvalidSealed;

impl Sealed {
    /// The base64: for the one who opens the seal.
    pub fn as_base64(&self) -> &str {
        &self.0
    }
}

impl FromStr for Sealed {
    type Err = InvalidSealed;

    fn from_str(text: &str) -> Result<Self, InvalidSealed> {
        let digits = text.strip_suffix("==").or_else(|| text.strip_suffix('=')).unwrap_or(text);
        let is_base64 = !digits.is_empty()
            && text.len().is_multiple_of(4)
            && digits.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'+' || b == b'/');
        if is_base64 { Ok(Self(text.to_owned())) } else { Err(InvalidSealed) }
    }
}

impl TryFrom<String> for Sealed {
    type Error = InvalidSealed;

    fn try_from(text: String) -> Result<Self, InvalidSealed> {
        text.parse()
    }
}

impl From<Sealed> for String {
    fn from(sealed: Sealed) -> Self {
        sealed.0
    }
}

impl fmt::Display for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl fmt::Debug for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests;
