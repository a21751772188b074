//! The program: hands its arguments and its environment to the command line, and returns the
//! exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    orch::cli::run(std::env::args_os(), std::env::vars_os())
}
