//! What a row of `changes` says of a person.
//!
//! Before it: [`Delta::judge`](super::judge::Delta::judge). Behind it: the column `change`.

/// What a row of `changes` says of a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Change {
    /// The person came after the base was read.
    Followed,
    /// The person left after the base was read.
    Unfollowed,
    /// The person left, and came back before the newer list was read to its end. That list lacks
    /// the person nevertheless.
    Refollowed,
    /// The newer list has the person, and the base lacked them by mistake.
    Reappeared,
    /// The person was in the list with which a sink begins.
    Baseline,
}

impl Change {
    /// All changes.
    pub const ALL: [Self; 5] = [Self::Followed, Self::Unfollowed, Self::Refollowed, Self::Reappeared, Self::Baseline];

    /// Returns the value of the column `change`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Followed => "followed",
            Self::Unfollowed => "unfollowed",
            Self::Refollowed => "refollowed",
            Self::Reappeared => "reappeared",
            Self::Baseline => "baseline",
        }
    }
}
