//! Tables for people: columns aligned by the width that characters have on a terminal.

use unicode_width::UnicodeWidthStr;

use super::error::CliError;
use super::output::{Channel, Role, Ui, one_line};
use crate::domain::text::excerpt;

/// The longest text in one cell.
const CELL: usize = 72;
const GAP: &str = "  ";

/// Rows of cells below a heading.
#[derive(Debug, Clone)]
pub(crate) struct Table {
    heading: Vec<&'static str>,
    rows: Vec<Vec<(Role, String)>>,
}

impl Table {
    /// An empty table.
    pub(crate) fn new(heading: &[&'static str]) -> Self {
        Self { heading: heading.to_vec(), rows: Vec::new() }
    }

    /// Adds a row. The texts may come from outside.
    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = (Role, String)>) {
        let safe = cells.into_iter().map(|(role, text)| (role, excerpt(&one_line(&text), CELL)));
        self.rows.push(safe.collect());
    }

    /// The lines of the table.
    pub(crate) fn lines(&self, ui: &Ui) -> Vec<String> {
        let mut widths: Vec<usize> = self.heading.iter().map(|title| title.width()).collect();
        for row in &self.rows {
            for (width, (_, text)) in widths.iter_mut().zip(row) {
                *width = (*width).max(text.width());
            }
        }
        let heading: Vec<(Role, String)> =
            self.heading.iter().map(|title| (Role::Faint, (*title).to_owned())).collect();
        std::iter::once(&heading).chain(&self.rows).map(|row| line(ui, row, &widths)).collect()
    }

    /// Prints it as a result.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub(crate) fn print(&self, ui: &Ui) -> Result<(), CliError> {
        for line in self.lines(ui) {
            ui.line(&line)?;
        }
        Ok(())
    }
}

fn line(ui: &Ui, row: &[(Role, String)], widths: &[usize]) -> String {
    let mut line = String::new();
    for (column, ((role, text), width)) in row.iter().zip(widths).enumerate() {
        if column > 0 {
            line.push_str(GAP);
        }
        line.push_str(&ui.paint(Channel::Result, *role, text));
        if column + 1 < row.len() {
            let missing = width.saturating_sub(text.width());
            line.extend(std::iter::repeat_n(' ', missing));
        }
    }
    line.truncate(line.trim_end().len());
    line
}

/// A name and a text under each other, for `show`.
///
/// # Errors
/// Where they cannot be written.
pub(crate) fn print_fields(ui: &Ui, fields: &[(&str, String)]) -> Result<(), CliError> {
    let width = fields.iter().map(|(name, _)| name.width()).max().unwrap_or_default();
    for (name, text) in fields {
        if !text.is_empty() {
            let label = ui.paint(Channel::Result, Role::Faint, &format!("{name:width$}"));
            ui.line(&format!("{label}{GAP}{}", one_line(text)))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
