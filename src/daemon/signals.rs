//! Signals: one to leave asks, a second one ends; HUP reads the settings anew.

use std::sync::{Arc, PoisonError};

use anyhow::Context as _;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::Shared;
use super::handle::Handle;
use crate::config::settings::Settings;

/// The signals that are heard, from the moment that this is made.
pub(super) struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
}

impl Signals {
    pub(super) fn listen() -> anyhow::Result<Self> {
        let on = |kind| signal(kind).context("cannot watch for signals");
        Ok(Self {
            terminate: on(SignalKind::terminate())?,
            interrupt: on(SignalKind::interrupt())?,
            hangup: on(SignalKind::hangup())?,
        })
    }

    /// Ends when one asks to leave.
    pub(super) async fn asked_to_leave(&mut self) {
        either(&mut self.terminate, &mut self.interrupt).await;
    }

    /// Obeys; ends when a second one asks to leave.
    pub(super) async fn obey(
        self,
        shared: Arc<Shared>,
        handle: Handle,
        leave: CancellationToken,
        reload: Box<dyn Fn() -> anyhow::Result<Settings> + Send + Sync>,
    ) {
        let Self { mut terminate, mut interrupt, mut hangup } = self;
        let mut asked = false;
        loop {
            tokio::select! {
                () = either(&mut terminate, &mut interrupt) => {
                    if asked {
                        tracing::warn!("a second signal: leaving at once");
                        return;
                    }
                    asked = true;
                    tracing::info!("a signal asks to leave; running sandboxes stay");
                    leave.cancel();
                }
                _ = hangup.recv() => renew(&shared, &handle, &reload).await,
            }
        }
    }
}

async fn either(first: &mut Signal, second: &mut Signal) {
    tokio::select! {
        _ = first.recv() => {}
        _ = second.recv() => {}
    }
}

async fn renew(
    shared: &Shared,
    handle: &Handle,
    reload: &(dyn Fn() -> anyhow::Result<Settings> + Send + Sync),
) {
    let settings = match reload() {
        Ok(settings) => settings,
        Err(error) => {
            tracing::error!(
                error = format!("{error:#}"),
                "kept the settings: the new ones are wrong"
            );
            return;
        }
    };
    *shared.settings.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(settings);
    tracing::info!("took the settings anew; the engine's address and the log level need a restart");
    // The actor is gone only when the daemon leaves.
    drop(handle.slots_changed().await);
}
