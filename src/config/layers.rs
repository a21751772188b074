//! The settings in layers: defaults < config file < environment < flags. Merged as tables, read
//! once into [`Settings`]; a table beside it remembers where each value came from.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use toml::de::{DeTable, DeValue};
use toml::{Table, Value};

use super::paths::Paths;
use super::settings::Settings;
use crate::domain::size::ByteSize;
use crate::domain::text::{excerpt, nearest};

/// The documentation of every setting, which is also the lowest layer.
pub const DEFAULTS: &str = include_str!("defaults.toml");

const PREFIX: &str = "ORCH_";
/// Variables that are no settings: they say where things lie, or belong to the tests.
/// `ORCH_RUN` and `ORCH_TASK` tell a stage where it is, and may be seen by an orch that it calls.
const RESERVED: &[&str] = &["ORCH_HOME", "ORCH_RUN", "ORCH_TASK"];
const RESERVED_PREFIX: &str = "ORCH_TEST_";
const LEVELS: &[&str] = &["error", "warn", "info", "debug", "trace"];
/// Docker refuses containers with less.
const LEAST_MEMORY: ByteSize = ByteSize::from_mib(6);
const LEAST_LOG: ByteSize = ByteSize::from_bytes(1 << 10);
const MAX_CPUS: f64 = 1024.0;

/// The one setting whose value may hold a password.
const STORE_URL: &str = "store.url";

/// Every setting and what is expected of its value, for people.
const EXPECTED: &[(&str, &str)] = &[
    ("daemon.max_active", "a whole number of at least 1"),
    ("daemon.stop_grace", "a duration such as \"10s\""),
    (STORE_URL, "\"\", sqlite:/path, mongodb://host/database, env://NAME or file:///path"),
    ("docker.host", "an address such as \"unix:///var/run/docker.sock\", or \"\""),
    ("docker.images", "a list of patterns such as [\"orch/*\"]"),
    ("run.sandbox", "\"docker\" or \"process\""),
    ("run.image", "the name of an image such as \"orch/base:1\""),
    ("run.network", "\"none\" or \"open\""),
    ("run.memory", "a size of at least \"6MiB\", such as \"2GiB\""),
    ("run.cpus", "a number above 0 such as 2.0"),
    ("run.pids", "a whole number of at least 1"),
    ("run.log", "a size of at least \"1KiB\", such as \"256MiB\""),
    ("run.timeout", "a duration above 0 such as \"3h\""),
    ("run.idle_timeout", "a duration above 0 such as \"15m\""),
    ("tui.theme", "the name of a theme, or the path of a theme file"),
    ("tui.ascii", "true or false"),
    ("log.level", "\"error\", \"warn\", \"info\", \"debug\" or \"trace\""),
];

/// Where a value came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// It is built in.
    Default,
    /// The config file says so.
    File {
        /// Which file.
        path: PathBuf,
        /// On which line, from 1.
        line: usize,
    },
    /// A variable of the environment says so.
    Environment {
        /// Its name.
        name: String,
    },
    /// The command line says so.
    Flag,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File { path, line } => write!(f, "{}:{line}", path.display()),
            Self::Environment { name } => f.write_str(name),
            Self::Flag => f.write_str("--set"),
        }
    }
}

/// One setting: its value, and where that came from.
#[derive(Debug, Clone, PartialEq)]
pub struct Setting {
    /// The value that holds.
    pub value: Value,
    /// Where it came from.
    pub origin: Origin,
}

/// The settings, and where each came from by its path, such as `run.timeout`.
#[derive(Debug, Clone, PartialEq)]
pub struct Loaded {
    /// What holds.
    pub settings: Settings,
    /// Each setting with its origin.
    pub origins: BTreeMap<String, Setting>,
}

/// Settings that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file is there and cannot be read.
    #[error("cannot read {}", .path.display())]
    Read {
        /// Which file.
        path: PathBuf,
        /// The system's word.
        source: io::Error,
    },
    /// The file is no TOML.
    #[error("{origin}: {why}")]
    Syntax {
        /// Where.
        origin: Origin,
        /// The reader's complaint.
        why: String,
    },
    /// There is no such setting.
    #[error("{origin}: there is no setting `{key}`")]
    Unknown {
        /// Where.
        origin: Origin,
        /// What was written.
        key: String,
        /// What was meant, probably.
        nearest: Option<String>,
    },
    /// The value does not fit.
    #[error("{origin}: {key}: {why}; expected {expected}")]
    Value {
        /// Where.
        origin: Origin,
        /// Which setting.
        key: String,
        /// What is wrong with it.
        why: String,
        /// What would be right.
        expected: &'static str,
    },
}

