//! WeChat's day, which begins at midnight in Beijing.
//!
//! WeChat counts an account's calls by it, and so does the journal's ledger; the date `dt` of a
//! walk is such a day.

use chrono::{DateTime, Days, FixedOffset, NaiveDate, NaiveTime, Utc};

fn beijing() -> FixedOffset {
    // China has no daylight saving time.
    FixedOffset::east_opt(8 * 60 * 60).expect("eight hours are an offset")
}

/// Returns the date in Beijing at `now`.
pub(crate) fn date(now: DateTime<Utc>) -> NaiveDate {
    now.with_timezone(&beijing()).date_naive()
}

/// Returns the instant `at` as a clock in Beijing shows it.
pub(crate) fn in_beijing(at: DateTime<Utc>) -> DateTime<FixedOffset> {
    at.with_timezone(&beijing())
}

/// Returns the next midnight in Beijing after `now`, in words:
/// `2026-11-24 00:00 in Beijing (2026-11-23 16:00 UTC)`.
pub(crate) fn next_midnight(now: DateTime<Utc>) -> String {
    let midnight = now.with_timezone(&beijing()).date_naive().checked_add_days(Days::new(1)).map(|date| {
        date.and_time(NaiveTime::MIN).and_local_timezone(beijing()).earliest().expect("no hour is missing in Beijing")
    });
    let Some(midnight) = midnight else { return "midnight in Beijing".to_owned() };
    format!("{} in Beijing ({})", midnight.format("%Y-%m-%d %H:%M"), midnight.to_utc().format("%Y-%m-%d %H:%M UTC"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[test]
    fn the_day_changes_at_midnight_in_beijing() {
        assert_eq!(date(at("2026-11-22T15:59:59Z")).to_string(), "2026-11-22");
        assert_eq!(date(at("2026-11-22T16:00:00Z")).to_string(), "2026-11-23");
    }

    #[test]
    fn the_next_day_is_named_in_both_times() {
        let next = "2026-11-23 00:00 in Beijing (2026-11-22 16:00 UTC)";
        assert_eq!(next_midnight(at("2026-11-22T15:59:59Z")), next);
        assert_eq!(next_midnight(at("2026-11-21T16:00:00Z")), next);
        assert_ne!(next_midnight(at("2026-11-22T16:00:00Z")), next);
    }
}
