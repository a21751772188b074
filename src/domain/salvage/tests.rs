use super::*;

#[test]
fn a_list_of_files_is_bounded_and_says_how_many_more_there_are() {
    let names: Vec<String> = (0..MAX_LISTED + 12).map(|number| format!("file-{number}")).collect();
    let list = FileList::of(names.iter().map(String::as_str));
    assert_eq!(list.names, names[..MAX_LISTED]);
    assert_eq!(list.more, 12);
}

#[test]
fn names_of_files_do_not_steer_a_terminal() {
    let long = "x".repeat(5_000);
    let list = FileList::of(["a\u{1b}[2Jb\nc", "\u{202e}fdp", long.as_str()]);
    assert_eq!(list.names[..2], ["ab c", "fdp"]);
    assert_eq!(list.names[2].chars().count(), MAX_NAME + 1);
}
