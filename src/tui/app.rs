//! The application: all state of the interface, and [`App::update`], the only code that changes
//! it. Nothing here waits, reads or writes; what has to be done comes out as [`Effect`]s.

use std::time::Duration;

use ratatui::layout::Size;

use super::effect::{Effect, Request};
use super::event::{Event, Trouble};
use super::keymap::{Context, Keymap};
use super::layout::{Areas, Shape, layout};
use super::model::{Model, Scope};
use super::panes::Focus;
use super::panes::findings::Findings;
#[cfg(test)]
use super::panes::probe::Probe;
use super::panes::projects::Projects;
use super::panes::repositories::Repositories;
use super::panes::run::RunPane;
use super::panes::tasks::Tasks;
use super::popups::Popup;
use super::widgets::words;
use crate::api::notice::Notice;
use crate::api::view::RunSummary;
use crate::domain::id::RunId;
use crate::domain::slug::TaskPath;
use crate::domain::task::Task;

mod act;
mod draw;
mod mouse;
mod reply;

/// The first wait before the daemon is tried again; it doubles from there.
const FIRST_WAIT: Duration = Duration::from_millis(250);
/// The longest wait.
const LAST_WAIT: Duration = Duration::from_secs(15);
/// While something runs, the host is asked how it is after so many seconds.
const STATS_EVERY: u64 = 5;

/// How the daemon is.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Link {
    /// It was not heard yet.
    Connecting,
    /// Its news come.
    Up,
    /// It is gone and tried again.
    Lost {
        /// How often it was tried.
        attempt: u32,
        /// Why it is gone.
        trouble: Trouble,
    },
}

/// Something that was asked of the daemon and is not answered yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pending {
    /// A run of a task.
    Start(TaskPath),
    /// Something of a run.
    Ask(RunId, Request),
}

/// A line to the person, until the next key.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Message {
    what: String,
    hint: Option<String>,
}

/// The interface.
#[derive(Debug)]
pub struct App {
    size: Size,
    keymap: Keymap,
    model: Model,
    link: Link,
    /// Why the picture could not be had, where the daemon is there and refuses.
    trouble: Option<Trouble>,
    generation: u64,
    /// News that came while everything was being asked for: the answer may be older than they.
    since_fetch: Option<Vec<Notice>>,
    focus: Focus,
    is_zoomed: bool,
    popups: Vec<Popup>,
    projects: Projects,
    repositories: Repositories,
    tasks: Tasks,
    findings: Findings,
    run: RunPane,
    #[cfg(test)]
    pub(super) probe: Probe,
    pending: Vec<Pending>,
    message: Option<Message>,
    seconds: u64,
    is_dirty: bool,
}

impl App {
    /// The interface on a screen of this size, before anything is known.
    pub fn new(size: Size, keymap: Keymap) -> Self {
        Self {
            size,
            keymap,
            model: Model::default(),
            link: Link::Connecting,
            trouble: None,
            generation: 0,
            since_fetch: None,
            focus: Focus::Tasks,
            is_zoomed: false,
            popups: Vec::new(),
            projects: Projects::default(),
            repositories: Repositories::default(),
            tasks: Tasks::default(),
            findings: Findings::default(),
            run: RunPane::default(),
            #[cfg(test)]
            probe: Probe::default(),
            pending: Vec::new(),
            message: None,
            seconds: 0,
            is_dirty: true,
        }
    }

    /// What has to be done first.
    pub fn start(&mut self) -> Vec<Effect> {
        vec![self.connect(Duration::ZERO)]
    }

    /// Takes one event; returns what has to be done because of it.
    pub fn update(&mut self, event: Event) -> Vec<Effect> {
        let mut effects = match event {
            Event::Key(key) => self.key(key),
            Event::Mouse(mouse) => self.mouse(mouse),
            Event::Resize(size) => {
                self.size = size;
                self.is_dirty = true;
                Vec::new()
            }
            Event::Resumed => {
                self.is_dirty = true;
                vec![Effect::Redraw]
            }
            Event::Second => self.second(),
            Event::Reply(reply) => self.reply(reply),
        };
        effects.extend(self.settle());
        effects
    }

    /// Whether the screen does not show the state any more. Asking takes the answer back.
    pub fn take_dirty(&mut self) -> bool {
        std::mem::take(&mut self.is_dirty)
    }

    /// Whether times pass on the screen, so that it wants [`Event::Second`].
    pub fn wants_seconds(&self) -> bool {
        self.model.is_busy() && self.link == Link::Up
    }

