//! The black-box tests: they know orch by its command line, its API and its screen only.
//!
//! Each module lists its cases in `CASES`. A case names what it needs of the machine (see
//! [`need::Need`]); where that is missing the case fails in CI and is skipped, out loud, elsewhere.

use std::process::ExitCode;
use std::sync::Arc;

use libtest_mimic::Arguments;

use crate::case::{Case, Skips, Strictness};
use crate::need::Machine;

mod case;
mod cli;
mod durability;
mod env;
mod house;
mod lead;
mod life;
mod machine;
mod mongodb;
mod need;
mod readme;
mod record;
mod recovery;
mod sandbox;
mod store;
mod tidy;
mod transfer;
mod transfer_refused;
mod tui;
mod wait;

/// Every module with cases, by the name that goes before theirs.
const MODULES: &[(&str, &[Case])] = &[
    ("cli", cli::CASES),
    ("durability", durability::CASES),
    ("house", house::CASES),
    ("lead", lead::CASES),
    ("life", life::CASES),
    ("machine", machine::CASES),
    ("mongodb", mongodb::CASES),
    ("readme", readme::CASES),
    ("record", record::CASES),
    ("recovery", recovery::CASES),
    ("sandbox", sandbox::CASES),
    ("store", store::CASES),
    ("tidy", tidy::CASES),
    ("transfer", transfer::CASES),
    ("transfer_refused", transfer_refused::CASES),
    ("tui", tui::CASES),
    ("wait", wait::CASES),
];

#[expect(clippy::print_stdout, reason = "what was not tested has to be seen")]
fn main() -> ExitCode {
    if let Some(ended) = durability::writer() {
        return ended;
    }
    let mut arguments = Arguments::from_args();
    // Most cases wait for a container, a server or a lease, and not for a processor.
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    arguments.test_threads.get_or_insert(cores * 2);
    let machine = Arc::new(Machine::default());
    let strictness = Strictness::of_environment();
    let skips = Skips::default();
    let mut trials = Vec::new();
    for (module, cases) in MODULES {
        for case in *cases {
            let (name, machine) = (format!("{module}::{}", case.name), Arc::clone(&machine));
            trials.push(case::trial(
                name,
                case.needs,
                case.run,
                machine,
                strictness,
                skips.clone(),
            ));
        }
    }
    let of_stores = store::trials(&machine, strictness, &skips);
    let counts = store::counts(&of_stores);
    trials.extend(of_stores);
    let conclusion = libtest_mimic::run(&arguments, trials);
    mongodb::stop_shared();
    for line in skips.summary().into_iter().chain(case::notes()) {
        println!("{line}");
    }
    println!("{counts}");
    conclusion.exit_code()
}
