use super::*;
use crate::domain::run::tests::{at, id};

const HOUR: i64 = 3_600_000;

/// A schedule for each full hour, made at the beginning of 2026, just after the hour.
fn hourly(misfire: MisfirePolicy) -> TaskSchedule {
    let schedule = Schedule { misfire, ..("0 * * * *".parse().unwrap()) };
    TaskSchedule::new(id(3), schedule, at(1)).unwrap()
}

/// What the rows say, with the hour of each.
fn told(rows: &[DueTime]) -> Vec<(i64, &'static str)> {
    let told = |row: &DueTime| match row.state() {
        DueState::Due => "due",
        DueState::Fired { .. } => "fired",
        DueState::LeftOut { reason, .. } => match reason {
            LeftOutReason::Misfire => "misfire",
            LeftOutReason::Superseded => "superseded",
            LeftOutReason::Overlap => "overlap",
            LeftOutReason::Paused => "paused",
            LeftOutReason::Archived => "archived",
            LeftOutReason::Refused { .. } => "refused",
        },
    };
    let hour = |row: &DueTime| (row.due.as_millisecond() - at(0).as_millisecond()) / HOUR;
    rows.iter().map(|row| (hour(row), told(row))).collect()
}

const PATIENCE: HumanDuration = HumanDuration::from_mins(1);

#[test]
fn a_time_that_is_not_there_yet_has_no_row() {
    let (same, rows) = hourly(MisfirePolicy::RunAll).advance(at(HOUR - 1), PATIENCE, 10).unwrap();
    assert_eq!(rows, []);
    assert_eq!(same.next_due, Some(at(HOUR)));
}

#[test]
fn a_time_that_is_due_is_due_whatever_the_policy_for_missed_ones() {
    for misfire in [MisfirePolicy::Skip, MisfirePolicy::RunOnce, MisfirePolicy::RunAll] {
        let (after, rows) = hourly(misfire).advance(at(HOUR + 60_000), PATIENCE, 10).unwrap();
        assert_eq!(told(&rows), [(1, "due")], "{misfire:?}");
        assert_eq!((after.version, after.next_due), (2, Some(at(2 * HOUR))));
    }
}

#[test]
fn of_missed_times_the_policy_decides_and_each_has_its_row() {
    let now = at(4 * HOUR + 120_000);
    let cases = [
        (MisfirePolicy::Skip, ["misfire", "misfire", "misfire", "misfire"]),
        (MisfirePolicy::RunOnce, ["superseded", "superseded", "superseded", "due"]),
        (MisfirePolicy::RunAll, ["due", "due", "due", "due"]),
    ];
    for (misfire, states) in cases {
        let (after, rows) = hourly(misfire).advance(now, PATIENCE, 10).unwrap();
        let expected: Vec<_> = (1..).zip(states).collect();
        assert_eq!(told(&rows), expected, "{misfire:?}");
        assert_eq!(after.next_due, Some(at(5 * HOUR)));
        assert!(rows.iter().all(|row| row.version == 1), "they are all new");
    }
}

#[test]
fn one_run_is_made_for_all_even_where_the_last_time_was_not_missed() {
    let (_, rows) = hourly(MisfirePolicy::RunOnce).advance(at(3 * HOUR), PATIENCE, 10).unwrap();
    assert_eq!(told(&rows), [(1, "superseded"), (2, "superseded"), (3, "due")]);
}

#[test]
fn however_many_are_written_at_once_the_rows_are_the_same() {
    let now = at(7 * HOUR + 120_000);
    let (_, whole) = hourly(MisfirePolicy::RunOnce).advance(now, PATIENCE, 100).unwrap();
    let mut schedule = hourly(MisfirePolicy::RunOnce);
    let mut parts = Vec::new();
    loop {
        let (after, rows) = schedule.advance(now, PATIENCE, 3).unwrap();
        assert!(rows.len() <= 3);
        if rows.is_empty() {
            break;
        }
        parts.extend(rows);
        schedule = after;
    }
    assert_eq!(parts, whole);
    assert_eq!(parts.len(), 7);
}

#[test]
fn what_was_due_during_a_pause_is_left_out_with_a_row() {
    let paused = TaskSchedule { active: false, ..hourly(MisfirePolicy::RunAll) };
    let (_, rows) = paused.advance(at(2 * HOUR), PATIENCE, 10).unwrap();
    assert_eq!(told(&rows), [(1, "paused"), (2, "paused")]);
}

#[test]
fn a_clock_that_was_set_back_makes_no_time_due_twice() {
    let (after, rows) = hourly(MisfirePolicy::RunAll).advance(at(HOUR), PATIENCE, 10).unwrap();
    assert_eq!(rows.len(), 1);
    let (_, rows) = after.advance(at(HOUR - 1), PATIENCE, 10).unwrap();
    assert_eq!(rows, []);
}

#[test]
fn a_schedule_that_cannot_be_read_any_more_writes_nothing() {
    let mut schedule = hourly(MisfirePolicy::RunAll);
    schedule.schedule.timezone = "Mars/Olympus".to_owned();
    assert!(matches!(
        schedule.advance(at(HOUR), PATIENCE, 10),
        Err(InvalidSchedule::Zone(zone)) if zone == "Mars/Olympus"
    ));
}

#[test]
fn a_settled_row_never_changes_again() {
    let due = DueTime::new(id(3), at(0), at(5));
    let fired = due.fired(id(4), at(7)).unwrap();
    let left_out = due.left_out(LeftOutReason::Overlap, at(7)).unwrap();
    assert_eq!((due.is_open(), due.settled_at()), (true, None));
    for settled in [fired, left_out] {
        assert_eq!((settled.version, settled.settled_at()), (2, Some(at(7))));
        assert!(!settled.is_open());
        let refused = settled.fired(id(4), at(7)).unwrap_err();
        assert_eq!(
            refused.to_string(),
            "the due time 01kdv40000e008000000000003@2026-01-01T00:00:00Z is settled already"
        );
        assert!(settled.left_out(LeftOutReason::Archived, at(8)).is_err());
    }
}

#[test]
fn whoever_writes_a_due_time_gives_it_the_same_identity() {
    let [one, other] = [at(5), at(9)].map(|now| DueTime::new(id(3), at(0), now));
    assert_eq!((one.id, one.moment()), (other.id, other.moment()));
    let later = DueTime::new(id(3), at(1_000), at(5));
    assert!(later.id > one.id, "ids sort by the times");
    assert_ne!(later.moment(), one.moment());
    let of_another_task = DueTime::new(id(30), at(0), at(5));
    assert_ne!(of_another_task.id, one.id);
    assert!(of_another_task.id < later.id, "of whatever task");
}
