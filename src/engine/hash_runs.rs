//! Many 64-bit hashes, read back in ascending order with bounded memory.
//!
//! Before it: the distinct count in [`deliver`](super::deliver) and the
//! [`difference`](super::difference) of two lists add the hash of each row. Behind it: they look
//! for hashes that occur more than once, or in one list only.
//!
//! The hashes are kept in runs, on disk once there are many. Each run is divided into parts by the
//! top bits of its hashes, so the hashes of a slice of the range lie together in each run. Only a
//! slice is sorted: once, and by a step of a radix sort, because hashes are evenly spread.

use std::fs::File;
use std::io::{self, Write};
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

use arrow::datatypes::ToByteSlice;
use fanout_sink::arrow;

use super::nameless::nameless;
use crate::journal::JournalError;

/// Hashes that are held in memory before they become a run on disk: 2 MiB. Dividing them takes as
/// much again.
pub(super) const RUN: usize = 256 * 1024;

/// Hashes of a slice, if they are evenly spread: at most 1 MiB. Sorting them takes as much again.
const SLICE: u64 = 128 * 1024;

/// The parts of a run. A list with more than [`SLICE`] rows for each part has larger slices.
const PARTS: usize = 1 << PART_BITS;
const PART_BITS: u32 = 10;

/// Hashes in a bucket of the radix sort, if they are evenly spread.
const BUCKET: usize = 8;

/// Some hashes, in runs.
#[derive(Debug)]
pub(super) struct HashRuns {
    hashes: Vec<u64>,
    path: PathBuf,
    runs: Option<Runs>,
}

/// Divided runs of [`RUN`] hashes each, one after the other in a file without a name.
#[derive(Debug)]
struct Runs {
    file: File,
    bounds: Vec<Bounds>,
}

/// Where each part of a run begins, in hashes; and where the last one ends.
type Bounds = Box<[u32]>;

impl HashRuns {
    /// Makes one without hashes. If there are many, it has a temporary file at `path`, whose name
    /// is removed as soon as the file is open.
    pub(super) fn new(path: PathBuf) -> Self {
        Self { hashes: Vec::new(), path, runs: None }
    }

    /// Adds a hash.
    ///
    /// # Errors
    ///
    /// [`JournalError::Io`] if the temporary file cannot be used.
    pub(super) fn add(&mut self, hash: u64) -> Result<(), JournalError> {
        self.hashes.push(hash);
        if self.hashes.len() == RUN { self.flush().map_err(self.io()) } else { Ok(()) }
    }

    fn flush(&mut self) -> io::Result<()> {
        let (run, bounds) = divide(&self.hashes);
        let runs = match &mut self.runs {
            Some(runs) => runs,
            none => none.insert(Runs { file: nameless(&self.path)?, bounds: Vec::new() }),
        };
        // The process that has written the file is the only one that reads it.
        runs.file.write_all(run.to_byte_slice())?;
        runs.bounds.push(bounds);
        self.hashes.clear();
        Ok(())
    }

    fn io(&self) -> impl FnOnce(io::Error) -> JournalError + use<> {
        JournalError::io("use the temporary file", &self.path)
    }

    /// Begins to read all hashes again, in as many slices of the range of hashes as suit a list of
    /// `rows` rows. Two lists that are read for the same number of rows have the same slices.
    pub(super) fn slices(&self, rows: u64) -> Slices<'_> {
        let count = (rows / SLICE + 1).next_power_of_two().min(PARTS as u64) as usize;
        let in_memory = divide(&self.hashes);
        Slices { all: self, in_memory, count, next: 0, read: Vec::new(), sorted: Vec::new(), bytes: Vec::new() }
    }
}

/// Reads all hashes, one slice of their range after the other.
#[derive(Debug)]
pub(super) struct Slices<'a> {
    all: &'a HashRuns,
    /// The hashes that are in no run on disk.
    in_memory: (Vec<u64>, Bounds),
    /// The number of slices: a power of two.
    count: usize,
    next: usize,
    read: Vec<u64>,
    sorted: Vec<u64>,
    bytes: Vec<u8>,
}

