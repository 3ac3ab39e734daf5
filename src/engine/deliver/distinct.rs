//! Counts distinct values, exactly and in bounded memory.
//!
//! [`fan_out`](super::fan_out) adds the `OpenID`s of each page, and asks at the end of the list
//! which rows repeat an earlier one. [`profile_feed`](super::profile_feed) adds the unionids of
//! each batch, and asks which rows share theirs with another row.
//!
//! Each value leaves a 64-bit hash in [runs](crate::engine::hash_runs). A hash that occurs
//! once belongs to one row. The few hashes that occur more often (repeated values, or chance) are
//! compared as strings, in another pass over the journal. So the count is exact whatever the hash
//! does.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use ahash::RandomState;
use arrow::array::StringArray;
use fanout_sink::arrow;

use crate::engine::hash_runs::HashRuns;
use crate::journal::JournalError;

/// The file of the runs. Its name is removed as soon as it is open.
const FILE: &str = "distinct.tmp";

/// Hashes whose strings are compared in one pass over the journal. Each may hold one in memory.
const SUSPECTS: usize = 64 * 1024;

/// Rows with a value that another row has. Rows are numbered from 0 over the whole list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::engine) struct Duplicates {
    /// One bit a row.
    bits: Vec<u64>,
    count: u64,
}

impl Duplicates {
    /// Returns how many rows there are.
    pub(in crate::engine) fn count(&self) -> u64 {
        self.count
    }

    /// Returns whether row `row` is one of them.
    pub(in crate::engine) fn contains(&self, row: u64) -> bool {
        self.bits.get(row as usize / 64).is_some_and(|bits| bits >> (row % 64) & 1 == 1)
    }

    /// Adds the rows of `other`, whose first row has the number `first` here.
    pub(super) fn add(&mut self, other: &Self, first: u64) {
        for (word, bits) in (0..).zip(&other.bits) {
            (0..64).filter(|bit| bits >> bit & 1 == 1).for_each(|bit| self.insert(first + 64 * word + bit));
        }
    }

    fn insert(&mut self, row: u64) {
        let word = row as usize / 64;
        if self.bits.len() <= word {
            self.bits.resize(word + 1, 0);
        }
        self.count += u64::from(!self.contains(row));
        self.bits[word] |= 1 << (row % 64);
    }
}

/// Counts the distinct values of a walk.
#[derive(Debug)]
pub(in crate::engine) struct DistinctCounter {
    hasher: RandomState,
    hashes: HashRuns,
    rows: u64,
}

impl DistinctCounter {
    /// Starts a count that may keep a temporary file in `folder`.
    pub(in crate::engine) fn new(folder: &Path) -> Self {
        Self { hasher: RandomState::with_seeds(1, 2, 3, 4), hashes: HashRuns::new(folder.join(FILE)), rows: 0 }
    }

    /// Returns how many values were added.
    pub(super) fn rows(&self) -> u64 {
        self.rows
    }

    /// Adds the `OpenID`s of a page.
    pub(super) fn add_page(&mut self, openids: &StringArray) -> Result<(), JournalError> {
        openids.iter().flatten().try_for_each(|openid| self.add(openid))
    }

    /// Adds a value.
    ///
    /// # Errors
    ///
    /// [`JournalError::Io`] if the temporary file cannot be used.
    pub(in crate::engine) fn add(&mut self, value: &str) -> Result<(), JournalError> {
        self.rows += 1;
        self.hashes.add(self.hasher.hash_one(value))
    }

    /// Finds the rows that repeat an earlier one. `pages` starts another pass over all `OpenID`s
    /// that were added. It is called only if a hash occurs more than once.
    pub(super) fn duplicates<E, P>(&self, mut pages: impl FnMut() -> P) -> Result<Duplicates, E>
    where
        E: From<JournalError>,
        P: Iterator<Item = Result<StringArray, E>>,
    {
        let mut duplicates = Duplicates::default();
        self.each_suspects::<E>(|suspects| {
            let mut seen: HashSet<Box<str>, RandomState> = HashSet::default();
            let mut row = 0;
            for page in pages() {
                for openid in page?.iter().flatten() {
                    if suspects.contains(&self.hasher.hash_one(openid)) && !seen.insert(openid.into()) {
                        duplicates.insert(row);
                    }
                    row += 1;
                }
            }
            Ok(())
        })?;
        Ok(duplicates)
    }

    /// Finds all rows with a value that another row has, too. `pass` hands all values that were
    /// added to the function that it is given, each with the number of its row. It is called only
    /// if a hash occurs more than once.
    ///
    /// # Errors
    ///
    /// Those of `pass`, and [`JournalError::Io`] if the temporary file cannot be used.
    pub(in crate::engine) fn shared<E: From<JournalError>>(
        &self,
        mut pass: impl FnMut(&mut dyn FnMut(u64, &str)) -> Result<(), E>,
    ) -> Result<Duplicates, E> {
        let mut shared = Duplicates::default();
        self.each_suspects::<E>(|suspects| {
            let mut seen: HashMap<Box<str>, u64, RandomState> = HashMap::default();
            pass(&mut |row, value| {
                if suspects.contains(&self.hasher.hash_one(value)) {
                    match seen.get(value) {
                        Some(&first) => [first, row].into_iter().for_each(|row| shared.insert(row)),
                        None => drop(seen.insert(value.into(), row)),
                    }
                }
            })
        })?;
        Ok(shared)
    }

