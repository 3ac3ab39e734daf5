//! The reports of runs, one file each: what came of every account, for whoever looks in the morning.
//!
//! ```text
//! <journal.path>/runs/<time>-<pipeline>.json
//! ```
//!
//! They are for people and programs, and nothing in fanout rests on them.

use std::fs::{self, OpenOptions};
use std::io::ErrorKind;
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
    /// Finds the reports under the `journal.path` of a pipeline file.
    pub fn new(journal: &Path) -> Self {
        Self { folder: journal.join(RUNS) }
    }

    /// Records what `report` makes for the name that the run gets: when it began (`2026-01-31T02:00:00Z`), and its
    /// pipeline. Runs that began in the same second are numbered.
    ///
    /// # Errors
    ///
    /// [`JournalError::Io`] if it cannot be written; nothing of it is there then.
    pub fn record<Report: Serialize>(
        &self,
        pipeline: &str,
        begun_at: DateTime<Utc>,
        report: impl FnOnce(&str) -> Report,
    ) -> Result<(), JournalError> {
        disk::create_folder(&self.folder)?;
        let name = format!("{}-{pipeline}", begun_at.format("%Y%m%dT%H%M%SZ"));
        let numbered = (2_u64..).map(|number| format!("{name}-{number}"));
        for run in std::iter::once(name.clone()).chain(numbered) {
            let path = self.path(&run);
            // An empty file holds the name against other runs until the report takes its place.
            match OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path) {
                Ok(_) => return disk::write_file(&path, &disk::to_json(&report(&run))),
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
        let entries = match fs::read_dir(&self.folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(JournalError::io("list", &self.folder)(error)),
        };
        let mut names = Vec::new();
        for entry in entries {
            let name = entry.map_err(JournalError::io("list", &self.folder))?.file_name();
            names.extend(name.to_str().and_then(|name| name.strip_suffix(".json")).map(str::to_owned));
        }
        names.sort_unstable();
        Ok(names)
    }

    /// Reads the report of `run`; none if there is none, or if the run has claimed its name and ended there.
    ///
    /// # Errors
    ///
    /// [`JournalError::Io`] if it cannot be read, [`JournalError::Record`] if it is no report.
    pub fn read<Report: DeserializeOwned>(&self, run: &str) -> Result<Option<Report>, JournalError> {
        let path = self.path(run);
        if fs::metadata(&path).is_ok_and(|file| file.len() == 0) {
            return Ok(None);
        }
        disk::read_json(&path)
    }

    /// Removes the report of `run`.
    ///
    /// # Errors
    ///
    /// [`JournalError::Io`] if it cannot be removed.
    pub fn remove(&self, run: &str) -> Result<(), JournalError> {
        let path = self.path(run);
        fs::remove_file(&path).map_err(JournalError::io("remove", &path))
    }

    /// Returns the file of the report of `run`.
    pub fn path(&self, run: &str) -> PathBuf {
        self.folder.join(format!("{run}.json"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(reports: &RunReports, begun_at: &str, content: u64) -> String {
        let mut name = String::new();
        let report = |run: &str| {
            name = run.to_owned();
            content
        };
        reports.record("nightly", begun_at.parse().unwrap(), report).unwrap();
        name
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
