//! The prompt: from a flag, from a file, or from standard input, and never more of it than a task
//! may carry.

use std::fs::File;
use std::io::{self, Read};
use std::path::PathBuf;

use clap::Args;

use super::error::{CliError, ErrorKind};
use crate::domain::size::ByteSize;
use crate::domain::task::{InvalidTask, MAX_INSTRUCTIONS};

/// What stands for standard input.
pub(crate) const STDIN: &str = "-";

/// Where the prompt comes from.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct PromptFlags {
    /// What is to be done; for the harness `script`, the script
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true, conflicts_with = "file")]
    pub(crate) prompt: Option<String>,
    /// Read the prompt from a file; `-` is standard input
    #[arg(long, value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
}

impl PromptFlags {
    /// The flag that was used, if one was.
    pub(crate) fn used(&self) -> Option<&'static str> {
        match (&self.prompt, &self.file) {
            (Some(_), _) => Some("--prompt"),
            (None, Some(_)) => Some("--file"),
            (None, None) => None,
        }
    }

    /// The prompt.
    ///
    /// # Errors
    /// Where there is none, it cannot be read, or it is too long.
    pub(crate) fn read(&self, from_stdin: bool) -> Result<String, CliError> {
        match (&self.prompt, &self.file) {
            (None, None) if from_stdin => read_stdin(),
            (_, Some(path)) if path.as_os_str() == STDIN && !from_stdin => read_stdin(),
            (None, None) => Err(CliError::usage("there is no prompt")
                .hint("give one with `--prompt TEXT`, `--file FILE`, or `-` for standard input")),
            (Some(_), _) | (_, Some(_)) if from_stdin => {
                Err(CliError::usage("`-` and a flag both say where the prompt comes from")
                    .hint("leave one of them out"))
            }
            (Some(text), _) => {
                let length = ByteSize::from_bytes(text.len() as u64);
                if length > MAX_INSTRUCTIONS {
                    return Err(InvalidTask::InstructionsTooLong(length).into());
                }
                Ok(text.clone())
            }
            (None, Some(path)) => {
                let name = path.display().to_string();
                let file = File::open(path).map_err(|error| unreadable(&name, &error))?;
                let length = file.metadata().map(|found| found.len()).unwrap_or_default();
                bounded(&name, file, length)
            }
        }
    }
}

fn read_stdin() -> Result<String, CliError> {
    bounded("standard input", io::stdin().lock(), 0)
}

/// Reads up to the limit; `length` is what is known of the size beforehand.
fn bounded(name: &str, from: impl Read, length: u64) -> Result<String, CliError> {
    let limit = MAX_INSTRUCTIONS.as_bytes();
    let mut bytes = Vec::new();
    from.take(limit + 1).read_to_end(&mut bytes).map_err(|error| unreadable(name, &error))?;
    if bytes.len() as u64 > limit {
        let length = ByteSize::from_bytes(length.max(bytes.len() as u64));
        return Err(InvalidTask::InstructionsTooLong(length).into());
    }
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        CliError::usage(format!("{name} is not UTF-8 text (byte {at})"))
    })
}

fn unreadable(name: &str, error: &io::Error) -> CliError {
    let kind = match error.kind() {
        io::ErrorKind::NotFound => ErrorKind::NotFound,
        _ => ErrorKind::Usage,
    };
    CliError::new(kind, format!("cannot read {name}")).because(error)
}
