//! What the suite must know of a sink: how to open one, and what its readers see.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;

use async_trait::async_trait;

use super::rows::{ReadError, Row};
use crate::arrow::datatypes::Schema;
use crate::configured::ConfiguredSink;
use crate::context::SinkContext;

/// Everything that a sink has left in its folder, staging included: name → bytes.
pub type Traces = BTreeMap<String, Vec<u8>>;

/// What the suite must know of a sink under test.
#[async_trait]
pub trait Subject: Send + Sync {
    /// Makes a sink that publishes inside `directory`, a fresh temporary folder for each case. A file sink's root is a folder
    /// or file *in* it (`directory/out`), so that staging beside the root lies in it too.
    ///
    /// Its factory knows nothing of earlier ones, as after the start of a process.
    fn sink(&self, directory: &Path) -> ConfiguredSink;

    /// Reads what the sink has published for the account and date of `context`, as an ordinary reader would (all
    /// files of a glob, a whole topic); `None` when nothing is there. The suite never asks the sink itself.
    ///
    /// A file sink finds its root with [`SinkContext::output_path`], for some lists are simulated.
    ///
    /// # Errors
    ///
    /// When there is something that a reader cannot read.
    async fn read(&self, directory: &Path, context: &SinkContext) -> Result<Option<ReadBack>, ReadError>;

    /// Returns whatever a sink has left behind, visible or not; the suite compares it before and after an abort. By
    /// default [`files_under`] `directory`: an empty folder is no trace, for no reader finds a list in it.
    ///
    /// # Errors
    ///
    /// When the traces cannot be read.
    async fn traces(&self, directory: &Path) -> Result<Traces, ReadError> {
        Ok(files_under(directory)?)
    }

    /// Removes what the sink has published in `directory`, as a person does who makes room, and returns `true`; `false` when the
    /// subject has no way to do so. By default everything under the sink's roots goes.
    ///
    /// # Errors
    ///
    /// When something cannot be removed.
    async fn remove(&self, directory: &Path, context: &SinkContext) -> Result<bool, ReadError> {
        let roots = self.sink(directory).roots();
        for root in &roots {
            let place = context.output_path(root);
            // A root outside of the case's folder is none of the suite's.
            if place.starts_with(directory) && place != directory {
                remove(&place)?;
            }
        }
        Ok(!roots.is_empty())
    }

    /// Returns whether the sink takes lists of these columns. The follower schema and any choice of its columns must
    /// be accepted; other types and nulls may be declined.
    fn accepts(&self, schema: &Schema) -> bool {
        let _ = schema;
        true
    }

    /// Returns the columns of a follower list that the sink is set to; `None` for a sink that takes any.
    fn columns(&self) -> Option<Vec<String>> {
        None
    }

    /// Returns what is added to the app ids of a case, different at each call: for a sink that publishes to one place,
    /// whatever the folder, and where the lists of other cases lie already. `None` where each case has a place of its own.
    fn distinction(&self) -> Option<String> {
        None
    }

    /// Changes what the sink is told, for a case in `directory`: the names are the suite's, unless a sink needs others.
    fn context(&self, directory: &Path, context: SinkContext) -> SinkContext {
        let _ = directory;
        context
    }

    /// Returns whether [`read`](Self::read) reads anything. Of a sink whose lists cannot be read, only what it says itself is
    /// known: cases that depend on more are skipped.
    fn is_readable(&self) -> bool {
        true
    }

    /// Returns whether a list stays when one of a later date is published. A sink that holds the latest list only is
    /// not asked for the earlier one any more.
    fn keeps_earlier_dates(&self) -> bool {
        true
    }

    /// Lets the next `write` under `directory` fail with a temporary error, and returns `true`; `false` when the
    /// subject has no way to do so.
    fn fail_next_write(&self, directory: &Path) -> bool {
        let _ = directory;
        false
    }
}

/// What a reader sees of one list, read back from where it was published.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ReadBack {
    /// The rows in order, as JSON objects. A missing key counts as null; a timestamp is an integer (microseconds
    /// since 1970) or text in RFC 3339.
    pub rows: Vec<Row>,
    /// The raw outputs of the list, manifest and marker included: name, relative to the folder → bytes.
    pub outputs: BTreeMap<String, Vec<u8>>,
}

/// Reads every file at or under `path`: name relative to `path` → bytes. A symbolic link counts as a file that holds
/// its target; a missing `path` holds nothing.
///
/// # Errors
///
/// When a folder or file cannot be read.
pub fn files_under(path: &Path) -> io::Result<Traces> {
    let mut files = Traces::new();
    collect(path, path, &mut files)?;
    Ok(files)
}

fn collect(base: &Path, path: &Path, files: &mut Traces) -> io::Result<()> {
    let kind = match fs::symlink_metadata(path) {
        Ok(metadata) => metadata.file_type(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    if kind.is_dir() {
        for entry in fs::read_dir(path)? {
            collect(base, &entry?.path(), files)?;
        }
        return Ok(());
    }
    let bytes =
        if kind.is_symlink() { fs::read_link(path)?.into_os_string().into_encoded_bytes() } else { fs::read(path)? };
    let name = path.strip_prefix(base).unwrap_or(path).to_string_lossy().into_owned();
    files.insert(name, bytes);
    Ok(())
}

/// Removes a file or folder that may be missing.
fn remove(path: &Path) -> io::Result<()> {
    let removed = match fs::symlink_metadata(path) {
        Ok(found) if found.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
        Err(error) => Err(error),
    };
    match removed {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}
