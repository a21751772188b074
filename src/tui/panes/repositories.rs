//! The repositories of the selected project, each with how its runs are.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::{Blank, Ctx, mark, tallied};
use crate::domain::id::{ProjectId, RepositoryId};
use crate::tui::model::{Model, Scope};
use crate::tui::widgets::list::{Place, lines};
use crate::tui::widgets::row::Row;

/// The pane of the repositories.
#[derive(Debug, Clone, Default)]
pub struct Repositories {
    /// Where one is in it.
    pub place: Place<RepositoryId>,
}

impl Repositories {
    /// What it lists.
    pub fn keys(model: &Model, project: Option<ProjectId>) -> Vec<RepositoryId> {
        model.repositories(project).iter().map(|repository| repository.id).collect()
    }

    /// Draws it, for one project.
    pub fn draw(
        &self,
        buffer: &mut Buffer,
        area: Rect,
        ctx: Ctx<'_>,
        model: &Model,
        project: Option<ProjectId>,
        is_focused: bool,
    ) {
        // The empty list of projects says what to do already.
        let Some(project) = project.and_then(|id| model.project(id)) else { return };
        let repositories = model.repositories(Some(project.id));
        if repositories.is_empty() {
            let remedy = format!("orch repo create {}/NAME --source PATH", project.slug);
            let what = "no repositories yet".into();
            return Blank::Empty { what, remedy: remedy.into() }.draw(buffer, area, ctx);
        }
        for (line, index) in lines(area, self.place.offset()) {
            let Some(repository) = repositories.get(index) else { return };
            let is_selected = self.place.selected() == Some(&repository.id);
            let (sign, over) = mark(is_selected, is_focused, ctx.theme);
            let row = Row::new()
                .left(sign, ctx.theme.text())
                .left(repository.path.repository.as_str(), ctx.theme.text());
            tallied(row, model.tally(Scope::Repository(repository.id)), ctx)
                .draw(buffer, line, over);
        }
    }
}
