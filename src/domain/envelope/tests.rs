use std::fs;
use std::path::Path;

use serde_json::json;

use super::*;
use crate::domain::run::Deadline;
use crate::domain::run::tests::id;

/// An envelope in which nothing is left out.
pub(crate) fn full_envelope() -> Envelope {
    let failure = Failure::new(FailureClass::Verify, "2 of 40 tests failed");
    Envelope {
        schema: ENVELOPE_SCHEMA,
        run_id: id(4),
        task_id: id(3),
        status: EnvelopeStatus::Failed,
        summary: "Two tests still fail.".to_owned(),
        actions: vec![Action {
            kind: "command".to_owned(),
            target: "cargo test".to_owned(),
            detail: "exit 101".to_owned(),
        }],
        artifacts: vec![Artifact {
            name: "report.xml".to_owned(),
            kind: "file".to_owned(),
            bytes: 4_096,
            sha256: "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08".to_owned(),
        }],
        metrics: Metrics {
            wall_ms: 61_250,
            turns: Some(12),
            tokens_in: Some(40_000),
            tokens_out: Some(2_500),
            cost_usd: Some(0.25),
            stages: vec![
                StageMetrics { stage: Stage::Prepare, attempt: 1, ms: 1_250, exit: Some(0) },
                StageMetrics { stage: Stage::Implement, attempt: 2, ms: 60_000, exit: None },
            ],
        },
        raw_output_ref: format!("run:{}", id::<crate::domain::id::RunKind>(4)),
        error: Some(EnvelopeError::from(&failure)),
        harness: HarnessReport {
            name: "script".to_owned(),
            version: Some("5.2.37".to_owned()),
            model: Some("none".to_owned()),
            session_id: Some("s-1".to_owned()),
        },
        git: Some(GitReport {
            base: "1f3a9c0d5b7e2468ace013579bdf02468ace1357".to_owned(),
            head: "2f3a9c0d5b7e2468ace013579bdf02468ace1357".to_owned(),
            branch: "agent/web/tidy/1".to_owned(),
            files: 2,
            additions: 10,
            deletions: 3,
            pr_url: Some("https://example.org/pull/1".to_owned()),
        }),
    }
}

/// An envelope in which everything is left out that may be.
pub(crate) fn bare_envelope() -> Envelope {
    let full = full_envelope();
    Envelope {
        status: EnvelopeStatus::Succeeded,
        actions: Vec::new(),
        artifacts: Vec::new(),
        metrics: Metrics::default(),
        error: None,
        harness: HarnessReport { version: None, model: None, session_id: None, ..full.harness },
        git: None,
        ..full
    }
}

#[test]
fn the_shipped_schema_is_the_generated_one() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/envelope.schema.json");
    let generated = format!("{:#}\n", envelope_schema());
    if std::env::var_os("ORCH_BLESS").is_some() {
        fs::write(&path, &generated).unwrap();
    }
    let shipped = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        shipped == generated,
        "examples/envelope.schema.json is not what the type says; renew it with\n\
         ORCH_BLESS=1 cargo test --lib the_shipped_schema_is_the_generated_one"
    );
}

#[test]
fn what_we_write_is_an_envelope() {
    for envelope in [full_envelope(), bare_envelope()] {
        let document = serde_json::to_value(&envelope).unwrap();
        assert_eq!(check_envelope(&document), Ok(()));
        assert_eq!(serde_json::from_value::<Envelope>(document).unwrap(), envelope);
    }
}

#[test]
fn what_is_no_envelope_is_told_by_its_places() {
    let mut document = serde_json::to_value(full_envelope()).unwrap();
    document["status"] = json!("done");
    document["metrics"]["stages"][1]["attempt"] = json!("two");
    document["git"]["a/b~c"] = json!(1);
    document.as_object_mut().unwrap().remove("summary");
    let violations = check_envelope(&document).unwrap_err();
    let places: Vec<String> = violations.iter().map(ToString::to_string).collect();
    for wanted in [
        "/status: ",
        "/metrics/stages/1/attempt: must be integer",
        "/: `summary` is missing",
        "/git: `a/b~c` is unknown",
    ] {
        assert!(places.iter().any(|place| place.starts_with(wanted)), "{wanted} in {places:?}");
    }
    assert!(check_envelope(&json!([])).is_err());
}

#[test]
fn every_outcome_has_its_status() {
    let cases = [
        (Outcome::Succeeded, EnvelopeStatus::Succeeded),
        (Outcome::Failed { class: FailureClass::Git }, EnvelopeStatus::Failed),
        (Outcome::Cancelled, EnvelopeStatus::Cancelled),
        (Outcome::Skipped, EnvelopeStatus::Cancelled),
        (Outcome::TimedOut { deadline: Deadline::Idle }, EnvelopeStatus::TimedOut),
    ];
    for (outcome, status) in cases {
        assert_eq!(EnvelopeStatus::of(&outcome), status);
    }
}
