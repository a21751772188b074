//! When a cron task is due. The next time is computed from the schedule itself, never from "now
//! plus interval", in the schedule's own time zone.

use std::str::FromStr;

use croner::Cron;
use croner::parser::{CronParser, Seconds};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

/// What to do with due times that passed while nobody could act on them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum MisfirePolicy {
    /// Leave them out.
    Skip,
    /// Make one run for all of them.
    #[default]
    RunOnce,
    /// Make a run for each.
    RunAll,
}

/// What to do when the previous run of the task is still going.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum OverlapPolicy {
    /// Start beside it.
    Allow,
    /// Leave this time out.
    #[default]
    Skip,
    /// Start after it.
    Queue,
    /// Cancel it and start.
    CancelPrevious,
}

/// A validated schedule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Schedule {
    /// The expression, five or six fields or a name such as `@daily`.
    pub cron: String,
    /// The time zone's name, such as `Europe/Berlin`.
    pub timezone: String,
    /// What happens to missed times.
    #[serde(default)]
    pub misfire: MisfirePolicy,
    /// What happens when the previous run is still going.
    #[serde(default)]
    pub overlap: OverlapPolicy,
}

/// A schedule that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSchedule {
    /// The expression cannot be read.
    #[error(
        "`{cron}` is not a cron expression: {why}; \
         write minute hour day month weekday, such as `0 3 * * 1-5`"
    )]
    Expression {
        /// What was written.
        cron: String,
        /// The reader's complaint.
        why: String,
    },
    /// No time ever fits.
    #[error("`{0}` never fires: no date fits it; check the day and the month")]
    Never(String),
    /// The zone is unknown.
    #[error("`{0}` is not a known time zone; write a name such as `Europe/Berlin` or `UTC`")]
    Zone(String),
}

impl Schedule {
    /// Checks the expression, the zone, and that a time after `now` fits.
    ///
    /// # Errors
    /// [`InvalidSchedule`] says which of the three is wrong.
    pub fn validate(&self, now: Timestamp) -> Result<Timestamp, InvalidSchedule> {
        self.next_after(now)
    }

    /// The first due time after `now`.
    ///
    /// # Errors
    /// [`InvalidSchedule`] when the schedule could not have been validated.
    pub fn next_after(&self, now: Timestamp) -> Result<Timestamp, InvalidSchedule> {
        let cron = self.parsed()?;
        let zone = TimeZone::get(&self.timezone)
            .map_err(|_unknown| InvalidSchedule::Zone(super::text::excerpt(&self.timezone, 60)))?;
        cron.find_next_occurrence(&now.to_zoned(zone), false)
            .map(|next| next.timestamp())
            .map_err(|_nothing_found| InvalidSchedule::Never(super::text::excerpt(&self.cron, 60)))
    }

    fn parsed(&self) -> Result<Cron, InvalidSchedule> {
        CronParser::builder().seconds(Seconds::Optional).build().parse(&self.cron).map_err(|e| {
            InvalidSchedule::Expression {
                cron: super::text::excerpt(&self.cron, 60),
                why: e.to_string().trim_end_matches('.').to_lowercase(),
            }
        })
    }
}

/// A bare expression is a schedule in UTC with the default policies.
impl FromStr for Schedule {
    type Err = InvalidSchedule;

    fn from_str(text: &str) -> Result<Self, InvalidSchedule> {
        let schedule = Self {
            cron: text.to_owned(),
            timezone: "UTC".to_owned(),
            misfire: MisfirePolicy::default(),
            overlap: OverlapPolicy::default(),
        };
        schedule.parsed()?;
        Ok(schedule)
    }
}

#[cfg(test)]
mod tests;
