use super::*;

#[test]
fn urls_are_told_from_paths() {
    for url in ["https://host/a.git", "ssh://git@host/a", "git@host:team/a.git", "file:///a"] {
        assert!(is_url(url), "{url}");
    }
    for path in ["/a/b", "./a:b", "a/b:c", "a", "~/a", "..", ":a"] {
        assert!(!is_url(path), "{path}");
    }
}

#[test]
fn a_path_becomes_absolute_and_must_be_a_repository() {
    let folder = tempfile::tempdir().expect("a folder");
    let root = folder.path().canonicalize().expect("it is there");
    std::fs::create_dir_all(root.join("repo/.git")).expect("is made");
    std::fs::create_dir_all(root.join("repo/src")).expect("is made");
    std::fs::create_dir_all(root.join("bare/objects")).expect("is made");
    std::fs::write(root.join("bare/HEAD"), "ref: refs/heads/main\n").expect("is written");
    let path = |name: &str| root.join(name).display().to_string();

    assert_eq!(source(&path("repo/src/..")), Ok(path("repo")));
    assert_eq!(source(&path("bare")), Ok(path("bare")));
    let inside = source(&path("repo/src")).expect_err("is none itself");
    assert_eq!(inside.hints(), [format!("it lies in one: {}", path("repo"))]);
    let missing = source(&path("nowhere")).expect_err("is not there");
    assert_eq!(missing.kind(), ErrorKind::NotFound);
    assert_eq!(source(" ").expect_err("is blank").kind(), ErrorKind::Usage);
}
