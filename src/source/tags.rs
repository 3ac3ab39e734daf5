//! Reads the tags of an account, and hands out a [`Source`] for the people of each tag.
//!
//! Before it: the engine's walk of tags. Behind it: the reply about all tags, byte for byte, for
//! the journal; and the pages of a tag, which are fetched as those of every list.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use chrono::SubsecRound;
use fanout_sink::Secret;
use tracing::Instrument as _;

use super::batches::Fetched;
use super::call_error::CallError;
use super::caller::Caller;
use super::client::Client;
use super::error::SourceError;
use super::fetch::Source;
use super::quota::{CallCounter, CallsLeft, Unanswered};
use super::retry::CallStats;
use super::token::Tokens;
use crate::clock::Clock;
use crate::config;
use crate::wechat::{List, ReplyError, read_tags};

/// The tags of an account, and their people.
#[derive(Debug)]
pub struct TagSource {
    caller: Caller,
    list: List,
    /// Counts the calls for all tags, which are another endpoint's.
    counter: Box<dyn CallCounter>,
    calls_for_tags: AtomicU64,
}

impl TagSource {
    /// Makes the source of the people of all tags, for the account that `tokens` belong to. It
    /// makes no call yet; `members` will count each call for a page, and `tags` each call for all
    /// tags.
    pub fn new(
        client: Client,
        list: List,
        tokens: Arc<Tokens>,
        settings: &config::SourceSection,
        members: impl CallCounter,
        tags: impl CallCounter,
        clock: Clock,
    ) -> Self {
        let grant = (list.endpoint(), settings.quota.daily_calls);
        let caller = Caller::new(client, tokens, settings, clock, grant, members);
        Self { caller, list, counter: Box::new(tags), calls_for_tags: AtomicU64::new(0) }
    }

    /// Returns the counters of all calls, which may be read at any time.
    pub fn stats(&self) -> &Arc<CallStats> {
        self.caller.retrier.stats()
    }

    /// Returns the source of the people of one tag. It has retries of its own: the people of
    /// another tag may be there where those of this one are not.
    pub fn members(&self, tag: i32) -> Source {
        Source::of_tag(self.caller.of_part(), self.list, tag)
    }

    /// Returns how many calls for pages are left today, without asking again; `None` before
    /// [`calls_left`](Self::calls_left).
    pub fn calls_left_now(&self) -> Option<u64> {
        self.caller.asked.left_after(self.calls_for_pages(), 1)
    }

    /// Asks for a token, unless one is in use.
    ///
    /// # Errors
    ///
    /// [`SourceError`] if there is none.
    pub async fn obtain_token(&self) -> Result<(), SourceError> {
        self.caller.obtain_token().await
    }

    /// Returns how many calls for pages are left today, as [`Source::calls_left`] does.
    ///
    /// # Errors
    ///
    /// As [`Source::calls_left`].
    pub async fn calls_left(&self) -> Result<CallsLeft, SourceError> {
        self.caller.calls_left(self.calls_for_pages()).await
    }

    /// Does what [`calls_left`](Self::calls_left) does, and also returns why WeChat gave no answer,
    /// if it was asked and gave none.
    ///
    /// # Errors
    ///
    /// As [`calls_left`](Self::calls_left).
    pub async fn ask_calls_left(&self) -> Result<(CallsLeft, Option<Unanswered>), SourceError> {
        self.caller.ask_calls_left(self.calls_for_pages()).await
    }

    /// Fetches the tags of the account. [`read_tags`] can read what it returns.
    ///
    /// # Errors
    ///
    /// [`SourceError`], once another try has no point.
    ///
    /// # Cancellation
    ///
    /// As [`Source::page`].
    pub async fn tags(&self) -> Result<Fetched, SourceError> {
        let attempt = async |token: Secret| {
            self.counter.count(self.caller.clock.now());
            self.caller.retrier.count_call();
            self.calls_for_tags.fetch_add(1, Ordering::Relaxed);
            let query = [("access_token", token.expose())];
            let reply = self.caller.client.get(List::TAGS.endpoint(), &query).await.and_then(|body| {
                read_tags(&body).map_err(|error| match error {
                    ReplyError::Api(error) => CallError::Api(error),
                    ReplyError::Malformed(what) => CallError::Malformed(what),
                })?;
                Ok(Fetched { body, fetched_at: self.caller.clock.now().trunc_subsecs(6) })
            });
            reply.map_err(|error| error.without(token.expose()))
        };
        self.caller.of_part().call("the tags", attempt).instrument(tracing::debug_span!("tags call")).await
    }

    /// Returns how many calls for pages were made in this run.
    fn calls_for_pages(&self) -> u64 {
        self.stats().calls() - self.calls_for_tags.load(Ordering::Relaxed)
    }
}
