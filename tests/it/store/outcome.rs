//! How a case ends, and how a store says no.

#![expect(clippy::needless_pass_by_value, reason = "an answer is given on as it comes")]

use std::error::Error;
use std::fmt;
use std::panic::Location;

use orch::store::StoreError;

/// How a case ends.
pub(super) type Outcome = Result<(), Broken>;

/// An error that a case did not expect, with its causes and the line that it came from.
pub(super) struct Broken(String);

impl<E: Error> From<E> for Broken {
    #[track_caller]
    fn from(error: E) -> Self {
        let mut text = format!("{}: {error}", Location::caller());
        let mut cause = error.source();
        while let Some(error) = cause {
            text.push_str(&format!(": {error}"));
            cause = error.source();
        }
        Self(text)
    }
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Fails unless the store says that it is not there.
#[track_caller]
pub(super) fn not_found<T: fmt::Debug>(answer: Result<T, StoreError>) {
    assert!(matches!(answer, Err(StoreError::NotFound(_))), "not NotFound: {answer:?}");
}

/// Fails unless the store says that it is there already.
#[track_caller]
pub(super) fn exists<T: fmt::Debug>(answer: Result<T, StoreError>) {
    assert!(matches!(answer, Err(StoreError::Exists(_))), "not Exists: {answer:?}");
}

/// Fails unless the store says that somebody else was faster.
#[track_caller]
pub(super) fn conflict<T: fmt::Debug>(answer: Result<T, StoreError>) {
    assert!(matches!(answer, Err(StoreError::Conflict(_))), "not Conflict: {answer:?}");
}

/// Fails unless the store says that the writer leads no longer.
#[track_caller]
pub(super) fn fenced<T: fmt::Debug>(answer: Result<T, StoreError>) {
    assert!(matches!(answer, Err(StoreError::Fenced(_))), "not Fenced: {answer:?}");
}

/// Fails unless the store refuses.
#[track_caller]
pub(super) fn refused<T: fmt::Debug>(answer: Result<T, StoreError>) {
    assert!(matches!(answer, Err(StoreError::Refused(_))), "not Refused: {answer:?}");
}

/// Fails unless the store says that it was not reached.
#[track_caller]
pub(super) fn unavailable<T: fmt::Debug>(answer: Result<T, StoreError>) {
    assert!(matches!(answer, Err(StoreError::Unavailable(_))), "not Unavailable: {answer:?}");
}

/// Fails unless the store says that this is larger than the limit.
#[track_caller]
pub(super) fn too_large<T: fmt::Debug>(answer: Result<T, StoreError>, expected: usize) {
    match answer {
        Err(StoreError::TooLarge { bytes, limit, .. }) => {
            assert_eq!(limit, expected);
            assert!(bytes > limit, "{bytes} are not more than {limit}");
        }
        other => assert!(matches!(other, Err(StoreError::TooLarge { .. })), "{other:?}"),
    }
}

/// How many went well; fails unless all others were told `Conflict`.
#[track_caller]
pub(super) fn won_against_conflicts<T: fmt::Debug>(answers: Vec<Result<T, StoreError>>) -> usize {
    let all = answers.len();
    let lost: Vec<_> = answers.into_iter().filter(Result::is_err).collect();
    let won = all - lost.len();
    lost.into_iter().for_each(conflict);
    won
}

/// How many went well; fails unless all others were told `Exists`.
#[track_caller]
pub(super) fn won_against_exists<T: fmt::Debug>(answers: Vec<Result<T, StoreError>>) -> usize {
    let all = answers.len();
    let lost: Vec<_> = answers.into_iter().filter(Result::is_err).collect();
    let won = all - lost.len();
    lost.into_iter().for_each(exists);
    won
}
