use super::*;

fn schedule(cron: &str, timezone: &str) -> Schedule {
    Schedule { timezone: timezone.to_owned(), ..cron.parse().unwrap() }
}

/// The first due times after `start`, in the schedule's own zone.
fn times(cron: &str, timezone: &str, start: &str, count: usize) -> Vec<String> {
    let schedule = schedule(cron, timezone);
    let mut now: Timestamp = start.parse().unwrap();
    let mut times = Vec::new();
    for _ in 0..count {
        let next = schedule.next_after(now).unwrap();
        assert!(next > now, "a schedule goes forward");
        now = next;
        let zoned = next.to_zoned(TimeZone::get(timezone).unwrap());
        times.push(zoned.strftime("%Y-%m-%d %H:%M:%S %:z").to_string());
    }
    times
}

#[test]
fn a_time_that_does_not_exist_fires_once_when_the_gap_ends() {
    // On 2026-03-29 Berlin goes from 02:00 to 03:00.
    assert_eq!(
        times("30 2 * * *", "Europe/Berlin", "2026-03-27T12:00:00Z", 3),
        ["2026-03-28 02:30:00 +01:00", "2026-03-29 03:00:00 +02:00", "2026-03-30 02:30:00 +02:00",]
    );
}

#[test]
fn a_time_that_exists_twice_fires_once() {
    // On 2026-10-25 Berlin goes from 03:00 to 02:00.
    assert_eq!(
        times("30 2 * * *", "Europe/Berlin", "2026-10-24T12:00:00Z", 2),
        ["2026-10-25 02:30:00 +02:00", "2026-10-26 02:30:00 +01:00"]
    );
}

#[test]
fn an_interval_goes_on_through_both_changes() {
    assert_eq!(
        times("*/30 * * * *", "Europe/Berlin", "2026-03-29T00:29:00Z", 3),
        ["2026-03-29 01:30:00 +01:00", "2026-03-29 03:00:00 +02:00", "2026-03-29 03:30:00 +02:00",]
    );
    assert_eq!(
        times("*/30 * * * *", "Europe/Berlin", "2026-10-25T00:00:00Z", 4),
        [
            "2026-10-25 02:30:00 +02:00",
            "2026-10-25 02:00:00 +01:00",
            "2026-10-25 02:30:00 +01:00",
            "2026-10-25 03:00:00 +01:00",
        ]
    );
}

#[test]
fn the_29th_of_february_waits_for_its_year() {
    assert_eq!(
        times("0 0 29 2 *", "UTC", "2026-03-01T00:00:00Z", 2),
        ["2028-02-29 00:00:00 +00:00", "2032-02-29 00:00:00 +00:00",]
    );
}

#[test]
fn a_sixth_field_in_front_means_seconds() {
    assert_eq!(
        times("*/20 * * * * *", "UTC", "2026-01-01T00:00:00Z", 2),
        ["2026-01-01 00:00:20 +00:00", "2026-01-01 00:00:40 +00:00",]
    );
}

#[test]
fn names_stand_for_expressions() {
    let daily = ["2026-01-02 00:00:00 +00:00"];
    assert_eq!(times("@daily", "UTC", "2026-01-01T00:00:00Z", 1), daily);
    assert_eq!(times("@hourly", "UTC", "2026-01-01T00:10:00Z", 1), ["2026-01-01 01:00:00 +00:00"]);
    assert_eq!(
        times("0 9 * * MON-FRI", "UTC", "2026-01-02T10:00:00Z", 1),
        ["2026-01-05 09:00:00 +00:00",]
    );
}

#[test]
fn a_due_time_is_not_due_again() {
    assert_eq!(
        times("0 3 * * *", "UTC", "2026-01-01T03:00:00Z", 1),
        ["2026-01-02 03:00:00 +00:00"]
    );
    // A fraction of a second later is later.
    assert_eq!(
        times("0 3 * * *", "UTC", "2026-01-01T02:59:59.5Z", 1),
        ["2026-01-01 03:00:00 +00:00",]
    );
}

#[test]
fn what_cannot_be_used_is_refused_with_the_reason() {
    let now: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
    for text in ["", "* * * *", "61 * * * *", "nightly", "* * * * * * * *", "@never"] {
        let words = text.parse::<Schedule>().unwrap_err().to_string();
        assert!(words.contains("is not a cron expression"), "{text}: {words}");
    }
    let never = schedule("0 3 30 2 *", "UTC").validate(now).unwrap_err();
    assert_eq!(never, InvalidSchedule::Never("0 3 30 2 *".to_owned()));
    let zone = schedule("0 3 * * *", "Mars/Olympus").validate(now).unwrap_err();
    assert_eq!(zone, InvalidSchedule::Zone("Mars/Olympus".to_owned()));
}
