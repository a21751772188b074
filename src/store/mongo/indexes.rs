//! The indexes of the database: what collections declare, and what the store itself looks up.
//! A missing one would be slow, and a unique one that is missing would be wrong; so they are looked
//! at whenever the store is opened, and not only made.

use futures_util::TryStreamExt;
use futures_util::future::try_join_all;
use mongodb::IndexModel;
use mongodb::bson::{Bson, Document as Bsond, doc};
use mongodb::options::IndexOptions;

use super::attempts::repeat;
use super::errors::{Failed, code, failed};
use super::{MongoStore, RUN_EVENTS};
use crate::store::{Collection, StoreError};

const NAMESPACE_NOT_FOUND: i32 = 26;
/// Codes for an index of the same name, or over the same fields, that differs.
const DIFFERS: [i32; 2] = [85, 86];

struct Wanted {
    name: String,
    keys: Bsond,
    unique: bool,
    sparse: bool,
}

/// Makes what is missing, and refuses what differs.
pub(super) async fn apply(store: &MongoStore) -> Result<(), StoreError> {
    let collections = Collection::ALL.iter().map(|collection| (collection.name(), of(*collection)));
    let events = [(RUN_EVENTS, of_events())];
    let all = collections.chain(events).map(|(name, wanted)| prepare(store, name, wanted));
    try_join_all(all).await.map(drop)
}

/// A unique index over present values only; others with the id behind, which gives the order.
fn of(collection: Collection) -> Vec<Wanted> {
    let mut wanted = Vec::new();
    for index in collection.indexes() {
        let name = format!("by_{}", index.field);
        wanted.push(if index.unique {
            Wanted { name, keys: doc! { index.field: 1 }, unique: true, sparse: true }
        } else {
            let keys = doc! { index.field: 1, "_id": 1 };
            Wanted { name, keys, unique: false, sparse: false }
        });
    }
    if collection == Collection::Runs {
        for field in ["guard", "events_age", "gone", "begun"] {
            let name = format!("by_{field}");
            wanted.push(Wanted { name, keys: doc! { field: 1 }, unique: false, sparse: true });
        }
    }
    wanted
}

/// By number they are found by their ids.
fn of_events() -> Vec<Wanted> {
    let plain = |name: &str, keys: Bsond| Wanted {
        name: name.to_owned(),
        keys,
        unique: false,
        sparse: false,
    };
    vec![
        plain("by_line", doc! { "run": 1, "last_line": 1 }),
        plain("by_stage", doc! { "run": 1, "stage": 1, "attempt": 1, "seq": 1 }),
    ]
}

async fn prepare(
    store: &MongoStore,
    collection: &str,
    wanted: Vec<Wanted>,
) -> Result<(), StoreError> {
    if wanted.is_empty() {
        return Ok(());
    }
    let found = list(store, collection).await?;
    let missing: Vec<&Wanted> = wanted
        .iter()
        .filter(|wanted| found.iter().all(|index| name(index) != Some(&wanted.name)))
        .collect();
    let found = if missing.is_empty() {
        found
    } else {
        create(store, collection, &missing).await?;
        list(store, collection).await?
    };
    for wanted in &wanted {
        let index = found.iter().find(|index| name(index) == Some(&wanted.name));
        let Some(index) = index else {
            return Err(refusal(collection, &wanted.name, "is missing and cannot be made"));
        };
        if !wanted.is(index) {
            return Err(refusal(collection, &wanted.name, DIFFERENT));
        }
    }
    Ok(())
}

const DIFFERENT: &str = "is not as orch makes it; drop it, and open the store again";

fn refusal(collection: &str, index: &str, what: &str) -> StoreError {
    StoreError::Corrupt(format!("the index {index} of the collection {collection} {what}"))
}

async fn create(
    store: &MongoStore,
    collection: &str,
    missing: &[&Wanted],
) -> Result<(), StoreError> {
    for wanted in missing {
        let options = IndexOptions::builder()
            .name(wanted.name.clone())
            .unique(wanted.unique.then_some(true))
            .sparse(wanted.sparse.then_some(true))
            .build();
        let model = IndexModel::builder().keys(wanted.keys.clone()).options(options).build();
        let Err(error) = store.named(collection).create_index(model).await else { continue };
        if code(&error).is_some_and(|code| DIFFERS.contains(&code)) {
            return Err(refusal(collection, &wanted.name, DIFFERENT));
        }
        return Err(match failed(error) {
            Failed::Duplicate => refusal(
                collection,
                &wanted.name,
                "cannot be made: two documents have the same value",
            ),
            error => error.into_error(),
        });
    }
    Ok(())
}

async fn list(store: &MongoStore, collection: &str) -> Result<Vec<IndexModel>, StoreError> {
    repeat(|| async {
        match store.named(collection).list_indexes().await {
            Ok(indexes) => indexes.try_collect().await,
            Err(error) if code(&error) == Some(NAMESPACE_NOT_FOUND) => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    })
    .await
    .map_err(Failed::into_error)
}

fn name(index: &IndexModel) -> Option<&String> {
    index.options.as_ref()?.name.as_ref()
}

impl Wanted {
    fn is(&self, index: &IndexModel) -> bool {
        let Some(options) = &index.options else { return false };
        let has_same_keys = index.keys.len() == self.keys.len()
            && index
                .keys
                .iter()
                .zip(&self.keys)
                .all(|((found, order), (wanted, _))| found == wanted && is_ascending(order));
        has_same_keys
            && options.unique.unwrap_or(false) == self.unique
            && options.sparse.unwrap_or(false) == self.sparse
            && options.partial_filter_expression.is_none()
            && options.expire_after.is_none()
    }
}

fn is_ascending(order: &Bson) -> bool {
    match order {
        Bson::Int32(order) => *order == 1,
        Bson::Int64(order) => *order == 1,
        Bson::Double(order) => (*order - 1.0).abs() < f64::EPSILON,
        _ => false,
    }
}
