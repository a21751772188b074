//! The client of the API: one method for each thing that can be asked.

use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::{self, Stream, StreamExt};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::notice::Notice;
use super::problem::{Problem, ProblemKind};
use super::request::{Archive, NewProject, NewRepository, NewRun, NewTask, Reject};
use super::sse::{SseEvent, SseReader};
use super::transport::{self, SocketProblem};
use super::view::{Diff, Health, LogPage, Page, RunSummary, Stats};
use crate::domain::envelope::Envelope;
use crate::domain::event::RunEvent;
use crate::domain::finding::Finding;
use crate::domain::project::Project;
use crate::domain::repository::Repository;
use crate::domain::run::Run;
use crate::domain::slug::{RepositoryPath, Slug, TaskPath};
use crate::domain::task::Task;

/// How long an answer may take; streams are exempt once they have begun.
const ANSWER_LIMIT: Duration = Duration::from_secs(30);
/// The longest answer that is read as one piece.
const MAX_ANSWER: usize = 256 << 20;

/// Why a request has no answer.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The daemon cannot be reached.
    #[error("cannot reach the daemon")]
    Unreachable(#[from] SocketProblem),
    /// The daemon refuses.
    #[error(transparent)]
    Refused(#[from] Problem),
    /// The connection broke, or the answer is none.
    #[error("the connection to the daemon broke: {0}")]
    Broken(String),
}

impl ClientError {
    /// Whether the daemon is gone, as against having said no.
    pub fn is_away(&self) -> bool {
        match self {
            Self::Unreachable(_) | Self::Broken(_) => true,
            Self::Refused(_) => false,
        }
    }

    /// The sort of refusal, where the daemon refused.
    pub fn kind(&self) -> Option<ProblemKind> {
        match self {
            Self::Refused(problem) => Some(problem.kind),
            Self::Unreachable(_) | Self::Broken(_) => None,
        }
    }
}

/// Speaks to the daemon at one socket. Cheap to clone; each request has a connection of its own.
#[derive(Debug, Clone)]
pub struct Client {
    socket: PathBuf,
}

/// What is told of a run as it happens: the event and the number to resume after.
pub type EventStream<T> = stream::BoxStream<'static, Result<(String, T), ClientError>>;

impl Client {
    /// A client of the daemon at `socket`. Nothing is sent yet.
    pub fn new(socket: impl Into<PathBuf>) -> Self {
        Self { socket: socket.into() }
    }

    /// Where the daemon listens.
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// Who answers.
    ///
    /// # Errors
    /// As every method here: [`ClientError`].
    pub async fn health(&self) -> Result<Health, ClientError> {
        self.get("/health").await
    }

    /// How the host is.
    pub async fn stats(&self) -> Result<Stats, ClientError> {
        self.get("/api/stats").await
    }

    /// All projects, the archived too where `archived` says so.
    pub async fn projects(&self, archived: bool) -> Result<Vec<Project>, ClientError> {
        self.all(&format!("/api/projects?archived={archived}")).await
    }

    /// One project.
    pub async fn project(&self, slug: &Slug) -> Result<Project, ClientError> {
        self.get(&format!("/api/projects/{slug}")).await
    }

    /// Makes a project.
    pub async fn create_project(&self, new: &NewProject) -> Result<Project, ClientError> {
        self.send(Method::POST, "/api/projects", new).await
    }

    /// Puts a project away or takes it back.
    pub async fn archive_project(
        &self,
        slug: &Slug,
        archive: Archive,
    ) -> Result<Project, ClientError> {
        self.send(Method::POST, &format!("/api/projects/{slug}/archive"), &archive).await
    }

    /// All repositories, of one project where one is given.
    pub async fn repositories(
        &self,
        project: Option<&Slug>,
        archived: bool,
    ) -> Result<Vec<Repository>, ClientError> {
        let filter = project.map(|slug| format!("&project={slug}")).unwrap_or_default();
        self.all(&format!("/api/repositories?archived={archived}{filter}")).await
    }

    /// One repository.
    pub async fn repository(&self, path: &RepositoryPath) -> Result<Repository, ClientError> {
        self.get(&format!("/api/repositories/{path}")).await
    }

    /// Makes a repository known.
    pub async fn create_repository(&self, new: &NewRepository) -> Result<Repository, ClientError> {
        self.send(Method::POST, "/api/repositories", new).await
    }

    /// Puts a repository away or takes it back.
    pub async fn archive_repository(
        &self,
        path: &RepositoryPath,
        archive: Archive,
    ) -> Result<Repository, ClientError> {
        self.send(Method::POST, &format!("/api/repositories/{path}/archive"), &archive).await
    }

    /// All tasks, of one repository where one is given.
    pub async fn tasks(
        &self,
        repository: Option<&RepositoryPath>,
        archived: bool,
    ) -> Result<Vec<Task>, ClientError> {
        let filter = repository.map(|path| format!("&repository={path}")).unwrap_or_default();
        self.all(&format!("/api/tasks?archived={archived}{filter}")).await
    }

    /// One task.
    pub async fn task(&self, path: &TaskPath) -> Result<Task, ClientError> {
        self.get(&format!("/api/tasks/{path}")).await
    }

    /// Makes a task.
    pub async fn create_task(&self, new: &NewTask) -> Result<Task, ClientError> {
        self.send(Method::POST, "/api/tasks", new).await
    }

    /// Makes a task, or puts it in the place of the one with its address. With `version`, only
    /// if that one still has it.
    pub async fn put_task(&self, new: &NewTask, version: Option<u64>) -> Result<Task, ClientError> {
        let mut request = self.request(Method::PUT, &format!("/api/tasks/{}", new.path));
        if let Some(version) = version {
            request = request.header("if-match", format!("\"{version}\""));
        }
        self.exchange(request, to_body(new)?).await
    }

    /// Puts a task away or takes it back.
    pub async fn archive_task(
        &self,
        path: &TaskPath,
        archive: Archive,
    ) -> Result<Task, ClientError> {
        self.send(Method::POST, &format!("/api/tasks/{path}/archive"), &archive).await
    }

    /// Makes a run, or finds the one with the same idempotency key.
    pub async fn create_run(&self, new: &NewRun) -> Result<Run, ClientError> {
        self.send(Method::POST, "/api/runs", new).await
    }

    /// One run, by its id, either end of it, or `@last`.
    pub async fn run(&self, reference: &str) -> Result<Run, ClientError> {
        self.get(&format!("/api/runs/{}", escaped(reference))).await
    }

    /// A page of runs, the newest first.
    pub async fn runs(
        &self,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<Page<RunSummary>, ClientError> {
        let from = cursor.map(|cursor| format!("&cursor={}", escaped(cursor))).unwrap_or_default();
        self.get(&format!("/api/runs?limit={limit}{from}")).await
    }

    /// Asks a run to stop.
    pub async fn cancel_run(&self, reference: &str) -> Result<RunSummary, ClientError> {
        self.act(reference, "cancel").await
    }

    /// Asks a run to stop after the stage that executes.
    pub async fn pause_run(&self, reference: &str) -> Result<RunSummary, ClientError> {
        self.act(reference, "pause").await
    }

    /// Lets a run go on.
    pub async fn resume_run(&self, reference: &str) -> Result<RunSummary, ClientError> {
        self.act(reference, "resume").await
    }

    /// Consents to what a run waits for.
    pub async fn approve_run(&self, reference: &str) -> Result<RunSummary, ClientError> {
        self.act(reference, "approve").await
    }

    /// Refuses what a run waits for.
    pub async fn reject_run(
        &self,
        reference: &str,
        reject: &Reject,
    ) -> Result<RunSummary, ClientError> {
        let path = format!("/api/runs/{}/reject", escaped(reference));
        self.send(Method::POST, &path, reject).await
    }

    /// The result of a run that has ended.
    pub async fn envelope(&self, reference: &str) -> Result<Envelope, ClientError> {
        self.get(&format!("/api/runs/{}/envelope", escaped(reference))).await
    }

    /// A run's changes to its repository.
    pub async fn diff(&self, reference: &str) -> Result<Diff, ClientError> {
        self.get(&format!("/api/runs/{}/diff", escaped(reference))).await
    }

    /// Lines of a run's log from a number on.
    pub async fn log(
        &self,
        reference: &str,
        from: u64,
        limit: usize,
    ) -> Result<LogPage, ClientError> {
        let reference = escaped(reference);
        self.get(&format!("/api/runs/{reference}/log?from={from}&limit={limit}")).await
    }

    /// The last lines of a run's log.
    pub async fn log_tail(&self, reference: &str, limit: usize) -> Result<LogPage, ClientError> {
        let reference = escaped(reference);
        self.get(&format!("/api/runs/{reference}/log?tail={limit}")).await
    }

    /// Open findings, the newest first.
    pub async fn findings(&self) -> Result<Vec<Finding>, ClientError> {
        self.all("/api/findings?open=true").await
    }

    /// A run's events after a number: those that are there, then those that come, until it ends.
    pub async fn follow_run(
        &self,
        reference: &str,
        after: u64,
    ) -> Result<EventStream<RunEvent>, ClientError> {
        let path = format!("/api/events?run={}", escaped(reference));
        self.subscribe(&path, &after.to_string()).await
    }

    /// News of everything, from now on or after the id that was seen last.
    pub async fn notices(&self, after: Option<&str>) -> Result<EventStream<Notice>, ClientError> {
        self.subscribe("/api/events", after.unwrap_or_default()).await
    }

    /// Asks the daemon to leave; running containers stay and are adopted by the next one.
    pub async fn shut_down(&self) -> Result<(), ClientError> {
        let request = self.request(Method::POST, "/api/shutdown");
        self.open(request, Bytes::new()).await.map(drop)
    }

    async fn act(&self, reference: &str, action: &str) -> Result<RunSummary, ClientError> {
        let path = format!("/api/runs/{}/{action}", escaped(reference));
        self.exchange(self.request(Method::POST, &path), Bytes::new()).await
    }

    async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, ClientError> {
        self.exchange(self.request(Method::GET, path), Bytes::new()).await
    }

    async fn all<T: DeserializeOwned>(&self, path: &str) -> Result<Vec<T>, ClientError> {
        let mut things = Vec::new();
        let mut next: Option<String> = None;
        loop {
            let from =
                next.map(|cursor| format!("&cursor={}", escaped(&cursor))).unwrap_or_default();
            let page: Page<T> = self.get(&format!("{path}{from}")).await?;
            things.extend(page.items);
            next = page.next;
            if next.is_none() {
                return Ok(things);
            }
        }
    }

    async fn send<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, ClientError> {
        self.exchange(self.request(method, path), to_body(body)?).await
    }

    #[expect(clippy::unused_self, reason = "reads as part of the client at every call")]
    fn request(&self, method: Method, path: &str) -> hyper::http::request::Builder {
        Request::builder()
            .method(method)
            .uri(path)
            .header("host", "orch")
            .header("content-type", "application/json")
    }

    async fn exchange<T: DeserializeOwned>(
        &self,
        request: hyper::http::request::Builder,
        body: Bytes,
    ) -> Result<T, ClientError> {
        let reading = async {
            let response = self.open(request, body).await?;
            let limited = http_body_util::Limited::new(response.into_body(), MAX_ANSWER);
            let bytes = limited.collect().await.map_err(broken)?.to_bytes();
            serde_json::from_slice(&bytes).map_err(|e| {
                ClientError::Broken(format!(
                    "its answer cannot be read ({e}); the daemon may be of another version"
                ))
            })
        };
        tokio::time::timeout(ANSWER_LIMIT, reading)
            .await
            .map_err(|_| ClientError::Broken("no answer within 30 s".to_owned()))?
    }

    /// Sends a request and returns the answer with its body unread, if it is a good one.
    async fn open(
        &self,
        request: hyper::http::request::Builder,
        body: Bytes,
    ) -> Result<Response<Incoming>, ClientError> {
        let socket = transport::connect(&self.socket).await?;
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(socket)).await.map_err(broken)?;
        tokio::spawn(async move {
            // Its error reaches the reader of the body as well.
            drop(connection.await);
        });
        let request = request.body(Full::new(body)).map_err(broken)?;
        let response = sender.send_request(request).await.map_err(broken)?;
        if response.status().is_success() {
            return Ok(response);
        }
        let status = response.status();
        let bytes = response.into_body().collect().await.map_err(broken)?.to_bytes();
        Err(refusal(status, &bytes))
    }

    async fn subscribe<T: DeserializeOwned + Send + 'static>(
        &self,
        path: &str,
        after: &str,
    ) -> Result<EventStream<T>, ClientError> {
        let mut request = self.request(Method::GET, path).header("accept", "text/event-stream");
        if !after.is_empty() {
            request = request.header("last-event-id", after);
        }
        let opening = self.open(request, Bytes::new());
        let response = tokio::time::timeout(ANSWER_LIMIT, opening)
            .await
            .map_err(|_| ClientError::Broken("no answer within 30 s".to_owned()))??;
        Ok(events(response.into_body()).map(|event| decode(event?)).boxed())
    }
}

