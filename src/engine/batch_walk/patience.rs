//! When a walk of batches cannot succeed any more.
//!
//! Before it: the [walk](super::walk) has settled a batch, or got a reply, or the list was counted
//! while it was delivered. Behind it: the walk stops, and is given up, so that no later run
//! continues it.

use crate::batches::{Answer, Question, Round};
use crate::error::Error;
use crate::journal::BatchJournal;
use crate::source::SourceError;

/// The first batches. If WeChat refuses all of them, it may refuse every follower: the token of
/// another account is the usual cause.
pub(super) const FIRST: u64 = 3;

/// A request of so few elements is too large for no reason that asking for fewer could help.
const FEW: usize = 12;

/// How much of a list may have conflicts before they are asked about again, in percent: with more
/// the replies are not worth the calls.
const MOST_CONFLICTS: f64 = 1.0;

/// Fewer conflicts than these are always asked about again.
const FEW_CONFLICTS: u64 = 200;

/// Checks that WeChat does not find a request of few elements too large.
///
/// # Errors
///
/// [`SourceError::TooManyElements`] if it does.
pub(super) fn check_size(question: &Question, answer: &Answer) -> Result<(), SourceError> {
    let elements = question.places.len();
    let is_of_batch = matches!(question.round, Round::First | Round::Again);
    if *answer == Answer::TooMany && is_of_batch && elements <= FEW {
        return Err(SourceError::TooManyElements { elements });
    }
    Ok(())
}

/// Checks that enough elements of a list of `rows` have an outcome that is of use: at most
/// `limit_percent` may have none, but always one, unless it is 0.
///
/// # Errors
///
/// [`SourceError::TooManyRefused`] if more have none.
pub(in crate::engine) fn check_failed(
    refused: u64,
    unreadable: u64,
    rows: u64,
    limit_percent: f64,
) -> Result<(), SourceError> {
    let failed = refused + unreadable;
    let is_one_of_few = failed == 1 && limit_percent > 0.0;
    if failed as f64 * 100.0 > rows as f64 * limit_percent && !is_one_of_few {
        return Err(SourceError::TooManyRefused { refused, unreadable, rows, limit_percent });
    }
    Ok(())
}

/// Returns whether so many conflicts in a list of `rows` are worth asking again.
pub(super) fn asks_again(conflicts: u64, rows: u64) -> bool {
    conflicts <= FEW_CONFLICTS || conflicts as f64 * 100.0 <= rows as f64 * MOST_CONFLICTS
}

/// Gives the walk up if `error` says that it cannot succeed any more.
pub(in crate::engine) fn give_up(journal: &BatchJournal, error: Error) -> Error {
    if let Error::Source(
        SourceError::AllRefused { .. }
        | SourceError::StrangersOnly { .. }
        | SourceError::TooManyRefused { .. }
        | SourceError::TooManyElements { .. }
        | SourceError::TooManyDays { .. }
        | SourceError::BoundAnew,
    ) = &error
        && let Err(unwritten) = journal.folder().give_up(&error.chain())
    {
        tracing::warn!(error = %unwritten, "the walk cannot be given up, and will be tried again");
    }
    error
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bound_is_a_part_of_the_whole_list() {
        assert!(check_failed(1, 0, 1_000, 0.1).is_ok());
        assert!(matches!(
            check_failed(1, 1, 1_000, 0.1),
            Err(SourceError::TooManyRefused { refused: 1, unreadable: 1, rows: 1_000, .. })
        ));
        assert!(check_failed(0, 0, 0, 0.0).is_ok());
    }

    #[test]
    fn one_may_fail_in_a_list_however_short_unless_none_may() {
        for rows in [1, 2, 999] {
            assert!(check_failed(1, 0, rows, 0.1).is_ok());
            assert!(check_failed(0, 1, rows, 0.1).is_ok());
            assert!(check_failed(1, 1, rows, 0.1).is_err());
            assert!(check_failed(0, 2, rows, 0.1).is_err());
            assert!(check_failed(1, 0, rows, 0.0).is_err());
        }
    }

    #[test]
    fn only_a_request_of_few_elements_cannot_be_too_large() {
        let question = |round, elements: u8| Question { round, places: (0..elements).collect() };
        assert!(check_size(&question(Round::First, 13), &Answer::TooMany).is_ok());
        assert!(check_size(&question(Round::Again, 12), &Answer::TooMany).is_err());
        assert!(check_size(&question(Round::First, 12), &Answer::Refused).is_ok());
    }
}
