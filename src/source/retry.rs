//! Retries: which calls are repeated, how often, how long, and what an account has cost.
//!
//! `caller` and `token` make their calls through a [`Retrier`]. Repeating a call for a page changes
//! nothing at WeChat; it costs one of the day's calls.
//!
//! | outcome of a call | repeated? | why |
//! | --- | --- | --- |
//! | no connection, or a broken one; a time limit | yes | networks fail for moments |
//! | status 429 or 5xx | yes, not before [`Retry-After`][header] | a gateway is overloaded |
//! | a malformed or cut reply | yes | a proxy's page, or a connection that closed early |
//! | a page that leads back into the list | yes | WeChat's next reply may be right |
//! | a proxy that cannot be reached, or answers 5xx | yes | networks fail for moments |
//! | a proxy that refuses (407, 403), or whose name does not exist | no | a person must act |
//! | errcode -1, 61450 | yes | WeChat is busy |
//! | errcode 45011 | yes, in the next minute | the calls of this minute are used up |
//! | an untrusted certificate | no | a person must act: the server does not prove who it is |
//! | a redirect | no | the token would travel with it |
//! | any other status; too long a reply | no | the next reply would be the same |
//! | errcode 40001, 40014, 42001 | not here | `caller` renews the token once, then calls again |
//! | errcode 45159 | no | the engine looks whether the tag is gone |
//! | errcode 40003, for a page | not here | the engine's walk goes back to an earlier page |
//! | errcode 40003 or 40032, for a batch | no error | the engine asks for parts of it |
//! | all tries for a batch failed | not here | the engine asks for parts, if others are answered |
//! | errcode 45009 | no | the calls of the day are used up |
//! | an error that a token server has of its own | no | the server has answered |
//! | any other errcode | no | a person must act |
//!
//! Three limits end the tries: `source.retry.attempts` and `source.retry.budget_secs` of one call,
//! and `source.retry.walk_budget` of all calls of a walk in one run (more in a long walk of
//! batches; each tag has as many of its own). A wait that would pass the budget is not begun:
//! `Retry-After` may ask for centuries.
//!
//! [header]: https://www.rfc-editor.org/rfc/rfc9110#section-10.2.3

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use tokio::time::Instant;

use super::call_error::{CallError, RetryAfter};
use super::error::SourceError;
use crate::backoff::Backoff;
use crate::causes::error_chain;
use crate::config::RetrySection;

/// The retry limits of one list of an account in a run, or of one tag, and its counters.
#[derive(Debug)]
pub(super) struct Retrier {
    settings: RetrySection,
    /// `source.retry.walk_budget`, or more for a walk of many calls.
    budget: AtomicU32,
    /// How many of the budget are used up.
    spent: AtomicU32,
    stats: Arc<CallStats>,
}

/// The counters of one list of an account in a run, which may be read at any time.
#[derive(Debug, Default)]
pub struct CallStats {
    calls: AtomicU64,
    retries: AtomicU32,
}

impl CallStats {
    /// Returns how many calls for pages were made, failed ones included.
    pub fn calls(&self) -> u64 {
        self.calls.load(Ordering::Relaxed)
    }

    /// Returns how many tries beyond the first were made, of all calls.
    pub fn retries(&self) -> u64 {
        self.retries.load(Ordering::Relaxed).into()
    }
}

impl Retrier {
    pub(super) fn new(settings: RetrySection) -> Self {
        Self { budget: settings.walk_budget.into(), spent: 0.into(), settings, stats: Arc::default() }
    }

    /// Returns the limits of a part of the list, of which none is used up. The counters are the
    /// same.
    pub(super) fn of_part(&self) -> Self {
        Self { stats: Arc::clone(&self.stats), ..Self::new(self.settings.clone()) }
    }

    /// Lets the calls of the walk be repeated at least `retries` times in all.
    pub(super) fn allow(&self, retries: u32) {
        self.budget.fetch_max(retries, Ordering::Relaxed);
    }

    pub(super) fn stats(&self) -> &Arc<CallStats> {
        &self.stats
    }

    pub(super) fn count_call(&self) {
        self.stats.calls.fetch_add(1, Ordering::Relaxed);
    }

    /// Repeats a call until it succeeds, fails for good, or reaches a limit.
    ///
    /// `what` completes the sentence "the call for … failed".
    pub(super) async fn retrying<T, Attempt>(
        &self,
        what: &str,
        mut attempt: impl FnMut() -> Attempt,
    ) -> Result<T, SourceError>
    where
        Attempt: Future<Output = Result<T, CallError>>,
    {
        let started = Instant::now();
        let mut tries = 0;
        loop {
            tries += 1;
            let error = match attempt().await {
                Ok(value) => return Ok(value),
                Err(error) => error,
            };
            let elapsed = started.elapsed();
            let wait = error.retry_after().map(|after| match after {
                RetryAfter::AtLeast(least) => self.backoff(tries).max(least),
                RetryAfter::NextMinute => self.until_next_minute(),
            });
            let wait = wait.filter(|wait| elapsed.saturating_add(*wait) <= self.settings.budget);
            let fail =
                |error| SourceError::Call { what: what.to_owned(), tries, calls: self.stats.calls(), elapsed, error };
            let Some(wait) = wait.filter(|_| tries < self.settings.attempts) else { return Err(fail(error)) };
            let budget = self.budget.load(Ordering::Relaxed);
            self.stats.retries.fetch_add(1, Ordering::Relaxed);
            if self.spent.fetch_add(1, Ordering::Relaxed) >= budget {
                return Err(SourceError::RetriesSpent { budget, error: Box::new(fail(error)) });
            }
            tracing::warn!(what, tries, error = %error_chain(&error), "a call failed; trying again in {wait:.1?}");
            tokio::time::sleep(wait).await;
        }
    }

