//! Sizes: what is allowed passes in every store, and what is larger is refused in every store,
//! before anything was sent.

use orch::domain::event::EventKind;
use orch::store::{Collection, Document, Imported, MAX_BODY, MAX_RUN, Query};

use super::context::Context;
use super::making::{
    append, append_lines, at, entry, id, lines, next, note, numbers, raw_change, raw_run,
    stored_queued,
};
use super::outcome::{Outcome, not_found, too_large};
use super::{StoreCase, store_cases};

pub(super) const CASES: &[StoreCase] = store_cases![
    the_largest_body_passes,
    a_body_that_is_too_large_is_refused,
    a_run_that_is_too_large_is_refused,
    events_that_are_too_large_are_refused,
    a_run_and_its_events_may_both_be_large,
    what_is_large_is_found_in_pages,
    a_page_of_large_events_is_bounded,
];

/// A text that is a body of this size.
fn body(bytes: usize) -> String {
    format!("\"{}\"", "x".repeat(bytes - 2))
}

/// A note whose event is about this large.
fn large_note(bytes: usize) -> EventKind {
    note(&"x".repeat(bytes))
}

async fn the_largest_body_passes(context: &Context) -> Outcome {
    let store = &context.store;
    let large = Document { body: body(MAX_BODY), ..entry("a", "one", "here") };
    store.insert(large.clone()).await?;
    // Compared without showing 15 MiB where they differ.
    assert!(store.get(Collection::Contexts, "a").await? == Some(large.clone()), "as it was");
    let other = Document { version: 2, body: body(MAX_BODY - 100_000), ..large };
    store.replace(other.clone()).await?;
    let found = context.reopen().await?.find(Query::all(Collection::Contexts)).await?;
    assert!(found == [other], "as it was");
    Ok(())
}

async fn a_body_that_is_too_large_is_refused(context: &Context) -> Outcome {
    let store = &context.store;
    let large = Document { body: body(MAX_BODY + 1), ..entry("a", "one", "here") };
    too_large(store.insert(large.clone()).await, MAX_BODY);
    too_large(store.import(vec![Imported::Document(large.clone())]).await, MAX_BODY);
    assert_eq!(store.get(Collection::Contexts, "a").await?, None);
    let small = entry("a", "one", "here");
    store.insert(small.clone()).await?;
    too_large(store.replace(Document { version: 2, ..large.clone() }).await, MAX_BODY);
    let far = Document { body: body(3 * MAX_BODY), ..next(&small) };
    too_large(store.replace(far).await, MAX_BODY);
    assert_eq!(store.get(Collection::Contexts, "a").await?, Some(small.clone()));
    // Bytes count, not characters.
    let wide = format!("\"{}\"", "\u{e4}".repeat(MAX_BODY / 2));
    too_large(store.replace(Document { body: wide, ..next(&small) }).await, MAX_BODY);
    store.replace(next(&small)).await?;
    assert_eq!(store.get(Collection::Contexts, "a").await?, Some(next(&small)));
    Ok(())
}

async fn a_run_that_is_too_large_is_refused(context: &Context) -> Outcome {
    let store = context.store.as_ref();
    let of = |version, bytes| Document {
        version,
        body: body(bytes),
        ..raw_run(4, &[("live", "yes"), ("slot", "yes")])
    };
    let large = raw_change(4, of(1, MAX_RUN + 1), vec![note("no")]);
    too_large(store.transition(large.clone()).await, MAX_RUN);
    too_large(store.claim(large, &[]).await, MAX_RUN);
    too_large(store.import(vec![Imported::Document(of(1, MAX_RUN + 1))]).await, MAX_RUN);
    assert_eq!(store.get(Collection::Runs, &id::<()>(4).to_string()).await?, None);
    not_found(append(store, id(4), "nobody").await);
    assert_eq!(store.transition(raw_change(4, of(1, MAX_RUN), vec![note("made")])).await?, 1);
    too_large(store.transition(raw_change(4, of(2, MAX_RUN + 1), vec![note("no")])).await, MAX_RUN);
    assert_eq!(numbers(store, id(4)).await?, [1]);
    assert_eq!(store.transition(raw_change(4, of(2, 1_000), vec![note("smaller")])).await?, 2);
    Ok(())
}

