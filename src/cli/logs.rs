//! `orch logs`: the log of a run, from its beginning or its end, and on as it grows.

use clap::Args;
use jiff::SignedDuration;

use super::context::Context;
use super::error::CliError;
use super::exit::Exit;
use super::output::Ui;
use super::run::follow::Follower;
use crate::api::client::Client;
use crate::api::view::LogEntry;
use crate::domain::event::{EventKind, RunEvent};
use crate::domain::text::printable;

/// Lines that are asked for at once.
const PAGE: usize = 5_000;

/// The arguments.
#[derive(Debug, Args)]
pub(crate) struct LogsArgs {
    /// The run: its id, either end of it, or @last
    #[arg(value_name = "RUN")]
    run: String,
    /// Go on as the log grows, until the run ends
    #[arg(short, long)]
    follow: bool,
    /// Begin with the last lines only
    #[arg(long, value_name = "LINES",
          value_parser = clap::value_parser!(u32).range(1..=100_000))]
    tail: Option<u32>,
    /// Print one JSON document for each line
    #[arg(long)]
    json: bool,
}

/// Prints a log.
///
/// # Errors
/// Where the daemon does not answer, or there is no such run.
pub(crate) async fn run(context: &Context, args: &LogsArgs) -> Result<Exit, CliError> {
    let client = context.client().await?;
    // The name is resolved once: @last may be another run a moment later.
    let run = client.run(&args.run).await?;
    let id = run.id().to_string();
    let mut printer = Printer { ui: context.ui(), json: args.json, next: 1 };
    let seq = printer.print_stored(&client, &id, args.tail).await?;
    if !args.follow {
        if printer.next == 1 {
            context.ui().note("the log is empty so far");
        }
        return Ok(Exit::Succeeded);
    }
    let mut follower = Follower::new(context, &client, id, seq);
    while let Some(event) = follower.next().await? {
        printer.print_event(&event)?;
        if let EventKind::Ended { outcome } = &event.kind {
            context.ui().note(&format!("the run has ended: {}", outcome.name()));
            break;
        }
    }
    Ok(Exit::Succeeded)
}

struct Printer {
    ui: Ui,
    json: bool,
    /// The number of the next line; what comes with a lower one was printed already.
    next: u64,
}

impl Printer {
    /// Prints what is stored, and returns the number of the event to follow from.
    async fn print_stored(
        &mut self,
        client: &Client,
        id: &str,
        tail: Option<u32>,
    ) -> Result<u64, CliError> {
        if let Some(lines) = tail {
            let page = client.log_tail(id, lines as usize).await?;
            self.print(page.lines)?;
            self.next = self.next.max(page.total + 1);
            return Ok(page.seq);
        }
        loop {
            let page = client.log(id, self.next, PAGE).await?;
            let is_last = page.lines.is_empty();
            self.print(page.lines)?;
            if is_last || self.next > page.total {
                return Ok(page.seq);
            }
        }
    }

    fn print_event(&mut self, event: &RunEvent) -> Result<(), CliError> {
        let EventKind::Log { chunk } = &event.kind else { return Ok(()) };
        let lines = (chunk.first_line..).zip(&chunk.lines).map(|(line, printed)| {
            let since = SignedDuration::from_millis(i64::from(printed.0));
            LogEntry {
                line,
                at: event.at.saturating_add(since).unwrap_or(event.at),
                stage: chunk.stage,
                source: printed.1,
                text: printed.2.clone(),
            }
        });
        self.print(lines.collect())
    }

    fn print(&mut self, lines: Vec<LogEntry>) -> Result<(), CliError> {
        let mut text = String::new();
        for entry in lines {
            if entry.line < self.next {
                continue;
            }
            self.next = entry.line + 1;
            if self.json {
                self.ui.json_line(&entry)?;
            } else {
                text.push_str(&printable(&entry.text));
                text.push('\n');
            }
        }
        if text.is_empty() { Ok(()) } else { self.ui.raw(text.as_bytes()) }
    }
}
