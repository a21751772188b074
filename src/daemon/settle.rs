//! The ends of a run: its work is taken over, its envelope written, its sandboxes removed, its
//! workspace freed. Each step can be repeated.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use super::Shared;
use super::broken::{chain, git_failure, sandbox_failure};
use super::handle::{Gone, Handle};
use super::launch::{COLLECT, launch_spec, out_place, places};
use super::patience::while_away;
use crate::domain::duration::HumanDuration;
use crate::domain::envelope::{
    Action, ENVELOPE_SCHEMA, Envelope, EnvelopeError, EnvelopeStatus, GitReport, HarnessReport,
    Metrics, StageMetrics, check_envelope,
};
use crate::domain::event::{EventKind, LogLine};
use crate::domain::failure::{Failure, FailureClass};
use crate::domain::limits::PublishPolicy;
use crate::domain::run::{Fact, Outcome, Run, RunState};
use crate::domain::stage::Stage;
use crate::engine::reconcile::sandbox_name;
use crate::harness::{self, ControlFile, Plan};
use crate::store::record;
use crate::store::{LogRange, StoreError};
use crate::workspace::Workspaces;

const COLLECT_LIMIT: Duration = Duration::from_secs(10 * 60);
/// How long an engine may be away while a run is settled.
const PATIENCE: Duration = Duration::from_secs(120);

/// Ties the ends of a run and tells when that is done.
pub(crate) async fn settle(
    shared: Arc<Shared>,
    handle: Handle,
    run: Run,
    leave: CancellationToken,
) {
    let mut wait = Duration::from_millis(200);
    loop {
        let attempt = tokio::select! {
            biased;
            () = leave.cancelled() => return,
            done = AssertUnwindSafe(settle_once(&shared, &run)).catch_unwind() => done,
        };
        match attempt {
            Ok(Ok(())) => break,
            Ok(Err(error)) => {
                tracing::error!(run = %run.id(), %error, "could not settle a run yet");
            }
            Err(_) => tracing::error!(run = %run.id(), "settling a run panicked"),
        }
        tokio::time::sleep(wait).await;
        wait = (wait * 2).min(Duration::from_secs(30));
    }
    // The actor is gone only when the daemon leaves; the next one settles once more.
    let _told: Result<(), Gone> = handle.tell(run.id(), Fact::Settled).await;
}

async fn settle_once(shared: &Shared, run: &Run) -> Result<(), StoreError> {
    let RunState::Ending { outcome, .. } = run.state() else { return Ok(()) };
    // Nothing of it may still write while its work is taken over.
    remove_sandboxes(shared, run).await;
    let mut saved = true;
    let is_published = run
        .stages()
        .last()
        .is_some_and(|last| last.stage == Stage::Publish && last.passed == Some(true));
    if run.base().is_some()
        && !is_published
        && let Err(failure) = collect(shared, run).await
    {
        saved = false;
        let text = format!("the work of this run could not be taken over: {failure}");
        tracing::warn!(run = %run.id(), text);
        shared.note(run.id(), text).await?;
    }
    match write_envelope(shared, run, outcome).await {
        Ok(()) => {}
        // Trying again would end the same, and the run would hold its slot for ever.
        Err(StoreError::Corrupt(why)) => {
            tracing::error!(run = %run.id(), why, "a run ends without its envelope");
            shared.note(run.id(), format!("this run has no envelope: {why}")).await?;
        }
        Err(error) => return Err(error),
    }
    let done_with = match outcome {
        Outcome::Succeeded | Outcome::Cancelled | Outcome::Skipped => true,
        // A person may want to look at it.
        Outcome::Failed { .. } | Outcome::TimedOut { .. } => false,
    };
    if done_with
        && saved
        && let Err(error) = shared.workspaces.free(run.id())
    {
        tracing::warn!(run = %run.id(), %error, "could not free a workspace");
    }
    Ok(())
}

async fn write_envelope(shared: &Shared, run: &Run, outcome: &Outcome) -> Result<(), StoreError> {
    let envelope = envelope(shared, run, outcome).await?;
    match record::insert(shared.store.as_ref(), &envelope).await {
        // An earlier attempt had written it.
        Ok(()) | Err(StoreError::Exists(_)) => Ok(()),
        Err(error) => Err(error),
    }
}

