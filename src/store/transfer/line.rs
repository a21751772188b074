//! The lines of a backup file. Each is one JSON object, whose last member is the beginning of the
//! SHA-256 over all lines up to it without theirs: what is changed, missing, doubled or moved is
//! noticed at its own line.

use std::borrow::Cow;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::content::{Summary, hex};

/// The format that is written, and the newest that is read. A change that an older orch would
/// misread is a new number.
pub const FORMAT: u64 = 1;

/// How the first line begins, so that it is known for what it is without being read as a whole.
pub const MARK: &[u8] = b"{\"orchBackup\":";

/// What the first line says. Nothing in it is content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Head {
    /// The format of the file.
    pub format: u64,
    /// The orch that wrote it.
    pub version: String,
    /// When.
    pub at: Timestamp,
    /// The kind of the back end that it was read from.
    pub from: String,
}

/// A line without its sum.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) enum Line<'a> {
    /// The first.
    #[serde(rename = "orchBackup")]
    Head(Head),
    /// A document; its body is a text, so that it stays the same byte for byte.
    #[serde(rename_all = "camelCase")]
    Document {
        collection: Cow<'a, str>,
        id: Cow<'a, str>,
        version: u64,
        schema: u32,
        keys: Vec<(Cow<'a, str>, Option<Cow<'a, str>>)>,
        body: Cow<'a, str>,
    },
    /// Events of a run, with numbers from `first` on.
    #[serde(rename_all = "camelCase")]
    Events { run: Cow<'a, str>, first: u64, bodies: Cow<'a, [String]> },
    /// Behind the events of a run.
    #[serde(rename_all = "camelCase")]
    Numbers { run: Cow<'a, str>, last_event: u64, last_line: u64, expired: u64 },
    /// The last.
    End(Summary),
}

/// The sum of the lines so far.
#[derive(Clone, Default)]
pub(super) struct Chain(Sha256);

const SUM: &str = ",\"sum\":\"";
const SUM_DIGITS: usize = 16;
const TAIL: &str = "\"}";

impl Chain {
    /// A line as it is written, from the JSON of what it says.
    pub(super) fn close(&mut self, json: &str) -> String {
        let open = json.strip_suffix('}').unwrap_or(json);
        let sum = self.add(open);
        format!("{open}{SUM}{sum}{TAIL}\n")
    }

    /// The JSON of what a line says, without its end of line; `None` where it has no sum, or
    /// another.
    pub(super) fn open(&mut self, line: &str) -> Option<String> {
        let rest = line.strip_suffix(TAIL)?;
        let (rest, sum) = rest.split_at_checked(rest.len().checked_sub(SUM_DIGITS)?)?;
        let open = rest.strip_suffix(SUM)?;
        (self.add(open) == sum).then(|| format!("{open}}}"))
    }

    fn add(&mut self, open: &str) -> String {
        self.0.update((open.len() as u64).to_be_bytes());
        self.0.update(open.as_bytes());
        let mut sum = hex(&self.0.clone().finalize());
        sum.truncate(SUM_DIGITS);
        sum
    }
}
