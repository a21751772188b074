use super::*;

#[test]
fn text_is_cut_by_columns_and_says_so() {
    assert_eq!(fit("hello", 5), "hello");
    assert_eq!(fit("hello", 4), "hel…");
    assert_eq!(fit("hello", 1), "…");
    assert_eq!(fit("hello", 0), "");
    assert_eq!(fit("日本語", 5), "日本…");
    assert_eq!(fit("日本語", 4), "日…");
    assert_eq!(fit("two words", 5), "two…");
}

#[test]
fn text_is_broken_between_words() {
    assert_eq!(
        wrap("no tasks yet: orch task create", 14),
        ["no tasks yet:", "orch task", "create"]
    );
    assert_eq!(wrap("/a/very/long/path", 6), ["/a/ver", "y/long", "/path"]);
    assert_eq!(wrap("日本語", 4), ["日本", "語"]);
    assert_eq!(wrap("日", 1), ["日"]);
    assert_eq!(wrap("", 4), [""; 0]);
}

#[test]
fn spans_have_two_units() {
    let told = |seconds| span(HumanDuration::from_secs(seconds));
    assert_eq!(
        [told(0), told(59), told(60), told(372), told(3_600), told(11_040), told(183_600)],
        ["0s", "59s", "1m00", "6m12", "1h00", "3h04", "2d03"]
    );
}

#[test]
fn thousands_stand_apart() {
    assert_eq!(
        [number(0), number(999), number(1_204), number(1_000_000)],
        ["0", "999", "1 204", "1 000 000"]
    );
}

#[test]
fn what_was_today_has_a_time_and_the_rest_a_date() {
    let at = |text: &str| text.parse::<Timestamp>().unwrap();
    let now = at("2026-05-04T12:00:00Z");
    assert_eq!(moment(at("2026-05-04T03:05:00Z"), now, &TimeZone::UTC), "03:05");
    assert_eq!(moment(at("2026-05-03T23:05:00Z"), now, &TimeZone::UTC), "05-03");
}

#[test]
fn text_from_outside_is_harmless() {
    assert_eq!(shown("a\u{1b}]0;owned\u{7}b\nc\u{202e}d"), "ab cd");
}
