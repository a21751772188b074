//! The repository of the demo: a calculator in shell that adds where it should multiply.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::cli::error::{CliError, ErrorKind};

/// The command that decides whether the calculator is right.
pub(super) const CHECK: &str = "sh test.sh";
/// The prompt; for the harness `script` it is the script.
pub(super) const FIX: &str = "sed -i '/mul)/s/+/*/' calc.sh";

const PROGRAM: &str = "\
#!/bin/sh
# A calculator: calc.sh add|sub|mul A B
case \"$1\" in
  add) echo $(($2 + $3)) ;;
  sub) echo $(($2 - $3)) ;;
  mul) echo $(($2 + $3)) ;;
  *) echo \"usage: calc.sh add|sub|mul A B\" >&2; exit 2 ;;
esac
";

const TEST: &str = "\
#!/bin/sh
# Each line: operation, two numbers, the result.
failed=0
while read -r operation a b expected; do
  result=$(sh calc.sh \"$operation\" \"$a\" \"$b\")
  if [ \"$result\" = \"$expected\" ]; then
    echo \"ok      $operation $a $b = $result\"
  else
    echo \"FAILED  $operation $a $b = $result, expected $expected\"
    failed=1
  fi
done <<CASES
add 2 3 5
sub 9 4 5
mul 6 7 42
CASES
exit $failed
";

/// The sample repository.
pub(super) struct Sample {
    folder: PathBuf,
    text: String,
}

impl Sample {
    /// Makes it: two files in one commit, by nobody in particular.
    ///
    /// # Errors
    /// Where files cannot be written, or git does not do as it is told.
    pub(super) fn make(folder: &Path) -> Result<Self, CliError> {
        let text = folder.to_str().map(str::to_owned);
        let text = text.ok_or_else(|| CliError::usage("TMPDIR is not UTF-8"))?;
        let sample = Self { folder: folder.to_owned(), text };
        let written = fs::create_dir(folder)
            .and_then(|()| fs::write(folder.join("calc.sh"), PROGRAM))
            .and_then(|()| fs::write(folder.join("test.sh"), TEST));
        written.map_err(|error| {
            CliError::new(ErrorKind::Failed, format!("cannot write {}", folder.display()))
                .because(&error)
        })?;
        sample.git(&["init", "--quiet", "--initial-branch", "main"])?;
        sample.git(&["add", "calc.sh", "test.sh"])?;
        sample.git(&["commit", "--quiet", "--message", "A calculator"])?;
        Ok(sample)
    }

    /// Where it is.
    pub(super) fn folder(&self) -> &str {
        &self.text
    }

    /// The words of the test, which has to fail.
    ///
    /// # Errors
    /// Where it cannot be run, or passes.
    pub(super) fn test(&self) -> Result<String, CliError> {
        let output = self.output(Command::new("sh").arg("test.sh"))?;
        if output.status.success() {
            return Err(CliError::new(ErrorKind::Internal, "the sample has no bug"));
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// The branches, among which the delivered one has to be, at the commit that was verified.
    ///
    /// # Errors
    /// Where it is not.
    pub(super) fn branches(&self, branch: &str, head: &str) -> Result<String, CliError> {
        let reference = format!("refs/heads/{branch}");
        let found = self.git(&["rev-parse", "--verify", "--quiet", &reference])?;
        if found.trim() != head {
            let what = format!("the branch {branch} is at {}, not at {head}", found.trim());
            return Err(CliError::new(ErrorKind::Failed, what));
        }
        self.git(&["log", "--all", "--graph", "--oneline", "--decorate", "--no-color"])
    }

    fn git(&self, arguments: &[&str]) -> Result<String, CliError> {
        let output = self.output(Command::new("git").args(arguments))?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        let words = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        let what = format!("git {} failed: {words}", arguments.first().unwrap_or(&""));
        Err(CliError::new(ErrorKind::Failed, what))
    }

    /// Runs a program in the repository, with nothing of the caller's git around it.
    fn output(&self, command: &mut Command) -> Result<Output, CliError> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let program = command.get_program().to_string_lossy().into_owned();
        command
            .current_dir(&self.folder)
            .env_clear()
            .env("PATH", path)
            .env("LC_ALL", "C.UTF-8")
            .env("HOME", "/nonexistent")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_AUTHOR_NAME", "orch demo")
            .env("GIT_AUTHOR_EMAIL", "demo@orch.invalid")
            .env("GIT_COMMITTER_NAME", "orch demo")
            .env("GIT_COMMITTER_EMAIL", "demo@orch.invalid")
            .output()
            .map_err(|error| {
                CliError::new(ErrorKind::Failed, format!("cannot start {program}"))
                    .because(&error)
                    .hint(format!("install {program}"))
            })
    }
}

/// A word as it is typed into a shell.
pub(super) fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:@=".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    if word.contains('\'') && !word.contains(['"', '$', '`', '\\', '!']) {
        return format!("\"{word}\"");
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests;
