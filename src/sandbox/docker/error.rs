//! The engine's errors in our words.

use std::io;
use std::time::Duration;

use bollard::errors::Error;

use crate::sandbox::SandboxError;

/// Which engine is spoken to, for messages.
#[derive(Debug, Clone)]
pub(super) struct Engine {
    pub(super) path: String,
}

/// The HTTP status of a refusal.
pub(super) fn status(error: &Error) -> Option<u16> {
    match error {
        Error::DockerResponseServerError { status_code, .. } => Some(*status_code),
        _ => None,
    }
}

impl Engine {
    fn name(&self) -> String {
        format!("Docker at {}", self.path)
    }

    /// An error of a call that is not about one container.
    pub(super) fn error(&self, action: &str, error: Error) -> SandboxError {
        if let Error::DockerResponseServerError { message, .. } = &error {
            return SandboxError::Failed {
                action: action.to_owned(),
                source: message.trim().to_owned().into(),
            };
        }
        match io_kind(&error) {
            Some(io::ErrorKind::PermissionDenied) => {
                SandboxError::Permission { engine: self.name(), source: Box::new(error) }
            }
            Some(_) => SandboxError::Unreachable { engine: self.name(), source: Box::new(error) },
            None if is_connection(&error) => {
                SandboxError::Unreachable { engine: self.name(), source: Box::new(error) }
            }
            None => SandboxError::Failed { action: action.to_owned(), source: Box::new(error) },
        }
    }

    /// An error of a call about one container.
    pub(super) fn container(&self, action: &str, name: &str, error: Error) -> SandboxError {
        match status(&error) {
            Some(404) => SandboxError::NotFound(name.to_owned()),
            // Somebody else is removing it.
            Some(409) if error.to_string().contains("marked for removal") => {
                SandboxError::NotFound(name.to_owned())
            }
            _ => self.error(&format!("{action} the container {name}"), error),
        }
    }

    /// It took too long to say anything.
    pub(super) fn silent(&self, limit: Duration) -> SandboxError {
        SandboxError::Unreachable {
            engine: self.name(),
            source: format!("no answer within {} s", limit.as_secs()).into(),
        }
    }

    /// Its address is none that can be used.
    pub(super) fn no_socket(&self) -> SandboxError {
        SandboxError::Unreachable {
            engine: self.name(),
            source: "only sockets can be used, written as unix:///path".into(),
        }
    }

    /// It stopped in the middle of an answer.
    pub(super) fn cut_off(&self) -> SandboxError {
        SandboxError::Unreachable { engine: self.name(), source: "it hung up".into() }
    }
}

/// Looks through the causes for what the system said.
fn io_kind(error: &Error) -> Option<io::ErrorKind> {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(current) = cause {
        if let Some(found) = current.downcast_ref::<io::Error>() {
            return Some(found.kind());
        }
        cause = current.source();
    }
    None
}

fn is_connection(error: &Error) -> bool {
    matches!(
        error,
        Error::HyperResponseError { .. }
            | Error::HyperLegacyError { .. }
            | Error::RequestTimeoutError
            | Error::SocketNotFoundError(_)
    )
}
