//! Everything WeChat, and nothing else: how a page of `user/get` is asked for, understood and, if need be, asked for
//! again. What happens to the pages is the engine's.
//!
//! ```text
//! Source::page ──► token ──► client (one call, its limits) ──► page (understood?) ──► errcode (what now?)
//!       ▲                                                            │
//!       └──────────────── retry (pauses, tries, time) ◄──────────────┘
//! ```

mod chain;
mod client;
mod cursor;
mod errcode;
mod error;
mod page;
mod retry;
mod token;

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use bytes::Bytes;

pub use chain::{Chain, Link};
pub use client::{Client, host_identity};
pub use cursor::Cursor;
pub use errcode::{ApiError, Reaction};
pub use error::{CallError, SourceError};
pub use page::{DecodePath, Malformed, Reply, Summary, decode, decode_with, summarize, summarize_with};
pub(crate) use retry::chain as error_chain;

use crate::config::{Account, Retry};
use token::Tokens;

/// A page as it came from WeChat: understood, but not yet taken apart.
#[derive(Clone, Debug)]
pub struct Page {
    /// The cursor that it was asked for with.
    pub cursor: Cursor,
    /// The reply, byte for byte.
    pub body: Bytes,
    /// What it says.
    pub summary: Summary,
    /// When its last byte arrived, in microseconds since 1970 (UTC).
    pub fetched_at: i64,
}

impl Page {
    /// Returns whether the list goes on behind this page.
    pub fn is_last(&self) -> bool {
        self.summary.openids == 0 || self.summary.next.is_none()
    }
}

/// The follower list of one account.
#[derive(Debug)]
pub struct Source {
    client: Client,
    tokens: Tokens,
    retry: Retry,
    calls: AtomicU64,
}

impl Source {
    /// Makes the source of `account`; no call is made yet.
    pub fn new(client: Client, account: &Account, retry: Retry) -> Self {
        Self { client, tokens: Tokens::new(account), retry, calls: AtomicU64::new(0) }
    }

    /// Returns how many calls of `user/get` were made, the failed ones included.
    pub fn calls(&self) -> u64 {
        self.calls.load(Ordering::Relaxed)
    }

    /// Fetches the page behind `cursor`, whatever it takes: tries again what may pass, renews a refused token once.
    ///
    /// A page that ends the list without stating an integer `total`, and one that leads back into `chain`, are tried
    /// again like any other reply that cannot be right.
    ///
    /// # Errors
    ///
    /// [`SourceError`], once trying again has no point any more.
    ///
    /// # Cancellation
    ///
    /// Dropping the future drops the call; nothing else has happened yet.
    pub async fn page(&self, cursor: &Cursor, chain: &Chain) -> Result<Page, SourceError> {
        let what = if cursor.is_start() { "the first page".to_owned() } else { format!("the page after {cursor}") };
        let mut renewed = false;
        loop {
            let token = self.tokens.current(&self.client, &self.retry).await?;
            let attempt =
                async |_| self.call(token.expose(), cursor, chain).await.map_err(|error| error.without(token.expose()));
            let error = match retry::retrying(&self.retry, &what, attempt).await {
                Ok(page) => return Ok(page),
                Err(error) => error,
            };
            match error.api_error() {
                Some(api) if api.reaction() == Reaction::RenewToken && !renewed => {
                    tracing::info!(code = api.code, "WeChat refused the token; asking for it again");
                    renewed = true;
                    self.tokens.renew(&token, api, &self.client, &self.retry).await?;
                }
                _ => return Err(error),
            }
        }
    }

    async fn call(&self, token: &str, cursor: &Cursor, chain: &Chain) -> Result<Page, CallError> {
        self.calls.fetch_add(1, Ordering::Relaxed);
        let query = [("access_token", token), ("next_openid", cursor.as_str())];
        // The first page is asked for without a cursor: an empty one means the same, but only by observation.
        let query = if cursor.is_start() { &query[..1] } else { &query[..] };
        let body = self.client.get("/cgi-bin/user/get", query).await?;
        let summary = match summarize(&body).map_err(|error| CallError::Malformed(error.to_string()))? {
            Reply::Page(summary) => summary,
            Reply::Error(error) => return Err(CallError::Api(error)),
        };
        let page = Page { cursor: cursor.clone(), body, summary, fetched_at: now() };
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
}

fn now() -> i64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |elapsed| elapsed.as_micros() as i64)
}
