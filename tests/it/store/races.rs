//! Many who want the same at once, from two store objects: one gets it, and all others are told.

use std::collections::BTreeSet;
use std::sync::Arc;

use orch::store::{Collection, Document, Query, Store, StoreError};

use super::context::Context;
use super::making::{at_once, entry, ids};
use super::outcome::{Outcome, won_against_conflicts, won_against_exists};
use super::{StoreCase, store_cases};

pub(super) const CASES: &[StoreCase] = store_cases![
    of_twenty_replacements_one_wins,
    of_twenty_inserters_of_an_id_one_wins,
    of_twenty_inserters_of_a_unique_value_one_wins,
    of_twenty_who_move_to_a_unique_value_one_wins,
    of_twenty_deletions_one_wins,
    a_deletion_and_a_replacement_do_not_both_win,
    no_increment_is_lost,
    two_store_objects_see_each_others_writes_at_once,
];

/// Two store objects on the same data, as two daemons have them; taken in turn.
async fn both(context: &Context) -> Result<[Arc<dyn Store>; 2], StoreError> {
    Ok([Arc::clone(&context.store), context.reopen().await?])
}

fn turn(stores: &[Arc<dyn Store>; 2], number: u128) -> Arc<dyn Store> {
    Arc::clone(&stores[usize::from(!number.is_multiple_of(2))])
}

async fn of_twenty_replacements_one_wins(context: &Context) -> Outcome {
    let stores = both(context).await?;
    context.store.insert(entry("a", "first", "none")).await?;
    let answers = at_once(20, |number| {
        let store = turn(&stores, number);
        let written = Document { version: 2, ..entry("a", "first", &number.to_string()) };
        async move { store.replace(written.clone()).await.map(|()| written) }
    })
    .await;
    let winner = answers.iter().find_map(|answer| answer.as_ref().ok()).cloned();
    assert_eq!(won_against_conflicts(answers), 1);
    assert_eq!(context.store.get(Collection::Contexts, "a").await?, winner);
    Ok(())
}

async fn of_twenty_inserters_of_an_id_one_wins(context: &Context) -> Outcome {
    let stores = both(context).await?;
    let answers = at_once(20, |number| {
        let store = turn(&stores, number);
        let written = entry("a", &format!("entry {number}"), "one");
        async move { store.insert(written.clone()).await.map(|()| written) }
    })
    .await;
    let winner = answers.iter().find_map(|answer| answer.as_ref().ok()).cloned();
    assert_eq!(won_against_exists(answers), 1);
    assert_eq!(context.store.get(Collection::Contexts, "a").await?, winner);
    assert_eq!(context.store.find(Query::all(Collection::Contexts)).await?.len(), 1);
    Ok(())
}

async fn of_twenty_inserters_of_a_unique_value_one_wins(context: &Context) -> Outcome {
    let stores = both(context).await?;
    let answers = at_once(20, |number| {
        let store = turn(&stores, number);
        async move { store.insert(entry(&format!("id {number}"), "the same", "one")).await }
    })
    .await;
    assert_eq!(won_against_exists(answers), 1);
    assert_eq!(context.store.find(Query::all(Collection::Contexts)).await?.len(), 1);
    Ok(())
}

async fn of_twenty_who_move_to_a_unique_value_one_wins(context: &Context) -> Outcome {
    let stores = both(context).await?;
    for number in 0..20 {
        let (name, own) = (format!("id {number}"), format!("own {number}"));
        context.store.insert(entry(&name, &own, "one")).await?;
    }
    let answers = at_once(20, |number| {
        let store = turn(&stores, number);
        let moved = entry(&format!("id {number}"), "the same", "one");
        async move { store.replace(Document { version: 2, ..moved }).await }
    })
    .await;
    assert_eq!(won_against_exists(answers), 1);
    let all = context.store.find(Query::all(Collection::Contexts)).await?;
    assert_eq!(all.iter().filter(|document| document.version == 2).count(), 1);
    let values: BTreeSet<_> = all.iter().map(|document| document.key("entry")).collect();
    assert_eq!(values.len(), 20, "the others have what they had");
    Ok(())
}

