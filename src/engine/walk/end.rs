//! When the end of a list is accepted.
//!
//! [`begin`](super::begin) asks for the end of an empty list, [`follow`](super::follow) for every
//! other one.

use crate::source::SourceError;

/// Returns whether an end is accepted; `false` asks to read it once more. `was_short` says that it
/// was read before, and that the list was short of its `total` then.
///
/// # Errors
///
/// [`SourceError::Short`] if it is short again, and more than `limit_percent` are missing.
pub(super) fn is_end(distinct: u64, total: u64, was_short: bool, limit_percent: f64) -> Result<bool, SourceError> {
    let missing = total.saturating_sub(distinct);
    if missing == 0 {
        return Ok(true);
    }
    if !was_short {
        tracing::info!(
            distinct,
            total,
            "the list ended short of its total; reading its last page and its end once more"
        );
        return Ok(false);
    }
    if missing as f64 * 100.0 > total as f64 * limit_percent {
        return Err(SourceError::Short { distinct, total, limit_percent });
    }
    tracing::warn!(distinct, total, "the list is complete, and shorter than its total");
    Ok(true)
}
