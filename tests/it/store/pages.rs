//! Reading in pages: whoever goes on after the last id that it saw misses nothing and sees nothing
//! twice, whatever comes and goes meanwhile.

use std::collections::BTreeMap;
use std::sync::Arc;

use orch::store::{Collection, Filter, Order, Query, Store, StoreError};

use super::context::Context;
use super::making::{entry, ids};
use super::outcome::Outcome;
use super::{StoreCase, store_cases};

pub(super) const CASES: &[StoreCase] = store_cases![
    pages_go_on_after_their_cursor_under_inserts,
    pages_go_on_when_their_cursor_was_deleted,
    a_cursor_need_never_have_been_there,
    pages_of_every_size_cover_everything_once,
    pages_of_a_filter_cover_what_fits_once,
    newest_first_is_the_other_way_round,
    a_limit_is_kept,
    pages_see_what_stays_once_while_others_write,
];

fn all() -> Query {
    Query::all(Collection::Contexts)
}

async fn fill(store: &dyn Store, names: &[&str]) -> Result<(), StoreError> {
    for name in names {
        store.insert(entry(name, name, "all")).await?;
    }
    Ok(())
}

/// All that a query finds, page by page.
async fn paged(store: &dyn Store, query: &Query, size: usize) -> Result<Vec<String>, StoreError> {
    let mut seen: Vec<String> = Vec::new();
    loop {
        let page = Query { after: seen.last().cloned(), limit: size, ..query.clone() };
        let found = ids(store, page).await?;
        assert!(found.len() <= size, "{} are more than {size}", found.len());
        let is_last = found.len() < size;
        seen.extend(found);
        assert!(seen.len() < 1_000, "the pages never end: {:?}", seen.last());
        if is_last {
            return Ok(seen);
        }
    }
}

async fn pages_go_on_after_their_cursor_under_inserts(context: &Context) -> Outcome {
    let store = context.store.as_ref();
    fill(store, &["10", "30", "50"]).await?;
    let page = |after: Option<&str>| Query { limit: 2, after: after.map(str::to_owned), ..all() };
    assert_eq!(ids(store, page(None)).await?, ["10", "30"]);
    // One before the cursor, which must not come again, and one behind, which must.
    fill(store, &["20", "40"]).await?;
    assert_eq!(ids(store, page(Some("30"))).await?, ["40", "50"]);
    assert_eq!(ids(store, page(Some("50"))).await?, [""; 0]);
    Ok(())
}

async fn pages_go_on_when_their_cursor_was_deleted(context: &Context) -> Outcome {
    let store = context.store.as_ref();
    fill(store, &["10", "20", "30", "40", "50"]).await?;
    for order in [Order::OldestFirst, Order::NewestFirst] {
        let page = |after: &str| Query { limit: 2, after: Some(after.to_owned()), order, ..all() };
        store.delete(Collection::Contexts, "30", 1).await?;
        let expected = match order {
            Order::OldestFirst => ["40", "50"],
            Order::NewestFirst => ["20", "10"],
        };
        assert_eq!(ids(store, page("30")).await?, expected);
        fill(store, &["30"]).await?;
        assert_eq!(ids(store, page("30")).await?, expected);
    }
    Ok(())
}

async fn a_cursor_need_never_have_been_there(context: &Context) -> Outcome {
    let store = context.store.as_ref();
    fill(store, &["b", "d"]).await?;
    for (order, after, expected) in [
        (Order::OldestFirst, "", vec!["b", "d"]),
        (Order::OldestFirst, "a", vec!["b", "d"]),
        (Order::OldestFirst, "c", vec!["d"]),
        (Order::OldestFirst, "z", vec![]),
        (Order::NewestFirst, "z", vec!["d", "b"]),
        (Order::NewestFirst, "c", vec!["b"]),
        (Order::NewestFirst, "a", vec![]),
        (Order::NewestFirst, "", vec![]),
    ] {
        let query = Query { order, after: Some(after.to_owned()), ..all() };
        assert_eq!(ids(store, query).await?, expected, "{order:?} after {after:?}");
    }
    Ok(())
}

async fn pages_of_every_size_cover_everything_once(context: &Context) -> Outcome {
    let store = context.store.as_ref();
    let names: Vec<String> = (0..24).map(|number| format!("{number:02}")).collect();
    fill(store, &names.iter().map(String::as_str).collect::<Vec<_>>()).await?;
    let backwards: Vec<String> = names.iter().rev().cloned().collect();
    for size in [1, 2, 5, 8, 23, 24, 25, 1_000] {
        assert_eq!(paged(store, &all(), size).await?, names, "pages of {size}");
        let newest = Query { order: Order::NewestFirst, ..all() };
        assert_eq!(paged(store, &newest, size).await?, backwards, "pages of {size}");
    }
    Ok(())
}

