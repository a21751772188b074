//! Whether the daemon is there, and how it is.

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, Uri};

use super::Api;
use super::answer::{Answer, Refusal, document};
use crate::api::problem::{Problem, ProblemKind};
use crate::api::view::{Health, Stats};
use crate::domain::run::{Run, RunState};
use crate::store::record::{self, Record as _};
use crate::store::{Collection, Filter, Query};

pub(super) async fn health(State(api): State<Api>) -> Json<Health> {
    Json(api.shared.health.clone())
}

/// Ready is who can read its store.
pub(super) async fn ready(State(api): State<Api>) -> Result<StatusCode, Refusal> {
    let query = Query { limit: 1, ..Query::all(Collection::Projects) };
    api.shared.store.find(query).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn live() -> StatusCode {
    StatusCode::NO_CONTENT
}

pub(super) async fn stats(State(api): State<Api>) -> Answer<Stats> {
    let live = Query::all(Run::COLLECTION).filter(Filter::Equals("live", "yes".to_owned()));
    let mut stats = Stats {
        cpu_percent: api.gauge.cpu_percent(),
        memory_percent: api.gauge.memory_percent(),
        ..Stats::default()
    };
    for run in record::find::<Run>(api.shared.store.as_ref(), live).await? {
        match run.state() {
            RunState::Active(_) | RunState::Ending { .. } => stats.active += 1,
            RunState::Queued { .. } => stats.queued += 1,
            RunState::Waiting { .. } => stats.needs_person += u64::from(run.needs_person()),
            RunState::Ended { .. } => {}
        }
    }
    document(stats)
}

pub(super) async fn shutdown(State(api): State<Api>) -> StatusCode {
    tracing::info!("asked to leave");
    api.leave.cancel();
    StatusCode::ACCEPTED
}

pub(super) async fn unknown(uri: Uri) -> Refusal {
    let detail = format!("there is nothing at {}", uri.path());
    Refusal(Problem::new(ProblemKind::NotFound, detail))
}
