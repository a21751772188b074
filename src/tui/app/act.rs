//! What keys do.

use crossterm::event::{KeyEvent, KeyEventKind};

use super::{App, Pending};
use crate::api::view::RunSummary;
use crate::domain::id::RunId;
use crate::domain::run::{RunState, WaitReason};
use crate::domain::slug::TaskPath;
use crate::tui::action::Action;
use crate::tui::effect::{Effect, Request};
use crate::tui::keymap::Chord;
use crate::tui::panes::Focus;
use crate::tui::panes::findings::Findings;
use crate::tui::panes::projects::Projects;
use crate::tui::panes::repositories::Repositories;
use crate::tui::panes::tasks::Tasks;
use crate::tui::popups::Popup;
use crate::tui::popups::confirm::{Confirm, Doubt};
use crate::tui::popups::help::Help;
use crate::tui::widgets::list::Motion;

impl App {
    pub(super) fn key(&mut self, key: KeyEvent) -> Vec<Effect> {
        if key.kind == KeyEventKind::Release {
            return Vec::new();
        }
        // A message stands until the next key, whatever the key means.
        self.is_dirty |= self.message.take().is_some();
        let Some(action) = self.keymap.action(self.contexts(), Chord::from(key)) else {
            return Vec::new();
        };
        self.is_dirty = true;
        match action {
            Action::Quit => vec![Effect::Quit],
            Action::Suspend => vec![Effect::Suspend],
            Action::Redraw => vec![Effect::Redraw],
            Action::Up => self.go(Motion::By(-1)),
            Action::Down => self.go(Motion::By(1)),
            Action::First => self.go(Motion::First),
            Action::Last => self.go(Motion::Last),
            Action::HalfUp => self.go(Motion::Half(-1)),
            Action::HalfDown => self.go(Motion::Half(1)),
            Action::Focus(focus) => self.focus_on(focus),
            Action::NextPane => self.focus_on(self.neighbour(1)),
            Action::PreviousPane => self.focus_on(self.neighbour(Focus::HOME.len() - 1)),
            Action::In | Action::Open => self.step_in(),
            Action::Out => self.step_out(),
            Action::Back => self.step_back(),
            Action::Zoom => {
                self.is_zoomed = !self.is_zoomed;
                Vec::new()
            }
            Action::RunTask => self.run_task(),
            Action::RunAgain => self.run_again(),
            Action::Stop => self.ask_to_stop(),
            Action::Pause => self.pause(),
            Action::Approve => self.approve(),
            Action::Follow => self.follow(),
            Action::Refresh => self.refresh(),
            Action::Help => {
                self.popups.push(Popup::Help(Help::of(self.focus.contexts())));
                Vec::new()
            }
            Action::Accept => self.accept(),
            Action::Close => {
                self.popups.pop();
                Vec::new()
            }
        }
    }

    fn go(&mut self, motion: Motion) -> Vec<Effect> {
        if let Some(Popup::Help(help)) = self.popups.last_mut() {
            let half = isize::try_from(self.size.height / 2).unwrap_or(1);
            let lines = match motion {
                Motion::By(lines) => lines,
                Motion::Half(times) => times * half,
                Motion::First => isize::MIN,
                Motion::Last => isize::MAX,
            };
            help.go(lines, self.size, &self.keymap);
            return Vec::new();
        }
        self.go_in(self.focus, motion);
        Vec::new()
    }

