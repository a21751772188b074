//! What a person or the system says to a program that follows a run: Ctrl-C, an answer, or to
//! leave.

use std::io::{self, BufRead};

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;

use crate::cli::error::CliError;

/// What was said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Word {
    /// Ctrl-C.
    Interrupt,
    /// Leave; the run goes on.
    Leave,
    /// A person chose to leave the run alone.
    Detach,
    /// A person chose to stop the run.
    Cancel,
    /// A person said something else, or nothing.
    GoOn,
}

/// Hears the signals, and the answer to a question that was asked.
pub(super) struct Interrupts {
    interrupt: Signal,
    terminate: Signal,
    hang_up: Signal,
    answers: mpsc::Receiver<Word>,
    answer: mpsc::Sender<Word>,
}

impl Interrupts {
    /// Takes the signals over from the system.
    ///
    /// # Errors
    /// Where the system does not give them.
    pub(super) fn listen() -> Result<Self, CliError> {
        let take = |kind| {
            signal(kind).map_err(|error| CliError::internal("cannot listen to signals", &error))
        };
        let (answer, answers) = mpsc::channel(1);
        Ok(Self {
            interrupt: take(SignalKind::interrupt())?,
            terminate: take(SignalKind::terminate())?,
            hang_up: take(SignalKind::hangup())?,
            answers,
            answer,
        })
    }

    /// The next word.
    pub(super) async fn next(&mut self) -> Word {
        tokio::select! {
            _ = self.interrupt.recv() => Word::Interrupt,
            _ = self.terminate.recv() => Word::Leave,
            _ = self.hang_up.recv() => Word::Leave,
            Some(word) = self.answers.recv() => word,
        }
    }

    /// Waits for one line on standard input, beside everything else.
    pub(super) fn expect_answer(&self) {
        let answer = self.answer.clone();
        std::thread::spawn(move || {
            let mut line = String::new();
            let word = match io::stdin().lock().read_line(&mut line) {
                Ok(_) => meaning(&line),
                Err(_) => Word::GoOn,
            };
            // Nobody waits for it any more once the run has ended.
            answer.blocking_send(word).ok();
        });
    }
}

fn meaning(line: &str) -> Word {
    match line.trim().to_lowercase().as_str() {
        "d" | "detach" => Word::Detach,
        "c" | "cancel" => Word::Cancel,
        _ => Word::GoOn,
    }
}
