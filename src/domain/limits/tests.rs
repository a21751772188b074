use proptest::prelude::*;
use proptest::sample::select;

use super::*;
use crate::domain::failure::FailureClass;

fn waits(class: FailureClass, spread: u32) -> Vec<Option<u64>> {
    let policy = RetryPolicy { max_attempts: 4, ..RetryPolicy::default() };
    let failure = Failure::new(class, "it happened");
    (0..5)
        .map(|retries| policy.wait(&failure, retries, spread).map(HumanDuration::as_millis))
        .collect()
}

#[test]
fn waits_double_until_the_attempts_are_used_up() {
    let doubling = [Some(30_000), Some(60_000), Some(120_000), None, None];
    assert_eq!(waits(FailureClass::RateLimit, 0), doubling);
    assert_eq!(waits(FailureClass::Network, 0), doubling);
    assert_eq!(waits(FailureClass::HarnessCrash, 0), [Some(0), None, None, None, None]);
    assert_eq!(waits(FailureClass::Auth, 0), [None; 5]);
    assert_eq!(waits(FailureClass::RateLimit, 512)[0], Some(33_750), "an eighth is added");
    assert_eq!(waits(FailureClass::RateLimit, 1024 + 512)[0], Some(33_750));
}

#[test]
fn one_attempt_means_no_second() {
    let policy = RetryPolicy { max_attempts: 1, ..RetryPolicy::default() };
    for class in FailureClass::ALL {
        assert_eq!(policy.wait(&Failure::new(class, "it happened"), 0, 7), None);
    }
}

#[test]
fn being_told_how_long_outranks_guessing() {
    let policy = RetryPolicy::default();
    let told = |minutes| Failure {
        retry_after: Some(HumanDuration::from_mins(minutes)),
        ..Failure::new(FailureClass::RateLimit, "slower")
    };
    assert_eq!(policy.wait(&told(300), 0, 0), Some(HumanDuration::from_mins(300)));
    // A shorter word does not make us impatient.
    assert_eq!(policy.wait(&told(0), 0, 0), Some(HumanDuration::from_secs(30)));
    let spread = policy.wait(&told(300), 0, 1023).unwrap();
    assert!(spread > HumanDuration::from_mins(300), "runs that were told the same are spread too");
}

#[test]
fn a_limit_of_zero_is_found_by_name() {
    assert_eq!(Timeouts::default().zero_limit(), None);
    for name in ["prepare", "implement", "verify", "solve", "publish", "total", "idle"] {
        let timeouts: Timeouts = serde_json::from_value(serde_json::json!({ name: "0s" })).unwrap();
        assert_eq!(timeouts.zero_limit(), Some(name));
    }
}

#[test]
fn each_stage_has_its_own_limit() {
    for stage in Stage::ALL {
        let own = serde_json::json!({ stage.name(): "7s" });
        let timeouts: Timeouts = serde_json::from_value(own).unwrap();
        for other in Stage::ALL {
            let is_own = timeouts.of(other) == HumanDuration::from_secs(7);
            assert_eq!(is_own, other == stage, "{stage} and {other}");
        }
    }
}

#[test]
fn a_misspelt_limit_is_refused() {
    assert!(serde_json::from_str::<Timeouts>(r#"{"totl": "1h"}"#).is_err());
    assert!(serde_json::from_str::<RetryPolicy>(r#"{"attempts": 1}"#).is_err());
    assert!(serde_json::from_str::<Caps>(r#"{"max": 1}"#).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_wait_is_bounded(
        backoff in any::<u64>(),
        most in any::<u64>(),
        retries in any::<u32>(),
        spread in any::<u32>(),
        class in select(FailureClass::ALL.to_vec()),
        told in prop::option::of(any::<u64>()),
    ) {
        let policy = RetryPolicy {
            max_attempts: u32::MAX,
            backoff: HumanDuration::from_millis(backoff),
            max_backoff: HumanDuration::from_millis(most),
        };
        let told = told.map(HumanDuration::from_millis);
        let failure = Failure { retry_after: told, ..Failure::new(class, "it happened") };
        let Some(wait) = policy.wait(&failure, retries, spread) else { return Ok(()) };
        let quarter = HumanDuration::from_millis(policy.max_backoff.as_millis() / 4);
        let longest = policy.max_backoff.max(told.unwrap_or_default()).plus(quarter);
        prop_assert!(wait <= longest, "{} is longer than {}", wait, longest);
        if class.retry_rule() == RetryRule::Backoff {
            prop_assert!(wait >= told.unwrap_or_default());
            prop_assert!(wait >= policy.backoff.min(policy.max_backoff));
        }
    }
}