impl ConfigError {
    /// What to do about it.
    pub fn hint(&self) -> String {
        match self {
            Self::Read { path, .. } => format!("check the permissions of {}", path.display()),
            Self::Syntax { .. } => "mend it with `orch config edit`".to_owned(),
            Self::Unknown { nearest: Some(name), .. } => format!("did you mean `{name}`?"),
            Self::Unknown { nearest: None, .. } => "`orch config` lists every setting".to_owned(),
            Self::Value { origin: Origin::Environment { name }, .. } => {
                format!("change the variable, or `unset {name}`")
            }
            Self::Value { origin: Origin::Flag, .. } => {
                "`orch config` lists every setting with its value".to_owned()
            }
            Self::Value { origin: Origin::Default | Origin::File { .. }, .. } => {
                "change it with `orch config edit`".to_owned()
            }
        }
    }
}

/// Reads all layers. `env` is the whole environment; what does not begin with `ORCH_` is left
/// alone. `flags` are paths such as `run.timeout` with their values.
///
/// # Errors
/// The first thing that cannot be used, as [`ConfigError`].
pub fn load(
    paths: &Paths,
    env: impl IntoIterator<Item = (String, String)>,
    flags: &[(String, Value)],
) -> Result<Loaded, ConfigError> {
    let text = match fs::read(&paths.config_file) {
        Ok(bytes) => as_text(&paths.config_file, bytes)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
        Err(source) => return Err(ConfigError::Read { path: paths.config_file.clone(), source }),
    };
    combine(&paths.config_file, &text, env, flags)
}

/// Checks the text of a config file as if it lay at `path`, with nothing above it.
///
/// # Errors
/// The first thing that cannot be used, as [`ConfigError`].
pub fn check_file(path: &Path, text: &str) -> Result<Loaded, ConfigError> {
    combine(path, text, [], &[])
}

/// Reads the text of a flag such as `run.timeout=45m`. Quotes may be left out.
///
/// # Errors
/// [`ConfigError`] where there is no such setting, or the value is not of its sort.
pub fn read_flag(text: &str) -> Result<(String, Value), ConfigError> {
    let (key, value) = text.split_once('=').unwrap_or((text, ""));
    let key = key.trim();
    let origin = Origin::Flag;
    if expected(key).is_none() {
        return Err(unknown(origin, key));
    }
    let value = from_words(&defaults(), key, value.trim(), &origin)?;
    Ok((key.to_owned(), value))
}

/// The paths of all settings.
pub fn keys() -> impl Iterator<Item = &'static str> {
    EXPECTED.iter().map(|(key, _)| *key)
}

/// The variable that sets a setting: `run.idle_timeout` is `ORCH_RUN_IDLE_TIMEOUT`.
pub fn variable(key: &str) -> String {
    format!("{PREFIX}{}", key.replace('.', "_").to_ascii_uppercase())
}

fn combine(
    path: &Path,
    text: &str,
    env: impl IntoIterator<Item = (String, String)>,
    flags: &[(String, Value)],
) -> Result<Loaded, ConfigError> {
    let defaults = defaults();
    let mut over = file_layer(path, text)?;
    over.extend(environment_layer(&defaults, env)?);
    for (key, value) in flags {
        if expected(key).is_none() {
            return Err(unknown(Origin::Flag, key));
        }
        over.push((key.clone(), Setting { value: value.clone(), origin: Origin::Flag }));
    }

    let mut merged = defaults.clone();
    let mut origins = BTreeMap::new();
    for key in keys() {
        if let Some(value) = get(&defaults, key) {
            let setting = Setting { value: value.clone(), origin: Origin::Default };
            origins.insert(key.to_owned(), setting);
        }
    }
    for (key, setting) in &over {
        put(&mut merged, key, setting.value.clone());
        origins.insert(key.clone(), setting.clone());
    }
    let settings: Settings = match merged.try_into() {
        Ok(settings) => settings,
        Err(error) => return Err(culprit(&defaults, &over, error.message())),
    };
    if let Err((key, why)) = check(&settings) {
        let origin = origins.get(key).map_or(Origin::Default, |setting| setting.origin.clone());
        return Err(refused(origin, key, why));
    }
    if let Some(shown) = origins.get_mut(STORE_URL) {
        shown.value = Value::String(settings.store.url.to_string());
    }
    Ok(Loaded { settings, origins })
}

