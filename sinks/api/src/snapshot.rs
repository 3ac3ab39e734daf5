//! What a complete walk publishes.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The facts of a complete list, as the verdict proved them. Only a complete list ever reaches a sink, so there is
/// no incomplete snapshot.
///
/// Every field is a function of the journal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Snapshot {
    /// The walk that read the list.
    pub walk: String,
    /// The logical date, `YYYY-MM-DD`.
    pub date: String,
    /// Rows that every sink must have received: distinct followers.
    pub followers: u64,
    /// Pages in the journal, overlapping ones included.
    pub pages: u64,
    /// Rows dropped because an earlier row had the same `OpenID`.
    pub duplicates: u64,
    /// Empty strings that stood in the place of an `OpenID` and were dropped.
    pub empty: u64,
    /// The `total` that WeChat stated last.
    pub total: u64,
    /// When the first page was fetched, in microseconds since 1970 (UTC); none for a list without pages.
    pub first_fetched_at: Option<i64>,
    /// When the last page was fetched, in microseconds since 1970 (UTC); none for a list without pages.
    pub last_fetched_at: Option<i64>,
    /// SHA-256 over the ordered `OpenID`s, each preceded by its length in bytes as a little-endian `u32`; lower-case
    /// hexadecimal.
    pub digest: String,
}
