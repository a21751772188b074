use std::path::PathBuf;

use super::*;
use crate::api::problem::Problem;
use crate::api::transport::SocketProblem;

#[test]
fn a_refusal_keeps_the_words_and_hints_of_the_daemon() {
    let problem = Problem::new(ProblemKind::NotFound, "there is no project `wbe`")
        .hint("did you mean `web`?");
    let error = CliError::from(ClientError::Refused(problem));
    assert_eq!(error.headline(), "not found: there is no project `wbe`");
    assert_eq!(error.hints(), ["did you mean `web`?"]);
}

#[test]
fn the_chain_is_told_once_and_to_its_end() {
    let socket = SocketProblem::Io {
        path: PathBuf::from("/run/orch.sock"),
        source: io::Error::other("no space"),
    };
    let error = CliError::from(ClientError::Unreachable(socket));
    assert_eq!(
        error.headline(),
        "unavailable: cannot reach the daemon: cannot use the socket /run/orch.sock: no space"
    );
    assert_eq!(error.hints().len(), 1);
    assert_eq!(error.exit(), Exit::Unavailable);
}

#[test]
fn a_reader_that_left_is_no_error() {
    let error = CliError::from(io::Error::from(io::ErrorKind::BrokenPipe));
    assert_eq!(error.kind(), ErrorKind::NobodyReads);
    assert_eq!(error.exit(), Exit::Succeeded);
    assert_eq!(CliError::from(io::Error::other("full")).exit(), Exit::Failed);
}

#[test]
fn what_it_is_about_comes_first() {
    let error = CliError::from(DraftError::NoSchedule).about("a.md");
    assert_eq!(
        error.headline(),
        "usage: a.md: a cron task needs a schedule, such as `0 3 * * 1-5`"
    );
}
