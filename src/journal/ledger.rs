//! The ledger: today's number of calls to one endpoint for an account, of all pipelines on this
//! state.
//!
//! Before it: [`source`](crate::source) counts each call before it is made, so a crash leaves one
//! call too many rather than one too few. Behind it: the calls that are left, if WeChat does not
//! state them, which the engine compares with its forecast; and `status`.
//!
//! What a run delivers does not depend on it; only under `source.quota.refuse` may a walk be
//! refused because of it. A ledger that cannot be read, or is not what was written, counts as
//! empty. One that cannot be written is given up with a warning.
//!
//! The file is one short line, overwritten in place. A rename would not be safer, because the
//! checksum detects half a line, and would take ext4 a millisecond: half of what a page takes
//! without the network.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};

use super::disk;
use super::error::JournalError;
use crate::wechat::date_in_beijing;

/// The number of calls to one endpoint on one day. Processes that read different lists of the
/// account share the file, so each write holds its lock.
#[derive(Debug)]
pub struct Ledger {
    path: PathBuf,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    file: LedgerFile,
    /// What this process wrote last. It is used once the file cannot be written.
    record: Record,
}

/// Where the record is written.
#[derive(Debug)]
enum LedgerFile {
    NotOpened,
    Open(File),
    /// It could not be written.
    Lost,
}

/// The length of the file in bytes: longer than any record, shorter than a disk's atomic write.
const LENGTH: usize = 128;

/// The content of the file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Record {
    /// The date in Beijing: WeChat counts by it.
    day: NaiveDate,
    calls: u64,
    /// CRC-32C of the two above: without it an altered number would be believed.
    checksum: u32,
}

impl Record {
    fn new(day: NaiveDate, calls: u64) -> Self {
        let checksum = crc32c::crc32c(format!("{day} {calls}").as_bytes());
        Self { day, calls, checksum }
    }
}

impl Ledger {
    /// Finds the ledger at `path`, and warns if it is damaged.
    pub(super) fn open(path: PathBuf) -> Self {
        let record = read(&path).unwrap_or_else(|| {
            tracing::warn!(path = %path.display(), "the ledger of calls is damaged and not believed; it begins anew");
            Record::default()
        });
        Self { path, state: Mutex::new(State { file: LedgerFile::NotOpened, record }) }
    }

    /// Counts a call that is about to be made.
    pub fn count(&self, now: DateTime<Utc>) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let State { file, record } = &mut *state;
        if let Err(error) = self.add_call(file, record, now) {
            *file = LedgerFile::Lost;
            tracing::warn!(%error, "the ledger of calls cannot be written; it lacks the calls of this run");
        }
    }

    /// Returns how many calls were made today.
    pub fn today(&self, now: DateTime<Utc>) -> u64 {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let LedgerFile::Lost = state.file { calls_on(&state.record, now) } else { calls_today(&self.path, now) }
    }

    /// Adds one call to the record and writes it. It is not synced: a sync for each call costs more
    /// than the loss of the last calls at a power failure.
    fn add_call(&self, ledger: &mut LedgerFile, record: &mut Record, now: DateTime<Utc>) -> Result<(), JournalError> {
        let next = |record: &Record| Record::new(date_in_beijing(now), calls_on(record, now) + 1);
        *record = next(record);
        if let LedgerFile::NotOpened = ledger {
            *ledger = LedgerFile::Open(disk::open_file(&self.path)?);
        }
        let LedgerFile::Open(file) = ledger else { return Ok(()) };
        file.lock().map_err(JournalError::io("lock", &self.path))?;
        *record = next(&read(&self.path).unwrap_or_default());
        let text = serde_json::to_string(record).expect("text and numbers are JSON");
        let line = format!("{text:<width$}\n", width = LENGTH - 1);
        // A longer file was not a ledger, and its rest would make this one unreadable.
        let written = file.write_all_at(line.as_bytes(), 0).and_then(|()| file.set_len(LENGTH as u64));
        let written = written.and(file.unlock());
        written.map_err(JournalError::io("write", &self.path))
    }
}

