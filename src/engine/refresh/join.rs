//! Finds the row of the base that each follower of the input has, by OpenID.
//!
//! Before it: the OpenIDs of the input, and the rows of the base, in any order. Behind it:
//! [`copying`](super::copying) goes through the matches in the order of positions.
//!
//! Both sides are divided by a hash of the OpenID into parts in temporary files. A part of one side
//! is compared with the same part of the other, as text, so the hash decides nothing. The matches
//! are divided once more, by position. In memory is one part at a time, of about [`PART`] records.

use std::collections::HashMap;
use std::path::Path;

use ahash::RandomState;

use super::partitions::Partitions;
use super::place::Place;
use crate::journal::JournalError;

/// Records of a part.
const PART: u64 = 64 * 1024;

/// A follower of the input who has a row in the base.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Match {
    /// The position in the input.
    pub(super) position: u64,
    /// When the row was fetched, in microseconds since 1970.
    pub(super) fetched_at: i64,
    /// Where the row stands in the base.
    pub(super) place: Place,
}

/// The two sides, before they are compared.
#[derive(Debug)]
pub(super) struct Join {
    hasher: RandomState,
    input: Partitions,
    base: Partitions,
    matches: Partitions,
}

/// The matches, in parts by position.
#[derive(Debug)]
pub(super) struct Matches(Partitions);

impl Join {
    /// Begins a join of an input of `input` rows with a base of `base` rows. Its temporary files
    /// are made in `folder`.
    pub(super) fn new(folder: &Path, input: u64, base: u64) -> Result<Self, JournalError> {
        Self::in_parts(folder, input.max(base).div_ceil(PART).max(1) as usize, input)
    }

    fn in_parts(folder: &Path, parts: usize, input: u64) -> Result<Self, JournalError> {
        Ok(Self {
            hasher: RandomState::with_seeds(11, 12, 13, 14),
            input: Partitions::new(folder, parts)?,
            base: Partitions::new(folder, parts)?,
            matches: Partitions::new(folder, input.div_ceil(PART) as usize)?,
        })
    }

    /// Adds a follower of the input.
    pub(super) fn add_input(&mut self, position: u64, openid: &str) -> Result<(), JournalError> {
        let part = self.part(openid);
        self.input.add(part, &[&position.to_le_bytes(), &(openid.len() as u32).to_le_bytes(), openid.as_bytes()])
    }

    /// Adds a row of the base. Of two rows with one OpenID the one that was added last counts.
    pub(super) fn add_base(&mut self, openid: &str, fetched_at: i64, place: Place) -> Result<(), JournalError> {
        let part = self.part(openid);
        let length = (openid.len() as u32).to_le_bytes();
        self.base.add(part, &[&fetched_at.to_le_bytes(), &place.to_bytes(), &length, openid.as_bytes()])
    }

    fn part(&self, openid: &str) -> usize {
        ((u128::from(self.hasher.hash_one(openid)) * self.base.count() as u128) >> 64) as usize
    }

    /// Compares the two sides, and hands the time of every match to `note`, in no order.
    ///
    /// # Errors
    ///
    /// [`JournalError::Io`] if a temporary file cannot be used.
    pub(super) fn finish(mut self, mut note: impl FnMut(i64)) -> Result<Matches, JournalError> {
        for part in 0..self.base.count() {
            let rows = self.base.read(part)?;
            let mut rows = Records(&rows);
            let mut found: HashMap<&[u8], (i64, Place), RandomState> = HashMap::default();
            while !rows.0.is_empty() {
                let (fetched_at, place) = (i64::from_le_bytes(rows.take()), Place::from_bytes(rows.take()));
                found.insert(rows.text(), (fetched_at, place));
            }
            let followers = self.input.read(part)?;
            let mut followers = Records(&followers);
            while !followers.0.is_empty() {
                let position = u64::from_le_bytes(followers.take());
                if let Some(&(fetched_at, place)) = found.get(followers.text()) {
                    let record = [&position.to_le_bytes()[..], &fetched_at.to_le_bytes(), &place.to_bytes()];
                    self.matches.add((position / PART) as usize, &record)?;
                    note(fetched_at);
                }
            }
        }
        Ok(Matches(self.matches))
    }
}