async fn remove_sandboxes(shared: &Shared, run: &Run) {
    let sandbox = shared.sandbox(run.spec().sandbox.kind);
    let steps = run.stages().iter().map(|record| (record.stage.name(), record.attempt));
    for (step, attempt) in steps.chain([(COLLECT, 1)]) {
        let name = sandbox_name(run.id(), step, attempt);
        if let Err(error) = while_away(PATIENCE, || sandbox.remove(&name)).await {
            // It bears our labels and no live run claims it, so the next start removes it.
            tracing::warn!(name, error = chain(&error), "could not remove a sandbox");
        }
    }
}

/// Commits and bundles a run's work inside a sandbox without network, and takes the bundle over.
pub(crate) async fn collect(shared: &Shared, run: &Run) -> Result<String, Failure> {
    let Some(base) = run.base() else {
        return Err(Failure::new(FailureClass::Git, "the run has no workspace"));
    };
    let kind = run.spec().sandbox.kind;
    let sandbox = shared.sandbox(kind);
    let places = places(shared, run, COLLECT, 1);
    let out = out_place(kind, &shared.workspaces.folders(run.id()).out());
    let message = format!("{}\n\nMade by orch, run {}.", run.path().task, run.id());
    let text = Workspaces::collect_script(base, &out.display().to_string(), &message);
    let plan = Plan {
        argv: vec!["/bin/sh".to_owned(), format!("{}/{COLLECT}", places.control)],
        files: vec![ControlFile { name: COLLECT, text }],
    };
    let spec = launch_spec(shared, run, COLLECT, 1, &plan)
        .map_err(|error| Failure::new(FailureClass::Internal, error.to_string()))?;
    let failed = |error| sandbox_failure(&error);
    // What an interrupted attempt left has not seen the present tree.
    while_away(PATIENCE, || sandbox.remove(&spec.name)).await.map_err(failed)?;
    while_away(PATIENCE, || sandbox.launch(&spec)).await.map_err(failed)?;
    let ended = while_away(PATIENCE, || sandbox.wait(&spec.name));
    let exit = match tokio::time::timeout(COLLECT_LIMIT, ended).await {
        Ok(exit) => exit.map_err(failed)?,
        Err(_) => {
            sandbox.remove(&spec.name).await.map_err(failed)?;
            let message = "taking the work over took more than 10 minutes";
            return Err(Failure::new(FailureClass::Timeout, message));
        }
    };
    let words = if exit.code == 0 { String::new() } else { printed(shared, run, &spec.name).await };
    sandbox.remove(&spec.name).await.map_err(failed)?;
    match exit.code {
        0 => {}
        127 => {
            return Err(Failure::new(FailureClass::Sandbox, format!("{} has no git", spec.image))
                .with_suggestion("choose an image that has git"));
        }
        code => {
            return Err(Failure::new(
                FailureClass::Git,
                format!("committing the work exited with {code}: {words}"),
            ));
        }
    }
    let accepted = shared.workspaces.accept(run.repository(), run.id(), base).await;
    accepted.map_err(|error| git_failure(&error))
}

async fn printed(shared: &Shared, run: &Run, name: &str) -> String {
    use futures_util::StreamExt;
    let sandbox = shared.sandbox(run.spec().sandbox.kind);
    let Ok(mut output) = sandbox.output(name, Default::default()).await else {
        return String::new();
    };
    let mut words = Vec::new();
    while let Some(Ok(frame)) = output.next().await {
        words.extend_from_slice(&frame.bytes);
        if words.len() > 4_096 {
            break;
        }
    }
    crate::domain::text::printable(String::from_utf8_lossy(&words).trim())
}

