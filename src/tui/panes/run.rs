//! One run: its timeline, what there is to say about its state, and the end of its log.

use jiff::tz::TimeZone;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::{Blank, Ctx};
use crate::api::view::RunSummary;
use crate::domain::event::LogSource;
use crate::domain::id::RunId;
use crate::domain::run::{RunState, WaitReason};
use crate::domain::task::Task;
use crate::tui::event::Trouble;
use crate::tui::model::log::{RunLog, Voice};
use crate::tui::status::StatusKind;
use crate::tui::widgets::list::Motion;
use crate::tui::widgets::row::Row;
use crate::tui::widgets::{rule, words};

mod timeline;

/// A pane narrower than this shows the log without the names of the stages.
const ROOM_FOR_STAGES: u16 = 60;

/// The pane of the run.
#[derive(Debug, Clone)]
pub struct RunPane {
    /// The run that was opened, for as long as nothing else is selected.
    pub pinned: Option<RunId>,
    /// The window on its log.
    pub log: Option<RunLog>,
    /// Why the log could not be read.
    pub trouble: Option<Trouble>,
    /// Which view of a log this is; answers for others are stale.
    pub generation: u64,
    is_following: bool,
    top: usize,
}

impl Default for RunPane {
    fn default() -> Self {
        Self { pinned: None, log: None, trouble: None, generation: 0, is_following: true, top: 0 }
    }
}

/// How the pane is divided.
#[derive(Debug, Clone, Copy)]
struct Parts {
    timeline: Rect,
    facts: Rect,
    rule: Rect,
    log: Rect,
    foot: Rect,
}

fn parts(body: Rect, facts: usize) -> Parts {
    let facts = u16::try_from(facts).unwrap_or(u16::MAX).min(body.height / 3);
    let has_rule = u16::from(body.height >= 8);
    let has_foot = u16::from(body.height >= 5);
    let timeline = Rect { height: 1.min(body.height), ..body };
    let facts = Rect { y: timeline.bottom(), height: facts, ..body };
    let rule = Rect { y: facts.bottom(), height: has_rule, ..body };
    let bottom = body.bottom().saturating_sub(has_foot);
    let log = Rect { y: rule.bottom(), height: bottom.saturating_sub(rule.bottom()), ..body };
    Parts { timeline, facts, rule, log, foot: Rect { y: bottom, height: has_foot, ..body } }
}

impl RunPane {
    /// Shows another run, or none; what was known of the one before is forgotten.
    pub fn show(&mut self, run: Option<RunId>) {
        *self = Self {
            pinned: self.pinned,
            log: run.map(RunLog::of),
            generation: self.generation + 1,
            ..Self::default()
        };
    }

    /// The run that is shown.
    pub fn shown(&self) -> Option<RunId> {
        self.log.as_ref().map(RunLog::run)
    }

    /// Whether the end of the log is kept in sight.
    pub fn is_following(&self) -> bool {
        self.is_following
    }

    /// Keeps the end of the log in sight, or lets go of it.
    pub fn toggle_following(&mut self, body: Rect, run: Option<&RunSummary>) {
        self.top = self.first_line(body, run);
        self.is_following = !self.is_following;
    }

    /// Moves through the log. To arrive at its end is to follow it.
    pub fn go(&mut self, motion: Motion, body: Rect, run: Option<&RunSummary>) {
        let Some(log) = &self.log else { return };
        let height = usize::from(log_height(body, run));
        let last_top = log.end().saturating_sub(height).max(log.start());
        let top = self.first_line(body, run);
        let half = isize::try_from(height / 2).unwrap_or(1).max(1);
        let to = match motion {
            Motion::By(lines) => top.saturating_add_signed(lines),
            Motion::Half(times) => top.saturating_add_signed(times.saturating_mul(half)),
            Motion::First => log.start(),
            Motion::Last => last_top,
        };
        self.top = to.clamp(log.start(), last_top);
        self.is_following = self.top == last_top;
    }

    /// The index of the first line that can be seen.
    fn first_line(&self, body: Rect, run: Option<&RunSummary>) -> usize {
        let Some(log) = &self.log else { return 0 };
        let height = usize::from(log_height(body, run));
        let last_top = log.end().saturating_sub(height).max(log.start());
        if self.is_following { last_top } else { self.top.clamp(log.start(), last_top) }
    }

    /// Draws it below its rule.
    pub fn draw(
        &self,
        buffer: &mut Buffer,
        body: Rect,
        ctx: Ctx<'_>,
        run: Option<&RunSummary>,
        task: Option<&Task>,
    ) {
        let Some(run) = run else {
            let blank = match (self.shown(), &self.trouble) {
                (None, _) => Blank::Empty {
                    what: "no run yet".into(),
                    remedy: task.map_or("", |_| "r runs the selected task").into(),
                },
                (Some(_), None) => Blank::Loading,
                (Some(_), Some(trouble)) => Blank::Failed {
                    what: trouble.what.as_str().into(),
                    remedy: trouble.hint.as_deref().unwrap_or("ctrl-r asks again").into(),
                },
            };
            return blank.draw(buffer, body, ctx);
        };
        let facts = facts(run, body.width, ctx.zone);
        let parts = parts(body, facts.len());
        timeline::draw(buffer, parts.timeline, ctx, run, task);
        for ((kind, text), line) in facts.iter().zip(parts.facts.rows()) {
            let style = kind.style(ctx.theme);
            Row::new().left(text.as_str(), style).draw(buffer, line, Style::new());
        }
        if parts.rule.height > 0 {
            rule::line(buffer, parts.rule, "─", ctx.theme.rule());
        }
        self.draw_log(buffer, parts, ctx, run, body);
    }

