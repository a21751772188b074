//! Drawing. It reads the state and changes nothing.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::{App, Link, Pending};
use crate::api::view::RunSummary;
use crate::domain::duration::HumanDuration;
use crate::domain::run::RunState;
use crate::tui::action::Action;
use crate::tui::layout::{Areas, LEAST, PaneArea};
use crate::tui::model::Scope;
use crate::tui::panes::findings::Findings;
use crate::tui::panes::{Blank, Ctx, Focus};
use crate::tui::status::{Status, StatusKind};
use crate::tui::widgets::row::Row;
use crate::tui::widgets::rule::{self, Rule};
use crate::tui::widgets::words;

/// A header narrower than this has signs without words.
const ROOM_FOR_WORDS: u16 = 100;
/// A rule narrower than this has the numbers of the panes without gaps.
const ROOM_FOR_GAPS: u16 = 60;

impl App {
    /// Draws the whole screen.
    pub fn draw(&self, buffer: &mut Buffer, ctx: Ctx<'_>) {
        let screen = buffer.area;
        buffer.set_style(screen, ctx.theme.text());
        let areas = self.areas();
        if areas.panes.is_empty() {
            let text = format!("orch needs {}×{} or more", LEAST.width, LEAST.height);
            let middle = Rect { y: screen.height / 2, height: screen.height.min(1), ..screen };
            return Row::new().left(text, ctx.theme.text()).draw(buffer, middle, Style::new());
        }
        self.draw_header(buffer, areas.header, ctx);
        for pane in &areas.panes {
            self.draw_pane(buffer, *pane, &areas, ctx);
        }
        if let Some(divider) = areas.divider {
            draw_divider(buffer, divider, &areas, ctx);
        }
        if let Some(ticker) = areas.ticker {
            let key = self.key_of(Action::Focus(Focus::Findings));
            match self.blank() {
                Some(_) => {}
                None => Findings::draw_ticker(buffer, ticker, ctx, &self.model, &key),
            }
        }
        self.draw_footer(buffer, areas.footer, ctx);
        for popup in &self.popups {
            popup.draw(buffer, ctx, &self.keymap);
        }
    }

    fn draw_header(&self, buffer: &mut Buffer, area: Rect, ctx: Ctx<'_>) {
        let theme = ctx.theme;
        let mut row = Row::new().left(" ORCH ", theme.active()).left("▏", theme.rule());
        for (at, name) in self.breadcrumb().into_iter().enumerate() {
            if at > 0 {
                row = row.left(" › ", theme.dim());
            }
            row = row.left(name, theme.text());
        }
        let tally = self.model.tally(Scope::All);
        let counts = [
            (StatusKind::Running, tally.running, "running"),
            (StatusKind::Queued, tally.queued, "queued"),
            (StatusKind::NeedsYou, tally.needs_you, "needs you"),
            (StatusKind::Failed, tally.failed, "failed"),
        ];
        for (kind, count, word) in counts {
            // Nothing is said of what is not the matter.
            if count == 0 {
                continue;
            }
            let sign = format!("  {} {count}", kind.glyph());
            row = row.right(sign, kind.style(theme));
            if area.width >= ROOM_FOR_WORDS {
                row = row.right(format!(" {word}"), kind.style(theme));
            }
        }
        if self.wants_seconds() && area.width >= ROOM_FOR_WORDS {
            let stats = self.model.stats();
            for (name, percent) in [("cpu", stats.cpu_percent), ("mem", stats.memory_percent)] {
                if let Some(percent) = percent {
                    row = row.right(format!("   {name} {percent:>2}%"), theme.dim());
                }
            }
            row = row.right(format!("   {}", words::minute(ctx.now, ctx.zone)), theme.text());
        }
        row.right(" ", theme.text()).draw(buffer, area, Style::new());
    }

    fn breadcrumb(&self) -> Vec<&str> {
        if let Some(run) = self.shown_run() {
            let path = &run.path;
            return vec![path.project.as_str(), path.repository.as_str(), path.task.as_str()];
        }
        let project = self.projects.place.selected().and_then(|id| self.model.project(*id));
        let repository =
            self.repositories.place.selected().and_then(|id| self.model.repository(*id));
        let names = [
            project.map(|project| project.slug.as_str()),
            repository.map(|repository| repository.path.repository.as_str()),
            self.selected_task().map(|task| task.path.task.as_str()),
        ];
        names.into_iter().flatten().collect()
    }

