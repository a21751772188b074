//! Documents, one at a time: what is written is there, and every refusal leaves all as it was.

use orch::domain::project::Project;
use orch::store::{Collection, Document, Filter, Query, StoreError, record};

use super::context::Context;
use super::making::{document, entry, id, ids, next, note, project, queued, raw_change, raw_run};
use super::outcome::{Outcome, conflict, exists, not_found, refused};
use super::{StoreCase, store_cases};

pub(super) const CASES: &[StoreCase] = store_cases![
    what_is_inserted_is_there,
    what_is_not_there_is_none,
    a_record_is_got_by_id_and_looked_up_by_value,
    an_id_is_taken_once,
    a_unique_value_is_taken_once,
    every_unique_field_is_taken_once,
    absent_unique_values_do_not_clash,
    an_empty_value_is_a_value,
    every_collection_stores_and_finds_by_every_index,
    every_collection_has_ids_of_its_own,
    a_replacement_names_the_version_before,
    a_replacement_needs_something_to_replace,
    a_replacement_moves_in_its_indexes,
    a_deletion_names_the_version,
    what_was_deleted_can_be_made_again,
    runs_change_by_transitions_only,
    errors_name_the_document,
    large_versions_and_schemas_come_back,
];

async fn what_is_inserted_is_there(context: &Context) -> Outcome {
    let written = project(1, "acme");
    context.store.insert(written.clone()).await?;
    assert_eq!(context.store.get(Collection::Projects, &written.id).await?, Some(written.clone()));
    assert_eq!(context.store.find(Query::all(Collection::Projects)).await?, [written]);
    Ok(())
}

async fn what_is_not_there_is_none(context: &Context) -> Outcome {
    for collection in Collection::ALL {
        assert_eq!(context.store.get(collection, "nothing").await?, None, "{collection}");
        assert_eq!(context.store.find(Query::all(collection)).await?, [], "{collection}");
    }
    Ok(())
}

async fn a_record_is_got_by_id_and_looked_up_by_value(context: &Context) -> Outcome {
    let store = context.store.as_ref();
    let mut acme = Project::new(id(1), "acme".parse()?, super::making::at(0));
    record::insert(store, &acme).await?;
    record::insert(store, &Project::new(id(2), "globex".parse()?, super::making::at(0))).await?;
    acme.version = 2;
    acme.title = "Acme".to_owned();
    record::replace(store, &acme).await?;
    assert_eq!(record::get(store, &acme.id.to_string()).await?, Some(acme.clone()));
    assert_eq!(record::lookup(store, "slug", "acme").await?, Some(acme.clone()));
    assert_eq!(record::lookup::<Project>(store, "slug", "initech").await?, None);
    let all: Vec<Project> = record::find(store, Query::all(Collection::Projects)).await?;
    assert_eq!((all.len(), &all[0]), (2, &acme));
    Ok(())
}

async fn an_id_is_taken_once(context: &Context) -> Outcome {
    let first = entry("a", "first", "one");
    context.store.insert(first.clone()).await?;
    exists(context.store.insert(entry("a", "second", "one")).await);
    exists(context.store.insert(first.clone()).await);
    assert_eq!(context.store.get(Collection::Contexts, "a").await?, Some(first));
    let second = Query::all(Collection::Contexts).filter(equals("entry", "second"));
    assert_eq!(context.store.find(second).await?, []);
    // The value of what was refused is still free.
    context.store.insert(entry("b", "second", "one")).await?;
    Ok(())
}

async fn a_unique_value_is_taken_once(context: &Context) -> Outcome {
    context.store.insert(project(1, "acme")).await?;
    context.store.insert(project(2, "globex")).await?;
    exists(context.store.insert(project(3, "acme")).await);
    exists(context.store.replace(Document { version: 2, ..project(2, "acme") }).await);
    assert_eq!(context.store.get(Collection::Projects, &project(3, "x").id).await?, None);
    let globex = project(2, "globex");
    assert_eq!(context.store.get(Collection::Projects, &globex.id).await?, Some(globex));
    Ok(())
}

/// One document that has this value, however its collection is written to.
async fn put(context: &Context, number: u128, document: Document) -> Result<(), StoreError> {
    if document.collection == Collection::Runs {
        return context.store.transition(raw_change(number, document, Vec::new())).await.map(drop);
    }
    context.store.insert(document).await
}

