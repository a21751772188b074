//! The panes. Each is a field of the application and a variant of [`Focus`]; what one more takes
//! is shown, and proved, by `tui::tests::one_more_pane`.

use std::borrow::Cow;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::keymap::Context;
use super::model::Tally;
use super::status::StatusKind;
use super::theme::Theme;
use super::widgets::row::Row;
use super::widgets::words;

pub mod findings;
#[cfg(test)]
pub mod probe;
pub mod projects;
pub mod repositories;
pub mod run;
pub mod tasks;

/// The pane that takes the keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Focus {
    /// The projects.
    Projects,
    /// The repositories of the selected project.
    Repositories,
    /// The tasks of the selected repository.
    Tasks,
    /// What a person must look at.
    Findings,
    /// One run: its timeline and its log.
    Run,
    /// A pane that only tests have.
    #[cfg(test)]
    Probe,
}

impl Focus {
    /// The panes of the home screen, in the order in which tab goes through them.
    pub const HOME: [Self; 5] =
        [Self::Projects, Self::Repositories, Self::Tasks, Self::Findings, Self::Run];

    /// Its name, in small letters.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Projects => "projects",
            Self::Repositories => "repositories",
            Self::Tasks => "tasks",
            Self::Findings => "findings",
            Self::Run => "run",
            #[cfg(test)]
            Self::Probe => "probe",
        }
    }

    /// The key that leads to it, as it stands on its rule.
    pub const fn digit(self) -> char {
        match self {
            Self::Projects => '1',
            Self::Repositories => '2',
            Self::Tasks => '3',
            Self::Findings => '4',
            Self::Run => '5',
            #[cfg(test)]
            Self::Probe => '9',
        }
    }

    /// Number and name, as they stand on its rule.
    pub fn title(self) -> String {
        format!("{} {}", self.digit(), self.name().to_uppercase())
    }

    /// Whether it has a place on the home screen; others take the whole screen.
    pub fn is_on_home(self) -> bool {
        Self::HOME.contains(&self)
    }

    /// Where its keys are looked up, the nearest context first.
    pub const fn contexts(self) -> &'static [Context] {
        match self {
            Self::Projects | Self::Repositories | Self::Tasks | Self::Findings => {
                &[Context::List, Context::Pane, Context::Always]
            }
            Self::Run => &[Context::Pane, Context::Always],
            #[cfg(test)]
            Self::Probe => &[Context::List, Context::Pane, Context::Always],
        }
    }
}

/// What drawing may look at besides the state.
#[derive(Debug, Clone, Copy)]
pub struct Ctx<'a> {
    /// What things look like.
    pub theme: &'a Theme,
    /// The time.
    pub now: Timestamp,
    /// Where the reader's clock hangs.
    pub zone: &'a TimeZone,
}

/// What a list shows while it has nothing to list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Blank<'a> {
    /// Nothing has come yet.
    Loading,
    /// There is nothing; what to do about it.
    Empty {
        /// What there is none of.
        what: Cow<'a, str>,
        /// What makes one.
        remedy: Cow<'a, str>,
    },
    /// It could not be had.
    Failed {
        /// What went wrong.
        what: Cow<'a, str>,
        /// What helps.
        remedy: Cow<'a, str>,
    },
}

impl Blank<'_> {
    /// Draws it where the list would be.
    pub fn draw(&self, buffer: &mut Buffer, area: Rect, ctx: Ctx<'_>) {
        let theme = ctx.theme;
        let paragraphs: [(String, Style); 2] = match self {
            Self::Loading => [("loading…".to_owned(), theme.dim()), (String::new(), theme.dim())],
            Self::Empty { what, remedy } => {
                [(words::shown(what).into_owned(), theme.text()), (remedy.to_string(), theme.dim())]
            }
            Self::Failed { what, remedy } => [
                (format!("✕ {}", words::shown(what)), theme.danger()),
                (format!("→ {}", words::shown(remedy)), theme.text()),
            ],
        };
        let columns = usize::from(area.width.saturating_sub(2));
        let mut rows = area.rows();
        for (text, style) in paragraphs {
            for line in words::wrap(&text, columns) {
                let Some(row) = rows.next() else { return };
                Row::new().left(format!(" {line}"), style).draw(buffer, row, Style::new());
            }
        }
    }
}

/// The line with how many runs are how at its end, those that are none left out.
pub fn tallied<'a>(row: Row<'a>, tally: Tally, ctx: Ctx<'_>) -> Row<'a> {
    let counts = [
        (StatusKind::Failed, tally.failed),
        (StatusKind::NeedsYou, tally.needs_you),
        (StatusKind::Queued, tally.queued),
        (StatusKind::Running, tally.running),
    ];
    let mut row = row;
    for (kind, count) in counts.into_iter().filter(|(_, count)| *count > 0) {
        row = row.right(format!(" {} {count}", kind.glyph()), kind.style(ctx.theme));
    }
    row.right(" ", ctx.theme.text())
}

/// The beginning of a line in a list: whether it is selected, and what lies over it then.
pub fn mark(is_selected: bool, is_focused: bool, theme: &Theme) -> (&'static str, Style) {
    match (is_selected, is_focused) {
        (true, true) => (" ▸ ", theme.selection()),
        (true, false) => (" ▸ ", Style::new()),
        (false, _) => ("   ", Style::new()),
    }
}
