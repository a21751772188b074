use proptest::prelude::*;

use super::*;

#[test]
fn sizes_as_people_write_them() {
    let cases = [
        ("0B", 0),
        ("512MiB", 512 << 20),
        ("2 GiB", 2 << 30),
        ("100MB", 100_000_000),
        ("1kb", 1_000),
        ("1KIB", 1_024),
        (" 3TiB ", 3 << 40),
        ("18446744073709551615B", u64::MAX),
    ];
    for (text, bytes) in cases {
        assert_eq!(text.parse().map(ByteSize::as_bytes), Ok(bytes), "{text}");
    }
}

#[test]
fn what_is_no_size_is_refused_with_the_reason() {
    let cases = [
        ("", "write a whole number and a unit"),
        ("MiB", "write a whole number and a unit"),
        ("-1B", "it is negative"),
        ("512", "its unit is missing"),
        ("1.5GiB", "its unit is unknown"),
        ("5m", "its unit is unknown"),
        ("5M", "its unit is unknown"),
        ("1GiB2", "its unit is unknown"),
        ("18446744073709551616B", "it is too large"),
        ("99999999TiB", "it is too large"),
    ];
    for (text, why) in cases {
        let words = text.parse::<ByteSize>().unwrap_err().to_string();
        assert!(words.contains(why), "{text}: {words}");
    }
}

#[test]
fn sizes_for_people_have_one_decimal() {
    let cases = [
        (0, "0 B"),
        (1_023, "1023 B"),
        (1_024, "1.0 KiB"),
        (1_536, "1.5 KiB"),
        ((1 << 20) - 1, "1023.9 KiB"),
        (u64::MAX, "16777215.9 TiB"),
    ];
    for (bytes, text) in cases {
        assert_eq!(ByteSize::from_bytes(bytes).rounded(), text);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_size_reads_back(bytes in prop_oneof![any::<u64>(), (0..1024u64).prop_map(|n| n << 30)]) {
        let size = ByteSize::from_bytes(bytes);
        prop_assert_eq!(size.to_string().parse(), Ok(size));
        let json = serde_json::to_string(&size).unwrap();
        prop_assert_eq!(serde_json::from_str::<ByteSize>(&json).unwrap(), size);
    }

    #[test]
    fn no_text_makes_it_panic(text in prop_oneof![any::<String>(), "[-0-9 kKMGTiB.]{0,30}"]) {
        if let Ok(size) = text.parse::<ByteSize>() {
            prop_assert_eq!(size.to_string().parse(), Ok(size));
        }
    }
}
