//! Text from outside, made fit to be shown: cut to a length, and without anything that could
//! steer a terminal.

use std::iter::Peekable;
use std::str::Chars;

/// The text, cut after `limit` characters with an ellipsis where it was longer.
pub fn excerpt(text: &str, limit: usize) -> String {
    match text.char_indices().nth(limit) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", &text[..end]),
    }
}

/// The text without escape sequences, control characters and direction overrides. A tab becomes
/// spaces; of a line that was redrawn by carriage returns, the last drawing is left.
pub fn printable(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '\u{1b}' => skip_escape(&mut characters),
            // The eight-bit forms of CSI, and of the string sequences.
            '\u{9b}' => skip_control_sequence(&mut characters),
            '\u{90}' | '\u{98}' | '\u{9d}'..='\u{9f}' => skip_string(&mut characters),
            '\t' => shown.push_str("    "),
            '\r' if characters.peek().is_some_and(|next| *next != '\n' && *next != '\r') => {
                let line_start = shown.rfind('\n').map_or(0, |at| at + 1);
                shown.truncate(line_start);
            }
            '\u{8}' if !shown.ends_with('\n') => {
                shown.pop();
            }
            '\n' => shown.push('\n'),
            _ if character.is_control() || steers_direction(character) => {}
            _ => shown.push(character),
        }
    }
    shown
}

fn steers_direction(character: char) -> bool {
    matches!(character,
        '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

fn skip_escape(characters: &mut Peekable<Chars<'_>>) {
    match characters.peek() {
        Some('[') => {
            characters.next();
            skip_control_sequence(characters);
        }
        Some(']' | 'P' | 'X' | '^' | '_') => {
            characters.next();
            skip_string(characters);
        }
        Some(_) => {
            // Intermediate bytes, then one final byte; anything else is not of the sequence.
            while characters.next_if(|next| ('\u{20}'..='\u{2f}').contains(next)).is_some() {}
            characters.next_if(|next| ('\u{30}'..='\u{7e}').contains(next));
        }
        None => {}
    }
}

fn skip_control_sequence(characters: &mut Peekable<Chars<'_>>) {
    while let Some(next) = characters.peek() {
        match next {
            '\u{20}'..='\u{3f}' => {
                characters.next();
            }
            '\u{40}'..='\u{7e}' => {
                characters.next();
                return;
            }
            _ => return,
        }
    }
}

/// Strings end with BEL or ST; an unfinished one ends with its line, so that a stray escape
/// cannot swallow the rest of a log.
fn skip_string(characters: &mut Peekable<Chars<'_>>) {
    while let Some(next) = characters.peek() {
        match next {
            '\n' => return,
            '\u{7}' | '\u{9c}' => {
                characters.next();
                return;
            }
            // The escape of ST, or of a new sequence that cuts the string off.
            '\u{1b}' => return,
            _ => {
                characters.next();
            }
        }
    }
}

/// The known name nearest to `unknown`, if one is near enough to have been meant.
pub fn nearest<'a>(unknown: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    known
        .into_iter()
        .map(|name| (strsim::damerau_levenshtein(unknown, name), name))
        .filter(|(distance, name)| *distance <= name.len().max(unknown.len()).div_ceil(3))
        .min()
        .map(|(_, name)| name)
}

#[cfg(test)]
mod tests;
