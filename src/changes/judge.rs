//! What is told of an element of a delta, and whether the next delta carries it.
//!
//! Before it: the elements, and what WeChat [answered](super::answered::Answered) about them.
//! Behind it: the engine delivers the rows, and the base of the next delta has the carried people.
//!
//! | side | answer | row | verified | carried |
//! | --- | --- | --- | --- | --- |
//! | control | any | none | | no |
//! | joined | there, since the base began or unknown | followed | yes | no |
//! | joined | there, since before that | reappeared | yes | no |
//! | joined | left, refused, unreadable, not asked | followed | no | no |
//! | missing | left; refused, if the token is known to be the account's | unfollowed | yes | no |
//! | missing | there, since the newer list was read to its end, after the person was seen | unfollowed | yes | no |
//! | missing | there, since before that, after the person was seen | refollowed | yes | yes |
//! | missing | there, since before the person was seen, or unknown | none: the newer list lacks the person | | yes |
//! | missing | unreadable; refused by a token that may be another account's | none: asked again | | yes |
//! | missing | not asked | unfollowed | no | no |
//! | missing | not asked, but seen after the newer list was read | none | | yes |
//! | held | any | baseline | no | yes |
//!
//! A list may lack somebody by mistake. So that the newer list lacks a person does not say that
//! they had left when it was read: if they have left, it was before the reply that says so.

use chrono::{DateTime, Utc};

use super::answered::Answered;
use super::change::Change;
use super::element::{Seen, Side};

/// What holds for all elements of a delta.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delta {
    /// When the list in the base was read. A baseline has no base: the list itself stands here.
    pub base: Seen,
    /// When the last page of the newer list arrived.
    pub read_until: DateTime<Utc>,
    /// Whether the token is known to be the account's: [somebody follows](Answered::is_there).
    /// Without that a refusal proves nothing.
    pub has_own_token: bool,
}

/// What is told of an element.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Told {
    /// What happened.
    pub change: Change,
    /// Whether an answer about the person says so.
    pub is_verified: bool,
    /// It did not happen before; `None` for [`Change::Baseline`].
    pub not_before: Option<DateTime<Utc>>,
    /// It did not happen later.
    pub not_after: DateTime<Utc>,
}

/// What comes of an element.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Judgement {
    /// What is told of it; `None` if it has no row.
    pub row: Option<Told>,
    /// If the next delta carries the person: when they were last seen.
    pub carried: Option<Seen>,
}

impl Judgement {
    fn told(row: Told) -> Self {
        Self { row: Some(row), carried: None }
    }

    fn carried(seen: Seen) -> Self {
        Self { row: None, carried: Some(seen) }
    }
}

impl Delta {
    /// Judges an element by what WeChat answered about it.
    pub fn judge(&self, side: Side, answered: Answered) -> Judgement {
        match side {
            Side::Control => Judgement { row: None, carried: None },
            Side::Joined => Judgement::told(self.joined(answered)),
            Side::Missing { carried } => self.missing(carried, answered),
            Side::Held { carried } => Judgement { row: Some(self.baseline()), carried: Some(carried) },
        }
    }

    /// Returns what is told of everybody in the list with which a sink begins.
    pub fn baseline(&self) -> Told {
        Told { change: Change::Baseline, is_verified: false, not_before: None, not_after: self.read_until }
    }

    fn joined(&self, answered: Answered) -> Told {
        let within = self.told(Change::Followed, self.base);
        match answered {
            Answered::There { since: None, .. } => within,
            // The whole second in which the base began may lie before the moment in it.
            Answered::There { since: Some(since), .. } if since.timestamp() < self.base.earliest.timestamp() => {
                Told { change: Change::Reappeared, ..within }
            }
            Answered::There { since: Some(since), .. } => Told { not_before: Some(since), not_after: since, ..within },
            Answered::Left { .. } | Answered::Refused { .. } | Answered::Unreadable | Answered::NotAsked => {
                Told { is_verified: false, ..within }
            }
        }
    }

    fn missing(&self, carried: Option<Seen>, answered: Answered) -> Judgement {
        let seen = carried.unwrap_or(self.base);
        let told = |change| self.told(change, seen);
        let unfollowed = |fetched_at| Judgement::told(Told { not_after: fetched_at, ..told(Change::Unfollowed) });
        match answered {
            Answered::There { since: Some(since), fetched_at } if since > seen.latest => {
                // Who came back in the second in which the list was read to its end may have done
                // so after that. If not, the person is told as followed with the next list.
                if since.timestamp() >= self.read_until.timestamp() {
                    return unfollowed(fetched_at);
                }
                Judgement { row: Some(told(Change::Refollowed)), carried: Some(Seen::at(fetched_at)) }
            }
            Answered::There { fetched_at, .. } => Judgement::carried(Seen::at(fetched_at)),
            Answered::Refused { .. } if !self.has_own_token => Judgement::carried(seen),
            Answered::Left { fetched_at } | Answered::Refused { fetched_at } => unfollowed(fetched_at),
            Answered::Unreadable => Judgement::carried(seen),
            Answered::NotAsked if seen.earliest > self.read_until => Judgement::carried(seen),
            Answered::NotAsked => Judgement::told(Told { is_verified: false, ..told(Change::Unfollowed) }),
        }
    }

    /// Tells a change that an answer proves: after the person was last `seen` or, if they joined,
    /// after the base began; and before the newer list was read to its end, which has the person,
    /// or lacks them though they were back.
    fn told(&self, change: Change, seen: Seen) -> Told {
        Told { change, is_verified: true, not_before: Some(seen.earliest), not_after: self.read_until }
    }
}
