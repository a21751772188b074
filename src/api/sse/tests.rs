use proptest::prelude::*;

use super::*;

fn event(id: Option<&str>, name: &str, data: &str) -> SseEvent {
    SseEvent { id: id.map(str::to_owned), name: name.to_owned(), data: data.to_owned() }
}

fn read(stream: &str) -> Vec<SseEvent> {
    SseReader::default().push(stream.as_bytes()).unwrap()
}

#[test]
fn events_are_read_field_by_field() {
    let stream = "id: 7\nevent: run\ndata: {\"a\":1}\n\n: alive\n\nid:8\nevent:run\ndata:x\n\n";
    let expected = [event(Some("7"), "run", "{\"a\":1}"), event(Some("8"), "run", "x")];
    assert_eq!(read(stream), expected);
    assert_eq!(read(&stream.replace('\n', "\r\n")), expected, "lines may end as on Windows");
}

#[test]
fn data_on_several_lines_is_one_text() {
    assert_eq!(read("data: a\ndata:  b\ndata\ndata: c\n\n"), [event(None, "", "a\n b\n\nc")]);
    assert_eq!(read("data:\ndata: b\n\n"), [event(None, "", "\nb")], "an empty first line counts");
}

#[test]
fn what_says_nothing_is_no_event() {
    assert_eq!(read("\n\n: comment\n\nretry: 5\n\nid: 3\n\n"), []);
    assert_eq!(read("event: end\n\n"), [event(None, "end", "")], "a name alone is one");
    assert_eq!(read("data: unfinished\n"), []);
}

#[test]
fn what_does_not_end_is_refused_and_comments_in_between_are_not() {
    let mut reader = SseReader::default();
    let piece = vec![b'x'; MAX_EVENT / 4];
    for _ in 0..4 {
        assert_eq!(reader.push(&piece), Ok(Vec::new()));
    }
    assert_eq!(reader.push(b"x"), Err(TooLong));

    let mut reader = SseReader::default();
    let mut alive = vec![b'x'; 1 << 20];
    alive[0] = b':';
    alive.extend_from_slice(b"\n\n");
    for _ in 0..20 {
        assert_eq!(reader.push(&alive), Ok(Vec::new()), "each comment ends for itself");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn it_does_not_matter_how_the_stream_is_cut(
        lines in prop::collection::vec("(id|event|data|:)?:? ?[a-zé漢]{0,6}|", 0..30),
        ending in prop::sample::select(vec!["\n", "\r\n"]),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..8),
    ) {
        let stream: String = lines.iter().map(|line| format!("{line}{ending}")).collect();
        let mut places: Vec<usize> = cuts.iter().map(|cut| cut.index(stream.len() + 1)).collect();
        places.push(stream.len());
        places.sort_unstable();
        let mut reader = SseReader::default();
        let mut events = Vec::new();
        let mut start = 0;
        for place in places {
            events.extend(reader.push(&stream.as_bytes()[start..place]).unwrap());
            start = place;
        }
        prop_assert_eq!(events, read(&stream));
    }
}
