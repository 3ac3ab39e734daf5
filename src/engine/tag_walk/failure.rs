//! Whether an error is one of a tag, and the others can be read, or one of the whole list.
//!
//! Before it: the walk of one tag has stopped. Behind it: the [walk](super::walk) of all tags goes
//! on with the next one, or stops as well.

use crate::source::{CallError, SourceError};
use crate::wechat::{ApiError, Class};

/// Returns whether the people of one tag may be the reason for the error. WeChat is known to be
/// always busy, or never in time, for some old and large tags. That nothing answers at all is shown
/// by the next question about all tags.
pub(super) fn is_of_the_tag(error: &SourceError) -> bool {
    match error {
        SourceError::Call { error: CallError::Api(error), .. } => {
            error.class() == Class::Busy || error.code == ApiError::UNKNOWN_TAG
        }
        SourceError::Call { error, .. } => matches!(
            error,
            CallError::Timeout(_)
                | CallError::Connection(_)
                | CallError::Status { status: 429 | 500..=599, .. }
                | CallError::Malformed(_)
                | CallError::TooLarge { .. }
                | CallError::Loop { .. }
        ),
        SourceError::RetriesSpent { error, .. } => is_of_the_tag(error),
        SourceError::CursorLost { .. } | SourceError::ShortOfCount { .. } => true,
        _ => false,
    }
}