    /// Hands the hashes that occur more than once to `compare`, some at a time.
    fn each_suspects<E: From<JournalError>>(
        &self,
        mut compare: impl FnMut(&HashSet<u64, RandomState>) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut suspects = HashSet::default();
        let mut slices = self.hashes.slices(self.rows);
        while let Some(slice) = slices.next_slice()? {
            suspects.extend(slice.chunk_by(|a, b| a == b).filter(|run| run.len() > 1).map(|run| run[0]));
            if suspects.len() >= SUSPECTS {
                compare(&suspects)?;
                suspects.clear();
            }
        }
        if suspects.is_empty() { Ok(()) } else { compare(&suspects) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::hash_runs::RUN;

    fn count(pages: &[StringArray]) -> (u64, Duplicates) {
        let folder = tempfile::tempdir().unwrap();
        let mut counter = DistinctCounter::new(folder.path());
        for page in pages {
            counter.add_page(page).unwrap();
        }
        let duplicates = counter.duplicates::<JournalError, _>(|| pages.iter().cloned().map(Ok)).unwrap();
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "a file was left behind");
        (counter.rows(), duplicates)
    }

    fn page(openids: impl IntoIterator<Item = u64>) -> StringArray {
        StringArray::from_iter_values(openids.into_iter().map(|i| format!("o{i:027}")))
    }

    #[test]
    fn the_first_of_equal_rows_stays() {
        let (rows, duplicates) = count(&[page([1, 2, 3]), page([]), page([2, 4, 1, 2])]);
        assert_eq!(rows, 7);
        let dropped: Vec<u64> = (0..rows).filter(|&row| duplicates.contains(row)).collect();
        assert_eq!(dropped, [3, 5, 6]);
        assert_eq!(duplicates.count(), 3);
    }

    #[test]
    fn a_list_without_duplicates_needs_no_second_pass() {
        let folder = tempfile::tempdir().unwrap();
        let mut counter = DistinctCounter::new(folder.path());
        counter.add_page(&page(0..1000)).unwrap();
        let duplicates = counter.duplicates::<JournalError, std::iter::Empty<_>>(|| panic!("a second pass")).unwrap();
        assert_eq!(duplicates, Duplicates::default());
    }

    #[test]
    fn runs_on_disk_give_the_same_answer_as_memory() {
        let size = RUN as u64 * 2 + 1000;
        // Every 1,000th follower is repeated at the end.
        let pages: Vec<_> = (0..size).step_by(10_000).map(|from| page(from..(from + 10_000).min(size))).collect();
        let again = page((0..size).step_by(1000));
        let expected = again.iter().count() as u64;
        let pages = [pages, vec![again]].concat();
        let (rows, duplicates) = count(&pages);
        assert_eq!((rows, duplicates.count()), (size + expected, expected));
        assert!((size..rows).all(|row| duplicates.contains(row)));
    }

    #[test]
    fn a_full_disk_is_an_error_that_names_the_file() {
        let folder = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink("/dev/full", folder.path().join(FILE)).unwrap();
        let mut counter = DistinctCounter::new(folder.path());
        counter.add_page(&page(0..RUN as u64 - 1)).unwrap();
        let error = counter.add_page(&page([RUN as u64])).unwrap_err();
        assert!(error.to_string().ends_with(FILE), "{error}");
        assert!(error.hint().unwrap().contains("make room"), "{error}");
    }

    #[test]
    fn all_rows_of_a_value_that_occurs_more_than_once_are_found() {
        let folder = tempfile::tempdir().unwrap();
        let mut counter = DistinctCounter::new(folder.path());
        let values = ["a", "b", "c", "b", "d", "a", "b"];
        for value in values {
            counter.add(value).unwrap();
        }
        let pass = |note: &mut dyn FnMut(u64, &str)| {
            // Rows without a value have a number, too.
            (0..).zip(values).for_each(|(row, value)| note(2 * row, value));
            Ok::<_, JournalError>(())
        };
        let shared = counter.shared(pass).unwrap();
        let rows: Vec<u64> = (0..20).filter(|&row| shared.contains(row)).collect();
        assert_eq!((rows, shared.count()), (vec![0, 2, 6, 10, 12], 5));
    }

    #[test]
    fn a_list_that_comes_twice_is_counted_once_however_many_passes_it_takes() {
        let size = SUSPECTS as u64 * 3;
        let (rows, duplicates) = count(&[page(0..size), page(0..size)]);
        assert_eq!((rows, duplicates.count()), (2 * size, size));
    }
}
