//! The composition root, and the only place where things happen.
//!
//! An actor owns the engine: facts reach it by a bounded queue, and it carries out the effects in
//! their order: store first, then act, then tell. Stages, settling and the API are tasks around
//! it; each ends in exactly one fact. What the daemon knows is in the store, so that it can be
//! killed at any instant and replaced under running agents.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};

use anyhow::Context as _;
use jiff::Timestamp;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::api::notice::Notice;
use crate::api::view::Health;
use crate::config::paths::Paths;
use crate::config::settings::Settings;
use crate::domain::event::EventKind;
use crate::domain::id::{Id, RunId};
use crate::domain::limits::SandboxKind;
use crate::sandbox::Sandbox;
use crate::sandbox::docker::DockerSandbox;
use crate::sandbox::process::ProcessSandbox;
use crate::store::{Fence, Store, StoreError};
use crate::workspace::{HostEnv, Workspaces};

mod actor;
mod broken;
mod handle;
mod host;
mod instance;
mod launch;
mod lead;
mod log_writer;
mod news;
mod patience;
mod record;
mod recovery;
mod server;
mod settle;
mod signals;
mod stage;
pub mod transfer;

pub use instance::AlreadyRunning;
pub use record::NoRecord;

use handle::Handle;
use lead::Lead;
use news::News;
use record::Place;
use signals::Signals;

/// What every part of the daemon shares. Nothing in it is decided upon; decisions are the actor's.
pub(crate) struct Shared {
    pub(crate) store: Arc<dyn Store>,
    /// Shown with each write to a run: that this daemon still leads.
    pub(crate) fence: Fence,
    docker: Arc<dyn Sandbox>,
    process: Arc<dyn Sandbox>,
    pub(crate) workspaces: Workspaces,
    pub(crate) news: News,
    settings: RwLock<Arc<Settings>>,
    pub(crate) instance: String,
    pub(crate) host_env: HostEnv,
    pub(crate) health: Health,
}

