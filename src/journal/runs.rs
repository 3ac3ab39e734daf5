//! The files of the reports of runs, one for each run.
//!
//! ```text
//! <journal.path>/runs/<time>-<pipeline>.json
//! ```
//!
//! Before it: the engine writes what is known of a run at its beginning, and replaces that by the
//! report at its end. Behind it: people and programs read the files; `fanout history` and `fanout
//! report` show them. No run depends on them.
//!
//! A run holds a lock on the file from its beginning to its end. A file without a lock is final:
//! the report, or, after a crash, what was known at the beginning.

use std::fs::{self, OpenOptions, TryLockError};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::disk;
use super::error::JournalError;
use crate::config::RUNS;

/// The reports of the runs of one state, from the oldest to the newest.
#[derive(Clone, Debug)]
pub struct RunReports {
    folder: PathBuf,
}

impl RunReports {
    /// Returns the reports under `journal`, the `journal.path` of a pipeline file.
    pub fn new(journal: &Path) -> Self {
        Self { folder: journal.join(RUNS) }
    }

    /// Names a run after the second in which it began and its pipeline
    /// (`20260131T020000Z-nightly`), and records what `report` makes for that name. It is hidden
    /// until the run ends, in whatever way. Runs that began in the same second are numbered.
    ///
    /// # Errors
    ///
    /// [`JournalError::Io`] if the report cannot be written.
    pub fn begin<Report: Serialize>(
        &self,
        pipeline: &str,
        begun_at: DateTime<Utc>,
        report: impl FnOnce(&str) -> Report,
    ) -> Result<OpenReport, JournalError> {
        disk::create_folder(&self.folder)?;
        let name = format!("{}-{pipeline}", begun_at.format("%Y%m%dT%H%M%SZ"));
        let numbered = (2_u64..).map(|number| format!("{name}-{number}"));
        for run in std::iter::once(name.clone()).chain(numbered) {
            let path = self.path(&run);
            match OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path) {
                Ok(file) => {
                    let content = disk::to_json(&report(&run));
                    // A reader that looks at this moment holds a shared lock for as long as the
                    // look.
                    file.lock().map_err(JournalError::io("lock", &path))?;
                    let open = OpenReport { run, path, file };
                    let error = JournalError::io(format!("write {} bytes to", content.len()), &open.path);
                    (&open.file).write_all(&content).map_err(error)?;
                    return Ok(open);
                }
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                Err(error) => return Err(JournalError::io("create", &path)(error)),
            }
        }
        unreachable!("some number is free")
    }

    /// Returns the names of the runs, oldest first.
    ///
    /// # Errors
    ///
    /// [`JournalError::Io`] if the folder cannot be listed.
    pub fn names(&self) -> Result<Vec<String>, JournalError> {
        let files = disk::names(&self.folder)?;
        let mut names: Vec<_> = files.iter().filter_map(|name| name.strip_suffix(".json")).map(str::to_owned).collect();
        names.sort_unstable();
        Ok(names)
    }

    /// Reads the report of `run`; `None` if there is no file, an empty one (the run ended before
    /// its first record), or one of a run under way.
    ///
    /// # Errors
    ///
    /// [`JournalError::Io`] if the file cannot be read, [`JournalError::Record`] if it is not a
    /// report.
    pub fn read<Report: DeserializeOwned>(&self, run: &str) -> Result<Option<Report>, JournalError> {
        let path = self.path(run);
        if let Ok(file) = fs::File::open(&path)
            && matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock))
        {
            return Ok(None);
        }
        // The file is opened once more: a run that has ended meanwhile has replaced it.
        if fs::metadata(&path).is_ok_and(|file| file.len() == 0) {
            return Ok(None);
        }
        disk::read_json(&path)
    }

    /// Removes the report of `run`.
    ///
    /// # Errors
    ///
    /// [`JournalError::Io`] if the file cannot be removed.
    pub fn remove(&self, run: &str) -> Result<(), JournalError> {
        let path = self.path(run);
        fs::remove_file(&path).map_err(JournalError::io("remove", &path))
    }

    /// Returns the file of the report of `run`.
    pub fn path(&self, run: &str) -> PathBuf {
        self.folder.join(format!("{run}.json"))
    }
}

/// The report of a run under way. A crash, or dropping it, leaves what was known at the beginning.
#[derive(Debug)]
pub struct OpenReport {
    run: String,
    path: PathBuf,
    file: fs::File,
}

impl OpenReport {
    /// Returns the name of the run.
    pub fn run(&self) -> &str {
        &self.run
    }

    /// Replaces what was known at the beginning by the report, and ends the lock.
    ///
    /// # Errors
    ///
    /// [`JournalError::Io`] if the report cannot be written.
    pub fn end(self, report: &impl Serialize) -> Result<(), JournalError> {
        disk::write_file(&self.path, &disk::to_json(report))
    }
}

impl Drop for OpenReport {
    fn drop(&mut self) {
        // As in `lock`: a child that has just started may have a copy of the open file.
        if let Err(error) = self.file.unlock() {
            tracing::debug!(%error, "the lock of a report is released only when the file is closed");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn begin(reports: &RunReports, begun_at: &str) -> OpenReport {
        reports.begin("nightly", begun_at.parse().unwrap(), |_| 0).unwrap()
    }

    fn record(reports: &RunReports, begun_at: &str, content: u64) -> String {
        let open = begin(reports, begun_at);
        let name = open.run().to_owned();
        open.end(&content).unwrap();
        name
    }

    #[test]
    fn a_run_that_was_cut_off_leaves_what_was_known_and_one_under_way_is_hidden() {
        let folder = tempfile::tempdir().unwrap();
        let reports = RunReports::new(folder.path());
        let open = begin(&reports, "2026-01-31T02:00:00Z");
        let run = open.run().to_owned();
        assert_eq!(reports.read::<u64>(&run).unwrap(), None);
        drop(open);
        assert_eq!(reports.read::<u64>(&run).unwrap(), Some(0));
    }

    #[test]
    fn runs_that_began_in_one_second_do_not_take_each_others_place() {
        let folder = tempfile::tempdir().unwrap();
        let reports = RunReports::new(folder.path());
        assert_eq!(reports.names().unwrap(), Vec::<String>::new());
        let one = record(&reports, "2026-01-31T02:00:00Z", 1);
        let two = record(&reports, "2026-01-31T02:00:00Z", 2);
        let later = record(&reports, "2026-01-31T02:00:01Z", 3);
        assert_eq!(one, "20260131T020000Z-nightly");
        assert_eq!(reports.names().unwrap(), [one.clone(), two.clone(), later.clone()]);
        let read = [one, two, later].map(|run| reports.read::<u64>(&run).unwrap());
        assert_eq!(read, [Some(1), Some(2), Some(3)]);
    }

    #[test]
    fn a_run_that_ended_before_its_report_has_none() {
        let folder = tempfile::tempdir().unwrap();
        let reports = RunReports::new(folder.path());
        let run = record(&reports, "2026-01-31T02:00:00Z", 1);
        fs::write(reports.path(&run), "").unwrap();
        assert_eq!(reports.read::<u64>(&run).unwrap(), None);
        assert_eq!(reports.read::<u64>("another").unwrap(), None);
        fs::write(reports.path(&run), "{").unwrap();
        assert!(matches!(reports.read::<u64>(&run), Err(JournalError::Record { .. })));
    }
}
