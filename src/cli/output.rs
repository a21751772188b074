//! The only place that prints. stdout is the result, stderr is talk. Whatever comes from outside
//! is made fit to be shown before it gets here, or here.

use std::io::{self, IsTerminal, Write};

use jiff::Timestamp;
use serde::Serialize;
use unicode_width::UnicodeWidthStr;

use super::error::{CliError, ErrorKind};
use super::exit::Exit;
use crate::domain::duration::HumanDuration;
use crate::domain::text::printable;

/// What a piece of text is, for its colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// As the terminal has it.
    Plain,
    /// It went well.
    Good,
    /// It did not.
    Bad,
    /// It should be looked at.
    Warning,
    /// It goes on.
    Busy,
    /// It matters less.
    Faint,
    /// It heads something.
    Heading,
}

impl Role {
    const fn code(self) -> &'static str {
        match self {
            Self::Plain => "0",
            Self::Good => "32",
            Self::Bad => "31",
            Self::Warning => "33",
            Self::Busy => "36",
            Self::Faint => "2",
            Self::Heading => "1",
        }
    }
}

/// One of the two streams.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Channel {
    /// The result.
    Result,
    /// Talk.
    Talk,
}

/// How this process may print.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ui {
    /// Whether results may be coloured.
    color_result: bool,
    /// Whether talk may be coloured.
    color_talk: bool,
    /// Whether the terminal shows more than ASCII.
    unicode: bool,
}

impl Ui {
    /// As the terminal and the wishes of its user have it.
    pub(crate) fn new(no_color: bool, dumb: bool, unicode: bool) -> Self {
        let may = !no_color && !dumb;
        Self {
            color_result: may && io::stdout().is_terminal(),
            color_talk: may && io::stderr().is_terminal(),
            unicode,
        }
    }

