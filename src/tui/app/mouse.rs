//! The mouse: a click focuses and selects, the wheel scrolls what it is over.

use crossterm::event::{MouseButton, MouseEvent, MouseEventKind};
use ratatui::layout::Position;

use super::App;
use crate::tui::effect::Effect;
use crate::tui::panes::Focus;
use crate::tui::panes::findings::Findings;
use crate::tui::panes::projects::Projects;
use crate::tui::panes::repositories::Repositories;
use crate::tui::panes::tasks::Tasks;
use crate::tui::popups::Popup;
use crate::tui::widgets::list::Motion;

/// The lines of a log that one notch of the wheel moves.
const LOG_LINES: isize = 3;

impl App {
    pub(super) fn mouse(&mut self, mouse: MouseEvent) -> Vec<Effect> {
        let place = Position { x: mouse.column, y: mouse.row };
        match mouse.kind {
            MouseEventKind::Down(MouseButton::Left) => self.click(place),
            MouseEventKind::ScrollUp => self.wheel(place, -1),
            MouseEventKind::ScrollDown => self.wheel(place, 1),
            MouseEventKind::Down(_)
            | MouseEventKind::Up(_)
            | MouseEventKind::Drag(_)
            | MouseEventKind::Moved
            | MouseEventKind::ScrollLeft
            | MouseEventKind::ScrollRight => {}
        }
        Vec::new()
    }

    fn click(&mut self, place: Position) {
        if !self.popups.is_empty() {
            return;
        }
        let areas = self.areas();
        if areas.ticker.is_some_and(|ticker| ticker.contains(place)) {
            self.focus = Focus::Findings;
            self.is_dirty = true;
            return;
        }
        let Some(pane) = areas.pane_at(place) else { return };
        self.focus = pane.focus;
        self.is_dirty = true;
        if !pane.body.contains(place) {
            return;
        }
        let line = usize::from(place.y - pane.body.y);
        match pane.focus {
            Focus::Projects => {
                self.run.pinned = None;
                self.projects.place.select_at(&Projects::keys(&self.model), line);
            }
            Focus::Repositories => {
                self.run.pinned = None;
                let project = self.projects.place.selected().copied();
                let keys = Repositories::keys(&self.model, project);
                self.repositories.place.select_at(&keys, line);
            }
            Focus::Tasks => {
                self.run.pinned = None;
                let repository = self.repositories.place.selected().copied();
                self.tasks.place.select_at(&Tasks::keys(&self.model, repository), line);
            }
            Focus::Findings => {
                self.run.pinned = None;
                self.findings.place.select_at(&Findings::keys(&self.model), line);
            }
            Focus::Run => {}
            #[cfg(test)]
            Focus::Probe => self.probe.click(line),
        }
    }

    fn wheel(&mut self, place: Position, direction: isize) {
        if let Some(popup) = self.popups.last_mut() {
            match popup {
                Popup::Help(help) => help.go(direction, self.size, &self.keymap),
                Popup::Confirm(_) => {}
            }
            self.is_dirty = true;
            return;
        }
        let Some(pane) = self.areas().pane_at(place) else { return };
        let lines = if pane.focus == Focus::Run { LOG_LINES } else { 1 };
        self.go_in(pane.focus, Motion::By(direction * lines));
        self.is_dirty = true;
    }
}