/// Which of the values it is that does not fit: the first that does not fit alone either.
fn culprit(defaults: &Table, over: &[(String, Setting)], why: &str) -> ConfigError {
    for (key, setting) in over {
        let mut alone = defaults.clone();
        put(&mut alone, key, setting.value.clone());
        if let Err(error) = alone.try_into::<Settings>() {
            return refused(setting.origin.clone(), key, error.message());
        }
    }
    ConfigError::Syntax { origin: Origin::Default, why: why.to_owned() }
}

/// What types alone do not say.
fn check(settings: &Settings) -> Result<(), (&'static str, &'static str)> {
    let Settings { daemon, store: _, docker, run, tui, log } = settings;
    let host_is_known = docker.host.is_empty() || docker.host.starts_with("unix:///");
    let claims = [
        (daemon.max_active >= 1, "daemon.max_active", "nothing could ever run"),
        (!daemon.stop_grace.is_zero(), "daemon.stop_grace", "stages need a moment to leave"),
        (host_is_known, "docker.host", "only unix sockets are spoken to"),
        (
            docker.images.iter().all(|image| !image.trim().is_empty()),
            "docker.images",
            "one is blank",
        ),
        (!run.image.trim().is_empty(), "run.image", "it is blank"),
        (run.memory >= LEAST_MEMORY, "run.memory", "no container starts with so little"),
        (run.cpus > 0.0 && run.cpus <= MAX_CPUS, "run.cpus", "it is out of range"),
        (run.pids >= 1, "run.pids", "nothing could ever run"),
        (run.log >= LEAST_LOG, "run.log", "nothing could ever be printed"),
        (!run.timeout.is_zero(), "run.timeout", "nothing could ever run"),
        (!run.idle_timeout.is_zero(), "run.idle_timeout", "nothing could ever run"),
        (!tui.theme.trim().is_empty(), "tui.theme", "it is blank"),
        (LEVELS.contains(&log.level.as_str()), "log.level", "there is no such level"),
    ];
    match claims.into_iter().find(|(holds, _, _)| !holds) {
        None => Ok(()),
        Some((_, key, why)) => Err((key, why)),
    }
}

fn file_layer(path: &Path, text: &str) -> Result<Vec<(String, Setting)>, ConfigError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let at = |offset: usize| Origin::File { path: path.to_owned(), line: line_of(text, offset) };
    let broken = |error: toml::de::Error| ConfigError::Syntax {
        origin: at(error.span().map_or(0, |span| span.start)),
        why: error.message().to_owned(),
    };
    let spanned = DeTable::parse(text).map_err(broken)?;
    let plain: Table = toml::from_str(text).map_err(broken)?;
    let mut layer = Vec::new();
    for (section, content) in spanned.get_ref() {
        let origin = at(section.span().start);
        let section = section.get_ref().as_ref();
        if !keys().any(|key| key.split('.').next() == Some(section)) {
            return Err(unknown(origin, section));
        }
        let DeValue::Table(content) = content.get_ref() else {
            return Err(ConfigError::Value {
                origin,
                key: section.to_owned(),
                why: "it is not a table".to_owned(),
                expected: "a section in brackets, with its settings below",
            });
        };
        for key in content.keys() {
            let origin = at(key.span().start);
            let path = format!("{section}.{}", key.get_ref());
            if expected(&path).is_none() {
                return Err(unknown(origin, &path));
            }
            if let Some(value) = get(&plain, &path) {
                layer.push((path, Setting { value: value.clone(), origin }));
            }
        }
    }
    Ok(layer)
}

