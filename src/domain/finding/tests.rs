use super::*;
use crate::domain::run::tests::{at, id};

fn finding(number: u128, state: FindingState, at_millis: i64) -> Finding {
    Finding {
        schema: FINDING_SCHEMA,
        version: 1,
        id: id(number),
        fingerprint: "failedRun acme/web/tidy network".to_owned(),
        state,
        severity: Severity::High,
        kind: FindingKind::FailedRun,
        title: format!("occurrence {number}"),
        detail: None,
        suggestion: "look".to_owned(),
        repository: Some(id(2)),
        task: None,
        run: Some(id(number)),
        count: 1,
        first_at: at(at_millis),
        last_at: at(at_millis),
    }
}

#[test]
fn what_occurs_again_is_counted_and_told_anew() {
    let first = finding(10, FindingState::New, 0);
    let again = first.seen_again(&finding(11, FindingState::New, 5_000));
    assert_eq!((again.id, again.version, again.count), (first.id, 2, 2));
    assert_eq!((again.first_at, again.last_at), (at(0), at(5_000)));
    assert_eq!((again.title.as_str(), again.run), ("occurrence 11", Some(id(11))));
}

#[test]
fn only_what_was_thought_done_is_opened_again() {
    let cases = [
        (FindingState::New, FindingState::New, true),
        (FindingState::Acknowledged, FindingState::Acknowledged, true),
        (FindingState::InProgress, FindingState::InProgress, true),
        (FindingState::Resolved, FindingState::New, false),
        (FindingState::Ignored, FindingState::Ignored, false),
    ];
    for (before, after, was_open) in cases {
        let first = finding(10, before, 0);
        assert_eq!(first.is_open(), was_open);
        assert_eq!(first.seen_again(&finding(11, FindingState::New, 1)).state, after);
    }
}

#[test]
fn a_clock_that_was_set_back_does_not_make_it_older() {
    let first = finding(10, FindingState::New, 5_000);
    let again = first.seen_again(&finding(11, FindingState::New, 0));
    assert_eq!((again.first_at, again.last_at), (at(5_000), at(5_000)));
}