    /// What stands in every list while there is no picture yet.
    fn blank(&self) -> Option<Blank<'_>> {
        if self.model.is_filled() {
            return None;
        }
        if let Some(trouble) = &self.trouble {
            let again = format!("{} asks again", self.key_of(Action::Refresh));
            let remedy = match &trouble.hint {
                Some(hint) => format!("{hint}; {again}"),
                None => again,
            };
            return Some(Blank::Failed {
                what: trouble.what.as_str().into(),
                remedy: remedy.into(),
            });
        }
        match &self.link {
            Link::Lost { trouble, .. } => Some(Blank::Failed {
                what: trouble.what.as_str().into(),
                remedy: trouble.hint.as_deref().unwrap_or("it is tried again by itself").into(),
            }),
            Link::Connecting | Link::Up => Some(Blank::Loading),
        }
    }

    fn draw_pane(&self, buffer: &mut Buffer, pane: PaneArea, areas: &Areas, ctx: Ctx<'_>) {
        let is_focused = self.focus == pane.focus;
        let rule = Rule {
            title: pane.focus.title(),
            about: self.about(pane.focus, ctx),
            end: self.end(pane.focus, areas, ctx),
            is_focused,
        };
        rule.draw(buffer, pane.rule, ctx.theme);
        if let Some(blank) = self.blank() {
            // One telling is enough where all panes are seen at once.
            if areas.panes.len() == 1 || pane.focus == Focus::Run {
                blank.draw(buffer, pane.body, ctx);
            }
            return;
        }
        let model = &self.model;
        match self.lowest_without(areas, pane.focus) {
            Focus::Projects => self.projects.draw(buffer, pane.body, ctx, model, is_focused),
            Focus::Repositories => {
                let project = self.projects.place.selected().copied();
                self.repositories.draw(buffer, pane.body, ctx, model, project, is_focused);
            }
            Focus::Tasks => {
                let repository = self.repositories.place.selected().copied();
                let pending = &self.pending;
                self.tasks.draw(buffer, pane.body, ctx, model, repository, pending, is_focused);
            }
            Focus::Findings => self.findings.draw(buffer, pane.body, ctx, model, is_focused),
            Focus::Run => {
                let run = self.shown_run();
                let task = match run {
                    Some(run) => model.task(run.task),
                    None => self.selected_task(),
                };
                self.run.draw(buffer, pane.body, ctx, run, task);
            }
            #[cfg(test)]
            Focus::Probe => self.probe.draw(buffer, pane.body, ctx, is_focused),
        }
    }

    /// The pane that says what to do where this one has nothing to stand on: without projects
    /// there are no tasks. Side by side each says it for itself.
    fn lowest_without(&self, areas: &Areas, focus: Focus) -> Focus {
        if areas.panes.len() > 1 || !matches!(focus, Focus::Repositories | Focus::Tasks) {
            return focus;
        }
        if self.projects.place.selected().is_none() {
            return Focus::Projects;
        }
        if self.repositories.place.selected().is_none() {
            return Focus::Repositories;
        }
        focus
    }

    /// Whether there is something to open in the pane that takes the keys.
    fn has_selection(&self) -> bool {
        match self.focus {
            Focus::Projects => self.projects.place.selected().is_some(),
            Focus::Repositories => self.repositories.place.selected().is_some(),
            Focus::Tasks => self.tasks.place.selected().is_some(),
            Focus::Findings => self.findings.place.selected().is_some(),
            Focus::Run => false,
            #[cfg(test)]
            Focus::Probe => false,
        }
    }

    /// What the rule of a pane says after its name.
    fn about<'a>(&'a self, focus: Focus, ctx: Ctx<'_>) -> Row<'a> {
        let theme = ctx.theme;
        match focus {
            Focus::Run => self.shown_run().map_or_else(Row::new, |run| self.about_run(run, ctx)),
            Focus::Findings if !self.model.findings().is_empty() => {
                Row::new().left(self.model.findings().len().to_string(), theme.title())
            }
            Focus::Findings | Focus::Projects | Focus::Repositories | Focus::Tasks => Row::new(),
            #[cfg(test)]
            Focus::Probe => Row::new(),
        }
    }

    fn about_run<'a>(&self, run: &'a RunSummary, ctx: Ctx<'_>) -> Row<'a> {
        let theme = ctx.theme;
        let asked = self.pending.iter().find_map(|pending| match pending {
            Pending::Ask(id, request) if *id == run.id => Some(request.doing()),
            Pending::Ask(..) | Pending::Start(_) => None,
        });
        let status = Status::of(run);
        let style = status.kind.style(theme);
        let until =
            if matches!(run.state, RunState::Ended { .. }) { run.updated_at } else { ctx.now };
        let took = words::span(HumanDuration::between(run.created_at, until));
        let row = match asked {
            Some(doing) => Row::new().left(doing, theme.active()),
            // The word changes before the time does not matter: a run that waits tells no time,
            // for nothing would move it on.
            None if status.kind == StatusKind::Running || run.updated_at == until => {
                Row::new().left(status.label(), style).left(format!(" {took}"), theme.text())
            }
            None => Row::new().left(status.label(), style),
        };
        row.left(" ━ ", theme.rule())
            .left(run.path.task.as_str(), theme.title())
            .left(" ━ ", theme.rule())
            .left(run.id.short(), theme.dim())
            .left(" ━ ", theme.rule())
            .left(run.harness.name(), theme.dim())
    }

    /// What stands at the end of the rule of a pane.
    fn end(&self, focus: Focus, areas: &Areas, ctx: Ctx<'_>) -> Row<'static> {
        let theme = ctx.theme;
        let is_stale = matches!(self.link, Link::Lost { .. }) && self.model.is_filled();
        let mut row = Row::new();
        if is_stale {
            row = row.left("stale", theme.danger());
        }
        if areas.panes.len() > 1 || self.is_zoomed {
            return row;
        }
        // One pane at a time: where the others are.
        if is_stale {
            row = row.left(" ", theme.text());
        }
        for (at, other) in Focus::HOME.into_iter().enumerate() {
            if at > 0 && areas.header.width >= ROOM_FOR_GAPS {
                row = row.left(" ", theme.text());
            }
            let style = if other == focus { theme.focus() } else { theme.dim() };
            row = row.left(other.digit().to_string(), style);
        }
        row
    }

    fn draw_footer(&self, buffer: &mut Buffer, area: Rect, ctx: Ctx<'_>) {
        let theme = ctx.theme;
        let first = Rect { height: 1, ..area };
        if let Some(message) = &self.message {
            let row = Row::new()
                .left(" ✕ ", theme.danger())
                .left(message.what.as_str(), theme.text())
                .left(" ", theme.text());
            row.draw(buffer, first, Style::new());
            if let Some(hint) = &message.hint {
                let second = Rect { y: area.y + 1, ..first };
                let row = Row::new().left(" → ", theme.dim()).left(hint.as_str(), theme.text());
                row.draw(buffer, second, Style::new());
            }
            return;
        }
        let link = match &self.link {
            Link::Connecting => Row::new().right("connecting… ", theme.dim()),
            Link::Up => Row::new().right("daemon ✓ ", theme.dim()),
            Link::Lost { attempt, .. } => Row::new()
                .right(format!("✕ daemon lost, reconnecting ({attempt}) "), theme.danger()),
        };
        let mut room = usize::from(area.width).saturating_sub(link.right_width() + 1);
        let mut row = link.left(" ", theme.text());
        let mut hints = self.hints();
        // The way to all other keys is the last to go.
        let help = hints.pop();
        let spend = |action: Action| {
            let key = self.key_of(action);
            let columns = words::width(&key) + 1 + words::width(action.word()) + 2;
            (key, columns)
        };
        room = room.saturating_sub(1 + help.map_or(0, |action| spend(action).1));
        for action in hints {
            let (key, columns) = spend(action);
            if columns > room {
                break;
            }
            room -= columns;
            row = hint(row, key, action, ctx);
        }
        if let Some(action) = help {
            row = hint(row, self.key_of(action), action, ctx);
        }
        row.draw(buffer, first, Style::new());
    }

    /// The keys that matter here and now, the most telling first, help at the end.
    fn hints(&self) -> Vec<Action> {
        let mut hints = Vec::new();
        // A popup carries its own.
        if !self.popups.is_empty() {
            return hints;
        }
        let run = self.shown_run();
        let kind = run.map(|run| Status::of(run).kind);
        if kind == Some(StatusKind::NeedsYou) {
            hints.push(Action::Approve);
        }
        if self.has_selection() {
            hints.push(Action::Open);
        }
        if self.task_to_run().is_some() {
            hints.push(Action::RunTask);
        }
        match kind {
            Some(StatusKind::Running | StatusKind::Queued) => {
                hints.extend([Action::Stop, Action::Pause]);
            }
            Some(StatusKind::NeedsYou | StatusKind::Paused) => hints.push(Action::Stop),
            Some(StatusKind::Failed | StatusKind::Cancelled | StatusKind::Done) | None => {}
        }
        if kind == Some(StatusKind::Paused) {
            hints.push(Action::Pause);
        }
        if self.focus == Focus::Run && !self.run.is_following() {
            hints.push(Action::Follow);
        }
        if self.is_zoomed || self.focus == Focus::Run {
            hints.push(Action::Back);
        }
        hints.extend([Action::Zoom, Action::Quit, Action::Help]);
        hints
    }

    fn key_of(&self, action: Action) -> String {
        self.keymap.key(self.focus.contexts(), action).unwrap_or_default()
    }
}

fn hint<'a>(row: Row<'a>, key: String, action: Action, ctx: Ctx<'_>) -> Row<'a> {
    row.left(key, ctx.theme.active())
        .left(" ", ctx.theme.dim())
        .left(action.word(), ctx.theme.dim())
        .left("  ", ctx.theme.dim())
}

fn draw_divider(buffer: &mut Buffer, divider: Rect, areas: &Areas, ctx: Ctx<'_>) {
    let rules: Vec<u16> = areas.panes.iter().map(|pane| pane.rule.y).collect();
    let last = divider.bottom().saturating_sub(1);
    for line in divider.rows() {
        let sign = if line.y == divider.y {
            "┯"
        } else if line.y == last {
            "┷"
        } else if rules.contains(&line.y) {
            "┥"
        } else {
            "│"
        };
        rule::line(buffer, line, sign, ctx.theme.rule());
    }
}
