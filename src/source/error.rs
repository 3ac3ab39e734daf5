//! Why a walk, or its preparation, stopped.
//!
//! `fetch`, `token` and the engine's walk make these errors; [`crate::error`] adds the exit code,
//! and the command line prints message and hint.

use std::path::PathBuf;
use std::time::Duration;

use chrono::{DateTime, Utc};
use rustls::CertificateError;

use super::call_error::CallError;
use crate::config::ConfigError;
use crate::wechat::{ApiError, Cursor, Reaction, date_in_beijing, next_midnight};

/// Why a walk, or its preparation, stopped.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SourceError {
    /// A call failed for good.
    #[error(
        "the call for {what} failed after {tries} {} and {elapsed:.1?}, with {calls} {} for pages in this run",
        if *tries == 1 { "try" } else { "tries" },
        if *calls == 1 { "call" } else { "calls" },
    )]
    Call {
        /// What was called for: `a token`, `the first page`, `page 3 (after …)`.
        what: String,
        /// How many tries were made.
        tries: u32,
        /// The calls for pages that the list has cost in this run.
        calls: u64,
        /// The time from the beginning of the first try to the end of the last.
        elapsed: Duration,
        /// The last error.
        #[source]
        error: CallError,
    },
    /// WeChat refused a token of another program, and that program has no other.
    #[error("the token from {origin} was refused at {call}: {error}")]
    TokenRefused {
        /// Where the token came from.
        origin: String,
        /// What was called for: `the first page`, `page 3 (after …)`.
        call: String,
        /// WeChat's error reply.
        error: ApiError,
    },
    /// The token could not be read.
    #[error("the token cannot be read")]
    TokenUnreadable(#[source] ConfigError),
    /// The token server gave no token.
    #[error("no token from {origin}")]
    TokenServer {
        /// The server, without what may be secret in its URL.
        origin: String,
        /// The failed call.
        #[source]
        error: Box<SourceError>,
    },
    /// The program that hands out the token gave none.
    #[error("no token from {origin}: {problem}")]
    TokenCommand {
        /// The program, without its arguments.
        origin: String,
        /// What it did instead.
        problem: String,
    },
    /// The program that hands out the token passes on an error of WeChat.
    #[error("no token from {origin}, which passes on: {error}")]
    TokenRelayed {
        /// The program, without its arguments.
        origin: String,
        /// WeChat's error reply.
        error: ApiError,
    },
    /// The calls of the day are used up.
    #[error("the account has no calls left today{}", to_go(*pages_left))]
    DayOver {
        /// The pages that are still to be read, if their number is known.
        pages_left: Option<u64>,
        /// When the call was refused.
        at: DateTime<Utc>,
        /// The refused call.
        #[source]
        error: Box<SourceError>,
    },
    /// Today's calls do not suffice for the list, and `source.quota.refuse` is set.
    #[error("the account has {calls_left} calls left today, and the list takes about {calls_needed}")]
    QuotaTooSmall {
        /// The calls that are left today.
        calls_left: u64,
        /// The calls that the walk is expected to need.
        calls_needed: u64,
        /// When the calls were counted.
        at: DateTime<Utc>,
    },
    /// The walk of an earlier day came first in this run, and the calls that are left do not
    /// suffice for today's list.
    #[error("today's list is not begun: the account has {calls_left} calls left today{}", to_need(*calls_needed))]
    NotBegun {
        /// The calls that are left today.
        calls_left: u64,
        /// The calls that the list is expected to need, if that is known.
        calls_needed: Option<u64>,
        /// When the calls were counted.
        at: DateTime<Utc>,
    },
    /// The calls of the walk have used up its retries.
    #[error("the walk has used up its {budget} retries")]
    RetriesSpent {
        /// `source.retry.walk_budget`.
        budget: u32,
        /// The call that would have been repeated.
        #[source]
        error: Box<SourceError>,
    },
    /// WeChat accepts neither the cursor nor those of the pages before it any more.
    #[error("{}: {error}", cursor_lost(cursor, *page, *steps_back))]
    CursorLost {
        /// The cursor that WeChat refused.
        cursor: Cursor,
        /// The page that it was to lead to.
        page: usize,
        /// How many pages the walk has gone back, without a way on.
        steps_back: usize,
        /// WeChat's error reply.
        error: ApiError,
    },
    /// The list ended with fewer followers than WeChat states.
    #[error("the list ended with {distinct} distinct followers, but WeChat states a total of {total}")]
    Short {
        /// Distinct followers that were read.
        distinct: u64,
        /// The last `total` that WeChat stated.
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

/// Returns the part of the message that says how many calls the list takes.
fn to_need(calls: Option<u64>) -> String {
    calls.map_or_else(String::new, |calls| format!(", and the list takes about {calls}"))
}

/// Returns the part of the message that says which cursor was refused, and what was tried.
fn cursor_lost(cursor: &Cursor, page: usize, steps_back: usize) -> String {
    match steps_back {
        _ if cursor.is_start() => "WeChat refuses the first page, which was asked for without a cursor".to_owned(),
        1 => format!(
            "WeChat no longer accepts the cursor {cursor} of page {page}, and the page before it, read again, leads to no \
             other"
        ),
        pages => format!(
            "WeChat no longer accepts the cursor {cursor} of page {page}, and the {pages} pages before it, read again, lead \
             to no other"
        ),
    }
}

/// Returns the part of the message that says how many pages are left.
fn to_go(pages: Option<u64>) -> String {
    match pages {
        None => String::new(),
        Some(0) => ", with only the end of the list to go".to_owned(),
        Some(1) => ", with about 1 page to go".to_owned(),
        Some(pages) => format!(", with about {pages} pages to go"),
    }
}

impl SourceError {
    /// Returns whether the same run may succeed later without a person's help.
    pub fn is_temporary(&self) -> bool {
        match self {
            Self::Call { error: CallError::Api(api), .. } if api.reaction() == Reaction::NextDay => true,
            // The list itself is wrong, not the connection.
            Self::Call { error: CallError::Loop { .. }, .. } => false,
            Self::Call { error, .. } => error.retry_after().is_some(),
            Self::TokenRelayed { error, .. } => {
                matches!(error.reaction(), Reaction::BackOff | Reaction::NextMinute | Reaction::NextDay)
            }
            Self::DayOver { .. } | Self::QuotaTooSmall { .. } | Self::NotBegun { .. } => true,
            Self::TokenServer { error, .. } | Self::RetriesSpent { error, .. } => error.is_temporary(),
            _ => false,
        }
    }

    /// Returns WeChat's error reply, if there was one.
    pub fn api_error(&self) -> Option<&ApiError> {
        match self {
            Self::Call { error: CallError::Api(error), .. }
            | Self::TokenRefused { error, .. }
            | Self::TokenRelayed { error, .. }
            | Self::CursorLost { error, .. } => Some(error),
            Self::DayOver { error, .. } | Self::RetriesSpent { error, .. } | Self::TokenServer { error, .. } => {
                error.api_error()
            }
            _ => None,
        }
    }

    /// Returns whether the hint of a failed call suits a token server as well: it is about an
    /// answer of WeChat, or about the proxy.
    fn is_explained(&self) -> bool {
        self.api_error().is_some() || matches!(self, Self::Call { error: CallError::Proxy(_), .. })
    }

    /// Returns what a person can do about it.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Call { error, .. } => call_hint(error),
            Self::TokenRefused { .. } => {
                "fanout does not renew a token of another program; put a valid one there and run again".to_owned()
            }
            Self::TokenRelayed { error, .. } => error.hint(),
            Self::TokenServer { error, .. } if error.is_explained() => return error.hint(),
            Self::TokenServer { .. } => "check the token server, and `token_endpoint` of this account".to_owned(),
            Self::TokenCommand { .. } => {
                "run the program by hand in the folder of the pipeline file; it must write the token, and nothing else, to \
                 standard output"
                    .to_owned()
            }
            Self::DayOver { at, .. } => {
                format!("run again after {}; the walk continues where it stopped", next_midnight(*at))
            }
            Self::QuotaTooSmall { at, .. } => format!(
                "run again after {}, or set `source.quota.refuse = false` to begin today and continue then",
                next_midnight(*at)
            ),
            Self::NotBegun { at, .. } => {
                let (date, tomorrow) = (date_in_beijing(*at), next_midnight(*at));
                format!("run again after {tomorrow}; `--date {date}` begins it today all the same")
            }
            Self::RetriesSpent { error, .. } => {
                let hint = error.hint().unwrap_or_default();
                format!("the connection to WeChat is poor: raise `source.retry.walk_budget` if that is usual here; {hint}")
            }
            Self::CursorLost { cursor, .. } if cursor.is_start() => {
                "no cursor was sent: check what stands between this machine and WeChat (`source.base_url`, a proxy); the \
                 `rid` finds the call in WeChat's API diagnosis for 7 days"
                    .to_owned()
            }
            Self::CursorLost { .. } => "start a new walk with `--fresh`".to_owned(),
            Self::Short { limit_percent, .. } => format!(
                "more than {limit_percent} % are missing (`source.max_shortfall_percent`); run again to read the end once more, or start a new walk with `--fresh`"
            ),
            Self::TokenUnreadable(_) | Self::CaFile { .. } | Self::Setup(_) => return None,
        })
    }
}

