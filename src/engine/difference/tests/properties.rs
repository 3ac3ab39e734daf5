//! Lists of every kind, with and without collisions.

use std::cell::Cell;

use proptest::prelude::*;
use tokio_util::sync::CancellationToken;

use super::super::compare::Difference;
use super::super::hashes::Hashes;
use super::super::pass::OpenidPass;
use super::lists::{Listed, check, compare};
use crate::engine::hash_runs::RUN;
use crate::error::Error;

/// Hashes of which only the first `bits` bits are kept, in the attempts before `attempts`.
fn narrow(bits: u32, attempts: u64) -> impl Fn(u64) -> Hashes {
    let mask = if bits == 0 { 0 } else { u64::MAX << (u64::BITS - bits) };
    move |attempt| {
        let mut hashes = Hashes::new(attempt);
        if attempt < attempts {
            hashes.mask = mask;
        }
        hashes
    }
}

/// A list of distinct numbers below 60, in any order.
fn list() -> impl Strategy<Value = Vec<u64>> {
    Just((0..60).collect::<Vec<u64>>())
        .prop_shuffle()
        .prop_flat_map(|numbers| (0..=numbers.len()).prop_map(move |length| numbers[..length].to_vec()))
}

proptest! {
    #[test]
    fn whoever_is_in_one_list_only_is_found_whatever_the_hashes_do(
        base in list(),
        newer in list(),
        bits in 0_u32..12,
        attempts in 0_u64..5,
    ) {
        let (base, newer) = (Listed::of(base), Listed::of(newer));
        check(&compare(narrow(bits, attempts), &base, &newer).unwrap(), &base, &newer);
    }
}

#[test]
fn lists_with_nobody_in_common_and_lists_with_the_same_people_are_compared() {
    for (base, newer) in
        [(0..0, 0..0), (0..0, 0..9), (0..9, 0..0), (0..9, 9..20), (0..9, 0..9), (0..1, 0..1), (0..2, 0..2)]
    {
        let (base, newer) = (Listed::of(base), Listed::of(newer.rev()));
        check(&compare(Hashes::new, &base, &newer).unwrap(), &base, &newer);
    }
}

#[test]
fn a_list_without_changes_is_read_once() {
    let (base, newer) = (Listed::of(0..1_000), Listed::of((0..1_000).rev()));
    check(&compare(Hashes::new, &base, &newer).unwrap(), &base, &newer);
    assert_eq!((base.readings.get(), newer.readings.get()), (1, 1));
}

#[test]
fn a_list_with_changes_is_read_twice() {
    let (base, newer) = (Listed::of(0..1_000), Listed::of(1..1_001));
    check(&compare(Hashes::new, &base, &newer).unwrap(), &base, &newer);
    assert_eq!((base.readings.get(), newer.readings.get()), (2, 2));
}

#[test]
fn two_followers_with_one_hash_do_not_hide_each_other() {
    // Each list has the hash once: nothing shows the change but the sums.
    let (base, newer) = (Listed::of([1]), Listed::of([2]));
    let attempts = Cell::new(0);
    let counted = |attempt| {
        attempts.set(attempts.get() + 1);
        narrow(0, 2)(attempt)
    };
    check(&compare(counted, &base, &newer).unwrap(), &base, &newer);
    assert_eq!(attempts.get(), 3);
    // If every attempt hides it, nothing is claimed.
    let error = compare(narrow(0, u64::MAX), &base, &newer).unwrap_err();
    assert!(error.chain().contains("not the same in each reading"), "{}", error.chain());
}

#[test]
fn lists_with_runs_on_disk_are_compared_in_many_slices() {
    let size = RUN as u64 + 50_000;
    // Every 1,000th follower has left, and as many have come.
    let base = Listed::of(0..size);
    let newer = Listed::of((0..size).rev().filter(|number| number % 1_000 != 0).chain(size..size + size / 1_000));
    check(&compare(Hashes::new, &base, &newer).unwrap(), &base, &newer);
}

#[test]
fn more_changes_than_one_reading_looks_for_are_found_in_several() {
    let size = 700_000;
    let (base, newer) = (Listed::of(0..size), Listed::of(size..2 * size));
    let difference = compare(Hashes::new, &base, &newer).unwrap();
    assert_eq!((difference.missing().marked_count(), difference.joined().marked_count()), (size, size));
    assert_eq!((base.readings.get(), newer.readings.get()), (3, 3));
}

#[test]
fn more_strings_than_one_reading_compares_are_compared_in_several() {
    let size = 200_000;
    let (base, newer) = (Listed::of(0..size), Listed::of(1_000..size + 1_000));
    check(&compare(narrow(12, u64::MAX), &base, &newer).unwrap(), &base, &newer);
    assert_eq!((base.readings.get(), newer.readings.get()), (3, 3));
}

#[test]
fn controls_are_spread_over_the_people_in_both_lists() {
    let (base, newer) = (Listed::of(0..600), Listed::of(0..606));
    let difference = compare(Hashes::new, &base, &newer).unwrap();
    assert_eq!(difference.controls(), [100, 300, 500]);
    let newer = Listed::of((600..700).chain(0..600));
    assert_eq!(compare(Hashes::new, &base, &newer).unwrap().controls(), [200, 400, 600]);
}

/// A list whose followers are others at each reading.
struct Changing(Listed);

impl OpenidPass for Changing {
    fn rows(&self) -> u64 {
        self.0.rows()
    }

    fn each(&self, take: &mut dyn FnMut(u64, &str) -> Result<(), Error>) -> Result<(), Error> {
        let reading = self.0.readings.get();
        self.0.each(&mut |position, openid| take(position, &format!("{openid}{reading}")))
    }
}

#[test]
fn a_list_that_is_not_the_same_in_each_reading_is_an_error() {
    let error = compare(Hashes::new, &Listed::of(0..10), &Changing(Listed::of(0..10))).unwrap_err();
    assert!(error.chain().contains("not the same in each reading"), "{}", error.chain());
}

#[test]
fn a_comparison_stops_when_the_run_stops() {
    let (folder, stop) = (tempfile::tempdir().unwrap(), CancellationToken::new());
    stop.cancel();
    let error = Difference::of(&Listed::of(0..10), &Listed::of(0..10), folder.path(), &stop).unwrap_err();
    assert!(matches!(error, Error::Interrupted), "{error}");
}

#[test]
fn a_full_disk_is_an_error_that_names_the_file() {
    let folder = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink("/dev/full", folder.path().join("difference.tmp")).unwrap();
    let (base, newer) = (Listed::of(0..RUN as u64), Listed::default());
    let error = Difference::of(&base, &newer, folder.path(), &CancellationToken::new()).unwrap_err();
    assert!(error.to_string().ends_with("difference.tmp"), "{error}");
}
