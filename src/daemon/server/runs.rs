//! Runs.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::{Path, State};
use jiff::SignedDuration;
use serde::Deserialize;

use super::super::settle;
use super::answer::{Answer, Body, Params, Refusal, document, invalid, page};
use super::{Api, intake};
use crate::api::problem::{Problem, ProblemKind};
use crate::api::request::{NewRun, Reject};
use crate::api::view::{Diff, LogEntry, LogPage, Page, RunSummary};
use crate::domain::envelope::Envelope;
use crate::domain::event::{EventKind, LogLine, RunEvent};
use crate::domain::id::ID_LENGTH;
use crate::domain::run::{Fact, Run};
use crate::store::record::{self, Record as _};
use crate::store::{Filter, Order, Query, Store};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Listing {
    cursor: Option<String>,
    limit: Option<usize>,
}

pub(super) async fn list(
    State(api): State<Api>,
    Params(listing): Params<Listing>,
) -> Answer<Page<RunSummary>> {
    let store = api.shared.store.as_ref();
    let Page { items, next } =
        page::<Run>(store, Vec::new(), Order::NewestFirst, listing.cursor, listing.limit).await?;
    document(Page { items: items.iter().map(RunSummary::from).collect(), next })
}

pub(super) async fn create(State(api): State<Api>, Body(new): Body<NewRun>) -> Answer<Run> {
    document(intake::run(&api, new).await?)
}

pub(super) async fn show(State(api): State<Api>, Path(reference): Path<String>) -> Answer<Run> {
    document(find(api.shared.store.as_ref(), &reference).await?)
}

/// The run that a reference names: a whole id, either end of one, or `@last`.
pub(super) async fn find(store: &dyn Store, reference: &str) -> Result<Run, Refusal> {
    if reference == "@last" {
        let newest = Query { order: Order::NewestFirst, limit: 1, ..Query::all(Run::COLLECTION) };
        let runs: Vec<Run> = record::find(store, newest).await?;
        return runs.into_iter().next().ok_or_else(|| {
            let problem = Problem::new(ProblemKind::NotFound, "there are no runs yet");
            Refusal(problem.hint("make one: orch run"))
        });
    }
    let lower = reference.to_ascii_lowercase();
    let usable = !lower.is_empty()
        && lower.len() <= ID_LENGTH
        && lower.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let mut found: BTreeMap<String, Run> = BTreeMap::new();
    if usable {
        for filter in [Filter::IdStartsWith(lower.clone()), record::tail_filter(&lower)] {
            let query = Query { limit: 5, ..Query::all(Run::COLLECTION).filter(filter) };
            for run in record::find::<Run>(store, query).await? {
                found.insert(run.id().to_string(), run);
            }
        }
    }
    if found.len() > 1 {
        let mut problem = Problem::new(
            ProblemKind::Conflict,
            format!("`{lower}` fits more than one run; write more of the id"),
        );
        for run in found.values() {
            problem = problem.hint(format!("{} is {}", run.id(), run.path()));
        }
        return Err(Refusal(problem));
    }
    found.into_values().next().ok_or_else(|| {
        let name = crate::domain::text::excerpt(reference, 40);
        let problem = Problem::new(ProblemKind::NotFound, format!("there is no run `{name}`"));
        Refusal(problem.hint("see them all: orch runs"))
    })
}

pub(super) async fn cancel(
    State(api): State<Api>,
    Path(reference): Path<String>,
) -> Answer<RunSummary> {
    act(&api, &reference, Fact::CancelRequested).await
}

pub(super) async fn pause(
    State(api): State<Api>,
    Path(reference): Path<String>,
) -> Answer<RunSummary> {
    act(&api, &reference, Fact::PauseRequested).await
}

pub(super) async fn resume(
    State(api): State<Api>,
    Path(reference): Path<String>,
) -> Answer<RunSummary> {
    act(&api, &reference, Fact::ResumeRequested).await
}

pub(super) async fn approve(
    State(api): State<Api>,
    Path(reference): Path<String>,
) -> Answer<RunSummary> {
    act(&api, &reference, Fact::Approved).await
}

pub(super) async fn reject(
    State(api): State<Api>,
    Path(reference): Path<String>,
    Body(reject): Body<Reject>,
) -> Answer<RunSummary> {
    act(&api, &reference, Fact::Rejected { comment: reject.comment }).await
}

