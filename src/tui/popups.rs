//! Popups lie over the panes in a stack. The top one gets the keys, and nothing below it does.

use ratatui::buffer::Buffer;
use ratatui::layout::{Rect, Size};
use ratatui::style::Style;

use self::confirm::Confirm;
use self::help::Help;
use super::keymap::{Context, Keymap};
use super::layout::centred;
use super::panes::Ctx;
use super::widgets::row::Row;
use super::widgets::rule::{self, Rule};

pub mod confirm;
pub mod help;

/// A popup.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Popup {
    /// The keys explained.
    Help(Help),
    /// A question.
    Confirm(Confirm),
}

impl Popup {
    /// Where its keys are looked up.
    pub const fn contexts(&self) -> &'static [Context] {
        match self {
            Self::Help(_) => &[Context::Help, Context::Always],
            Self::Confirm(_) => &[Context::Confirm, Context::Always],
        }
    }

    /// Draws it over what is there.
    pub fn draw(&self, buffer: &mut Buffer, ctx: Ctx<'_>, keymap: &Keymap) {
        match self {
            Self::Help(help) => help.draw(buffer, ctx, keymap),
            Self::Confirm(confirm) => confirm.draw(buffer, ctx, keymap),
        }
    }
}

/// Clears a box in the middle of the screen, rules it above and below, and returns its inside.
fn boxed(buffer: &mut Buffer, wanted: Size, title: &str, foot: &Row<'_>, ctx: Ctx<'_>) -> Rect {
    let size = buffer.area.as_size();
    let area = centred(size, wanted.width.saturating_add(4), wanted.height.saturating_add(2));
    for line in area.rows() {
        for x in line.left()..line.right() {
            buffer[(x, line.y)].reset();
            buffer[(x, line.y)].set_style(ctx.theme.text());
        }
    }
    let (top, bottom) = (
        Rect { height: 1, ..area },
        Rect { y: area.bottom().saturating_sub(1), height: 1, ..area },
    );
    let title =
        Rule { title: title.to_owned(), about: Row::new(), end: Row::new(), is_focused: true };
    title.draw(buffer, top, ctx.theme);
    rule::line(buffer, bottom, "━", ctx.theme.rule());
    let x = bottom.x + 1;
    let width = u16::try_from(foot.left_width()).unwrap_or(u16::MAX).min(bottom.width - 2);
    foot.draw(buffer, Rect { x, width, ..bottom }, Style::new());
    Rect {
        x: area.x + 2,
        y: area.y + 1,
        width: area.width.saturating_sub(4),
        height: area.height.saturating_sub(2),
    }
}
