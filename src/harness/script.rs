//! The instructions are a shell script. It stops at the first command that fails, as in CI.

use super::{ControlFile, Places, Plan};

const FILE: &str = "script";

pub(super) fn plan(instructions: &str, places: &Places) -> Plan {
    let path = format!("{}/{FILE}", places.control);
    // A script that names its interpreter gets that one.
    let argv = if instructions.starts_with("#!") {
        vec![path]
    } else {
        vec!["/bin/sh".to_owned(), "-e".to_owned(), path]
    };
    let mut text = instructions.to_owned();
    if !text.ends_with('\n') {
        text.push('\n');
    }
    Plan { argv, files: vec![ControlFile { name: FILE, text }] }
}

pub(super) fn summary(tail: &[String]) -> String {
    tail.iter()
        .rev()
        .map(|line| crate::domain::text::printable(line))
        .find(|line| !line.trim().is_empty())
        .map_or_else(
            || "the script printed nothing".to_owned(),
            |line| crate::domain::text::excerpt(line.trim(), 200),
        )
}
