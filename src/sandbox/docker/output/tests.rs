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
    let mut skip = Skip { left: OutputCursor { stdout: 7, stderr: 0 } };
    let piece = |source, text: &'static str| OutputFrame {
        source,
        at: Timestamp::UNIX_EPOCH,
        bytes: Bytes::from_static(text.as_bytes()),
    };
    assert_eq!(skip.pass(&piece(LogSource::Stdout, "12345")), None);
    assert_eq!(skip.pass(&piece(LogSource::Stderr, "abc")).unwrap().bytes, "abc");
    assert_eq!(skip.pass(&piece(LogSource::Stdout, "67890")).unwrap().bytes, "890");
    assert_eq!(skip.pass(&piece(LogSource::Stdout, "rest")).unwrap().bytes, "rest");
}
