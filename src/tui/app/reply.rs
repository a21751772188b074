//! What the daemon's answers and news do. Answers to questions that nobody asks any more are
//! dropped by their generation.

use std::time::Duration;

use super::{App, FIRST_WAIT, LAST_WAIT, Link, Pending};
use crate::api::notice::Notice;
use crate::api::view::{LogPage, RunSummary};
use crate::domain::event::RunEvent;
use crate::domain::id::RunId;
use crate::domain::run::RunState;
use crate::domain::slug::TaskPath;
use crate::tui::effect::{Effect, Request};
use crate::tui::event::{Reply, Trouble};
use crate::tui::model::Snapshot;

/// News that are kept while everything is being asked for; more of them, and it is asked again.
const MAX_SINCE_FETCH: usize = 4_096;

impl App {
    pub(super) fn reply(&mut self, reply: Reply) -> Vec<Effect> {
        match reply {
            Reply::Connected { generation }
            | Reply::Disconnected { generation, .. }
            | Reply::Everything { generation, .. }
            | Reply::Notice { generation, .. }
                if generation != self.generation =>
            {
                Vec::new()
            }
            Reply::LogTail { generation, .. }
            | Reply::RunEvent { generation, .. }
            | Reply::FollowEnded { generation, .. }
                if generation != self.run.generation =>
            {
                Vec::new()
            }
            Reply::Connected { .. } => self.connected(),
            Reply::Disconnected { trouble, .. } => self.disconnected(trouble),
            Reply::Everything { result, .. } => self.everything(result),
            Reply::Notice { notice, .. } => self.notice(notice),
            Reply::Stats(stats) => {
                self.is_dirty |= self.model.put_stats(stats);
                Vec::new()
            }
            Reply::Run { run, result } => self.run_told(run, result),
            Reply::LogTail { result, .. } => self.log_tail(result),
            Reply::RunEvent { event, .. } => self.run_event(*event),
            Reply::FollowEnded { trouble, .. } => self.follow_ended(trouble.as_ref()),
            Reply::Started { task, result } => self.started(&task, result),
            Reply::Asked { run, request, result } => self.asked(run, request, result),
        }
    }

    fn connected(&mut self) -> Vec<Effect> {
        self.link = Link::Up;
        self.is_dirty = true;
        let mut effects = vec![self.fetch()];
        // What was followed goes on after the last event that is known.
        if let Some(log) = &self.run.log
            && self.model.is_filled()
        {
            let (run, generation) = (log.run(), self.run.generation);
            effects.push(if log.is_loaded() {
                Effect::FollowRun { run, seq: log.seq(), generation, after: Duration::ZERO }
            } else {
                Effect::LoadLogTail { run, generation }
            });
            self.run.trouble = None;
        }
        effects
    }

    fn disconnected(&mut self, trouble: Trouble) -> Vec<Effect> {
        let attempt = match &self.link {
            Link::Connecting | Link::Up => 1,
            Link::Lost { attempt, .. } => attempt + 1,
        };
        self.link = Link::Lost { attempt, trouble };
        self.since_fetch = None;
        self.is_dirty = true;
        let doubled = FIRST_WAIT.saturating_mul(1 << (attempt - 1).min(16));
        vec![self.connect(doubled.min(LAST_WAIT))]
    }

    fn everything(&mut self, result: Result<Box<Snapshot>, Trouble>) -> Vec<Effect> {
        let news = self.since_fetch.take().unwrap_or_default();
        self.is_dirty = true;
        match result {
            Ok(snapshot) => {
                self.trouble = None;
                self.model.fill(*snapshot);
                for notice in news {
                    self.model.take(notice);
                }
            }
            // The stream breaks as well and tells of it.
            Err(trouble) if trouble.is_away => {}
            Err(trouble) if self.model.is_filled() => self.refused("cannot refresh", &trouble),
            Err(trouble) => self.trouble = Some(trouble),
        }
        Vec::new()
    }

