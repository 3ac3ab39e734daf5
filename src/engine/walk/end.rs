//! When the end of a list is accepted.
//!
//! [`begin`](super::begin) asks for the end of an empty list, [`follow`](super::follow) for every
//! other one.

use crate::source::SourceError;

/// What the people of a list are compared with at its end.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::engine) enum Goal {
    /// The `total` that WeChat states with the end. At most `limit_percent` may be missing.
    Total {
        /// `source.max_shortfall_percent`.
        limit_percent: f64,
    },
    /// The people that WeChat has counted elsewhere. That number lags behind, so a list that is
    /// longer, or shorter by at most `limit_percent`, is accepted as well.
    Count {
        /// How many it has counted.
        people: u64,
        /// `source.max_shortfall_percent`.
        limit_percent: f64,
    },
}

/// Returns whether a list lacks more than `limit_percent` of the people that it should have.
pub(in crate::engine) fn is_far_too_short(people: u64, expected: u64, limit_percent: f64) -> bool {
    expected.saturating_sub(people) as f64 * 100.0 > expected as f64 * limit_percent
}

impl Goal {
    /// Returns whether an end is accepted, with the number that the journal keeps of it; `None`
    /// asks to read it once more. `total` is the one of the page that ends the list. `was_short`
    /// says that the end was read before, and that the list had not reached its goal then.
    ///
    /// # Errors
    ///
    /// [`SourceError::Short`] or, of a tag, [`SourceError::ShortOfCount`] if the list is short
    /// again, and more than the limit are missing. A tag of which WeChat counts people is never
    /// empty.
    pub(super) fn accepts(
        self,
        distinct: u64,
        total: Option<u64>,
        was_short: bool,
    ) -> Result<Option<u64>, SourceError> {
        let (expected, limit_percent) = match self {
            Self::Total { limit_percent } => {
                (total.expect("`Source::page` takes no end without a total"), limit_percent)
            }
            Self::Count { people, .. } if distinct == people => return Ok(Some(distinct)),
            Self::Count { people, .. } if !was_short => {
                tracing::info!(
                    distinct,
                    count = people,
                    "the list of a tag has another length than WeChat counts; reading its end once more"
                );
                return Ok(None);
            }
            Self::Count { people: count, limit_percent } => {
                if distinct == 0 || is_far_too_short(distinct, count, limit_percent) {
                    return Err(SourceError::ShortOfCount { people: distinct, count, limit_percent });
                }
                return Ok(Some(distinct));
            }
        };
        let missing = expected.saturating_sub(distinct);
        if missing == 0 {
            return Ok(Some(expected));
        }
        if !was_short {
            tracing::info!(
                distinct,
                total = expected,
                "the list ended short of its total; reading its last page and its end once more"
            );
            return Ok(None);
        }
        if is_far_too_short(distinct, expected, limit_percent) {
            return Err(SourceError::Short { distinct, total: expected, limit_percent });
        }
        tracing::warn!(distinct, total = expected, "the list is complete, and shorter than its total");
        Ok(Some(expected))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_count_that_differs_is_asked_for_once_more_and_then_accepted_unless_too_many_are_missing() {
        let end = |distinct, people, was_short| {
            Goal::Count { people, limit_percent: 2.0 }.accepts(distinct, None, was_short).ok()
        };
        assert_eq!(end(5, 5, false), Some(Some(5)));
        assert_eq!(end(0, 0, false), Some(Some(0)));
        for (distinct, count) in [(98, 100), (6, 5), (5, 0)] {
            assert_eq!(end(distinct, count, false), Some(None));
            assert_eq!(end(distinct, count, true), Some(Some(distinct)));
        }
        for (distinct, count) in [(97, 100), (4, 5), (0, 5)] {
            assert_eq!(end(distinct, count, false), Some(None));
            assert_eq!(end(distinct, count, true), None);
        }
        let any = |distinct| Goal::Count { people: 5, limit_percent: 100.0 }.accepts(distinct, None, true).ok();
        assert_eq!((any(1), any(0)), (Some(Some(1)), None), "nobody is never everybody");
    }

    #[test]
    fn a_total_may_be_missed_by_a_few_at_the_second_end() {
        let end = |distinct, was_short| Goal::Total { limit_percent: 2.0 }.accepts(distinct, Some(100), was_short).ok();
        assert_eq!([end(100, false), end(101, false)], [Some(Some(100)); 2]);
        assert_eq!([end(99, false), end(0, false)], [Some(None); 2]);
        assert_eq!([end(98, true), end(97, true)], [Some(Some(100)), None]);
    }
}
