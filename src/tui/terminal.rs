//! The terminal: taken over, given back whatever happens, lent to the shell for a while.

use std::io::{self, Write};
use std::panic::PanicHookInfo;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crossterm::cursor::{Hide, Show};
use crossterm::execute;
use crossterm::style::Print;
use crossterm::terminal::{
    EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
};
use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
use rustix::process::{Signal, getpid, kill_process};
use tokio::signal::unix::{Signal as SignalStream, SignalKind, signal};

/// Buttons and the wheel, told as numbers. Unlike crossterm's own command this does not ask for
/// every movement of the mouse: over SSH each would cost bytes and wake us for nothing.
const MOUSE_ON: &str = "\u{1b}[?1000h\u{1b}[?1006h";
const MOUSE_OFF: &str = "\u{1b}[?1006l\u{1b}[?1000l";
/// How long the shell may take to stop us. Without job control it never does.
const STOP_LIMIT: Duration = Duration::from_millis(500);

/// The screen that is drawn to.
pub(super) type Screen = Terminal<CrosstermBackend<io::Stdout>>;

/// The terminal while it is ours; dropping it gives it back.
pub(super) struct Held {
    /// What is drawn to.
    pub(super) screen: Screen,
    continued: SignalStream,
}

impl Held {
    /// Takes the terminal over. From here on a panic gives it back and writes a report into
    /// `reports`.
    pub(super) fn take(reports: PathBuf) -> io::Result<Self> {
        let continued = signal(SignalKind::from_raw(Signal::CONT.as_raw()))?;
        std::panic::set_hook(Box::new(move |panic| give_back_and_report(panic, &reports)));
        enter()?;
        let screen = match Terminal::new(CrosstermBackend::new(io::stdout())) {
            Ok(screen) => screen,
            Err(error) => {
                leave()?;
                return Err(error);
            }
        };
        Ok(Self { screen, continued })
    }

    /// Lets the next frame draw everything, whatever is on the screen.
    ///
    /// A resize does that. ratatui's `clear` would ask the terminal for its cursor first and wait
    /// for the answer, which a slow line is late with and some terminals never give.
    pub(super) fn redraw(&mut self) -> io::Result<()> {
        let size = self.screen.size()?;
        self.screen.resize(size.into())
    }

    /// Waits until the shell brought us back after a stop that we did not ask for.
    pub(super) async fn continued(&mut self) {
        self.continued.recv().await;
    }

    /// Takes the terminal again after somebody else may have used it.
    pub(super) fn take_again(&mut self) -> io::Result<()> {
        // crossterm believes that raw mode is still on, while a shell may have taken it away.
        disable_raw_mode()?;
        enter()?;
        self.redraw()
    }

    /// Gives the terminal to the shell and stops; goes on when the shell brings us back.
    pub(super) async fn suspend(&mut self) -> io::Result<()> {
        leave()?;
        kill_process(getpid(), Signal::TSTP)?;
        // The stop may hit a moment later than the call returns. Being continued is the one sure
        // sign that it is over; where there is no job control, no stop comes at all.
        drop(tokio::time::timeout(STOP_LIMIT, self.continued.recv()).await);
        self.take_again()
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        // While a panic unwinds, its hook has given the terminal back and may not be changed.
        if !std::thread::panicking() {
            drop(leave());
            drop(std::panic::take_hook());
        }
    }
}

fn enter() -> io::Result<()> {
    enable_raw_mode()?;
    execute!(io::stdout(), EnterAlternateScreen, Print(MOUSE_ON), Hide)
}

fn leave() -> io::Result<()> {
    let told = execute!(io::stdout(), Print(MOUSE_OFF), LeaveAlternateScreen, Show);
    disable_raw_mode()?;
    told
}

fn give_back_and_report(panic: &PanicHookInfo<'_>, reports: &Path) {
    // Nothing better than going on can be done about a failure in here.
    drop(leave());
    let trace = std::backtrace::Backtrace::force_capture();
    let report = format!("orch {} panicked\n{panic}\n{trace}", env!("CARGO_PKG_VERSION"));
    let path = reports.join(format!("panic-{}.txt", std::process::id()));
    let written = std::fs::create_dir_all(reports).and_then(|()| std::fs::write(&path, &report));
    let mut stderr = io::stderr();
    drop(match written {
        Ok(()) => writeln!(stderr, "orch failed; the report lies in {}", path.display()),
        Err(_) => writeln!(stderr, "orch failed, and the report could not be kept:\n{report}"),
    });
}
