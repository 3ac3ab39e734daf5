//! Reads the elements of a list that is asked for in batches: the profiles of followers.
//!
//! Before it: the engine's batch walk knows whom to ask for. Behind it: the reply, byte for byte,
//! for the journal. What WeChat answers about the elements is evidence, and so are the error
//! replies that say something about them: 40003 (one of them is refused) and 40032 (they are too
//! many). Every other error reply is about the call, and treated as for pages.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use chrono::{DateTime, SubsecRound, Utc};
use fanout_sink::Secret;
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
use crate::wechat::{ApiError, List, Reaction, ReplyError, read_reply};

/// A key that every reply with profiles has, in its quotes: in a batch, and of one person.
const KEYS: [&[u8]; 2] = [b"\"user_info_list\"", b"\"openid\""];

/// A list of an account that is asked for in batches. Clones are one source.
#[derive(Clone, Debug)]
pub struct BatchSource(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    caller: Caller,
    /// Counts the calls for single elements, which are another endpoint's.
    singles: Box<dyn CallCounter>,
    single_calls: AtomicU64,
    /// How many of the day's calls a batch takes.
    cost: AtomicU64,
    /// Calls that showed WeChat to be too busy.
    strains: AtomicU64,
}

/// A reply, byte for byte.
#[derive(Clone, Debug)]
pub struct Fetched {
    /// The reply.
    pub body: Bytes,
    /// When its last byte arrived, to the microsecond.
    pub fetched_at: DateTime<Utc>,
}

impl BatchSource {
    /// Makes the source of `list`, for the account that `tokens` belong to. It makes no call yet;
    /// `batches` will count each call for a batch and `singles` each call for one element.
    pub fn new(
        client: Client,
        list: List,
        tokens: Arc<Tokens>,
        settings: &config::SourceSection,
        batches: impl CallCounter,
        singles: impl CallCounter,
        clock: Clock,
    ) -> Self {
        let grant = (list.endpoint(), settings.profiles.daily_calls);
        let caller = Caller::new(client, tokens, settings, clock, grant, batches);
        let singles = Box::new(singles);
        Self(Arc::new(Inner {
            caller,
            singles,
            single_calls: AtomicU64::new(0),
            cost: AtomicU64::new(1),
            strains: AtomicU64::new(0),
        }))
    }

    /// Returns the counters of the calls, which may be read at any time.
    pub fn stats(&self) -> &Arc<CallStats> {
        self.0.caller.retrier.stats()
    }

    /// Returns how many calls were made, failed ones included.
    pub fn calls(&self) -> u64 {
        self.stats().calls()
    }

    /// Returns how many tries beyond the first were made, of all calls.
    pub fn retries(&self) -> u64 {
        self.stats().retries()
    }

    /// Lets a walk of `calls` calls have a fifth of them as retries, if that is more than
    /// `source.retry.walk_budget`.
    pub fn allow_retries_for(&self, calls: u64) {
        self.0.caller.retrier.allow(u32::try_from(calls / 5).unwrap_or(u32::MAX));
    }

    /// Returns how many calls have shown WeChat to be too busy: they were answered with errcode -1
    /// or 45011, with HTTP 429 or 5xx, or not in time.
    pub fn strains(&self) -> u64 {
        self.0.strains.load(Ordering::Relaxed)
    }

    /// Returns how many of the day's calls a batch takes: 1, until
    /// [`set_cost`](Self::set_cost) says otherwise.
    pub fn cost(&self) -> u64 {
        self.0.cost.load(Ordering::Relaxed)
    }

    /// Notes how many of the day's calls a batch takes.
    pub fn set_cost(&self, cost: u64) {
        self.0.cost.store(cost, Ordering::Relaxed);
    }

    /// Returns how many of the day's calls are left, without asking again; `None` before
    /// [`calls_left`](Self::calls_left).
    pub fn calls_left_now(&self) -> Option<u64> {
        self.0.caller.asked.left_after(self.batch_calls(), self.cost())
    }

    /// Asks for a token, unless one is in use.
    ///
    /// # Errors
    ///
    /// [`SourceError`] if there is none.
    pub async fn obtain_token(&self) -> Result<(), SourceError> {
        self.0.caller.obtain_token().await
    }

    /// Looks, without a call, whether the platform that the account's tokens come from has failed.
    ///
    /// # Errors
    ///
    /// [`SourceError::Platform`] if it has.
    pub async fn check_platform(&self) -> Result<(), SourceError> {
        self.0.caller.check_platform().await
    }

