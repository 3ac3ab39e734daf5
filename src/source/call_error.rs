//! The ways in which one call can fail.
//!
//! `http` and `fetch` make these errors, `retry` asks them whether to repeat the call, and a
//! `SourceError` carries the last one on.

use std::io;
use std::time::Duration;

use crate::wechat::{ApiError, Cursor, Reaction, conceal, openid_prefix};

/// Why one call failed. It cannot hold a URL: the query of one carries a token.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// There was no connection, or it broke.
    #[error("the connection failed")]
    Connection(#[source] TransportError),
    /// The server's certificate is not trusted. Never retried: a person must act.
    #[error("the server's certificate is not trusted")]
    Certificate(#[source] rustls::Error),
    /// The proxy cannot be reached, or does not let the call through.
    #[error(transparent)]
    Proxy(Box<ProxyError>),
    /// A time limit has passed.
    #[error("no reply in time")]
    Timeout(#[source] TransportError),
    /// The HTTP status was not 200.
    #[error("unexpected HTTP status {status}")]
    Status {
        /// The status.
        status: u16,
        /// The wait that `Retry-After` asked for.
        retry_after: Option<Duration>,
    },
    /// A redirect. It is not followed, because the token would travel with it.
    #[error("HTTP status {0}: a redirect is not followed, because the token would travel with it")]
    Redirect(u16),
    /// The reply is longer than the limit.
    #[error("the reply is longer than {limit} bytes")]
    TooLarge {
        /// `source.max_reply_bytes`.
        limit: u64,
    },
    /// The reply is not what the endpoint sends.
    #[error("the reply cannot be used: {0}")]
    Malformed(String),
    /// The page leads back into the list.
    #[error("the page leads back to the cursor {next}, which this walk has already followed")]
    Loop {
        /// The cursor that it gives.
        next: Cursor,
    },
    /// WeChat's error reply: `errcode` was not 0.
    #[error("{0}")]
    Api(ApiError),
    /// An error that a token server has of its own, as `error_pointer` shows it.
    #[error(
        "the server answered {}{}",
        if code.is_empty() { "an error".to_owned() } else { format!("the error {code}") },
        if text.is_empty() { String::new() } else { format!(": {text}") },
    )]
    Refused {
        /// What stands at `error_pointer`; empty if that is neither a number nor a text.
        code: String,
        /// What the server says about it.
        text: String,
    },
}

/// What a proxy does instead of leading to the server.
#[derive(Debug, thiserror::Error)]
#[error("{proxy} {problem}")]
pub struct ProxyError {
    /// The proxy, in words and without credentials.
    pub proxy: String,
    /// What it does.
    pub problem: String,
    /// What a person can do about it.
    pub hint: String,
    /// Whether it would do the same again: then the call is not repeated.
    pub is_permanent: bool,
}

impl CallError {
    /// Makes an error of one of the HTTP client, without its URL. A body that ends too early counts
    /// as malformed, and so does one that cannot be decompressed.
    pub(super) fn transport(error: reqwest::Error) -> Self {
        if let Some(refusal) = certificate_error(&error) {
            Self::Certificate(refusal.clone())
        } else if error.is_timeout() {
            Self::Timeout(error.into())
        } else if error.is_decode() {
            Self::Malformed(format!("its body cannot be read to the end: {}", root_cause(&error)))
        } else {
            Self::Connection(error.into())
        }
    }

    /// Removes `secret`, which the call carried, from the server's text: the server may have sent
    /// it back.
    pub(super) fn without(mut self, secret: &str) -> Self {
        self.for_each_text(|text| conceal(text, secret));
        self
    }

    /// Removes the OpenIDs of the account of `openid` from the server's text: it may name others
    /// than those that the call was about.
    pub(super) fn without_openids_of_its_account(mut self, openid: &str) -> Self {
        self.for_each_text(|text| openid_prefix::conceal_all(text, openid));
        self
    }

