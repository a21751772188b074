//! The projects, each with how its runs are.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::{Blank, Ctx, mark, tallied};
use crate::domain::id::ProjectId;
use crate::tui::model::{Model, Scope};
use crate::tui::widgets::list::{Place, lines};
use crate::tui::widgets::row::Row;

/// The pane of the projects.
#[derive(Debug, Clone, Default)]
pub struct Projects {
    /// Where one is in it.
    pub place: Place<ProjectId>,
}

impl Projects {
    /// What it lists.
    pub fn keys(model: &Model) -> Vec<ProjectId> {
        model.projects().iter().map(|project| project.id).collect()
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
        let projects = model.projects();
        if projects.is_empty() {
            let (what, remedy) = ("no projects yet".into(), "orch project create NAME".into());
            return Blank::Empty { what, remedy }.draw(buffer, area, ctx);
        }
        for (line, index) in lines(area, self.place.offset()) {
            let Some(project) = projects.get(index) else { return };
            let is_selected = self.place.selected() == Some(&project.id);
            let (sign, over) = mark(is_selected, is_focused, ctx.theme);
            let row = Row::new()
                .left(sign, ctx.theme.text())
                .left(project.slug.as_str(), ctx.theme.text());
            tallied(row, model.tally(Scope::Project(project.id)), ctx).draw(buffer, line, over);
        }
    }
}
