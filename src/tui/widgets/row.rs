//! One line of a pane: what is on its left gives way, what is on its right stays.

use std::borrow::Cow;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::words::{fit, shown, width};

/// A line that is being put together.
#[derive(Debug, Default, Clone)]
pub struct Row<'a> {
    left: Vec<(Cow<'a, str>, Style)>,
    right: Vec<(Cow<'a, str>, Style)>,
}

impl<'a> Row<'a> {
    /// An empty line.
    pub fn new() -> Self {
        Self::default()
    }

    /// The line with more on its left.
    pub fn left(mut self, text: impl Into<Cow<'a, str>>, style: Style) -> Self {
        self.left.push((text.into(), style));
        self
    }

    /// The line with text on its left that always takes so many columns.
    pub fn column(mut self, text: &str, columns: usize, style: Style) -> Self {
        let clean = shown(text);
        let cut = fit(&clean, columns);
        let padding = columns.saturating_sub(width(&cut));
        self.left.push((Cow::Owned(format!("{cut}{}", " ".repeat(padding))), style));
        self
    }

    /// The line with more at the end of its right side.
    pub fn right(mut self, text: impl Into<Cow<'a, str>>, style: Style) -> Self {
        self.right.push((text.into(), style));
        self
    }

    /// The columns that its left side would like to have.
    pub fn left_width(&self) -> usize {
        self.left.iter().map(|(text, _)| width(&shown(text))).sum()
    }

    /// The columns that its right side takes.
    pub fn right_width(&self) -> usize {
        self.right.iter().map(|(text, _)| width(&shown(text))).sum()
    }

    /// Draws it into the first line of `area`. `over` is laid over everything, as a selection is.
    pub fn draw(&self, buffer: &mut Buffer, area: Rect, over: Style) {
        if area.is_empty() {
            return;
        }
        let columns = usize::from(area.width);
        let right = self.right_width().min(columns);
        let gap = usize::from(right > 0 && right < columns);
        let mut room = columns - right - gap;
        let mut x = area.x;
        for (at, (text, style)) in self.left.iter().enumerate() {
            let clean = shown(text);
            let more = self.left[at + 1..].iter().any(|(text, _)| !text.trim().is_empty());
            // Where the next piece would find no room, this one carries the ellipsis.
            let wanted = width(&clean) + usize::from(more && width(&clean) == room);
            let cut = if wanted > room { fit_shorter(&clean, room) } else { clean };
            (x, _) = buffer.set_stringn(x, area.y, &cut, room, style.patch(over));
            room = room.saturating_sub(wanted);
        }
        buffer.set_style(Rect { height: 1, ..area }, over);
        if right == 0 {
            return;
        }
        let mut x = area.right() - u16::try_from(right).unwrap_or(area.width);
        for (text, style) in &self.right {
            let room = usize::from(area.right().saturating_sub(x));
            let clean = shown(text);
            (x, _) = buffer.set_stringn(x, area.y, fit(&clean, room), room, style.patch(over));
        }
    }
}

/// The text with an ellipsis inside `room`, also where the text alone would just fit.
fn fit_shorter(text: &str, room: usize) -> Cow<'_, str> {
    if width(text) > room {
        return Cow::Owned(fit(text, room).into_owned());
    }
    Cow::Owned(fit(&format!("{text} "), room).into_owned())
}
