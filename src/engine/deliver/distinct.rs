//! The exact number of distinct `OpenID`s, in bounded memory.
//!
//! Each `OpenID` leaves a 64-bit hash. Hashes are kept in sorted runs, on disk once there are many; runs are merged in
//! slices of the range of hashes. A hash that occurs once belongs to one follower. The few that occur more often
//! (duplicates, or chance) are looked at again as strings, in another pass over the journal: so the count is exact,
//! whatever the hash does.

use std::collections::HashSet;
use std::fs::{File, OpenOptions};
use std::io::{self, BufReader, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use ahash::RandomState;
use arrow::array::StringArray;
use fanout_sink::arrow;

use crate::journal::JournalError;

/// Hashes in memory before they become a run on disk: 4 MiB.
const RUN: usize = 512 * 1024;

/// The file of the runs, which loses its name as soon as it is open.
const FILE: &str = "distinct.tmp";

/// Hashes that are looked at as strings in one pass over the journal. Each may stand for one string in memory.
const SUSPECTS: usize = 64 * 1024;

/// Which rows are dropped: those whose `OpenID` an earlier row has. Rows count from 0 over all pages of the journal.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Duplicates {
    /// One bit a row.
    bits: Vec<u64>,
    count: u64,
}

impl Duplicates {
    /// Returns how many rows are dropped.
    pub(super) fn count(&self) -> u64 {
        self.count
    }

    /// Returns whether row `row` is dropped.
    pub(super) fn contains(&self, row: u64) -> bool {
        self.bits.get(row as usize / 64).is_some_and(|bits| bits >> (row % 64) & 1 == 1)
    }

    fn insert(&mut self, row: u64) {
        let word = row as usize / 64;
        if self.bits.len() <= word {
            self.bits.resize(word + 1, 0);
        }
        self.bits[word] |= 1 << (row % 64);
        self.count += 1;
    }
}

/// Counts the distinct `OpenID`s of a walk while its pages go by.
#[derive(Debug)]
pub(super) struct DistinctCounter {
    hasher: RandomState,
    hashes: Vec<u64>,
    rows: u64,
    folder: PathBuf,
    runs: Option<Runs>,
}

/// Sorted runs of [`RUN`] hashes each, one after the other in a file without a name.
#[derive(Debug)]
struct Runs {
    file: File,
    count: u64,
}

impl DistinctCounter {
    /// Starts a count that may keep a temporary file in `folder`.
    pub(super) fn new(folder: &Path) -> Self {
        Self {
            hasher: RandomState::with_seeds(1, 2, 3, 4),
            hashes: Vec::new(),
            rows: 0,
            folder: folder.to_owned(),
            runs: None,
        }
    }

    /// Returns how many rows were added.
    pub(super) fn rows(&self) -> u64 {
        self.rows
    }

    /// Adds the `OpenID`s of a page.
    pub(super) fn add(&mut self, openids: &StringArray) -> Result<(), JournalError> {
        for openid in openids.iter().flatten() {
            self.hashes.push(self.hasher.hash_one(openid));
            if self.hashes.len() == RUN {
                self.flush().map_err(self.io())?;
            }
            self.rows += 1;
        }
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.hashes.sort_unstable();
        let runs = match &mut self.runs {
            Some(runs) => runs,
            none => none.insert(Runs { file: nameless(&self.folder)?, count: 0 }),
        };
        let bytes: Vec<u8> = self.hashes.iter().flat_map(|hash| hash.to_le_bytes()).collect();
        runs.file.seek(SeekFrom::End(0))?;
        runs.file.write_all(&bytes)?;
        runs.count += 1;
        self.hashes.clear();
        Ok(())
    }

    /// Finds the rows to drop. `pages` starts a new pass over all `OpenID`s that were added, page by page; it is
    /// called only if some hash occurs more than once.
    pub(super) fn duplicates<E, P>(&self, mut pages: impl FnMut() -> P) -> Result<Duplicates, E>
    where
        E: From<JournalError>,
        P: Iterator<Item = Result<StringArray, E>>,
    {
        let mut duplicates = Duplicates::default();
        let mut suspects = Vec::new();
        let mut slices = self.slices().map_err(self.io())?;
        while let Some(slice) = slices.next_slice().map_err(self.io())? {
            slice.sort_unstable();
            for run in slice.chunk_by(|a, b| a == b) {
                if run.len() > 1 {
                    suspects.push(run[0]);
                }
            }
            if suspects.len() >= SUSPECTS {
                confirm(&self.hasher, &suspects, pages(), &mut duplicates)?;
                suspects.clear();
            }
        }
        if !suspects.is_empty() {
            confirm(&self.hasher, &suspects, pages(), &mut duplicates)?;
        }
        Ok(duplicates)
    }

    fn io(&self) -> impl FnOnce(io::Error) -> JournalError {
        JournalError::io("use the temporary file", &self.folder.join(FILE))
    }

