//! What the suite must know about a sink: how to open it, and how to read what it has published.
//!
//! Before it: a sink's own test, or `fanout sinks test`. Behind it: `scene`, and through it the
//! cases.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;

use async_trait::async_trait;

use super::objects::remove_objects_under;
use super::rows::{ReadError, Row};
use crate::arrow::datatypes::{Schema, SchemaRef};
use crate::configured::ConfiguredSink;
use crate::context::SinkContext;

/// Everything that a sink has left in its folder, staging included: the bytes by name.
pub type Traces = BTreeMap<String, Vec<u8>>;

/// A sink under test, and the reader of what it publishes.
#[async_trait]
pub trait Subject: Send + Sync {
    /// Makes a sink that publishes inside `directory`, a fresh temporary folder for each case. The
    /// root of a file sink is a folder or file *in* it (`directory/out`), so that staging beside
    /// the root is in it, too.
    ///
    /// The factory must be new: it knows nothing of earlier ones, as after the start of a process.
    fn sink(&self, directory: &Path) -> ConfiguredSink;

    /// Reads what the sink has published for the account and date of `context`, as an ordinary
    /// reader would (all files of a glob, a whole topic); `None` if nothing is there. The suite
    /// never asks the sink itself.
    ///
    /// The root of a file sink is [`SinkContext::output_path`], because some lists are simulated.
    ///
    /// # Errors
    ///
    /// If a reader cannot read what is there.
    async fn read(&self, directory: &Path, context: &SinkContext) -> Result<Option<ReadBack>, ReadError>;

    /// Returns everything that the sink has left behind, visible or not; the suite compares it
    /// before and after an abort. By default [`files_under`] `directory`: an empty folder is not a
    /// trace, because no reader finds a list in it.
    ///
    /// # Errors
    ///
    /// If the traces cannot be read.
    async fn traces(&self, directory: &Path) -> Result<Traces, ReadError> {
        Ok(files_under(directory)?)
    }

    /// Removes what the sink has published in `directory`, as a person does to make room, and
    /// returns `true`; returns `false` if the subject cannot do so. By default, removes everything
    /// under the sink's roots.
    ///
    /// # Errors
    ///
    /// If something cannot be removed.
    async fn remove(&self, directory: &Path, context: &SinkContext) -> Result<bool, ReadError> {
        let roots = self.sink(directory).roots();
        for root in &roots {
            let place = context.output_root(root);
            // The suite removes nothing outside the folder of the case.
            match place.as_path() {
                Some(path) if path.starts_with(directory) && path != directory => remove(path)?,
                None if context.confinement.is_some() => remove_objects_under(&place)?,
                _ => {}
            }
        }
        Ok(!roots.is_empty())
    }

    /// Returns whether the sink takes lists with these columns. It must accept the follower schema
    /// and any choice of its columns; it may decline other types and nulls.
    fn accepts(&self, schema: &Schema) -> bool {
        let _ = schema;
        true
    }

    /// Returns the columns that the sink is configured for, of whatever list; `None` if it takes
    /// any.
    fn columns(&self) -> Option<SchemaRef> {
        None
    }

    /// Returns a suffix for the app ids of a case, different at each call, for a sink that
    /// publishes the lists of all cases to one place (a table). `None` if each case has a place of
    /// its own.
    fn distinction(&self) -> Option<String> {
        None
    }

    /// Changes the context of a case in `directory`, for a sink that needs its own names.
    fn context(&self, directory: &Path, context: SinkContext) -> SinkContext {
        let _ = directory;
        context
    }

    /// Returns whether [`read`](Self::read) can read a published list. If not, the suite knows only
    /// the sink's reports, and skips the cases that need more.
    fn is_readable(&self) -> bool {
        true
    }

    /// Returns whether a list stays when one of a later date is published. For a sink that keeps
    /// only the latest list, the suite does not look for the earlier one.
    fn keeps_earlier_dates(&self) -> bool {
        true
    }

    /// Makes the next `write` under `directory` fail with a temporary error, and returns `true`;
    /// returns `false` if the subject cannot do so.
    fn fail_next_write(&self, directory: &Path) -> bool {
        let _ = directory;
        false
    }
}

/// What a reader sees of one published list.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ReadBack {
    /// The rows in order, as JSON objects. A missing key counts as null; a timestamp is an integer
    /// (microseconds since 1970) or text in RFC 3339.
    pub rows: Vec<Row>,
    /// The raw outputs of the list, manifest and marker included: the bytes by the name relative to
    /// the folder.
    pub outputs: BTreeMap<String, Vec<u8>>,
}

/// Reads every file at or under `path`: the bytes by the name relative to `path`. A symbolic link
/// counts as a file that holds its target. If `path` is missing, the result is empty.
///
/// # Errors
///
/// If a folder or file cannot be read.
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
