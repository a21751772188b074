//! The events of a run, one after the other, without a gap and without a double, over as many
//! connections as it takes. A daemon that went away is started again.

use std::time::{Duration, Instant};

use futures_util::StreamExt;

use crate::api::client::{Client, ClientError, EventStream};
use crate::api::problem::ProblemKind;
use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::start;
use crate::domain::event::RunEvent;

const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
/// How long the daemon may be away before a person is told to look.
const AWAY_LIMIT: Duration = Duration::from_secs(60);

/// Reads the events of one run.
pub(crate) struct Follower<'a> {
    context: &'a Context,
    client: Client,
    run: String,
    /// The number of the last event that was handed out.
    last: u64,
    stream: Option<EventStream<RunEvent>>,
    /// Whether the stream that is open has given anything yet.
    heard: bool,
    /// Since when the daemon is away.
    away_since: Option<Instant>,
    pause: Duration,
    /// The number before which a second reading found the same gap.
    gap: Option<u64>,
}

impl<'a> Follower<'a> {
    /// Follows a run after the event with a number; 0 is from its beginning.
    pub(crate) fn new(
        context: &'a Context,
        client: &Client,
        run: impl Into<String>,
        after: u64,
    ) -> Self {
        Self {
            context,
            client: client.clone(),
            run: run.into(),
            last: after,
            stream: None,
            heard: false,
            away_since: None,
            pause: FIRST_PAUSE,
            gap: None,
        }
    }

    /// The next event; nothing once the run has ended and all its events were read. It can be
    /// dropped at any await and called again.
    ///
    /// # Errors
    /// Where the daemon refuses, or stays away.
    pub(crate) async fn next(&mut self) -> Result<Option<RunEvent>, CliError> {
        loop {
            let Some(stream) = &mut self.stream else {
                self.connect().await?;
                continue;
            };
            match stream.next().await {
                Some(Ok((_, event))) => {
                    if let Some(event) = self.take(event) {
                        return Ok(Some(event));
                    }
                }
                Some(Err(error)) => {
                    self.stream = None;
                    self.bear(error).await?;
                }
                None => {
                    self.stream = None;
                    if !self.heard && self.has_ended().await? {
                        return Ok(None);
                    }
                    if !self.heard {
                        self.rest().await;
                    }
                }
            }
        }
    }

    /// The event, where it is the next one.
    fn take(&mut self, event: RunEvent) -> Option<RunEvent> {
        if event.seq <= self.last {
            return None;
        }
        let is_gap = event.seq > self.last + 1;
        if is_gap && self.gap != Some(event.seq) {
            // Read once more from where we stand; what is missing then is missing in the record.
            self.gap = Some(event.seq);
            self.stream = None;
            return None;
        }
        if is_gap {
            let (from, to) = (self.last + 1, event.seq - 1);
            self.context.ui().warn(&format!("events {from} to {to} are missing in the record"));
        }
        self.last = event.seq;
        self.heard = true;
        self.away_since = None;
        self.pause = FIRST_PAUSE;
        Some(event)
    }

    async fn connect(&mut self) -> Result<(), CliError> {
        match self.client.follow_run(&self.run, self.last).await {
            Ok(stream) => {
                self.stream = Some(stream);
                self.heard = false;
                self.away_since = None;
                Ok(())
            }
            Err(error) => self.bear(error).await,
        }
    }

    async fn has_ended(&mut self) -> Result<bool, CliError> {
        match self.client.run(&self.run).await {
            Ok(run) => Ok(run.outcome().is_some()),
            Err(error) => self.bear(error).await.map(|()| false),
        }
    }

    /// Waits a little where the daemon is away, and sees that there is one again.
    async fn bear(&mut self, error: ClientError) -> Result<(), CliError> {
        if !error.is_away() && error.kind() != Some(ProblemKind::Unavailable) {
            return Err(error.into());
        }
        let since = match self.away_since {
            Some(since) => since,
            None => {
                self.context.ui().note("the daemon went away; waiting for it");
                *self.away_since.insert(Instant::now())
            }
        };
        let told =
            |error: CliError| error.hint(format!("see how it ended with `orch show {}`", self.run));
        if since.elapsed() > AWAY_LIMIT {
            return Err(told(error.into()));
        }
        self.rest().await;
        // Its error counts as being away; it comes back here if it lasts.
        if let Err(error) = start::reach(self.context, &[]).await
            && since.elapsed() > AWAY_LIMIT
        {
            return Err(error);
        }
        Ok(())
    }

    async fn rest(&mut self) {
        tokio::time::sleep(self.pause).await;
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
    }
}

#[cfg(test)]
mod tests;
