//! A pane that only tests have. It is here to show what one more pane takes; see
//! `tui::tests::one_more_pane`.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::{Ctx, mark};
use crate::tui::widgets::list::{Motion, Place, lines};
use crate::tui::widgets::row::Row;

const NAMES: [&str; 3] = ["alpha", "beta", "gamma"];

/// Three names.
#[derive(Debug, Clone, Default)]
pub struct Probe {
    /// Where one is in it.
    pub place: Place<usize>,
}

impl Probe {
    /// Moves in it.
    pub fn go(&mut self, motion: Motion, height: u16) {
        self.place.go(&[0, 1, 2], motion, height);
    }

    /// Selects what was clicked.
    pub fn click(&mut self, line: usize) {
        self.place.select_at(&[0, 1, 2], line);
    }

    /// Draws it.
    pub fn draw(&self, buffer: &mut Buffer, area: Rect, ctx: Ctx<'_>, is_focused: bool) {
        for (line, index) in lines(area, self.place.offset()) {
            let Some(name) = NAMES.get(index) else { return };
            let is_selected = self.place.selected() == Some(&index);
            let (sign, over) = mark(is_selected, is_focused, ctx.theme);
            Row::new()
                .left(sign, ctx.theme.text())
                .left(*name, ctx.theme.text())
                .draw(buffer, line, over);
        }
    }
}
