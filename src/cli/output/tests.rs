use jiff::SignedDuration;

use super::*;

#[test]
fn spans_have_two_units_at_most() {
    for (millis, text) in [
        (0, "0.0s"),
        (1_260, "1.2s"),
        (9_999, "9.9s"),
        (10_000, "10s"),
        (61_000, "1m01s"),
        (3_599_000, "59m59s"),
        (3_660_000, "1h01m"),
        (90_000_000, "1d01h"),
    ] {
        assert_eq!(span(HumanDuration::from_millis(millis)), text);
    }
}

#[test]
fn ages_have_one_unit() {
    let now = Timestamp::UNIX_EPOCH;
    for (seconds, text) in [
        (0, "0s ago"),
        (59, "59s ago"),
        (60, "1m ago"),
        (7_200, "2h ago"),
        (172_800, "2d ago"),
        (-5, "0s ago"),
    ] {
        let at = now.saturating_sub(SignedDuration::from_secs(seconds)).expect("is in range");
        assert_eq!(age(at, now), text);
    }
}

#[test]
fn text_from_outside_stays_on_its_line() {
    assert_eq!(one_line("a\n  b\u{1b}[31mc\u{1b}]0;title\u{7}\r\nd"), "a bc d");
}

#[test]
fn nothing_is_coloured_where_nobody_wants_it() {
    let ui = Ui::new(true, false, true);
    assert_eq!(ui.paint(Channel::Result, Role::Bad, "no"), "no");
    let ui = Ui { color_result: true, color_talk: false, unicode: false };
    assert_eq!(ui.paint(Channel::Result, Role::Bad, "no"), "\u{1b}[31mno\u{1b}[0m");
    assert_eq!(ui.paint(Channel::Talk, Role::Bad, "no"), "no");
    assert_eq!(ui.paint(Channel::Result, Role::Plain, "so"), "so");
    assert!(ui.glyph(Role::Good).is_ascii());
}