fn call_hint(error: &CallError) -> String {
    let hint = match error {
        CallError::Api(error) => return error.hint(),
        CallError::Proxy(error) => return error.hint.clone(),
        CallError::Status { status: 412, .. } => {
            "HTTP 412 is WeChat's answer to a POST without `Content-Length`: a proxy on the way may have removed it"
        }
        CallError::Status { status: 429 | 500..=599, .. } => {
            "WeChat, or a proxy on the way, cannot answer now; run again later, the walk continues where it stopped"
        }
        CallError::Status { .. } => {
            "this is not how WeChat answers: check `source.base_url`, and the proxy if there is one"
        }
        CallError::Malformed(_) | CallError::Loop { .. } => {
            "run again later, the walk continues where it stopped; if the error stays, start a new walk with `--fresh`"
        }
        CallError::Redirect(_) => "set `source.base_url` to the final address",
        CallError::TooLarge { .. } => "raise `source.max_reply_bytes` if a reply may be this long",
        CallError::Connection(_) | CallError::Timeout(_) => {
            "check the network and `source.base_url`; if only a proxy leads out of it, `HTTPS_PROXY` or `source.proxy` names \
             the proxy; the walk continues where it stopped"
        }
        CallError::Certificate(rustls::Error::InvalidCertificate(
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
        )) => "the certificate belongs to another host: check `source.base_url`",
        CallError::Certificate(_) => {
            "if a proxy or an authority of your own signed it, name their certificate in `source.ca_file`; else check \
             `source.base_url` and the clock of this machine"
        }
    };
    hint.to_owned()
}
