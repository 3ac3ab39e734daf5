//! What the suite must know of a sink: how to open one, and what its readers see.

use std::collections::BTreeMap;
use std::error::Error;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use arrow::datatypes::Schema;
use async_trait::async_trait;

use super::Row;
use crate::{Delivery, Sink, SinkContext, SinkError, SinkFactory};

/// Why an output could not be read; a torn or foreign output breaks the promise that is being tested.
pub type ReadError = Box<dyn Error + Send + Sync>;

/// Everything that a sink has left in its folder, staging included: name → bytes.
pub type Traces = BTreeMap<String, Vec<u8>>;

/// A sink under test.
#[async_trait]
pub trait Subject: Send + Sync {
    /// The factory under test.
    type Factory: SinkFactory;

    /// Makes a factory that knows nothing of earlier ones, as after the start of a process.
    fn factory(&self) -> Self::Factory;

    /// Returns options for a sink that publishes inside `directory`, a fresh temporary folder for each case. A file
    /// sink's root is a folder or file *in* it (`directory/out`), so that staging beside the root lies in it too.
    fn options(&self, directory: &Path) -> <Self::Factory as SinkFactory>::Options;

    /// Reads what the sink has published for the account and date of `context`, as an ordinary reader would (all
    /// files of a glob, a whole topic); `None` when nothing is there. The suite never asks the sink itself.
    ///
    /// A file sink finds its root with [`SinkContext::output_path`], for some lists are simulated.
    ///
    /// # Errors
    ///
    /// When there is something that a reader cannot read.
    async fn read(&self, directory: &Path, context: &SinkContext) -> Result<Option<Published>, ReadError>;

    /// Returns whatever a sink has left behind, visible or not; the suite compares it before and after an abort. By
    /// default [`files_under`] `directory`: an empty folder is no trace, for no reader finds a list in it.
    ///
    /// # Errors
    ///
    /// When the traces cannot be read.
    async fn traces(&self, directory: &Path) -> Result<Traces, ReadError> {
        Ok(files_under(directory)?)
    }

    /// Returns whether the sink takes lists of these columns. The follower schema and any choice of its columns must
    /// be accepted; other types and nulls may be declined.
    fn accepts(&self, schema: &Schema) -> bool {
        let _ = schema;
        true
    }

    /// Returns the columns of a follower list that the sink is set to; none for a sink that takes any.
    fn columns(&self) -> Option<Vec<String>> {
        None
    }

    /// Returns what is added to the app ids of a case, different at each call: for a sink that publishes to one place,
    /// whatever the folder, and where the lists of other cases lie already. None where each case has a place of its own.
    fn distinction(&self) -> Option<String> {
        None
    }

    /// Changes what the sink is told, for a case in `directory`: the names are the suite's, unless a sink needs others.
    fn context(&self, directory: &Path, context: SinkContext) -> SinkContext {
        let _ = directory;
        context
    }

    /// Returns whether [`read`](Self::read) reads anything. Of a sink that nobody can read, only what it says itself is
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

/// What a reader sees of one list.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Published {
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

/// A [`Subject`] without its types, so that the cases are compiled once. Each call works on a new factory.
#[async_trait]
pub(super) trait ErasedSubject: Send + Sync {
    fn name(&self) -> String;
    fn summary(&self) -> String;
    fn delivery(&self, directory: &Path) -> Delivery;
    fn roots(&self, directory: &Path) -> Vec<PathBuf>;
    fn accepts(&self, schema: &Schema) -> bool;
    fn columns(&self) -> Option<Vec<String>>;
    fn distinction(&self) -> Option<String>;
    fn context(&self, directory: &Path, context: SinkContext) -> SinkContext;
    fn is_readable(&self) -> bool;
    fn keeps_earlier_dates(&self) -> bool;
    fn fail_next_write(&self, directory: &Path) -> bool;
    async fn check(&self, directory: &Path, context: &SinkContext) -> Result<(), SinkError>;
    async fn open(&self, directory: &Path, context: SinkContext) -> Result<Box<dyn Sink>, SinkError>;
    async fn read(&self, directory: &Path, context: &SinkContext) -> Result<Option<Published>, ReadError>;
    async fn traces(&self, directory: &Path) -> Result<Traces, ReadError>;
}

#[async_trait]
impl<S: Subject> ErasedSubject for S {
    fn name(&self) -> String {
        self.factory().name().to_owned()
    }

    fn summary(&self) -> String {
        self.factory().summary().to_owned()
    }

    fn delivery(&self, directory: &Path) -> Delivery {
        self.factory().delivery(&self.options(directory))
    }

    fn roots(&self, directory: &Path) -> Vec<PathBuf> {
        self.factory().roots(&self.options(directory))
    }

    fn accepts(&self, schema: &Schema) -> bool {
        Subject::accepts(self, schema)
    }

    fn columns(&self) -> Option<Vec<String>> {
        Subject::columns(self)
    }

    fn distinction(&self) -> Option<String> {
        Subject::distinction(self)
    }

    fn context(&self, directory: &Path, context: SinkContext) -> SinkContext {
        Subject::context(self, directory, context)
    }

    fn is_readable(&self) -> bool {
        Subject::is_readable(self)
    }

    fn keeps_earlier_dates(&self) -> bool {
        Subject::keeps_earlier_dates(self)
    }

    fn fail_next_write(&self, directory: &Path) -> bool {
        Subject::fail_next_write(self, directory)
    }

    async fn check(&self, directory: &Path, context: &SinkContext) -> Result<(), SinkError> {
        self.factory().check(&self.options(directory), context).await
    }

    async fn open(&self, directory: &Path, context: SinkContext) -> Result<Box<dyn Sink>, SinkError> {
        Ok(Box::new(self.factory().open(self.options(directory), context).await?))
    }

    async fn read(&self, directory: &Path, context: &SinkContext) -> Result<Option<Published>, ReadError> {
        Subject::read(self, directory, context).await
    }

    async fn traces(&self, directory: &Path) -> Result<Traces, ReadError> {
        Subject::traces(self, directory).await
    }
}
