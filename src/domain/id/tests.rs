use proptest::prelude::*;

use super::*;

#[test]
fn an_id_reads_as_it_is_written() {
    let id = RunId::from_uuid(Uuid::from_u128(0x019b_7640_0000_7000_8000_0000_0000_0004));
    assert_eq!(id.to_string(), "01kdv40000e008000000000004");
    assert_eq!(id.short(), "000004");
    assert_eq!(id.to_string().to_uppercase().parse(), Ok(id), "case does not matter");
}

#[test]
fn text_that_is_no_id_is_refused() {
    let good = "01kdv40000e008000000000004";
    assert!(good.parse::<RunId>().is_ok());
    let bad = [
        String::new(),
        good[1..].to_owned(),
        format!("{good}0"),
        good.replace('k', "i"),
        good.replace('k', "l"),
        good.replace('k', "o"),
        good.replace('k', "u"),
        good.replace('k', "-"),
        good.replacen('0', "8", 1),
        "é".repeat(13),
        format!(" {}", &good[1..]),
    ];
    for text in bad {
        let refused = text.parse::<RunId>().unwrap_err();
        assert!(refused.to_string().contains("is not an id"), "{text}");
    }
    let long = "x".repeat(10_000).parse::<RunId>().unwrap_err();
    assert!(long.to_string().len() < 200, "what is long is not repeated in full");
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_id_reads_back(value in any::<u128>()) {
        let id = RunId::from_uuid(Uuid::from_u128(value));
        let text = id.to_string();
        prop_assert_eq!(text.len(), ID_LENGTH);
        prop_assert_eq!(text.parse::<RunId>(), Ok(id));
        let json = serde_json::to_string(&id).unwrap();
        prop_assert_eq!(serde_json::from_str::<RunId>(&json).unwrap(), id);
        prop_assert!(text.ends_with(&id.short()));
    }

    #[test]
    fn ids_are_ordered_as_their_uuids(left in any::<u128>(), right in any::<u128>()) {
        let [one, two] = [left, right].map(|value| RunId::from_uuid(Uuid::from_u128(value)));
        prop_assert_eq!(one.cmp(&two), left.cmp(&right));
        prop_assert_eq!(one.to_string().cmp(&two.to_string()), left.cmp(&right), "as text too");
    }

    #[test]
    fn no_text_makes_it_panic(text in any::<String>()) {
        if let Ok(id) = text.parse::<RunId>() {
            prop_assert_eq!(id.to_string(), text.to_lowercase());
        }
    }
}
