//! Waiting for a condition, with a deadline: the only place in the tests that sleeps.

use std::thread;
use std::time::{Duration, Instant};

use crate::case::{Case, CaseResult, cases};

pub(crate) const CASES: &[Case] =
    cases![gives_what_the_probe_found, tells_the_last_state_when_time_is_up, looks_at_least_once,];

const PAUSE: Duration = Duration::from_millis(20);

/// The time was up before the condition held.
#[derive(Debug, thiserror::Error)]
#[error("waited {limit:?} for {what}; last seen: {last}")]
pub(crate) struct TimeUp {
    what: String,
    limit: Duration,
    last: String,
}

/// Looks again and again until the probe finds its value; fails with the state that the probe saw
/// last when `limit` has passed.
///
/// The probe must not block, since nothing interrupts it.
pub(crate) fn wait_for<T>(
    what: &str,
    limit: Duration,
    mut probe: impl FnMut() -> Result<T, String>,
) -> Result<T, TimeUp> {
    let start = Instant::now();
    loop {
        match probe() {
            Ok(value) => return Ok(value),
            Err(last) if start.elapsed() >= limit => {
                return Err(TimeUp { what: what.to_owned(), limit, last });
            }
            Err(_) => thread::sleep(PAUSE),
        }
    }
}

fn gives_what_the_probe_found() -> CaseResult {
    let mut looks = 0;
    let found = wait_for("a third look", Duration::from_secs(10), || {
        looks += 1;
        if looks == 3 { Ok("found") } else { Err(format!("look {looks}")) }
    })?;
    assert_eq!((found, looks), ("found", 3));
    Ok(())
}

fn tells_the_last_state_when_time_is_up() -> CaseResult {
    let limit = Duration::from_millis(50);
    let error = wait_for("the impossible", limit, || Err::<(), _>("state = queued".to_owned()))
        .expect_err("the probe never finds anything");
    assert_eq!(error.to_string(), "waited 50ms for the impossible; last seen: state = queued");
    Ok(())
}

fn looks_at_least_once() -> CaseResult {
    wait_for("what is there already", Duration::ZERO, || Ok(()))?;
    Ok(())
}