    /// Starts to read all hashes again, in slices of the range of hashes.
    fn slices(&self) -> io::Result<Slices<'_>> {
        let mut readers = Vec::new();
        if let Some(runs) = &self.runs {
            for run in 0..runs.count {
                readers.push(OpenRun::new(&runs.file, run)?);
            }
        }
        // As many slices as runs keep one slice about as large as one run.
        let count = readers.len() as u64 + 1;
        let width = u64::MAX / count;
        Ok(Slices { memory: &self.hashes, runs: readers, width, next: 0, count, current: Vec::new() })
    }
}

/// Looks at the strings behind `suspects` (sorted hashes), and notes each that was seen before.
fn confirm<E>(
    hasher: &RandomState,
    suspects: &[u64],
    pages: impl Iterator<Item = Result<StringArray, E>>,
    duplicates: &mut Duplicates,
) -> Result<(), E> {
    let suspects: HashSet<u64, RandomState> = suspects.iter().copied().collect();
    let mut seen: HashSet<Box<str>, RandomState> = HashSet::default();
    let mut row = 0;
    for page in pages {
        for openid in page?.iter().flatten() {
            if suspects.contains(&hasher.hash_one(openid)) && !seen.insert(openid.into()) {
                duplicates.insert(row);
            }
            row += 1;
        }
    }
    Ok(())
}

/// All hashes, slice by slice of their range.
struct Slices<'a> {
    memory: &'a [u64],
    runs: Vec<OpenRun>,
    width: u64,
    next: u64,
    count: u64,
    current: Vec<u64>,
}

impl Slices<'_> {
    fn next_slice(&mut self) -> io::Result<Option<&mut [u64]>> {
        if self.next == self.count {
            return Ok(None);
        }
        let start = self.width * self.next;
        self.next += 1;
        let end = if self.next == self.count { u64::MAX } else { self.width * self.next - 1 };
        self.current.clear();
        self.current.extend(self.memory.iter().filter(|&&hash| (start..=end).contains(&hash)));
        for run in &mut self.runs {
            while let Some(hash) = run.head.filter(|&hash| hash <= end) {
                self.current.push(hash);
                run.advance()?;
            }
        }
        Ok(Some(&mut self.current))
    }
}

/// One run, read from its start.
struct OpenRun {
    reader: BufReader<io::Take<RunReader>>,
    head: Option<u64>,
}

/// Reads a shared file at its own place.
struct RunReader {
    file: File,
    offset: u64,
}

impl Read for RunReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        use std::os::unix::fs::FileExt;
        let read = self.file.read_at(buffer, self.offset)?;
        self.offset += read as u64;
        Ok(read)
    }
}

impl OpenRun {
    fn new(file: &File, run: u64) -> io::Result<Self> {
        let length = (RUN * size_of::<u64>()) as u64;
        let reader = RunReader { file: file.try_clone()?, offset: run * length };
        let mut run = Self { reader: BufReader::with_capacity(32 * 1024, reader.take(length)), head: None };
        run.advance()?;
        Ok(run)
    }

    fn advance(&mut self) -> io::Result<()> {
        let mut hash = [0; 8];
        self.head = match self.reader.read_exact(&mut hash) {
            Ok(()) => Some(u64::from_le_bytes(hash)),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => None,
            Err(error) => return Err(error),
        };
        Ok(())
    }
}

/// Opens a file that has no name any more, so that a crash leaves nothing behind.
fn nameless(folder: &Path) -> io::Result<File> {
    let path = folder.join(FILE);
    let file = OpenOptions::new().read(true).write(true).create(true).truncate(true).mode(0o600).open(&path)?;
    std::fs::remove_file(&path)?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(pages: &[StringArray]) -> (u64, Duplicates) {
        let folder = tempfile::tempdir().unwrap();
        let mut counter = DistinctCounter::new(folder.path());
        for page in pages {
            counter.add(page).unwrap();
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
        counter.add(&page(0..1000)).unwrap();
        let duplicates = counter.duplicates::<JournalError, std::iter::Empty<_>>(|| panic!("a second pass")).unwrap();
        assert_eq!(duplicates, Duplicates::default());
    }

    #[test]
    fn runs_on_disk_give_the_same_answer_as_memory() {
        let size = RUN as u64 * 2 + 1000;
        // Every 1,000th follower comes again at the end.
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
        counter.add(&page(0..RUN as u64 - 1)).unwrap();
        let error = counter.add(&page([RUN as u64])).unwrap_err();
        assert!(error.to_string().ends_with(FILE), "{error}");
        assert!(error.hint().unwrap().contains("make room"), "{error}");
    }

    #[test]
    fn a_list_that_comes_twice_is_counted_once_however_many_passes_it_takes() {
        let size = SUSPECTS as u64 * 3;
        let (rows, duplicates) = count(&[page(0..size), page(0..size)]);
        assert_eq!((rows, duplicates.count()), (2 * size, size));
    }
}
