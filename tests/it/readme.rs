//! The README's commands are the ones that CI runs.

use std::fs;
use std::path::Path;

use crate::case::{Case, CaseResult, cases};

pub(crate) const CASES: &[Case] =
    cases![ci_runs_the_commands_of_the_readme, a_command_in_a_comment_does_not_count];

/// The command that shows orch, and the command that tests it.
const COMMANDS: [&str; 2] = ["cargo run --release -- demo", "cargo test"];

fn ci_runs_the_commands_of_the_readme() -> CaseResult {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let readme = fs::read_to_string(root.join("README.md"))?;
    let script = fs::read_to_string(root.join(".ci/run"))?;
    let told = fenced_cargo_commands(&readme);
    for command in COMMANDS {
        assert!(told.contains(&command), "README.md does not show `{command}`");
    }
    for command in told {
        assert!(runs(&script, command), ".ci/run does not run `{command}` of README.md");
    }
    Ok(())
}

fn a_command_in_a_comment_does_not_count() -> CaseResult {
    assert!(runs("step cargo test\n", "cargo test"));
    assert!(!runs("# cargo test\nstep cargo test --doc\n", "cargo test"));
    let readme = "Run cargo fmt.\n```sh\ncargo test\norch run\n```\ncargo doc\n";
    assert_eq!(fenced_cargo_commands(readme), ["cargo test"]);
    Ok(())
}

fn fenced_cargo_commands(markdown: &str) -> Vec<&str> {
    let mut commands = Vec::new();
    let mut fenced = false;
    for line in markdown.lines() {
        if line.starts_with("```") {
            fenced = !fenced;
        } else if fenced && line.starts_with("cargo ") {
            commands.push(line.trim_end());
        }
    }
    commands
}

/// Whether a line of the script ends with the command, as `step cargo test` does.
fn runs(script: &str, command: &str) -> bool {
    script.lines().any(|line| {
        let line = line.trim();
        !line.starts_with('#')
            && line.strip_suffix(command).is_some_and(|rest| rest.is_empty() || rest.ends_with(' '))
    })
}