async fn act(api: &Api, reference: &str, fact: Fact) -> Answer<RunSummary> {
    let run = find(api.shared.store.as_ref(), reference).await?;
    let summary = api.handle.ask(run.id(), fact).await?.map_err(|refused| {
        let detail = format!("run {} stays as it is: {refused}", run.id().short());
        Refusal(
            Problem::new(ProblemKind::Conflict, detail)
                .hint(format!("see where it stands: orch show {}", run.id().short())),
        )
    })?;
    document(summary)
}

pub(super) async fn envelope(
    State(api): State<Api>,
    Path(reference): Path<String>,
) -> Answer<Envelope> {
    let store = api.shared.store.as_ref();
    let run = find(store, &reference).await?;
    match record::get::<Envelope>(store, &run.id().to_string()).await? {
        Some(envelope) => document(envelope),
        None => {
            let problem = Problem::new(ProblemKind::NotFound, "the run has no result yet");
            Err(Refusal(problem.hint(format!("follow it: orch logs {} -f", run.id().short()))))
        }
    }
}

pub(super) async fn diff(State(api): State<Api>, Path(reference): Path<String>) -> Answer<Diff> {
    let run = find(api.shared.store.as_ref(), &reference).await?;
    let workspaces = &api.shared.workspaces;
    // A person who is asked has to see what about; the work has not left its workspace yet.
    if run.needs_person()
        && run.base().is_some()
        && let Err(failure) = settle::collect(&api.shared, &run).await
    {
        let problem = Problem::new(ProblemKind::Unavailable, failure.to_string());
        return Err(Refusal(problem.hint(failure.suggestion)));
    }
    let head = workspaces.head(run.repository(), run.id()).await;
    let (Some(base), Some(head)) = (run.base(), head) else {
        let problem = Problem::new(ProblemKind::NotFound, "the run has no diff yet");
        return Err(Refusal(problem.hint("it is there when the run has ended")));
    };
    let patch = workspaces.patch(run.repository(), base, &head).await?;
    document(Diff { base: base.to_owned(), head, patch })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LogWindow {
    from: Option<u64>,
    limit: Option<usize>,
    tail: Option<u64>,
}

/// The most lines of one page.
const MAX_LINES: usize = 50_000;

pub(super) async fn log(
    State(api): State<Api>,
    Path(reference): Path<String>,
    Params(window): Params<LogWindow>,
) -> Answer<LogPage> {
    let store = api.shared.store.as_ref();
    let run = find(store, &reference).await?;
    let (from, limit) = match (window.tail, window.from) {
        (Some(_), Some(_)) => return Err(invalid("give `tail` or `from`, not both")),
        (Some(tail), None) => {
            let wanted = tail.min(MAX_LINES as u64);
            let end = store.log(run.id(), u64::MAX >> 1, 1).await?;
            // Without a limit: what came in between belongs to the end as well.
            (end.last_line.saturating_sub(wanted) + 1, usize::MAX >> 1)
        }
        (None, from) => {
            (from.unwrap_or(1).max(1), window.limit.unwrap_or(1_000).clamp(1, MAX_LINES))
        }
    };
    let mut range = store.log(run.id(), from, limit).await?;
    // Large lines come in several pieces. Who asks for the end goes on from there.
    while window.tail.is_some()
        && let Some(chunk) = range.events.last().and_then(RunEvent::chunk)
        && chunk.next_line() <= range.last_line
    {
        let more = store.log(run.id(), chunk.next_line(), limit).await?;
        if more.events.is_empty() {
            break;
        }
        range.events.extend(more.events);
        (range.last_line, range.last_seq) = (more.last_line, more.last_seq);
    }
    let mut lines = Vec::new();
    for event in range.events {
        entries(event, &mut lines);
    }
    let until = from.saturating_add(limit as u64);
    lines.retain(|entry| entry.line >= from && entry.line < until);
    Ok(Json(LogPage { lines, total: range.last_line, seq: range.last_seq }))
}

fn entries(event: RunEvent, lines: &mut Vec<LogEntry>) {
    let EventKind::Log { chunk } = event.kind else { return };
    for (line, LogLine(since, source, text)) in (chunk.first_line..).zip(chunk.lines) {
        let at =
            event.at.checked_add(SignedDuration::from_millis(i64::from(since))).unwrap_or(event.at);
        lines.push(LogEntry { line, at, stage: chunk.stage, source, text });
    }
}
