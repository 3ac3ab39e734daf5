//! How many calls for pages are left today, as WeChat says
//! ([`quota/get`](https://developers.weixin.qq.com/doc/service/api/apimanage/api_getapiquota)), or as we have counted.
//!
//! Nothing here resets a quota: that is a monthly resource of the whole account, and not ours to spend.

use std::time::Duration;

use serde::Deserialize;

use super::client::Client;
use super::{ApiError, error_chain};

/// What is asked about: the call for a page.
pub(super) const USER_GET: &str = "/cgi-bin/user/get";

/// The question has value only while it is cheap.
const PATIENCE: Duration = Duration::from_secs(10);

/// The calls that are left today.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CallsLeft {
    /// How many.
    pub calls: u64,
    /// Whether WeChat has said so; else they are those of `source.quota.daily_calls` that this state has not seen used.
    pub is_stated: bool,
}

/// Asks WeChat; none if it does not say, whatever the reason.
pub(super) async fn ask(client: &Client, token: &str) -> Option<u64> {
    let question = serde_json::json!({ "cgi_path": USER_GET });
    let query = [("access_token", token)];
    let asked = tokio::time::timeout(PATIENCE, client.post("/cgi-bin/openapi/quota/get", &query, &question)).await;
    let problem = match asked {
        Err(_) => format!("no reply within {PATIENCE:?}"),
        Ok(Err(error)) => error_chain(&error.without(token)),
        Ok(Ok(body)) => match parse(&body) {
            Ok(left) => return Some(left),
            Err(problem) => problem,
        },
    };
    tracing::debug!(problem, "WeChat does not say how many calls are left");
    None
}

/// Takes what is left out of a reply. No error carries any of its text: it may hold the token.
fn parse(body: &[u8]) -> Result<u64, String> {
    #[derive(Deserialize)]
    struct Reply {
        #[serde(default)]
        errcode: i64,
        quota: Option<Quota>,
    }
    #[derive(Deserialize)]
    struct Quota {
        remain: u64,
    }
    let reply: Reply = serde_json::from_slice(body)
        .map_err(|error| format!("no JSON, line {} column {}", error.line(), error.column()))?;
    match reply.quota {
        Some(quota) if reply.errcode == 0 => Ok(quota.remain),
        _ => Err(ApiError::new(reply.errcode, "").to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_is_taken_out_of_the_reply() {
        let reply =
            br#"{"errcode":0,"errmsg":"ok","quota":{"daily_limit":500,"used":40,"remain":460},"rate_limit":{}}"#;
        assert_eq!(parse(reply), Ok(460));
        for body in [&b"CANARY"[..], b"{}", br#"{"errcode":76021,"errmsg":"CANARY"}"#, br#"{"quota":{"remain":-1}}"#] {
            assert!(!parse(body).unwrap_err().contains("CANARY"));
        }
    }
}
