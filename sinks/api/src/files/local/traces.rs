//! What a trial creates: under hidden names, held by locks, and removed in the end.
//!
//! Before it: `trial`, `replaceable` and `twins`. Behind it: the operating system.

use std::fs::{self, File, TryLockError};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::error::SinkError;
use crate::files::error::io_error;

/// Begins the name of everything that a trial creates. Readers skip hidden names.
const PREFIX: &str = ".fanout-trial-";

/// What a trial has created, held by locks; removed in the end.
#[derive(Debug, Default)]
pub(super) struct Traces {
    pub(super) paths: Vec<PathBuf>,
    pub(super) locks: Vec<File>,
}

impl Traces {
    /// Creates a folder, and holds its lock.
    pub(super) fn make_folder(&mut self, path: &Path) -> Result<(), SinkError> {
        let make = || {
            fs::create_dir(path)?;
            let folder = File::open(path)?;
            lock(&folder)?;
            Ok(folder)
        };
        let parent = path.parent().unwrap_or(path);
        self.locks.push(make().map_err(|error| io_error("create a folder in", parent, error))?);
        Ok(())
    }
}

impl Drop for Traces {
    fn drop(&mut self) {
        for path in &self.paths {
            remove(path);
        }
    }
}

/// Locks what this trial has just made, so that no other trial removes it.
pub(super) fn lock(file: &File) -> io::Result<()> {
    match file.try_lock() {
        // Another trial is about to remove it.
        Err(TryLockError::WouldBlock) => Err(ErrorKind::NotFound.into()),
        // Without locks, another trial may remove it, and this one is repeated.
        Ok(()) | Err(TryLockError::Error(_)) => Ok(()),
    }
}

/// Removes what trials that were killed have left in `folder`.
pub(super) fn remove_left_behind(folder: &Path) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if !entry.file_name().to_string_lossy().starts_with(PREFIX) {
            continue;
        }
        let path = entry.path();
        let is_ours = fs::symlink_metadata(&path).is_ok_and(|found| found.is_dir() || found.is_file());
        // A trial that is under way holds the lock.
        if is_ours && File::open(&path).is_ok_and(|file| file.try_lock().is_ok_and(|()| remove(&path))) {
            tracing::debug!(path = %path.display(), "removed what an earlier trial had left");
        }
    }
}

/// Removes a file or folder that may be missing; returns whether that succeeded.
fn remove(path: &Path) -> bool {
    match fs::symlink_metadata(path) {
        Ok(found) if found.is_dir() => fs::remove_dir_all(path).is_ok(),
        Ok(_) => fs::remove_file(path).is_ok(),
        Err(_) => false,
    }
}

/// Returns a hidden name that no other trial on this host uses.
pub(super) fn new_name() -> String {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    format!("{PREFIX}{}-{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed))
}
