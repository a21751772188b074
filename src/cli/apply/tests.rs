use super::*;
use crate::config::layers;

fn settings() -> Settings {
    layers::check_file(Path::new("c.toml"), "").expect("the defaults hold").settings
}

fn task(path: &str, depends_on: &[&str]) -> NewTask {
    let mut text = format!("+++\ntask = \"{path}\"\n");
    text.push_str(&format!("depends_on = {depends_on:?}\n+++\nmake\n"));
    let file = task_file::parse(&text).expect("is whole");
    let path = file.draft.task.clone().expect("is there");
    task::request(path, &file.draft, file.prompt, &settings()).expect("makes sense")
}

fn order(tasks: Vec<NewTask>) -> Vec<String> {
    in_order(tasks).into_iter().map(|task| task.path.task.to_string()).collect()
}

#[test]
fn a_task_comes_after_those_that_it_waits_for() {
    let tasks = vec![
        task("p/r/c", &["p/r/b", "p/r/elsewhere"]),
        task("p/r/b", &["p/r/a"]),
        task("p/r/a", &[]),
    ];
    assert_eq!(order(tasks), ["a", "b", "c"]);
}

#[test]
fn a_circle_is_left_to_the_daemon() {
    let tasks = vec![task("p/r/a", &["p/r/b"]), task("p/r/b", &["p/r/a"]), task("p/r/c", &[])];
    assert_eq!(order(tasks), ["c", "a", "b"]);
}

#[test]
fn the_same_file_again_changes_nothing() {
    let new = task("p/r/a", &[]);
    let id = |n| uuid::Uuid::from_u128(n);
    let mut known = Task::new(
        crate::domain::id::Id::from_uuid(id(1)),
        crate::domain::id::Id::from_uuid(id(2)),
        new.path.clone(),
        new.spec.clone(),
        jiff::Timestamp::UNIX_EPOCH,
    );
    assert!(is_same(&known, &new));
    known.spec.instructions.push('!');
    assert!(!is_same(&known, &new));
}

#[test]
fn a_file_is_told_by_name_and_line() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("a.md");
    let told = |text: &str, flag: Option<&str>| {
        fs::write(&file, text).expect("is written");
        let flag = flag.map(|path| path.parse().expect("an address"));
        read(&file, flag.as_ref(), &settings()).expect_err("must be refused").headline()
    };
    let name = file.display();
    assert_eq!(
        told("+++\nverfy = []\n+++\nx", None),
        format!("usage: {name}:2: there is no key `verfy`")
    );
    assert_eq!(told("+++\n+++\nx", None), format!("usage: {name} does not say which task it is"));
    assert_eq!(
        told("+++\ntask = \"a/b/c\"\n+++\nx", Some("a/b/d")),
        format!("usage: {name} says it is a/b/c, and --task says a/b/d")
    );
    assert_eq!(
        told("+++\ntask = \"a/b/c\"\nschedule = \"0 0 30 2 *\"\n+++\nx", None),
        format!(
            "usage: {name}: `0 0 30 2 *` never fires: no date fits it; check the day and the month"
        )
    );
}
