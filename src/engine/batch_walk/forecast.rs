//! How many of the day's calls the rest of a walk takes, against those that are left, and how many
//! of them a batch takes.
//!
//! Before it: the batches without a reply, and WeChat's answer to the question how many calls are
//! left. Behind it: the walk begins, or it is refused: under `source.quota.refuse`, or because it
//! would be too old before it is complete.
//!
//! WeChat does not document whether a batch of 100 counts once or a hundred times. So the question
//! is asked before and after the first batch, with no other call between. Other programs of the
//! account make the difference larger, and an answer that lags makes it smaller: an unclear one is
//! measured once more.

use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::batches::WIDTH;
use crate::config::{Pipeline, QuotaSection, SourceProfilesSection};
use crate::error::Error;
use crate::source::{CallsLeft, SourceError};
use crate::wechat::{List, Reaction};

/// Compares the calls that `batches` take, `cost` each, with those that are left today. Logs a
/// warning if they do not suffice.
///
/// # Errors
///
/// [`SourceError::QuotaTooSmall`] instead, if `settings` ask for that.
pub(super) fn check(
    batches: u64,
    cost: u64,
    left: CallsLeft,
    settings: &QuotaSection,
    now: DateTime<Utc>,
) -> Result<(), SourceError> {
    let CallsLeft { calls: calls_left, is_stated, limit } = left;
    let calls_needed = batches.saturating_mul(cost);
    if calls_needed <= calls_left {
        tracing::debug!(calls_left, is_stated, calls_needed, "today's calls may suffice");
        return Ok(());
    }
    if settings.refuse {
        return Err(SourceError::QuotaTooSmall { calls_left, calls_needed, at: now });
    }
    let days = limit.filter(|&limit| limit > 0).map(|limit| 1 + (calls_needed - calls_left).div_ceil(limit));
    tracing::warn!(
        calls_left,
        is_stated,
        calls_needed,
        cost,
        days,
        "today's calls cannot finish the list; the walk goes as far as it can, and runs on other days continue it"
    );
    Ok(())
}

/// Checks that a walk of `list` that is to begin, with `batches` that take `cost` calls each, can
/// be complete before it is too old: on each day it has all calls of the day.
///
/// # Errors
///
/// [`SourceError::TooManyDays`] if it cannot.
pub(super) fn check_days(
    list: List,
    batches: u64,
    cost: u64,
    left: CallsLeft,
    pipeline: &Pipeline,
) -> Result<(), SourceError> {
    let calls_needed = batches.saturating_mul(cost);
    let calls_a_day = calls_a_day(left, &pipeline.source.profiles);
    let (days, within_days) = (calls_needed.div_ceil(calls_a_day), days(pipeline.resume_within(list)));
    if days > within_days {
        return Err(SourceError::TooManyDays { calls_needed, calls_a_day, days, within_days });
    }
    Ok(())
}

/// Warns if a walk of `list` that began at `begun_at` gets too old before it is complete, if its
/// `batches` without a reply take `cost` calls each.
pub(super) fn warn_of_age(
    list: List,
    batches: u64,
    cost: u64,
    left: CallsLeft,
    pipeline: &Pipeline,
    begun_at: DateTime<Utc>,
) {
    let calls_a_day = calls_a_day(left, &pipeline.source.profiles);
    // Today has what is left of its calls.
    let days_to_come = batches.saturating_mul(cost).saturating_sub(left.calls).div_ceil(calls_a_day);
    let age = (pipeline.clock.now() - begun_at).to_std().unwrap_or_default();
    let within = pipeline.resume_within(list);
    if age.saturating_add(Duration::from_secs(days_to_come.saturating_mul(DAY))) > within {
        tracing::warn!(
            days_to_come,
            resume_within_days = days(within),
            "the walk gets too old before it is complete, and would begin anew; raise `profiles.resume_within_days`"
        );
    }
}

/// The seconds of a day.
const DAY: u64 = 86_400;

fn days(duration: Duration) -> u64 {
    duration.as_secs() / DAY
}

