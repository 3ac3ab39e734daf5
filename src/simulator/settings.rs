//! What a simulator is told before it starts.
//!
//! `service` collects it, and `api` answers by it.

use std::collections::HashMap;
use std::time::Duration;

use chrono::NaiveDate;

use super::call::Endpoint;
use super::followers::Followers;
use super::night::Nights;
use super::page::PageStyle;
use super::roster::Roster;
use super::row::ProfileStyle;
use super::tag::Tag;
use crate::clock::Clock;

/// The settings of a simulator, fixed when it starts.
#[derive(Debug, Clone)]
pub(super) struct Settings {
    pub(super) seed: u64,
    pub(super) followers: u64,
    /// The numbers of followers that differ from `followers`, by app id.
    pub(super) accounts: HashMap<String, u64>,
    pub(super) nights: Nights,
    /// How many people are on the blacklist of an account.
    pub(super) blocked: u64,
    /// The tags of each account, without those of the system that differ in nothing.
    pub(super) tags: Vec<Tag>,
    /// The secrets that are checked, by app id. Every other account accepts any secret.
    pub(super) secrets: HashMap<String, String>,
    pub(super) page_sizes: PageSizes,
    pub(super) page_style: PageStyle,
    pub(super) profile_style: ProfileStyle,
    /// The most people of one batch.
    pub(super) batch_limit: usize,
    /// Whether a batch takes as many of the day's calls as it names people, and not one.
    pub(super) people_count: bool,
    pub(super) latency: Duration,
    /// The calls a day that are not [`MANY_CALLS`].
    pub(super) daily_limits: HashMap<Endpoint, u64>,
    /// The calls a day to `user/get` that differ from those, by app id.
    pub(super) page_limits: HashMap<String, u64>,
    /// How many questions ago the state of the calls stood that `quota/get` answers.
    pub(super) quota_lag: usize,
    pub(super) clock: Clock,
}

/// How many people a full page of each list has.
#[derive(Debug, Clone, Copy)]
pub(super) struct PageSizes {
    pub(super) followers: u64,
    pub(super) blacklist: u64,
    pub(super) tag: u64,
}

/// The people of a full page of the blacklist, and of a tag.
pub(crate) const PAGE_OF_THE_BLACKLIST: u64 = 1_000;
pub(crate) const PAGE_OF_A_TAG: u64 = 10_000;

/// More than any bench makes. A test of the quota sets its own.
const MANY_CALLS: u64 = 100_000_000;

impl Default for Settings {
    fn default() -> Self {
        Self {
            seed: 0,
            followers: 23_000,
            accounts: HashMap::new(),
            nights: Nights::default(),
            blocked: 0,
            tags: Vec::new(),
            secrets: HashMap::new(),
            page_sizes: PageSizes { followers: 10_000, blacklist: PAGE_OF_THE_BLACKLIST, tag: PAGE_OF_A_TAG },
            page_style: PageStyle::default(),
            profile_style: ProfileStyle::default(),
            batch_limit: 100,
            people_count: false,
            latency: Duration::ZERO,
            daily_limits: HashMap::new(),
            page_limits: HashMap::new(),
            quota_lag: 0,
            clock: Clock::default(),
        }
    }
}

impl Settings {
    /// Returns the followers of an account, as they stand if nothing happens.
    pub(super) fn followers(&self, app_id: &str) -> Followers {
        Followers::new(self.seed, app_id, self.count(app_id))
    }

    /// Returns the people of an account on `date`, if nothing happens.
    pub(super) fn roster(&self, app_id: &str, date: NaiveDate) -> Roster {
        let counts = (self.count(app_id), self.blocked);
        Roster::new(self.seed, app_id, counts, self.nights, &self.tags, date)
    }

    fn count(&self, app_id: &str) -> u64 {
        self.accounts.get(app_id).copied().unwrap_or(self.followers)
    }

    pub(super) fn daily_limit(&self, endpoint: Endpoint, app_id: &str) -> u64 {
        let of_account = self.page_limits.get(app_id).filter(|_| endpoint == Endpoint::UserGet);
        of_account.or_else(|| self.daily_limits.get(&endpoint)).copied().unwrap_or(MANY_CALLS)
    }
}
