//! The streams: news of everything, or the events of one run; both resumable.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream::{self, Stream};
use serde::Deserialize;
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;

use super::Api;
use super::answer::{Params, Refusal};
use super::runs;
use crate::api::notice::Notice;
use crate::domain::event::{EventKind, RunEvent};
use crate::domain::id::RunId;
use crate::domain::run::Run;
use crate::store::record;

/// How many events of a run are read at once.
const BATCH: usize = 64;
/// A quiet stream shows that it is alive.
const KEEP_ALIVE: Duration = Duration::from_secs(30);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Which {
    run: Option<String>,
    after: Option<String>,
}

pub(super) async fn events(
    State(api): State<Api>,
    Params(which): Params<Which>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let after = headers
        .get("last-event-id")
        .and_then(|id| id.to_str().ok().map(str::to_owned))
        .or(which.after);
    let alive = KeepAlive::new().interval(KEEP_ALIVE);
    match which.run {
        None => {
            let stream = notices(&api, after.as_deref());
            Ok(Sse::new(stream).keep_alive(alive).into_response())
        }
        Some(reference) => {
            let run = runs::find(api.shared.store.as_ref(), &reference).await?;
            let after = after.and_then(|id| id.parse().ok()).unwrap_or(0);
            let stream = run_events(&api, run.id(), after);
            Ok(Sse::new(stream).keep_alive(alive).into_response())
        }
    }
}

fn notices(
    api: &Api,
    after: Option<&str>,
) -> impl Stream<Item = Result<Event, Infallible>> + use<> {
    let subscription = api.shared.news.listen(after);
    let mut waiting: VecDeque<_> = subscription.missed.into();
    if subscription.lost {
        waiting.push_front((0, Arc::new(Notice::Reset)));
    }
    let state = (api.clone(), subscription.coming, waiting);
    stream::unfold(state, |(api, mut coming, mut waiting)| async move {
        let (number, notice) = match waiting.pop_front() {
            Some(numbered) => numbered,
            None => tokio::select! {
                () = api.stop.cancelled() => return None,
                received = coming.recv() => match received {
                    Ok(numbered) => numbered,
                    // It read too slowly: what it has is no longer right.
                    Err(RecvError::Lagged(_)) => (0, Arc::new(Notice::Reset)),
                    Err(RecvError::Closed) => return None,
                },
            },
        };
        let event = Event::default().event(notice.name());
        let event = if number == 0 { event } else { event.id(api.shared.news.id(number)) };
        let event = match event.json_data(notice.as_ref()) {
            Ok(event) => event,
            Err(error) => {
                tracing::error!(%error, "a notice cannot be written");
                return None;
            }
        };
        Some((Ok(event), (api, coming, waiting)))
    })
}

struct Follow {
    api: Api,
    run: RunId,
    seq: u64,
    /// Opened before the store is read, so that nothing falls in between.
    news: broadcast::Receiver<super::super::news::Numbered>,
    ready: VecDeque<RunEvent>,
    over: bool,
}

fn run_events(
    api: &Api,
    run: RunId,
    after: u64,
) -> impl Stream<Item = Result<Event, Infallible>> + use<> {
    let news = api.shared.news.listen(None).coming;
    let follow =
        Follow { api: api.clone(), run, seq: after, news, ready: VecDeque::new(), over: false };
    stream::unfold(follow, |mut follow| async move {
        let event = follow.next().await?;
        follow.over = matches!(event.kind, EventKind::Ended { .. });
        let sse = Event::default().event("run").id(event.seq.to_string()).json_data(&event);
        match sse {
            Ok(sse) => Some((Ok(sse), follow)),
            Err(error) => {
                tracing::error!(%error, "an event cannot be written");
                None
            }
        }
    })
}

impl Follow {
    /// The next event; none when the run has ended or the daemon leaves.
    async fn next(&mut self) -> Option<RunEvent> {
        if self.over {
            return None;
        }
        loop {
            if let Some(event) = self.ready.pop_front() {
                self.seq = event.seq;
                return Some(event);
            }
            let store = self.api.shared.store.as_ref();
            match store.events(self.run, self.seq, BATCH).await {
                Ok(events) if events.is_empty() => {
                    // A run that ended before this number has nothing more to tell.
                    match record::get::<Run>(store, &self.run.to_string()).await {
                        Ok(Some(run)) if run.outcome().is_none() => {}
                        _ if !self.has_more().await => return None,
                        _ => continue,
                    }
                }
                Ok(events) => {
                    self.ready = events.into();
                    continue;
                }
                Err(error) => {
                    tracing::warn!(%error, "cannot read the events of a run");
                    return None;
                }
            }
            if !self.wait().await {
                return None;
            }
        }
    }

    /// Whether events came while the run was looked at.
    async fn has_more(&self) -> bool {
        let next = self.api.shared.store.events(self.run, self.seq, 1).await;
        next.is_ok_and(|events| !events.is_empty())
    }

    /// Waits until there may be more; false where there will be none.
    async fn wait(&mut self) -> bool {
        loop {
            let received = tokio::select! {
                () = self.api.stop.cancelled() => return false,
                received = self.news.recv() => received,
            };
            match received {
                Ok((_, notice)) if concerns(&notice, self.run) => return true,
                Ok(_) => {}
                // What was missed may have been about it: look.
                Err(RecvError::Lagged(_)) => return true,
                Err(RecvError::Closed) => return false,
            }
        }
    }
}

fn concerns(notice: &Notice, id: RunId) -> bool {
    match notice {
        Notice::Run { run } => run.id == id,
        Notice::Log { run, .. } => *run == id,
        Notice::Project { .. }
        | Notice::Repository { .. }
        | Notice::Task { .. }
        | Notice::Finding { .. }
        | Notice::Reset => false,
    }
}
