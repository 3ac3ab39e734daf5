//! The single operations on the file system that publishing consists of.
//!
//! Before it: `publishing`, `staging`, `target` and `staged`. Behind it: the operating system.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

use rustix::io::Errno;

use crate::error::SinkError;
use crate::files::error::io_error;
use crate::files::sync::{sync_file, sync_folder};

/// The attempts at `create_dir_all`: another sink may remove an empty parent between two of its
/// steps, and one of this many attempts succeeds.
pub(super) const CREATE_ATTEMPTS: usize = 100;

/// Creates a folder with its parents.
pub(in crate::files) fn create_folders(path: &Path) -> Result<(), SinkError> {
    let mut result = fs::create_dir_all(path);
    for _ in 1..CREATE_ATTEMPTS {
        match &result {
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::AlreadyExists) => {
                result = fs::create_dir_all(path);
            }
            _ => break,
        }
    }
    result.map_err(|error| io_error("create the folder", path, error))
}

/// Writes a small file, and makes it durable.
pub(in crate::files) fn write_file(path: &Path, content: &[u8]) -> Result<(), SinkError> {
    let write = || {
        let mut file = File::create_new(path)?;
        file.write_all(content)?;
        sync_file(&file)
    };
    write().map_err(|error| io_error(&format!("write {} bytes to", content.len()), path, error))
}

/// Makes the names in a folder durable.
pub(in crate::files) fn sync_names_in(path: &Path) -> Result<(), SinkError> {
    sync_folder(path).map_err(|error| io_error("sync the folder", path, error))
}

/// Renames `from` to `to`, and replaces a file that is there. If `from` is missing and `to` is
/// there, an earlier call has renamed it.
pub(super) fn rename_once(from: &Path, to: &Path) -> Result<(), SinkError> {
    match fs::rename(from, to) {
        Err(error) if error.kind() == io::ErrorKind::NotFound && fs::symlink_metadata(to).is_ok() => Ok(()),
        result => result.map_err(|error| io_error("publish", to, error)),
    }
}

/// Removes a file that may be missing.
pub(super) fn remove_file(path: &Path) -> Result<(), SinkError> {
    ignore_missing(fs::remove_file(path)).map_err(|error| io_error("remove", path, error))
}

/// Removes a folder that may be missing, with everything in it.
pub(super) fn remove_folder(path: &Path) -> Result<(), SinkError> {
    ignore_missing(fs::remove_dir_all(path)).map_err(|error| io_error("remove the folder", path, error))
}

fn ignore_missing(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        result => result,
    }
}

/// Replaces the folder `target` by `staged`. If `target` exists, the two are exchanged in one step,
/// so a reader never finds an empty place, or files of both.
///
/// If the system or the file system has no such exchange, the old folder is first moved to `aside`:
/// for a moment there is no list, but never a mixed one.
pub(super) fn replace_folder(staged: &Path, target: &Path, aside: &Path) -> Result<(), SinkError> {
    let failed = |error| io_error("publish", target, error);
    if fs::symlink_metadata(target).is_err() {
        return fs::rename(staged, target).map_err(failed);
    }
    match exchange(staged, target) {
        Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => move_aside(staged, target, aside).map_err(failed),
        result => result.map_err(|error| failed(error.into())),
    }
}

fn move_aside(staged: &Path, target: &Path, aside: &Path) -> io::Result<()> {
    ignore_missing(fs::remove_dir_all(aside))?;
    fs::rename(target, aside)?;
    fs::rename(staged, target)
}

#[cfg(target_os = "linux")]
fn exchange(one: &Path, other: &Path) -> Result<(), Errno> {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    renameat_with(CWD, one, CWD, other, RenameFlags::EXCHANGE)
}

#[cfg(not(target_os = "linux"))]
fn exchange(_one: &Path, _other: &Path) -> Result<(), Errno> {
    Err(Errno::NOSYS)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folders(directory: &Path) -> [std::path::PathBuf; 3] {
        let [staged, target, aside] = ["staged", "target", "aside"].map(|name| directory.join(name));
        for (folder, content) in [(&staged, "new"), (&target, "old")] {
            fs::create_dir(folder).unwrap();
            fs::write(folder.join("file"), content).unwrap();
        }
        [staged, target, aside]
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn two_folders_change_places() {
        let directory = tempfile::tempdir().unwrap();
        let [staged, target, aside] = folders(directory.path());
        replace_folder(&staged, &target, &aside).unwrap();
        assert_eq!(fs::read(target.join("file")).unwrap(), b"new");
        assert_eq!(fs::read(staged.join("file")).unwrap(), b"old");
        assert!(!aside.exists());
    }

    #[test]
    fn without_an_exchange_the_old_folder_is_moved_aside() {
        let directory = tempfile::tempdir().unwrap();
        let [staged, target, aside] = folders(directory.path());
        fs::create_dir(&aside).unwrap();
        fs::write(aside.join("left"), "over").unwrap();
        move_aside(&staged, &target, &aside).unwrap();
        assert_eq!(fs::read(target.join("file")).unwrap(), b"new");
        assert_eq!(fs::read(aside.join("file")).unwrap(), b"old");
    }
}
