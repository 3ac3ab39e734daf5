//! How many calls for pages are left today, as WeChat says
//! ([`quota/get`](https://developers.weixin.qq.com/doc/service/api/apimanage/api_getapiquota)), or
//! as fanout has counted.
//!
//! `fetch` asks here for the engine, which forecasts from the answer whether the list can be
//! finished today.
//!
//! Nothing here resets a quota: the resets are limited by the month for the whole account, and are
//! not fanout's to spend.

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::client::Client;
use crate::causes::error_chain;
use crate::wechat::{ApiError, Reaction, ReplyError, natural, read_reply};

/// How long to wait for the answer. A walk can begin without it, so it must not cost much time.
const QUOTA_TIMEOUT: Duration = Duration::from_secs(10);

/// Counts the calls for pages. The engine implements it with the journal's ledger, so that `source`
/// need not know the journal.
pub trait CallCounter: std::fmt::Debug + Send + Sync + 'static {
    /// Counts a call that is about to be made at `now`.
    fn count(&self, now: DateTime<Utc>);

    /// Returns how many calls were made on the day of `now` in Beijing.
    fn today(&self, now: DateTime<Utc>) -> u64;
}

/// The calls that are left today.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CallsLeft {
    /// Their number.
    pub calls: u64,
    /// The number of calls a day, if it is known.
    pub limit: Option<u64>,
    /// Whether WeChat has stated them. If not, they are `source.quota.daily_calls` less the calls
    /// that the state has counted.
    pub is_stated: bool,
}

/// Why WeChat does not say how many calls are left. No run stops because of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unanswered {
    /// What happened instead, in words.
    pub problem: String,
    /// WeChat's error reply, if there was one.
    pub api_error: Option<ApiError>,
}

impl Unanswered {
    /// Returns whether WeChat refused the token, and not the question.
    pub fn refuses_token(&self) -> bool {
        self.api_error.as_ref().is_some_and(|error| error.reaction() == Reaction::RenewToken)
    }

    fn new(problem: impl Into<String>) -> Self {
        Self { problem: problem.into(), api_error: None }
    }
}

/// Asks WeChat about the calls of `endpoint`.
///
/// # Errors
///
/// [`Unanswered`], whatever the reason.
pub(super) async fn ask(client: &Client, endpoint: &str, token: &str) -> Result<CallsLeft, Unanswered> {
    let question = serde_json::json!({ "cgi_path": endpoint });
    let query = [("access_token", token)];
    let asked = tokio::time::timeout(QUOTA_TIMEOUT, client.post("/cgi-bin/openapi/quota/get", &query, &question)).await;
    match asked {
        Err(_) => Err(Unanswered::new(format!("no reply within {QUOTA_TIMEOUT:?}"))),
        Ok(Err(error)) => Err(Unanswered::new(error_chain(&error.without(token)))),
        Ok(Ok(body)) => parse(&body),
    }
}

/// Reads the calls out of a reply. No error carries any of its text, which may hold the token.
fn parse(body: &[u8]) -> Result<CallsLeft, Unanswered> {
    let reply = match read_reply(body) {
        Ok(reply) => reply,
        Err(ReplyError::Malformed(problem)) => return Err(Unanswered::new(problem)),
        Err(ReplyError::Api(error)) => {
            let error = error.without_text();
            return Err(Unanswered { problem: error.to_string(), api_error: Some(error) });
        }
    };
    let number = |name| reply.get("quota").and_then(|quota| natural(quota.get(name)?));
    match number("remain") {
        Some(calls) => Ok(CallsLeft { calls, limit: number("daily_limit"), is_stated: true }),
        None => Err(Unanswered::new("the reply does not state `quota.remain`")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_is_taken_out_of_the_reply() {
        let reply =
            br#"{"errcode":0,"errmsg":"ok","quota":{"daily_limit":500,"used":40,"remain":460},"rate_limit":{}}"#;
        assert_eq!(parse(reply), Ok(CallsLeft { calls: 460, limit: Some(500), is_stated: true }));
        let as_text = br#"{"errcode":"0","quota":{"daily_limit":"500","remain":460.0}}"#;
        assert_eq!(parse(as_text), parse(reply));
        let short = br#"{"errcode":0,"quota":{"remain":460}}"#;
        assert_eq!(parse(short), Ok(CallsLeft { calls: 460, limit: None, is_stated: true }));
        for body in [&b"CANARY"[..], b"{}", br#"{"errcode":76021,"errmsg":"CANARY"}"#, br#"{"quota":{"remain":-1}}"#] {
            assert!(!format!("{:?}", parse(body).unwrap_err()).contains("CANARY"));
        }
    }
}