    /// Where everything is right now.
    fn areas(&self) -> Areas {
        let footer = if self.message.as_ref().is_some_and(|m| m.hint.is_some()) { 2 } else { 1 };
        let shape = Shape { focus: self.focus, is_zoomed: self.is_zoomed, footer };
        layout(self.size, shape)
    }

    /// Where keys are looked up right now.
    fn contexts(&self) -> &'static [Context] {
        self.popups.last().map_or(self.focus.contexts(), Popup::contexts)
    }

    fn second(&mut self) -> Vec<Effect> {
        self.is_dirty = true;
        self.seconds += 1;
        if self.seconds.is_multiple_of(STATS_EVERY) {
            return vec![Effect::FetchStats];
        }
        Vec::new()
    }

    fn connect(&mut self, after: Duration) -> Effect {
        self.generation += 1;
        Effect::Connect { generation: self.generation, after }
    }

    fn fetch(&mut self) -> Effect {
        self.since_fetch = Some(Vec::new());
        Effect::FetchAll { generation: self.generation }
    }

    /// Fits every place to what is there now, and shows the run that belongs to it.
    fn settle(&mut self) -> Vec<Effect> {
        let areas = self.areas();
        let keys = Projects::keys(&self.model);
        self.projects.place.settle(&keys, areas.height(Focus::Projects));
        let project = self.projects.place.selected().copied();
        let keys = Repositories::keys(&self.model, project);
        self.repositories.place.settle(&keys, areas.height(Focus::Repositories));
        let repository = self.repositories.place.selected().copied();
        let keys = Tasks::keys(&self.model, repository);
        self.tasks.place.settle(&keys, areas.height(Focus::Tasks));
        let keys = Findings::keys(&self.model);
        self.findings.place.settle(&keys, areas.height(Focus::Findings));
        #[cfg(test)]
        self.probe.place.settle(&[0, 1, 2], areas.height(Focus::Probe));

        let wanted = self.wanted_run();
        if wanted == self.run.shown() {
            return Vec::new();
        }
        self.run.show(wanted);
        self.is_dirty = true;
        let Some(run) = wanted else { return Vec::new() };
        let generation = self.run.generation;
        let mut effects = vec![Effect::LoadLogTail { run, generation }];
        if self.model.run(run).is_none() {
            effects.push(Effect::FetchRun { run });
        }
        effects
    }

    /// The run that the right side shows: the one that was opened, else that of the selected
    /// finding while one is among the findings, else the newest of what is selected.
    fn wanted_run(&self) -> Option<RunId> {
        if self.run.pinned.is_some() {
            return self.run.pinned;
        }
        if self.focus == Focus::Findings
            && let Some(id) = self.findings.place.selected()
            && let Some(run) = self.model.finding(*id).and_then(|finding| finding.run)
        {
            return Some(run);
        }
        let scope = if let Some(task) = self.tasks.place.selected() {
            Scope::Task(*task)
        } else if let Some(repository) = self.repositories.place.selected() {
            Scope::Repository(*repository)
        } else if let Some(project) = self.projects.place.selected() {
            Scope::Project(*project)
        } else if let Some(running) = self.model.newest_running() {
            return Some(running.id);
        } else {
            Scope::All
        };
        self.model.newest(scope).map(|run| run.id)
    }

    /// The run that the right side shows, as far as it is known.
    fn shown_run(&self) -> Option<&RunSummary> {
        self.run.shown().and_then(|id| self.model.run(id))
    }

    fn selected_task(&self) -> Option<&Task> {
        self.tasks.place.selected().and_then(|id| self.model.task(*id))
    }

    /// The task that would be run: that of the shown run where one looks at a run or a finding,
    /// else the one that is selected.
    fn task_to_run(&self) -> Option<&TaskPath> {
        let of_run = self.shown_run().map(|run| &run.path);
        let selected = self.selected_task().map(|task| &task.path);
        match self.focus {
            Focus::Run | Focus::Findings => of_run.or(selected),
            Focus::Projects | Focus::Repositories | Focus::Tasks => selected,
            #[cfg(test)]
            Focus::Probe => selected,
        }
    }

    fn say(&mut self, what: impl Into<String>, hint: Option<&str>) {
        let what = words::shown(&what.into()).into_owned();
        let hint = hint.map(|hint| words::shown(hint).into_owned());
        self.message = Some(Message { what, hint });
        self.is_dirty = true;
    }
}
