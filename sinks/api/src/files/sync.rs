//! The rule for a file system that cannot sync.
//!
//! Before it: the steps of `local`, `part`, and fanout's journal. Behind it: the operating system.
//!
//! Some file systems (SMB, some FUSE programs) have no sync of a *folder* and say so, most often
//! with EINVAL. That is no error: they keep names without it, and no other call would do more. The
//! sync of a *file* must succeed. The kernel may still hold what was written to the file, and a
//! list that a power failure can take is not published.

use std::fmt;
use std::fs::File;
use std::io::{self, ErrorKind};
use std::path::Path;

use rustix::io::Errno;

/// What a file system says of a sync that it does not have.
const WITHOUT_SYNC: [Errno; 4] = [Errno::INVAL, Errno::BADF, Errno::NOTSUP, Errno::NOSYS];

/// Makes the names in the folder at `path` durable, if its file system can.
///
/// # Errors
///
/// If the folder cannot be opened, or the sync fails. A file system without a sync of folders is no
/// error.
pub fn sync_folder(path: &Path) -> io::Result<()> {
    match File::open(path)?.sync_all() {
        Err(error) if is_without_sync(&error) => Ok(()),
        result => result,
    }
}

/// Makes the content and the metadata of `file` durable.
///
/// # Errors
///
/// If the sync fails; also if the file system has no sync of files.
pub fn sync_file(file: &File) -> io::Result<()> {
    file.sync_all().map_err(explained)
}

/// Makes the content of `file` durable, and of its metadata what is needed to read it.
///
/// # Errors
///
/// As [`sync_file`].
pub fn sync_data(file: &File) -> io::Result<()> {
    file.sync_data().map_err(explained)
}

fn is_without_sync(error: &io::Error) -> bool {
    error.raw_os_error().is_some_and(|code| WITHOUT_SYNC.iter().any(|errno| errno.raw_os_error() == code))
}

/// Says what it means that a file system has no sync of files.
fn explained(error: io::Error) -> io::Error {
    if is_without_sync(&error) { io::Error::new(ErrorKind::Unsupported, WithoutSync(error)) } else { error }
}

/// A file system cannot make files durable.
#[derive(Debug)]
struct WithoutSync(io::Error);

impl fmt::Display for WithoutSync {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "the file system cannot make a file durable: {}", self.0)
    }
}

impl std::error::Error for WithoutSync {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_cannot_be_synced_is_an_error_that_says_so() {
        // A pipe has no sync: EINVAL.
        let (reader, _writer) = io::pipe().unwrap();
        let file = File::from(std::os::fd::OwnedFd::from(reader));
        for error in [sync_file(&file).unwrap_err(), sync_data(&file).unwrap_err()] {
            assert_eq!(error.kind(), ErrorKind::Unsupported);
            assert!(error.to_string().starts_with("the file system cannot make a file durable: Invalid"), "{error}");
        }
    }

    #[test]
    fn a_folder_without_a_sync_is_borne_and_a_missing_one_is_not() {
        let directory = tempfile::tempdir().unwrap();
        sync_folder(directory.path()).unwrap();
        // `/proc` has no sync of folders: EINVAL.
        sync_folder(Path::new("/proc")).unwrap();
        assert_eq!(sync_folder(&directory.path().join("missing")).unwrap_err().kind(), ErrorKind::NotFound);
    }
}
