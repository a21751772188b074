use super::*;
use crate::domain::run::tests::{at, id};

#[test]
fn what_is_sealed_is_not_shown() {
    let secret = Secret {
        schema: SECRET_SCHEMA,
        version: 1,
        id: id(13),
        name: "GH_TOKEN".parse().unwrap(),
        scope: SecretScope::Repository(id(2)),
        algorithm: SealAlgorithm::XChaCha20Poly1305,
        key_id: "2026-01".to_owned(),
        nonce: "bm9uY2U=".parse().unwrap(),
        ciphertext: "Y2lwaGVydGV4dA==".parse().unwrap(),
        created_at: at(0),
        updated_at: at(0),
    };
    assert_eq!(secret.to_string(), "GH_TOKEN (repository 000002)");
    for shown in [format!("{secret:?}"), format!("{secret:#?}"), secret.ciphertext.to_string()] {
        assert!(!shown.contains("Y2lwaGVy") && !shown.contains("bm9u"), "{shown}");
        assert!(shown.contains("***"), "{shown}");
    }
    assert_eq!(secret.ciphertext.as_base64(), "Y2lwaGVydGV4dA==");
}

#[test]
fn sealed_bytes_are_base64() {
    for text in ["AA==", "AAA=", "AAAA", "+/+/"] {
        assert_eq!(text.parse::<Sealed>().unwrap().as_base64(), text);
    }
    for text in ["", "=", "====", "A", "AA", "AAA", "A===", "AA=A", "AA-_", "AAAA\n", "hunter2!"] {
        let read = serde_json::from_value::<Sealed>(text.into()).unwrap_err();
        assert!(!read.to_string().contains("hunter2"), "{text:?}");
    }
}

#[test]
fn a_secret_given_for_a_name_is_not_repeated() {
    for name in ["GH_TOKEN", "zai-key", "a", &"x".repeat(64)] {
        assert_eq!(name.parse::<SecretName>().unwrap().as_str(), name);
    }
    let secret = "hunter2=";
    for name in ["", "_A", "1A", "a b", "a/b", "ü", secret, &"x".repeat(65)] {
        let read = serde_json::from_value::<SecretName>(name.into()).unwrap_err();
        assert!(!read.to_string().contains("hunter2"), "{name:?}");
    }
}
