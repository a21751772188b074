//! Documents in SQLite.

use rusqlite::types::Value;
use rusqlite::{OptionalExtension, Row, Transaction, params, params_from_iter};

use super::failed;
use crate::store::document::end_of_range;
use crate::store::{Collection, Document, Filter, Order, Query, StoreError};

pub(super) fn get(
    tx: &Transaction<'_>,
    collection: Collection,
    id: &str,
) -> Result<Option<Document>, StoreError> {
    let fields = fields(collection);
    let sql = format!("SELECT id, version, schema, body{fields} FROM {collection} WHERE id = ?1");
    tx.prepare_cached(&sql)
        .and_then(|mut statement| {
            statement.query_row([id], |row| document(collection, row)).optional()
        })
        .map_err(failed)
}

pub(super) fn insert(tx: &Transaction<'_>, document: &Document) -> Result<(), StoreError> {
    let collection = document.collection;
    let fields: String = document.keys.iter().map(|(field, _)| format!(", {field}")).collect();
    let marks: String = (5..5 + document.keys.len()).map(|n| format!(", ?{n}")).collect();
    let sql = format!(
        "INSERT INTO {collection} (id, version, schema, body{fields}) \
         VALUES (?1, ?2, ?3, ?4{marks})"
    );
    write(tx, &sql, document).map(drop)
}

pub(super) fn replace(tx: &Transaction<'_>, document: &Document) -> Result<(), StoreError> {
    let collection = document.collection;
    let fields: String = document
        .keys
        .iter()
        .enumerate()
        .map(|(index, (field, _))| format!(", {field} = ?{}", index + 5))
        .collect();
    let sql = format!(
        "UPDATE {collection} SET version = ?2, schema = ?3, body = ?4{fields} \
         WHERE id = ?1 AND version = ?2 - 1"
    );
    if write(tx, &sql, document)? == 1 {
        return Ok(());
    }
    let name = format!("{collection}/{}", document.id);
    match get(tx, collection, &document.id)? {
        None => Err(StoreError::NotFound(name)),
        Some(_) => Err(StoreError::Conflict(name)),
    }
}

pub(super) fn delete(
    tx: &Transaction<'_>,
    collection: Collection,
    id: &str,
    version: u64,
) -> Result<(), StoreError> {
    let sql = format!("DELETE FROM {collection} WHERE id = ?1 AND version = ?2");
    let removed = tx
        .prepare_cached(&sql)
        .and_then(|mut statement| statement.execute(params![id, to_integer(version)]))
        .map_err(failed)?;
    if removed == 1 {
        return Ok(());
    }
    let name = format!("{collection}/{id}");
    match get(tx, collection, id)? {
        None => Err(StoreError::NotFound(name)),
        Some(_) => Err(StoreError::Conflict(name)),
    }
}

fn write(tx: &Transaction<'_>, sql: &str, document: &Document) -> Result<usize, StoreError> {
    document.check_size()?;
    let mut values = vec![
        Value::Text(document.id.clone()),
        Value::Integer(to_integer(document.version)),
        Value::Integer(i64::from(document.schema)),
        Value::Text(document.body.clone()),
    ];
    for (_, key) in &document.keys {
        values.push(key.clone().map_or(Value::Null, Value::Text));
    }
    tx.prepare_cached(sql)
        .and_then(|mut statement| statement.execute(params_from_iter(values)))
        .map_err(|error| match error.sqlite_error_code() {
            Some(rusqlite::ErrorCode::ConstraintViolation) => {
                StoreError::Exists(format!("{}/{}", document.collection, document.id))
            }
            _ => failed(error),
        })
}

pub(super) fn find(tx: &Transaction<'_>, query: &Query) -> Result<Vec<Document>, StoreError> {
    let collection = query.collection;
    let mut conditions = vec!["1".to_owned()];
    let mut values = Vec::new();
    for filter in &query.filters {
        match filter {
            Filter::Equals(field, value) => {
                values.push(Value::Text(value.clone()));
                conditions.push(format!("{field} = ?{}", values.len()));
            }
            Filter::StartsWith(field, start) => range(field, start, &mut values, &mut conditions),
            Filter::IdStartsWith(start) => range("id", start, &mut values, &mut conditions),
        }
    }
    let (order, comparison) = match query.order {
        Order::OldestFirst => ("ASC", ">"),
        Order::NewestFirst => ("DESC", "<"),
    };
    if let Some(after) = &query.after {
        values.push(Value::Text(after.clone()));
        conditions.push(format!("id {comparison} ?{}", values.len()));
    }
    values.push(Value::Integer(to_integer(query.limit as u64)));
    let sql = format!(
        "SELECT id, version, schema, body{} FROM {collection} WHERE {} ORDER BY id {order} LIMIT ?{}",
        fields(collection),
        conditions.join(" AND "),
        values.len()
    );
    let found = tx.prepare_cached(&sql).and_then(|mut statement| {
        let rows =
            statement.query_map(params_from_iter(values), |row| document(collection, row))?;
        rows.collect::<Result<Vec<_>, _>>()
    });
    found.map_err(failed)
}

/// What begins with `start` lies between it and the next text that does not; unlike a pattern, that
/// is always looked up in the index.
fn range(field: &str, start: &str, values: &mut Vec<Value>, conditions: &mut Vec<String>) {
    values.push(Value::Text(start.to_owned()));
    conditions.push(format!("{field} >= ?{}", values.len()));
    if let Some(end) = end_of_range(start) {
        values.push(Value::Text(end));
        conditions.push(format!("{field} < ?{}", values.len()));
    }
}

/// The columns of the indexed fields, as they follow others in a list.
fn fields(collection: Collection) -> String {
    collection.indexes().iter().map(|index| format!(", {}", index.field)).collect()
}

fn document(collection: Collection, row: &Row<'_>) -> rusqlite::Result<Document> {
    let version: i64 = row.get(1)?;
    let mut keys = Vec::with_capacity(collection.indexes().len());
    for (place, index) in collection.indexes().iter().enumerate() {
        keys.push((index.field, row.get(place + 4)?));
    }
    Ok(Document {
        collection,
        id: row.get(0)?,
        version: version.unsigned_abs(),
        schema: row.get(2)?,
        keys,
        body: row.get(3)?,
    })
}

/// SQLite's integers end at 2^63; no count of ours comes near.
pub(super) fn to_integer(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
