//! What effects do. The runner owns the client; what comes of an effect goes back as a reply
//! through a bounded queue.

use std::time::Duration;

use futures_util::StreamExt;
use tokio::sync::mpsc::Sender;
use tokio::task::{AbortHandle, JoinError, JoinSet};

use super::effect::{Effect, Request};
use super::event::{Reply, Trouble};
use super::model::Snapshot;
use crate::api::client::{Client, ClientError};
use crate::api::request::{NewRun, RunTarget};
use crate::api::view::RunSummary;
use crate::domain::id::RunId;
use crate::domain::slug::TaskPath;

/// The newest runs that are asked for at first.
const RUNS: usize = 200;
/// The lines of a log that are read at first.
const TAIL: usize = 500;

/// Executes effects.
pub(super) struct Runner {
    client: Client,
    /// Answers.
    replies: Sender<Reply>,
    /// News and events, which may be many.
    news: Sender<Reply>,
    tasks: JoinSet<()>,
    /// What listens to news; one at a time.
    connection: Option<AbortHandle>,
    /// What reads or follows a log; one at a time.
    log: Option<AbortHandle>,
}

impl Runner {
    /// A runner of nothing so far. Dropping it ends everything that it runs.
    pub(super) fn new(client: Client, replies: Sender<Reply>, news: Sender<Reply>) -> Self {
        Self { client, replies, news, tasks: JoinSet::new(), connection: None, log: None }
    }

    /// Begins an effect; those that are the terminal's business are not for here.
    pub(super) fn perform(&mut self, effect: Effect) {
        let client = self.client.clone();
        let replies = self.replies.clone();
        let news = self.news.clone();
        match effect {
            Effect::Connect { generation, after } => {
                let handle = self.tasks.spawn(listen(client, news, generation, after));
                replace(&mut self.connection, handle);
            }
            Effect::FetchAll { generation } => {
                self.tasks.spawn(async move {
                    let result = everything(&client).await.map(Box::new).map_err(trouble);
                    tell(&replies, Reply::Everything { generation, result }).await;
                });
            }
            Effect::FetchStats => {
                self.tasks.spawn(async move {
                    if let Ok(stats) = client.stats().await {
                        tell(&replies, Reply::Stats(stats)).await;
                    }
                });
            }
            Effect::FetchRun { run } => {
                self.tasks.spawn(async move {
                    let told = client.run(&run.to_string()).await;
                    let result = told.map(|run| Box::new(RunSummary::from(&run))).map_err(trouble);
                    tell(&replies, Reply::Run { run, result }).await;
                });
            }
            Effect::LoadLogTail { run, generation } => {
                let handle = self.tasks.spawn(async move {
                    let result = client.log_tail(&run.to_string(), TAIL).await.map_err(trouble);
                    tell(&replies, Reply::LogTail { generation, result }).await;
                });
                replace(&mut self.log, handle);
            }
            Effect::FollowRun { run, seq, generation, after } => {
                let handle = self.tasks.spawn(async move {
                    tokio::time::sleep(after).await;
                    let trouble = follow(&client, &news, run, seq, generation).await.err();
                    let trouble = trouble.map(self::trouble);
                    tell(&news, Reply::FollowEnded { generation, trouble }).await;
                });
                replace(&mut self.log, handle);
            }
            Effect::StartRun { task } => {
                self.tasks.spawn(async move {
                    let result = start(&client, &task).await.map_err(trouble);
                    tell(&replies, Reply::Started { task, result }).await;
                });
            }
            Effect::Ask { run, request } => {
                self.tasks.spawn(async move {
                    let reference = run.to_string();
                    let told = match request {
                        Request::Cancel => client.cancel_run(&reference).await,
                        Request::Pause => client.pause_run(&reference).await,
                        Request::Resume => client.resume_run(&reference).await,
                        Request::Approve => client.approve_run(&reference).await,
                    };
                    let result = told.map(Box::new).map_err(trouble);
                    tell(&replies, Reply::Asked { run, request, result }).await;
                });
            }
            Effect::Redraw | Effect::Suspend | Effect::Quit => {}
        }
    }

    /// Gives the next effect that ended, or waits for ever where none executes.
    pub(super) async fn ended(&mut self) -> Result<(), JoinError> {
        match self.tasks.join_next().await {
            Some(Err(error)) if error.is_panic() => Err(error),
            Some(_) => Ok(()),
            None => std::future::pending().await,
        }
    }
}

fn replace(slot: &mut Option<AbortHandle>, handle: AbortHandle) {
    if let Some(before) = slot.replace(handle) {
        before.abort();
    }
}

#[expect(clippy::needless_pass_by_value, reason = "stands where errors are mapped")]
fn trouble(error: ClientError) -> Trouble {
    Trouble::from(&error)
}

/// The queue is closed only when the interface is leaving; then nobody wants to know.
async fn tell(queue: &Sender<Reply>, reply: Reply) {
    drop(queue.send(reply).await);
}

async fn listen(client: Client, news: Sender<Reply>, generation: u64, after: Duration) {
    tokio::time::sleep(after).await;
    let trouble = match client.notices(None).await {
        Err(error) => trouble(error),
        Ok(mut stream) => {
            tell(&news, Reply::Connected { generation }).await;
            loop {
                match stream.next().await {
                    Some(Ok((_, notice))) => {
                        tell(&news, Reply::Notice { generation, notice }).await;
                    }
                    Some(Err(error)) => break trouble(error),
                    None => {
                        break trouble(ClientError::Broken("it ended the stream".to_owned()));
                    }
                }
            }
        }
    };
    tell(&news, Reply::Disconnected { generation, trouble }).await;
}

async fn everything(client: &Client) -> Result<Snapshot, ClientError> {
    let (projects, repositories, tasks, runs, findings, stats) = tokio::try_join!(
        client.projects(false),
        client.repositories(None, false),
        client.tasks(None, false),
        client.runs(None, RUNS),
        client.findings(),
        client.stats(),
    )?;
    Ok(Snapshot { projects, repositories, tasks, runs: runs.items, findings, stats })
}

async fn follow(
    client: &Client,
    news: &Sender<Reply>,
    run: RunId,
    seq: u64,
    generation: u64,
) -> Result<(), ClientError> {
    let mut stream = client.follow_run(&run.to_string(), seq).await?;
    while let Some(told) = stream.next().await {
        let (_, event) = told?;
        tell(news, Reply::RunEvent { generation, event: Box::new(event) }).await;
    }
    Ok(())
}

async fn start(client: &Client, task: &TaskPath) -> Result<Box<RunSummary>, ClientError> {
    let new = NewRun { of: RunTarget::Task(task.clone()), priority: None, idempotency_key: None };
    let run = client.create_run(&new).await?;
    Ok(Box::new(RunSummary::from(&run)))
}
