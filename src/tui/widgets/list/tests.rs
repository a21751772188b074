use super::*;

fn at(place: &Place<u32>) -> (Option<u32>, usize) {
    (place.selected().copied(), place.offset())
}

#[test]
fn the_selection_moves_and_stays_in_sight() {
    let keys: Vec<u32> = (0..10).collect();
    let mut place = Place::default();
    place.settle(&keys, 4);
    assert_eq!(at(&place), (Some(0), 0));
    place.go(&keys, Motion::By(5), 4);
    assert_eq!(at(&place), (Some(5), 2));
    place.go(&keys, Motion::Half(1), 4);
    assert_eq!(at(&place), (Some(7), 4));
    place.go(&keys, Motion::Last, 4);
    assert_eq!(at(&place), (Some(9), 6));
    place.go(&keys, Motion::By(3), 4);
    assert_eq!(at(&place), (Some(9), 6));
    place.go(&keys, Motion::First, 4);
    assert_eq!(at(&place), (Some(0), 0));
    place.go(&keys, Motion::By(-1), 4);
    assert_eq!(at(&place), (Some(0), 0));
}

#[test]
fn news_above_do_not_move_the_selection() {
    let mut place = Place::default();
    place.select(7);
    place.settle(&[6, 7, 8], 3);
    place.settle(&[1, 2, 3, 6, 7, 8], 3);
    assert_eq!(at(&place), (Some(7), 2));
}

#[test]
fn what_follows_takes_the_place_of_what_goes() {
    let mut place = Place::default();
    place.select(2);
    place.settle(&[1, 2, 3], 3);
    place.settle(&[1, 3], 3);
    assert_eq!(at(&place), (Some(3), 0));
    place.settle(&[1], 3);
    assert_eq!(at(&place), (Some(1), 0));
    place.settle(&[], 3);
    assert_eq!(at(&place), (None, 0));
    place.settle(&[4, 5], 3);
    assert_eq!(at(&place), (Some(4), 0));
}

#[test]
fn more_room_is_used() {
    let keys: Vec<u32> = (0..10).collect();
    let mut place = Place::default();
    place.go(&keys, Motion::Last, 3);
    place.settle(&keys, 20);
    assert_eq!(at(&place), (Some(9), 0));
}
