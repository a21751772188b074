//! The stages of a run in one line: those that were, the one that is, those that will be.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::super::Ctx;
use crate::api::view::RunSummary;
use crate::domain::duration::HumanDuration;
use crate::domain::limits::MAX_SOLVE_ROUNDS;
use crate::domain::run::{RunState, WaitReason};
use crate::domain::stage::Stage;
use crate::domain::task::Task;
use crate::tui::status::{Status, StatusKind};
use crate::tui::widgets::row::Row;
use crate::tui::widgets::words;

/// One stage.
struct Segment {
    stage: Stage,
    /// None: it has not begun.
    kind: Option<StatusKind>,
    time: String,
    extra: String,
    is_current: bool,
}

/// How much of each stage is said.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Detail {
    /// Name, sign, time.
    Full,
    /// Name and sign; the time of the current stage only.
    Names,
    /// Signs; name and time of the current stage only.
    Signs,
}

/// Draws as much of the timeline as there is room for.
pub(super) fn draw(
    buffer: &mut Buffer,
    area: Rect,
    ctx: Ctx<'_>,
    run: &RunSummary,
    task: Option<&Task>,
) {
    let segments = segments(run, task, ctx);
    let mut row = Row::new();
    for detail in [Detail::Full, Detail::Names, Detail::Signs] {
        row = laid_out(&segments, detail, ctx);
        if row.left_width() <= usize::from(area.width) {
            break;
        }
    }
    row.draw(buffer, area, Style::new());
}

fn laid_out<'a>(segments: &'a [Segment], detail: Detail, ctx: Ctx<'_>) -> Row<'a> {
    let mut row = Row::new().left(" ", ctx.theme.rule());
    for (at, segment) in segments.iter().enumerate() {
        let style = segment.kind.map_or(ctx.theme.dim(), |kind| kind.style(ctx.theme));
        if at > 0 {
            let joint = if detail == Detail::Full { " ━━ " } else { " ━ " };
            row = row.left(joint, ctx.theme.rule());
        }
        let says_all = detail == Detail::Full || segment.is_current;
        if says_all || detail == Detail::Names {
            row = row.left(segment.stage.name(), style).left(" ", style);
        }
        row = row.left(segment.kind.map_or("·", StatusKind::glyph), style);
        if says_all {
            for text in [&segment.extra, &segment.time] {
                if !text.is_empty() {
                    row = row.left(format!(" {text}"), style);
                }
            }
        }
    }
    row
}

fn segments(run: &RunSummary, task: Option<&Task>, ctx: Ctx<'_>) -> Vec<Segment> {
    let status = Status::of(run);
    let current = match &run.state {
        RunState::Active(active) => Some(active.stage),
        RunState::Queued { next, .. } => Some(*next),
        RunState::Waiting { reason, .. } => match reason {
            WaitReason::Approval { next }
            | WaitReason::Retry { next, .. }
            | WaitReason::Paused { next } => Some(*next),
            WaitReason::Review => None,
        },
        RunState::Ending { .. } | RunState::Ended { .. } => None,
    };
    let is_over = matches!(run.state, RunState::Ending { .. } | RunState::Ended { .. });
    let mut segments = Vec::new();
    for stage in Stage::ALL {
        let last = run.stages.iter().rev().find(|record| record.stage == stage);
        let is_current = current == Some(stage);
        if last.is_none() && !is_current && (is_over || !is_expected(stage, task)) {
            continue;
        }
        let mut segment =
            Segment { stage, kind: None, time: String::new(), extra: String::new(), is_current };
        if let Some(record) = last {
            let until = record.ended_at.unwrap_or(ctx.now);
            segment.time = words::span(HumanDuration::between(record.started_at, until));
            segment.kind = Some(match record.passed {
                None => StatusKind::Running,
                Some(true) => StatusKind::Done,
                Some(false) => StatusKind::Failed,
            });
            if stage == Stage::Solve {
                segment.extra = format!("{}/{MAX_SOLVE_ROUNDS}", run.solve_rounds);
            } else if record.attempt > 1 {
                segment.extra = format!("×{}", record.attempt);
            }
        }
        if is_current && status.kind != StatusKind::Running {
            segment.kind = Some(status.kind);
            segment.time.clear();
        }
        segments.push(segment);
    }
    segments
}

/// Whether a stage that has not begun will come, as far as the task tells.
fn is_expected(stage: Stage, task: Option<&Task>) -> bool {
    let Some(task) = task else { return false };
    match stage {
        Stage::Prepare | Stage::Implement | Stage::Publish => true,
        Stage::Verify => !task.spec.verify.is_empty(),
        // It comes only when a check fails.
        Stage::Solve => false,
    }
}
