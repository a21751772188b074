//! The hard rules between the panes; a rule carries the name of the pane below it.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::row::Row;
use crate::tui::theme::Theme;

/// A heavy rule with words on it: `━ 1 PROJECTS ━━━━━━ 3 ━`.
pub struct Rule<'a> {
    /// The number and the name of the pane.
    pub title: String,
    /// More about what is shown, after the name.
    pub about: Row<'a>,
    /// What stands at the end.
    pub end: Row<'a>,
    /// Whether the pane takes the keys.
    pub is_focused: bool,
}

impl Rule<'_> {
    /// Draws it into the first line of `area`.
    pub fn draw(&self, buffer: &mut Buffer, area: Rect, theme: &Theme) {
        line(buffer, area, "━", theme.rule());
        let mut x = area.x.saturating_add(1);
        let name = format!(" {} ", self.title);
        let style = if self.is_focused { theme.focus() } else { theme.title() };
        let end = u16::try_from(self.end.left_width()).unwrap_or(u16::MAX);
        let limit = if end == 0 { area.right() } else { area.right().saturating_sub(end + 3) };
        let name_row = Row::new().left(name, style);
        x = place(&name_row, buffer, Rect { x, width: limit.saturating_sub(x), ..area });
        if self.about.left_width() > 0 {
            let about = Rect { x: x + 2, width: limit.saturating_sub(x + 4), ..area };
            if about.width > 3 {
                buffer.set_stringn(x + 1, area.y, " ", 1, Style::new());
                let x = place(&self.about, buffer, about);
                buffer.set_stringn(x, area.y, " ", 1, Style::new());
            }
        }
        if end > 0 && area.width > end + 3 {
            let at = Rect { x: area.right() - end - 3, width: end + 2, ..area };
            buffer.set_stringn(at.x, at.y, " ".repeat(usize::from(at.width)), 999, Style::new());
            place(&self.end, buffer, Rect { x: at.x + 1, width: end, ..at });
        }
    }
}

/// Draws the left side of a row and returns the column after it.
fn place(row: &Row<'_>, buffer: &mut Buffer, area: Rect) -> u16 {
    row.draw(buffer, area, Style::new());
    let wanted = u16::try_from(row.left_width()).unwrap_or(u16::MAX);
    area.x + wanted.min(area.width)
}

/// A whole line of one sign.
pub fn line(buffer: &mut Buffer, area: Rect, sign: &str, style: Style) {
    for x in area.left()..area.right() {
        buffer[(x, area.y)].set_symbol(sign).set_style(style);
    }
}