/// A document that has this value and no other.
fn with_value(collection: Collection, number: u128, values: &[(&'static str, &str)]) -> Document {
    match collection {
        Collection::Runs => raw_run(number, values),
        _ => document(collection, &id::<()>(number).to_string(), values),
    }
}

async fn every_unique_field_is_taken_once(context: &Context) -> Outcome {
    let mut number = 10;
    let mut seen = 0;
    for collection in Collection::ALL {
        for index in collection.indexes().iter().filter(|index| index.unique) {
            let values = [(index.field, "taken")];
            number += 2;
            put(context, number, with_value(collection, number, &values)).await?;
            exists(put(context, number + 1, with_value(collection, number + 1, &values)).await);
            let refused = id::<()>(number + 1).to_string();
            assert_eq!(context.store.get(collection, &refused).await?, None, "{collection}");
            seen += 1;
        }
    }
    assert_eq!(seen, 13, "so many unique fields are declared");
    Ok(())
}

async fn absent_unique_values_do_not_clash(context: &Context) -> Outcome {
    for collection in Collection::ALL {
        for number in [11, 12] {
            put(context, number, with_value(collection, number, &[])).await?;
        }
        assert_eq!(context.store.find(Query::all(collection)).await?.len(), 2, "{collection}");
    }
    Ok(())
}

async fn an_empty_value_is_a_value(context: &Context) -> Outcome {
    let store = &context.store;
    store.insert(document(Collection::Contexts, "absent", &[])).await?;
    store.insert(entry("empty", "", "")).await?;
    exists(store.insert(entry("other", "", "")).await);
    let empty = Query::all(Collection::Contexts).filter(equals("entry", ""));
    assert_eq!(ids(store.as_ref(), empty).await?, ["empty"]);
    let read = store.get(Collection::Contexts, "empty").await?.expect("it is there");
    assert_eq!((read.key("entry"), read.key("scope")), (Some(""), Some("")));
    let read = store.get(Collection::Contexts, "absent").await?.expect("it is there");
    assert_eq!((read.key("entry"), read.key("scope")), (None, None));
    Ok(())
}

async fn every_collection_stores_and_finds_by_every_index(context: &Context) -> Outcome {
    let store = context.store.as_ref();
    for collection in Collection::ALL {
        let fields = collection.indexes().iter().map(|index| index.field);
        let values = |of: &str| -> Vec<(&'static str, String)> {
            fields.clone().map(|field| (field, format!("{field} of {of}"))).collect()
        };
        for (number, of) in [(1, "one"), (2, "two")] {
            let values = values(of);
            let values: Vec<_> = values.iter().map(|(field, text)| (*field, &**text)).collect();
            let written = with_value(collection, number, &values);
            put(context, number, written.clone()).await?;
            assert_eq!(store.get(collection, &written.id).await?, Some(written), "{collection}");
        }
        for field in fields.clone() {
            let two = with_value(collection, 2, &[]).id;
            let query = Query::all(collection).filter(equals(field, &format!("{field} of two")));
            assert_eq!(ids(store, query).await?, [two.as_str()], "{collection} by {field}");
            let start = Filter::StartsWith(field, format!("{field} of t"));
            let query = Query::all(collection).filter(start);
            assert_eq!(ids(store, query).await?, [two.as_str()], "{collection} by {field}");
            let query = Query::all(collection).filter(equals(field, "of two"));
            assert_eq!(store.find(query).await?, [], "{collection} by {field}");
        }
    }
    Ok(())
}

async fn every_collection_has_ids_of_its_own(context: &Context) -> Outcome {
    let store = &context.store;
    for collection in Collection::ALL {
        put(context, 1, with_value(collection, 1, &[])).await?;
    }
    let name = id::<()>(1).to_string();
    store.delete(Collection::Audit, &name, 1).await?;
    for collection in Collection::ALL {
        let found = store.get(collection, &name).await?;
        assert_eq!(found.is_some(), collection != Collection::Audit, "{collection}");
        assert!(found.is_none_or(|found| found.collection == collection), "{collection}");
    }
    Ok(())
}

async fn a_replacement_names_the_version_before(context: &Context) -> Outcome {
    let store = &context.store;
    store.insert(project(1, "acme")).await?;
    let second = Document { version: 2, ..project(1, "beta") };
    store.replace(second.clone()).await?;
    for version in [1, 2, 4, 5, 1_000_000] {
        conflict(store.replace(Document { version, ..project(1, "gamma") }).await);
    }
    assert_eq!(store.get(Collection::Projects, &second.id).await?, Some(second));
    // What was refused has taken no value.
    store.insert(project(2, "gamma")).await?;
    Ok(())
}

async fn a_replacement_needs_something_to_replace(context: &Context) -> Outcome {
    for version in [1, 2, 7] {
        not_found(context.store.replace(Document { version, ..project(1, "acme") }).await);
    }
    assert_eq!(context.store.find(Query::all(Collection::Projects)).await?, []);
    Ok(())
}

async fn a_replacement_moves_in_its_indexes(context: &Context) -> Outcome {
    let store = context.store.as_ref();
    store.insert(entry("a", "old", "here")).await?;
    store.replace(Document { version: 2, ..entry("a", "new", "there") }).await?;
    for (field, value, expected) in
        [("entry", "old", 0), ("entry", "new", 1), ("scope", "here", 0), ("scope", "there", 1)]
    {
        let query = Query::all(Collection::Contexts).filter(equals(field, value));
        assert_eq!(store.find(query).await?.len(), expected, "{field} = {value}");
    }
    // The old value is free, and so is one that went away altogether.
    store.insert(entry("b", "old", "here")).await?;
    let without = Document { version: 3, ..document(Collection::Contexts, "a", &[]) };
    store.replace(without.clone()).await?;
    assert_eq!(store.get(Collection::Contexts, "a").await?, Some(without));
    store.insert(entry("c", "new", "there")).await?;
    let there = Query::all(Collection::Contexts).filter(equals("scope", "there"));
    assert_eq!(ids(store, there).await?, ["c"]);
    Ok(())
}

async fn a_deletion_names_the_version(context: &Context) -> Outcome {
    let store = &context.store;
    not_found(store.delete(Collection::Contexts, "a", 1).await);
    let first = entry("a", "one", "here");
    store.insert(first.clone()).await?;
    store.replace(next(&first)).await?;
    for version in [0, 1, 3, 1_000] {
        conflict(store.delete(Collection::Contexts, "a", version).await);
    }
    assert_eq!(store.get(Collection::Contexts, "a").await?, Some(next(&first)));
    store.delete(Collection::Contexts, "a", 2).await?;
    assert_eq!(store.get(Collection::Contexts, "a").await?, None);
    assert_eq!(store.find(Query::all(Collection::Contexts)).await?, []);
    not_found(store.delete(Collection::Contexts, "a", 2).await);
    not_found(store.replace(Document { version: 3, ..first }).await);
    Ok(())
}

async fn what_was_deleted_can_be_made_again(context: &Context) -> Outcome {
    let store = &context.store;
    let first = entry("a", "one", "here");
    for round in 0..3 {
        store.insert(first.clone()).await?;
        store.replace(next(&first)).await?;
        store.delete(Collection::Contexts, "a", 2).await?;
        // Its value is free for another as well.
        let other = entry(&format!("b{round}"), "one", "here");
        store.insert(other.clone()).await?;
        store.delete(Collection::Contexts, &other.id, 1).await?;
    }
    store.insert(first.clone()).await?;
    assert_eq!(store.get(Collection::Contexts, "a").await?, Some(first));
    Ok(())
}

async fn runs_change_by_transitions_only(context: &Context) -> Outcome {
    let store = &context.store;
    let run = queued(4);
    let written = record::encode(&run)?;
    refused(store.insert(written.clone()).await);
    assert_eq!(store.get(Collection::Runs, &written.id).await?, None);
    store.transition(raw_change(4, written.clone(), vec![note("made")])).await?;
    refused(store.replace(next(&written)).await);
    refused(store.delete(Collection::Runs, &written.id, 1).await);
    assert_eq!(store.get(Collection::Runs, &written.id).await?, Some(written));
    Ok(())
}

async fn errors_name_the_document(context: &Context) -> Outcome {
    let store = &context.store;
    let secret = "the body is told to nobody";
    let body = format!(r#"{{"title":"{secret}"}}"#);
    let first = Document { body, ..entry("a", "one", "here") };
    store.insert(first.clone()).await?;
    let answers = [
        store.insert(first.clone()).await,
        store.replace(first.clone()).await,
        store.delete(Collection::Contexts, "a", 9).await,
    ];
    for answer in answers {
        let words = answer.expect_err("it is refused").to_string();
        assert!(words.contains("contexts/a") && !words.contains(secret), "{words}");
    }
    let answers = [
        store.replace(next(&entry("b", "x", "y"))).await,
        store.delete(Collection::Contexts, "b", 1).await,
    ];
    for answer in answers {
        let words = answer.expect_err("it is refused").to_string();
        assert_eq!(words, "contexts/b is not there");
    }
    Ok(())
}

async fn large_versions_and_schemas_come_back(context: &Context) -> Outcome {
    use orch::store::Imported;
    let store = &context.store;
    // Beyond what a number of 32 bits, and one with a floating point, holds exactly.
    let version = (1 << 53) + 1;
    let old = Document { version, schema: u32::MAX, ..entry("a", "one", "here") };
    store.import(vec![Imported::Document(old.clone())]).await?;
    assert_eq!(store.get(Collection::Contexts, "a").await?, Some(old.clone()));
    conflict(store.replace(Document { version: version + 2, ..old.clone() }).await);
    let new = Document { version: version + 1, ..old };
    store.replace(new.clone()).await?;
    assert_eq!(store.get(Collection::Contexts, "a").await?, Some(new));
    Ok(())
}

fn equals(field: &'static str, value: &str) -> Filter {
    Filter::Equals(field, value.to_owned())
}
