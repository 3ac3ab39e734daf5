//! The files of one list, from the first byte in staging to the report.
//!
//! Before it: a sink, which passes its calls on. Behind it: `part`, `manifest`, and `storage`,
//! which publishes.

use super::hive::check_columns;
use super::manifest::{Manifest, ManifestFile, Marker, StagedList, render};
use super::names::Names;
use super::options::FileOptions;
use super::part::{PartWriter, sha256};
use super::storage::{self, Published, Storage};
use crate::context::SinkContext;
use crate::error::SinkError;
use crate::sink::{Output, SinkReport};
use crate::snapshot::Snapshot;

/// The files of one list in staging, and their way to the target.
///
/// The methods follow the protocol of [`Sink`](crate::Sink): the parts are written one after
/// another, then comes `prepare`, then `commit` (safe to repeat), or `abort` at any time before.
///
/// ```
/// use std::io::Write;
///
/// use fanout_sink::files::{FileOptions, StagedFiles, file_error};
/// use fanout_sink::{SinkContext, SinkError, SinkReport, Snapshot};
///
/// /// Publishes a list that is already encoded as text.
/// fn publish(text: &str, context: &SinkContext, snapshot: &Snapshot) -> Result<SinkReport, SinkError> {
///     let layout = "dt={date}/account={account}/part-{part}.txt".to_owned();
///     let options = FileOptions { root: "out".into(), layout, rolling: false };
///     let mut files = StagedFiles::open(&options, context)?;
///     let mut part = files.next_part()?;
///     part.write_all(text.as_bytes()).map_err(|error| file_error("write", part.path(), Box::new(error)))?;
///     files.finish_part(part, text.lines().count() as u64)?;
///     // After this call the whole list is on disk, and no reader sees it.
///     files.prepare(snapshot)?;
///     files.commit()
/// }
/// # use std::sync::Arc;
/// # use fanout_sink::{WalkId, arrow::datatypes::Schema, chrono::DateTime};
/// # let folder = tempfile::tempdir().unwrap();
/// # let context = SinkContext::new("main", "wx1", Arc::new(Schema::empty())).with_directory(folder.path());
/// # let begun_at = DateTime::UNIX_EPOCH;
/// # let snapshot = Snapshot {
/// #     walk: context.walk, date: context.date, begun_at, rows: 2, first_fetched_at: None, last_fetched_at: None,
/// #     digest: String::new(), proof: Default::default(),
/// # };
/// # assert_eq!(publish("o1\no2\n", &context, &snapshot).unwrap().bytes, 6);
/// # assert!(folder.path().join("out/dt=1970-01-01/account=main/_SUCCESS").exists());
/// # assert!(!folder.path().join("out.staging").exists());
/// ```
#[derive(Debug)]
pub struct StagedFiles {
    names: Names,
    storage: Box<dyn Storage>,
    files: Vec<ManifestFile>,
    rows: u64,
    next_part: u32,
    details: Option<serde_json::Value>,
    prepared: Option<StagedList>,
}

/// The rows of a file, if they do not simply follow those of the file before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PartRows {
    /// The number of rows.
    pub count: u64,
    /// The positions in the list of the first and the last row, counted from 0; `None` if there are
    /// no rows.
    pub positions: Option<(u64, u64)>,
}

impl StagedFiles {
    /// Opens staging for one list, and removes what an earlier attempt of this sink at this list
    /// left there.
    ///
    /// # Errors
    ///
    /// As [`check`](super::check), or if staging cannot be created.
    pub fn open(options: &FileOptions, context: &SinkContext) -> Result<Self, SinkError> {
        check_columns(options, context)?;
        let names = Names::new(options, context)?;
        let storage = storage::open(options, &names)?;
        Ok(Self::of(names, storage))
    }

    pub(super) fn of(names: Names, storage: Box<dyn Storage>) -> Self {
        Self { names, storage, files: Vec::new(), rows: 0, next_part: 0, details: None, prepared: None }
    }

    /// Begins the next file of the list.
    ///
    /// # Errors
    ///
    /// If the file cannot be created.
    pub fn next_part(&mut self) -> Result<PartWriter, SinkError> {
        let name = self.names.file(self.next_part)?;
        self.next_part += 1;
        self.storage.create_part(&name)
    }

    /// Finishes a file of `rows` rows. It is durable after [`prepare`](Self::prepare).
    ///
    /// # Errors
    ///
    /// If the rest of the file cannot be written.
    pub fn finish_part(&mut self, part: PartWriter, rows: u64) -> Result<(), SinkError> {
        let positions = (rows > 0).then(|| (self.rows, self.rows + rows - 1));
        self.finish_part_of(part, PartRows { count: rows, positions }, None)
    }

