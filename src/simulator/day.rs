//! The day of the simulated API, which begins at midnight in Beijing, as WeChat's does.
//!
//! `api` counts the calls of a day by it; a fault or a test begins the next one. It shares no code
//! with fanout's own rule, which the tests compare with it.

use chrono::{Days, NaiveDate, NaiveTime, TimeDelta};

use crate::clock::Clock;

/// Beijing's time is that of UTC, and so much more. China has no daylight saving time.
const BEIJING: TimeDelta = TimeDelta::hours(8);

/// Returns the day that `clock` shows.
pub(super) fn day(clock: &Clock) -> NaiveDate {
    (clock.now() + BEIJING).date_naive()
}

/// Sets `clock` to the beginning of the next day.
pub(super) fn begin_next_day(clock: &Clock) {
    let tomorrow = day(clock) + Days::new(1);
    clock.set(tomorrow.and_time(NaiveTime::MIN).and_utc() - BEIJING);
}