    /// Returns the pause after try number `tries`. It is spread, because many accounts often fail
    /// together.
    pub(super) fn backoff(&self, tries: u32) -> Duration {
        Backoff::new(self.settings.base, self.settings.max).spread_after(tries)
    }

    /// Returns the time until WeChat's next minute begins, and up to a twentieth of a minute more,
    /// so that the accounts do not all call at once.
    fn until_next_minute(&self) -> Duration {
        let minute = self.settings.minute;
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let past = Duration::from_millis((now.as_millis() % minute.as_millis()) as u64);
        minute.saturating_sub(past) + minute.mul_f64(fastrand::f64() / 20.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wechat::ApiError;

    fn settings(attempts: u32) -> RetrySection {
        RetrySection { attempts, budget: Duration::from_secs(100), walk_budget: u32::MAX, ..RetrySection::default() }
    }

    fn retrier(attempts: u32) -> Retrier {
        Retrier::new(settings(attempts))
    }

    fn busy() -> CallError {
        CallError::Api(ApiError::new(-1, "system error"))
    }

    #[tokio::test(start_paused = true)]
    async fn a_temporary_error_is_tried_as_often_as_the_settings_say() {
        let mut made = 0;
        let result: Result<(), _> = retrier(4)
            .retrying("a token", || {
                made += 1;
                async { Err(busy()) }
            })
            .await;
        assert_eq!(made, 4);
        let error = result.unwrap_err();
        assert!(matches!(error, SourceError::Call { tries: 4, .. }), "{error:?}");
        assert!(error.is_temporary());
    }

    #[tokio::test(start_paused = true)]
    async fn the_time_for_retries_is_bounded() {
        let started = tokio::time::Instant::now();
        let result: Result<(), _> = retrier(u32::MAX).retrying("a token", || async { Err(busy()) }).await;
        assert!(result.is_err());
        assert!(started.elapsed() <= Duration::from_secs(100), "{:?}", started.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn an_error_that_stays_is_not_repeated() {
        let result: Result<(), _> =
            retrier(9).retrying("a token", || async { Err(CallError::Api(ApiError::new(48001, ""))) }).await;
        let error = result.unwrap_err();
        assert!(matches!(error, SourceError::Call { tries: 1, .. }));
        assert!(!error.is_temporary());
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_that_names_its_time_gets_it() {
        let started = tokio::time::Instant::now();
        let asked = Duration::from_secs(40);
        let mut first = true;
        let wait = || std::future::ready(if std::mem::take(&mut first) { Err(asking_for(asked)) } else { Ok(()) });
        retrier(2).retrying("a page", wait).await.unwrap();
        assert!(started.elapsed() >= asked);
    }

    fn asking_for(wait: Duration) -> CallError {
        CallError::Status { status: 429, retry_after: Some(wait) }
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_that_names_a_time_beyond_all_patience_is_not_waited_for() {
        for asked in [Duration::from_secs(101), Duration::MAX] {
            let started = tokio::time::Instant::now();
            let error = retrier(9).retrying("a page", || async { Err::<(), _>(asking_for(asked)) }).await.unwrap_err();
            assert!(matches!(error, SourceError::Call { tries: 1, .. }) && error.is_temporary());
            assert_eq!(started.elapsed(), Duration::ZERO);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn all_calls_of_a_walk_share_its_retries() {
        let retrier = Retrier::new(RetrySection { walk_budget: 5, ..settings(4) });
        let mut made = 0;
        let mut call = async || {
            let attempt = || {
                made += 1;
                async { Err::<(), _>(busy()) }
            };
            retrier.retrying("a page", attempt).await.unwrap_err()
        };
        assert!(matches!(call().await, SourceError::Call { tries: 4, .. }));
        let error = call().await;
        assert!(matches!(error, SourceError::RetriesSpent { budget: 5, .. }) && error.is_temporary(), "{error:?}");
        assert_eq!(made, 2 + 5);
    }

    #[test]
    fn the_next_minute_is_waited_for_and_not_a_whole_one() {
        let retrier = retrier(1);
        for _ in 0..100 {
            let wait = retrier.until_next_minute();
            let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
            let second = (now + wait).as_secs_f64() % 60.0;
            assert!(wait <= Duration::from_secs(63) && !(3.1..59.9).contains(&second), "{wait:?}, {second}");
        }
    }

    #[test]
    fn pauses_double_up_to_the_longest() {
        for (tries, full) in [(1, 500), (2, 1000), (5, 8000), (7, 30_000), (40, 30_000)] {
            let pause = retrier(1).backoff(tries).as_millis();
            assert!((full / 2..=full).contains(&pause), "{pause} ms after try {tries}");
        }
    }
}
