//! Reads one list of an account, page by page.
//!
//! The engine's walk asks a [`Source`] for the page behind a cursor. The page that it gets is
//! checked (a valid token, a complete reply, a place in the chain) and is ready for the journal.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use chrono::SubsecRound;
use tracing::Instrument as _;

use super::call_error::CallError;
use super::client::Client;
use super::error::SourceError;
use super::quota::{self, CallCounter, CallsLeft, Unanswered};
use super::retry::{CallStats, Retrier};
use super::token::Tokens;
use crate::clock::Clock;
use crate::config;
use crate::wechat::{Chain, Cursor, List, Malformed, Page, PageReply, Reaction, Summary, summarize};

/// One list of an account.
#[derive(Debug)]
pub struct Source {
    client: Client,
    list: List,
    tokens: Arc<Tokens>,
    quota: config::QuotaSection,
    counter: Box<dyn CallCounter>,
    retrier: Retrier,
    clock: Clock,
    /// The calls that were left when the first question was answered, and the calls of this run
    /// until then.
    asked: OnceLock<(u64, u64)>,
    /// Whether the warning about a wrong `count` was logged.
    has_miscounted: AtomicBool,
}

impl Source {
    /// Makes the source of `list`, for the account that `tokens` belong to. It makes no call yet;
    /// `counter` will count each call for a page, and `clock` dates the pages.
    pub fn new(
        client: Client,
        list: List,
        tokens: Arc<Tokens>,
        settings: &config::SourceSection,
        counter: impl CallCounter,
        clock: Clock,
    ) -> Self {
        Self {
            list,
            tokens,
            client,
            quota: settings.quota.clone(),
            counter: Box::new(counter),
            retrier: Retrier::new(settings.retry.clone()),
            clock,
            asked: OnceLock::new(),
            has_miscounted: AtomicBool::new(false),
        }
    }

    /// Returns how many calls for pages were made, failed ones included.
    pub fn calls(&self) -> u64 {
        self.stats().calls()
    }

    /// Returns the counters of the calls, which may be read at any time.
    pub fn stats(&self) -> &Arc<CallStats> {
        self.retrier.stats()
    }

    /// Returns how many tries beyond the first were made, of all calls.
    pub fn retries(&self) -> u64 {
        self.stats().retries()
    }

    /// Returns how many calls for pages are left today, without asking again; `None` before
    /// [`calls_left`](Self::calls_left).
    pub fn calls_left_now(&self) -> Option<u64> {
        let (left, calls) = *self.asked.get()?;
        Some(left.saturating_sub(self.calls() - calls))
    }

    /// Asks for a token, unless one is in use.
    ///
    /// # Errors
    ///
    /// [`SourceError`] if there is none.
    pub async fn obtain_token(&self) -> Result<(), SourceError> {
        self.tokens.current(&self.client, &self.retrier).await.map(drop)
    }

    /// Returns how many calls for pages are left today. Asks WeChat if `source.quota.check` allows
    /// it; if WeChat does not answer, they are `source.quota.daily_calls` less those that the
    /// counter has counted.
    ///
    /// # Errors
    ///
    /// [`SourceError`] if there is no token to ask with. A question that fails is no error.
    pub async fn calls_left(&self) -> Result<CallsLeft, SourceError> {
        let (left, unanswered) = self.ask_calls_left().await?;
        if let Some(Unanswered { problem, .. }) = unanswered {
            tracing::debug!(problem, "WeChat does not say how many calls are left");
        }
        Ok(left)
    }

    /// Does what [`calls_left`](Self::calls_left) does, and also returns why WeChat gave no answer,
    /// if it was asked and gave none.
    ///
    /// # Errors
    ///
    /// As [`calls_left`](Self::calls_left).
    pub async fn ask_calls_left(&self) -> Result<(CallsLeft, Option<Unanswered>), SourceError> {
        let mut unanswered = None;
        let mut left = None;
        if self.quota.check {
            let token = self.tokens.current(&self.client, &self.retrier).await?;
            match quota::ask(&self.client, self.list.endpoint(), token.expose()).await {
                Ok(stated) => left = Some(stated),
                Err(reason) => unanswered = Some(reason),
            }
        }
        let left = left.unwrap_or_else(|| {
            let limit = self.quota.daily_calls;
            let calls = limit.saturating_sub(self.counter.today(self.clock.now()));
            CallsLeft { calls, limit: Some(limit), is_stated: false }
        });
        // A walk asks once. A later answer is not kept: its caller has it.
        let _ = self.asked.set((left.calls, self.calls()));
        Ok((left, unanswered))
    }

