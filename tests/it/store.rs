//! What every store must do, on the real ones: a SQLite file and a MongoDB database.
//!
//! Each area lists its cases once; [`trials`] makes one trial of each case for each back end, so
//! that both are asked the same. A case knows the back end by what it may hold only: see
//! [`context::Context`].

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use libtest_mimic::Trial;

use crate::case::{self, Case, CaseResult, Skips, Strictness, cases};
use crate::need::Machine;

use context::{Backend, Context};
use mongo_server::{
    a_database_of_a_newer_orch_is_left_alone, a_database_of_another_program_is_left_alone,
    a_database_that_was_hardly_begun_is_made,
    a_server_killed_under_writers_keeps_what_it_acknowledged, a_server_that_is_not_there_is_told,
    a_server_that_was_away_is_used_again, declared_indexes_are_used, no_password_is_told,
    nothing_stays_behind_of_what_has_ended, what_was_stored_before_a_kill_is_read_after_it,
};
use outcome::Outcome;

mod claims;
mod context;
mod documents;
mod durability;
mod expiry;
mod faults;
mod filters;
mod imports;
mod leases;
mod logs;
mod making;
mod mongo_server;
mod outcome;
mod pages;
mod races;
mod sizes;
mod texts;
mod transitions;

/// What is said of the suite itself, and what only a server can do.
pub(crate) const CASES: &[Case] = cases![
    both_back_ends_are_asked_the_same,
    names_are_told_apart,
    declared_indexes_are_used needs [MongoDb],
    a_server_that_was_away_is_used_again needs [MongoDbCommand],
    a_server_killed_under_writers_keeps_what_it_acknowledged needs [MongoDbCommand],
    what_was_stored_before_a_kill_is_read_after_it needs [MongoDbCommand],
    a_server_that_is_not_there_is_told,
    no_password_is_told needs [MongoDbCommand],
    a_database_of_another_program_is_left_alone needs [MongoDbCommand],
    a_database_of_a_newer_orch_is_left_alone needs [MongoDbCommand],
    a_database_that_was_hardly_begun_is_made needs [MongoDb],
    nothing_stays_behind_of_what_has_ended needs [MongoDb],
];

/// A case of the suite: its name, and what it does with a store that is empty.
struct StoreCase {
    name: &'static str,
    run: for<'a> fn(&'a Context) -> Pin<Box<dyn Future<Output = Outcome> + 'a>>,
}

/// Lists the cases of an area. One that is left out is dead code, and fails the build.
macro_rules! store_cases {
    ($($name:ident),+ $(,)?) => {
        &[$($crate::store::StoreCase {
            name: stringify!($name),
            run: |context| Box::pin($name(context)),
        }),+]
    };
}
use store_cases;

const AREAS: &[&[StoreCase]] = &[
    documents::CASES,
    races::CASES,
    pages::CASES,
    filters::CASES,
    transitions::CASES,
    logs::CASES,
    claims::CASES,
    leases::CASES,
    expiry::CASES,
    imports::CASES,
    texts::CASES,
    sizes::CASES,
    durability::CASES,
    faults::CASES,
];

/// Every case on every back end.
pub(crate) fn trials(machine: &Arc<Machine>, strictness: Strictness, skips: &Skips) -> Vec<Trial> {
    let mut trials = Vec::new();
    for backend in Backend::ALL {
        for case in AREAS.iter().copied().flatten() {
            let name = format!("store::{}::{}", backend.name(), case.name);
            let run = move || on(backend, case);
            let machine = Arc::clone(machine);
            trials.push(case::trial(
                name,
                backend.needs(),
                run,
                machine,
                strictness,
                skips.clone(),
            ));
        }
    }
    trials
}

/// How many trials there are of each back end.
pub(crate) fn counts(trials: &[Trial]) -> String {
    let mut counts = Vec::new();
    for backend in Backend::ALL {
        let start = format!("store::{}::", backend.name());
        let count = trials.iter().filter(|trial| trial.name().starts_with(&start)).count();
        let noun = if counts.is_empty() { " cases" } else { "" };
        counts.push(format!("{count}{noun} on {}", backend.name()));
    }
    format!("store: {}", counts.join(", "))
}

fn on(backend: Backend, case: &'static StoreCase) -> CaseResult {
    // Several threads: writers that race do so for real.
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(4).enable_all().build()?;
    let place = backend.place()?;
    let outcome = runtime.block_on(async {
        let context = Context::open(backend, &place, case.name).await?;
        (case.run)(&context).await
    });
    // The place is left when nobody uses it any more.
    drop(runtime);
    drop(place);
    outcome.map_err(|broken| broken.to_string().into())
}

fn both_back_ends_are_asked_the_same() -> CaseResult {
    let all = trials(&Arc::default(), Strictness::Fail, &Skips::default());
    let of = |backend: Backend| -> Vec<&str> {
        let start = format!("store::{}::", backend.name());
        all.iter().filter_map(|trial| trial.name().strip_prefix(start.as_str())).collect()
    };
    assert_eq!(of(Backend::Sqlite), of(Backend::MongoDb));
    assert_eq!(all.len(), 2 * of(Backend::Sqlite).len());
    Ok(())
}

fn names_are_told_apart() -> CaseResult {
    let mut names: Vec<&str> = AREAS.iter().copied().flatten().map(|case| case.name).collect();
    let listed = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), listed, "two cases have the same name");
    Ok(())
}
