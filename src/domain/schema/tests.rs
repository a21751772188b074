use proptest::prelude::*;
use proptest::sample::{Index, select};
use proptest::strategy::ValueTree;
use serde_json::json;

use super::*;
use crate::domain::envelope::envelope_schema;
use crate::domain::envelope::tests::{bare_envelope, full_envelope};

fn words(schema: &Value, document: &Value) -> Vec<String> {
    match check(schema, document) {
        Ok(()) => Vec::new(),
        Err(violations) => violations.iter().map(ToString::to_string).collect(),
    }
}

#[test]
fn a_schema_with_what_is_not_checked_is_refused_as_a_whole() {
    let refused = [
        json!({"pattern": "^a$"}),
        // Even where the document never gets there.
        json!({"properties": {"absent": {"pattern": "^a$"}}}),
        json!({"anyOf": [true, {"uniqueItems": true}]}),
        json!({"$defs": {"unused": {"allOf": []}}}),
        json!({"items": {"additionalProperties": {"multipleOf": 2}}}),
        // What is not written as it should be would never complain.
        json!({"type": "text"}),
        json!({"type": []}),
        json!({"enum": "a"}),
        json!({"minimum": "1"}),
        json!({"maxLength": -1}),
        json!({"required": "a"}),
        json!({"required": [1]}),
        json!({"properties": []}),
        json!({"properties": {"a": 1}}),
        json!({"anyOf": []}),
        json!({"oneOf": {}}),
        json!({"items": []}),
        json!("object"),
        json!(null),
    ];
    for schema in refused {
        let complaints = words(&schema, &json!({}));
        assert!(complaints.iter().any(|words| words.contains("the schema")), "{schema}");
    }
}