    /// Returns how many of the day's calls are left. Asks WeChat if `source.quota.check` allows it;
    /// if WeChat does not answer, they are `source.profiles.daily_calls` less those that the
    /// counter has counted.
    ///
    /// # Errors
    ///
    /// [`SourceError`] if there is no token to ask with. A question that fails is no error.
    pub async fn calls_left(&self) -> Result<CallsLeft, SourceError> {
        self.0.caller.calls_left(self.batch_calls()).await
    }

    /// Does what [`calls_left`](Self::calls_left) does, and also returns why WeChat gave no answer,
    /// if it was asked and gave none.
    ///
    /// # Errors
    ///
    /// As [`calls_left`](Self::calls_left).
    pub async fn ask_calls_left(&self) -> Result<(CallsLeft, Option<Unanswered>), SourceError> {
        self.0.caller.ask_calls_left(self.batch_calls()).await
    }

    /// Asks for the profiles of `openids`, which belong to batch `number`.
    ///
    /// # Errors
    ///
    /// [`SourceError`], once another try has no point. That WeChat refuses the elements, or finds
    /// them too many, is no error.
    ///
    /// # Cancellation
    ///
    /// Dropping the future drops the call. Its count stays, and so does a token that was renewed
    /// for it.
    pub async fn batch(&self, number: u64, openids: &[&str]) -> Result<Fetched, SourceError> {
        let inner = &self.0;
        let users: Vec<_> = openids.iter().map(|openid| serde_json::json!({ "openid": openid })).collect();
        let question = serde_json::json!({ "user_list": users });
        let attempt = async |token: Secret| {
            inner.caller.count();
            let query = [("access_token", token.expose())];
            inner.settle(inner.caller.client.post(inner.caller.endpoint, &query, &question).await, &token, openids)
        };
        let what = format!("batch {number} ({} followers)", openids.len());
        let span = tracing::debug_span!("batch call", batch = number, elements = openids.len());
        inner.caller.call(&what, attempt).instrument(span).await
    }

    /// Asks for the profile of `openid` alone, which belongs to batch `number`.
    ///
    /// # Errors
    ///
    /// As [`batch`](Self::batch).
    ///
    /// # Cancellation
    ///
    /// As [`batch`](Self::batch).
    pub async fn single(&self, number: u64, openid: &str) -> Result<Fetched, SourceError> {
        let inner = &self.0;
        let attempt = async |token: Secret| {
            inner.singles.count(inner.caller.clock.now());
            inner.caller.retrier.count_call();
            inner.single_calls.fetch_add(1, Ordering::Relaxed);
            let query = [("access_token", token.expose()), ("openid", openid)];
            inner.settle(inner.caller.client.get(List::USER_INFO, &query).await, &token, &[openid])
        };
        let what = format!("one follower of batch {number}");
        inner.caller.call(&what, attempt).instrument(tracing::debug_span!("single call", batch = number)).await
    }

    /// Returns how many calls for batches were made in this run.
    fn batch_calls(&self) -> u64 {
        self.calls() - self.0.single_calls.load(Ordering::Relaxed)
    }
}

impl Inner {
    /// Decides what came of a call that carried `token` and `openids`. An error has none of them,
    /// though WeChat may have sent them back, and no other OpenID of the account.
    fn settle(&self, reply: Result<Bytes, CallError>, token: &Secret, openids: &[&str]) -> Result<Fetched, CallError> {
        let reply = reply.and_then(|body| match error_reply(&body) {
            Some(error) if error.is_about_elements() => Ok(body),
            Some(error) => Err(CallError::Api(error)),
            None if is_of_profiles(&body) => Ok(body),
            None => Err(CallError::Malformed("it is not one about profiles".to_owned())),
        });
        match reply {
            Ok(body) => Ok(Fetched { body, fetched_at: self.caller.clock.now().trunc_subsecs(6) }),
            Err(error) => {
                if is_strain(&error) {
                    self.strains.fetch_add(1, Ordering::Relaxed);
                }
                let error = openids.iter().fold(error.without(token.expose()), |error, openid| error.without(openid));
                Err(match openids.first() {
                    Some(openid) => error.without_openids_of_its_account(openid),
                    None => error,
                })
            }
        }
    }
}

