//! Docker containers, hardened. The only place that speaks to the engine.

use std::collections::HashMap;
use std::path::Path;
use std::sync::OnceLock;
use std::time::Duration;

use async_trait::async_trait;
use bollard::Docker;
use bollard::models::{ContainerCreateBody, ContainerInspectResponse, ContainerStateStatusEnum};
use bollard::query_parameters::{
    CreateContainerOptionsBuilder, InspectContainerOptions, ListContainersOptionsBuilder,
    RemoveContainerOptionsBuilder, StartContainerOptions, StopContainerOptionsBuilder,
    WaitContainerOptions,
};
use futures_util::StreamExt;
use futures_util::stream::BoxStream;

use super::{Exit, Found, LaunchSpec, OutputFrame, Readiness, Sandbox, SandboxError};
use crate::domain::event::OutputCursor;

mod build;
mod error;
mod output;
mod profile;

use error::Engine;

/// How long the engine may take to begin an answer; making a container on a busy disk is slow.
const ANSWER_SECONDS: u64 = 120;
/// How long it may take to say that it is there.
const PING: Duration = Duration::from_secs(5);
const LABEL_INSTANCE: &str = "orch.instance";
const LABEL_RUN: &str = "orch.run";

/// The engine at one socket.
pub struct DockerSandbox {
    engine: Engine,
    client: OnceLock<Docker>,
}

impl DockerSandbox {
    /// The engine at `host`, such as `unix:///var/run/docker.sock`. Nothing is sent yet, so that
    /// an engine that is away now, or an address that is wrong, is told only to who needs it.
    pub fn new(host: &str) -> Self {
        let path = host.strip_prefix("unix://").unwrap_or(host);
        Self { engine: Engine { path: path.to_owned() }, client: OnceLock::new() }
    }

    /// The client, made when it is first needed: it wants to see the socket.
    fn docker(&self) -> Result<&Docker, SandboxError> {
        if let Some(client) = self.client.get() {
            return Ok(client);
        }
        if !Path::new(&self.engine.path).is_absolute() {
            return Err(self.engine.no_socket());
        }
        let version = bollard::API_DEFAULT_VERSION;
        let made = Docker::connect_with_unix(&self.engine.path, ANSWER_SECONDS, version)
            .map_err(|error| self.engine.error("connect", error))?;
        Ok(self.client.get_or_init(|| made))
    }

    async fn inspect(&self, name: &str) -> Result<ContainerInspectResponse, SandboxError> {
        self.docker()?
            .inspect_container(name, None::<InspectContainerOptions>)
            .await
            .map_err(|error| self.engine.container("look at", name, error))
    }