/// Returns how many calls for batches a day has: as WeChat states, or else as the pipeline file
/// says.
pub(super) fn calls_a_day(left: CallsLeft, settings: &SourceProfilesSection) -> u64 {
    left.limit.filter(|&limit| limit > 0).unwrap_or(settings.daily_calls)
}

/// What the calls that are left have told of the cost of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Measured {
    /// A batch takes so many calls.
    Cost(u64),
    /// The difference is neither near 1 nor near a call for each element.
    Unclear(u64),
    /// WeChat does not say how many calls are left.
    Unknown,
}

impl Measured {
    /// Compares the calls that were left before and after a batch of `elements`.
    pub(super) fn of(before: CallsLeft, after: CallsLeft, elements: usize) -> Self {
        if !before.is_stated || !after.is_stated {
            return Self::Unknown;
        }
        let used = before.calls.saturating_sub(after.calls);
        let each = elements as u64;
        match used {
            // For a small batch both are the same.
            1 => Self::Cost(1),
            used if each >= WIDTH as u64 / 2 && (2..=each / 10).contains(&used) => Self::Cost(1),
            used if each > 1 && (each..=each + each / 10).contains(&used) => Self::Cost(WIDTH as u64),
            used => Self::Unclear(used),
        }
    }

    /// Decides by a second batch of `elements` what the first did not make clear. Whatever others
    /// have used in between makes the difference larger, so the smaller one is nearer.
    pub(super) fn decide(self, second: Self, elements: usize) -> Option<u64> {
        let (Self::Unclear(first), Self::Unclear(second)) = (self, second) else {
            return match second {
                Self::Cost(cost) => Some(cost),
                Self::Unclear(_) | Self::Unknown => None,
            };
        };
        let used = [first, second].into_iter().filter(|&used| used > 0).min()?;
        Some(if used <= elements as u64 / 2 { 1 } else { WIDTH as u64 })
    }
}

/// Says how far the walk is if `error` is that the calls of the day are used up.
pub(in crate::engine) fn with_batches_left(error: Error, done: u64, of: u64, now: DateTime<Utc>) -> Error {
    match error {
        Error::Source(error) if error.api_error().is_some_and(|api| api.reaction() == Reaction::NextDay) => {
            SourceError::BatchesLeft { done, of, at: now, error: Box::new(error) }.into()
        }
        error => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn left(calls: u64) -> CallsLeft {
        CallsLeft { calls, limit: Some(500_000), is_stated: true }
    }

    fn measured(used: u64) -> Measured {
        Measured::of(left(10_000), left(10_000 - used), 99)
    }

    #[test]
    fn a_batch_takes_one_call_or_one_for_each_element_whatever_others_use_beside_it() {
        for (used, expected) in [(1, 1), (3, 1), (9, 1), (99, 100), (105, 100)] {
            assert_eq!(measured(used), Measured::Cost(expected), "{used}");
        }
        for used in [0, 30, 98, 300] {
            assert_eq!(measured(used), Measured::Unclear(used));
        }
        let unstated = CallsLeft { is_stated: false, ..left(9) };
        assert_eq!(Measured::of(left(10), unstated, 99), Measured::Unknown);
    }

    #[test]
    fn what_is_unclear_is_decided_by_the_smaller_difference() {
        for (first, second, expected) in [
            (0, 1, Some(1)),
            (0, 0, None),
            (30, 40, Some(1)),
            (300, 200, Some(100)),
            (300, 20, Some(1)),
            (0, 60, Some(100)),
        ] {
            assert_eq!(measured(first).decide(measured(second), 99), expected, "{first}, {second}");
        }
    }

    #[test]
    fn a_list_that_today_cannot_finish_is_refused_only_if_that_is_asked_for() {
        let settings = |refuse| QuotaSection { refuse, ..QuotaSection::default() };
        let now = Utc::now();
        assert!(check(100, 100, left(9_999), &settings(false), now).is_ok());
        let refused = check(100, 100, left(9_999), &settings(true), now);
        assert!(matches!(refused, Err(SourceError::QuotaTooSmall { calls_needed: 10_000, calls_left: 9_999, .. })));
        assert!(check(100, 100, left(10_000), &settings(true), now).is_ok());
    }
}