fn environment_layer(
    defaults: &Table,
    env: impl IntoIterator<Item = (String, String)>,
) -> Result<Vec<(String, Setting)>, ConfigError> {
    let mut layer = Vec::new();
    for (name, text) in env {
        let is_ours = name.starts_with(PREFIX)
            && !name.starts_with(RESERVED_PREFIX)
            && !RESERVED.contains(&name.as_str());
        if !is_ours {
            continue;
        }
        let origin = Origin::Environment { name: name.clone() };
        let Some(key) = keys().find(|key| variable(key) == name) else {
            let known: Vec<String> =
                keys().map(variable).chain(RESERVED.iter().map(|&name| name.to_owned())).collect();
            let nearest = nearest(&name, known.iter().map(String::as_str)).map(str::to_owned);
            return Err(ConfigError::Unknown { origin, key: name, nearest });
        };
        let value = from_words(defaults, key, &text, &origin)?;
        layer.push((key.to_owned(), Setting { value, origin }));
    }
    Ok(layer)
}

/// A value that was written without TOML around it, read as what its default is.
fn from_words(
    defaults: &Table,
    key: &str,
    text: &str,
    origin: &Origin,
) -> Result<Value, ConfigError> {
    let wrong = || refused(origin.clone(), key, &format!("`{}` does not fit", excerpt(text, 60)));
    match get(defaults, key) {
        Some(Value::Integer(_)) => text.parse().map(Value::Integer).ok().ok_or_else(wrong),
        Some(Value::Float(_)) => text.parse().map(Value::Float).ok().ok_or_else(wrong),
        Some(Value::Boolean(_)) => text.parse().map(Value::Boolean).ok().ok_or_else(wrong),
        Some(Value::Array(_)) => {
            let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
            Ok(Value::Array(parts.map(|part| Value::String(part.to_owned())).collect()))
        }
        Some(Value::String(_) | Value::Datetime(_) | Value::Table(_)) | None => {
            Ok(Value::String(text.to_owned()))
        }
    }
}

fn as_text(path: &Path, bytes: Vec<u8>) -> Result<String, ConfigError> {
    String::from_utf8(bytes).map_err(|error| {
        let valid = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = valid.iter().filter(|byte| **byte == b'\n').count() + 1;
        ConfigError::Syntax {
            origin: Origin::File { path: path.to_owned(), line },
            why: "the text is not UTF-8".to_owned(),
        }
    })
}

fn unknown(origin: Origin, key: &str) -> ConfigError {
    // A setting outside of its section, a section, or a setting misspelt: whatever comes nearest.
    let last = key.rsplit('.').next().unwrap_or(key);
    let elsewhere = keys().find(|known| known.rsplit('.').next() == Some(last));
    let sections = keys().filter_map(|known| known.split('.').next());
    let known: Vec<&str> = if key.contains('.') { keys().collect() } else { sections.collect() };
    let nearest = elsewhere.or_else(|| nearest(key, known)).map(str::to_owned);
    ConfigError::Unknown { origin, key: excerpt(key, 80), nearest }
}

fn refused(origin: Origin, key: &str, why: &str) -> ConfigError {
    ConfigError::Value {
        origin,
        key: key.to_owned(),
        why: why.lines().next().unwrap_or_default().to_owned(),
        expected: expected(key).unwrap_or("another value"),
    }
}

fn expected(key: &str) -> Option<&'static str> {
    EXPECTED.iter().find(|(known, _)| *known == key).map(|(_, expected)| *expected)
}

fn defaults() -> Table {
    // A test holds that the built-in text is whole; without it every setting would be missing.
    toml::from_str(DEFAULTS).unwrap_or_default()
}

fn get<'a>(table: &'a Table, key: &str) -> Option<&'a Value> {
    let (section, name) = key.split_once('.')?;
    table.get(section)?.as_table()?.get(name)
}

fn put(table: &mut Table, key: &str, value: Value) {
    let Some((section, name)) = key.split_once('.') else { return };
    let section = table.entry(section).or_insert_with(|| Value::Table(Table::new()));
    if let Some(section) = section.as_table_mut() {
        section.insert(name.to_owned(), value);
    }
}

fn line_of(text: &str, offset: usize) -> usize {
    text.bytes().take(offset).filter(|byte| *byte == b'\n').count() + 1
}

#[cfg(test)]
mod tests;
