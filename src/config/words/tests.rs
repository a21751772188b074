use super::*;

fn every_word_stands_for_something<T: Words>() {
    for word in T::WORDS {
        assert!(read::<T>(word).is_ok(), "{word}");
    }
}

#[test]
fn every_word_of_every_choice_can_be_read() {
    every_word_stands_for_something::<HarnessKind>();
    every_word_stands_for_something::<SandboxKind>();
    every_word_stands_for_something::<NetworkProfile>();
    every_word_stands_for_something::<PublishPolicy>();
    every_word_stands_for_something::<ApprovalProfile>();
    every_word_stands_for_something::<Priority>();
    every_word_stands_for_something::<MisfirePolicy>();
    every_word_stands_for_something::<OverlapPolicy>();
    every_word_stands_for_something::<TriggerWord>();
}

#[test]
fn every_harness_has_a_word() {
    let names: Vec<&str> = HarnessKind::ALL.iter().map(|kind| kind.name()).collect();
    assert_eq!(names, HarnessKind::WORDS);
}

#[test]
fn joined_words_are_camel_case_on_the_wire() {
    assert_eq!(read::<ApprovalProfile>("before-publish"), Ok(ApprovalProfile::BeforePublish));
    assert_eq!(of_wire_name("beforePublish"), "before-publish");
    assert_eq!(of_wire_name("oneShot"), "one-shot");
}

#[test]
fn an_unknown_word_is_refused_with_the_nearest() {
    let error = read::<ApprovalProfile>("before-strat").expect_err("is misspelt");
    assert_eq!(
        error.to_string(),
        "`before-strat` is not a choice here; write none, before-start or before-publish \
         (did you mean `before-start`?)"
    );
    assert!(read::<ApprovalProfile>("beforeStart").is_err(), "one spelling for people");
    let error = read::<HarnessKind>("scirpt").expect_err("is misspelt");
    assert_eq!(error.to_string(), "`scirpt` is not a choice here; write script");
}