    /// A container by its name, if it is there and ours.
    async fn ours(&self, name: &str) -> Result<Option<ContainerInspectResponse>, SandboxError> {
        match self.inspect(name).await {
            Ok(found) => {
                let labels = found.config.as_ref().and_then(|config| config.labels.as_ref());
                if labels.is_some_and(|labels| labels.contains_key(LABEL_INSTANCE)) {
                    Ok(Some(found))
                } else {
                    Err(SandboxError::NotOurs(name.to_owned()))
                }
            }
            Err(SandboxError::NotFound(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn create(&self, spec: &LaunchSpec) -> Result<(), SandboxError> {
        let options = CreateContainerOptionsBuilder::default().name(&spec.name).build();
        let body: ContainerCreateBody = profile::container(spec);
        match self.docker()?.create_container(Some(options), body).await {
            Ok(_) => Ok(()),
            Err(error) if error::status(&error) == Some(404) => {
                Err(SandboxError::ImageMissing(spec.image.clone()))
            }
            Err(error) => Err(self.engine.container("create", &spec.name, error)),
        }
    }
}

#[async_trait]
impl Sandbox for DockerSandbox {
    async fn check(&self, image: &str) -> Result<Readiness, SandboxError> {
        let answer = tokio::time::timeout(PING, self.docker()?.version()).await;
        let version = match answer {
            Ok(answer) => answer.map_err(|error| self.engine.error("ask", error))?,
            Err(_) => return Err(self.engine.silent(PING)),
        };
        if !build::is_made_here(image) {
            self.docker()?.inspect_image(image).await.map_err(|error| {
                match error::status(&error) {
                    Some(404) => SandboxError::ImageMissing(image.to_owned()),
                    _ => self.engine.error("look at the image", error),
                }
            })?;
        }
        let number = version.version.unwrap_or_else(|| "of unknown version".to_owned());
        Ok(Readiness { engine: format!("Docker {number} at {}", self.engine.path) })
    }

    async fn provide(
        &self,
        image: &str,
        told: &(dyn Fn(String) + Send + Sync),
    ) -> Result<(), SandboxError> {
        build::provide(self.docker()?, &self.engine, image, told).await
    }

    async fn launch(&self, spec: &LaunchSpec) -> Result<(), SandboxError> {
        let there = match self.ours(&spec.name).await? {
            Some(found) => found,
            None => {
                self.create(spec).await?;
                self.inspect(&spec.name).await?
            }
        };
        let state = there.state.unwrap_or_default();
        let begun = state.started_at.is_some_and(|at| !at.starts_with("0001-"));
        if begun {
            return Ok(());
        }
        self.docker()?
            .start_container(&spec.name, None::<StartContainerOptions>)
            .await
            .map_err(|error| self.engine.container("start", &spec.name, error))
    }

    async fn find(&self, instance: &str) -> Result<Vec<Found>, SandboxError> {
        let filter =
            HashMap::from([("label".to_owned(), vec![format!("{LABEL_INSTANCE}={instance}")])]);
        let options = ListContainersOptionsBuilder::default().all(true).filters(&filter).build();
        let listing =
            tokio::time::timeout(PING, self.docker()?.list_containers(Some(options))).await;
        let containers = match listing {
            Ok(answer) => answer.map_err(|error| self.engine.error("list containers", error))?,
            Err(_) => return Err(self.engine.silent(PING)),
        };
        let mut found = Vec::new();
        for container in containers {
            let names = container.names.unwrap_or_default();
            let Some(name) = names.first() else { continue };
            let labels = container.labels.unwrap_or_default();
            found.push(Found {
                name: name.trim_start_matches('/').to_owned(),
                run: labels.get(LABEL_RUN).and_then(|run| run.parse().ok()),
                running: container.state.is_some_and(|state| state.to_string() == "running"),
            });
        }
        Ok(found)
    }

    async fn output(
        &self,
        name: &str,
        from: OutputCursor,
    ) -> Result<BoxStream<'static, Result<OutputFrame, SandboxError>>, SandboxError> {
        if self.ours(name).await?.is_none() {
            return Err(SandboxError::NotFound(name.to_owned()));
        }
        Ok(output::follow(self.docker()?, &self.engine, name, from))
    }

    async fn wait(&self, name: &str) -> Result<Exit, SandboxError> {
        let mut answers =
            Box::pin(self.docker()?.wait_container(name, None::<WaitContainerOptions>));
        match answers.next().await {
            // The code is read below; that it is not zero is no error.
            Some(Ok(_)) | Some(Err(bollard::errors::Error::DockerContainerWaitError { .. })) => {}
            Some(Err(error)) => return Err(self.engine.container("wait for", name, error)),
            None => return Err(self.engine.cut_off()),
        }
        let state = self.inspect(name).await?.state.unwrap_or_default();
        // Somebody else is removing it: its exit code tells of that, not of the work.
        if matches!(
            state.status,
            Some(ContainerStateStatusEnum::REMOVING | ContainerStateStatusEnum::DEAD)
        ) {
            return Err(SandboxError::NotFound(name.to_owned()));
        }
        let code = state.exit_code.and_then(|code| i32::try_from(code).ok()).unwrap_or(-1);
        Ok(Exit { code, out_of_memory: state.oom_killed.unwrap_or(false) })
    }

    async fn stop(&self, name: &str, grace: Duration) -> Result<(), SandboxError> {
        if self.ours(name).await?.is_none() {
            return Ok(());
        }
        let seconds = i32::try_from(grace.as_secs().max(1)).unwrap_or(i32::MAX);
        let options = StopContainerOptionsBuilder::default().t(seconds).build();
        match self.docker()?.stop_container(name, Some(options)).await {
            Ok(()) => Ok(()),
            // 304: it has ended already. 404: it is gone.
            Err(error) if matches!(error::status(&error), Some(304 | 404)) => Ok(()),
            Err(error) => Err(self.engine.container("stop", name, error)),
        }
    }

    async fn remove(&self, name: &str) -> Result<(), SandboxError> {
        if self.ours(name).await?.is_none() {
            return Ok(());
        }
        let options = RemoveContainerOptionsBuilder::default().force(true).v(true).build();
        match self.docker()?.remove_container(name, Some(options)).await {
            Ok(()) => Ok(()),
            // 404: it is gone. 409: somebody is removing it.
            Err(error) if matches!(error::status(&error), Some(404 | 409)) => Ok(()),
            Err(error) => Err(self.engine.container("remove", name, error)),
        }
    }
}
