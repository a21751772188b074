use super::*;
use crate::domain::run::tests::id;

#[test]
fn a_subject_is_found_by_the_kind_and_the_id_that_are_stored() {
    let subjects = [
        Subject::Project(id(1)),
        Subject::Repository(id(1)),
        Subject::Task(id(1)),
        Subject::Run(id(1)),
        Subject::Finding(id(1)),
        Subject::Worker(id(1)),
        Subject::ProviderConfig(id(1)),
        Subject::Context(id(1)),
        Subject::Secret(id(1)),
    ];
    for subject in subjects {
        let stored = serde_json::to_value(subject).unwrap();
        let words = [&stored["kind"], &stored["id"]].map(|word| word.as_str().unwrap());
        assert_eq!(subject.to_string(), words.join("/"));
        assert_eq!(serde_json::from_value::<Subject>(stored).unwrap(), subject);
    }
    assert_eq!(Subject::Daemon.to_string(), "daemon");
}

#[test]
fn actions_keep_the_names_that_they_are_stored_by() {
    let names = [
        (AuditAction::Create, "create"),
        (AuditAction::Edit, "edit"),
        (AuditAction::Archive, "archive"),
        (AuditAction::Unarchive, "unarchive"),
        (AuditAction::Cancel, "cancel"),
        (AuditAction::Pause, "pause"),
        (AuditAction::Resume, "resume"),
        (AuditAction::Approve, "approve"),
        (AuditAction::Reject, "reject"),
        (AuditAction::Shutdown, "shutdown"),
    ];
    for (action, name) in names {
        assert_eq!(serde_json::to_value(action).unwrap(), name);
    }
}