    fn notice(&mut self, notice: Notice) -> Vec<Effect> {
        if notice == Notice::Reset {
            return vec![self.fetch()];
        }
        if matches!(notice, Notice::Log { .. }) {
            return Vec::new();
        }
        if let Some(kept) = &mut self.since_fetch {
            if kept.len() == MAX_SINCE_FETCH {
                return vec![self.fetch()];
            }
            kept.push(notice.clone());
        }
        self.is_dirty |= self.model.take(notice);
        Vec::new()
    }

    fn run_told(&mut self, run: RunId, result: Result<Box<RunSummary>, Trouble>) -> Vec<Effect> {
        match result {
            Ok(told) => self.is_dirty |= self.model.put_run(*told),
            Err(trouble) if self.run.shown() == Some(run) && !trouble.is_away => {
                self.run.trouble = Some(trouble);
                self.is_dirty = true;
            }
            Err(_) => {}
        }
        Vec::new()
    }

    fn log_tail(&mut self, result: Result<LogPage, Trouble>) -> Vec<Effect> {
        self.is_dirty = true;
        let page = match result {
            Ok(page) => page,
            Err(trouble) => {
                self.run.trouble = Some(trouble);
                return Vec::new();
            }
        };
        let Some(log) = &mut self.run.log else { return Vec::new() };
        log.fill(page);
        self.run.trouble = None;
        let (run, seq, generation) = (log.run(), log.seq(), self.run.generation);
        let is_over = |run: &RunSummary| matches!(run.state, RunState::Ended { .. });
        if self.model.run(run).is_some_and(is_over) {
            return Vec::new();
        }
        vec![Effect::FollowRun { run, seq, generation, after: Duration::ZERO }]
    }

    fn run_event(&mut self, event: RunEvent) -> Vec<Effect> {
        if let Some(log) = &mut self.run.log {
            self.is_dirty |= log.take(event);
        }
        Vec::new()
    }

    fn follow_ended(&mut self, trouble: Option<&Trouble>) -> Vec<Effect> {
        // Where the daemon is gone, following goes on when it is back.
        if trouble.is_none() || self.link != Link::Up {
            return Vec::new();
        }
        let Some(log) = &self.run.log else { return Vec::new() };
        let (run, seq, generation) = (log.run(), log.seq(), self.run.generation);
        vec![Effect::FollowRun { run, seq, generation, after: Duration::from_secs(1) }]
    }

    fn started(
        &mut self,
        task: &TaskPath,
        result: Result<Box<RunSummary>, Trouble>,
    ) -> Vec<Effect> {
        self.pending.retain(|pending| *pending != Pending::Start(task.clone()));
        self.is_dirty = true;
        match result {
            Ok(run) => {
                let id = run.id;
                self.model.put_run(*run);
                // A run that was opened stays until its own task is run again.
                let is_of_shown = self.shown_run().is_some_and(|shown| shown.path == *task);
                if self.run.pinned.is_some() && is_of_shown {
                    self.run.pinned = Some(id);
                }
            }
            Err(trouble) => self.refused(&format!("cannot run {task}"), &trouble),
        }
        Vec::new()
    }

    fn asked(
        &mut self,
        run: RunId,
        request: Request,
        result: Result<Box<RunSummary>, Trouble>,
    ) -> Vec<Effect> {
        self.pending.retain(|pending| *pending != Pending::Ask(run, request));
        self.is_dirty = true;
        match result {
            Ok(told) => {
                self.model.put_run(*told);
            }
            Err(trouble) => {
                self.refused(&format!("cannot {} run {}", request.verb(), run.short()), &trouble);
            }
        }
        Vec::new()
    }

    fn refused(&mut self, what: &str, trouble: &Trouble) {
        self.say(format!("{what}: {}", trouble.what), trouble.hint.as_deref());
    }
}