    /// Moves in a pane, whether or not it takes the keys.
    pub(super) fn go_in(&mut self, focus: Focus, motion: Motion) {
        let areas = self.areas();
        let height = areas.height(focus);
        match focus {
            Focus::Projects => {
                self.run.pinned = None;
                self.projects.place.go(&Projects::keys(&self.model), motion, height);
            }
            Focus::Repositories => {
                self.run.pinned = None;
                let project = self.projects.place.selected().copied();
                let keys = Repositories::keys(&self.model, project);
                self.repositories.place.go(&keys, motion, height);
            }
            Focus::Tasks => {
                self.run.pinned = None;
                let repository = self.repositories.place.selected().copied();
                self.tasks.place.go(&Tasks::keys(&self.model, repository), motion, height);
            }
            Focus::Findings => {
                self.run.pinned = None;
                self.findings.place.go(&Findings::keys(&self.model), motion, height);
            }
            Focus::Run => {
                let Some(pane) = areas.pane(Focus::Run) else { return };
                let run = self.run.shown().and_then(|id| self.model.run(id));
                self.run.go(motion, pane.body, run);
            }
            #[cfg(test)]
            Focus::Probe => self.probe.go(motion, height),
        }
    }

    pub(super) fn focus_on(&mut self, focus: Focus) -> Vec<Effect> {
        self.focus = focus;
        self.is_dirty = true;
        Vec::new()
    }

    fn neighbour(&self, steps: usize) -> Focus {
        let at = Focus::HOME.iter().position(|focus| *focus == self.focus).unwrap_or(0);
        Focus::HOME[(at + steps) % Focus::HOME.len()]
    }

    fn step_in(&mut self) -> Vec<Effect> {
        let next = match self.focus {
            Focus::Projects => Focus::Repositories,
            Focus::Repositories => Focus::Tasks,
            Focus::Tasks => Focus::Run,
            Focus::Findings => return self.open_finding(),
            Focus::Run => Focus::Run,
            #[cfg(test)]
            Focus::Probe => Focus::Probe,
        };
        self.focus_on(next)
    }

    fn open_finding(&mut self) -> Vec<Effect> {
        let selected = self.findings.place.selected().and_then(|id| self.model.finding(*id));
        let Some(finding) = selected else { return Vec::new() };
        let Some(run) = finding.run else {
            let hint = finding.suggestion.clone();
            self.say("this finding has no run to open", Some(&hint));
            return Vec::new();
        };
        self.run.pinned = Some(run);
        self.focus_on(Focus::Run)
    }

    fn step_out(&mut self) -> Vec<Effect> {
        let to = match self.focus {
            Focus::Projects | Focus::Repositories => Focus::Projects,
            Focus::Tasks => Focus::Repositories,
            Focus::Findings => Focus::Tasks,
            Focus::Run if self.run.pinned.take().is_some() => Focus::Findings,
            Focus::Run => Focus::Tasks,
            #[cfg(test)]
            Focus::Probe => Focus::Tasks,
        };
        self.focus_on(to)
    }

    fn step_back(&mut self) -> Vec<Effect> {
        if self.is_zoomed {
            self.is_zoomed = false;
            return Vec::new();
        }
        self.step_out()
    }

    fn run_task(&mut self) -> Vec<Effect> {
        if let Some(task) = self.task_to_run() {
            let task = task.clone();
            return self.start_run(task);
        }
        self.say("there is no task to run", Some("make one: orch task create PATH --prompt TEXT"));
        Vec::new()
    }

    fn run_again(&mut self) -> Vec<Effect> {
        if let Some(run) = self.shown_run() {
            return self.start_run(run.path.clone());
        }
        self.say("there is no run to repeat", None);
        Vec::new()
    }

    fn start_run(&mut self, task: TaskPath) -> Vec<Effect> {
        let pending = Pending::Start(task.clone());
        if self.pending.contains(&pending) {
            self.say(format!("{task} is being started already"), None);
            return Vec::new();
        }
        self.pending.push(pending);
        vec![Effect::StartRun { task }]
    }

    fn ask_to_stop(&mut self) -> Vec<Effect> {
        let Some(run) = self.shown_run() else {
            self.say("there is no run to stop", None);
            return Vec::new();
        };
        if matches!(run.state, RunState::Ending { .. } | RunState::Ended { .. }) {
            let what = format!("run {} is over already", run.id.short());
            self.say(what, None);
            return Vec::new();
        }
        let confirm = Confirm {
            title: format!("STOP RUN {}?", run.id.short()),
            loss: loss(run),
            what: Doubt::Stop(run.id),
        };
        self.popups.push(Popup::Confirm(confirm));
        Vec::new()
    }