    fn draw_log(
        &self,
        buffer: &mut Buffer,
        parts: Parts,
        ctx: Ctx<'_>,
        run: &RunSummary,
        body: Rect,
    ) {
        let Some(log) = &self.log else { return };
        if let Some(trouble) = &self.trouble {
            let what = trouble.what.as_str().into();
            let remedy = trouble.hint.as_deref().unwrap_or("ctrl-r asks again").into();
            return Blank::Failed { what, remedy }.draw(buffer, parts.log, ctx);
        }
        if !log.is_loaded() {
            return Blank::Loading.draw(buffer, parts.log, ctx);
        }
        if log.start() == log.end() {
            let is_over = matches!(run.state, RunState::Ended { .. });
            let what = if is_over { " it printed nothing" } else { " no output yet" };
            return Row::new().left(what, ctx.theme.dim()).draw(buffer, parts.log, Style::new());
        }
        let first = self.first_line(body, Some(run));
        let mut speaker = "";
        for (row, index) in parts.log.rows().zip(first..) {
            let Some(line) = log.line(index) else { break };
            let (stage, stream) = match line.voice {
                Voice::Stage(stage, LogSource::Stdout) => (stage.name(), " "),
                Voice::Stage(stage, LogSource::Stderr) => (stage.name(), "e"),
                Voice::Orch => ("orch", "━"),
            };
            let name = if speaker == stage { "" } else { stage };
            speaker = stage;
            let mut drawn =
                Row::new().left(format!(" {} ", words::second(line.at, ctx.zone)), ctx.theme.dim());
            if body.width >= ROOM_FOR_STAGES {
                drawn = drawn.column(name, 10, ctx.theme.dim());
            }
            drawn
                .left(format!("{stream} "), ctx.theme.dim())
                .left(line.text.as_str(), ctx.theme.text())
                .draw(buffer, row, Style::new());
        }
        let height = usize::from(parts.log.height);
        self.foot(log, first, height, run).draw_right(buffer, parts.foot, ctx);
    }

    fn foot(&self, log: &RunLog, first: usize, height: usize, run: &RunSummary) -> Foot {
        let total = words::number(log.total());
        let is_over = matches!(run.state, RunState::Ended { .. });
        let text = if first == log.start() && log.before() > 0 && !self.is_following {
            let before = words::number(log.before());
            format!("{before} lines before these: orch logs {}", run.id.short())
        } else if self.is_following && is_over {
            format!("end ▼  {total} lines")
        } else if self.is_following {
            format!("following ▼  {total} lines")
        } else {
            let below = log.end().saturating_sub(first + height) as u64;
            format!("{} lines below, f follows  {total} lines", words::number(below))
        };
        Foot(text)
    }
}

struct Foot(String);

impl Foot {
    fn draw_right(&self, buffer: &mut Buffer, area: Rect, ctx: Ctx<'_>) {
        let row = Row::new().right(self.0.as_str(), ctx.theme.dim()).right(" ", ctx.theme.dim());
        row.draw(buffer, area, Style::new());
    }
}

fn log_height(body: Rect, run: Option<&RunSummary>) -> u16 {
    // A time of day takes five columns in every zone, so that any zone gives the right number.
    let facts = run.map_or(0, |run| facts(run, body.width, &TimeZone::UTC).len());
    parts(body, facts).log.height
}

/// What there is to say about the state of a run, in lines that fit.
fn facts(run: &RunSummary, width: u16, zone: &TimeZone) -> Vec<(StatusKind, String)> {
    let mut said: Vec<(StatusKind, String)> = Vec::new();
    match &run.state {
        RunState::Waiting { reason, .. } => match reason {
            WaitReason::Approval { next } => {
                said.push((StatusKind::NeedsYou, format!("waits for your consent to {next}")));
            }
            WaitReason::Review => {
                let text = "could not be solved and waits for your review";
                said.push((StatusKind::NeedsYou, text.to_owned()));
            }
            WaitReason::Retry { next, until } => {
                let at = words::minute(*until, zone);
                said.push((StatusKind::Queued, format!("tries {next} again at {at}")));
            }
            WaitReason::Paused { next } => {
                said.push((StatusKind::Paused, format!("paused before {next}")));
            }
        },
        RunState::Queued { next, .. } => {
            said.push((StatusKind::Queued, format!("waits for a slot to {next}")));
        }
        RunState::Active(_) if run.pause_requested => {
            said.push((StatusKind::Paused, "will pause after this stage".to_owned()));
        }
        RunState::Active(_) | RunState::Ending { .. } | RunState::Ended { .. } => {}
    }
    let mut lines = Vec::new();
    let columns = usize::from(width.saturating_sub(4));
    for (kind, text) in said {
        for (at, line) in words::wrap(&text, columns).into_iter().enumerate() {
            let sign = if at == 0 { kind.glyph() } else { " " };
            lines.push((kind, format!(" {sign} {line}")));
        }
    }
    let is_well = matches!(&run.state, RunState::Ended { outcome, .. }
        if *outcome == crate::domain::run::Outcome::Succeeded);
    let Some(failure) = run.failure.as_ref().filter(|_| !is_well) else { return lines };
    let told = format!("{}: {}", failure.class, words::shown(&failure.message));
    for (at, line) in words::wrap(&told, columns).into_iter().enumerate() {
        let sign = if at == 0 { StatusKind::Failed.glyph() } else { " " };
        lines.push((StatusKind::Failed, format!(" {sign} {line}")));
    }
    for (at, line) in words::wrap(&failure.suggestion, columns).into_iter().enumerate() {
        let sign = if at == 0 { "→" } else { " " };
        lines.push((StatusKind::Done, format!(" {sign} {line}")));
    }
    lines
}
