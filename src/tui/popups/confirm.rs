//! A question before something that cannot be taken back: it says what will be lost.

use ratatui::buffer::Buffer;
use ratatui::layout::Size;
use ratatui::style::Style;

use super::boxed;
use crate::domain::id::RunId;
use crate::tui::action::Action;
use crate::tui::keymap::{Context, Keymap};
use crate::tui::panes::Ctx;
use crate::tui::widgets::row::Row;
use crate::tui::widgets::words;

const WIDTH: u16 = 56;

/// A question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Confirm {
    /// What is asked.
    pub title: String,
    /// What will be lost.
    pub loss: String,
    /// What it is about.
    pub what: Doubt,
}

/// What a question is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Doubt {
    /// Whether to stop a run.
    Stop(RunId),
}

impl Confirm {
    /// Draws it over what is there.
    pub(super) fn draw(&self, buffer: &mut Buffer, ctx: Ctx<'_>, keymap: &Keymap) {
        let width = WIDTH.min(buffer.area.width.saturating_sub(4));
        let mut lines = Vec::new();
        for paragraph in self.loss.lines() {
            lines.extend(words::wrap(paragraph, usize::from(width)));
        }
        let key = |action| keymap.key(&[Context::Confirm], action).unwrap_or_default();
        let foot = Row::new()
            .left(format!(" {} ", key(Action::Accept)), ctx.theme.active())
            .left("yes   ", ctx.theme.text())
            .left(key(Action::Close), ctx.theme.active())
            .left(" no ", ctx.theme.text());
        let height = u16::try_from(lines.len()).unwrap_or(u16::MAX);
        let inside = boxed(buffer, Size { width, height }, &self.title, &foot, ctx);
        for (row, line) in inside.rows().zip(&lines) {
            Row::new().left(line.as_str(), ctx.theme.text()).draw(buffer, row, Style::new());
        }
    }
}