async fn events_that_are_too_large_are_refused(context: &Context) -> Outcome {
    let store = context.store.as_ref();
    let run = stored_queued(store, 4).await?.id();
    let told = |kind| store.append_event(run, at(0), kind, orch::store::Fence::NONE);
    too_large(told(large_note(MAX_RUN)).await, MAX_RUN);
    let mut chunk = lines(1, 1);
    chunk.lines[0].2 = "x".repeat(MAX_RUN);
    too_large(append_lines(store, run, chunk.clone()).await, MAX_RUN);
    // Together they are too large, though none is alone.
    let version = Document { version: 2, ..raw_run(4, &[]) };
    let many = vec![large_note(MAX_RUN / 3); 3];
    too_large(store.transition(raw_change(4, version, many)).await, MAX_RUN);
    assert_eq!(numbers(store, run).await?, [1]);
    assert_eq!(store.log(run, 0, 10).await?.last_line, 0);
    // A little less passes, and afterwards all is as ever.
    chunk.lines[0].2 = "x".repeat(MAX_RUN - 1_000);
    assert_eq!(append_lines(store, run, chunk.clone()).await?, 2);
    assert_eq!(told(large_note(MAX_RUN - 1_000)).await?, 3);
    assert_eq!(append(store, run, "small").await?, 4);
    assert!(store.log(run, 1, 1).await?.events[0].chunk() == Some(&chunk), "as it was");
    assert_eq!(numbers(store, run).await?, [1, 2, 3, 4]);
    Ok(())
}

async fn a_run_and_its_events_may_both_be_large(context: &Context) -> Outcome {
    let store = context.store.as_ref();
    let of = |version| Document { version, body: body(MAX_RUN), ..raw_run(4, &[("live", "yes")]) };
    let told = || vec![large_note(MAX_RUN / 2 - 500), large_note(MAX_RUN / 2 - 500)];
    assert_eq!(store.transition(raw_change(4, of(1), told())).await?, 2);
    assert_eq!(store.transition(raw_change(4, of(2), told())).await?, 4);
    assert_eq!(append(store, id(4), "small").await?, 5);
    let found = store.get(Collection::Runs, &of(2).id).await?;
    assert!(found == Some(of(2)), "as it was");
    let again = context.reopen().await?;
    assert!(again.events(id(4), 1, 2).await?[0].kind == told()[1], "as it was");
    assert_eq!(numbers(again.as_ref(), id(4)).await?, [1, 2, 3, 4, 5]);
    Ok(())
}

/// Together they are more than what fits into one answer of a server.
async fn what_is_large_is_found_in_pages(context: &Context) -> Outcome {
    let store = context.store.as_ref();
    let large = body(MAX_BODY / 2);
    for name in ["a", "b", "c", "d", "e", "f", "g", "h"] {
        store.insert(Document { body: large.clone(), ..entry(name, name, "all") }).await?;
    }
    let all = store.find(Query::all(Collection::Contexts)).await?;
    assert_eq!(all.len(), 8);
    assert!(all.iter().all(|document| document.body == large));
    let page = Query { limit: 2, after: Some("c".into()), ..Query::all(Collection::Contexts) };
    assert_eq!(super::making::ids(store, page).await?, ["d", "e"]);
    Ok(())
}

/// No reader is given more at once than it can bear, and who reads on gets all of it.
async fn a_page_of_large_events_is_bounded(context: &Context) -> Outcome {
    const CHUNKS: u64 = 8;
    let store = context.store.as_ref();
    let run = stored_queued(store, 4).await?.id();
    for first in 1..=CHUNKS {
        let mut chunk = lines(first, 1);
        chunk.lines[0].2 = "x".repeat(5 << 20);
        append_lines(store, run, chunk).await?;
    }
    append(store, run, "small").await?;
    let (mut seqs, mut pages) = (Vec::new(), 0);
    loop {
        let page = store.events(run, seqs.last().copied().unwrap_or(0), usize::MAX).await?;
        let large = page.iter().filter(|event| event.chunk().is_some()).count() as u64;
        assert!(large < CHUNKS, "all at once");
        if page.is_empty() {
            break;
        }
        seqs.extend(page.iter().map(|event| event.seq));
        pages += 1;
    }
    assert_eq!((seqs, pages), ((1..=CHUNKS + 2).collect(), 2));
    let (mut from, mut pages) = (1, 0);
    loop {
        let range = store.log(run, from, usize::MAX).await?;
        assert_eq!((range.last_line, range.last_seq), (CHUNKS, CHUNKS + 2));
        let spans = super::making::spans(&range.events);
        assert!((spans.len() as u64) < CHUNKS, "all at once");
        let Some((_, last)) = spans.last().copied() else { break };
        assert_eq!(spans, (from..=last).map(|line| (line, line)).collect::<Vec<_>>());
        from = last + 1;
        pages += 1;
    }
    assert_eq!((from, pages), (CHUNKS + 1, 2));
    Ok(())
}
