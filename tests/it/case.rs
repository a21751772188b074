//! A case is one black-box test: a name, what it needs of the machine, and a function.

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::sync::{Arc, Mutex, PoisonError};

use libtest_mimic::{Completion, Failed, Trial};

use crate::need::{Machine, Missing, Need};

/// How a case ends; an error is a failure, told with its causes.
pub(crate) type CaseResult = Result<(), Box<dyn Error>>;

/// One black-box test.
pub(crate) struct Case {
    /// The function's name; the module's name is put before it.
    pub(crate) name: &'static str,
    /// What has to be there for the case to mean anything.
    pub(crate) needs: &'static [Need],
    /// The test itself.
    pub(crate) run: fn() -> CaseResult,
}

/// Lists the cases of a module: `cases![plain, other needs [Docker, Git]]`.
///
/// The functions are private, so that one left out of the list is dead code and fails the build.
macro_rules! cases {
    ($($function:ident $(needs [$($need:ident),+])?),+ $(,)?) => {
        &[$($crate::case::Case {
            name: stringify!($function),
            needs: &[$($($crate::need::Need::$need),+)?],
            run: $function,
        }),+]
    };
}
pub(crate) use cases;

/// Which cases were skipped, by reason.
#[derive(Clone, Default)]
pub(crate) struct Skips(Arc<Mutex<BTreeMap<String, Vec<String>>>>);

impl Skips {
    fn add(&self, missing: &Missing, case: &str) {
        let mut skips = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        skips.entry(missing.reason.clone()).or_default().push(case.to_owned());
    }

    /// One line for each reason, such as `SKIPPED 2 cases because …: run::hello, run::adopt`.
    pub(crate) fn summary(&self) -> Vec<String> {
        let mut skips = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut lines = Vec::new();
        for (reason, names) in skips.iter_mut() {
            names.sort();
            let noun = if names.len() == 1 { "case" } else { "cases" };
            lines.push(format!(
                "SKIPPED {} {noun} because {reason}: {}",
                names.len(),
                names.join(", ")
            ));
        }
        lines
    }
}

/// What cases have told by [`note`]: a case is a plain function, which nothing is handed to.
static NOTES: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

/// A line for the end of the output, from a case that did less than it says.
pub(crate) fn note(line: String) {
    NOTES.lock().unwrap_or_else(PoisonError::into_inner).insert(line);
}

/// The lines of all cases.
pub(crate) fn notes() -> BTreeSet<String> {
    NOTES.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

/// What a missing need does to a case.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Strictness {
    /// The case fails: in CI a test that did not run is a test that did not pass.
    Fail,
    /// The case is skipped, and the summary says so.
    Skip,
}

impl Strictness {
    /// Strict in CI, lenient at a person's desk.
    pub(crate) fn of_environment() -> Self {
        match std::env::var_os("CI") {
            Some(value) if !value.is_empty() => Self::Fail,
            Some(_) | None => Self::Skip,
        }
    }
}

/// The case as the test runner wants it. Its needs are looked at when it runs, never for `--list`.
pub(crate) fn trial(
    name: String,
    needs: &'static [Need],
    run: impl FnOnce() -> CaseResult + Send + 'static,
    machine: Arc<Machine>,
    strictness: Strictness,
    skips: Skips,
) -> Trial {
    Trial::ignorable_test(name.clone(), move || {
        for need in needs {
            let Err(missing) = machine.has(*need) else { continue };
            match strictness {
                Strictness::Fail => {
                    return Err(Failed::from(format!(
                        "needs {need}, and {}; {}",
                        missing.reason, missing.remedy
                    )));
                }
                Strictness::Skip => {
                    skips.add(missing, &name);
                    return Ok(Completion::ignored_with(&missing.reason));
                }
            }
        }
        run().map_err(|error| Failed::from(with_causes(error.as_ref())))?;
        Ok(Completion::Completed)
    })
}

fn with_causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
