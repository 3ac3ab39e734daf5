//! Calls with the token of an account: repeated as `retry` says, counted, and made with another
//! token once if WeChat refuses the first.
//!
//! Before it: `fetch` (pages), `batches` and `tags` make their calls through a [`Caller`]. Behind
//! it: the client, the account's tokens, and the question how many calls are left.

use std::sync::{Arc, Mutex, PoisonError};

use fanout_sink::Secret;

use super::call_error::CallError;
use super::client::Client;
use super::error::SourceError;
use super::quota::{self, CallCounter, CallsLeft, Unanswered};
use super::retry::Retrier;
use super::token::Tokens;
use crate::clock::Clock;
use crate::config::SourceSection;
use crate::wechat::Reaction;

/// What the calls for one list of an account have in common.
#[derive(Debug)]
pub(super) struct Caller {
    pub(super) client: Client,
    pub(super) tokens: Arc<Tokens>,
    pub(super) retrier: Retrier,
    pub(super) clock: Clock,
    /// The path whose calls are counted.
    pub(super) endpoint: &'static str,
    /// `source.quota.check`.
    pub(super) asks_quota: bool,
    /// The calls a day where WeChat does not state them.
    pub(super) daily_calls: u64,
    pub(super) counter: Arc<dyn CallCounter>,
    /// What was answered to the last question that is kept.
    pub(super) asked: Arc<Asked>,
}

/// The calls that were left when a question was answered, and the calls of this run until then.
#[derive(Debug, Default)]
pub(super) struct Asked(Mutex<Option<(u64, u64)>>);

impl Asked {
    /// Returns how many calls are left if `calls` were made in this run, each of which takes `cost`
    /// of them; `None` before a question.
    pub(super) fn left_after(&self, calls: u64, cost: u64) -> Option<u64> {
        let (left, before) = (*self.0.lock().unwrap_or_else(PoisonError::into_inner))?;
        Some(left.saturating_sub((calls - before) * cost))
    }

    fn set(&self, left: u64, calls: u64) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((left, calls));
    }
}

impl Caller {
    /// Makes what the calls to `endpoint` have in common. `daily_calls` are those of a day where
    /// WeChat does not state them; `counter` will count each call.
    pub(super) fn new(
        client: Client,
        tokens: Arc<Tokens>,
        settings: &SourceSection,
        clock: Clock,
        (endpoint, daily_calls): (&'static str, u64),
        counter: impl CallCounter,
    ) -> Self {
        Self {
            client,
            tokens,
            retrier: Retrier::new(settings.retry.clone()),
            clock,
            endpoint,
            asks_quota: settings.quota.check,
            daily_calls,
            counter: Arc::new(counter),
            asked: Arc::default(),
        }
    }

    /// Returns the same for a part of the list, which has retries of its own. What it calls is
    /// counted for the whole.
    pub(super) fn of_part(&self) -> Self {
        Self {
            client: self.client.clone(),
            tokens: Arc::clone(&self.tokens),
            retrier: self.retrier.of_part(),
            clock: self.clock.clone(),
            counter: Arc::clone(&self.counter),
            asked: Arc::clone(&self.asked),
            ..*self
        }
    }

    /// Counts a call that is about to be made.
    ///
    /// It is counted before it is sent: it is not known whether WeChat counts a call that fails on
    /// its way.
    pub(super) fn count(&self) {
        self.counter.count(self.clock.now());
        self.retrier.count_call();
    }

    /// Asks for a token, unless one is in use.
    pub(super) async fn obtain_token(&self) -> Result<(), SourceError> {
        self.guard(async { self.tokens.current(&self.client, &self.retrier).await.map(drop) }).await
    }

    /// Returns the error of the account's platform if it has failed. It makes no call.
    pub(super) async fn check_platform(&self) -> Result<(), SourceError> {
        self.guard(async { Ok(()) }).await
    }

    /// Waits for `work`, calls of this list, unless the platform of its account fails.
    fn guard<T>(
        &self,
        work: impl Future<Output = Result<T, SourceError>>,
    ) -> impl Future<Output = Result<T, SourceError>> {
        // Boxed: the futures of a run are nested so deeply that the compiler refuses more.
        let work = Box::pin(work);
        async move {
            let has_called = || self.retrier.stats().calls() > 0;
            self.tokens.guard(work).await.map_err(|error| if has_called() { error.under_way() } else { error })
        }
    }

    /// Makes a call with the account's token, and once more with another one if WeChat refuses it.
    ///
    /// `what` completes the sentence "the call for … failed".
    pub(super) async fn call<T, Attempt>(
        &self,
        what: &str,
        attempt: impl Fn(Secret) -> Attempt,
    ) -> Result<T, SourceError>
    where
        Attempt: Future<Output = Result<T, CallError>>,
    {
        self.guard(self.call_with_token(what, attempt)).await
    }

    async fn call_with_token<T, Attempt>(
        &self,
        what: &str,
        attempt: impl Fn(Secret) -> Attempt,
    ) -> Result<T, SourceError>
    where
        Attempt: Future<Output = Result<T, CallError>>,
    {
        let mut renewed = false;
        loop {
            let token = self.tokens.current(&self.client, &self.retrier).await?;
            let error = match self.retrier.retrying(what, || attempt(token.clone())).await {
                Ok(reply) => return Ok(reply),
                Err(error) => error,
            };
            match error.api_error() {
                Some(api) if api.reaction() != Reaction::RenewToken => return Err(error),
                Some(api) if renewed => return Err(self.tokens.refusal(what, api, false).unwrap_or(error)),
                Some(api) => {
                    tracing::info!(code = api.code, "WeChat refused the token; asking for it again");
                    renewed = true;
                    if !self.tokens.renew(&token, &self.client, &self.retrier).await? {
                        return Err(self.tokens.refusal(what, api, true).unwrap_or(error));
                    }
                }
                None => return Err(error),
            }
        }
    }

    /// Returns how many calls are left today, and why WeChat gave no answer if it was asked and
    /// gave none. `calls` are those that this run has made until now.
    pub(super) async fn ask_calls_left(&self, calls: u64) -> Result<(CallsLeft, Option<Unanswered>), SourceError> {
        self.guard(self.count_calls_left(calls)).await
    }

    async fn count_calls_left(&self, calls: u64) -> Result<(CallsLeft, Option<Unanswered>), SourceError> {
        let mut unanswered = None;
        let mut left = None;
        if self.asks_quota {
            let token = self.tokens.current(&self.client, &self.retrier).await?;
            match quota::ask(&self.client, self.endpoint, token.expose()).await {
                Ok(stated) => left = Some(stated),
                Err(reason) => unanswered = Some(reason),
            }
        }
        let left = left.unwrap_or_else(|| {
            let limit = self.daily_calls;
            let calls = limit.saturating_sub(self.counter.today(self.clock.now()));
            CallsLeft { calls, limit: Some(limit), is_stated: false }
        });
        self.asked.set(left.calls, calls);
        Ok((left, unanswered))
    }

    /// Does what [`ask_calls_left`](Self::ask_calls_left) does, and logs why there was no answer.
    pub(super) async fn calls_left(&self, calls: u64) -> Result<CallsLeft, SourceError> {
        let (left, unanswered) = self.ask_calls_left(calls).await?;
        if let Some(Unanswered { problem, .. }) = unanswered {
            tracing::debug!(problem, "WeChat does not say how many calls are left");
        }
        Ok(left)
    }
}
