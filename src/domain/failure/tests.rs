use std::collections::BTreeSet;

use super::*;

#[test]
fn every_class_has_words_and_its_stored_name() {
    let mut names = BTreeSet::new();
    for class in FailureClass::ALL {
        assert!(!class.explanation().is_empty(), "{class:?}");
        assert!(!class.suggestion().is_empty(), "{class:?}");
        assert_eq!(serde_json::to_value(class).unwrap(), class.name());
        assert!(names.insert(class.name()));
    }
    // The list is as long as the type: its last discriminant is the last of the list.
    assert_eq!(FailureClass::ALL.last().map(|class| *class as usize), Some(names.len() - 1));
    let schema = schemars::schema_for!(FailureClass).to_value();
    let variants = schema["oneOf"].as_array().map_or(0, Vec::len)
        + schema["enum"].as_array().map_or(0, Vec::len);
    assert_eq!(variants, names.len(), "variants that the list forgot");
}

#[test]
fn a_failure_says_what_can_be_done() {
    let failure = Failure::new(FailureClass::Auth, "the token expired");
    assert_eq!(failure.to_string(), "auth: the token expired");
    assert_eq!(failure.suggestion, "renew the credential, then retry");
    assert!(!failure.is_retryable());
    let told = failure.with_detail("401").with_suggestion("log in");
    assert_eq!((told.detail.as_deref(), told.suggestion.as_str()), (Some("401"), "log in"));
}

#[test]
fn only_what_may_heal_is_tried_again() {
    let mut retryable = Vec::new();
    for class in FailureClass::ALL {
        if Failure::new(class, "it happened").is_retryable() {
            retryable.push(class.name());
        }
    }
    assert_eq!(retryable, ["rateLimit", "overload", "network", "harnessCrash", "badOutput"]);
}
