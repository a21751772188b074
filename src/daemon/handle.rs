//! The way to the actor: what can be told and asked, in a bounded queue.

use tokio::sync::{mpsc, oneshot};

use crate::api::view::RunSummary;
use crate::domain::id::RunId;
use crate::domain::limits::SandboxKind;
use crate::domain::run::{Fact, Refused, Run};
use crate::engine::reconcile::Sighting;

const QUEUE: usize = 1_024;

/// A handle, and where what is sent by it arrives.
pub(super) fn channel() -> (Handle, mpsc::Receiver<Message>) {
    let (sender, inbox) = mpsc::channel(QUEUE);
    (Handle { sender }, inbox)
}

/// What reaches the actor.
pub(super) enum Message {
    Submit { run: Box<Run>, reply: oneshot::Sender<Run> },
    Tell { run: RunId, fact: Fact, reply: Option<oneshot::Sender<Result<RunSummary, Refused>>> },
    Observed { kind: SandboxKind, found: Vec<Sighting> },
    SlotsChanged,
}

/// The actor is gone: the daemon is leaving.
#[derive(Debug, thiserror::Error)]
#[error("the daemon is leaving")]
pub(crate) struct Gone;

/// Reaches the actor.
#[derive(Clone)]
pub(crate) struct Handle {
    sender: mpsc::Sender<Message>,
}

impl Handle {
    /// A new run, or the one that was made under its key before. It is stored when this returns.
    pub(crate) async fn submit(&self, run: Run) -> Result<Run, Gone> {
        let (reply, answer) = oneshot::channel();
        self.send(Message::Submit { run: Box::new(run), reply }).await?;
        answer.await.map_err(|_| Gone)
    }

    /// Something that a person wants of a run.
    pub(crate) async fn ask(
        &self,
        run: RunId,
        fact: Fact,
    ) -> Result<Result<RunSummary, Refused>, Gone> {
        let (reply, answer) = oneshot::channel();
        self.send(Message::Tell { run, fact, reply: Some(reply) }).await?;
        answer.await.map_err(|_| Gone)
    }

    /// Something that happened to a run.
    pub(crate) async fn tell(&self, run: RunId, fact: Fact) -> Result<(), Gone> {
        self.send(Message::Tell { run, fact, reply: None }).await
    }

    /// What was found of one kind of sandbox.
    pub(crate) async fn observed(
        &self,
        kind: SandboxKind,
        found: Vec<Sighting>,
    ) -> Result<(), Gone> {
        self.send(Message::Observed { kind, found }).await
    }

    /// The caps have changed.
    pub(crate) async fn slots_changed(&self) -> Result<(), Gone> {
        self.send(Message::SlotsChanged).await
    }

    async fn send(&self, message: Message) -> Result<(), Gone> {
        self.sender.send(message).await.map_err(|_| Gone)
    }
}
