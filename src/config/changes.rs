//! The section `[changes]` of a pipeline file: how the list of who came and who left is made.
//!
//! Before it: `load` has the section among its keys. Behind it: the engine compares two walks of
//! followers by it.

use fanout_sink::schemars::{self, JsonSchema};
use serde::Deserialize;

use super::bounded::Percent;

/// `[changes]`: how the list of who came and who left is made.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct ChangesSection {
    /// `verify`: whether WeChat is asked about each person who has come or left, so that a hole in
    /// a list is not told as a change. Default `true`.
    pub verify: bool,
    /// `max_change_percent`: how many of the followers may have come or left; with more, and more
    /// than ten, the run stops, because one of the lists is probably wrong (`fanout run
    /// --accept-change` lets it pass). 0 allows no change. Default 5.0.
    #[serde(with = "Percent")]
    pub max_change_percent: f64,
}

impl Default for ChangesSection {
    fn default() -> Self {
        Self { verify: true, max_change_percent: 5.0 }
    }
}