    fn accept(&mut self) -> Vec<Effect> {
        match self.popups.pop() {
            Some(Popup::Confirm(confirm)) => match confirm.what {
                Doubt::Stop(run) => self.ask(run, Request::Cancel),
            },
            Some(Popup::Help(_)) | None => Vec::new(),
        }
    }

    fn pause(&mut self) -> Vec<Effect> {
        let Some(run) = self.shown_run() else {
            self.say("there is no run to pause", None);
            return Vec::new();
        };
        let is_paused = match &run.state {
            RunState::Waiting { reason: WaitReason::Paused { .. }, .. } => true,
            RunState::Active(_) => run.pause_requested,
            RunState::Queued { .. }
            | RunState::Waiting { .. }
            | RunState::Ending { .. }
            | RunState::Ended { .. } => false,
        };
        let request = if is_paused { Request::Resume } else { Request::Pause };
        self.ask(run.id, request)
    }

    fn approve(&mut self) -> Vec<Effect> {
        let Some(run) = self.shown_run() else {
            self.say("there is no run to approve", None);
            return Vec::new();
        };
        let waits = matches!(
            &run.state,
            RunState::Waiting { reason: WaitReason::Approval { .. } | WaitReason::Review, .. }
        );
        if waits {
            return self.ask(run.id, Request::Approve);
        }
        let what = format!("run {} does not wait for you", run.id.short());
        self.say(what, None);
        Vec::new()
    }

    fn ask(&mut self, run: RunId, request: Request) -> Vec<Effect> {
        let pending = Pending::Ask(run, request);
        if self.pending.contains(&pending) {
            return Vec::new();
        }
        self.pending.push(pending);
        vec![Effect::Ask { run, request }]
    }

    fn follow(&mut self) -> Vec<Effect> {
        let areas = self.areas();
        if let Some(pane) = areas.pane(Focus::Run) {
            let run = self.run.shown().and_then(|id| self.model.run(id));
            self.run.toggle_following(pane.body, run);
            return Vec::new();
        }
        // The log is not in sight: to follow it is to go there.
        self.focus_on(Focus::Run)
    }

    fn refresh(&mut self) -> Vec<Effect> {
        self.trouble = None;
        let mut effects = vec![self.fetch()];
        if let Some(run) = self.run.shown() {
            self.run.show(Some(run));
            effects.push(Effect::LoadLogTail { run, generation: self.run.generation });
            if self.model.run(run).is_none() {
                effects.push(Effect::FetchRun { run });
            }
        }
        effects
    }
}

/// What is lost when a run is stopped.
fn loss(run: &RunSummary) -> String {
    let task = &run.path;
    let lost = match &run.state {
        RunState::Active(active) => {
            let stage = active.stage;
            format!(
                "{stage} is executing. What it has not finished is lost; the log and the stages \
                 before it stay."
            )
        }
        RunState::Queued { next, .. } => {
            format!("It waits for a slot to {next}. It loses its place, and nothing else.")
        }
        RunState::Waiting { .. } => {
            "It waits. What it has done stays to be read, and is not published.".to_owned()
        }
        RunState::Ending { .. } | RunState::Ended { .. } => {
            "It is over; nothing is lost.".to_owned()
        }
    };
    let mut done: Vec<&str> = Vec::new();
    for record in &run.stages {
        if record.passed == Some(true) && !done.contains(&record.stage.name()) {
            done.push(record.stage.name());
        }
    }
    let done = if done.is_empty() { "nothing".to_owned() } else { done.join(", ") };
    format!("{task}\ndone so far: {done}\n{lost}\nIt cannot be resumed, only run again.")
}
