//! What backup, restore and migrate share: which store is meant, how far the work is, and how it
//! fails.

use std::io;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::context::Context;
use super::error::{CliError, ErrorKind};
use super::output::Ui;
use crate::config::paths::Paths;
use crate::config::store_url::{NoAddress, StoreUrl};
use crate::daemon::transfer::{Place, Progress, Step, Summary, Told, TransferError, Trouble};
use crate::domain::address::{InvalidAddress, StoreAddress};
use crate::domain::size::ByteSize;

/// How often a line on a terminal changes.
const PAUSE: Duration = Duration::from_millis(100);

/// The store that is configured, and the home.
///
/// # Errors
/// Where the settings lead to none.
pub(crate) fn configured(context: &Context) -> Result<(Paths, Place), CliError> {
    let url = context.settings(&[])?.settings.store.url;
    let paths = context.paths()?;
    let address = resolve(context, &url)?;
    let place = Place::new(address, &paths);
    Ok((paths, place))
}

/// The address that is meant.
///
/// # Errors
/// Where it cannot be told.
pub(crate) fn resolve(context: &Context, url: &StoreUrl) -> Result<StoreAddress, CliError> {
    Ok(url.resolve(|name| context.variable(name).map(ToOwned::to_owned))?)
}

/// Tells on stderr how far the work is: on a terminal in one line that changes, elsewhere each step
/// once.
pub(crate) fn told(ui: Ui, is_terminal: bool) -> Told {
    let last: Mutex<Option<(Step, Instant)>> = Mutex::new(None);
    Box::new(move |progress| {
        let mut last = last.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let is_new = last.is_none_or(|(step, _)| step != progress.step);
        if is_terminal {
            if is_new || last.is_some_and(|(_, at)| now.duration_since(at) >= PAUSE) {
                ui.status(Some(&words(progress)));
                *last = Some((progress.step, now));
            }
        } else if is_new {
            ui.note(name(progress.step));
            *last = Some((progress.step, now));
        }
    })
}

const fn name(step: Step) -> &'static str {
    match step {
        Step::Copy => "taking a copy of the store",
        Step::Verify => "reading the backup",
        Step::Transfer => "writing",
        Step::Check => "checking what was written",
    }
}

fn words(progress: Progress) -> String {
    let Progress { step, bytes, of, pieces } = progress;
    let size = ByteSize::from_bytes(bytes).rounded();
    let mut text = match of {
        Some(of) if of > 0 => format!("{}: {} %, {size}", name(step), bytes.min(of) * 100 / of),
        Some(_) | None => format!("{}: {size}", name(step)),
    };
    if pieces > 0 {
        text.push_str(&format!(", {pieces} documents and events"));
    }
    text
}

/// The fields that tell what was taken where.
pub(crate) fn fields(summary: &Summary) -> [(&'static str, String); 3] {
    let mut documents = summary.total().to_string();
    for (place, (name, count)) in summary.documents.iter().enumerate() {
        let sign = if place == 0 { ": " } else { ", " };
        documents.push_str(&format!("{sign}{} {count}", name.replace('_', " ")));
    }
    [
        ("documents", documents),
        ("events", summary.events.to_string()),
        ("checksum", summary.checksum.clone()),
    ]
}

/// Where a person would stand and wait.
pub(crate) fn is_terminal(stream: &impl io::IsTerminal) -> bool {
    stream.is_terminal()
}

impl From<NoAddress> for CliError {
    fn from(error: NoAddress) -> Self {
        Self::usage("cannot tell which store is meant").because(&error)
    }
}

impl From<InvalidAddress> for CliError {
    fn from(error: InvalidAddress) -> Self {
        Self::usage("that is no address of a store").because(&error).hint(
            "write sqlite:/path/to/orch.db, mongodb://host/orch, env://VARIABLE, \
             or file:///path/of/a/file/with/the/address",
        )
    }
}

impl From<TransferError> for CliError {
    fn from(error: TransferError) -> Self {
        let (kind, hint) = match &error {
            TransferError::Running { .. } => {
                (ErrorKind::Refused, "end it with `orch daemon stop`; what runs goes on without it")
            }
            TransferError::Led { .. } => (
                ErrorKind::Refused,
                "end it with `orch daemon stop` where it runs, or wait until then if it is gone",
            ),
            TransferError::Open(_) => (
                ErrorKind::Refused,
                "end it with `orch daemon stop`, under the ORCH_HOME in which it was started",
            ),
            TransferError::Made(_) => (ErrorKind::Refused, "see what it is, and begin again"),
            TransferError::LeadLost(_) => (ErrorKind::Refused, "see who it is, and begin again"),
            TransferError::NoStore(_) => (
                ErrorKind::NotFound,
                "`orch config` shows store.url; ORCH_HOME says where orch's files lie",
            ),
            TransferError::NoFile(_) => (ErrorKind::NotFound, "name the file of a backup, or -"),
            TransferError::OfTheStore(_) | TransferError::NoBackup(_) => {
                (ErrorKind::Refused, "choose another name; `--force` writes over backups only")
            }
            TransferError::Exists(_) => (ErrorKind::Refused, "choose a name that is not taken"),
            TransferError::Occupied { can_be_kept: true, .. } => (
                ErrorKind::Refused,
                "`--force` keeps it under another name and puts the backup in its place",
            ),
            TransferError::Occupied { can_be_kept: false, .. } => {
                (ErrorKind::Refused, "name another database, in which nothing is yet")
            }
            TransferError::Unreadable { .. } => (
                ErrorKind::Refused,
                "`--force` keeps it under another name and puts the backup in its place",
            ),
            TransferError::Backup { .. } => {
                (ErrorKind::Usage, "use another backup; nothing was changed because of this one")
            }
            TransferError::Differs { .. } => {
                (ErrorKind::Failed, "what was there before is as it was; please report this")
            }
            TransferError::Store { .. } | TransferError::System { .. } => {
                (of_trouble(error.trouble()), "what was there before is as it was")
            }
            TransferError::Stopped => {
                (ErrorKind::Cancelled, "what was there before is as it was; begin again at will")
            }
            TransferError::Broken(_) => (ErrorKind::Internal, "what was there before is as it was"),
        };
        Self::of_chain(kind, &error).hint(hint)
    }
}

const fn of_trouble(trouble: Trouble) -> ErrorKind {
    match trouble {
        Trouble::NotFound => ErrorKind::NotFound,
        Trouble::Refused => ErrorKind::Refused,
        Trouble::Unreachable => ErrorKind::Unavailable,
        Trouble::Other => ErrorKind::Failed,
    }
}
