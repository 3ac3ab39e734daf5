//! One reply of `user/get` that was understood.

use bytes::Bytes;
use chrono::{DateTime, Utc};

use super::api_error::ApiError;
use super::cursor::Cursor;

/// A page as it came from WeChat: understood, but not yet taken apart.
#[derive(Clone, Debug)]
pub struct Page {
    /// The cursor that it was asked for with.
    pub cursor: Cursor,
    /// The reply, byte for byte.
    pub body: Bytes,
    /// What it says.
    pub summary: Summary,
    /// When its last byte arrived, to the microsecond.
    pub fetched_at: DateTime<Utc>,
}

impl Page {
    /// Returns whether the list goes on behind this page.
    pub fn is_last(&self) -> bool {
        self.summary.openids == 0 || self.summary.next.is_none()
    }
}

/// A reply that was understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PageReply {
    /// A part of the list, perhaps an empty one.
    Page(Summary),
    /// `errcode` was not 0.
    Error(ApiError),
}

/// What a page says, apart from the `OpenID`s themselves.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Followers of the account as WeChat states them; none where the field is absent or not a non-negative integer.
    pub total: Option<u64>,
    /// `OpenID`s in this page as WeChat states them. The array is what counts.
    pub count: Option<u64>,
    /// `OpenID`s in the array, without empty strings.
    pub openids: u64,
    /// Empty strings in the array.
    pub empty: u64,
    /// The cursor of the next page; none where it is absent, null or empty.
    pub next: Option<Cursor>,
}

/// A reply that is not what `user/get` sends.
#[derive(Debug, thiserror::Error)]
#[error("the reply is not a page of the list: {0}")]
pub struct Malformed(#[from] serde_json::Error);
