//! The day of the simulated API, which begins at midnight in Beijing, as WeChat's does.
//!
//! `api` counts the calls of a day by it; a fault or a test begins the next one. It shares no code
//! with fanout's own rule, which the tests compare with it.

use chrono::{DateTime, Days, NaiveDate, NaiveTime, TimeDelta, Utc};

use crate::clock::Clock;

/// Beijing's time is that of UTC, and so much more. China has no daylight saving time.
const BEIJING: TimeDelta = TimeDelta::hours(8);

/// Returns the day that `clock` shows.
pub(super) fn day(clock: &Clock) -> NaiveDate {
    (clock.now() + BEIJING).date_naive()
}

/// Returns the beginning of a day.
pub(super) fn midnight(day: NaiveDate) -> DateTime<Utc> {
    day.and_time(NaiveTime::MIN).and_utc() - BEIJING
}

/// Sets `clock` to the beginning of the next day.
pub(super) fn begin_next_day(clock: &Clock) {
    clock.set(midnight(day(clock) + Days::new(1)));
}