async fn of_twenty_deletions_one_wins(context: &Context) -> Outcome {
    let stores = both(context).await?;
    context.store.insert(entry("a", "one", "one")).await?;
    let answers = at_once(20, |number| {
        let store = turn(&stores, number);
        async move { store.delete(Collection::Contexts, "a", 1).await }
    })
    .await;
    let (won, lost): (Vec<_>, Vec<_>) = answers.into_iter().partition(Result::is_ok);
    assert_eq!(won.len(), 1);
    lost.into_iter().for_each(super::outcome::not_found);
    Ok(())
}

async fn a_deletion_and_a_replacement_do_not_both_win(context: &Context) -> Outcome {
    let stores = both(context).await?;
    for round in 0..10 {
        let name = format!("id {round}");
        let first = entry(&name, &name, "one");
        context.store.insert(first.clone()).await?;
        let answers = at_once(2, |number| {
            let store = turn(&stores, number + round % 2);
            let (name, second) = (name.clone(), Document { version: 2, ..first.clone() });
            async move {
                match number {
                    0 => store.delete(Collection::Contexts, &name, 1).await,
                    _ => store.replace(second).await,
                }
            }
        })
        .await;
        let left = context.store.get(Collection::Contexts, &name).await?;
        match answers.as_slice() {
            [Ok(()), Err(StoreError::NotFound(_))] => assert_eq!(left, None, "{round}"),
            [Err(StoreError::Conflict(_)), Ok(())] => {
                assert_eq!(left.map(|left| left.version), Some(2), "{round}");
            }
            other => assert!(other.is_empty(), "round {round}: {other:?}"),
        }
    }
    Ok(())
}

async fn no_increment_is_lost(context: &Context) -> Outcome {
    let stores = both(context).await?;
    context.store.insert(entry("counter", "one", "0")).await?;
    let answers = at_once(6, |number| {
        let store = turn(&stores, number);
        async move {
            for _ in 0..5 {
                loop {
                    let old = store.get(Collection::Contexts, "counter").await?.expect("it stays");
                    let count: u64 = old.key("scope").expect("it counts").parse().expect("so far");
                    let new = entry("counter", "one", &(count + 1).to_string());
                    match store.replace(Document { version: old.version + 1, ..new }).await {
                        Ok(()) => break,
                        Err(StoreError::Conflict(_)) => {}
                        Err(other) => return Err(other),
                    }
                }
            }
            Ok(())
        }
    })
    .await;
    for answer in answers {
        answer?;
    }
    let counter = context.store.get(Collection::Contexts, "counter").await?.expect("it is there");
    assert_eq!((counter.version, counter.key("scope")), (31, Some("30")));
    Ok(())
}

async fn two_store_objects_see_each_others_writes_at_once(context: &Context) -> Outcome {
    let [one, other] = both(context).await?;
    for round in 0..10 {
        let (writer, reader) = if round % 2 == 0 { (&one, &other) } else { (&other, &one) };
        let name = format!("id {round}");
        let first = entry(&name, &name, "one");
        writer.insert(first.clone()).await?;
        assert_eq!(reader.get(Collection::Contexts, &name).await?, Some(first.clone()));
        let second = Document { version: 2, ..entry(&name, &name, "two") };
        reader.replace(second.clone()).await?;
        assert_eq!(writer.get(Collection::Contexts, &name).await?, Some(second));
        let all = Query::all(Collection::Contexts);
        assert_eq!(ids(writer.as_ref(), all.clone()).await?, [name.as_str()]);
        writer.delete(Collection::Contexts, &name, 2).await?;
        assert_eq!(reader.find(all).await?, []);
    }
    Ok(())
}
