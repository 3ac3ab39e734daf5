//! An element of a delta: a person who gets a row, or about whom WeChat is asked.
//!
//! Before it: the engine has compared two lists. Behind it: the engine journals the elements, in
//! the order of [`Side`], and asks about them; [`Delta::judge`](super::judge::Delta::judge) says
//! what came of each.

use chrono::{DateTime, Utc};

/// How a person came to be an element. The order is that of the elements in a walk of changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Both lists have the person, who is asked about only to see whether the token is this
    /// account's. A control has no row.
    Control,
    /// The newer list has the person, the base has not.
    Joined,
    /// The base has the person, the newer list has not.
    Missing {
        /// When the person was last seen, if the delta before carried them. `None` if the person
        /// is in the list at which that delta ended.
        carried: Option<Seen>,
    },
    /// A late sink begins with a list that lacks the person, and the delta of that list carried
    /// the person. The sink gets a row for them, as for the people in the list.
    Held {
        /// When the person was last seen.
        carried: Seen,
    },
}

/// When a person was last seen as a follower: at some moment from `earliest` to `latest`.
///
/// A list that has the person says it as a whole: `earliest` is when its walk began, and `latest`
/// when its last page arrived. A reply about the person says it for one moment, which both are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    /// The person was not seen before. A leave that was not told yet did not happen before, either.
    pub earliest: DateTime<Utc>,
    /// The person was not seen later.
    pub latest: DateTime<Utc>,
}

impl Seen {
    /// Returns the moment of a reply.
    pub fn at(fetched_at: DateTime<Utc>) -> Self {
        Self { earliest: fetched_at, latest: fetched_at }
    }
}
