use super::*;

fn resolve(text: &str) -> Result<StoreAddress, NoAddress> {
    let env = |name: &str| {
        (name == "RECORD").then(|| OsString::from("mongodb://orch:hunter2@db.example/team\n"))
    };
    text.parse::<StoreUrl>().unwrap().resolve(env)
}

#[test]
fn an_address_stands_in_the_setting_a_variable_or_a_file() {
    assert_eq!(resolve("").unwrap(), StoreAddress::Embedded);
    let expected: StoreAddress = "mongodb://orch:hunter2@db.example/team".parse().unwrap();
    assert_eq!(resolve("mongodb://orch:hunter2@db.example/team").unwrap(), expected);
    assert_eq!(resolve("env://RECORD").unwrap(), expected);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("url");
    fs::write(&file, "mongodb://orch:hunter2@db.example/team\n").unwrap();
    assert_eq!(resolve(&format!("file://{}", file.display())).unwrap(), expected);
}

#[test]
fn a_place_without_an_address_is_named() {
    let words = |text: &str| resolve(text).unwrap_err().to_string();
    assert!(words("env://NOTHING").contains("NOTHING"));
    assert!(words("file:///does/not/exist").contains("/does/not/exist"));
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("url");
    for text in ["", "\n", "postgres://orch:hunter2@h"] {
        fs::write(&file, text).unwrap();
        let words = words(&format!("file://{}", file.display()));
        assert!(words.contains("url") && !words.contains("hunter2"), "{words}");
    }
}

#[test]
fn what_is_shown_reads_back_and_holds_no_password() {
    for text in ["", "env://RECORD", "file:///run/url", "sqlite:/srv/orch.db"] {
        assert_eq!(text.parse::<StoreUrl>().unwrap().to_string(), text);
    }
    let shown = "mongodb://orch:hunter2@h/team".parse::<StoreUrl>().unwrap();
    assert_eq!(shown.to_string(), "mongodb://orch:***@h/team");
    assert!(!format!("{shown:?}").contains("hunter2"));
}
