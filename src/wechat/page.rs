//! A page: one reply of a page list, understood but not yet decoded.
//!
//! `source` makes a [`Page`] of a reply that `decode` has summarised; the journal keeps it.

use bytes::Bytes;
use chrono::{DateTime, Utc};

use super::api_error::ApiError;
use super::cursor::Cursor;

/// A page as WeChat sent it, with its summary. The `OpenID`s are not decoded yet.
#[derive(Clone, Debug)]
pub struct Page {
    /// The cursor that the request carried.
    pub cursor: Cursor,
    /// The reply, byte for byte.
    pub body: Bytes,
    /// What the reply says, apart from its `OpenID`s.
    pub summary: Summary,
    /// When its last byte arrived, to the microsecond.
    pub fetched_at: DateTime<Utc>,
}

impl Page {
    /// Returns whether the list ends with this page: it has no `OpenID`s, or gives no next cursor.
    pub fn is_last(&self) -> bool {
        self.summary.openids == 0 || self.summary.next.is_none()
    }
}

/// A reply of the form that WeChat documents.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PageReply {
    /// A page of the list, perhaps an empty one.
    Page(Summary),
    /// An error: `errcode` is not 0.
    Error(ApiError),
}

/// What a page says, apart from its `OpenID`s.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// The followers of the account that WeChat states; `None` if the field is absent or not a
    /// non-negative integer.
    pub total: Option<u64>,
    /// The `OpenID`s in this page that WeChat states. It is only compared:
    /// [`openids`](Self::openids) is counted in the array.
    pub count: Option<u64>,
    /// `OpenID`s in the array, without empty strings.
    pub openids: u64,
    /// Empty strings in the array.
    pub empty: u64,
    /// The cursor of the next page; `None` if it is absent, null or empty.
    pub next: Option<Cursor>,
}

/// A reply that is not a page of the list.
#[derive(Debug, thiserror::Error)]
#[error("the reply is not a page of the list: {0}")]
pub struct Malformed(#[from] serde_json::Error);