impl Shared {
    /// The settings as they are now; a reload puts others in their place.
    pub(crate) fn settings(&self) -> Arc<Settings> {
        Arc::clone(&self.settings.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// A line of ours in a run's log.
    pub(crate) async fn note(&self, run: RunId, text: String) -> Result<(), StoreError> {
        let event = EventKind::Note { text };
        let seq = self.store.append_event(run, Timestamp::now(), event, self.fence).await?;
        // Wakes who follows the run; a note has no line of the output.
        self.news.tell(Notice::Log { run, seq, line: 0 });
        Ok(())
    }

    pub(crate) fn sandbox(&self, kind: SandboxKind) -> Arc<dyn Sandbox> {
        match kind {
            SandboxKind::Docker => Arc::clone(&self.docker),
            SandboxKind::Process => Arc::clone(&self.process),
        }
    }
}

#[cfg(test)]
impl Shared {
    /// A daemon's surroundings in a folder of their own, without a daemon.
    pub(crate) fn for_tests() -> (tempfile::TempDir, Arc<Self>) {
        Self::for_tests_with(|store| store)
    }

    /// The same with something before its store.
    pub(crate) fn for_tests_with(
        wrap: impl FnOnce(Arc<dyn Store>) -> Arc<dyn Store>,
    ) -> (tempfile::TempDir, Arc<Self>) {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let data = folder.path();
        let host_env = HostEnv::from(|name| std::env::var_os(name));
        let defaults = include_str!("config/defaults.toml");
        let shared = Self {
            store: wrap(Arc::new(
                crate::store::sqlite::SqliteStore::open(&data.join("orch.db")).expect("it is new"),
            )),
            fence: Fence::NONE,
            docker: Arc::new(DockerSandbox::new("/nowhere.sock")),
            process: Arc::new(ProcessSandbox::new(data.join("processes"), "/nowhere".into())),
            workspaces: Workspaces::new(data, host_env.clone()).expect("it is writable"),
            news: News::new("test".to_owned()),
            settings: RwLock::new(Arc::new(
                toml::from_str(defaults).expect("the defaults are settings"),
            )),
            instance: "test".to_owned(),
            host_env,
            health: health("test".to_owned(), data, "test".to_owned()),
        };
        (folder, Arc::new(shared))
    }
}

/// A new identity, ordered by time.
pub(crate) fn new_id<K>() -> Id<K> {
    Id::from_uuid(Uuid::now_v7())
}

/// What a daemon is started with.
pub struct Start {
    /// Where its files lie.
    pub paths: Paths,
    /// Its settings.
    pub settings: Settings,
    /// The environment: what host programs need of it, and where the engine is.
    pub environment: BTreeMap<OsString, OsString>,
    /// Reads the settings anew, when that is asked for.
    pub reload: Box<dyn Fn() -> anyhow::Result<Settings> + Send + Sync>,
}

/// Runs the daemon until it is told to leave, by a signal or over the API; running containers
/// stay, for the next one. A second signal ends it at once, which loses nothing either.
///
/// # Errors
/// [`AlreadyRunning`] where there is one; otherwise what keeps it from starting or going on.
pub async fn run(start: Start) -> anyhow::Result<()> {
    let Start { paths, settings, environment, reload } = start;
    let host_env = HostEnv::from(|name| environment.get(OsStr::new(name)).cloned());
    let docker_host = environment.get(OsStr::new("DOCKER_HOST")).and_then(|host| host.to_str());
    let leave = CancellationToken::new();
    let held = instance::take(&paths)?;
    let place = Place::of(&settings, &paths, &environment)?;
    let store = place.open(&paths).await?;
    let health = health(held.instance.clone(), &paths.data, place.name);
    let mut signals = Signals::listen()?;
    let lead = tokio::select! {
        lead = lead::take(&store, &place.address, &paths, health.clone(), &leave) => lead?,
        () = signals.asked_to_leave() => None,
    };
    let Some(lead) = lead else {
        drop(std::fs::remove_file(&paths.socket));
        tracing::info!("left without having led");
        return Ok(());
    };
    let host = match settings.docker.host.as_str() {
        "" => docker_host.unwrap_or("unix:///var/run/docker.sock"),
        set => set,
    };
    let shared = Arc::new(Shared {
        store,
        fence: lead.lease.fence(),
        docker: Arc::new(DockerSandbox::new(host)),
        process: Arc::new(ProcessSandbox::new(
            paths.data.join("processes"),
            // By this name it is found even when the file was replaced under us.
            "/proc/self/exe".into(),
        )),
        workspaces: Workspaces::new(&paths.data, host_env.clone())
            .with_context(|| format!("cannot use {}", paths.data.display()))?,
        news: News::new(new_id::<()>().short()),
        settings: RwLock::new(Arc::new(settings)),
        instance: held.instance.clone(),
        host_env,
        health,
    });

    let (handle, actor) = actor::prepare(Arc::clone(&shared)).await?;
    let listener = server::listen(&paths.socket)?;
    tracing::info!(instance = %held.instance, socket = %paths.socket.display(), "started");
    let signals = signals.obey(Arc::clone(&shared), handle.clone(), leave.clone(), reload);
    let outcome = tokio::select! {
        outcome = serve_until(leave, listener, handle, actor, &shared, &lead) => outcome,
        () = signals => Err(anyhow::anyhow!("a second signal came")),
    };
    // A store that is away must not keep us: then the lease ends by itself.
    if tokio::time::timeout(std::time::Duration::from_secs(2), lead.give_back()).await.is_err() {
        tracing::warn!("the lease could not be given back in time");
    }
    // The next one looks at the lock, not at the socket; this only spares clients a refusal.
    drop(std::fs::remove_file(&paths.socket));
    tracing::info!("left");
    outcome
}

fn health(instance: String, data: &Path, store: String) -> Health {
    Health {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        pid: std::process::id(),
        started_at: Timestamp::now(),
        home: data.display().to_string(),
        instance,
        store,
        standby: None,
    }
}

/// The essential parts: the first to end stops the others.
async fn serve_until(
    leave: CancellationToken,
    listener: tokio::net::UnixListener,
    handle: Handle,
    actor: actor::Actor,
    shared: &Arc<Shared>,
    lead: &Lead,
) -> anyhow::Result<()> {
    let stop = leave.child_token();
    let mut decisions = tokio::spawn(actor.run(stop.clone()));
    let mut server = tokio::spawn(server::serve(
        listener,
        server::State { shared: Arc::clone(shared), handle: handle.clone(), leave: leave.clone() },
        stop.clone(),
    ));
    let watching = tokio::spawn(recovery::observe(Arc::clone(shared), handle, stop.clone()));
    let outcome = tokio::select! {
        ended = &mut decisions => ended.context("the actor panicked")?.context("the actor stopped"),
        ended = &mut server => ended.context("the API panicked")?.context("the API stopped"),
        kept = lead.keep(stop.clone()) => kept,
        () = leave.cancelled() => Ok(()),
    };
    stop.cancel();
    // What they still do is bounded; what is not done is in the store.
    let grace = std::time::Duration::from_secs(3);
    let rest = async {
        if !decisions.is_finished() {
            drop(decisions.await);
        }
        if !server.is_finished() {
            drop(server.await);
        }
        drop(watching.await);
    };
    if tokio::time::timeout(grace, rest).await.is_err() {
        tracing::warn!("some tasks did not end in time");
    }
    outcome
}