#[test]
fn references_lead_somewhere_and_not_in_circles() {
    let good =
        json!({"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"type": "null"}}});
    assert_eq!(check(&good, &json!(null)), Ok(()));
    assert_eq!(words(&good, &json!(1)), ["/: must be null"]);
    let twice =
        json!({"anyOf": [{"$ref": "#/$defs/a"}, {"$ref": "#/$defs/a"}], "$defs": {"a": true}});
    assert_eq!(check(&twice, &json!(1)), Ok(()));
    let refused = [
        json!({"$ref": "#/$defs/a"}),
        json!({"$ref": "other.json"}),
        json!({"$ref": 1}),
        json!({"$ref": "#"}),
        json!({"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}}),
        json!({"items": {"$ref": "#"}}),
    ];
    for schema in refused {
        let complaints = words(&schema, &json!([[]]));
        assert!(
            complaints.iter().any(|words| words.contains("`$ref`")),
            "{schema}: {complaints:?}"
        );
    }
}

#[test]
fn a_deep_document_is_looked_into_as_deep_as_its_schema() {
    let mut document = json!(1);
    let mut schema = json!({"type": "string"});
    for _ in 0..60 {
        document = json!([{ "a": document }]);
        schema = json!({"items": {"properties": {"a": schema}}});
    }
    let place = "/0/a".repeat(60);
    assert_eq!(words(&schema, &document), [format!("{place}: must be string")]);
    assert_eq!(check(&json!({"type": "array"}), &document), Ok(()));
}

#[test]
fn the_alternative_that_was_meant_is_told() {
    let schema = json!({"anyOf": [
        {"type": "null"},
        {"type": "object", "properties": {"a": {"type": "integer"}}},
    ]});
    assert_eq!(words(&schema, &json!({"a": "x"})), ["/a: must be integer"]);
    let one = json!({"oneOf": [{"type": "number"}, {"type": "integer"}]});
    assert_eq!(words(&one, &json!(1)), ["/: fits more than one alternative"]);
    assert_eq!(check(&one, &json!(1.5)), Ok(()));
}

#[test]
fn a_place_is_a_json_pointer() {
    let schema = json!({"additionalProperties": {"type": "null"}});
    let document = json!({"a/b~c": 1});
    let violations = check(&schema, &document).unwrap_err();
    assert_eq!(violations[0].at, "/a~1b~0c");
    assert_eq!(document.pointer(&violations[0].at), Some(&json!(1)));
}

/// One change to a document, at a place chosen among all that it has.
#[derive(Debug, Clone)]
enum Mutation {
    Replace(Index, Value),
    Drop(Index),
    Add(Index, String, Value),
}

fn values() -> impl Strategy<Value = Value> {
    select(vec![
        json!(null),
        json!(true),
        json!(0),
        json!(1),
        json!(2),
        json!(-1),
        json!(1.0),
        json!(-0.5),
        json!(1e300),
        json!(u64::MAX),
        json!(i64::MIN),
        json!(4_294_967_296_u64),
        json!(""),
        json!("verify"),
        json!("failed"),
        json!("01kdv40000e008000000000004"),
        json!("01kdv40000e0080000000000004"),
        json!("ééééééééééééééééééééééééé"),
        json!([]),
        json!([null]),
        json!({}),
        json!({"stage": "solve", "attempt": 1, "ms": 0, "exit": null}),
        json!({"class": "auth", "message": "", "suggestion": "", "retryable": false}),
    ])
}

fn mutations() -> impl Strategy<Value = Mutation> {
    let names = select(vec!["summary", "extra", "schema", "prUrl", "", "a/b"]);
    prop_oneof![
        3 => (any::<Index>(), values()).prop_map(|(place, value)| Mutation::Replace(place, value)),
        1 => any::<Index>().prop_map(Mutation::Drop),
        1 => (any::<Index>(), names, values())
            .prop_map(|(place, name, value)| Mutation::Add(place, name.to_owned(), value)),
    ]
}

fn places(value: &Value, at: &str, found: &mut Vec<String>) {
    found.push(at.to_owned());
    match value {
        Value::Object(members) => {
            members.iter().for_each(|(name, member)| places(member, &below(at, name), found));
        }
        Value::Array(elements) => {
            let numbered = elements.iter().enumerate();
            numbered.for_each(|(index, element)| places(element, &format!("{at}/{index}"), found));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn mutate(document: &mut Value, mutation: Mutation) {
    let mut all = Vec::new();
    places(document, "", &mut all);
    match mutation {
        Mutation::Replace(place, value) => {
            *document.pointer_mut(place.get(all.as_slice()).as_str()).unwrap() = value;
        }
        Mutation::Drop(place) => {
            let Some((parent, name)) = place.get(all.as_slice()).rsplit_once('/') else { return };
            match document.pointer_mut(parent) {
                Some(Value::Object(members)) => drop(members.remove(name)),
                Some(Value::Array(elements)) => drop(elements.pop()),
                _ => {}
            }
        }
        Mutation::Add(place, name, value) => {
            match document.pointer_mut(place.get(all.as_slice()).as_str()) {
                Some(Value::Object(members)) => drop(members.insert(name, value)),
                Some(Value::Array(elements)) => elements.push(value),
                _ => {}
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn our_verdict_is_the_standards(
        is_full in any::<bool>(),
        changes in prop::collection::vec(mutations(), 0..4),
    ) {
        let envelope = if is_full { full_envelope() } else { bare_envelope() };
        let mut document = serde_json::to_value(envelope).unwrap();
        for change in changes {
            mutate(&mut document, change);
        }
        let schema = envelope_schema();
        let standard = jsonschema::validator_for(&schema).unwrap();
        let ours = check(&schema, &document);
        prop_assert_eq!(ours.is_ok(), standard.is_valid(&document), "{:?} of {}", ours, document);
        for violation in ours.err().unwrap_or_default() {
            prop_assert!(document.pointer(&violation.at).is_some(), "{} is a place", violation);
        }
    }

    #[test]
    fn whatever_loads_is_written_as_an_envelope(changes in prop::collection::vec(mutations(), 1..4)) {
        let mut document = serde_json::to_value(full_envelope()).unwrap();
        for change in changes {
            mutate(&mut document, change);
        }
        let loads = serde_json::from_value::<crate::domain::envelope::Envelope>(document.clone());
        if let Ok(envelope) = loads {
            // The number of the shape is the one thing that the type alone does not bound.
            let written = serde_json::to_value(envelope).unwrap();
            let is_first_schema = written["schema"] == 1;
            prop_assert_eq!(check(&envelope_schema(), &written).is_ok(), is_first_schema, "{}", written);
        }
    }
}

#[test]
fn the_mutations_reach_both_verdicts() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let schema = envelope_schema();
    let mut good = 0;
    for _ in 0..500 {
        let tree = mutations().new_tree(&mut runner).unwrap();
        let mut document = serde_json::to_value(full_envelope()).unwrap();
        mutate(&mut document, tree.current());
        good += usize::from(check(&schema, &document).is_ok());
    }
    assert!((20..480).contains(&good), "{good} of 500 are envelopes");
}
