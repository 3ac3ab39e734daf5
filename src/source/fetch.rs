//! Reads one list of an account, page by page.
//!
//! The engine's walk asks a [`Source`] for the page behind a cursor. The page that it gets is
//! checked (a valid token, a complete reply, a place in the chain) and is ready for the journal.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use chrono::SubsecRound;
use fanout_sink::Secret;
use serde_json::json;
use tracing::Instrument as _;

use super::call_error::CallError;
use super::caller::Caller;
use super::client::Client;
use super::error::SourceError;
use super::quota::{CallCounter, CallsLeft, Unanswered};
use super::retry::CallStats;
use super::token::Tokens;
use crate::clock::Clock;
use crate::config;
use crate::wechat::{Chain, Cursor, List, Malformed, Page, PageReply, PageRequest, Reading, Summary, summarize};

/// One list of an account.
#[derive(Debug)]
pub struct Source {
    caller: Caller,
    list: List,
    /// The tag whose people are the list; `None` for a list of the whole account.
    tag: Option<i32>,
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
        let grant = (list.endpoint(), settings.quota.daily_calls);
        let caller = Caller::new(client, tokens, settings, clock, grant, counter);
        Self { caller, list, tag: None, has_miscounted: AtomicBool::new(false) }
    }

    /// Makes the source of the people of a tag, whose calls `caller` makes.
    pub(super) fn of_tag(caller: Caller, list: List, tag: i32) -> Self {
        Self { caller, list, tag: Some(tag), has_miscounted: AtomicBool::new(false) }
    }

    /// Returns how many calls for pages were made, failed ones included.
    pub fn calls(&self) -> u64 {
        self.stats().calls()
    }

    /// Returns the counters of the calls, which may be read at any time.
    pub fn stats(&self) -> &Arc<CallStats> {
        self.caller.retrier.stats()
    }

    /// Returns how many tries beyond the first were made, of all calls.
    pub fn retries(&self) -> u64 {
        self.stats().retries()
    }

    /// Returns how many calls for pages are left today, without asking again; `None` before
    /// [`calls_left`](Self::calls_left).
    pub fn calls_left_now(&self) -> Option<u64> {
        self.caller.asked.left_after(self.calls(), 1)
    }

    /// Asks for a token, unless one is in use.
    ///
    /// # Errors
    ///
    /// [`SourceError`] if there is none.
    pub async fn obtain_token(&self) -> Result<(), SourceError> {
        self.caller.obtain_token().await
    }

    /// Returns how many calls for pages are left today. Asks WeChat if `source.quota.check` allows
    /// it; if WeChat does not answer, they are `source.quota.daily_calls` less those that the
    /// counter has counted.
    ///
    /// # Errors
    ///
    /// [`SourceError`] if there is no token to ask with. A question that fails is no error.
    pub async fn calls_left(&self) -> Result<CallsLeft, SourceError> {
        self.caller.calls_left(self.calls()).await
    }

    /// Does what [`calls_left`](Self::calls_left) does, and also returns why WeChat gave no answer,
    /// if it was asked and gave none.
    ///
    /// # Errors
    ///
    /// As [`calls_left`](Self::calls_left).
    pub async fn ask_calls_left(&self) -> Result<(CallsLeft, Option<Unanswered>), SourceError> {
        self.caller.ask_calls_left(self.calls()).await
    }

    /// Fetches the page behind `cursor`. The call is repeated as the head of `retry` says, and a
    /// refused token is renewed once.
    ///
    /// A page that ends the list without an integer `total` (if the list has one), or that leads
    /// back into `chain`, is fetched again like any other wrong reply.
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
        let attempt = async |token: Secret| {
            let page = self.call(token.expose(), cursor, chain).await;
            page.map_err(|error| error.without(token.expose()).without(cursor.as_str()))
        };
        self.caller.call(&what, attempt).instrument(tracing::debug_span!("page call", page = number)).await
    }

    async fn call(&self, token: &str, cursor: &Cursor, chain: &Chain) -> Result<Page, CallError> {
        self.caller.count();
        let body = self.ask(token, cursor).await?;
        let summary = match summarize(&body).map_err(|error| malformed(&body, &error))? {
            PageReply::Page(summary) => summary,
            PageReply::Error(error) => return Err(CallError::Api(error)),
        };
        self.compare_count(&summary);
        let page = Page { cursor: cursor.clone(), body, summary, fetched_at: self.caller.clock.now().trunc_subsecs(6) };
        match &page.summary.next {
            _ if self.tag.is_none() && page.is_last() && page.summary.total.is_none() => {
                Err(CallError::Malformed("it ends the list without an integer `total`".to_owned()))
            }
            // The people of a tag have no `total` that an end could be compared with.
            _ if self.tag.is_some() && page.summary.openids == 0 && page.summary.count > Some(page.summary.empty) => {
                Err(CallError::Malformed("it has a `count`, and lists nobody".to_owned()))
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

    /// Asks for the page behind `cursor`.
    ///
    /// In a query, the first page is asked for without a cursor: an empty one means the same, but
    /// WeChat does not document that. In a body it does.
    async fn ask(&self, token: &str, cursor: &Cursor) -> Result<Bytes, CallError> {
        let (client, path) = (&self.caller.client, self.list.endpoint());
        let (token, cursor_text) = (("access_token", token), cursor.as_str());
        match (self.list.reading(), self.tag) {
            (Reading::Pages { request: PageRequest::Query, .. }, _) if cursor.is_start() => {
                client.get(path, &[token]).await
            }
            (Reading::Pages { request: PageRequest::Query, cursor_key }, _) => {
                client.get(path, &[token, (cursor_key, cursor_text)]).await
            }
            (Reading::Pages { request: PageRequest::Body, cursor_key }, _) => {
                client.post(path, &[token], &json!({ cursor_key: cursor_text })).await
            }
            (_, Some(tag)) => client.post(path, &[token], &json!({ "tagid": tag, "next_openid": cursor_text })).await,
            _ => panic!("a list without pages has no cursor"),
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
