use super::*;
use crate::domain::run::tests::{at, id};

fn context(scope: ContextScope, text: String) -> Result<Context, ContextTooLong> {
    Context::new(id(9), scope, "notes".parse().unwrap(), text, Actor::Orch, at(0))
}

#[test]
fn each_change_is_a_revision_of_its_own() {
    let by = Actor::Run { run: id(4) };
    let first = context(ContextScope::Task(id(3)), "one".to_owned()).unwrap();
    let second = first.revised(id(10), "two".to_owned(), by.clone(), at(5)).unwrap();
    assert_eq!((first.revision, first.text.as_str()), (1, "one"));
    assert_eq!((second.revision, second.version, second.id), (2, 1, id(10)));
    assert_eq!((second.text.as_str(), &second.by, second.created_at), ("two", &by, at(5)));
    assert_eq!(second.entry(), "task/01kdv40000e008000000000003/notes@2");
    let rival = first.revised(id(11), "too".to_owned(), by, at(6)).unwrap();
    assert_eq!(rival.entry(), second.entry(), "only one of them can be stored");
}

#[test]
fn scopes_do_not_mix() {
    let scopes = [
        (ContextScope::Run(id(1)), "run/01kdv40000e008000000000001"),
        (ContextScope::Task(id(1)), "task/01kdv40000e008000000000001"),
        (ContextScope::Repository(id(1)), "repository/01kdv40000e008000000000001"),
        (ContextScope::Global, "global"),
    ];
    for (scope, text) in scopes {
        assert_eq!(scope.to_string(), text);
        let stored = serde_json::to_value(scope).unwrap();
        assert_eq!(serde_json::from_value::<ContextScope>(stored).unwrap(), scope);
    }
}

#[test]
fn a_text_that_no_run_could_be_told_is_refused() {
    let longest = context(ContextScope::Global, "x".repeat(1 << 20)).unwrap();
    assert!(context(ContextScope::Global, "x".repeat((1 << 20) + 1)).is_err());
    let longer = "x".repeat(3 << 20);
    let refused = context(ContextScope::Global, longer.clone()).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "the context has 3.0 MiB, more than the 1.0 MiB that runs can be told; shorten it"
    );
    assert_eq!(longest.revised(id(10), longer, Actor::Orch, at(0)), Err(refused));
}
