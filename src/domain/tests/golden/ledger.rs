//! The ledger of due times.

use super::{hold, hold_all};
use crate::domain::ledger::{DueState, DueTime, LeftOutReason, TaskSchedule};
use crate::domain::run::tests::{at, id};

/// Every name that [`due_time_kind`] gives.
pub(super) const DUE_TIME_KINDS: &[&str] = &[
    "due",
    "fired",
    "leftOut-misfire",
    "leftOut-superseded",
    "leftOut-overlap",
    "leftOut-paused",
    "leftOut-archived",
    "leftOut-refused",
];

#[test]
fn schedules() {
    let bare = TaskSchedule::new(id(3), "30 2 * * 1-5".parse().unwrap(), at(0)).unwrap();
    let full = TaskSchedule {
        version: 5,
        active: false,
        next_due: None,
        last_fired_at: Some(at(1_250)),
        updated_at: at(1_500),
        ..bare.clone()
    };
    hold("taskSchedule-bare", &bare);
    hold("taskSchedule-full", &full);
}

fn due_time_kind(due: &DueTime) -> String {
    match due.state() {
        DueState::Due => "due",
        DueState::Fired { .. } => "fired",
        DueState::LeftOut { reason, .. } => match reason {
            LeftOutReason::Misfire => "leftOut-misfire",
            LeftOutReason::Superseded => "leftOut-superseded",
            LeftOutReason::Overlap => "leftOut-overlap",
            LeftOutReason::Paused => "leftOut-paused",
            LeftOutReason::Archived => "leftOut-archived",
            LeftOutReason::Refused { .. } => "leftOut-refused",
        },
    }
    .to_owned()
}

#[test]
fn due_times_in_every_state() {
    let due = DueTime::new(id(3), at(0), at(250));
    let mut rows = vec![due.clone(), due.fired(id(4), at(1_500)).unwrap()];
    for reason in [
        LeftOutReason::Misfire,
        LeftOutReason::Superseded,
        LeftOutReason::Overlap,
        LeftOutReason::Paused,
        LeftOutReason::Archived,
        LeftOutReason::Refused { message: "the image is not allowed".to_owned() },
    ] {
        rows.push(due.left_out(reason, at(1_500)).unwrap());
    }
    let rows: Vec<_> = rows.into_iter().map(|row| (due_time_kind(&row), row)).collect();
    hold_all("dueTime", DUE_TIME_KINDS, &rows);
}
