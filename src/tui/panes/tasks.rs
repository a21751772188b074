//! The tasks of the selected repository, each with how its newest run is.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::{Blank, Ctx, mark};
use crate::domain::duration::HumanDuration;
use crate::domain::id::{RepositoryId, TaskId};
use crate::domain::task::{Task, TaskKind};
use crate::tui::app::Pending;
use crate::tui::model::{Model, Scope};
use crate::tui::status::{Status, StatusKind};
use crate::tui::widgets::list::{Place, lines};
use crate::tui::widgets::row::Row;
use crate::tui::widgets::words;

/// A line shorter than this has no room for words beside the glyph.
const ROOM_FOR_WORDS: u16 = 40;

/// The pane of the tasks.
#[derive(Debug, Clone, Default)]
pub struct Tasks {
    /// Where one is in it.
    pub place: Place<TaskId>,
}

impl Tasks {
    /// What it lists.
    pub fn keys(model: &Model, repository: Option<RepositoryId>) -> Vec<TaskId> {
        model.tasks(repository).iter().map(|task| task.id).collect()
    }

    /// Draws it, for one repository.
    #[expect(clippy::too_many_arguments, reason = "what a pane shows is all it is given")]
    pub fn draw(
        &self,
        buffer: &mut Buffer,
        area: Rect,
        ctx: Ctx<'_>,
        model: &Model,
        repository: Option<RepositoryId>,
        pending: &[Pending],
        is_focused: bool,
    ) {
        let Some(repository) = repository.and_then(|id| model.repository(id)) else { return };
        let tasks = model.tasks(Some(repository.id));
        if tasks.is_empty() {
            let remedy = format!("orch task create {}/NAME --prompt TEXT", repository.path);
            let what = "no tasks yet".into();
            return Blank::Empty { what, remedy: remedy.into() }.draw(buffer, area, ctx);
        }
        for (line, index) in lines(area, self.place.offset()) {
            let Some(task) = tasks.get(index) else { return };
            let is_selected = self.place.selected() == Some(&task.id);
            let (sign, over) = mark(is_selected, is_focused, ctx.theme);
            let row = Row::new()
                .left(sign, ctx.theme.text())
                .left(task.path.task.as_str(), ctx.theme.text());
            let is_starting = pending.iter().any(|p| *p == Pending::Start(task.path.clone()));
            let row = if is_starting {
                row.right("starting… ", ctx.theme.dim())
            } else {
                with_state(row, task, model, ctx, area.width)
            };
            row.draw(buffer, line, over);
        }
    }
}

fn with_state<'a>(
    row: Row<'a>,
    task: &'a Task,
    model: &Model,
    ctx: Ctx<'_>,
    width: u16,
) -> Row<'a> {
    let Some(run) = model.newest(Scope::Task(task.id)) else {
        return match &task.kind {
            TaskKind::OneShot => row,
            TaskKind::Cron { schedule } => {
                row.right(schedule.cron.as_str(), ctx.theme.dim()).right(" ", ctx.theme.dim())
            }
            TaskKind::Event { .. } => row.right("on event ", ctx.theme.dim()),
        };
    };
    let status = Status::of(run);
    let style = status.kind.style(ctx.theme);
    let time = match status.kind {
        StatusKind::Running => words::span(HumanDuration::between(run.created_at, ctx.now)),
        StatusKind::Queued
        | StatusKind::NeedsYou
        | StatusKind::Paused
        | StatusKind::Failed
        | StatusKind::Done
        | StatusKind::Cancelled => words::moment(run.updated_at, ctx.now, ctx.zone),
    };
    if width < ROOM_FOR_WORDS {
        let time = format!(" {time:>6} ");
        return row.right(status.kind.glyph(), style).right(time, ctx.theme.text());
    }
    row.right(format!("{:<12}", status.label()), style)
        .right(format!("{time:>6} "), ctx.theme.text())
}
