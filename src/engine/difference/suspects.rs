//! Hashes of followers who may be in one of two lists only.
//!
//! Before it: [`compare`](super::compare) merges the hashes of both lists, in slices. Behind it:
//! another reading of the lists finds the followers.

use std::cmp::Ordering;

/// Hashes that are looked for in one reading of the lists: 8 MiB.
const LIMIT: usize = 1 << 20;

/// What an OpenID takes that is compared as a string, in hashes.
const STRING: usize = 12;

/// The hash's first bits, by which a [`Set`] is divided.
const DIVISION: u32 = 16;

/// Hashes of which the lists do not each have one.
#[derive(Debug, Default)]
pub(super) struct Suspects {
    /// Hashes that only the base has.
    pub(super) missing: Set,
    /// Hashes that only the newer list has.
    pub(super) joined: Set,
    /// Hashes that both lists have, and one of them more than once.
    pub(super) shared: Set,
    /// The OpenIDs of the base with such a hash.
    strings: usize,
}

impl Suspects {
    /// Adds those of a slice. Both sides ascend, and no slice before had greater hashes.
    pub(super) fn add_slice(&mut self, base: &[u64], newer: &[u64]) {
        let (mut base, mut newer) = (equal(base).peekable(), equal(newer).peekable());
        loop {
            let order = match (base.peek(), newer.peek()) {
                (Some(base), Some(newer)) => base[0].cmp(&newer[0]),
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (None, None) => return,
            };
            let base = base.next_if(|_| order.is_le()).unwrap_or_default();
            let newer = newer.next_if(|_| order.is_ge()).unwrap_or_default();
            match (base, newer) {
                ([_], [_]) => {}
                ([hash, ..], []) => self.missing.hashes.push(*hash),
                ([], newer) => self.joined.hashes.extend(newer.first()),
                ([hash, ..], _) => {
                    self.shared.hashes.push(*hash);
                    self.strings += base.len();
                }
            }
        }
    }

    /// Returns whether they are as many as one reading of the lists should look for.
    pub(super) fn is_full(&self) -> bool {
        let sets = [&self.missing, &self.joined, &self.shared];
        sets.map(|set| set.hashes.len()).iter().sum::<usize>() + STRING * self.strings >= LIMIT
    }

    /// Prepares the sets to be asked.
    pub(super) fn divide(&mut self) {
        [&mut self.missing, &mut self.joined, &mut self.shared].into_iter().for_each(Set::divide);
    }

    /// Forgets all of them.
    pub(super) fn clear(&mut self) {
        for set in [&mut self.missing, &mut self.joined, &mut self.shared] {
            set.hashes.clear();
        }
        self.strings = 0;
    }
}

/// Hashes in ascending order.
#[derive(Debug, Default)]
pub(super) struct Set {
    hashes: Vec<u64>,
    /// For each value of a hash's first bits, how many hashes have a smaller one; and how many
    /// hashes there are.
    starts: Vec<u32>,
}

impl Set {
    /// Returns whether there are none.
    pub(super) fn is_empty(&self) -> bool {
        self.hashes.is_empty()
    }

    /// Returns whether a hash is one of them.
    pub(super) fn contains(&self, hash: u64) -> bool {
        let division = division(hash);
        let (start, end) = (self.starts[division] as usize, self.starts[division + 1] as usize);
        self.hashes[start..end].binary_search(&hash).is_ok()
    }

    fn divide(&mut self) {
        self.starts.clear();
        for (at, &hash) in self.hashes.iter().enumerate() {
            let division = division(hash);
            if self.starts.len() <= division {
                self.starts.resize(division + 1, at as u32);
            }
        }
        self.starts.resize((1 << DIVISION) + 1, self.hashes.len() as u32);
    }
}

/// Returns the first bits of a hash.
fn division(hash: u64) -> usize {
    (hash >> (u64::BITS - DIVISION)) as usize
}

/// Divides hashes in ascending order into equal ones.
fn equal(hashes: &[u64]) -> impl Iterator<Item = &[u64]> {
    hashes.chunk_by(|one, other| one == other)
}
