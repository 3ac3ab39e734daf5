//! The ledger: how many calls of one endpoint an account has cost today, whichever pipeline on this state has made them.
//!
//! It only helps to foresee whether the day's calls will do, so it is no part of what a run depends on: one that cannot be
//! read, or is not what was written, counts as empty, and one that cannot be written is given up with a warning.
//!
//! It is one short line, written over the one before. A rename would be no safer, for the checksum notices half a line, and
//! takes ext4 a millisecond, which is half of what a page takes without the network.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::disk;
use super::error::JournalError;
use crate::wechat::date_in_beijing;

/// The calls of one endpoint on one day. Processes that read different lists of the account share it: each write holds
/// the file's lock for as long as it takes.
#[derive(Debug)]
pub struct Ledger {
    path: PathBuf,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    file: LedgerFile,
    /// What this process wrote last. It counts once the file cannot be written any more.
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

/// The length of the file, in bytes: more than a record, and less than a disk writes at once.
const LENGTH: usize = 128;

/// What stands in the file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Record {
    /// The date in Beijing, by which WeChat counts.
    day: String,
    calls: u64,
    /// CRC-32C of the two: a number that was altered would be believed.
    checksum: u32,
}

impl Record {
    fn new(day: String, calls: u64) -> Self {
        let checksum = crc32c::crc32c(format!("{day} {calls}").as_bytes());
        Self { day, calls, checksum }
    }
}

impl Ledger {
    /// Finds the ledger at `path`, and warns if it is damaged.
    pub(super) fn open(path: PathBuf) -> Self {
        if read(&path).or_else(|| read(&path)).is_none() {
            tracing::warn!(path = %path.display(), "the ledger of calls is damaged and not believed; it begins anew");
        }
        Self { path, state: Mutex::new(State { file: LedgerFile::NotOpened, record: Record::default() }) }
    }

    /// Counts a call that is about to be made.
    pub fn count(&self, now: DateTime<Utc>) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let State { file, record } = &mut *state;
        if let Err(error) = self.add_call(file, record, now) {
            *file = LedgerFile::Lost;
            tracing::warn!(%error, "the ledger of calls cannot be written; the calls of this run are missing in it");
        }
    }

    /// Returns how many calls were made today.
    pub fn today(&self, now: DateTime<Utc>) -> u64 {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let LedgerFile::Lost = state.file { calls_on(&state.record, now) } else { calls_today(&self.path, now) }
    }

    /// Writes the record with one call more. It is not synced: to lose the last calls with the machine's power is no harm,
    /// and a sync a call would be.
    fn add_call(&self, ledger: &mut LedgerFile, record: &mut Record, now: DateTime<Utc>) -> Result<(), JournalError> {
        let next = |record: &Record| Record::new(date_in_beijing(now).to_string(), calls_on(record, now) + 1);
        *record = next(record);
        if let LedgerFile::NotOpened = ledger {
            *ledger = LedgerFile::Open(disk::open_file(&self.path)?);
        }
        let LedgerFile::Open(file) = ledger else { return Ok(()) };
        file.lock().map_err(JournalError::io("lock", &self.path))?;
        *record = next(&read(&self.path).unwrap_or_default());
        let text = serde_json::to_string(record).expect("text and numbers are JSON");
        let line = format!("{text:<width$}\n", width = LENGTH - 1);
        // A file that was longer is no ledger, so it was not believed.
        let written = file.write_all_at(line.as_bytes(), 0).and_then(|()| file.set_len(LENGTH as u64));
        let written = written.and(file.unlock());
        written.map_err(JournalError::io("write", &self.path))
    }
}

/// Returns how many calls the ledger at `path` has of today, for whoever only looks. One that is damaged has none.
pub(super) fn calls_today(path: &Path, now: DateTime<Utc>) -> u64 {
    // It is written over in place, and may be met half-way.
    let record = read(path).or_else(|| read(path)).unwrap_or_default();
    calls_on(&record, now)
}

/// Reads the record at `path`, an empty one if there is none yet; none if it is damaged.
fn read(path: &Path) -> Option<Record> {
    let record = disk::read_json::<Record>(path).ok()?.unwrap_or_default();
    let is_whole = record == Record::default() || record == Record::new(record.day.clone(), record.calls);
    is_whole.then_some(record)
}

/// Returns the calls of `record`, if it is of today. A clock that has jumped makes it one of another day, and no more.
fn calls_on(record: &Record, now: DateTime<Utc>) -> u64 {
    if record.day == date_in_beijing(now).to_string() { record.calls } else { 0 }
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
    fn a_ledger_that_cannot_be_written_stops_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let ledger = Ledger::open(folder.path().join("missing/calls.user-get.json"));
        let now = at("2026-11-22T12:00:00Z");
        ledger.count(now);
        ledger.count(now);
        assert_eq!(ledger.today(now), 2);
    }
}
