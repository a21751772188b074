//! Finding by values: text is compared by its bytes, and no sign means anything.

use orch::store::{Collection, Filter, Order, Query, Store, StoreError};

use super::context::Context;
use super::making::{document, entry, ids};
use super::outcome::Outcome;
use super::{StoreCase, store_cases};

pub(super) const CASES: &[StoreCase] = store_cases![
    filters_hold_together,
    a_prefix_finds_what_begins_like_it,
    an_empty_prefix_finds_every_value,
    a_prefix_has_no_end,
    signs_mean_nothing,
    ids_are_found_by_their_beginning,
    text_is_compared_by_its_bytes,
    ids_are_in_the_order_of_their_bytes,
    long_values_are_found,
];

fn all() -> Query {
    Query::all(Collection::Contexts)
}

fn equals(field: &'static str, value: &str) -> Filter {
    Filter::Equals(field, value.to_owned())
}

fn starts(field: &'static str, value: &str) -> Filter {
    Filter::StartsWith(field, value.to_owned())
}

/// Each text as the id and as the unique value of a document.
async fn fill(store: &dyn Store, texts: &[&str]) -> Result<(), StoreError> {
    for text in texts {
        store.insert(entry(text, text, "all")).await?;
    }
    Ok(())
}

async fn filters_hold_together(context: &Context) -> Outcome {
    let store = context.store.as_ref();
    store.insert(entry("a1", "one", "red")).await?;
    store.insert(entry("a2", "two", "red")).await?;
    store.insert(entry("b1", "three", "green")).await?;
    for (filters, expected) in [
        (vec![equals("scope", "red"), starts("entry", "o")], vec!["a1"]),
        (vec![equals("scope", "red"), starts("entry", "th")], vec![]),
        (vec![starts("entry", "t"), Filter::IdStartsWith("a".to_owned())], vec!["a2"]),
        (vec![starts("scope", "re"), equals("scope", "red"), equals("entry", "two")], vec!["a2"]),
        (vec![equals("scope", "red"), equals("scope", "green")], vec![]),
        (vec![starts("entry", "t"), starts("entry", "tw"), starts("entry", "two")], vec!["a2"]),
        (
            vec![Filter::IdStartsWith("a".to_owned()), Filter::IdStartsWith("a2".to_owned())],
            vec!["a2"],
        ),
    ] {
        for order in [Order::OldestFirst, Order::NewestFirst] {
            let query = Query { filters: filters.clone(), order, ..all() };
            assert_eq!(ids(store, query).await?, expected, "{filters:?}");
        }
    }
    let behind = Query { after: Some("a1".to_owned()), limit: 1, ..all() };
    assert_eq!(ids(store, behind.filter(equals("scope", "red"))).await?, ["a2"]);
    Ok(())
}

async fn a_prefix_finds_what_begins_like_it(context: &Context) -> Outcome {
    let store = context.store.as_ref();
    fill(store, &["a", "ab", "abc", "ac", "b", "A", "AB", "aB"]).await?;
    for (start, expected) in [
        ("ab", vec!["ab", "abc"]),
        ("abc", vec!["abc"]),
        ("abcd", vec![]),
        ("b", vec!["b"]),
        ("A", vec!["A", "AB"]),
        ("a", vec!["a", "aB", "ab", "abc", "ac"]),
        ("c", vec![]),
    ] {
        assert_eq!(ids(store, all().filter(starts("entry", start))).await?, expected, "{start}");
        let by_id = all().filter(Filter::IdStartsWith(start.to_owned()));
        assert_eq!(ids(store, by_id).await?, expected, "{start}");
    }
    Ok(())
}

async fn an_empty_prefix_finds_every_value(context: &Context) -> Outcome {
    let store = context.store.as_ref();
    store.insert(document(Collection::Contexts, "absent", &[])).await?;
    store.insert(entry("empty", "", "all")).await?;
    store.insert(entry("some", "\u{10ffff}", "all")).await?;
    assert_eq!(ids(store, all().filter(starts("entry", ""))).await?, ["empty", "some"]);
    let every_id = all().filter(Filter::IdStartsWith(String::new()));
    assert_eq!(ids(store, every_id).await?, ["absent", "empty", "some"]);
    Ok(())
}

/// What comes behind may be the highest character there is, and another behind that.
async fn a_prefix_has_no_end(context: &Context) -> Outcome {
    let store = context.store.as_ref();
    let texts = ["a", "a\u{d7ff}", "a\u{e000}", "a\u{ffff}", "a\u{10ffff}", "a\u{10ffff}z"];
    fill(store, &texts).await?;
    fill(store, &["b", "\u{10ffff}", "\u{10ffff}\u{10ffff}", "\u{d7ff}", "\u{e000}"]).await?;
    let by_entry = all().filter(starts("entry", "a"));
    assert_eq!(ids(store, by_entry).await?, texts);
    let by_id = all().filter(Filter::IdStartsWith("a".to_owned()));
    assert_eq!(ids(store, by_id).await?, texts);
    let last = all().filter(starts("entry", "\u{10ffff}"));
    assert_eq!(ids(store, last).await?, ["\u{10ffff}", "\u{10ffff}\u{10ffff}"]);
    let before_a_hole = all().filter(starts("entry", "\u{d7ff}"));
    assert_eq!(ids(store, before_a_hole).await?, ["\u{d7ff}"]);
    Ok(())
}

