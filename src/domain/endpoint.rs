//! Where something is reached: a URL without any secret in it, so that it may be stored and shown.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::text;

const MAX_LENGTH: usize = 2_000;

/// A URL without a password, a token or options.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Endpoint(String);

/// Text that cannot be an endpoint. It is not repeated, for it may hold a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidEndpoint {
    /// It is no URL.
    #[error("the address is not a URL; write scheme://place, such as https://host/path")]
    Form,
    /// It names a user, who may be a token.
    #[error(
        "the address names a user or a password; \
         leave out what stands before the `@` and store it as a secret"
    )]
    User,
    /// It has options, of which one may be a key.
    #[error(
        "the address has options behind a `?` or `#`; leave them out and store keys as secrets"
    )]
    Options,
}

impl Endpoint {
    /// The URL itself.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn defect(url: &str) -> Option<InvalidEndpoint> {
    let steers = url.contains(char::is_whitespace) || text::printable(url) != url;
    let Some((scheme, place)) = url.split_once("://") else { return Some(InvalidEndpoint::Form) };
    let is_scheme = scheme.starts_with(|first: char| first.is_ascii_lowercase())
        && scheme.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'+');
    if url.len() > MAX_LENGTH || steers || !is_scheme || place.is_empty() {
        return Some(InvalidEndpoint::Form);
    }
    // A path on this host; it can neither name a user nor carry options.
    if scheme == "unix" {
        return None;
    }
    // A password that was written without escaping its `/` counts as one too.
    let user = place.rsplit_once('@').map(|(user, _)| user);
    // Over SSH a user has a key or an agent, and the name alone tells nothing.
    let is_plain = |user: &str| scheme == "ssh" && !user.is_empty() && !user.contains([':', '/']);
    if user.is_some_and(|user| !is_plain(user)) {
        return Some(InvalidEndpoint::User);
    }
    place.contains(['?', '#']).then_some(InvalidEndpoint::Options)
}

impl FromStr for Endpoint {
    type Err = InvalidEndpoint;

    fn from_str(url: &str) -> Result<Self, InvalidEndpoint> {
        match defect(url) {
            None => Ok(Self(url.to_owned())),
            Some(defect) => Err(defect),
        }
    }
}

impl TryFrom<String> for Endpoint {
    type Error = InvalidEndpoint;

    fn try_from(url: String) -> Result<Self, InvalidEndpoint> {
        url.parse()
    }
}

impl From<Endpoint> for String {
    fn from(endpoint: Endpoint) -> Self {
        endpoint.0
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests;
