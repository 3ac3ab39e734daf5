//! Which lists are compared next.
//!
//! Before it: the engine knows the end of the chain and the walks of followers. Behind it: the
//! engine begins a walk of changes, or has nothing to do.
//!
//! There is one delta an account and date. It ends at the first decided list of its date, so a
//! second list of that date makes none, and a missed night makes one longer delta.

use chrono::NaiveDate;
use fanout_sink::WalkId;

/// The end of the chain: the newest decided walk of changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChainEnd {
    /// Its date.
    pub date: NaiveDate,
    /// The walk of followers at which it ends.
    pub to: WalkId,
}

/// A walk of followers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FollowersWalk {
    /// Its name.
    pub walk: WalkId,
    /// Its date.
    pub date: NaiveDate,
    /// Whether it is decided.
    pub is_decided: bool,
}

/// What is to be done for a date.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Nothing: the chain has come to the date, or is beyond it.
    Nothing,
    /// There is no decided list of the date that could be compared.
    NoList,
    /// There is no chain. It begins with this list.
    Baseline {
        /// The list.
        to: WalkId,
    },
    /// These lists are to be compared.
    Delta {
        /// The list in the base, the chain's end.
        from: WalkId,
        /// The newer list.
        to: WalkId,
    },
    /// The list at the chain's end is no longer there. A person may begin the chain anew.
    EndIsGone {
        /// The list that has gone.
        from: WalkId,
        /// The list with which the chain would begin anew.
        to: WalkId,
    },
}

/// Chooses what is to be done for `date`. `end` is `None` if there is no chain; `walks` are the
/// walks of followers, oldest first.
pub fn next(end: Option<ChainEnd>, walks: &[FollowersWalk], date: NaiveDate) -> Step {
    if end.is_some_and(|end| end.date >= date) {
        return Step::Nothing;
    }
    let decided = || walks.iter().filter(|walk| walk.is_decided);
    let first_after = |end: Option<WalkId>| {
        let is_newer = |walk: &FollowersWalk| end.is_none_or(|end| walk.walk.number() > end.number());
        decided().find(|walk| walk.date == date && is_newer(walk))
    };
    let Some(list) = first_after(None) else { return Step::NoList };
    let Some(end) = end else { return Step::Baseline { to: list.walk } };
    // The whole name is compared: a state that was lost begins again with number 1.
    if !decided().any(|walk| walk.walk == end.to) {
        return Step::EndIsGone { from: end.to, to: list.walk };
    }
    first_after(Some(end.to)).map_or(Step::NoList, |list| Step::Delta { from: end.to, to: list.walk })
}
