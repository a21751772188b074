use proptest::prelude::*;

use super::*;

#[test]
fn what_steers_a_terminal_is_left_out() {
    let cases = [
        ("plain", "plain"),
        ("two\nlines\n", "two\nlines\n"),
        // CSI: colours, movements, private modes, cut off by what cannot be part of it.
        ("\u{1b}[1;31mred\u{1b}[0m", "red"),
        ("\u{1b}[2J\u{1b}[Hhome", "home"),
        ("\u{1b}[?1049lmode", "mode"),
        ("\u{1b}[31", ""),
        ("\u{1b}[3\nnext", "\nnext"),
        ("\u{1b}[3\u{1b}[4mtext", "text"),
        ("\u{9b}31mred", "red"),
        // OSC and the other strings: ended by BEL, by either ST, by a new escape, by their line.
        ("\u{1b}]0;title\u{7}text", "text"),
        ("\u{1b}]0;title\u{1b}\\text", "text"),
        ("\u{1b}]0;title\u{9c}text", "text"),
        ("\u{1b}]0;title\u{1b}[31mtext", "text"),
        ("\u{1b}]0;title\ntext", "\ntext"),
        ("\u{1b}]52;c;cm0gLXJm", ""),
        ("\u{1b}]8;;http://x\u{7}link\u{1b}]8;;\u{7}", "link"),
        ("\u{1b}Pq#0\u{1b}\\text", "text"),
        ("\u{1b}_app\u{1b}\\\u{1b}^pm\u{1b}\\\u{1b}Xsos\u{1b}\\text", "text"),
        ("\u{9d}0;title\u{9c}text", "text"),
        ("\u{90}q\u{7}\u{9e}pm\u{7}\u{9f}app\u{7}\u{98}sos\u{7}text", "text"),
        // Other escapes: one final byte, with intermediate ones before it.
        ("\u{1b}ctext", "text"),
        ("\u{1b}(Btext", "text"),
        ("\u{1b}\ntext", "\ntext"),
        ("\u{1b}\u{1b}[31mtext", "text"),
        ("\u{1b}étext", "étext"),
        ("\u{1b}", ""),
        // Single control characters.
        ("a\u{7}b\u{0}c\u{7f}d\u{85}e", "abcde"),
        // Directions and what has no width.
        ("a\u{202e}b\u{2066}c\u{200b}d\u{feff}e\u{61c}f", "abcdef"),
        ("\tx", "    x"),
        // Redrawn lines.
        (" 10%\r 50%\r100%\n", "100%\n"),
        ("kept\n 10%\r 50%", "kept\n 50%"),
        ("dos\r\nlines\r\r\n", "dos\nlines\n"),
        ("50%\r", "50%"),
        // Backspaces stay on their line.
        ("abc\u{8}\u{8}x", "ax"),
        ("a\n\u{8}b", "a\nb"),
        ("\u{8}b", "b"),
    ];
    for (text, shown) in cases {
        assert_eq!(printable(text), shown, "{text:?}");
    }
}

/// Text in which what `printable` knows of is frequent.
fn wild() -> impl Strategy<Value = String> {
    let pieces = prop::sample::select(vec![
        "\u{1b}", "[", "]", "0;", "m", "\u{7}", "\u{9c}", "\u{9b}", "\u{90}", "\\", "\r", "\n",
        "\u{8}", "\t", "\u{202e}", "é", "漢", " ", "(", "P", "\u{7f}", "\u{85}", "x",
    ]);
    prop_oneof![
        3 => prop::collection::vec(pieces, 0..40).prop_map(|pieces| pieces.concat()),
        1 => any::<String>(),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_printable_controls(text in wild()) {
        let shown = printable(&text);
        prop_assert!(!shown.chars().any(|c| (c.is_control() && c != '\n') || steers_direction(c)));
        prop_assert_eq!(&printable(&shown), &shown, "what is printable stays as it is");
        let lines = |text: &str| text.matches('\n').count();
        prop_assert_eq!(lines(&shown), lines(&text), "no line is swallowed");
    }

    #[test]
    fn an_excerpt_is_a_beginning(text in any::<String>(), limit in 0..20usize) {
        let cut = excerpt(&text, limit);
        match cut.strip_suffix('…').filter(|_| text.chars().count() > limit) {
            Some(beginning) => {
                prop_assert!(text.starts_with(beginning));
                prop_assert_eq!(beginning.chars().count(), limit);
            }
            None => prop_assert_eq!(cut, text),
        }
    }
}

#[test]
fn an_excerpt_counts_characters() {
    assert_eq!(excerpt("åäö", 3), "åäö");
    assert_eq!(excerpt("åäöü", 3), "åäö…");
    assert_eq!(excerpt("", 0), "");
}

#[test]
fn the_nearest_name_is_one_that_could_be_meant() {
    let known = ["memory", "image", "pids"];
    assert_eq!(nearest("memry", known), Some("memory"));
    assert_eq!(nearest("imgae", known), Some("image"));
    assert_eq!(nearest("network", known), None);
    assert_eq!(nearest("", known), None);
    assert_eq!(nearest("pids", []), None);
    assert_eq!(nearest("ab", ["ac", "aa"]), Some("aa"), "of two equally near, the first by name");
}
