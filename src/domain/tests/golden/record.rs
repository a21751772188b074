//! What the record holds beside tasks, runs and the ledger.

use std::collections::BTreeMap;

use super::hold;
use crate::domain::artifact::{ARTIFACT_SCHEMA, Artifact};
use crate::domain::audit::{AUDIT_SCHEMA, Actor, AuditAction, AuditEntry, AuditOutcome};
use crate::domain::audit::{Origin, Subject};
use crate::domain::context::{Context, ContextScope};
use crate::domain::provider::ProviderConfig;
use crate::domain::run::tests::{at, id};
use crate::domain::salvage::{FileList, SALVAGE_SCHEMA, Salvage};
use crate::domain::secret::{SECRET_SCHEMA, SealAlgorithm, Secret, SecretScope};
use crate::domain::size::ByteSize;
use crate::domain::slug::Slug;
use crate::domain::task::HarnessKind;
use crate::domain::worker::{Capacity, Worker};

/// Every document here that has a bare and a full file.
pub(super) const DOCUMENTS: &[&str] =
    &["artifact", "worker", "providerConfig", "context", "secret", "audit", "salvage"];

#[test]
fn artifacts() {
    let bare = Artifact {
        schema: ARTIFACT_SCHEMA,
        version: 1,
        id: id(6),
        run: id(4),
        name: "diff.patch".parse().unwrap(),
        kind: "diff".to_owned(),
        bytes: 0,
        sha256: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855".to_owned(),
        collected_at: at(0),
    };
    hold("artifact-bare", &bare);
    let full = Artifact {
        name: "reports/junit.xml".parse().unwrap(),
        kind: "file".to_owned(),
        bytes: 4_096,
        ..bare
    };
    hold("artifact-full", &full);
}

#[test]
fn workers() {
    let capacity = Capacity { milli_cpus: 2_000, memory: ByteSize::from_mib(4_096) };
    let address = "unix:///run/docker.sock".parse().unwrap();
    let bare = Worker::new(id(7), "here".parse().unwrap(), address, capacity, at(0));
    hold("worker-bare", &bare);
    let full = Worker {
        version: 9,
        name: "rack-2".parse().unwrap(),
        address: "ssh://orch@rack-2:22".parse().unwrap(),
        labels: BTreeMap::from([("disk".to_owned(), "fast".to_owned())]),
        heartbeat_at: Some(at(1_500)),
        updated_at: at(1_500),
        ..bare
    };
    hold("worker-full", &full);
}

#[test]
fn provider_configs() {
    let bare = ProviderConfig::new(id(8), "zai".parse().unwrap(), HarnessKind::Script, at(0));
    hold("providerConfig-bare", &bare);
    let full = ProviderConfig {
        version: 2,
        endpoint: Some("https://api.z.ai/api/anthropic".parse().unwrap()),
        models: vec!["glm-large".to_owned(), "glm-small".to_owned()],
        secrets: BTreeMap::from([("ANTHROPIC_API_KEY".to_owned(), "zai-key".parse().unwrap())]),
        updated_at: at(1_500),
        ..bare
    };
    hold("providerConfig-full", &full);
}

#[test]
fn contexts() {
    let name: Slug = "notes".parse().unwrap();
    let text = "the tests need a database".to_owned();
    let bare =
        Context::new(id(9), ContextScope::Global, name.clone(), text, Actor::Orch, at(0)).unwrap();
    hold("context-bare", &bare);
    let scope = ContextScope::Repository(id(2));
    let by = Actor::Run { run: id(4) };
    let text = "the tests need a database;\nit starts with `make db`".to_owned();
    let first = Context::new(id(10), scope, name, String::new(), by.clone(), at(0)).unwrap();
    let second = first.revised(id(11), String::new(), by.clone(), at(0)).unwrap();
    hold("context-full", &second.revised(id(12), text, by, at(1_500)).unwrap());
}

#[test]
fn secrets() {
    let bare = Secret {
        schema: SECRET_SCHEMA,
        version: 1,
        id: id(13),
        name: "GH_TOKEN".parse().unwrap(),
        scope: SecretScope::Everywhere,
        algorithm: SealAlgorithm::XChaCha20Poly1305,
        key_id: "2026-01".to_owned(),
        nonce: "AAECAwQFBgcICQoLDA0ODxAREhMUFRYX".parse().unwrap(),
        ciphertext: "c2VhbGVkLCBhbmQgaXRzIHRhZw==".parse().unwrap(),
        created_at: at(0),
        updated_at: at(0),
    };
    hold("secret-bare", &bare);
    let scope = SecretScope::Repository(id(2));
    hold("secret-full", &Secret { version: 2, scope, updated_at: at(1_500), ..bare });
}

#[test]
fn audit() {
    let bare = AuditEntry {
        schema: AUDIT_SCHEMA,
        version: 1,
        id: id(14),
        actor: Actor::Orch,
        action: AuditAction::Create,
        subject: Subject::Run(id(4)),
        origin: Origin::Orch,
        outcome: AuditOutcome::Done,
        at: at(0),
    };
    hold("audit-bare", &bare);
    let full = AuditEntry {
        actor: Actor::Person { name: "ada".to_owned() },
        action: AuditAction::Approve,
        origin: Origin::Tcp { peer: "192.0.2.7:50112".to_owned() },
        outcome: AuditOutcome::Refused { why: "the run does not wait for consent".to_owned() },
        at: at(1_500),
        ..bare
    };
    hold("audit-full", &full);
}

#[test]
fn salvages() {
    let bare = Salvage {
        schema: SALVAGE_SCHEMA,
        version: 1,
        id: id(15),
        run: id(4),
        repository: id(2),
        reference: "refs/orch/salvage/01kdv40000e008000000000004".to_owned(),
        untracked: FileList::default(),
        bytes: 0,
        why: "the workspace is older than its retention".to_owned(),
        saved_at: at(0),
    };
    hold("salvage-bare", &bare);
    let untracked = FileList { names: vec!["notes.txt".to_owned()], more: 12 };
    hold("salvage-full", &Salvage { untracked, bytes: 4_096, ..bare });
}
