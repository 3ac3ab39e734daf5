//! The single operations on the file system that publishing consists of.
//!
//! Before it: `publishing`, `attempt`, `target` and `files`. Behind it: the operating system.

use std::fs;
use std::io;
use std::path::Path;

use rustix::io::Errno;

use crate::error::SinkError;
use crate::files::error::io_error;
use crate::files::sync;

/// The tries at a step of several system calls that another process may disturb: it removes an
/// empty parent while a folder is made, or puts a file into a folder that is removed, because it
/// was at work there when the folder got another name. One of this many tries succeeds.
pub(super) const TRIES: usize = 100;

/// Repeats a step that fails because another process has disturbed it.
fn repeated(step: impl Fn() -> io::Result<()>, disturbed: &[io::ErrorKind]) -> io::Result<()> {
    let mut result = step();
    for _ in 1..TRIES {
        match &result {
            Err(error) if disturbed.contains(&error.kind()) => result = step(),
            _ => break,
        }
    }
    result
}

/// Creates a folder with its parents.
pub(super) fn create_folders(path: &Path) -> Result<(), SinkError> {
    let created = repeated(|| fs::create_dir_all(path), &[io::ErrorKind::NotFound, io::ErrorKind::AlreadyExists]);
    created.map_err(|error| io_error("create the folder", path, error))
}

/// Makes the names in a folder durable.
pub(super) fn sync_folder(path: &Path) -> Result<(), SinkError> {
    sync::sync_folder(path).map_err(|error| io_error("sync the folder", path, error))
}

/// Removes a file that may be missing.
pub(super) fn remove_file(path: &Path) -> Result<(), SinkError> {
    ignore_missing(fs::remove_file(path)).map_err(|error| io_error("remove", path, error))
}

/// Removes a folder that may be missing, with everything in it.
pub(super) fn remove_folder(path: &Path) -> Result<(), SinkError> {
    let removed = repeated(|| fs::remove_dir_all(path), &[io::ErrorKind::DirectoryNotEmpty]);
    ignore_missing(removed).map_err(|error| io_error("remove the folder", path, error))
}

fn ignore_missing(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        result => result,
    }
}

/// What came of a rename whose target another process may change at the same moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Renamed {
    Done,
    /// The two names are not as they were seen before: one is taken, or gone. Nothing was changed.
    Disturbed,
    /// The system or the file system has no such rename. Nothing was changed.
    Unsupported,
}

/// Renames `from` to `to`, where nothing may be.
pub(super) fn rename_to_free(from: &Path, to: &Path) -> Result<Renamed, SinkError> {
    match renamed(rename_no_replace(from, to), to)? {
        Renamed::Unsupported => {}
        renamed => return Ok(renamed),
    }
    // A folder replaces only an empty folder. A second name for a file is made only where no name
    // is.
    let is_folder = fs::symlink_metadata(from).is_ok_and(|metadata| metadata.is_dir());
    let tried = if is_folder { fs::rename(from, to) } else { fs::hard_link(from, to) };
    let done = match tried.map_err(|error| errno(&error)) {
        // link(2): the file system has no second names.
        Err(Errno::PERM) if !is_folder => Renamed::Unsupported,
        tried => renamed(tried, to)?,
    };
    if is_folder || done == Renamed::Disturbed {
        return Ok(done);
    }
    if done == Renamed::Unsupported {
        // Without second names, a look has to do.
        if fs::symlink_metadata(to).is_ok() {
            return Ok(Renamed::Disturbed);
        }
        return renamed(fs::rename(from, to).map_err(|error| errno(&error)), to);
    }
    fs::remove_file(from).map_err(|error| io_error("remove", from, error))?;
    Ok(Renamed::Done)
}

/// Makes two files or folders change places, in one step: a reader never finds an empty place.
pub(super) fn exchange(staged: &Path, place: &Path) -> Result<Renamed, SinkError> {
    renamed(rename_exchange(staged, place), place)
}

fn renamed(result: Result<(), Errno>, to: &Path) -> Result<Renamed, SinkError> {
    match result {
        Ok(()) => Ok(Renamed::Done),
        Err(Errno::EXIST | Errno::NOTEMPTY | Errno::NOTDIR | Errno::ISDIR | Errno::NOENT) => Ok(Renamed::Disturbed),
        Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => Ok(Renamed::Unsupported),
        Err(error) => Err(io_error("publish", to, error.into())),
    }
}

fn errno(error: &io::Error) -> Errno {
    Errno::from_io_error(error).unwrap_or(Errno::IO)
}

#[cfg(target_os = "linux")]
fn rename_no_replace(from: &Path, to: &Path) -> Result<(), Errno> {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE)
}

#[cfg(target_os = "linux")]
fn rename_exchange(one: &Path, other: &Path) -> Result<(), Errno> {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    renameat_with(CWD, one, CWD, other, RenameFlags::EXCHANGE)
}

#[cfg(not(target_os = "linux"))]
fn rename_no_replace(_from: &Path, _to: &Path) -> Result<(), Errno> {
    Err(Errno::NOSYS)
}

#[cfg(not(target_os = "linux"))]
fn rename_exchange(_one: &Path, _other: &Path) -> Result<(), Errno> {
    Err(Errno::NOSYS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_free_name_is_taken_and_a_taken_one_stays() {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name);
        fs::write(path("file"), "new").unwrap();
        fs::create_dir(path("folder")).unwrap();
        fs::write(path("taken"), "old").unwrap();
        for name in ["file", "folder"] {
            assert_eq!(rename_to_free(&path(name), &path("taken")).unwrap(), Renamed::Disturbed);
            assert_eq!(fs::read(path("taken")).unwrap(), b"old");
            assert_eq!(rename_to_free(&path(name), &path("free")).unwrap(), Renamed::Done);
            assert!(!path(name).exists());
            fs::rename(path("free"), path(name)).unwrap();
        }
        assert_eq!(rename_to_free(&path("nothing"), &path("free")).unwrap(), Renamed::Disturbed);
    }

    #[test]
    fn a_folder_is_removed_while_another_process_puts_files_into_it() {
        const ROUNDS: usize = 50;
        // Fewer than tries, so that one of these finds no new file.
        const FILES: usize = TRIES / 2;
        for _ in 0..ROUNDS {
            let directory = tempfile::tempdir().unwrap();
            let folder = directory.path().join("folder");
            fs::create_dir(&folder).unwrap();
            std::thread::scope(|scope| {
                scope.spawn(|| {
                    let made = (0..FILES).map(|number| fs::write(folder.join(number.to_string()), ""));
                    // From the first error on the folder is gone.
                    made.take_while(Result::is_ok).count()
                });
                while !folder.join("0").exists() {
                    std::thread::yield_now();
                }
                remove_folder(&folder).unwrap();
            });
            assert!(!folder.exists());
        }
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn two_folders_change_places_if_both_are_there() {
        let directory = tempfile::tempdir().unwrap();
        let [staged, place] = ["staged", "place"].map(|name| directory.path().join(name));
        fs::create_dir(&staged).unwrap();
        fs::write(staged.join("file"), "new").unwrap();
        assert_eq!(exchange(&staged, &place).unwrap(), Renamed::Disturbed);
        fs::create_dir(&place).unwrap();
        assert_eq!(exchange(&staged, &place).unwrap(), Renamed::Done);
        assert_eq!(fs::read(place.join("file")).unwrap(), b"new");
        assert_eq!(fs::read_dir(staged).unwrap().count(), 0);
    }
}
