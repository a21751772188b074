//! What a daemon answers while another one leads.

use std::sync::{Arc, PoisonError, RwLock};

use anyhow::Context as _;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use tokio::net::UnixListener;
use tokio_util::sync::CancellationToken;

use super::answer::Refusal;
use crate::api::problem::{Problem, ProblemKind};
use crate::api::view::{Health, Standby};

/// A daemon that waits for the lead.
pub(in crate::daemon) struct Standing {
    health: Health,
    led_by: RwLock<Standby>,
}

impl Standing {
    pub(in crate::daemon) fn new(health: Health, led_by: Standby) -> Self {
        Self { health, led_by: RwLock::new(led_by) }
    }

    /// Another daemon leads, or the same one for longer.
    pub(in crate::daemon) fn led_by(&self, other: Standby) {
        *self.led_by.write().unwrap_or_else(PoisonError::into_inner) = other;
    }

    fn leader(&self) -> Standby {
        self.led_by.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[derive(Clone)]
struct Asked {
    standing: Arc<Standing>,
    leave: CancellationToken,
}

/// Answers until `over`.
pub(in crate::daemon) async fn serve(
    listener: UnixListener,
    standing: Arc<Standing>,
    leave: CancellationToken,
    over: CancellationToken,
) -> anyhow::Result<()> {
    let routes = Router::new()
        .route("/health", get(health))
        .route("/live", get(super::health::live))
        .route("/api/shutdown", post(shutdown))
        .fallback(elsewhere)
        .with_state(Asked { standing, leave });
    axum::serve(listener, routes)
        .with_graceful_shutdown(over.cancelled_owned())
        .await
        .context("the API broke")
}

async fn health(State(asked): State<Asked>) -> Json<Health> {
    let standby = Some(asked.standing.leader());
    Json(Health { standby, ..asked.standing.health.clone() })
}

async fn shutdown(State(asked): State<Asked>) -> StatusCode {
    tracing::info!("asked to leave");
    asked.leave.cancel();
    StatusCode::ACCEPTED
}

async fn elsewhere(State(asked): State<Asked>) -> Refusal {
    let Standby { leader, until } = asked.standing.leader();
    let until = match until {
        Some(until) => format!("at least until {until}"),
        None => "until it leaves".to_owned(),
    };
    let detail = format!("this daemon stands by: {leader} leads, {until}");
    let hint = "ask the daemon there; this one takes over when that one has left";
    Refusal(Problem::new(ProblemKind::Unavailable, detail).hint(hint))
}
