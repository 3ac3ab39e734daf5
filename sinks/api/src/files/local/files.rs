//! A list on its way through this machine's file system: its attempt in staging, and its target.
//!
//! Before it: `storage`. Behind it: `attempt`, which stages the list, and `publishing`.

use std::fmt;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::attempt::Attempt;
use super::mount::mount_of;
use super::publishing::publish;
use super::steps::sync_folder;
use super::target::Target;
use crate::error::SinkError;
use crate::files::error::io_error;
use crate::files::manifest::StagedList;
use crate::files::names::Names;
use crate::files::part::{PartFile, PartWriter, Written};
use crate::files::storage::{Published, Storage};
use crate::files::sync::sync_file;

/// The bytes of a part after which the system is told to write them: enough for a disk to work at
/// its full speed, and little for the last sync to wait for.
const STRETCH: u64 = 16 << 20;

/// The files of one list in a folder of this machine.
pub(in crate::files) struct LocalFiles {
    target: Target,
    attempt: Attempt,
    /// The last part, once it is written and until it is synced.
    last_part: Option<Box<dyn PartFile>>,
}

impl LocalFiles {
    pub(in crate::files) fn open(root: &Path, names: &Names) -> Result<Self, SinkError> {
        let target = Target::new(root, names)?;
        // First: what a crash has left may be in the way of another owner.
        Attempt::sweep(&target)?;
        target.check_folders()?;
        target.check_place()?;
        let attempt = Attempt::open(&target)?;
        Ok(Self { target, attempt, last_part: None })
    }

    /// Returns the folder of the list by its real path, which a person or another program can open
    /// from anywhere.
    fn real_folder(&self) -> PathBuf {
        fs::canonicalize(self.target.folder()).unwrap_or_else(|_| self.target.folder().to_owned())
    }
}

impl Storage for LocalFiles {
    fn create_part(&mut self, name: &str) -> Result<PartWriter, SinkError> {
        let path = self.attempt.list().join(name);
        let file = LocalFile::create(&path).map_err(|error| self.attempt.explain(error, SinkError::aborted))?;
        Ok(PartWriter::new(name, path, Box::new(file)))
    }

    fn finish_part(&mut self, part: PartWriter) -> Result<Written, SinkError> {
        let finish = || {
            let (written, file) = part.finish()?;
            // The last one is synced with manifest and marker: file systems commit them together.
            self.last_part.replace(file).map_or(Ok(()), |mut earlier| earlier.finish())?;
            Ok(written)
        };
        finish().map_err(|error| self.attempt.explain(error, SinkError::aborted))
    }

    fn stage(&mut self, list: &StagedList) -> Result<(), SinkError> {
        let staging = self.attempt.list();
        let [manifest, marker] = [self.target.manifest_name()?, self.target.marker_name()?];
        let last_part = self.last_part.take();
        let stage = || {
            // All are written before the first sync.
            let manifest = LocalFile::write(&staging.join(manifest), &list.manifest)?;
            let marker = LocalFile::write(&staging.join(marker), &list.marker)?;
            last_part.map_or(Ok(()), |mut file| file.finish())?;
            manifest.sync()?;
            marker.sync()?;
            sync_folder(&staging)
        };
        stage().map_err(|error| self.attempt.explain(error, SinkError::aborted))
    }

    fn publish(&mut self, list: &StagedList) -> Result<Published, SinkError> {
        publish(&self.target, &self.attempt, list).map_err(|error| self.attempt.explain(error, SinkError::temporary))
    }

    fn discard(&mut self) -> Result<(), SinkError> {
        self.last_part = None;
        self.attempt.discard(&self.target)
    }

    fn location(&self, name: &str) -> String {
        self.real_folder().join(name).display().to_string()
    }

    fn mount(&self) -> Option<String> {
        mount_of(&self.real_folder()).ok().map(|mount| mount.display().to_string())
    }
}

impl fmt::Debug for LocalFiles {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("LocalFiles")
            .field("target", &self.target)
            .field("attempt", &self.attempt)
            .finish_non_exhaustive()
    }
}

/// One file in staging.
#[derive(Debug)]
struct LocalFile {
    path: PathBuf,
    file: File,
}

impl LocalFile {
    fn create(path: &Path) -> Result<Self, SinkError> {
        let file = File::create_new(path).map_err(|error| io_error("create", path, error))?;
        Ok(Self { path: path.to_owned(), file })
    }

    /// Creates a small file with its content, which the system begins to write at once.
    fn write(path: &Path, content: &[u8]) -> Result<Self, SinkError> {
        let mut created = Self::create(path)?;
        let written = created.file.write_all(content);
        written.map_err(|error| io_error(&format!("write {} bytes to", content.len()), path, error))?;
        created.begin_writing(0, content.len() as u64);
        Ok(created)
    }

    /// Lets the system begin to write these bytes to the disk, so that the sync waits for less.
    fn begin_writing(&self, from: u64, until: u64) {
        // A hint: what it says is that the bytes are not read again, and the sync is what counts.
        #[cfg(not(target_vendor = "apple"))]
        let _ = rustix::fs::fadvise(&self.file, from, (until - from).try_into().ok(), rustix::fs::Advice::DontNeed);
        #[cfg(target_vendor = "apple")]
        let _ = (from, until);
    }

    fn sync(&self) -> Result<(), SinkError> {
        sync_file(&self.file).map_err(|error| io_error("sync", &self.path, error))
    }
}

impl PartFile for LocalFile {
    fn append(&mut self, data: &[u8], offset: u64) -> io::Result<()> {
        let failed =
            |error: io::Error| io::Error::new(error.kind(), format!("{error}, after {offset} bytes of the file"));
        self.file.write_all(data).map_err(failed)?;
        let (stretch, end) = (offset / STRETCH, offset + data.len() as u64);
        if end / STRETCH > stretch {
            self.begin_writing(stretch * STRETCH, end);
        }
        Ok(())
    }

    fn finish(&mut self) -> Result<(), SinkError> {
        self.sync()
    }
}