async fn signs_mean_nothing(context: &Context) -> Outcome {
    const SIGNS: &str = "%_*.^$?+|()[]{}\\/'\"`~!@#&-:;,<>= \n\t";
    let store = context.store.as_ref();
    store.insert(entry("plain", "aXb", "all")).await?;
    store.insert(entry("longer", "aXXb", "all")).await?;
    for sign in SIGNS.chars() {
        let (name, text) = (format!("{sign}id"), format!("a{sign}b"));
        store.insert(entry(&name, &text, &sign.to_string())).await?;
    }
    for sign in SIGNS.chars() {
        let name = format!("{sign}id");
        for filter in [
            equals("entry", &format!("a{sign}b")),
            equals("scope", &sign.to_string()),
            starts("entry", &format!("a{sign}")),
            starts("scope", &sign.to_string()),
            Filter::IdStartsWith(sign.to_string()),
        ] {
            let found = ids(store, all().filter(filter.clone())).await?;
            assert_eq!(found, [name.as_str()], "{filter:?}");
        }
        let unknown = all().filter(starts("entry", &format!("a{sign}c")));
        assert_eq!(ids(store, unknown).await?, [""; 0], "{sign}");
        assert!(store.get(Collection::Contexts, &name).await?.is_some(), "{sign}");
        store.delete(Collection::Contexts, &name, 1).await?;
    }
    Ok(())
}

async fn ids_are_found_by_their_beginning(context: &Context) -> Outcome {
    let store = context.store.as_ref();
    fill(store, &["01kd", "01ke", "01ke1", "02"]).await?;
    let by = |start: &str| all().filter(Filter::IdStartsWith(start.to_owned()));
    assert_eq!(ids(store, by("01")).await?, ["01kd", "01ke", "01ke1"]);
    let newest = Query { order: Order::NewestFirst, limit: 2, ..by("01") };
    assert_eq!(ids(store, newest.clone()).await?, ["01ke1", "01ke"]);
    let behind = Query { after: Some("01ke".to_owned()), ..newest };
    assert_eq!(ids(store, behind).await?, ["01kd"]);
    let before = Query { after: Some("00".to_owned()), limit: 1, ..by("01k") };
    assert_eq!(ids(store, before).await?, ["01kd"]);
    let beyond = Query { after: Some("02".to_owned()), ..by("01k") };
    assert_eq!(ids(store, beyond).await?, [""; 0]);
    Ok(())
}

/// Neither case nor accents are folded, nothing is normalized or trimmed.
async fn text_is_compared_by_its_bytes(context: &Context) -> Outcome {
    let store = context.store.as_ref();
    let texts = [
        "key",
        "Key",
        "KEY",
        "key ",
        " key",
        "ke\u{301}y",
        "k\u{e9}y",
        "stra\u{df}e",
        "strasse",
        "\u{ff4b}ey",
        "1",
        "01",
        "1.0",
        "1e0",
        "null",
        "true",
        "\u{feff}key",
        "\u{200b}key",
        "\u{1f980}",
        "\u{1f980}\u{fe0f}",
    ];
    fill(store, &texts).await?;
    for text in texts {
        assert_eq!(ids(store, all().filter(equals("entry", text))).await?, [text], "{text:?}");
        let found = store.get(Collection::Contexts, text).await?.expect("it is there");
        assert_eq!((found.id.as_str(), found.key("entry")), (text, Some(text)));
    }
    assert_eq!(ids(store, all().filter(starts("entry", "k\u{e9}"))).await?, ["k\u{e9}y"]);
    Ok(())
}

async fn ids_are_in_the_order_of_their_bytes(context: &Context) -> Outcome {
    let store = context.store.as_ref();
    // The last two change places where text is compared by its halves of 16 bits.
    let ordered = [
        "",
        " ",
        "!",
        "0",
        "10",
        "9",
        "A",
        "Z",
        "_",
        "a",
        "a ",
        "aa",
        "z",
        "\u{7f}",
        "\u{80}",
        "e\u{301}",
        "\u{e4}",
        "\u{e9}",
        "\u{3b1}",
        "\u{ffff}",
        "\u{1f980}",
    ];
    let mut by_bytes = ordered;
    by_bytes.sort_by_key(|text| text.as_bytes().to_vec());
    let mut mixed = ordered.to_vec();
    mixed.rotate_left(7);
    mixed.retain(|text| !text.is_empty());
    fill(store, &mixed).await?;
    assert_eq!(ids(store, all()).await?, by_bytes[1..]);
    for (place, text) in by_bytes.iter().enumerate().skip(1) {
        let behind = Query { after: Some((*text).to_owned()), ..all() };
        assert_eq!(ids(store, behind).await?, by_bytes[place + 1..], "after {text:?}");
        let before = Query { order: Order::NewestFirst, after: Some((*text).to_owned()), ..all() };
        let mut expected = by_bytes[1..place].to_vec();
        expected.reverse();
        assert_eq!(ids(store, before).await?, expected, "before {text:?}");
    }
    Ok(())
}

async fn long_values_are_found(context: &Context) -> Outcome {
    let store = context.store.as_ref();
    let long = "\u{e4}bc/".repeat(200);
    let (one, other) = (format!("{long}1"), format!("{long}2"));
    fill(store, &[&one, &other]).await?;
    assert_eq!(ids(store, all().filter(equals("entry", &one))).await?, [one.as_str()]);
    let both = all().filter(starts("entry", &long));
    assert_eq!(ids(store, both).await?, [one.as_str(), other.as_str()]);
    super::outcome::exists(store.insert(entry("third", &one, "all")).await);
    Ok(())
}