    fn for_each_text(&mut self, mut change: impl FnMut(&mut String)) {
        match self {
            Self::Malformed(text) | Self::Api(ApiError { message: text, .. }) => change(text),
            Self::Refused { code, text } => {
                change(code);
                change(text);
            }
            _ => {}
        }
    }

    /// Returns whether what the call asked about may be the reason why it failed, and not only what
    /// stands between this machine and WeChat, or the number of calls.
    pub(super) fn may_be_of_elements(&self) -> bool {
        match self {
            Self::Connection(error) | Self::Timeout(error) => !error.is_connect(),
            Self::Malformed(_) | Self::Status { status: 500..=599, .. } => true,
            Self::Api(error) => error.reaction() == Reaction::BackOff,
            _ => false,
        }
    }

    /// Returns how long to wait before the next try, or `None` if the call must not be repeated.
    /// The head of `retry` has the reasons.
    pub(super) fn retry_after(&self) -> Option<RetryAfter> {
        match self {
            Self::Connection(_) | Self::Timeout(_) | Self::Malformed(_) | Self::Loop { .. } => {
                Some(RetryAfter::AtLeast(Duration::ZERO))
            }
            Self::Proxy(error) => (!error.is_permanent).then_some(RetryAfter::AtLeast(Duration::ZERO)),
            Self::Status { status: 429 | 500..=599, retry_after } => {
                Some(RetryAfter::AtLeast(retry_after.unwrap_or_default()))
            }
            Self::Api(error) => match error.reaction() {
                Reaction::BackOff => Some(RetryAfter::AtLeast(Duration::ZERO)),
                Reaction::NextMinute => Some(RetryAfter::NextMinute),
                _ => None,
            },
            Self::Certificate(_)
            | Self::Status { .. }
            | Self::Redirect(_)
            | Self::TooLarge { .. }
            | Self::Refused { .. } => None,
        }
    }
}

/// How long to wait before the next try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RetryAfter {
    /// The usual pause, but at least this long.
    AtLeast(Duration),
    /// Until WeChat's next minute begins.
    NextMinute,
}

/// An error of the HTTP client, without the URL of the call, so that nothing can show it.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct TransportError(reqwest::Error);

impl TransportError {
    /// Returns whether there was no connection.
    pub(super) fn is_connect(&self) -> bool {
        self.0.is_connect()
    }
}

impl From<reqwest::Error> for TransportError {
    fn from(error: reqwest::Error) -> Self {
        Self(error.without_url())
    }
}

/// Finds the TLS error about a certificate among the causes of an error.
fn certificate_error(error: &reqwest::Error) -> Option<&rustls::Error> {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if let Some(tls @ rustls::Error::InvalidCertificate(_)) = error.downcast_ref() {
            return Some(tls);
        }
        // The `source` of an `io::Error` is that of the error that it wraps, so the wrapped error
        // is asked for by `get_ref`.
        cause = match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
            Some(wrapped) => Some(wrapped),
            None => error.source(),
        };
    }
    None
}

fn root_cause(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    cause.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "0123456789abcdef";

    fn message(text: &str, secret: &str) -> String {
        CallError::Api(ApiError::new(1, text)).without(secret).to_string().replace("WeChat answered errcode 1: ", "")
    }

    #[test]
    fn a_secret_that_the_server_sends_back_is_not_repeated() {
        assert_eq!(message(&format!("bad {SECRET}, {SECRET}!"), SECRET), "bad …, …!");
        let malformed = CallError::Malformed(format!("found {SECRET:?}")).without(SECRET);
        assert_eq!(malformed.to_string(), "the reply cannot be used: found \"…\"");
        assert_eq!(message("a short one stays", "a"), "a short one stays");
        assert_eq!(message("密钥是 这是一个密钥", "这是一个密钥"), "密钥是 …");
    }

    #[test]
    fn a_secret_that_was_cut_is_not_repeated_either() {
        for kept in 8..=SECRET.len() {
            let long = "x".repeat(ApiError::LONGEST_MESSAGE - kept) + SECRET;
            let shown = message(&long, SECRET);
            assert!(shown.ends_with("x…"), "{shown}");
        }
    }
}
