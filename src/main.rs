//! The program: hands its arguments and its environment to the command line, and returns the
//! exit code.

use std::io::Write as _;
use std::process::ExitCode;

use orch::sandbox::process::keeper;

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    // A keeper is no command: it must start quickly and depend on nothing of the user's.
    if arguments.next().is_some_and(|first| first == keeper::COMMAND) {
        return match arguments.next().map(|folder| keeper::keep(folder.into())) {
            Some(Ok(())) => ExitCode::SUCCESS,
            Some(Err(error)) => {
                // Read by the one who launched it; where that cannot be told, nothing can.
                drop(writeln!(std::io::stderr(), "orch keeper: {error}"));
                ExitCode::FAILURE
            }
            None => ExitCode::FAILURE,
        };
    }
    orch::cli::run(std::env::args_os(), std::env::vars_os())
}
