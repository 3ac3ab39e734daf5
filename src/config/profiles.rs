//! The sections `[profiles]` and `[source.profiles]` of a pipeline file: how the list of profiles
//! is read, and when it counts as complete.
//!
//! Before it: `load` and `section` have the sections among their keys. Behind it: the engine plans
//! and reads walks of batches by them.

use std::time::Duration;

use fanout_sink::schemars::{self, JsonSchema};
use serde::Deserialize;

use super::bounded::{Days, Percent, SecondsOrNone, Whole};

/// `[profiles]`: when the list of profiles counts as complete, and how long it may take.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct ProfilesSection {
    /// `max_refused_percent`: how many of the followers WeChat may refuse to tell about, or tell
    /// about unreadably or in conflict, in a list that still counts as complete. One is always
    /// allowed, unless it is 0. Default 0.1.
    #[serde(with = "Percent")]
    pub max_refused_percent: f64,
    /// `resume_within_days`: the greatest age, in days, of a walk that is resumed: the profiles of
    /// a large account may take several days' calls. Default 7.
    #[serde(rename = "resume_within_days", with = "Days")]
    pub resume_within: Duration,
    /// `refresh_days`: the greatest age, in days, of a profile that is taken over from the list
    /// before instead of asked for again. Default none: every profile is asked for.
    // The schema must not have a default: without the key nothing is taken over.
    #[serde(deserialize_with = "Whole::<1, 365>::deserialize_given")]
    #[schemars(with = "Whole::<1, 365>", extend("default" = null))]
    pub refresh_days: Option<u32>,
    /// `verify`: `seams` asks for one follower of each batch with the next batch as well, which
    /// shows whether rows have moved; `twice` asks for every batch twice. Default `seams`.
    pub verify: Verify,
}

impl Default for ProfilesSection {
    fn default() -> Self {
        Self {
            max_refused_percent: 0.1,
            resume_within: Duration::from_secs(7 * 86_400),
            refresh_days: None,
            verify: Verify::Seams,
        }
    }
}

/// How it is made sure that each profile is that of its follower.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, serde::Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verify {
    /// Each batch repeats the last follower of the one before.
    #[default]
    Seams,
    /// Each batch is asked for twice, besides.
    Twice,
}

/// `[source.profiles]`: the calls that read profiles.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct SourceProfilesSection {
    /// `concurrency`: the most calls for profiles of one account at the same time. Fewer are made
    /// while WeChat is slow or busy. Default 4.
    #[serde(with = "Whole::<1, 1_000>")]
    pub concurrency: usize,
    /// `daily_calls`: the calls for profiles that the account has a day, where WeChat does not
    /// state them. Default 500000.
    #[serde(with = "Whole::<1, 100_000_000>")]
    pub daily_calls: u64,
    /// `ask_again_after_secs`: the pause before followers about whom a reply was odd are asked for
    /// one by one, in seconds; a walk makes it once. Default 60.
    #[serde(rename = "ask_again_after_secs", with = "SecondsOrNone")]
    pub ask_again_after: Duration,
}

impl Default for SourceProfilesSection {
    fn default() -> Self {
        Self { concurrency: 4, daily_calls: 500_000, ask_again_after: Duration::from_secs(60) }
    }
}
