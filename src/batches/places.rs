//! Sets of places.
//!
//! Before it: a rule singles out places of a batch. Behind it: another rule asks whether a place is
//! among them.

use super::question::WIDTH;

/// Some places of one batch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Places(u128);

const _: () = assert!(WIDTH <= u128::BITS as usize);

impl Places {
    pub(super) fn insert(&mut self, place: u8) {
        self.0 |= 1 << place;
    }

    pub(super) fn contains(self, place: u8) -> bool {
        self.0 >> place & 1 == 1
    }

    pub(super) fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Returns whether `other` has all of these, and more.
    pub(super) fn are_a_part_of(self, other: Self) -> bool {
        self.0 & other.0 == self.0 && self != other
    }
}

impl FromIterator<u8> for Places {
    fn from_iter<I: IntoIterator<Item = u8>>(places: I) -> Self {
        let mut set = Self::default();
        places.into_iter().for_each(|place| set.insert(place));
        set
    }
}
