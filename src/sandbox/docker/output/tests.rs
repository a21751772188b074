use super::*;

fn entry(text: &str) -> LogOutput {
    LogOutput::StdOut { message: Bytes::from(text.to_owned()) }
}

#[test]
fn the_engines_time_is_taken_off_each_entry() {
    let frame = frame(entry("2026-11-21T06:24:26.907849597Z hello  world\n")).unwrap();
    assert_eq!(frame.bytes, "hello  world\n");
    assert_eq!(frame.at.to_string(), "2026-11-21T06:24:26.907849597Z");
}

#[test]
fn an_entry_without_a_time_is_kept_whole() {
    let frame = frame(entry("no time here")).unwrap();
    assert_eq!(frame.bytes, "no time here");
}

#[test]
fn what_is_known_of_a_stream_is_skipped_to_the_byte() {
    let mut known = OutputCursor { stdout: 7, stderr: 0 };
    let piece = |source, text: &'static str| OutputFrame {
        source,
        at: Timestamp::UNIX_EPOCH,
        bytes: Bytes::from_static(text.as_bytes()),
    };
    assert_eq!(piece(LogSource::Stdout, "12345").unknown(&mut known), None);
    assert_eq!(piece(LogSource::Stderr, "abc").unknown(&mut known).unwrap().bytes, "abc");
    assert_eq!(piece(LogSource::Stdout, "67890").unknown(&mut known).unwrap().bytes, "890");
    assert_eq!(piece(LogSource::Stdout, "rest").unknown(&mut known).unwrap().bytes, "rest");
}

fn printed(second: i64, source: LogSource, text: &'static str) -> OutputFrame {
    let at = Timestamp::from_second(second).unwrap();
    OutputFrame { source, at, bytes: Bytes::from_static(text.as_bytes()) }
}

/// The engine may stop following before the last entries: they are found by reading from the last
/// seconds on, without what was seen of these.
#[test]
fn the_second_reading_knows_what_the_first_has_seen() {
    let mut seen = Seen::default();
    for second in 100..110 {
        seen.count(&printed(second, LogSource::Stdout, "12345"));
        seen.count(&printed(second - 1, LogSource::Stderr, "abc"));
    }
    let rest = seen.rest(OutputCursor { stdout: 9, stderr: 9 });
    assert!(!rest.follow);
    assert_eq!(rest.since, 107);
    assert_eq!(rest.skip, OutputCursor { stdout: 15, stderr: 6 });
}

#[test]
fn where_nothing_was_seen_everything_is_read() {
    let from = OutputCursor { stdout: 9, stderr: 1 };
    let rest = Seen::default().rest(from);
    assert_eq!((rest.since, rest.skip), (0, from));
}