/// Returns today's calls in the ledger at `path`, without a lock; 0 if it is damaged.
pub(super) fn calls_today(path: &Path, now: DateTime<Utc>) -> u64 {
    calls_on(&read(path).unwrap_or_default(), now)
}

/// Reads the record at `path`: an empty one if there is no file yet; `None` if it is damaged.
fn read(path: &Path) -> Option<Record> {
    let read = || {
        let record = disk::read_json::<Record>(path).ok()?.unwrap_or_default();
        let is_whole = record == Record::default() || record == Record::new(record.day, record.calls);
        is_whole.then_some(record)
    };
    // Twice, because another process may have been writing during the first read.
    read().or_else(read)
}

/// Returns the calls of `record` if it is today's, else 0. After a clock jump it counts as another
/// day's.
fn calls_on(record: &Record, now: DateTime<Utc>) -> u64 {
    if record.day == date_in_beijing(now) { record.calls } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[test]
    fn the_calls_of_a_day_are_counted_across_runs_until_midnight_in_beijing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("calls.user-get.json");
        let evening = at("2026-11-22T15:59:59Z");
        for run in 0..3 {
            let ledger = Ledger::open(path.clone());
            assert_eq!(ledger.today(evening), 2 * run);
            ledger.count(evening);
            ledger.count(evening);
        }
        let ledger = Ledger::open(path.clone());
        let morning = at("2026-11-22T16:00:00Z");
        assert_eq!(ledger.today(morning), 0);
        ledger.count(morning);
        assert_eq!(Ledger::open(path).today(morning), 1);
    }

    #[test]
    fn a_damaged_ledger_is_not_believed_and_begins_anew() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("calls.user-get.json");
        let now = at("2026-11-22T12:00:00Z");
        Ledger::open(path.clone()).count(now);
        let text = std::fs::read_to_string(&path).unwrap();
        let altered = text.replacen("\"calls\":1", "\"calls\":9", 1);
        assert_ne!(altered, text);
        assert_eq!(text.len(), LENGTH);
        let long = text.clone() + &text;
        for damaged in [altered.as_str(), &text[..40], &long, "", "\0\0\0", "[]"] {
            std::fs::write(&path, damaged).unwrap();
            let ledger = Ledger::open(path.clone());
            assert_eq!(ledger.today(now), 0, "{damaged}");
            ledger.count(now);
            assert_eq!(Ledger::open(path.clone()).today(now), 1, "{damaged}");
        }
    }

    #[test]
    fn lists_that_are_read_at_once_count_their_calls_together() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("calls.user-get.json");
        let now = at("2026-11-22T12:00:00Z");
        std::thread::scope(|scope| {
            for ledger in [Ledger::open(path.clone()), Ledger::open(path.clone())] {
                scope.spawn(move || (0..100).for_each(|_| ledger.count(now)));
            }
        });
        assert_eq!(Ledger::open(path).today(now), 200);
    }

    #[test]
    fn the_calls_of_earlier_runs_count_where_the_ledger_cannot_be_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("calls.user-get.json");
        let now = at("2026-11-22T12:00:00Z");
        Ledger::open(path.clone()).count(now);
        let ledger = Ledger::open(path.clone());
        // A folder in its place: nothing can be written there.
        std::fs::remove_file(&path).unwrap();
        std::fs::create_dir(&path).unwrap();
        ledger.count(now);
        assert_eq!(ledger.today(now), 2);
    }

    #[test]
    fn a_ledger_that_cannot_be_written_stops_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let ledger = Ledger::open(folder.path().join("missing/calls.user-get.json"));
        let now = at("2026-11-22T12:00:00Z");
        ledger.count(now);
        ledger.count(now);
        assert_eq!(ledger.today(now), 2);
    }
}
