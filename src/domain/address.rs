//! Where a store is. An address may carry a password: nothing here shows it.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// Where the record is kept.
#[derive(Clone, Default, PartialEq, Eq)]
pub enum StoreAddress {
    /// In the file of the home that it is asked for.
    #[default]
    Embedded,
    /// In this SQLite file.
    File(PathBuf),
    /// In a MongoDB database.
    Mongo(MongoUrl),
}

/// The URL of a MongoDB database, with its password.
#[derive(Clone, PartialEq, Eq)]
pub struct MongoUrl(String);

/// The database where the URL names none.
const DATABASE: &str = "orch";
/// Options whose values are no secrets. Others may hold one, or be none at all.
const PLAIN_OPTIONS: [&str; 12] = [
    "appName",
    "authSource",
    "authMechanism",
    "connectTimeoutMS",
    "directConnection",
    "maxPoolSize",
    "replicaSet",
    "retryWrites",
    "serverSelectionTimeoutMS",
    "ssl",
    "tls",
    "w",
];
const SCHEMES: [&str; 2] = ["mongodb://", "mongodb+srv://"];

/// What is no address. It is not repeated, because it may hold a password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidAddress {
    /// It begins like nothing that we know.
    #[error(
        "the address of the store begins neither with `mongodb://` nor with `sqlite:`; \
         leave it empty for the file in orch's own folder"
    )]
    Scheme,
    /// A relative path would move with the caller.
    #[error("`{0}` is not an absolute path; write sqlite:/path/to/orch.db")]
    Relative(String),
    /// The name of the database cannot be one.
    #[error("`{0}` cannot be the name of a database; write mongodb://host/orch")]
    Database(String),
    /// A sign stands where none can stand.
    #[error(
        "the address of the store cannot be read; in a user or password write @ as %40, / as %2F, \
         : as %3A and ? as %3F"
    )]
    Escape,
    /// It names no server.
    #[error("the address of the store names no server; write mongodb://host/orch")]
    NoHost,
}

impl MongoUrl {
    /// With its password: for the driver alone.
    pub fn with_password(&self) -> &str {
        &self.0
    }

    /// The database that it names.
    pub fn database(&self) -> &str {
        match split(&self.0).path {
            "" => DATABASE,
            named => named,
        }
    }
}

struct Parts<'a> {
    scheme: &'a str,
    user: Option<&'a str>,
    hosts: &'a str,
    path: &'a str,
    options: &'a str,
}

/// The parts of a URL, cut where the driver cuts it.
fn split(url: &str) -> Parts<'_> {
    let start = url.find("://").map_or(0, |at| at + 3);
    let (scheme, rest) = url.split_at(start);
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, rest) = rest.split_at(end);
    let (user, hosts) = match authority.rsplit_once('@') {
        Some((user, hosts)) => (Some(user), hosts),
        None => (None, authority),
    };
    let rest = rest.strip_prefix('/').unwrap_or(rest);
    let (path, options) = rest.split_at(rest.find('?').unwrap_or(rest.len()));
    Parts { scheme, user, hosts, path, options }
}

/// Whether a sign that should have been escaped moved a part of the user or the password to where
/// it would be shown.
fn is_cut_wrong(parts: &Parts<'_>) -> bool {
    let is_host = |host: &str| match host.rsplit_once(':') {
        Some((name, port)) => {
            !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()) && !name.is_empty()
        }
        None => !host.is_empty(),
    };
    let is_option = |option: &str| option.is_empty() || option.contains('=');
    parts.path.contains('@')
        || parts.user.is_some_and(|user| user.contains('@'))
        || !parts.hosts.split(',').all(|host| host.ends_with(']') || is_host(host))
        || !parts.options.trim_start_matches('?').split('&').all(is_option)
}

impl FromStr for StoreAddress {
    type Err = InvalidAddress;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.is_empty() {
            return Ok(Self::Embedded);
        }
        if let Some(path) = text.strip_prefix("sqlite:") {
            let path = path.strip_prefix("//").unwrap_or(path);
            if !Path::new(path).is_absolute() {
                return Err(InvalidAddress::Relative(path.to_owned()));
            }
            return Ok(Self::File(PathBuf::from(path)));
        }
        if !SCHEMES.iter().any(|scheme| text.starts_with(scheme)) {
            return Err(InvalidAddress::Scheme);
        }
        let parts = split(text);
        if parts.hosts.is_empty() {
            return Err(InvalidAddress::NoHost);
        }
        if is_cut_wrong(&parts) {
            return Err(InvalidAddress::Escape);
        }
        let is_name = |name: &str| {
            name.len() <= 63
                && !name
                    .contains(|sign: char| sign.is_whitespace() || "/\\.\"$*<>:|?\0".contains(sign))
        };
        if !is_name(parts.path) {
            return Err(InvalidAddress::Database(parts.path.to_owned()));
        }
        Ok(Self::Mongo(MongoUrl(text.to_owned())))
    }
}

/// Without the password, and without the values of options, which may be secrets too.
impl fmt::Display for MongoUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Parts { scheme, user, hosts, path, options } = split(&self.0);
        f.write_str(scheme)?;
        if let Some(user) = user {
            match user.split_once(':') {
                Some((name, _)) => write!(f, "{name}:***@")?,
                None => write!(f, "{user}@")?,
            }
        }
        f.write_str(hosts)?;
        if !path.is_empty() {
            write!(f, "/{path}")?;
        }
        for (place, option) in options.trim_start_matches('?').split('&').enumerate() {
            let Some((name, value)) = option.split_once('=') else { continue };
            let sign = if place == 0 { '?' } else { '&' };
            let is_known = PLAIN_OPTIONS.iter().any(|known| known.eq_ignore_ascii_case(name));
            write!(f, "{sign}{name}={}", if is_known { value } else { "***" })?;
        }
        Ok(())
    }
}

impl fmt::Debug for MongoUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl fmt::Display for StoreAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Embedded => f.write_str("orch's own file"),
            Self::File(path) => write!(f, "sqlite:{}", path.display()),
            Self::Mongo(url) => write!(f, "{url}"),
        }
    }
}

impl fmt::Debug for StoreAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

#[cfg(test)]
mod tests;
