//! What the world holds, told to the actor after a start.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use super::broken::chain;
use super::handle::Handle;
use super::{Shared, new_id};
use crate::api::notice::Notice;
use crate::domain::event::OutputCursor;
use crate::domain::finding::{Finding, FindingKind, Severity};
use crate::domain::id::RunId;
use crate::domain::limits::SandboxKind;
use crate::domain::text::printable;
use crate::engine::findings::Report;
use crate::engine::reconcile::Sighting;
use crate::sandbox::{Sandbox, SandboxError};
use crate::store::StoreError;
use crate::store::record;

/// How much of the output of a leftover is saved, and how long that may take.
const TAIL_BYTES: usize = 64 << 10;
const TAIL_LINES: usize = 30;
const TAIL_LIMIT: Duration = Duration::from_secs(10);

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
    let mut last_words = None;
    for kind in [SandboxKind::Docker, SandboxKind::Process] {
        let sandbox = shared.sandbox(kind);
        if let Some(words) = tail(sandbox.as_ref(), &name).await {
            last_words = Some(words);
        }
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
        detail: last_words,
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

/// The end of what it printed, once it is stopped; none where it is not of this kind.
async fn tail(sandbox: &dyn Sandbox, name: &str) -> Option<String> {
    sandbox.stop(name, Duration::from_secs(1)).await.ok()?;
    let mut output = sandbox.output(name, OutputCursor::default()).await.ok()?;
    let mut kept = Vec::new();
    let reading = async {
        while let Some(Ok(frame)) = output.next().await {
            kept.extend_from_slice(&frame.bytes);
            if kept.len() > 2 * TAIL_BYTES {
                kept.drain(..kept.len() - TAIL_BYTES);
            }
        }
    };
    // What could be read by then is kept.
    drop(tokio::time::timeout(TAIL_LIMIT, reading).await);
    let text = printable(&String::from_utf8_lossy(&kept));
    let lines: Vec<&str> = text.lines().collect();
    Some(lines[lines.len().saturating_sub(TAIL_LINES)..].join("\n"))
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
