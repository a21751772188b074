//! A task as a file: Markdown with TOML front matter between `+++` lines; the body is the prompt.
//! Text in, a draft and a prompt out; whatever cannot be used is told with its line.

use std::ops::Range;

use super::draft::TaskDraft;
use crate::domain::text::{excerpt, nearest};

const FENCE: &str = "+++";

/// What a task file says.
#[derive(Debug, Clone, PartialEq)]
pub struct TaskFile {
    /// The front matter.
    pub draft: TaskDraft,
    /// The body.
    pub prompt: String,
}

/// A task file that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{why}")]
pub struct TaskFileError {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub why: String,
    /// What to do about it.
    pub hint: Option<String>,
}

/// Every key at the top of the front matter.
const KEYS: &[&str] = &[
    "task",
    "kind",
    "schedule",
    "timezone",
    "misfire",
    "overlap",
    "on",
    "harness",
    "model",
    "setup",
    "verify",
    "solve",
    "sandbox",
    "image",
    "network",
    "memory",
    "cpus",
    "pids",
    "log",
    "env",
    "timeouts",
    "retry",
    "approve",
    "priority",
    "publish",
    "artifacts",
    "depends_on",
    "max_active",
];
const TIMEOUT_KEYS: &[&str] =
    &["prepare", "implement", "verify", "solve", "publish", "total", "idle"];
const RETRY_KEYS: &[&str] = &["max_attempts", "backoff", "max_backoff"];

/// Reads a task file.
///
/// # Errors
/// The first defect with its line, as [`TaskFileError`].
pub fn parse(text: &str) -> Result<TaskFile, TaskFileError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let Some(parts) = split(text)? else {
        return Err(TaskFileError {
            line: 1,
            why: "the front matter is missing".to_owned(),
            hint: Some("begin with a line `+++`, settings, and a second line `+++`".to_owned()),
        });
    };
    let draft = toml::from_str(parts.front).map_err(|error| told(&error, &parts))?;
    if parts.body.trim().is_empty() {
        return Err(TaskFileError {
            line: parts.body_line,
            why: "the prompt is empty".to_owned(),
            hint: Some("write what is to be done below the second `+++`".to_owned()),
        });
    }
    // Editors end files with a newline; the prompt is what stands between the blank lines.
    let prompt = parts.body.replace("\r\n", "\n").trim_matches('\n').to_owned();
    Ok(TaskFile { draft, prompt })
}

struct Parts<'a> {
    front: &'a str,
    front_line: usize,
    body: &'a str,
    body_line: usize,
}

/// Divides the text at its fences; nothing where it does not begin with one.
fn split(text: &str) -> Result<Option<Parts<'_>>, TaskFileError> {
    let mut offset = 0;
    let mut opened: Option<(usize, usize)> = None;
    for (index, line) in text.split_inclusive('\n').enumerate() {
        let is_fence = line.trim_end() == FENCE;
        let end = offset + line.len();
        match opened {
            None if is_fence => opened = Some((end, index + 2)),
            None if line.trim().is_empty() => {}
            None => return Ok(None),
            Some((start, front_line)) if is_fence => {
                return Ok(Some(Parts {
                    front: &text[start..offset],
                    front_line,
                    body: &text[end..],
                    body_line: index + 2,
                }));
            }
            Some(_) => {}
        }
        offset = end;
    }
    match opened {
        None => Ok(None),
        Some((_, front_line)) => Err(TaskFileError {
            line: front_line - 1,
            why: "the front matter does not end".to_owned(),
            hint: Some("close it with a second line `+++`; the prompt follows below".to_owned()),
        }),
    }
}

fn told(error: &toml::de::Error, parts: &Parts<'_>) -> TaskFileError {
    let span = error.span().unwrap_or(0..0);
    let before = parts.front.bytes().take(span.start).filter(|byte| *byte == b'\n').count();
    let line = parts.front_line + before;
    let message = error.message();
    if let Some(key) = unknown_key(message) {
        let known = siblings(parts.front, &span);
        let hint = match nearest(&key, known.iter().copied()) {
            Some(name) => format!("did you mean `{name}`?"),
            None => format!("known here: {}", known.join(", ")),
        };
        let why = format!("there is no key `{}`", excerpt(&key, 60));
        return TaskFileError { line, why, hint: Some(hint) };
    }
    let key = key_on_line(parts.front, span.start);
    let message = message.lines().next().unwrap_or_default();
    let why = match key {
        Some(key) if !message.starts_with("duplicate") => format!("{key}: {message}"),
        Some(_) | None => message.to_owned(),
    };
    TaskFileError { line, why, hint: None }
}

/// The key that serde complains of, where that is its complaint.
fn unknown_key(message: &str) -> Option<String> {
    let rest = message.strip_prefix("unknown field `")?;
    Some(rest.split_once('`')?.0.to_owned())
}

/// The keys that are known where the span lies: told by the header above it, or the dots before.
fn siblings(front: &str, span: &Range<usize>) -> &'static [&'static str] {
    let before = front.get(..span.start).unwrap_or_default();
    let line_start = before.rfind('\n').map_or(0, |at| at + 1);
    let dotted = before[line_start..].trim_start();
    let header = before
        .lines()
        .rev()
        .map(str::trim)
        .find_map(|line| line.strip_prefix('[')?.strip_suffix(']'))
        .unwrap_or_default();
    for (table, keys) in [("timeouts", TIMEOUT_KEYS), ("retry", RETRY_KEYS)] {
        if header.trim() == table || dotted.starts_with(table) {
            return keys;
        }
    }
    KEYS
}

/// What stands before the equals sign on the line of an offset.
fn key_on_line(front: &str, offset: usize) -> Option<&str> {
    let start = front.get(..offset)?.rfind('\n').map_or(0, |at| at + 1);
    let line = front[start..].lines().next()?;
    let (key, _) = line.split_once('=')?;
    let key = key.trim();
    (!key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c)))
        .then_some(key)
}

#[cfg(test)]
mod tests;
