//! Texts come back to the byte, whatever is in them.

use std::fs;
use std::path::Path;

use orch::domain::envelope::Envelope;
use orch::domain::event::{EventKind, LogLine, LogSource, RunEvent};
use orch::domain::finding::Finding;
use orch::domain::project::Project;
use orch::domain::repository::Repository;
use orch::domain::run::Run;
use orch::domain::task::Task;
use orch::store::record::{self, Record};
use orch::store::{Collection, Document, Filter, Imported, Query, StoreError};

use super::context::Context;
use super::making::{append_lines, at, entry, id, lines, note, project, queued, stored_queued};
use super::outcome::Outcome;
use super::{StoreCase, store_cases};

pub(super) const CASES: &[StoreCase] = store_cases![
    unicode_comes_back_as_it_was,
    bodies_come_back_to_the_byte,
    a_nul_is_a_sign_like_others,
    lines_of_a_log_come_back_as_they_were,
    golden_documents_come_back_and_are_read,
    golden_events_come_back_and_are_read,
    a_newer_document_is_refused_with_a_word,
    what_cannot_be_read_is_named,
];

const STRANGE: &str = "Gr\u{fc}\u{df}e, \u{1f980}, e\u{301}, \u{200b}\u{202e}, \"quoted\", \\u0041, \
                       NUL \u{0}, \u{1}\u{7f}\u{80}, newline\n\r\n\ttab, \u{feff}, \u{ffff}, \u{10ffff}";

async fn unicode_comes_back_as_it_was(context: &Context) -> Outcome {
    let store = context.store.as_ref();
    let mut written = Project::new(id(1), "acme".parse()?, at(0));
    written.title = STRANGE.to_owned();
    record::insert(store, &written).await?;
    assert_eq!(record::get(store, &written.id.to_string()).await?, Some(written));
    let run = stored_queued(store, 4).await?.id();
    store.append_event(run, at(1), note(STRANGE), orch::store::Fence::NONE).await?;
    assert_eq!(store.events(run, 1, 1).await?[0].kind, note(STRANGE));
    Ok(())
}

/// A body is text: neither its spaces nor its numbers nor the order of its fields are touched.
async fn bodies_come_back_to_the_byte(context: &Context) -> Outcome {
    let bodies = [
        "{}",
        "{ \"b\" : 1 ,\n\t\"a\":2}",
        r#"{"a":1.10,"b":1e3,"c":-0,"d":12345678901234567890123,"e":1E400,"f":0.1}"#,
        r#"{"a":1,"a":2}"#,
        r#"{"$set":{"a.b":1},"_id":7,"$oid":"x","":null}"#,
        r#"{"escaped":"\u00e4\ud83e\udd80\/\u0000"}"#,
        r#"[null,true,[],{},""]"#,
        "\"a text alone\"",
        " ",
        "",
    ];
    for (number, body) in bodies.iter().enumerate() {
        let name = number.to_string();
        let written = Document { body: (*body).to_owned(), ..entry(&name, &name, "here") };
        context.store.insert(written.clone()).await?;
        assert_eq!(context.store.get(Collection::Contexts, &name).await?, Some(written));
    }
    let all = context.store.find(Query::all(Collection::Contexts)).await?;
    let found: Vec<&str> = all.iter().map(|document| document.body.as_str()).collect();
    assert_eq!(found, bodies);
    Ok(())
}

async fn a_nul_is_a_sign_like_others(context: &Context) -> Outcome {
    let store = context.store.as_ref();
    let texts = ["a", "a\0", "a\0b", "a\0c", "a\u{1}"];
    for text in texts {
        let body = format!("{{\"text\":\"{text}\"}}");
        store.insert(Document { body, ..entry(text, text, "all") }).await?;
    }
    for text in texts {
        let found = store.get(Collection::Contexts, text).await?.expect("it is there");
        assert_eq!((found.id.as_str(), found.key("entry")), (text, Some(text)));
        assert_eq!(found.body, format!("{{\"text\":\"{text}\"}}"));
        let query =
            Query::all(Collection::Contexts).filter(Filter::Equals("entry", text.to_owned()));
        assert_eq!(super::making::ids(store, query).await?, [text], "{text:?}");
    }
    let query =
        Query::all(Collection::Contexts).filter(Filter::StartsWith("entry", "a\0".to_owned()));
    assert_eq!(super::making::ids(store, query).await?, ["a\0", "a\0b", "a\0c"]);
    assert_eq!(super::making::ids(store, Query::all(Collection::Contexts)).await?, texts);
    super::outcome::exists(store.insert(entry("other", "a\0b", "all")).await);
    Ok(())
}

async fn lines_of_a_log_come_back_as_they_were(context: &Context) -> Outcome {
    let store = context.store.as_ref();
    let run = stored_queued(store, 7).await?.id();
    let mut chunk = lines(1, 4);
    chunk.lines = vec![
        LogLine(0, LogSource::Stdout, String::new()),
        LogLine(u32::MAX, LogSource::Stderr, STRANGE.to_owned()),
        LogLine(1, LogSource::Stdout, "\u{1b}[31mred\u{1b}[0m\u{fffd}".to_owned()),
        LogLine(1, LogSource::Stdout, "long ".repeat(13_000)),
    ];
    chunk.cursor.stdout = (1 << 62) + 1;
    append_lines(store, run, chunk.clone()).await?;
    let again = context.reopen().await?;
    assert_eq!(again.log(run, 1, 10).await?.events[0].chunk(), Some(&chunk));
    let position = again.log_position(run, chunk.stage, chunk.attempt).await?;
    assert_eq!(position.cursor, chunk.cursor);
    Ok(())
}

