use proptest::prelude::*;

use super::*;

#[test]
fn durations_as_people_write_them() {
    let cases = [
        ("0", 0),
        ("0s", 0),
        ("250ms", 250),
        ("90s", 90_000),
        ("45m", 2_700_000),
        ("1h30m", 5_400_000),
        (" 2d ", 172_800_000),
        ("1w2d3h4m5s6ms", 788_645_006),
        ("366d", LIMIT_MS),
        ("007s", 7_000),
    ];
    for (text, millis) in cases {
        assert_eq!(text.parse().map(HumanDuration::as_millis), Ok(millis), "{text}");
    }
}

#[test]
fn what_is_no_duration_is_refused_with_the_reason() {
    let cases = [
        ("", "it is empty"),
        ("   ", "it is empty"),
        ("-5m", "it is negative"),
        ("5", "its unit is missing"),
        ("1.5h", "its unit is missing"),
        ("5µs", "its unit is missing"),
        ("5 m", "its unit is missing"),
        ("m", "write a number and a unit"),
        ("1h 30m", "write a number and a unit"),
        ("5M", "its unit is unknown"),
        ("5min", "its unit is unknown"),
        ("30m1h", "write the larger unit first"),
        ("1m1m", "write the larger unit first"),
        ("367d", "longer than 366 days"),
        ("99999999999999999999999w", "longer than 366 days"),
        ("18446744073709551615w1s", "longer than 366 days"),
    ];
    for (text, why) in cases {
        let words = text.parse::<HumanDuration>().unwrap_err().to_string();
        assert!(words.contains(why), "{text}: {words}");
    }
}

#[test]
fn a_duration_is_written_in_days_at_most() {
    for (millis, text) in [(0, "0s"), (1, "1ms"), (604_800_000, "7d"), (90_061_001, "1d1h1m1s1ms")]
    {
        assert_eq!(HumanDuration::from_millis(millis).to_string(), text);
    }
}

#[test]
fn times_between_instants_are_never_negative() {
    let start = Timestamp::from_second(1_767_225_600).unwrap();
    let hour = HumanDuration::from_mins(60);
    assert_eq!(HumanDuration::between(start, hour.after(start)), hour);
    assert_eq!(HumanDuration::between(hour.after(start), start), HumanDuration::default());
    assert_eq!(hour.after(Timestamp::MAX), Timestamp::MAX);
    assert_eq!(HumanDuration::between(Timestamp::MIN, Timestamp::MAX).as_millis(), LIMIT_MS);
}

#[test]
fn sums_stay_within_the_limit() {
    let most = HumanDuration::from_millis(u64::MAX);
    assert_eq!(most.as_millis(), LIMIT_MS);
    assert_eq!(most.plus(most), most);
    assert_eq!(HumanDuration::from_secs(1).minus(most), HumanDuration::default());
    assert_eq!(HumanDuration::from_secs(u64::MAX), most);
    assert_eq!(HumanDuration::from_mins(u64::MAX), most);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_duration_reads_back(millis in 0..=LIMIT_MS) {
        let duration = HumanDuration::from_millis(millis);
        prop_assert_eq!(duration.to_string().parse(), Ok(duration));
        let json = serde_json::to_string(&duration).unwrap();
        prop_assert_eq!(serde_json::from_str::<HumanDuration>(&json).unwrap(), duration);
    }

    #[test]
    fn no_text_makes_it_panic(text in prop_oneof![any::<String>(), "[-0-9wdhms. ]{0,30}"]) {
        if let Ok(duration) = text.parse::<HumanDuration>() {
            prop_assert_eq!(duration.to_string().parse(), Ok(duration));
        }
    }
}