async fn envelope(shared: &Shared, run: &Run, outcome: &Outcome) -> Result<Envelope, StoreError> {
    let git = git_report(shared, run).await;
    let summary = match (outcome, run.failure()) {
        (Outcome::Succeeded, _) => {
            harness::summary(run.spec().harness, &last_lines(shared, run).await?)
        }
        (_, Some(failure)) => failure.message.clone(),
        (_, None) => format!("the run was {}", outcome.name()),
    };
    let error = match outcome {
        Outcome::Succeeded => None,
        Outcome::Cancelled | Outcome::Skipped => Some(EnvelopeError::from(&Failure::new(
            FailureClass::Cancelled,
            format!("the run was {}", outcome.name()),
        ))),
        Outcome::Failed { class } => Some(match run.failure() {
            Some(failure) => EnvelopeError::from(failure),
            None => EnvelopeError::from(&Failure::new(*class, class.explanation())),
        }),
        Outcome::TimedOut { deadline } => Some(match run.failure() {
            Some(failure) => EnvelopeError::from(failure),
            None => EnvelopeError::from(&Failure::new(
                FailureClass::Timeout,
                format!("the {} timeout passed", deadline.name()),
            )),
        }),
    };
    let envelope = Envelope {
        schema: ENVELOPE_SCHEMA,
        run_id: run.id(),
        task_id: run.task(),
        status: EnvelopeStatus::of(outcome),
        summary,
        actions: actions(run, outcome, git.as_ref()),
        artifacts: Vec::new(),
        metrics: metrics(run),
        raw_output_ref: format!("/api/runs/{}/log", run.id()),
        error,
        harness: HarnessReport {
            name: run.spec().harness.name().to_owned(),
            version: None,
            model: run.spec().model.clone(),
            session_id: None,
        },
        git,
    };
    let document = serde_json::to_value(&envelope)
        .map_err(|error| StoreError::Corrupt(format!("an envelope cannot be written: {error}")))?;
    if let Err(violations) = check_envelope(&document) {
        let places: Vec<String> = violations.iter().map(ToString::to_string).collect();
        return Err(StoreError::Corrupt(format!(
            "the envelope of {} breaks its schema: {}",
            run.id(),
            places.join("; ")
        )));
    }
    Ok(envelope)
}

fn metrics(run: &Run) -> Metrics {
    let stages = run.stages().iter().map(|record| StageMetrics {
        stage: record.stage,
        attempt: record.attempt,
        ms: record
            .ended_at
            .map_or(0, |end| HumanDuration::between(record.started_at, end).as_millis()),
        exit: record.exit,
    });
    Metrics {
        wall_ms: run.wall_time(Timestamp::now()).as_millis(),
        stages: stages.collect(),
        ..Metrics::default()
    }
}

fn actions(run: &Run, outcome: &Outcome, git: Option<&GitReport>) -> Vec<Action> {
    let mut actions = Vec::new();
    let Some(git) = git.filter(|git| git.head != git.base) else { return actions };
    actions.push(Action {
        kind: "commit".to_owned(),
        target: git.branch.clone(),
        detail: git.head.clone(),
    });
    if *outcome == Outcome::Succeeded && run.spec().publish == PublishPolicy::Branch {
        actions.push(Action {
            kind: "push".to_owned(),
            target: run.source().to_owned(),
            detail: git.branch.clone(),
        });
    }
    actions
}

async fn git_report(shared: &Shared, run: &Run) -> Option<GitReport> {
    let base = run.base()?.to_owned();
    let head =
        shared.workspaces.head(run.repository(), run.id()).await.unwrap_or_else(|| base.clone());
    let stat =
        shared.workspaces.stat(run.repository(), &base, &head).await.unwrap_or_else(|error| {
            tracing::warn!(run = %run.id(), words = error.words, "could not compare");
            Default::default()
        });
    Some(GitReport {
        base,
        head,
        branch: run.branch(),
        files: stat.files,
        additions: stat.additions,
        deletions: stat.deletions,
        pr_url: None,
    })
}

/// The last lines that the work itself printed, as against its checks.
async fn last_lines(shared: &Shared, run: &Run) -> Result<Vec<String>, StoreError> {
    const WANTED: usize = 200;
    let end = shared.store.log(run.id(), u64::MAX >> 1, 1).await?;
    let from = end.last_line.saturating_sub(WANTED as u64) + 1;
    let LogRange { events, .. } = shared.store.log(run.id(), from, WANTED + 1).await?;
    let mut lines = Vec::new();
    for event in events {
        if let EventKind::Log { chunk } = event.kind
            && chunk.stage == Stage::Implement
        {
            lines.extend(chunk.lines.into_iter().map(|LogLine(_, _, text)| text));
        }
    }
    Ok(lines)
}
