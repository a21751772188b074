use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use super::*;
use crate::domain::artifact::Artifact;
use crate::domain::audit::AuditEntry;
use crate::domain::context::Context;
use crate::domain::envelope::Envelope;
use crate::domain::finding::Finding;
use crate::domain::ledger::{DueTime, TaskSchedule};
use crate::domain::project::Project;
use crate::domain::provider::ProviderConfig;
use crate::domain::repository::Repository;
use crate::domain::run::Run;
use crate::domain::salvage::Salvage;
use crate::domain::secret::Secret;
use crate::domain::task::Task;
use crate::domain::worker::Worker;
use crate::store::AGE;

/// The document of a golden file.
fn stored<R: Record>(name: &str) -> Document {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/v1");
    let text = fs::read_to_string(folder.join(format!("{name}.json"))).unwrap();
    encode(&serde_json::from_str::<R>(&text).unwrap()).unwrap()
}

/// A document of each stored type, and another one where its keys say more.
fn documents() -> Vec<Document> {
    vec![
        stored::<Project>("project-bare"),
        stored::<Repository>("repository-bare"),
        stored::<Task>("task-oneShot"),
        stored::<TaskSchedule>("taskSchedule-bare"),
        stored::<TaskSchedule>("taskSchedule-full"),
        stored::<DueTime>("dueTime-due"),
        stored::<DueTime>("dueTime-fired"),
        stored::<Run>("run-queued"),
        stored::<Run>("run-ended-succeeded"),
        stored::<Envelope>("envelope-bare"),
        stored::<Artifact>("artifact-full"),
        stored::<Finding>("finding-bare"),
        stored::<Worker>("worker-bare"),
        stored::<ProviderConfig>("providerConfig-bare"),
        stored::<Context>("context-bare"),
        stored::<Context>("context-full"),
        stored::<Secret>("secret-bare"),
        stored::<AuditEntry>("audit-bare"),
        stored::<Salvage>("salvage-bare"),
    ]
}

#[test]
fn every_collection_has_a_type_whose_keys_are_what_it_declares() {
    let mut types = BTreeMap::new();
    for document in documents() {
        let keys: Vec<&str> = document.keys.iter().map(|(field, _)| *field).collect();
        let indexes = document.collection.indexes();
        let declared: Vec<&str> = indexes.iter().map(|index| index.field).collect();
        assert_eq!(keys, declared, "{}", document.collection);
        assert_eq!(document.id.len(), 26, "{} is found by an id", document.collection);
        *types.entry(document.collection).or_insert(0) += 1;
    }
    let typed: Vec<Collection> = types.into_keys().collect();
    assert_eq!(typed, Collection::ALL);
}

#[test]
fn what_documents_of_the_ledger_and_the_like_are_found_by() {
    let (repository, task, run) =
        ["01kdv40000e008000000000002", "01kdv40000e008000000000003", "01kdv40000e008000000000004"]
            .into();
    let moment = format!("{task}@2026-01-01T00:00:00Z");
    let entry = format!("{run}/reports/junit.xml");
    let scope = format!("repository/{repository}");
    let revision = format!("{scope}/notes@3");
    let subject = format!("run/{run}");
    let told = |name: &str| {
        let document = documents().into_iter().rev().find(|found| found.collection.name() == name);
        document.unwrap().keys.into_iter().map(|(_, value)| value).collect::<Vec<_>>()
    };
    let some = |values: &[&str]| -> Vec<Option<String>> {
        values.iter().map(|value| Some((*value).to_owned())).collect()
    };
    assert_eq!(told("task_schedules"), some(&["no"]));
    assert_eq!(told("due_times"), some(&[&moment, task, "no", "001767225601500"]));
    assert_eq!(told("artifacts"), some(&[&entry, run]));
    assert_eq!(told("workers"), some(&["here"]));
    assert_eq!(told("provider_configs"), some(&["zai", "script"]));
    assert_eq!(told("contexts"), some(&[&revision, &scope]));
    assert_eq!(told("secrets"), some(&["everywhere/GH_TOKEN", "GH_TOKEN"]));
    assert_eq!(told("audit"), some(&[&subject, "001767225600000"]));
    let reference = format!("refs/orch/salvage/{run}");
    assert_eq!(told("salvages"), some(&[&reference, run, repository]));
}

#[test]
fn a_due_time_ages_from_when_it_was_settled() {
    assert_eq!(stored::<DueTime>("dueTime-due").key(AGE), None);
    assert_eq!(stored::<DueTime>("dueTime-due").key("open"), Some("yes"));
    assert_eq!(stored::<DueTime>("dueTime-leftOut-misfire").key("open"), Some("no"));
    assert!(stored::<DueTime>("dueTime-leftOut-misfire").key(AGE).is_some());
}
