use super::*;

fn numbers(news: &[Numbered]) -> Vec<u64> {
    news.iter().map(|(number, _)| *number).collect()
}

#[test]
fn a_listener_gets_what_it_missed_and_what_comes() {
    let news = News::new("e".into());
    for _ in 0..3 {
        news.tell(Notice::Reset);
    }
    let mut listening = news.listen(Some("e-1"));
    assert_eq!((numbers(&listening.missed), listening.lost), (vec![2, 3], false));
    news.tell(Notice::Reset);
    assert_eq!(listening.coming.try_recv().unwrap().0, 4);
}

#[test]
fn a_new_listener_gets_only_what_comes() {
    let news = News::new("e".into());
    news.tell(Notice::Reset);
    let listening = news.listen(None);
    assert_eq!((listening.missed.len(), listening.lost), (0, false));
}

#[test]
fn who_missed_more_than_is_kept_is_told() {
    let news = News::new("e".into());
    for _ in 0..=KEPT {
        news.tell(Notice::Reset);
    }
    assert!(news.listen(Some("e-0")).lost);
    assert!(!news.listen(Some("e-1")).lost);
}

#[test]
fn ids_of_another_daemon_or_of_the_future_are_lost() {
    let news = News::new("e".into());
    news.tell(Notice::Reset);
    assert!(news.listen(Some("f-1")).lost);
    assert!(news.listen(Some("e-2")).lost);
    assert!(news.listen(Some("nonsense")).lost);
    assert_eq!(news.id(1), "e-1");
}
