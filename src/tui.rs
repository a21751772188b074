//! The terminal interface: a client of the API and nothing more.
//!
//! One loop and one queue: what happens becomes an [`event::Event`], [`app::App::update`] takes it
//! and says what has to be done as [`effect::Effect`]s, the runner does it and tells what came of
//! it as another event. Between two frames everything that waits is taken in; a frame is drawn
//! only when something on it changed, and at most thirty times a second.

use std::future::poll_fn;
use std::io;
use std::path::PathBuf;
use std::task::Poll;
use std::time::Duration;

use crossterm::event::{Event as Input, EventStream};
use futures_util::StreamExt;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use ratatui::layout::Size;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc::{self, Receiver};
use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;

use self::app::App;
use self::effect::Effect;
use self::event::{Event, Reply};
use self::keymap::Keymap;
use self::panes::Ctx;
use self::runner::Runner;
use self::terminal::Held;
use self::theme::Theme;
use self::widgets::fold::fold;
use crate::api::client::Client;

pub mod action;
pub mod app;
pub mod effect;
pub mod event;
pub mod keymap;
pub mod layout;
pub mod model;
pub mod panes;
pub mod popups;
mod runner;
pub mod status;
mod terminal;
pub mod theme;
pub mod widgets;

/// Thirty frames a second: more is not seen, and costs bytes.
const FRAME: Duration = Duration::from_millis(33);
/// What may wait in a queue before its sender has to.
const QUEUE: usize = 256;
/// What is taken in at once before a frame may be drawn.
const BATCH: usize = 1_024;

/// What the caller decides.
#[derive(Debug, Clone)]
pub struct Options {
    /// What things look like, for the colours that the terminal has.
    pub theme: Theme,
    /// Whether the terminal knows only ASCII.
    pub is_ascii: bool,
    /// Where the reader's clock hangs.
    pub time_zone: TimeZone,
    /// Where a report goes if the interface breaks.
    pub reports: PathBuf,
}

/// Why the interface ended otherwise than a person wished.
#[derive(Debug, thiserror::Error)]
pub enum TuiError {
    /// The terminal refuses.
    #[error("cannot use the terminal")]
    Terminal(#[from] io::Error),
    /// The terminal is gone.
    #[error("the terminal closed")]
    Closed,
    /// A part of the interface broke; its report is written.
    #[error("a part of the interface failed")]
    Broken,
}

/// Shows the interface until the person leaves, or the process is asked to end. While the daemon
/// is away it goes on showing what it knows, and tries to reach it again.
///
/// # Errors
/// [`TuiError`]; the terminal is given back in any case.
pub async fn run(client: Client, options: Options) -> Result<(), TuiError> {
    let cancel = cancelled_by_signals()?;
    let (replies, mut answers) = mpsc::channel(QUEUE);
    let (news_tx, mut news) = mpsc::channel(QUEUE);
    let mut runner = Runner::new(client, replies, news_tx);
    let mut held = Held::take(options.reports.clone())?;
    let mut app = App::new(held.screen.size()?, Keymap::default());
    let mut input = EventStream::new();
    let mut second = tokio::time::interval(Duration::from_secs(1));
    second.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut next_frame = Instant::now();
    let mut is_dirty = true;
    for effect in app.start() {
        runner.perform(effect);
    }
    loop {
        let is_due = Instant::now() >= next_frame;
        is_dirty |= app.take_dirty();
        if is_dirty && is_due {
            draw(&mut held, &app, &options)?;
            is_dirty = false;
            next_frame = Instant::now() + FRAME;
        }
        let first = tokio::select! {
            biased;
            () = cancel.cancelled() => return Ok(()),
            ended = runner.ended() => {
                if ended.is_err() {
                    return Err(TuiError::Broken);
                }
                continue;
            }
            Some(reply) = answers.recv() => Event::Reply(reply),
            Some(reply) = news.recv() => Event::Reply(reply),
            told = input.next() => match translated(told)? {
                Some(event) => event,
                None => continue,
            },
            () = held.continued() => {
                held.take_again()?;
                Event::Resumed
            }
            _ = second.tick(), if app.wants_seconds() => Event::Second,
            () = tokio::time::sleep_until(next_frame), if is_dirty => continue,
        };
        let mut events = vec![first];
        take_waiting(&mut events, &mut answers, &mut news, &mut input).await?;
        for event in events {
            for effect in app.update(event) {
                match effect {
                    Effect::Quit => return Ok(()),
                    Effect::Suspend => {
                        // Nobody may read the keys that are meant for the shell. A new reader
                        // can only be had when the old one is gone.
                        drop(input);
                        held.suspend().await?;
                        input = EventStream::new();
                        app.update(Event::Resize(held.screen.size()?));
                    }
                    Effect::Redraw => held.redraw()?,
                    Effect::Connect { .. }
                    | Effect::FetchAll { .. }
                    | Effect::FetchStats
                    | Effect::FetchRun { .. }
                    | Effect::LoadLogTail { .. }
                    | Effect::FollowRun { .. }
                    | Effect::StartRun { .. }
                    | Effect::Ask { .. } => runner.perform(effect),
                }
            }
        }
    }
}

/// Takes in what waits besides, the keys too: however much the daemon has to tell, a key is
/// answered in the next frame.
async fn take_waiting(
    events: &mut Vec<Event>,
    answers: &mut Receiver<Reply>,
    news: &mut Receiver<Reply>,
    input: &mut EventStream,
) -> Result<(), TuiError> {
    for queue in [answers, news] {
        while events.len() < BATCH
            && let Ok(reply) = queue.try_recv()
        {
            events.push(Event::Reply(reply));
        }
    }
    while events.len() < 2 * BATCH {
        // With our own waker: the stream keeps the first one that it is given until it is woken,
        // so that a look without one would let the next key go unheard.
        let look = poll_fn(|context| Poll::Ready(input.poll_next_unpin(context)));
        match look.await {
            Poll::Ready(told) => events.extend(translated(told)?),
            Poll::Pending => break,
        }
    }
    Ok(())
}

/// What an input means to us, if anything.
fn translated(told: Option<io::Result<Input>>) -> Result<Option<Event>, TuiError> {
    match told {
        Some(Ok(Input::Key(key))) => Ok(Some(Event::Key(key))),
        Some(Ok(Input::Mouse(mouse))) => Ok(Some(Event::Mouse(mouse))),
        Some(Ok(Input::Resize(width, height))) => Ok(Some(Event::Resize(Size { width, height }))),
        Some(Ok(Input::FocusGained | Input::FocusLost | Input::Paste(_))) => Ok(None),
        Some(Err(error)) => Err(error.into()),
        None => Err(TuiError::Closed),
    }
}

fn draw(held: &mut Held, app: &App, options: &Options) -> io::Result<()> {
    let ctx = Ctx { theme: &options.theme, now: Timestamp::now(), zone: &options.time_zone };
    held.screen.draw(|frame| {
        app.draw(frame.buffer_mut(), ctx);
        if options.is_ascii {
            fold(frame.buffer_mut());
        }
    })?;
    Ok(())
}

/// A token that is cancelled when the process is asked to end, or its terminal hangs up.
fn cancelled_by_signals() -> io::Result<CancellationToken> {
    let token = CancellationToken::new();
    for kind in [SignalKind::terminate(), SignalKind::hangup(), SignalKind::interrupt()] {
        let mut stream = signal(kind)?;
        let token = token.clone();
        tokio::spawn(async move {
            tokio::select! {
                _ = stream.recv() => token.cancel(),
                () = token.cancelled() => {}
            }
        });
    }
    Ok(token)
}

#[cfg(test)]
mod tests;
