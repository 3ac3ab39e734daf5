//! Looks at files and folders that may be missing.
//!
//! Before it: the other files of this folder. Behind it: the operating system.

use std::fs::{self, Metadata};
use std::io;
use std::path::Path;

use crate::error::SinkError;
use crate::files::error::io_error;

pub(super) fn metadata(path: &Path) -> Result<Option<Metadata>, SinkError> {
    match fs::symlink_metadata(path) {
        Ok(metadata) => Ok(Some(metadata)),
        Err(error) if is_missing(&error) => Ok(None),
        Err(error) => Err(io_error("look at", path, error)),
    }
}

pub(super) fn names_in(folder: &Path) -> Result<Vec<String>, SinkError> {
    let read = || -> io::Result<Vec<String>> {
        fs::read_dir(folder)?.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned())).collect()
    };
    let mut names = read().map_err(|error| io_error("read the folder", folder, error))?;
    names.sort_unstable();
    Ok(names)
}

pub(super) fn is_missing(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

/// Reads a file; `None` if it is missing.
pub(super) fn read(path: &Path) -> Result<Option<Vec<u8>>, SinkError> {
    match fs::read(path) {
        Ok(content) => Ok(Some(content)),
        Err(error) if is_missing(&error) => Ok(None),
        Err(error) => Err(io_error("read", path, error)),
    }
}

pub(super) fn parent(path: &Path) -> &Path {
    path.parent().unwrap_or(Path::new("."))
}
