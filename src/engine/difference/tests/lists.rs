//! Lists in memory, and what a comparison should find of them.
//!
//! Before it: a test has OpenIDs. Behind it: the test compares.

use std::cell::Cell;
use std::collections::BTreeSet;

use tokio_util::sync::CancellationToken;

use super::super::compare::Difference;
use super::super::hashes::Hashes;
use super::super::pass::OpenidPass;
use crate::batches::Bitmap;
use crate::error::Error;

/// A list that counts how often it is read.
#[derive(Debug, Default)]
pub(super) struct Listed {
    pub(super) openids: Vec<String>,
    pub(super) readings: Cell<u64>,
}

impl Listed {
    /// Lists `numbers`.
    pub(super) fn of(numbers: impl IntoIterator<Item = u64>) -> Self {
        let openids = numbers.into_iter().map(|number| format!("o{number:027}")).collect();
        Self { openids, readings: Cell::default() }
    }
}

impl OpenidPass for Listed {
    fn rows(&self) -> u64 {
        self.openids.len() as u64
    }

    fn each(&self, take: &mut dyn FnMut(u64, &str) -> Result<(), Error>) -> Result<(), Error> {
        self.readings.set(self.readings.get() + 1);
        (0..).zip(&self.openids).try_for_each(|(position, openid)| take(position, openid))
    }
}

/// Compares with the hashes that `hashes` makes for each attempt.
pub(super) fn compare(
    hashes: impl Fn(u64) -> Hashes,
    base: &dyn OpenidPass,
    newer: &dyn OpenidPass,
) -> Result<Difference, Error> {
    let folder = tempfile::tempdir().unwrap();
    let difference = Difference::by(hashes, base, newer, folder.path(), &CancellationToken::new());
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "a file was left behind");
    difference
}

/// Checks a comparison against sets of strings.
pub(super) fn check(difference: &Difference, base: &Listed, newer: &Listed) {
    let own = |list: &Listed, other: &Listed| {
        let other: BTreeSet<&String> = other.openids.iter().collect();
        let is_own = |(_, openid): &(u64, &String)| !other.contains(openid);
        (0..).zip(&list.openids).filter(is_own).map(|(position, _)| position).collect::<Vec<u64>>()
    };
    for (found, expected, list) in
        [(difference.missing(), own(base, newer), base), (difference.joined(), own(newer, base), newer)]
    {
        assert!(marked(found) == expected, "{} marked, expected {}", found.marked_count(), expected.len());
        assert_eq!((found.marked_count(), found.len()), (expected.len() as u64, list.rows()));
    }
    let controls = difference.controls();
    let both = newer.rows() - difference.joined().marked_count();
    assert_eq!(controls.len() as u64, both.min(3));
    assert!(controls.is_sorted_by(|one, other| one < other), "{controls:?}");
    assert!(controls.iter().all(|&position| position < newer.rows() && !difference.joined().is_marked(position)));
}

fn marked(bitmap: &Bitmap) -> Vec<u64> {
    bitmap.marked().collect()
}
