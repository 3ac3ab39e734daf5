//! How many calls each account has made, in all and today, and what it says when it is asked.
//!
//! `api` counts every call here. The day is that of the simulator's clock.

use std::collections::HashMap;

use chrono::NaiveDate;

use super::call::Endpoint;

/// An endpoint of an account. WeChat counts each on its own.
type Key = (Endpoint, String);

/// The calls of all accounts.
#[derive(Debug)]
pub(super) struct Usage {
    day: NaiveDate,
    /// Calls, and what they count, since the start.
    total: HashMap<Key, u64>,
    today: HashMap<Key, u64>,
    /// What stood when the account was asked: the newest last.
    asked: HashMap<Key, Vec<u64>>,
}

impl Usage {
    pub(super) fn new(day: NaiveDate) -> Self {
        Self { day, total: HashMap::new(), today: HashMap::new(), asked: HashMap::new() }
    }

    /// Begins `day`, unless it is the same as before.
    pub(super) fn begin(&mut self, day: NaiveDate) {
        if self.day != day {
            self.day = day;
            self.today.clear();
            self.asked.clear();
        }
    }

    /// Counts a call, which takes `cost` of the day's calls. Returns what the day has taken, this
    /// call included.
    pub(super) fn count(&mut self, endpoint: Endpoint, app_id: &str, cost: u64) -> u64 {
        let key = (endpoint, app_id.to_owned());
        *self.total.entry(key.clone()).or_default() += 1;
        let today = self.today.entry(key).or_default();
        *today += cost;
        *today
    }

    /// Takes so many of the day's calls, which somebody else has made.
    pub(super) fn use_up(&mut self, endpoint: Endpoint, app_id: &str, calls: u64) {
        *self.today.entry((endpoint, app_id.to_owned())).or_default() += calls;
    }

    /// Returns the number of calls since the start.
    pub(super) fn calls(&self, endpoint: Endpoint, app_id: &str) -> u64 {
        self.total.get(&(endpoint, app_id.to_owned())).copied().unwrap_or(0)
    }

    /// Returns what the day has taken, as it stood `lag` questions ago.
    pub(super) fn ask(&mut self, endpoint: Endpoint, app_id: &str, lag: usize) -> u64 {
        let key = (endpoint, app_id.to_owned());
        let now = self.today.get(&key).copied().unwrap_or(0);
        if lag == 0 {
            return now;
        }
        let asked = self.asked.entry(key).or_default();
        asked.push(now);
        asked[asked.len().saturating_sub(lag + 1)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usage() -> Usage {
        Usage::new(NaiveDate::MIN)
    }

    #[test]
    fn each_endpoint_of_each_account_is_counted_on_its_own_and_by_day() {
        let mut usage = usage();
        usage.count(Endpoint::UserGet, "a", 1);
        usage.count(Endpoint::BatchGet, "a", 100);
        assert_eq!(usage.count(Endpoint::BatchGet, "a", 100), 200);
        assert_eq!(usage.count(Endpoint::BatchGet, "b", 1), 1);
        usage.use_up(Endpoint::UserInfo, "a", 7);
        assert_eq!((usage.calls(Endpoint::BatchGet, "a"), usage.calls(Endpoint::UserInfo, "a")), (2, 0));
        assert_eq!(usage.ask(Endpoint::UserInfo, "a", 0), 7);
        usage.begin(NaiveDate::MIN);
        assert_eq!(usage.ask(Endpoint::BatchGet, "a", 0), 200);
        usage.begin(NaiveDate::MAX);
        assert_eq!((usage.ask(Endpoint::BatchGet, "a", 0), usage.calls(Endpoint::BatchGet, "a")), (0, 2));
    }

    #[test]
    fn an_account_that_lags_says_what_stood_so_many_questions_ago() {
        let mut usage = usage();
        let mut after_a_call = || {
            usage.count(Endpoint::BatchGet, "a", 1);
            usage.ask(Endpoint::BatchGet, "a", 1)
        };
        assert_eq!([after_a_call(), after_a_call(), after_a_call()], [1, 1, 2]);
    }
}
