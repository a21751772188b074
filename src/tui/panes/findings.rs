//! The inbox: what a person must look at, the gravest first.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::{Ctx, mark};
use crate::domain::finding::{Finding, FindingKind, Severity};
use crate::domain::id::FindingId;
use crate::tui::model::Model;
use crate::tui::status::StatusKind;
use crate::tui::widgets::list::{Place, lines};
use crate::tui::widgets::row::Row;
use crate::tui::widgets::words;

/// A line shorter than this shows no repository and no kind.
const ROOM_FOR_COLUMNS: u16 = 76;
/// A ticker shorter than this has few words for its key.
const ROOM_FOR_KEY: u16 = 60;

/// The pane of the findings.
#[derive(Debug, Clone, Default)]
pub struct Findings {
    /// Where one is in it.
    pub place: Place<FindingId>,
}

impl Findings {
    /// What it lists.
    pub fn keys(model: &Model) -> Vec<FindingId> {
        model.findings().iter().map(|finding| finding.id).collect()
    }

    /// Draws it.
    pub fn draw(
        &self,
        buffer: &mut Buffer,
        area: Rect,
        ctx: Ctx<'_>,
        model: &Model,
        is_focused: bool,
    ) {
        let findings = model.findings();
        if findings.is_empty() {
            let line = Row::new().left("   nothing needs you", ctx.theme.dim());
            return line.draw(buffer, area, Style::new());
        }
        for (line, index) in lines(area, self.place.offset()) {
            let Some(finding) = findings.get(index) else { return };
            let is_selected = self.place.selected() == Some(&finding.id);
            let (sign, over) = mark(is_selected, is_focused, ctx.theme);
            let row = Row::new().left(sign, ctx.theme.text());
            let row = described(row, finding, ctx, area.width >= ROOM_FOR_COLUMNS);
            let when = words::moment(finding.last_at, ctx.now, ctx.zone);
            row.right(format!("{when} "), ctx.theme.dim()).draw(buffer, line, over);
        }
    }

    /// Draws the inbox in one line, where it has no pane.
    pub fn draw_ticker(buffer: &mut Buffer, area: Rect, ctx: Ctx<'_>, model: &Model, key: &str) {
        let Some(first) = model.findings().first() else {
            let line = Row::new().left(" nothing needs you", ctx.theme.dim());
            return line.draw(buffer, area, Style::new());
        };
        let more = match (model.findings().len(), area.width >= ROOM_FOR_KEY) {
            (1, true) => format!("{key} shows it "),
            (count, true) => format!("{key} shows all {count} "),
            (count, false) => format!("{key} all {count} "),
        };
        described(Row::new().left(" ", ctx.theme.text()), first, ctx, false)
            .right(more, ctx.theme.dim())
            .draw(buffer, area, Style::new());
    }
}

fn described<'a>(row: Row<'a>, finding: &'a Finding, ctx: Ctx<'_>, has_columns: bool) -> Row<'a> {
    let theme = ctx.theme;
    let (kind, word) = match finding.kind {
        FindingKind::FailedRun => (StatusKind::Failed, "failed"),
        FindingKind::Approval => (StatusKind::NeedsYou, "approval"),
        FindingKind::Review => (StatusKind::NeedsYou, "review"),
        FindingKind::Orphan => (StatusKind::Cancelled, "orphan"),
    };
    let severity = match finding.severity {
        Severity::High => "HIGH",
        Severity::Medium => "MED",
        Severity::Low => "LOW",
    };
    let row = row.left(kind.glyph(), kind.style(theme)).left(" ", theme.text()).column(
        severity,
        5,
        theme.text(),
    );
    let title = finding.title.as_str();
    if !has_columns {
        return row.left(title, theme.text());
    }
    let place = finding.task.as_ref().map_or("", |path| path.repository.as_str());
    let row = row
        .column(place, 14, theme.text())
        .left(" ", theme.text())
        .column(word, 9, theme.text())
        .left(title, theme.text());
    if finding.count > 1 { row.left(format!("  ×{}", finding.count), theme.dim()) } else { row }
}
