//! Why a walk, or its preparation, stopped.
//!
//! `fetch`, `batches`, `token` and the engine's walks make these errors; `hint` says what a person
//! can do, [`crate::error`] adds the exit code, and the command line prints both.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use indicatif::HumanCount;

use super::call_error::CallError;
use crate::config::ConfigError;
use crate::wechat::{ApiError, Cursor, Reaction};

/// Why a walk, or its preparation, stopped.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SourceError {
    /// A call failed for good.
    #[error(
        "the call for {what} failed after {tries} {} and {elapsed:.1?}, with {calls} {} for the list in this run",
        if *tries == 1 { "try" } else { "tries" },
        if *calls == 1 { "call" } else { "calls" },
    )]
    Call {
        /// What was called for: `a token`, `the first page`, `page 3 (after …)`.
        what: String,
        /// How many tries were made.
        tries: u32,
        /// The calls for pages or batches that the list has cost in this run.
        calls: u64,
        /// The time from the beginning of the first try to the end of the last.
        elapsed: Duration,
        /// The last error.
        #[source]
        error: CallError,
    },
    /// WeChat refused a token of another program, and that program has no other.
    #[error("the token from {origin} was refused at {call}{}: {error}", handed_out_again(*again))]
    TokenRefused {
        /// Where the token came from.
        origin: String,
        /// What was called for: `the first page`, `page 3 (after …)`.
        call: String,
        /// How often its owner handed out the same one when it was asked for another.
        again: u32,
        /// WeChat's error reply.
        error: ApiError,
    },
    /// The platform behind a token server has failed, and no account of it can be read.
    #[error("the platform has failed, which stops all accounts of {origin}")]
    Platform {
        /// The token server, without what may be secret in its URL.
        origin: String,
        /// How far the list of this account has come.
        reach: Reach,
        /// The failure.
        #[source]
        error: Arc<SourceError>,
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
    /// The calls of the day are used up, in a walk of batches.
    #[error("the account has no calls left today: done {}, goes on tomorrow at 00:00 in Beijing", done_of(*done, *of))]
    BatchesLeft {
        /// The batches that have a reply.
        done: u64,
        /// All batches of the walk.
        of: u64,
        /// When the call was refused.
        at: DateTime<Utc>,
        /// The refused call.
        #[source]
        error: Box<SourceError>,
    },
    /// The account was bound to another Open Platform account while its list was read.
    #[error(
        "the unionids are not those of the days before: the account was bound to another Open Platform account while its \
         list was read"
    )]
    BoundAnew,
    /// WeChat refuses every follower of the list.
    #[error("WeChat refuses every follower that was asked about, in batches and alone: {error}")]
    AllRefused {
        /// WeChat's error reply to one of them.
        error: ApiError,
    },
    /// WeChat knows none of the people who follow by two lists of the account.
    #[error("WeChat knows none of the {controls} followers whom both lists have, asked about in a batch and alone")]
    StrangersOnly {
        /// The followers whom both lists have, as many as were asked about.
        controls: u64,
    },
    /// WeChat tells too little about too many followers.
    #[error(
        "WeChat refuses to tell about {refused} of {rows} followers, and what it tells about {unreadable} more cannot be \
         used"
    )]
    TooManyRefused {
        /// Followers about whom it refuses to tell.
        refused: u64,
        /// Followers about whom no reply can be read, or who share a unionid with another one.
        unreadable: u64,
        /// The followers of the list.
        rows: u64,
        /// `profiles.max_refused_percent`.
        limit_percent: f64,
    },
    /// WeChat finds even a few followers too many for one request.
    #[error("WeChat finds {elements} followers too many for one request (errcode {})", ApiError::TOO_MANY_ELEMENTS)]
    TooManyElements {
        /// The followers of the request.
        elements: usize,
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
    /// The list takes more days' calls than the days for which a walk is continued.
    #[error(
        "the list takes about {} calls, which is {} at {} calls a day, and a walk is continued for {} only",
        HumanCount(*calls_needed),
        in_days(*days),
        HumanCount(*calls_a_day),
        in_days(*within_days),
    )]
    TooManyDays {
        /// The calls that the walk is expected to need.
        calls_needed: u64,
        /// The calls that a day has.
        calls_a_day: u64,
        /// The days that the walk takes.
        days: u64,
        /// `profiles.resume_within_days`.
        within_days: u64,
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
    /// WeChat lists far fewer people of a tag than it counts.
    #[error("WeChat counts {count} people, and lists {}", if *people == 0 { "nobody".to_owned() } else { people.to_string() })]
    ShortOfCount {
        /// The distinct people that it lists.
        people: u64,
        /// The people that it counts.
        count: u64,
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

fn in_days(days: u64) -> String {
    if days == 1 { "1 day".to_owned() } else { format!("{} days", HumanCount(days)) }
}

/// Returns the part of the message that says how far a walk of batches is.
fn done_of(done: u64, of: u64) -> String {
    let rest = if done == of { ", but for followers who are asked about one by one" } else { "" };
    format!("{} of {} batches{rest}", HumanCount(done), HumanCount(of))
}

/// How far a list has come when the platform of its account failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// The list has met the failure itself.
    Failed,
    /// It was being read.
    UnderWay,
    /// No call for its pages was made.
    NotTried,
}

/// Returns the part of the message that says what the owner of a refused token does.
fn handed_out_again(again: u32) -> String {
    match again {
        0 => String::new(),
        1 => ", and handed out again".to_owned(),
        times => format!(", and handed out again {times} times"),
    }
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
            Self::DayOver { .. }
            | Self::BatchesLeft { .. }
            | Self::BoundAnew
            | Self::QuotaTooSmall { .. }
            | Self::NotBegun { .. } => true,
            Self::Platform { error, .. } => error.is_temporary(),
            Self::TokenServer { error, .. } | Self::RetriesSpent { error, .. } => error.is_temporary(),
            _ => false,
        }
    }

    /// Returns whether what a call asked about may be the reason why it failed for good: if WeChat
    /// answers about others, it is.
    pub fn may_be_of_elements(&self) -> bool {
        matches!(self, Self::Call { error, .. } if error.may_be_of_elements())
    }

    /// Returns the same error for a list that was being read when its platform failed.
    pub(super) fn under_way(self) -> Self {
        match self {
            Self::Platform { origin, reach: Reach::NotTried, error } => {
                Self::Platform { origin, reach: Reach::UnderWay, error }
            }
            error => error,
        }
    }

    /// Returns WeChat's error reply to a call of this list, if there was one.
    pub fn api_error(&self) -> Option<&ApiError> {
        match self {
            Self::Call { error: CallError::Api(error), .. }
            | Self::TokenRefused { error, .. }
            | Self::TokenRelayed { error, .. }
            | Self::CursorLost { error, .. }
            | Self::AllRefused { error } => Some(error),
            Self::DayOver { error, .. }
            | Self::BatchesLeft { error, .. }
            | Self::RetriesSpent { error, .. }
            | Self::TokenServer { error, .. } => error.api_error(),
            _ => None,
        }
    }
}
