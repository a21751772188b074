use proptest::prelude::{any, proptest};

use super::*;
use crate::config::draft::TimeoutsDraft;
use crate::config::words::TriggerWord;
use crate::domain::duration::HumanDuration;

fn told(text: &str) -> String {
    let error = parse(text).expect_err("must be refused");
    let hint = error.hint.map(|hint| format!("\n{hint}")).unwrap_or_default();
    format!("{}: {}{hint}", error.line, error.why)
}

#[test]
fn the_file_of_the_documentation_is_read() {
    let file = parse(
        "+++\nkind = \"cron\"\nschedule = \"0 3 * * 1-5\"\ntimezone = \"Europe/Berlin\"\n\
         harness = \"script\"\nverify = [\"cargo test\"]\npublish = \"branch\"\n\
         depends_on = [\"web/shop/build\"]\n[timeouts]\nimplement = \"45m\"\n\
         [retry]\nmax_attempts = 3\n[env]\nLANG = \"C\"\n+++\nFind the flakiest test.\n",
    )
    .expect("is whole");
    assert_eq!(file.draft.kind, Some(TriggerWord::Cron));
    let implement = Some(HumanDuration::from_mins(45));
    assert_eq!(file.draft.timeouts, TimeoutsDraft { implement, ..TimeoutsDraft::default() });
    assert_eq!(file.draft.retry.max_attempts, Some(3));
    assert_eq!(file.draft.env["LANG"], "C");
    assert_eq!(file.prompt, "Find the flakiest test.");
}

#[test]
fn every_key_is_in_the_list_that_suggestions_come_from() {
    let fields = |text: &str| {
        let error = toml::from_str::<TaskDraft>(text).expect_err("is unknown");
        let (_, list) = error.message().split_once("expected one of ").expect("a list");
        list.split(", ").map(|name| name.trim_matches('`').to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(fields("x = 1"), KEYS);
    assert_eq!(fields("[timeouts]\nx = 1"), TIMEOUT_KEYS);
    assert_eq!(fields("[retry]\nx = 1"), RETRY_KEYS);
}

#[test]
fn other_systems_line_ends_and_marks_are_read() {
    let file =
        parse("\u{feff}+++\r\npriority = \"high\"\r\n+++\r\none\r\n\r\ntwo\r\n").expect("fits");
    assert_eq!(file.prompt, "one\n\ntwo");
    assert_eq!(
        told("\u{feff}+++\r\npriorit = \"high\"\r\n+++\r\nx").lines().next(),
        Some("2: there is no key `priorit`")
    );
}

#[test]
fn text_in_any_script_is_kept_as_it_is() {
    let file = parse("+++\nverify = [\"échø 'ü'\"]\n+++\n  修复 🦀\n\n    code\n").expect("fits");
    assert_eq!(file.prompt, "  修复 🦀\n\n    code");
    assert_eq!(file.draft.verify, ["échø 'ü'"]);
}

#[test]
fn a_fence_in_the_body_is_body() {
    assert_eq!(parse("+++\n+++\na\n+++\nb").expect("fits").prompt, "a\n+++\nb");
}

#[test]
fn missing_parts_are_told() {
    assert_eq!(
        told("Fix it."),
        "1: the front matter is missing\nbegin with a line `+++`, settings, and a second line `+++`"
    );
    assert_eq!(told(""), told("Fix it."));
    assert_eq!(
        told("\n+++\npriority = \"high\"\nFix it."),
        "2: the front matter does not end\nclose it with a second line `+++`; the prompt follows below"
    );
    assert_eq!(
        told("+++\n+++\n \n"),
        "3: the prompt is empty\nwrite what is to be done below the second `+++`"
    );
}

#[test]
fn unknown_keys_are_told_with_line_and_nearest() {
    assert_eq!(
        told("+++\nkind = \"cron\"\nschedul = \"@daily\"\n+++\nx"),
        "3: there is no key `schedul`\ndid you mean `schedule`?"
    );
    assert_eq!(
        told("+++\n[timeouts]\nidel = \"1m\"\n+++\nx"),
        "3: there is no key `idel`\ndid you mean `idle`?"
    );
    assert_eq!(
        told("+++\nretry.max_attempt = 1\n+++\nx"),
        "2: there is no key `max_attempt`\ndid you mean `max_attempts`?"
    );
    assert!(told("+++\n[retry]\nqqqqqqqq = 1\n+++\nx").contains("known here: max_attempts, "));
}

#[test]
fn wrong_values_are_told_with_line_and_key() {
    assert_eq!(
        told("+++\n\nverify = \"cargo test\"\n+++\nx"),
        "3: verify: invalid type: string \"cargo test\", expected a sequence"
    );
    assert_eq!(
        told("+++\n[timeouts]\ntotal = \"-5m\"\n+++\nx"),
        "3: total: `-5m` is not a duration: it is negative; write a positive one, such as 45m"
    );
    assert_eq!(
        told("+++\napprove = \"always\"\n+++\nx"),
        "2: approve: `always` is not a choice here; write none, before-start or before-publish"
    );
    assert_eq!(
        told("+++\ntask = \"web/shop\"\n+++\nx"),
        "2: task: `web/shop` is not an address: write project/repo/task"
    );
    assert_eq!(told("+++\npids = 1\npids = 2\n+++\nx"), "3: duplicate key");
    assert!(told("+++\npids = \n+++\nx").starts_with("2: "));
}

proptest! {
    #[test]
    fn no_text_is_too_strange(front in any::<String>(), body in any::<String>()) {
        if let Err(error) = parse(&format!("+++\n{front}\n+++\n{body}")) {
            assert!(error.line >= 1);
        }
    }
}
