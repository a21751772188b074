use std::fs;
use std::path::{Path, PathBuf};

use super::*;
use crate::api::client::ClientError;
use crate::api::problem::{Problem, ProblemKind};

/// What a refusal of each kind does to the exit code, over the whole way from the wire.
#[test]
fn refusals_end_with_their_exit_code() {
    for (kind, code) in [
        (ProblemKind::Invalid, 2),
        (ProblemKind::NotFound, 5),
        (ProblemKind::Exists, 2),
        (ProblemKind::Conflict, 2),
        (ProblemKind::Refused, 3),
        (ProblemKind::TooLarge, 2),
        (ProblemKind::Unavailable, 69),
        (ProblemKind::Internal, 1),
    ] {
        let error = CliError::from(ClientError::Refused(Problem::new(kind, "no")));
        assert_eq!(error.exit().code(), code, "{kind:?}");
    }
    let error = CliError::from(ClientError::Broken("it fell".to_owned()));
    assert_eq!(error.exit(), Exit::Unavailable);
}

/// The rooms below print nothing and end nothing: everything a command does ends as one of these.
#[test]
fn exit_codes_are_all_different() {
    let mut codes: Vec<u8> = Exit::ALL.iter().map(|exit| exit.code()).collect();
    codes.dedup();
    assert_eq!(codes, [0, 1, 2, 3, 4, 5, 69, 124, 130]);
}

#[test]
fn each_command_has_a_file_of_its_own() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/cli");
    let steering = ["approve", "reject", "cancel", "pause", "resume"];
    for command in args::command().get_subcommands() {
        let name = match command.get_name() {
            name if steering.contains(&name) => "steer",
            "repo" => "repository",
            name => name,
        };
        let file: PathBuf = folder.join(format!("{name}.rs"));
        assert!(fs::exists(&file).expect("the folder can be read"), "{}", file.display());
    }
}