async fn pages_of_a_filter_cover_what_fits_once(context: &Context) -> Outcome {
    let store = context.store.as_ref();
    for number in 0..24 {
        let scope = ["red", "green", "green-blue"][number % 3];
        store.insert(entry(&format!("{number:02}"), &format!("entry {number:02}"), scope)).await?;
    }
    let third = |rest: usize| -> Vec<String> {
        (0..24).filter(|number| number % 3 == rest).map(|number| format!("{number:02}")).collect()
    };
    let green = all().filter(Filter::Equals("scope", "green".to_owned()));
    let greens = all().filter(Filter::StartsWith("scope", "green".to_owned()));
    let first_ten = all()
        .filter(Filter::Equals("scope", "red".to_owned()))
        .filter(Filter::IdStartsWith("0".to_owned()));
    for size in [1, 3, 8] {
        assert_eq!(paged(store, &green, size).await?, third(1), "pages of {size}");
        let mut both = [third(1), third(2)].concat();
        both.sort();
        assert_eq!(paged(store, &greens, size).await?, both, "pages of {size}");
        both.reverse();
        let newest = Query { order: Order::NewestFirst, ..greens.clone() };
        assert_eq!(paged(store, &newest, size).await?, both, "pages of {size}");
        assert_eq!(paged(store, &first_ten, size).await?, ["00", "03", "06", "09"]);
    }
    Ok(())
}

async fn newest_first_is_the_other_way_round(context: &Context) -> Outcome {
    let store = context.store.as_ref();
    fill(store, &["2", "1", "3"]).await?;
    let newest = Query { order: Order::NewestFirst, ..all() };
    assert_eq!(ids(store, newest.clone()).await?, ["3", "2", "1"]);
    let behind = Query { after: Some("3".to_owned()), ..newest };
    assert_eq!(ids(store, behind).await?, ["2", "1"]);
    Ok(())
}

async fn a_limit_is_kept(context: &Context) -> Outcome {
    let store = context.store.as_ref();
    fill(store, &["1", "2", "3"]).await?;
    for (limit, expected) in [(0, 0), (1, 1), (2, 2), (3, 3), (4, 3), (usize::MAX, 3)] {
        let query = Query { limit, ..all() };
        assert_eq!(ids(store, query).await?.len(), expected, "a limit of {limit}");
        let filtered = all().filter(Filter::Equals("scope", "all".to_owned()));
        let query = Query { limit, order: Order::NewestFirst, ..filtered };
        assert_eq!(ids(store, query).await?.len(), expected, "a limit of {limit}");
    }
    Ok(())
}

/// Half of the documents stay; the others come and go while readers page through.
async fn pages_see_what_stays_once_while_others_write(context: &Context) -> Outcome {
    let store = Arc::clone(&context.store);
    let names: Vec<String> = (0..30).map(|number| format!("{number:02}")).collect();
    let staying: Vec<&str> = names.iter().step_by(2).map(String::as_str).collect();
    fill(store.as_ref(), &staying).await?;
    let other = context.reopen().await?;
    let coming: Vec<String> = names.iter().skip(1).step_by(2).cloned().collect();
    let writer = tokio::spawn(async move {
        for _ in 0..4 {
            for name in &coming {
                other.insert(entry(name, name, "all")).await?;
            }
            for name in coming.iter().rev() {
                other.delete(Collection::Contexts, name, 1).await?;
            }
        }
        Ok::<(), StoreError>(())
    });
    let mut rounds = 0;
    while !writer.is_finished() || rounds == 0 {
        for order in [Order::OldestFirst, Order::NewestFirst] {
            let query = Query { order, ..all() };
            let seen = paged(store.as_ref(), &query, 4).await?;
            let mut counts: BTreeMap<&str, u32> = BTreeMap::new();
            for name in &seen {
                *counts.entry(name).or_default() += 1;
            }
            assert!(counts.values().all(|count| *count == 1), "something came twice: {seen:?}");
            let missed: Vec<_> = staying.iter().filter(|n| !counts.contains_key(**n)).collect();
            assert!(missed.is_empty(), "{missed:?} were not seen: {seen:?}");
        }
        rounds += 1;
    }
    writer.await.expect("it does not panic")?;
    Ok(())
}