impl Slices<'_> {
    /// Returns the hashes of the next slice in ascending order, perhaps none; `None` after the last
    /// slice.
    ///
    /// # Errors
    ///
    /// [`JournalError::Io`] if the temporary file cannot be used.
    pub(super) fn next_slice(&mut self) -> Result<Option<&[u64]>, JournalError> {
        if self.next == self.count {
            return Ok(None);
        }
        let width = PARTS / self.count;
        let parts = self.next * width..(self.next + 1) * width;
        self.next += 1;
        self.read.clear();
        let (hashes, bounds) = &self.in_memory;
        self.read.extend_from_slice(&hashes[hashes_of(bounds, &parts)]);
        if let Some(Runs { file, bounds }) = &self.all.runs {
            for (run, bounds) in bounds.iter().enumerate() {
                let hashes = hashes_of(bounds, &parts);
                self.bytes.resize(hashes.len() * size_of::<u64>(), 0);
                let offset = (run * RUN + hashes.start) * size_of::<u64>();
                file.read_exact_at(&mut self.bytes, offset as u64).map_err(self.all.io())?;
                let (hashes, _) = self.bytes.as_chunks();
                self.read.extend(hashes.iter().map(|hash| u64::from_ne_bytes(*hash)));
            }
        }
        sort(&self.read, self.count.trailing_zeros(), &mut self.sorted);
        Ok(Some(&self.sorted))
    }
}

fn hashes_of(bounds: &Bounds, parts: &Range<usize>) -> Range<usize> {
    bounds[parts.start] as usize..bounds[parts.end] as usize
}

/// Divides the hashes of a run into its parts.
fn divide(hashes: &[u64]) -> (Vec<u64>, Bounds) {
    let mut divided = Vec::new();
    let bounds = scatter(hashes, PARTS, |hash| (hash >> (u64::BITS - PART_BITS)) as usize, &mut divided);
    (divided, bounds)
}

/// Sorts hashes whose first `known` bits are the same, whatever they are. It takes linear time if
/// they are evenly spread.
fn sort(hashes: &[u64], known: u32, sorted: &mut Vec<u64>) {
    let buckets = (hashes.len() / BUCKET).next_power_of_two();
    let bits = buckets.trailing_zeros();
    // With one bucket, the shift is by all bits.
    let bucket_of = |hash: u64| (hash << known).checked_shr(u64::BITS - bits).unwrap_or(0) as usize;
    let bounds = scatter(hashes, buckets, bucket_of, sorted);
    for bucket in 0..buckets {
        sorted[hashes_of(&bounds, &(bucket..bucket + 1))].sort_unstable();
    }
}

/// Writes `hashes` to `into` in the order of their buckets, and returns where each one begins.
fn scatter(hashes: &[u64], buckets: usize, bucket_of: impl Fn(u64) -> usize, into: &mut Vec<u64>) -> Bounds {
    let mut bounds = vec![0; buckets + 1].into_boxed_slice();
    for &hash in hashes {
        bounds[bucket_of(hash) + 1] += 1;
    }
    for bucket in 0..buckets {
        bounds[bucket + 1] += bounds[bucket];
    }
    let mut next = bounds.clone();
    into.resize(hashes.len(), 0);
    for &hash in hashes {
        let place = &mut next[bucket_of(hash)];
        into[*place as usize] = hash;
        *place += 1;
    }
    bounds
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads all hashes back, in slices for a list of `rows` rows.
    fn read_back(runs: &HashRuns, rows: u64) -> (Vec<u64>, u64) {
        let (mut hashes, mut count) = (Vec::new(), 0);
        let mut slices = runs.slices(rows);
        while let Some(slice) = slices.next_slice().unwrap() {
            hashes.extend_from_slice(slice);
            count += 1;
        }
        (hashes, count)
    }

    #[test]
    fn hashes_come_back_in_order_from_memory_and_from_disk() {
        for size in [0, 1, 1_000, RUN, 2 * RUN + 1_000] {
            let folder = tempfile::tempdir().unwrap();
            let mut runs = HashRuns::new(folder.path().join("hashes.tmp"));
            // The ends of the range are there as well.
            let odd = |number: u64| number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
            let mut expected: Vec<u64> = (0..size as u64).map(odd).chain([0, u64::MAX, u64::MAX]).collect();
            for &hash in &expected {
                runs.add(hash).unwrap();
            }
            assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "a file was left behind");
            expected.sort_unstable();
            for rows in [0, size as u64, 10 * size as u64] {
                let (hashes, slices) = read_back(&runs, rows);
                assert!(hashes == expected, "{size} hashes in {slices} slices");
                assert_eq!(slices, (rows / SLICE + 1).next_power_of_two());
            }
        }
    }
}