    /// Fetches the page behind `cursor`. The call is repeated as the head of `retry` says, and a
    /// refused token is renewed once.
    ///
    /// A page that ends the list without an integer `total`, or that leads back into `chain`, is
    /// fetched again like any other wrong reply.
    ///
    /// # Errors
    ///
    /// [`SourceError`], once another try has no point.
    ///
    /// # Cancellation
    ///
    /// Dropping the future drops the call. Its count stays, and so does a token that was renewed
    /// for it.
    pub async fn page(&self, cursor: &Cursor, chain: &Chain) -> Result<Page, SourceError> {
        let number = chain.number(cursor);
        let what = match number {
            1 => "the first page".to_owned(),
            number => format!("page {number} (after {cursor})"),
        };
        self.call_for_page(&what, cursor, chain).instrument(tracing::debug_span!("page call", page = number)).await
    }

    async fn call_for_page(&self, what: &str, cursor: &Cursor, chain: &Chain) -> Result<Page, SourceError> {
        let mut renewed = false;
        loop {
            let token = self.tokens.current(&self.client, &self.retrier).await?;
            let attempt =
                async || self.call(token.expose(), cursor, chain).await.map_err(|error| error.without(token.expose()));
            let error = match self.retrier.retrying(what, attempt).await {
                Ok(page) => return Ok(page),
                Err(error) => error,
            };
            match error.api_error() {
                Some(api) if api.reaction() != Reaction::RenewToken => return Err(error),
                Some(api) if renewed => return Err(self.tokens.refusal(what, api).unwrap_or(error)),
                Some(api) => {
                    tracing::info!(code = api.code, "WeChat refused the token; asking for it again");
                    renewed = true;
                    if !self.tokens.renew(&token, &self.client, &self.retrier).await? {
                        return Err(self.tokens.refusal(what, api).unwrap_or(error));
                    }
                }
                None => return Err(error),
            }
        }
    }

    async fn call(&self, token: &str, cursor: &Cursor, chain: &Chain) -> Result<Page, CallError> {
        // Counted before it is sent: it is not known whether WeChat counts a call that fails on its
        // way.
        self.counter.count(self.clock.now());
        self.retrier.count_call();
        let query = [("access_token", token), (self.list.cursor_key(), cursor.as_str())];
        // The first page is asked for without a cursor. An empty one means the same, but WeChat
        // does not document that.
        let query = if cursor.is_start() { &query[..1] } else { &query[..] };
        let body = self.client.get(self.list.endpoint(), query).await?;
        let summary = match summarize(&body).map_err(|error| malformed(&body, &error))? {
            PageReply::Page(summary) => summary,
            PageReply::Error(error) => return Err(CallError::Api(error)),
        };
        self.compare_count(&summary);
        let page = Page { cursor: cursor.clone(), body, summary, fetched_at: self.clock.now().trunc_subsecs(6) };
        match &page.summary.next {
            _ if page.is_last() && page.summary.total.is_none() => {
                Err(CallError::Malformed("it ends the list without an integer `total`".to_owned()))
            }
            Some(next) if next.as_str().len() > Cursor::LONGEST => {
                Err(CallError::Malformed(format!("its `next_openid` has {} bytes", next.as_str().len())))
            }
            Some(next) if page.summary.openids > 0 && chain.leads_back(cursor, next) => {
                Err(CallError::Loop { next: next.clone() })
            }
            _ => Ok(page),
        }
    }

    /// Warns once if `count` is not the length of the array. The array decides.
    fn compare_count(&self, summary: &Summary) {
        let Summary { count: Some(count), openids, empty, .. } = *summary else { return };
        if count != openids && count != openids + empty && !self.has_miscounted.swap(true, Ordering::Relaxed) {
            tracing::warn!(count, openids, "the `count` of a page is not the number of followers that it lists");
        }
    }
}

/// Describes what is wrong with a page. A byte that is not UTF-8 is named by its position, which
/// the JSON parser does not know.
fn malformed(body: &[u8], error: &Malformed) -> CallError {
    CallError::Malformed(match str::from_utf8(body) {
        Err(unreadable) => format!("it is not UTF-8 at byte {}", unreadable.valid_up_to()),
        Ok(_) => error.to_string(),
    })
}
