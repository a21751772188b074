//! The unix socket: where it may lie, and whether it can be trusted.

use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

/// The longest path that the kernel takes for a socket.
pub const MAX_SOCKET_PATH: usize = 107;

/// Why a socket cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SocketProblem {
    /// The kernel would refuse the path.
    #[error(
        "the socket path {} has {} bytes, more than the {MAX_SOCKET_PATH} that the kernel takes",
        .0.display(), .0.as_os_str().len()
    )]
    TooLong(PathBuf),
    /// It, or the folder, belongs to somebody else.
    #[error("{} belongs to user {owner}, not to you (user {me})", .path.display())]
    Foreign {
        /// What is foreign.
        path: PathBuf,
        /// Its owner.
        owner: u32,
        /// Us.
        me: u32,
    },
    /// Others may write where it lies.
    #[error("others may enter {}, where the socket lies (mode {mode:o})", .path.display())]
    Exposed {
        /// The folder.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// Something else lies there.
    #[error("{} is not a socket", .0.display())]
    NotASocket(PathBuf),
    /// Nobody listens.
    #[error("no daemon listens at {}", .0.display())]
    NobodyListens(PathBuf),
    /// The system refused.
    #[error("cannot use the socket {}", .path.display())]
    Io {
        /// Which socket.
        path: PathBuf,
        /// The system's word.
        source: io::Error,
    },
}

impl SocketProblem {
    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::TooLong(_) => "set ORCH_HOME or XDG_RUNTIME_DIR to a shorter path",
            Self::Foreign { .. } => "set ORCH_HOME or XDG_RUNTIME_DIR to a folder of your own",
            Self::Exposed { .. } => "make the folder private: chmod 700",
            Self::NotASocket(_) => "move the file away, or set ORCH_HOME to another folder",
            Self::NobodyListens(_) => "start it with `orch daemon start`",
            Self::Io { .. } => "check the folder's permissions and free space",
        }
    }
}

/// Checks the path of a socket before anything is sent there or listens there.
///
/// # Errors
/// [`SocketProblem`], where it is too long, foreign, exposed or no socket.
pub fn check_socket(path: &Path) -> Result<(), SocketProblem> {
    if path.as_os_str().len() > MAX_SOCKET_PATH {
        return Err(SocketProblem::TooLong(path.to_owned()));
    }
    let me = rustix::process::geteuid().as_raw();
    let folder = path.parent().unwrap_or(Path::new("/"));
    match folder.metadata() {
        Ok(found) if found.uid() != me => {
            return Err(SocketProblem::Foreign { path: folder.to_owned(), owner: found.uid(), me });
        }
        Ok(found) if found.mode() & 0o077 != 0 => {
            return Err(SocketProblem::Exposed {
                path: folder.to_owned(),
                mode: found.mode() & 0o777,
            });
        }
        Ok(_) => {}
        Err(source) if source.kind() == io::ErrorKind::NotFound => {
            return Err(SocketProblem::NobodyListens(path.to_owned()));
        }
        Err(source) => return Err(SocketProblem::Io { path: folder.to_owned(), source }),
    }
    match path.symlink_metadata() {
        Ok(found) if found.uid() != me => {
            Err(SocketProblem::Foreign { path: path.to_owned(), owner: found.uid(), me })
        }
        Ok(found) if !found.file_type().is_socket() => {
            Err(SocketProblem::NotASocket(path.to_owned()))
        }
        Ok(_) => Ok(()),
        Err(source) if source.kind() == io::ErrorKind::NotFound => {
            Err(SocketProblem::NobodyListens(path.to_owned()))
        }
        Err(source) => Err(SocketProblem::Io { path: path.to_owned(), source }),
    }
}

/// Connects to the daemon.
///
/// # Errors
/// [`SocketProblem`], also where nobody listens any more.
pub async fn connect(path: &Path) -> Result<tokio::net::UnixStream, SocketProblem> {
    check_socket(path)?;
    tokio::net::UnixStream::connect(path).await.map_err(|source| match source.kind() {
        io::ErrorKind::ConnectionRefused | io::ErrorKind::NotFound => {
            SocketProblem::NobodyListens(path.to_owned())
        }
        _ => SocketProblem::Io { path: path.to_owned(), source },
    })
}
