use proptest::prelude::*;

use super::*;

fn complaint<T: FromStr<Err: fmt::Display> + fmt::Debug>(text: &str) -> String {
    text.parse::<T>().unwrap_err().to_string()
}

#[test]
fn a_refused_name_says_why_and_what_would_do() {
    let cases = [
        ("", "`` is not a usable name: it is empty"),
        (
            "My Repo",
            "`My Repo` is not a usable name: only a-z, 0-9 and hyphens are allowed; try `my-repo`",
        ),
        ("-a", "`-a` is not a usable name: hyphens stand alone and inside; try `a`"),
        ("a--b", "`a--b` is not a usable name: hyphens stand alone and inside; try `a-b`"),
        ("a-", "`a-` is not a usable name: hyphens stand alone and inside; try `a`"),
        ("../..", "`../..` is not a usable name: only a-z, 0-9 and hyphens are allowed"),
        ("漢字", "`漢字` is not a usable name: only a-z, 0-9 and hyphens are allowed"),
    ];
    for (text, words) in cases {
        assert_eq!(complaint::<Slug>(text), words);
    }
    let words = complaint::<Slug>(&"x".repeat(49));
    assert!(words.contains("longer than 48 characters; try `"), "{words}");
    assert!(complaint::<Slug>(&"y".repeat(5_000)).len() < 250);
}

#[test]
fn names_of_the_longest_length_are_accepted() {
    for text in ["a", "0", "a-b", "v2-final", &"x".repeat(48)] {
        assert_eq!(text.parse::<Slug>().unwrap().as_str(), text);
    }
}

#[test]
fn the_nearest_name_is_found() {
    let cases = [
        ("Web  Shop (new)", Some("web-shop-new")),
        ("Ünïted", Some("n-ted")),
        ("___", None),
        ("", None),
        ("a.b.c", Some("a-b-c")),
    ];
    for (text, slug) in cases {
        assert_eq!(Slug::from_words(text).as_ref().map(Slug::as_str), slug, "{text}");
    }
}

#[test]
fn an_address_has_its_parts() {
    let path: TaskPath = "acme/web/tidy".parse().unwrap();
    assert_eq!(path.repository_path().to_string(), "acme/web");
    assert_eq!(path.repository_path().task("tidy".parse().unwrap()), path);
    for text in ["acme", "acme/web", "a/b/c/d", "/a/b/c", ""] {
        assert!(
            complaint::<TaskPath>(text).contains("write project/repo/task") || text == "/a/b/c",
            "{text}"
        );
        assert!(text.parse::<TaskPath>().is_err());
    }
    assert!(complaint::<RepositoryPath>("acme").contains("write project/repo"));
    assert!(complaint::<RepositoryPath>("acme/Web").contains("try `web`"));
    assert!(complaint::<TaskPath>("acme//tidy").contains("it is empty"));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_proposal_is_a_name(text in prop_oneof![any::<String>(), "[A-Za-z _-]{0,80}"]) {
        if let Some(slug) = Slug::from_words(&text) {
            prop_assert_eq!(slug.as_str().parse::<Slug>(), Ok(slug));
        }
        if let Ok(slug) = text.parse::<Slug>() {
            prop_assert_eq!(Slug::from_words(&text), Some(slug), "a name is nearest to itself");
        }
    }

    #[test]
    fn an_address_reads_back(text in "[a-z0-9]{1,8}/[a-z0-9]{1,8}/[a-z0-9]{1,8}") {
        let path: TaskPath = text.parse().unwrap();
        prop_assert_eq!(path.to_string(), text);
        let json = serde_json::to_string(&path).unwrap();
        prop_assert_eq!(serde_json::from_str::<TaskPath>(&json).unwrap(), path);
    }
}
