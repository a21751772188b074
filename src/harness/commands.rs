//! A list of commands, one after the other; the first that fails ends it with its code. Each is
//! announced by a heading in the output, so that a reader sees what belongs to what.

use super::{ControlFile, Places, Plan};

/// What a heading begins with.
pub(super) const HEADING: &str = "$ ";
const FILE: &str = "commands";

pub(super) fn plan(commands: &[String], places: &Places) -> Option<Plan> {
    if commands.is_empty() {
        return None;
    }
    let mut text = String::from("#!/bin/sh\n");
    for command in commands {
        let heading = quoted(&format!("{HEADING}{}", first_line(command)));
        // A shell of its own for each: a `cd` or an `exit` reaches no further than its command.
        text.push_str(&format!("printf '%s\\n' {heading}\n"));
        text.push_str(&format!("/bin/sh -e -c {} || exit $?\n", quoted(command)));
    }
    let argv = vec!["/bin/sh".to_owned(), format!("{}/{FILE}", places.control)];
    Some(Plan { argv, files: vec![ControlFile { name: FILE, text }] })
}

/// What is shown of a command that has several lines.
pub(super) fn first_line(command: &str) -> &str {
    command.trim().lines().next().unwrap_or_default()
}

/// The text as one word of a shell.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}
