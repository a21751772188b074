//! The words that stand for choices, as people type them at the command line and in task files:
//! lower case, joined by hyphens. The wire writes the same choices in camel case.

use serde::de::value::{Error as WordError, StrDeserializer};
use serde::de::{DeserializeOwned, IntoDeserializer};
use serde::{Deserialize, Deserializer};

use crate::domain::limits::{
    ApprovalProfile, NetworkProfile, Priority, PublishPolicy, SandboxKind,
};
use crate::domain::schedule::{MisfirePolicy, OverlapPolicy};
use crate::domain::task::HarnessKind;
use crate::domain::text::{excerpt, nearest};

/// A choice that has words.
pub trait Words: DeserializeOwned {
    /// Every word, in the order in which they are told.
    const WORDS: &'static [&'static str];
}

impl Words for HarnessKind {
    const WORDS: &'static [&'static str] = &["script"];
}

impl Words for SandboxKind {
    const WORDS: &'static [&'static str] = &["docker", "process"];
}

impl Words for NetworkProfile {
    const WORDS: &'static [&'static str] = &["none", "open"];
}

impl Words for PublishPolicy {
    const WORDS: &'static [&'static str] = &["none", "branch"];
}

impl Words for ApprovalProfile {
    const WORDS: &'static [&'static str] = &["none", "before-start", "before-publish"];
}

impl Words for Priority {
    const WORDS: &'static [&'static str] = &["critical", "high", "normal", "low", "deferred"];
}

impl Words for MisfirePolicy {
    const WORDS: &'static [&'static str] = &["skip", "run-once", "run-all"];
}

impl Words for OverlapPolicy {
    const WORDS: &'static [&'static str] = &["allow", "skip", "queue", "cancel-previous"];
}

/// What makes a task run, as a bare word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum TriggerWord {
    /// A person.
    OneShot,
    /// Its schedule.
    Cron,
    /// Something that happened outside.
    Event,
}

impl Words for TriggerWord {
    const WORDS: &'static [&'static str] = &["one-shot", "cron", "event"];
}

/// A word that stands for none of the choices.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{word}` is not a choice here; write {}{}", list(.words), meant(word, .words))]
pub struct UnknownWord {
    word: String,
    words: &'static [&'static str],
}

fn list(words: &[&str]) -> String {
    match words {
        [] => String::new(),
        [only] => (*only).to_owned(),
        [first @ .., last] => format!("{} or {last}", first.join(", ")),
    }
}

fn meant(word: &str, words: &[&'static str]) -> String {
    match nearest(word, words.iter().copied()) {
        Some(word) if words.len() > 1 => format!(" (did you mean `{word}`?)"),
        Some(_) | None => String::new(),
    }
}

/// The choice that a word stands for.
///
/// # Errors
/// [`UnknownWord`], which tells the words and the nearest one.
pub fn read<T: Words>(word: &str) -> Result<T, UnknownWord> {
    let unknown = || UnknownWord { word: excerpt(word, 40), words: T::WORDS };
    if !T::WORDS.contains(&word) {
        return Err(unknown());
    }
    let wire = to_camel_case(word);
    let deserializer: StrDeserializer<'_, WordError> = wire.as_str().into_deserializer();
    T::deserialize(deserializer).ok().ok_or_else(unknown)
}

/// The word of a choice, from its name on the wire.
pub fn of_wire_name(name: &str) -> String {
    let mut word = String::with_capacity(name.len() + 2);
    for character in name.chars() {
        if character.is_ascii_uppercase() {
            word.push('-');
        }
        word.push(character.to_ascii_lowercase());
    }
    word
}

/// Reads an optional field that holds a word, for serde.
///
/// # Errors
/// What the deserialiser says, and [`UnknownWord`].
pub fn deserialize<'de, D: Deserializer<'de>, T: Words>(from: D) -> Result<Option<T>, D::Error> {
    let word = String::deserialize(from)?;
    read(&word).map(Some).map_err(serde::de::Error::custom)
}

fn to_camel_case(word: &str) -> String {
    let mut camel = String::with_capacity(word.len());
    let mut parts = word.split('-');
    camel.push_str(parts.next().unwrap_or_default());
    for part in parts {
        let mut letters = part.chars();
        camel.extend(letters.next().map(|first| first.to_ascii_uppercase()));
        camel.push_str(letters.as_str());
    }
    camel
}

#[cfg(test)]
mod tests;