/// The golden files of one kind: their names and texts.
fn golden(kind: &str) -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/v1");
    let mut found = Vec::new();
    for file in fs::read_dir(folder).expect("the folder is there") {
        let path = file.expect("it can be listed").path();
        let name = path.file_name().expect("it has a name").to_string_lossy().into_owned();
        if name.starts_with(&format!("{kind}-")) {
            found.push((name, fs::read_to_string(path).expect("it can be read")));
        }
    }
    assert!(!found.is_empty(), "there are golden files of {kind}");
    found.sort();
    found
}

/// Each file of a kind, stored as it lies in an older store, is there to the byte and is read.
async fn comes_back<R: Record>(context: &Context, kind: &str) -> Result<(), StoreError> {
    for (place, (name, text)) in golden(kind).into_iter().enumerate() {
        let record: R = serde_json::from_str(&text).expect("it loads");
        let encoded = record::encode(&record)?;
        // One after the other has the id and the values of the same thing.
        let key = |(field, value): &(&'static str, Option<String>)| {
            (*field, value.as_ref().map(|value| format!("{value} {place}")))
        };
        let keys = encoded.keys.iter().map(key).collect();
        let own = id::<()>(1_000 + place as u128).to_string();
        let stored = Document { id: own.clone(), keys, body: text.clone(), ..encoded };
        context.store.import(vec![Imported::Document(stored.clone())]).await?;
        let found = context.store.get(R::COLLECTION, &own).await?.expect("it is there");
        assert_eq!(found, stored, "{name}");
        let read: R = record::decode(&found)?;
        assert_eq!(record::encode(&read)?, record::encode(&record)?, "{name}");
        assert!(record::get::<R>(context.store.as_ref(), &own).await?.is_some(), "{name}");
    }
    Ok(())
}

async fn golden_documents_come_back_and_are_read(context: &Context) -> Outcome {
    comes_back::<Project>(context, "project").await?;
    comes_back::<Repository>(context, "repository").await?;
    comes_back::<Task>(context, "task").await?;
    comes_back::<Run>(context, "run").await?;
    comes_back::<Envelope>(context, "envelope").await?;
    comes_back::<Finding>(context, "finding").await?;
    Ok(())
}

async fn golden_events_come_back_and_are_read(context: &Context) -> Outcome {
    let store = context.store.as_ref();
    let run = stored_queued(store, 4).await?.id();
    let mut expected: Vec<EventKind> = Vec::new();
    for (name, text) in golden("event") {
        let event: RunEvent = serde_json::from_str(&text).expect("it loads");
        let kind = match event.kind {
            EventKind::Log { mut chunk } => {
                chunk.first_line = 1;
                EventKind::Log { chunk }
            }
            other => other,
        };
        let seq = store.append_event(run, event.at, kind.clone(), orch::store::Fence::NONE).await?;
        let found = store.events(run, seq - 1, 1).await?;
        assert_eq!((&found[0].kind, found[0].at), (&kind, event.at), "{name}");
        expected.push(kind);
    }
    let events = store.events(run, 1, usize::MAX).await?;
    assert_eq!(events.into_iter().map(|event| event.kind).collect::<Vec<_>>(), expected);
    Ok(())
}

async fn a_newer_document_is_refused_with_a_word(context: &Context) -> Outcome {
    let store = context.store.as_ref();
    let newer = Document { schema: 99, ..project(1, "acme") };
    store.insert(newer.clone()).await?;
    let words = |answer: Result<(), StoreError>| match answer {
        Err(StoreError::Corrupt(words)) => words,
        other => format!("{other:?}"),
    };
    let all = Query::all(Collection::Projects);
    for told in [
        words(record::get::<Project>(store, &newer.id).await.map(drop)),
        words(record::lookup::<Project>(store, "slug", "acme").await.map(drop)),
        words(record::find::<Project>(store, all).await.map(drop)),
    ] {
        assert!(told.contains(&newer.name()), "{told}");
        assert!(told.contains("schema 99") && told.contains("use a newer one"), "{told}");
    }
    // It is refused, and left as it is.
    assert_eq!(store.get(Collection::Projects, &newer.id).await?, Some(newer));
    Ok(())
}

async fn what_cannot_be_read_is_named(context: &Context) -> Outcome {
    let store = context.store.as_ref();
    let broken = Document { body: r#"{"id":"#.to_owned(), ..project(1, "acme") };
    store.insert(broken.clone()).await?;
    let answer = record::get::<Project>(store, &broken.id).await;
    let Err(StoreError::Corrupt(words)) = answer else {
        unreachable!("it cannot be read: {answer:?}");
    };
    assert!(words.contains(&broken.name()), "{words}");
    let run = queued(4);
    assert_eq!(record::get::<Run>(store, &run.id().to_string()).await?, None);
    Ok(())
}