    /// Finishes a file whose rows come from anywhere in the list. `details` are written to the
    /// manifest. The file is durable after [`prepare`](Self::prepare).
    ///
    /// # Errors
    ///
    /// If the rest of the file cannot be written.
    pub fn finish_part_of(
        &mut self,
        part: PartWriter,
        rows: PartRows,
        details: Option<serde_json::Value>,
    ) -> Result<(), SinkError> {
        let written = self.storage.finish_part(part)?;
        self.files.push(ManifestFile {
            path: written.name,
            bytes: written.bytes,
            rows: rows.count,
            sha256: written.sha256,
            first_position: rows.positions.map(|(first, _)| first),
            last_position: rows.positions.map(|(_, last)| last),
            details,
        });
        self.rows += rows.count;
        Ok(())
    }

    /// Sets the facts in the manifest that only this kind of sink has.
    pub fn set_details(&mut self, details: serde_json::Value) {
        self.details = Some(details);
    }

    /// Completes staging with manifest and marker, and makes all of it durable, but not visible.
    ///
    /// # Errors
    ///
    /// If the parts do not hold exactly the rows of the snapshot, or something cannot be written.
    pub fn prepare(&mut self, snapshot: &Snapshot) -> Result<(), SinkError> {
        if self.rows != snapshot.rows {
            let message = format!("the files hold {} rows; the list has {}", self.rows, snapshot.rows);
            return Err(SinkError::permanent(message));
        }
        let manifest =
            render(&Manifest::new(self.names.context(), snapshot, self.details.clone(), self.files.clone()))?;
        let marker = render(&Marker {
            rows: self.rows,
            files: self.files.len() as u64,
            list: self.names.context().list.clone(),
            walk: snapshot.walk,
            date: snapshot.date,
            manifest_sha256: sha256(&manifest),
            upload: None,
        })?;
        let head = serde_json::from_slice(&manifest)
            .map_err(|error| SinkError::permanent("cannot read the manifest back").with_source(error))?;
        let list = StagedList { manifest, marker, head };
        self.names.context().writer_is_closed();
        self.storage.stage(&list)?;
        self.prepared = Some(list);
        Ok(())
    }

    fn report(&self) -> SinkReport {
        let output = |file: &ManifestFile| Output {
            location: self.storage.location(&file.path),
            rows: file.rows,
            bytes: file.bytes,
        };
        SinkReport {
            rows: self.rows,
            bytes: self.files.iter().map(|file| file.bytes).sum(),
            outputs: self.files.iter().map(output).collect(),
            mount: self.storage.mount(),
        }
    }

    /// Publishes the list; safe to repeat. A list that is already published is left as it is.
    ///
    /// So is a newer list of the same owner, whose walk began later: a late delivery does not undo
    /// it. The commit then succeeds, and its report names the files that the list would have had:
    /// that is the place where [`find`](super::find) sees that the list was replaced.
    ///
    /// # Errors
    ///
    /// If something foreign is at the target, or the file system refuses a step. The list at the
    /// target is then the old one or the new one, and staging is removed. An object store that
    /// refuses to complete the object keeps the new manifest beside the old object, without a
    /// marker, until a later commit. A temporary error if other processes publish there, too, and
    /// share no locks with this one.
    pub fn commit(&mut self) -> Result<SinkReport, SinkError> {
        let Some(list) = &self.prepared else {
            return Err(SinkError::permanent("the list is not prepared, so it cannot be committed"));
        };
        let walk = list.head.walk;
        let published = self.storage.publish(list).inspect_err(|error| {
            if !error.is_temporary() {
                // This list is delivered anew, if at all, and perhaps nothing opens it again.
                self.discard();
            }
        });
        if let Published::Newer(newer) = published? {
            let place = self.files.first().map_or_else(String::new, |file| self.storage.location(&file.path));
            let (newer, begun_at) = (newer.walk, newer.begun_at);
            tracing::warn!(%walk, %newer, %begun_at, %place, "a newer list is published there, and stays");
        }
        self.discard();
        Ok(self.report())
    }

    /// Removes staging after a commit. The next `open` removes what stays.
    fn discard(&mut self) {
        if let Err(error) = self.storage.discard() {
            tracing::warn!(%error, "staging could not be removed");
        }
    }

    /// Removes staging, with every folder that was made for it.
    ///
    /// # Errors
    ///
    /// If staging cannot be removed.
    pub fn abort(&mut self) -> Result<(), SinkError> {
        self.storage.discard()
    }
}
