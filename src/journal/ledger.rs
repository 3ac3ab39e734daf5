//! The ledger: how many calls for pages a list has cost today, whichever pipeline on this state has made them.
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

use super::{JournalError, disk};
use crate::source::date_in_beijing;

/// The calls of one list on one day. The lock of the account keeps every other process from it.
#[derive(Debug)]
pub struct Ledger {
    path: PathBuf,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    record: Record,
    file: Sheet,
}

/// Where the record is written.
#[derive(Debug)]
enum Sheet {
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
    /// Reads the ledger at `path`, or begins one.
    pub(super) fn open(path: PathBuf) -> Self {
        let record = read(&path).unwrap_or_else(|| {
            tracing::warn!(path = %path.display(), "the ledger of calls is damaged and not believed; it begins anew");
            Record::default()
        });
        Self { path, state: Mutex::new(State { record, file: Sheet::NotOpened }) }
    }

    /// Counts a call that is about to be made.
    pub fn count(&self, now: DateTime<Utc>) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let State { record, file } = &mut *state;
        *record = Record::new(date_in_beijing(now).to_string(), calls_on(record, now) + 1);
        if let Err(error) = self.write(record, file) {
            *file = Sheet::Lost;
            tracing::warn!(%error, "the ledger of calls cannot be written; the calls of this run are missing in it");
        }
    }

    /// Returns how many calls were made today.
    pub fn today(&self, now: DateTime<Utc>) -> u64 {
        calls_on(&self.state.lock().unwrap_or_else(PoisonError::into_inner).record, now)
    }

    /// Writes the record. It is not synced: to lose the last calls with the machine's power is no harm, and a sync a call
    /// would be.
    fn write(&self, record: &Record, sheet: &mut Sheet) -> Result<(), JournalError> {
        if let Sheet::NotOpened = sheet {
            let file = disk::open_file(&self.path)?;
            file.set_len(LENGTH as u64).map_err(JournalError::io("write", &self.path))?;
            *sheet = Sheet::Open(file);
        }
        let Sheet::Open(file) = sheet else { return Ok(()) };
        let text = serde_json::to_string(record).expect("text and numbers are JSON");
        let line = format!("{text:<width$}\n", width = LENGTH - 1);
        file.write_all_at(line.as_bytes(), 0).map_err(JournalError::io("write", &self.path))
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
        let path = folder.path().join("followers.calls.json");
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
        let path = folder.path().join("followers.calls.json");
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
    fn a_ledger_that_cannot_be_written_stops_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let ledger = Ledger::open(folder.path().join("missing/followers.calls.json"));
        let now = at("2026-11-22T12:00:00Z");
        ledger.count(now);
        ledger.count(now);
        assert_eq!(ledger.today(now), 2);
    }
}
