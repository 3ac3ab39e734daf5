//! What can go wrong between here and WeChat.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use rustls::CertificateError;

use super::{ApiError, Cursor, Reaction};
use crate::config::ConfigError;

/// What went wrong with one call. It cannot hold a URL: the query of one carries a token.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// No connection, or one that broke.
    #[error("the connection failed")]
    Connection(#[source] reqwest::Error),
    /// A server that cannot prove who it is: no matter of patience, but of a person.
    #[error("the server's certificate is not trusted")]
    Certificate(#[source] rustls::Error),
    /// A time limit passed.
    #[error("no reply in time")]
    Timeout(#[source] reqwest::Error),
    /// A status other than 200.
    #[error("unexpected HTTP status {status}")]
    Status {
        /// The status.
        status: u16,
        /// What `Retry-After` asked for.
        retry_after: Option<Duration>,
    },
    /// A redirect, which would carry the token elsewhere.
    #[error("HTTP status {0}: a redirect is not followed, because the token would travel with it")]
    Redirect(u16),
    /// More bytes than a reply may have.
    #[error("the reply is longer than {limit} bytes")]
    TooLarge {
        /// `source.max_reply_bytes`.
        limit: u64,
    },
    /// Not what the endpoint sends.
    #[error("the reply cannot be used: {0}")]
    Malformed(String),
    /// A page that leads back into the list.
    #[error("the page leads back to the cursor {next}, which this walk has already followed")]
    Loop {
        /// Where it leads.
        next: Cursor,
    },
    /// `errcode` was not 0.
    #[error("{0}")]
    Api(ApiError),
}

impl CallError {
    /// Sorts a transport error, and takes the URL out of it. A body that ends too early counts as one that cannot be
    /// decoded, and so does one that cannot be decompressed.
    pub(super) fn transport(error: reqwest::Error) -> Self {
        let error = error.without_url();
        if let Some(refusal) = certificate_error(&error) {
            Self::Certificate(refusal.clone())
        } else if error.is_timeout() {
            Self::Timeout(error)
        } else if error.is_decode() {
            Self::Malformed(format!("its body cannot be read to the end: {}", root_cause(&error)))
        } else {
            Self::Connection(error)
        }
    }

    /// Takes `secret`, which the call carried, out of the text that came from the server: it may have sent it back.
    pub(super) fn without(mut self, secret: &str) -> Self {
        match &mut self {
            Self::Malformed(text) | Self::Api(ApiError { message: text, .. }) => conceal(text, secret),
            _ => {}
        }
        self
    }

    /// Returns whether another try may succeed, and how long it must wait at least.
    pub(super) fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Connection(_) | Self::Timeout(_) | Self::Malformed(_) | Self::Loop { .. } => Some(Duration::ZERO),
            Self::Status { status: 429 | 500..=599, retry_after } => Some(retry_after.unwrap_or_default()),
            Self::Api(error) => match error.reaction() {
                Reaction::BackOff => Some(Duration::ZERO),
                Reaction::NextMinute => Some(Duration::from_secs(60)),
                _ => None,
            },
            Self::Certificate(_) | Self::Status { .. } | Self::Redirect(_) | Self::TooLarge { .. } => None,
        }
    }
}

/// Shorter ones stay: they are no secrets of WeChat's kind, and would tear words apart.
const SHORTEST_SECRET: usize = 8;

/// Replaces `secret` in a text, also a beginning of it at the end, where the text may have been cut.
fn conceal(text: &mut String, secret: &str) {
    if secret.len() < SHORTEST_SECRET {
        return;
    }
    *text = text.replace(secret, "…");
    let beginnings = (SHORTEST_SECRET..secret.len()).rev().filter_map(|length| secret.get(..length));
    if let Some(beginning) = beginnings.into_iter().find(|beginning| text.ends_with(beginning)) {
        text.truncate(text.len() - beginning.len());
        text.push('…');
    }
}