fn events(body: Incoming) -> impl Stream<Item = Result<SseEvent, ClientError>> {
    let pieces = body.into_data_stream();
    let state = (pieces, SseReader::default());
    stream::unfold(Some(state), |state| async move {
        let (mut pieces, mut reader) = state?;
        match pieces.next().await {
            None => None,
            Some(Err(error)) => Some((vec![Err(broken(error))], None)),
            Some(Ok(bytes)) => match reader.push(&bytes) {
                Ok(events) => {
                    Some((events.into_iter().map(Ok).collect::<Vec<_>>(), Some((pieces, reader))))
                }
                Err(error) => Some((vec![Err(broken(error))], None)),
            },
        }
    })
    .flat_map(stream::iter)
}

fn decode<T: DeserializeOwned>(event: SseEvent) -> Result<(String, T), ClientError> {
    let id = event.id.unwrap_or_default();
    let value = serde_json::from_str(&event.data).map_err(broken)?;
    Ok((id, value))
}

fn refusal(status: StatusCode, body: &[u8]) -> ClientError {
    match serde_json::from_slice::<Problem>(body) {
        Ok(problem) => ClientError::Refused(problem),
        Err(_) => ClientError::Broken(format!("it answered {status} without saying why")),
    }
}

fn to_body(value: &impl Serialize) -> Result<Bytes, ClientError> {
    serde_json::to_vec(value).map(Bytes::from).map_err(broken)
}

fn broken(error: impl std::fmt::Display) -> ClientError {
    ClientError::Broken(error.to_string())
}

/// Percent-encodes what a person typed, so that it stays one part of a path or a query.
fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~@".contains(&byte) {
            safe.push(char::from(byte));
        } else {
            safe.push_str(&format!("%{byte:02X}"));
        }
    }
    safe
}
