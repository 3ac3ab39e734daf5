//! What happens to the people of an account while the simulator runs: they join, they leave, the
//! list loses them, a tag is deleted.
//!
//! A test or a fault tells it, and `roster` does it. People are named by their index.

use chrono::{DateTime, Utc};

/// Something that happens to people or tags of one account.
///
/// Who is already in the state that an event makes, is left as they are: one who follows does not
/// follow anew, and one who does not follow cannot leave.
///
/// ```
/// use fanout::simulator::{Effect, Endpoint, Event, Fault, When};
///
/// // Two people leave after the second page of this account has been sent.
/// let leave = Effect::Happens(Event::leave([3, 7]));
/// let fault = Fault::new(Endpoint::UserGet, When::Page(2), leave).account("wx1").times(1);
/// # let _ = fault;
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// They follow, for the first time or again: from now on they are in the list.
    Follow {
        /// The people. An index may be larger than those of the list at the start.
        who: Vec<u64>,
        /// Their `subscribe_time`, in whole seconds.
        at: DateTime<Utc>,
        /// Where the list has them.
        place: Place,
    },
    /// They unfollow, and are no longer in the list, nor in a tag.
    Leave {
        /// The people.
        who: Vec<u64>,
        /// Whether questions about them are refused from now on (40003). Otherwise WeChat says of
        /// them that they do not follow (`subscribe` is 0).
        refused: bool,
    },
    /// They follow, but the list lacks them from now on.
    Hide {
        /// The people.
        who: Vec<u64>,
        /// Whether `total` counts them all the same.
        counted: bool,
    },
    /// The list has them again, at their place.
    Show {
        /// The people.
        who: Vec<u64>,
    },
    /// They come to the end of the blacklist.
    Block {
        /// The people.
        who: Vec<u64>,
    },
    /// They are on the blacklist no longer.
    Unblock {
        /// The people.
        who: Vec<u64>,
    },
    /// A tag is deleted: `user/tag/get` refuses it (45159).
    DeleteTag {
        /// The id.
        id: i32,
        /// Whether `tags/get` names it all the same.
        named: bool,
    },
}

/// A place in the list of those who follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Place {
    /// Behind all others.
    #[default]
    End,
    /// Before the person at this position, counted from 0.
    At(u64),
}

impl Event {
    /// Returns the event that people follow from `at` on, at the end of the list.
    pub fn follow(who: impl IntoIterator<Item = u64>, at: DateTime<Utc>) -> Self {
        Self::follow_at(Place::End, who, at)
    }

    /// Returns the event that people follow from `at` on, at this place of the list.
    pub fn follow_at(place: Place, who: impl IntoIterator<Item = u64>, at: DateTime<Utc>) -> Self {
        Self::Follow { who: who.into_iter().collect(), at, place }
    }

    /// Returns the event that people unfollow, as WeChat says it.
    pub fn leave(who: impl IntoIterator<Item = u64>) -> Self {
        Self::Leave { who: who.into_iter().collect(), refused: false }
    }

    /// Returns the event that people unfollow, whom WeChat then refuses.
    pub fn leave_refused(who: impl IntoIterator<Item = u64>) -> Self {
        Self::Leave { who: who.into_iter().collect(), refused: true }
    }

    /// Returns the event that the list, and its `total`, lack people who follow.
    pub fn hide(who: impl IntoIterator<Item = u64>) -> Self {
        Self::Hide { who: who.into_iter().collect(), counted: false }
    }

    /// Returns the event that the list lacks people who follow, but its `total` does not.
    pub fn hide_counted(who: impl IntoIterator<Item = u64>) -> Self {
        Self::Hide { who: who.into_iter().collect(), counted: true }
    }

    /// Returns the event that the list has these people again.
    pub fn show(who: impl IntoIterator<Item = u64>) -> Self {
        Self::Show { who: who.into_iter().collect() }
    }

    /// Returns the event that people come to the end of the blacklist.
    pub fn block(who: impl IntoIterator<Item = u64>) -> Self {
        Self::Block { who: who.into_iter().collect() }
    }

    /// Returns the event that people are on the blacklist no longer.
    pub fn unblock(who: impl IntoIterator<Item = u64>) -> Self {
        Self::Unblock { who: who.into_iter().collect() }
    }

    /// Returns the event that a tag is deleted, and `tags/get` no longer names it.
    pub fn delete_tag(id: i32) -> Self {
        Self::DeleteTag { id, named: false }
    }
}