/// Finds what TLS says about a certificate among the causes of an error.
fn certificate_error(error: &reqwest::Error) -> Option<&rustls::Error> {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if let Some(tls @ rustls::Error::InvalidCertificate(_)) = error.downcast_ref() {
            return Some(tls);
        }
        // An `io::Error` names the cause of the error that it wraps, and so hides that error itself.
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

/// Why a walk, or the run-up to it, stopped.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SourceError {
    /// A call failed for good.
    #[error("the call for {what} failed after {tries} {} and {elapsed:.1?}", if *tries == 1 { "try" } else { "tries" })]
    Call {
        /// Which call: `a token`, or `the page after …`.
        what: String,
        /// How often it was made.
        tries: u32,
        /// From the first to the last try.
        elapsed: Duration,
        /// The last error.
        #[source]
        error: CallError,
    },
    /// WeChat refused a token that is not ours to renew, and its owner has no other.
    #[error("the token from {origin} was refused: {error}")]
    TokenRefused {
        /// Where it came from.
        origin: String,
        /// What WeChat said.
        error: ApiError,
    },
    /// The token could not be read.
    #[error("the token cannot be read")]
    TokenUnreadable(#[source] ConfigError),
    /// Neither the cursor nor the boundaries before it are accepted any more.
    #[error("WeChat no longer accepts the cursor {cursor}, and re-reading earlier pages gave no other")]
    CursorLost {
        /// The refused cursor.
        cursor: Cursor,
    },
    /// The list ended short of what WeChat says it has.
    #[error("the list ended with {distinct} distinct followers, but WeChat states a total of {total}")]
    Short {
        /// Distinct followers that were read.
        distinct: u64,
        /// The last `total`.
        total: u64,
        /// `source.max_shortfall_percent`.
        limit_percent: f64,
    },
    /// `source.ca_file` cannot be used.
    #[error("the file `{}` {problem}, expected certificates in PEM", path.display())]
    CaFile {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// The client could not be set up.
    #[error("the HTTP client cannot be set up")]
    Setup(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl SourceError {
    /// Returns whether the same run may succeed later without anybody's help.
    pub fn is_temporary(&self) -> bool {
        let Self::Call { error, .. } = self else { return false };
        match error {
            CallError::Api(api) if api.reaction() == Reaction::NextDay => true,
            // The list itself is at fault, not the way to it.
            CallError::Loop { .. } => false,
            _ => error.retry_after().is_some(),
        }
    }

    /// Returns WeChat's answer, if there was one.
    pub fn api_error(&self) -> Option<&ApiError> {
        match self {
            Self::Call { error: CallError::Api(error), .. } | Self::TokenRefused { error, .. } => Some(error),
            _ => None,
        }
    }

    /// Returns what a person can do.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Call { error: CallError::Status { status: 412, .. }, .. } => {
                "HTTP 412 is how WeChat answers a POST without `Content-Length`: a proxy on the way may have taken it out".to_owned()
            }
            Self::Call { error: CallError::Status { status: 429 | 500..=599, .. }, .. } => {
                "WeChat, or a proxy on the way, cannot answer now; run again later, the walk goes on where it stopped".to_owned()
            }
            Self::Call { error: CallError::Status { .. }, .. } => {
                "this is not how WeChat answers: check `source.base_url` and `source.proxy`".to_owned()
            }
            Self::Call { error: CallError::Malformed(_) | CallError::Loop { .. }, .. } => {
                "run again later, the walk goes on where it stopped; if it stays so, start a new walk with `--fresh`".to_owned()
            }
            Self::Call { error: CallError::Redirect(_), .. } => "set `source.base_url` to the final address".to_owned(),
            Self::Call { error: CallError::TooLarge { .. }, .. } => "raise `source.max_reply_bytes` if this is right".to_owned(),
            Self::Call { error: CallError::Connection(_) | CallError::Timeout(_), .. } => {
                "check the network, `source.base_url` and `source.proxy`; the walk goes on where it stopped".to_owned()
            }
            Self::Call { error: CallError::Certificate(error), .. } => match error {
                rustls::Error::InvalidCertificate(
                    CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
                ) => "the certificate is one of another host: check `source.base_url`".to_owned(),
                _ => "if a proxy or an authority of your own signed it, name their certificate in `source.ca_file`; else check \
                      `source.base_url` and the clock of this machine"
                    .to_owned(),
            },
            Self::TokenRefused { .. } => {
                "fanout does not renew a token that it was given; put a valid one there and run again".to_owned()
            }
            Self::CursorLost { .. } => "start a new walk with `--fresh`".to_owned(),
            Self::Short { limit_percent, .. } => format!(
                "more than {limit_percent} % are missing (`source.max_shortfall_percent`); run again to read the end once more, or start a new walk with `--fresh`"
            ),
            _ => return self.api_error().map(|error| error.hint().to_owned()),
        })
    }
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
        for kept in SHORTEST_SECRET..=SECRET.len() {
            let long = "x".repeat(ApiError::LONGEST_MESSAGE - kept) + SECRET;
            let shown = message(&long, SECRET);
            assert!(shown.ends_with("x…"), "{shown}");
        }
    }
}
