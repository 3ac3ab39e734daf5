//! The section `[tags]` of a pipeline file: which tags are read, and what follows if one cannot be.
//!
//! Before it: `load` has the section among its keys. Behind it: the engine reads the people of each
//! tag by it.

use std::time::Duration;

use fanout_sink::schemars::{self, JsonSchema};
use serde::{Deserialize, Serialize};

use super::bounded::SecondsOrNone;

/// `[tags]`: which tags are read.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct TagsSection {
    /// `select`: the tags that are read, by their names or ids: `["VIP", 134]`. Default: all but
    /// WeChat's own (0, 1 and 2).
    // The schema must not have a default: without the key all tags are read.
    #[schemars(extend("default" = null))]
    pub select: Option<Vec<TagName>>,
    /// `partial`: whether a list is published without the tags that WeChat cannot give. The run
    /// fails all the same. Default `false`.
    pub partial: bool,
    /// `recount_after_secs`: the pause before the tags are counted again, if a list has more or
    /// fewer people than WeChat counts, in seconds. Default 300.
    #[serde(rename = "recount_after_secs", with = "SecondsOrNone")]
    pub recount_after: Duration,
}

impl Default for TagsSection {
    fn default() -> Self {
        Self { select: None, partial: false, recount_after: Duration::from_secs(300) }
    }
}

/// A tag, by its id or by its name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum TagName {
    /// By its id.
    Id(u32),
    /// By its name.
    Name(String),
}
