use super::*;

#[test]
fn a_name_stays_inside_its_folder() {
    for name in ["diff.patch", "reports/junit.xml", ".hidden", "a/..b/c..", "Übersicht – 1.md"] {
        assert_eq!(name.parse::<ArtifactName>().unwrap().as_str(), name);
    }
    let part = "a part of it is empty, `.` or `..`";
    let signs = "it has signs that would steer a terminal";
    let bad = [
        ("", "it is empty"),
        ("/etc/passwd", "it is not relative"),
        ("..", part),
        ("a/../b", part),
        ("a/..", part),
        ("./a", part),
        ("a//b", part),
        ("a/", part),
        ("a\nb", signs),
        ("a\0b", signs),
        ("a\tb", signs),
        ("a\u{1b}[2Jb", signs),
        ("a\u{202e}gpj.exe", signs),
    ];
    for (name, why) in bad {
        assert_eq!(name.parse::<ArtifactName>().unwrap_err().why, why, "{name:?}");
        assert!(serde_json::from_value::<ArtifactName>(name.into()).is_err(), "{name:?}");
    }
}

#[test]
fn a_complaint_is_short_and_does_not_steer_a_terminal() {
    let words = "x".repeat(5_000).parse::<ArtifactName>().unwrap_err().to_string();
    assert!(words.ends_with("…` cannot be the name of an artifact: it is longer than 1024 bytes"));
    assert!(words.len() < 200);
    let words = "a\u{1b}[2J\nb".parse::<ArtifactName>().unwrap_err().to_string();
    assert!(words.starts_with("`a b` cannot be"), "{words}");
}
