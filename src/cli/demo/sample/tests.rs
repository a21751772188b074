use super::*;

#[test]
fn the_sample_fails_its_test_and_the_fix_mends_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let sample = Sample::make(&folder.path().join("calculator")).expect("is made");
    let told = sample.test().expect("fails as it should");
    assert!(told.contains("FAILED  mul 6 7 = 13, expected 42"), "{told}");
    assert!(told.contains("ok      add 2 3 = 5"), "{told}");

    let fixed = sample.output(Command::new("sh").args(["-c", FIX])).expect("runs");
    assert!(fixed.status.success());
    let checked = sample.output(Command::new("sh").args(["-c", CHECK])).expect("runs");
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stdout));
}

#[test]
fn a_branch_that_did_not_arrive_is_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let sample = Sample::make(&folder.path().join("calculator")).expect("is made");
    assert!(sample.branches("agent/none", "abc").is_err());
    let head = sample.git(&["rev-parse", "HEAD"]).expect("has a commit");
    assert!(sample.branches("main", head.trim()).expect("is there").contains("A calculator"));
}

#[test]
fn words_are_quoted_as_a_person_would() {
    assert_eq!(quoted("--repo"), "--repo");
    assert_eq!(quoted("sh test.sh"), "'sh test.sh'");
    assert_eq!(quoted(FIX), "\"sed -i '/mul)/s/+/*/' calc.sh\"");
    assert_eq!(quoted("it's $5"), r"'it'\''s $5'");
    assert_eq!(quoted(""), "''");
}