impl Matches {
    /// Hands every match to `take`, in the order of positions.
    ///
    /// # Errors
    ///
    /// Those of `take`, and [`JournalError::Io`] if the temporary file cannot be used.
    pub(super) fn each<E: From<JournalError>>(&self, mut take: impl FnMut(Match) -> Result<(), E>) -> Result<(), E> {
        for part in 0..self.0.count() {
            let records = self.0.read(part)?;
            let mut records = Records(&records);
            let mut matches = Vec::with_capacity(records.0.len() / (16 + Place::LEN));
            while !records.0.is_empty() {
                let (position, fetched_at) = (u64::from_le_bytes(records.take()), i64::from_le_bytes(records.take()));
                matches.push(Match { position, fetched_at, place: Place::from_bytes(records.take()) });
            }
            matches.sort_unstable_by_key(|found| found.position);
            matches.into_iter().try_for_each(&mut take)?;
        }
        Ok(())
    }
}

/// Records of a part that are still to be read.
struct Records<'a>(&'a [u8]);

impl<'a> Records<'a> {
    fn take<const N: usize>(&mut self) -> [u8; N] {
        let (taken, rest) = self.0.split_first_chunk().expect("records are read as they were added");
        self.0 = rest;
        *taken
    }

    fn text(&mut self) -> &'a [u8] {
        let length = u32::from_le_bytes(self.take());
        let (text, rest) = self.0.split_at(length as usize);
        self.0 = rest;
        text
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::place::Frame;
    use super::*;

    fn place(number: u64) -> Place {
        let frame = if number.is_multiple_of(2) { Frame::Batch(number) } else { Frame::Copied(number) };
        Place { frame, within: number as u32 % 7 }
    }

    /// Joins by the code under test.
    fn joined(parts: usize, input: &[String], base: &[String]) -> Vec<Match> {
        let folder = tempfile::tempdir().unwrap();
        let mut join = Join::in_parts(folder.path(), parts, input.len() as u64).unwrap();
        for (number, openid) in (0..).zip(base) {
            join.add_base(openid, 1_000 - number as i64, place(number)).unwrap();
        }
        for (position, openid) in (0..).zip(input) {
            join.add_input(position, openid).unwrap();
        }
        let mut times = Vec::new();
        let matches = join.finish(|fetched_at| times.push(fetched_at)).unwrap();
        let mut found = Vec::new();
        let taken = matches.each(|one| {
            found.push(one);
            Ok::<_, JournalError>(())
        });
        taken.unwrap();
        let mut of_matches: Vec<i64> = found.iter().map(|one| one.fetched_at).collect();
        of_matches.sort_unstable();
        times.sort_unstable();
        assert_eq!(times, of_matches, "each match is noted once");
        found
    }

    /// Joins with a map in memory.
    fn expected(input: &[String], base: &[String]) -> Vec<Match> {
        let rows: HashMap<&String, u64> = base.iter().zip(0..).collect();
        let matched = (0..).zip(input).filter_map(|(position, openid)| Some((position, *rows.get(openid)?)));
        matched
            .map(|(position, number)| Match { position, fetched_at: 1_000 - number as i64, place: place(number) })
            .collect()
    }

    proptest! {
        #[test]
        fn the_join_finds_what_a_map_in_memory_finds(
            parts in 1_usize..9,
            input in proptest::collection::hash_set("[ab]{0,5}|o[A-Z]{0,40}|粉.", 0..60),
            others in proptest::collection::hash_set("[ab]{0,5}|o[A-Z]{0,40}", 0..60),
            kept in proptest::collection::vec(any::<bool>(), 60),
            shift in 0_usize..60,
        ) {
            let input: Vec<String> = input.into_iter().collect();
            // A base that shares some OpenIDs with the input, in another order.
            let mut base: Vec<String> =
                input.iter().zip(&kept).filter(|(_, kept)| **kept).map(|(openid, _)| openid.clone()).collect();
            base.extend(others.into_iter().filter(|openid| !input.contains(openid)));
            if !base.is_empty() {
                let middle = shift % base.len();
                base.rotate_left(middle);
            }
            prop_assert_eq!(joined(parts, &input, &base), expected(&input, &base));
        }
    }

    #[test]
    fn positions_come_in_order_over_all_parts() {
        let input: Vec<String> = (0..3 * PART + 5).map(|number| format!("o{number}")).collect();
        let base: Vec<String> = input.iter().rev().step_by(3).cloned().collect();
        assert_eq!(joined(4, &input, &base), expected(&input, &base));
    }
}
