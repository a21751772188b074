//! What the world holds, told to the actor after a start.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use super::broken::chain;
use super::handle::Handle;
use super::{Shared, new_id};
use crate::api::notice::Notice;
use crate::domain::finding::{Finding, FindingKind, Severity};
use crate::domain::id::RunId;
use crate::domain::limits::SandboxKind;
use crate::engine::findings::Report;
use crate::engine::reconcile::Sighting;
use crate::sandbox::SandboxError;
use crate::store::StoreError;
use crate::store::record;

/// Looks once at each kind of sandbox, as soon as it answers: an engine that is away now says
/// nothing about what runs on it.
pub(super) async fn observe(shared: Arc<Shared>, handle: Handle, stop: CancellationToken) {
    let watch = |kind| observe_kind(Arc::clone(&shared), handle.clone(), kind);
    tokio::select! {
        () = stop.cancelled() => {}
        _ = async { tokio::join!(watch(SandboxKind::Process), watch(SandboxKind::Docker)) } => {}
    }
}

async fn observe_kind(shared: Arc<Shared>, handle: Handle, kind: SandboxKind) {
    let mut wait = Duration::from_millis(500);
    loop {
        match shared.sandbox(kind).find(&shared.instance).await {
            Ok(found) => {
                let sightings = found
                    .into_iter()
                    .map(|found| Sighting { name: found.name, run: found.run })
                    .collect();
                // Gone only when the daemon leaves.
                drop(handle.observed(kind, sightings).await);
                return;
            }
            Err(error) => {
                tracing::debug!(kind = kind.name(), error = chain(&error), "cannot look yet");
                tokio::time::sleep(wait).await;
                wait = (wait * 2).min(Duration::from_secs(30));
            }
        }
    }
}

/// Removes a sandbox of ours that no run claims, and says so.
pub(super) async fn remove_orphan(shared: Arc<Shared>, name: String, run: Option<RunId>) {
    for kind in [SandboxKind::Docker, SandboxKind::Process] {
        let sandbox = shared.sandbox(kind);
        match sandbox.remove(&name).await {
            Ok(()) => {}
            Err(SandboxError::Unreachable { .. } | SandboxError::Permission { .. }) => {}
            Err(error) => {
                tracing::warn!(name, error = chain(&error), "could not remove a leftover");
                return;
            }
        }
    }
    let report = Report {
        fingerprint: format!("orphan:{name}"),
        severity: Severity::Low,
        kind: FindingKind::Orphan,
        title: format!("removed {name}, which no run claimed"),
        detail: None,
        suggestion: "nothing to do; if it happens often, see the daemon's log".to_owned(),
        repository: None,
        task: None,
        run,
        at: Timestamp::now(),
    };
    let finding = report.into_finding(new_id());
    if let Err(error) = tell(&shared, finding).await {
        tracing::warn!(name, %error, "could not store a finding");
    }
}

async fn tell(shared: &Shared, finding: Finding) -> Result<(), StoreError> {
    match record::insert(shared.store.as_ref(), &finding).await {
        Ok(()) => {
            shared.news.tell(Notice::Finding { finding: Box::new(finding) });
            Ok(())
        }
        // It was told before.
        Err(StoreError::Exists(_)) => Ok(()),
        Err(error) => Err(error),
    }
}
