//! The clock that everything done with a pipeline file reads: dates, the day's calls, ages.
//!
//! `cli` and the tests set it for simulated lists; otherwise it is the system's. Pauses, time
//! limits and durations do not depend on it.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use chrono::{DateTime, TimeDelta, Utc};

/// The system's clock, or one that was set and goes on from there. Clones are one clock.
#[derive(Clone, Debug, Default)]
pub struct Clock {
    /// The nanoseconds by which it is ahead of the system's clock.
    ahead: Arc<AtomicI64>,
}

impl Clock {
    /// Returns the time that it shows.
    pub fn now(&self) -> DateTime<Utc> {
        Utc::now() + TimeDelta::nanoseconds(self.ahead.load(Ordering::Relaxed))
    }

    /// Sets it to `now`; it goes on from there. An instant that is centuries away is not set.
    pub fn set(&self, now: DateTime<Utc>) {
        let ahead = (now - Utc::now()).num_nanoseconds().unwrap_or_default();
        self.ahead.store(ahead, Ordering::Relaxed);
    }
}