    /// The sign for a role, in what the terminal can show.
    pub(crate) fn glyph(&self, role: Role) -> &'static str {
        match (role, self.unicode) {
            (Role::Good, true) => "✓",
            (Role::Good, false) => "+",
            (Role::Bad, true) => "✗",
            (Role::Bad, false) => "x",
            (Role::Warning, _) => "!",
            (Role::Busy, true) => "●",
            (Role::Busy, false) => "*",
            (Role::Plain | Role::Faint | Role::Heading, true) => "·",
            (Role::Plain | Role::Faint | Role::Heading, false) => "-",
        }
    }

    /// The text in the colour of its role, where the stream may have one.
    pub(crate) fn paint(&self, channel: Channel, role: Role, text: &str) -> String {
        let colored = match channel {
            Channel::Result => self.color_result,
            Channel::Talk => self.color_talk,
        };
        if colored && role != Role::Plain && !text.is_empty() {
            format!("\u{1b}[{}m{text}\u{1b}[0m", role.code())
        } else {
            text.to_owned()
        }
    }

    /// One line on either stream.
    ///
    /// # Errors
    /// Where the result cannot be written; talk that nobody hears is no error.
    pub(crate) fn say(&self, channel: Channel, text: &str) -> Result<(), CliError> {
        match channel {
            Channel::Result => self.line(text),
            Channel::Talk => {
                self.note(text);
                Ok(())
            }
        }
    }

    /// One line of the result.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub(crate) fn line(&self, text: &str) -> Result<(), CliError> {
        let mut out = io::stdout().lock();
        writeln!(out, "{text}")?;
        Ok(out.flush()?)
    }

    /// Bytes of the result, as they are.
    ///
    /// # Errors
    /// Where they cannot be written.
    pub(crate) fn raw(&self, bytes: &[u8]) -> Result<(), CliError> {
        let mut out = io::stdout().lock();
        out.write_all(bytes)?;
        Ok(out.flush()?)
    }

    /// The result as one JSON document.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub(crate) fn json(&self, value: &impl Serialize) -> Result<(), CliError> {
        let text = serde_json::to_string_pretty(value)
            .map_err(|error| CliError::internal("cannot write JSON", &error))?;
        self.line(&text)
    }

    /// One document of a stream, on one line.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub(crate) fn json_line(&self, value: &impl Serialize) -> Result<(), CliError> {
        let text = serde_json::to_string(value)
            .map_err(|error| CliError::internal("cannot write JSON", &error))?;
        self.line(&text)
    }

    /// Talk.
    pub(crate) fn note(&self, text: &str) {
        // Nobody hears it: there is nobody to tell that to either.
        drop(writeln!(io::stderr().lock(), "{text}"));
    }

    /// A question, without the end of its line.
    pub(crate) fn ask(&self, text: &str) {
        let mut err = io::stderr().lock();
        drop(write!(err, "{text}").and_then(|()| err.flush()));
    }

    /// A line of talk that the next one replaces, where there is a terminal; `None` takes it away.
    pub(crate) fn status(&self, text: Option<&str>) {
        let mut err = io::stderr().lock();
        if err.is_terminal() {
            let mut text = one_line(text.unwrap_or_default());
            // A line that wraps could not be taken back.
            let width = crossterm::terminal::size().map_or(80, |(columns, _)| usize::from(columns));
            while text.width() >= width.max(2) {
                text.pop();
            }
            drop(write!(err, "\r\u{1b}[2K{text}").and_then(|()| err.flush()));
        }
    }

    /// Where a stream of bytes goes that is the result.
    pub(crate) fn stream(&self) -> Box<dyn Write + Send> {
        Box::new(io::stdout())
    }

    /// Something to do.
    pub(crate) fn hint(&self, text: &str) {
        let label = self.paint(Channel::Talk, Role::Busy, "hint:");
        self.note(&format!("{label} {}", one_line(text)));
    }

    /// Something that should be looked at.
    pub(crate) fn warn(&self, text: &str) {
        let label = self.paint(Channel::Talk, Role::Warning, "warning:");
        self.note(&format!("{label} {}", one_line(text)));
    }

    /// An error, with what to do about it.
    pub(crate) fn error(&self, error: &CliError) {
        if error.kind() == ErrorKind::NobodyReads {
            return;
        }
        let label = self.paint(Channel::Talk, Role::Bad, "error:");
        self.note(&format!("{label} {}", one_line(&error.headline())));
        for hint in error.hints() {
            self.hint(hint);
        }
    }

    /// What the reader of arguments has to say: help and version are results, the rest is an
    /// error.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub(crate) fn usage(&self, error: &clap::Error) -> Result<Exit, CliError> {
        let text = error.render();
        if error.use_stderr() {
            let text = if self.color_talk { text.ansi().to_string() } else { text.to_string() };
            self.note(text.trim_end());
            return Ok(Exit::Usage);
        }
        let text = if self.color_result { text.ansi().to_string() } else { text.to_string() };
        self.line(text.trim_end())?;
        Ok(Exit::Succeeded)
    }
}

/// Text from outside on one line.
pub(crate) fn one_line(text: &str) -> String {
    printable(text)
        .split(['\n', '\u{2028}', '\u{2029}'])
        .map(str::trim)
        .collect::<Vec<_>>()
        .join(" ")
}

/// A time as the span that lies between it and now.
pub(crate) fn age(at: Timestamp, now: Timestamp) -> String {
    let seconds = HumanDuration::between(at, now).as_millis() / 1000;
    match seconds {
        0..=59 => format!("{seconds}s ago"),
        60..=3_599 => format!("{}m ago", seconds / 60),
        3_600..=172_799 => format!("{}h ago", seconds / 3_600),
        _ => format!("{}d ago", seconds / 86_400),
    }
}

/// A span as people read it: two units at most, tenths below ten seconds.
pub(crate) fn span(duration: HumanDuration) -> String {
    let millis = duration.as_millis();
    let seconds = millis / 1000;
    match seconds {
        0..=9 => format!("{}.{}s", seconds, millis % 1000 / 100),
        10..=59 => format!("{seconds}s"),
        60..=3_599 => format!("{}m{:02}s", seconds / 60, seconds % 60),
        3_600..=86_399 => format!("{}h{:02}m", seconds / 3_600, seconds % 3_600 / 60),
        _ => format!("{}d{:02}h", seconds / 86_400, seconds % 86_400 / 3_600),
    }
}

#[cfg(test)]
mod tests;
