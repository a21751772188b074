//! Words and numbers as they are shown: cut, wrapped, rounded to what a person reads.

use std::borrow::Cow;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::domain::duration::HumanDuration;
use crate::domain::text::printable;

/// Text from outside in one harmless line.
pub fn shown(text: &str) -> Cow<'_, str> {
    if text.bytes().all(|byte| (0x20..0x7f).contains(&byte)) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(printable(text).replace('\n', " "))
}

/// How many columns a text takes.
pub fn width(text: &str) -> usize {
    text.width()
}

/// The text in at most so many columns; where it is longer, an ellipsis says so.
pub fn fit(text: &str, columns: usize) -> Cow<'_, str> {
    if text.width() <= columns {
        return Cow::Borrowed(text);
    }
    let mut cut = String::new();
    let mut used = 0;
    for character in text.chars() {
        let next = used + character.width().unwrap_or(0);
        if next >= columns {
            break;
        }
        cut.push(character);
        used = next;
    }
    if columns > 0 {
        cut.truncate(cut.trim_end().len());
        cut.push('…');
    }
    Cow::Owned(cut)
}

/// The text in lines of at most so many columns, broken between words where that is possible.
pub fn wrap(text: &str, columns: usize) -> Vec<String> {
    let columns = columns.max(1);
    let mut lines = Vec::new();
    let mut line = String::new();
    for word in text.split_whitespace() {
        let mut rest = word;
        if !line.is_empty() && line.width() + 1 + rest.width() <= columns {
            line.push(' ');
            line.push_str(rest);
            continue;
        }
        if !line.is_empty() {
            lines.push(std::mem::take(&mut line));
        }
        while rest.width() > columns {
            let mut used = 0;
            let end = rest.char_indices().find_map(|(at, character)| {
                used += character.width().unwrap_or(0);
                (used > columns && at > 0).then_some(at)
            });
            let Some(end) = end else { break };
            lines.push(rest[..end].to_owned());
            rest = &rest[end..];
        }
        rest.clone_into(&mut line);
    }
    if !line.is_empty() {
        lines.push(line);
    }
    lines
}

/// A span of time in the two units that matter: `42s`, `6m12`, `3h04`, `2d03`.
pub fn span(duration: HumanDuration) -> String {
    let seconds = duration.as_millis() / 1000;
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3_600 => format!("{}m{:02}", seconds / 60, seconds % 60),
        3_600..86_400 => format!("{}h{:02}", seconds / 3_600, seconds % 3_600 / 60),
        _ => format!("{}d{:02}", seconds / 86_400, seconds % 86_400 / 3_600),
    }
}

/// The time of day, to the second.
pub fn second(at: Timestamp, zone: &TimeZone) -> String {
    at.to_zoned(zone.clone()).strftime("%H:%M:%S").to_string()
}

/// The time of day, to the minute.
pub fn minute(at: Timestamp, zone: &TimeZone) -> String {
    at.to_zoned(zone.clone()).strftime("%H:%M").to_string()
}

/// When something was, in five columns and without a clock that would have to tick: the time of
/// day on the same day, the month and the day otherwise.
pub fn moment(at: Timestamp, now: Timestamp, zone: &TimeZone) -> String {
    let then = at.to_zoned(zone.clone());
    if then.date() == now.to_zoned(zone.clone()).date() {
        return then.strftime("%H:%M").to_string();
    }
    then.strftime("%m-%d").to_string()
}

/// A number with its thousands apart: `1 204`.
pub fn number(value: u64) -> String {
    let digits = value.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(' ');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests;
