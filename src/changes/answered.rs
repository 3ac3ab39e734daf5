//! What WeChat answered about an element.
//!
//! Before it: the engine has asked, and settled what came of it. Behind it:
//! [`Delta::judge`](super::judge::Delta::judge).

use chrono::{DateTime, Utc};

/// What WeChat answered about an element. `fetched_at` is when the reply that says so arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answered {
    /// The person follows.
    There {
        /// When the person followed the last time, in whole seconds; `None` if the reply does not
        /// say it.
        since: Option<DateTime<Utc>>,
        /// See [`Answered`].
        fetched_at: DateTime<Utc>,
    },
    /// The person does not follow.
    Left {
        /// See [`Answered`].
        fetched_at: DateTime<Utc>,
    },
    /// WeChat refuses to tell (40003).
    Refused {
        /// See [`Answered`].
        fetched_at: DateTime<Utc>,
    },
    /// No reply about the person can be used.
    Unreadable,
    /// The delta is not verified.
    NotAsked,
}

impl Answered {
    /// Returns whether the person follows. One answer of this kind shows that the token is the
    /// account's own: with another account's WeChat refuses every OpenID, or says that it does not
    /// follow.
    pub fn is_there(self) -> bool {
        matches!(self, Self::There { .. })
    }
}
