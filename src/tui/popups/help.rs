//! Help: every key that works where one is, made from the keymap.

use ratatui::buffer::Buffer;
use ratatui::layout::Size;
use ratatui::style::Style;

use super::boxed;
use crate::tui::action::Action;
use crate::tui::keymap::{Context, Keymap};
use crate::tui::panes::Ctx;
use crate::tui::widgets::row::Row;
use crate::tui::widgets::words;

/// The columns of the keys.
const KEYS: usize = 18;

/// The help for one place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Help {
    /// Where it was asked for.
    contexts: &'static [Context],
    offset: usize,
}

/// One line of it.
enum Line {
    Heading(&'static str),
    Key(String, &'static str),
    Gap,
}

impl Help {
    /// The help for a place.
    pub fn of(contexts: &'static [Context]) -> Self {
        Self { contexts, offset: 0 }
    }

    /// Moves through it; `size` is that of the screen.
    pub fn go(&mut self, lines: isize, size: Size, keymap: &Keymap) {
        let all = self.lines(keymap).len();
        let seen = usize::from(size.height.saturating_sub(2));
        self.offset =
            self.offset.saturating_add_signed(lines).min(all.saturating_sub(seen.min(all)));
    }

    fn lines(&self, keymap: &Keymap) -> Vec<Line> {
        let mut lines = Vec::new();
        for context in self.contexts {
            let section = keymap.section(*context);
            if section.is_empty() {
                continue;
            }
            if !lines.is_empty() {
                lines.push(Line::Gap);
            }
            lines.push(Line::Heading(context.name()));
            for (action, chords) in section {
                let mut keys = String::new();
                for chord in chords {
                    if !keys.is_empty() {
                        keys.push(' ');
                    }
                    keys.push_str(&chord.to_string());
                }
                lines.push(Line::Key(keys, action.sentence()));
            }
        }
        lines
    }

    /// Draws it over what is there.
    pub(super) fn draw(&self, buffer: &mut Buffer, ctx: Ctx<'_>, keymap: &Keymap) {
        let theme = ctx.theme;
        let lines = self.lines(keymap);
        let widest = lines.iter().map(|line| match line {
            Line::Key(_, sentence) => KEYS + 1 + words::width(sentence),
            Line::Heading(name) => words::width(name),
            Line::Gap => 0,
        });
        let wanted = Size {
            width: u16::try_from(widest.max().unwrap_or(0)).unwrap_or(u16::MAX),
            height: u16::try_from(lines.len()).unwrap_or(u16::MAX),
        };
        let close = keymap.key(&[Context::Help], Action::Close).unwrap_or_default();
        let is_cut = lines.len() + 2 > usize::from(buffer.area.height);
        let foot = format!(" {close} closes{} ", if is_cut { "  ↓ more" } else { "" });
        let foot = Row::new().left(foot, theme.dim());
        let inside = boxed(buffer, wanted, "KEYS", &foot, ctx);
        for (row, line) in inside.rows().zip(lines.iter().skip(self.offset)) {
            let drawn = match line {
                Line::Heading(name) => Row::new().left(*name, theme.active()),
                Line::Key(keys, sentence) => {
                    Row::new().column(keys, KEYS, theme.text()).left(*sentence, theme.dim())
                }
                Line::Gap => continue,
            };
            drawn.draw(buffer, row, Style::new());
        }
    }
}