/// Returns the error that a reply states. A reply with profiles is not read whole for that: in its
/// texts the quotes of the key would be escaped.
fn error_reply(body: &[u8]) -> Option<ApiError> {
    memchr::memmem::find(body, b"\"errcode\"")?;
    match read_reply(body) {
        Err(ReplyError::Api(error)) => Some(error),
        _ => None,
    }
}

/// Returns whether a reply has the shape of one with profiles. Whether it can be read is decided
/// later: an unreadable row is evidence, but the page of a proxy is not, nor half a reply.
fn is_of_profiles(body: &[u8]) -> bool {
    let body = body.trim_ascii();
    body.starts_with(b"{") && body.ends_with(b"}") && KEYS.iter().any(|key| memchr::memmem::find(body, key).is_some())
}

fn is_strain(error: &CallError) -> bool {
    match error {
        CallError::Timeout(_) | CallError::Status { status: 429 | 500..=599, .. } => true,
        CallError::Api(error) => matches!(error.reaction(), Reaction::BackOff | Reaction::NextMinute),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Overrides, Pipeline};
    use crate::simulator::{Simulator, SimulatorHandle};

    /// The calls are not counted.
    #[derive(Debug)]
    struct Uncounted;

    impl CallCounter for Uncounted {
        fn count(&self, _: DateTime<Utc>) {}

        fn today(&self, _: DateTime<Utc>) -> u64 {
            0
        }
    }

    fn source(simulator: &SimulatorHandle) -> BatchSource {
        let text = format!(
            "name = 'p'\nsource.base_url = '{}'\nsource.retry.base_ms = 1\nsource.retry.attempts = 2\n[[accounts]]\n\
             name = 'a'\napp_id = 'wx1'\nsecret = {{ env = 'S' }}\n[sinks.x]\ntype = 'parquet'\nlist = 'profiles'\n",
            simulator.base_url()
        );
        let environment = [("S", "5ec4e700112233445566778899aabbcc")].into_iter().collect();
        let overrides = Overrides { environment, ..Overrides::default() };
        let pipeline = Pipeline::from_toml(&text, "p.toml".as_ref(), &overrides).unwrap();
        let client = Client::new(&pipeline.source, &pipeline.limits).unwrap();
        let tokens = Arc::new(Tokens::new(&pipeline.accounts[0], &pipeline.source, &client));
        let clock = Clock::default();
        BatchSource::new(client, List::PROFILES, tokens, &pipeline.source, Uncounted, Uncounted, clock)
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn error_replies_about_elements_are_evidence_as_they_came() {
        let simulator = Simulator::builder().followers(3).start().await.unwrap();
        let source = source(&simulator);
        let stranger = "oZZZZZ0000000000000000000000";
        let code = |fetched: &Fetched| error_reply(&fetched.body).map(|error| error.code);
        assert_eq!(code(&source.batch(0, &[stranger]).await.unwrap()), Some(ApiError::REFUSED_ELEMENT));
        assert_eq!(code(&source.single(0, stranger).await.unwrap()), Some(ApiError::REFUSED_ELEMENT));
        assert_eq!(code(&source.batch(0, &[]).await.unwrap()), Some(ApiError::TOO_MANY_ELEMENTS));
        assert_eq!((source.calls(), source.retries(), source.strains()), (3, 0, 0));
        assert_eq!(source.calls_left_now(), None);
    }

    #[test]
    fn only_what_a_server_of_wechat_may_have_said_of_profiles_is_kept() {
        for body in [r#"{"user_info_list":[]}"#, " {\"openid\":\"o\",\"remark\":\"\u{1}\"}\n", r#"{"openid":"a\"}"#] {
            assert!(is_of_profiles(body.as_bytes()), "{body}");
        }
        for body in ["", "{}", "<html>\"openid\"</html>", r#"{"user_info_list":[{"openid":"o"#, r#"["openid"]"#] {
            assert!(!is_of_profiles(body.as_bytes()), "{body}");
        }
    }

    #[test]
    fn a_text_that_quotes_the_key_of_errors_is_no_error() {
        let of_text = r#"{"user_info_list":[{"openid":"o","remark":"\"errcode\":40003"}]}"#;
        assert_eq!(error_reply(of_text.as_bytes()), None);
        assert_eq!(error_reply(br#"{"errcode":"45009","errmsg":""}"#).map(|error| error.code), Some(45_009));
        assert_eq!(error_reply(br#"{"errcode":0,"user_info_list":[]}"#), None);
    }
}
