//! Where a repository is: the one around the current folder, a path, or a URL. Told by looking at
//! files; git itself is asked by the daemon.

use std::path::{Path, PathBuf};

use super::error::{CliError, ErrorKind};

/// The repository around the current folder.
///
/// # Errors
/// Where there is none.
pub(crate) fn here() -> Result<String, CliError> {
    let folder = std::env::current_dir()
        .map_err(|error| CliError::usage("cannot tell the current folder").because(&error))?;
    match folder.ancestors().find(|folder| folder.join(".git").exists()) {
        Some(root) => as_text(root),
        None => {
            let what = format!("{} is not in a git repository", folder.display());
            Err(CliError::usage(what)
                .hint("name one with `--repo PATH` or `--repo URL`, or `cd` into one"))
        }
    }
}

/// What a person typed as the source of a repository, as an absolute path or a URL.
///
/// # Errors
/// Where it is a path, and no git repository is there.
pub(crate) fn source(text: &str) -> Result<String, CliError> {
    if text.trim().is_empty() {
        return Err(CliError::usage("the repository is blank")
            .hint("write the path of a git repository, or a URL"));
    }
    if is_url(text) {
        return Ok(text.to_owned());
    }
    let path = std::fs::canonicalize(text).map_err(|error| {
        CliError::new(ErrorKind::NotFound, format!("there is no repository at `{text}`"))
            .because(&error)
            .hint("write the path of a git repository, or a URL such as https://host/repo.git")
    })?;
    if is_repository(&path) {
        return as_text(&path);
    }
    let error = CliError::usage(format!("{} is not a git repository", path.display()));
    match path.ancestors().skip(1).find(|folder| folder.join(".git").exists()) {
        Some(root) => Err(error.hint(format!("it lies in one: {}", root.display()))),
        None => Err(error.hint(format!("make it one with `git init {}`", path.display()))),
    }
}

/// Whether it is a URL, or what git takes for one: `user@host:path`.
pub(crate) fn is_url(text: &str) -> bool {
    if text.contains("://") {
        return true;
    }
    match text.split_once(':') {
        Some((host, _)) => {
            !host.is_empty() && !host.contains('/') && !host.starts_with('.') && !exists(text)
        }
        None => false,
    }
}

fn exists(text: &str) -> bool {
    Path::new(text).exists()
}

/// A working copy, or a bare repository.
fn is_repository(path: &Path) -> bool {
    path.join(".git").exists() || (path.join("HEAD").is_file() && path.join("objects").is_dir())
}

fn as_text(path: &Path) -> Result<String, CliError> {
    match PathBuf::from(path).into_os_string().into_string() {
        Ok(text) => Ok(text),
        Err(path) => Err(CliError::usage(format!("the path {} is not UTF-8", path.display()))),
    }
}

/// How many changes of a repository of this host are in no commit. A run starts from a commit, so
/// that its user has to know; where it cannot be told, nothing is said.
pub(crate) fn uncommitted(source: &str) -> usize {
    if !Path::new(source).join(".git").exists() {
        return 0;
    }
    let output = std::process::Command::new("git")
        .args(["-C", source, "status", "--porcelain"])
        .stdin(std::process::Stdio::null())
        .output();
    match output {
        Ok(output) if output.status.success() => {
            output.stdout.iter().filter(|byte| **byte == b'\n').count()
        }
        Ok(_) | Err(_) => 0,
    }
}

#[cfg(test)]
mod tests;
