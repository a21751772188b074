//! The API on the unix socket: one file for each noun.

use std::fs;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{get, post};
use tokio::net::UnixListener;
use tokio_util::sync::CancellationToken;

use super::Shared;
use super::handle::Handle;
use super::host::HostGauge;
use crate::api::request::MAX_BODY;
use crate::api::transport::{SocketProblem, check_socket};

mod answer;
mod events;
mod findings;
mod health;
mod intake;
mod policy;
mod projects;
mod repositories;
mod runs;
pub(super) mod standby;
mod tasks;

/// What every request can reach.
#[derive(Clone)]
pub(super) struct State {
    pub(super) shared: Arc<Shared>,
    pub(super) handle: Handle,
    /// Cancelled to make the daemon leave.
    pub(super) leave: CancellationToken,
}

/// What requests share beside the daemon.
#[derive(Clone)]
struct Api {
    shared: Arc<Shared>,
    handle: Handle,
    leave: CancellationToken,
    stop: CancellationToken,
    gauge: Arc<HostGauge>,
}

/// Listens on the socket, in a folder that is private to the user.
pub(super) fn listen(path: &Path) -> anyhow::Result<UnixListener> {
    if let Some(folder) = path.parent() {
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)
            .with_context(|| format!("cannot make the folder {}", folder.display()))?;
    }
    match check_socket(path) {
        // The lock is ours, so whoever made it is gone.
        Ok(()) => fs::remove_file(path)
            .with_context(|| format!("cannot remove the old socket {}", path.display()))?,
        Err(SocketProblem::NobodyListens(_)) => {}
        Err(problem) => return Err(problem.into()),
    }
    let listener =
        UnixListener::bind(path).with_context(|| format!("cannot listen at {}", path.display()))?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o600))
        .with_context(|| format!("cannot make {} private", path.display()))?;
    Ok(listener)
}

/// Serves until `stop`.
pub(super) async fn serve(
    listener: UnixListener,
    state: State,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    let State { shared, handle, leave } = state;
    let gauge = Arc::new(HostGauge::default());
    let api = Api { shared, handle, leave, stop: stop.clone(), gauge };
    axum::serve(listener, routes(api))
        .with_graceful_shutdown(stop.cancelled_owned())
        .await
        .context("the API broke")
}

fn routes(api: Api) -> Router {
    Router::new()
        .route("/health", get(health::health))
        .route("/ready", get(health::ready))
        .route("/live", get(health::live))
        .route("/api/stats", get(health::stats))
        .route("/api/shutdown", post(health::shutdown))
        .route("/api/projects", get(projects::list).post(projects::create))
        .route("/api/projects/{project}", get(projects::show))
        .route("/api/projects/{project}/archive", post(projects::archive))
        .route("/api/repositories", get(repositories::list).post(repositories::create))
        .route("/api/repositories/{project}/{repository}", get(repositories::show))
        .route("/api/repositories/{project}/{repository}/archive", post(repositories::archive))
        .route("/api/tasks", get(tasks::list).post(tasks::create))
        .route("/api/tasks/{project}/{repository}/{task}", get(tasks::show).put(tasks::put))
        .route("/api/tasks/{project}/{repository}/{task}/archive", post(tasks::archive))
        .route("/api/runs", get(runs::list).post(runs::create))
        .route("/api/runs/{run}", get(runs::show))
        .route("/api/runs/{run}/cancel", post(runs::cancel))
        .route("/api/runs/{run}/pause", post(runs::pause))
        .route("/api/runs/{run}/resume", post(runs::resume))
        .route("/api/runs/{run}/approve", post(runs::approve))
        .route("/api/runs/{run}/reject", post(runs::reject))
        .route("/api/runs/{run}/envelope", get(runs::envelope))
        .route("/api/runs/{run}/diff", get(runs::diff))
        .route("/api/runs/{run}/log", get(runs::log))
        .route("/api/findings", get(findings::list))
        .route("/api/events", get(events::events))
        .fallback(health::unknown)
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .with_state(api)
}
