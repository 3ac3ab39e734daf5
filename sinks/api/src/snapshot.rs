//! The facts of a complete walk: computed from the journal, and given to each sink before it
//! commits.

use chrono::{DateTime, NaiveDate, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::walk_id::WalkId;

/// The facts of a complete list. There is no snapshot of an incomplete list.
///
/// Every field is a function of the journal. Instants are written in RFC 3339, in UTC.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Snapshot {
    /// The walk that read the list.
    pub walk: WalkId,
    /// The logical date.
    pub date: NaiveDate,
    /// When the walk began. Of two lists for the same place, the one that began later counts.
    pub begun_at: DateTime<Utc>,
    /// The number of rows that every sink must have received.
    pub rows: u64,
    /// When the first reply arrived; `None` for a list without one.
    pub first_fetched_at: Option<DateTime<Utc>>,
    /// When the last reply arrived; `None` for a list without one.
    pub last_fetched_at: Option<DateTime<Utc>>,
    /// `blake3:`, and in lower-case hexadecimal, for a list of followers: the BLAKE3 over the
    /// `OpenID`s in order, each preceded by its length in bytes as a little-endian `u32`; for
    /// profiles: the BLAKE3 over the BLAKE3 of each column, which is to be compared and not to be
    /// computed again. A list that an older version has decided has `sha256:`, and SHA-256 in the
    /// place of BLAKE3.
    pub digest: String,
    /// The facts that prove the list complete; its fields depend on the list.
    pub proof: Map<String, Value>,
}
