//! A lock that processes share through a file: [`flock(2)`](https://man7.org/linux/man-pages/man2/flock.2.html).
//! A crash closes the file, which releases the lock.
//!
//! Before it: `attempt`, for staging, and `publishing`, for the place of a list. Behind it: the
//! operating system.

use std::fs::{self, File, Metadata, OpenOptions, TryLockError};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use rustix::fs::OFlags;
use rustix::io::Errno;

use crate::error::SinkError;
use crate::files::error::io_error;

/// How long to wait for another publisher of the same place. A publishing takes milliseconds, or
/// seconds on a slow disk.
const LONGEST_WAIT: Duration = Duration::from_secs(30);
/// The pause between two tries: the first one, and the longest.
const PAUSES: (Duration, Duration) = (Duration::from_micros(200), Duration::from_millis(50));

/// The attempts to lock a file whose holders remove it.
const ATTEMPTS: usize = 1000;

/// A file that this process has locked.
#[derive(Debug)]
pub(super) struct LockFile {
    path: PathBuf,
    file: File,
}

/// What came of a try.
#[derive(Debug)]
pub(super) enum Tried {
    /// The lock is held by this value.
    Locked(LockFile),
    /// Another holder has the lock.
    Busy,
    /// The file system has no locks.
    NoLocks,
}

impl LockFile {
    /// Creates the file at `path` if it is missing, and tries to lock it.
    ///
    /// # Errors
    ///
    /// If the file cannot be created; of the kind `NotFound` if its folder is missing.
    pub(super) fn try_take(path: &Path) -> io::Result<Tried> {
        for _ in 0..ATTEMPTS {
            let file = open(path)?;
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => return Ok(Tried::Busy),
                Err(TryLockError::Error(error)) if means_no_locks(&error) => {
                    let _ = fs::remove_file(path);
                    return Ok(Tried::NoLocks);
                }
                Err(TryLockError::Error(error)) => return Err(error),
            }
            // The holder before may have removed the file in the meantime. Others then lock another
            // file of this name.
            let at_path = fs::symlink_metadata(path);
            if at_path.is_ok_and(|found| file.metadata().is_ok_and(|locked| is_same(&found, &locked))) {
                return Ok(Tried::Locked(Self { path: path.to_owned(), file }));
            }
        }
        Ok(Tried::Busy)
    }

    /// Locks the file at `path`, and waits while another holder has the lock; `None` if the file
    /// system has no locks.
    ///
    /// # Errors
    ///
    /// A temporary error after half a minute; a permanent one if the file cannot be created.
    pub(super) fn wait(path: &Path) -> Result<Option<Self>, SinkError> {
        let started = Instant::now();
        let (mut pause, longest) = PAUSES;
        loop {
            match Self::try_take(path).map_err(|error| io_error("lock", path, error))? {
                Tried::Locked(lock) => return Ok(Some(lock)),
                Tried::NoLocks => return Ok(None),
                Tried::Busy if started.elapsed() < LONGEST_WAIT => {
                    thread::sleep(pause);
                    pause = (pause * 2).min(longest);
                }
                Tried::Busy => {
                    let seconds = LONGEST_WAIT.as_secs();
                    let message = format!("another process has held the lock `{}` for {seconds} s", path.display());
                    return Err(SinkError::temporary(message).with_hint("see whether that process still publishes"));
                }
            }
        }
    }

    /// Writes a line to the file, in place of what it held. It is not synced.
    ///
    /// # Errors
    ///
    /// If it cannot be written.
    pub(super) fn note(&mut self, line: &str) -> io::Result<()> {
        self.file.set_len(0).and_then(|()| writeln!(self.file, "{line}"))
    }

    /// Removes the file, and releases the lock.
    pub(super) fn remove(self) {
        // If it cannot be removed, the next holder locks it all the same.
        let _ = fs::remove_file(&self.path);
    }
}

impl Drop for LockFile {
    /// Releases the lock. Closing the file is not enough: a child process that starts at this
    /// moment has a copy of the open file until it executes its program.
    fn drop(&mut self) {
        let _ = self.file.unlock();
    }
}

fn open(path: &Path) -> io::Result<File> {
    let flags = OFlags::NOFOLLOW.bits().cast_signed();
    let opened = OpenOptions::new().write(true).create(true).truncate(false).custom_flags(flags).open(path);
    match opened {
        // Another user's file: on a local disk it can be locked without the right to write.
        Err(error) if error.kind() == ErrorKind::PermissionDenied && path.exists() => {
            OpenOptions::new().read(true).custom_flags(flags).open(path)
        }
        opened => opened,
    }
}

fn is_same(one: &Metadata, other: &Metadata) -> bool {
    (one.dev(), one.ino()) == (other.dev(), other.ino())
}

fn means_no_locks(error: &io::Error) -> bool {
    error.kind() == ErrorKind::Unsupported
        || matches!(Errno::from_io_error(error), Some(Errno::NOLCK | Errno::NOSYS | Errno::NOTSUP))
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[test]
    fn one_holder_at_a_time_has_the_lock_and_the_last_one_leaves_no_file() {
        const HOLDERS: usize = 8;
        const ROUNDS: usize = 100;
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("lock");
        let (inside, most) = (AtomicU32::new(0), AtomicU32::new(0));
        thread::scope(|scope| {
            for _ in 0..HOLDERS {
                scope.spawn(|| {
                    for _ in 0..ROUNDS {
                        let lock = LockFile::wait(&path).unwrap().unwrap();
                        most.fetch_max(inside.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                        thread::yield_now();
                        inside.fetch_sub(1, Ordering::SeqCst);
                        lock.remove();
                    }
                });
            }
        });
        assert_eq!(most.into_inner(), 1);
        assert!(!path.exists());
    }

    #[test]
    fn a_lock_is_free_after_its_holder_and_on_a_file_that_was_left() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("lock");
        let Tried::Locked(lock) = LockFile::try_take(&path).unwrap() else { panic!("nobody holds it") };
        assert!(matches!(LockFile::try_take(&path).unwrap(), Tried::Busy));
        drop(lock);
        assert!(path.exists());
        assert!(matches!(LockFile::try_take(&path).unwrap(), Tried::Locked(_)));
        let missing = LockFile::try_take(&directory.path().join("no/lock")).unwrap_err();
        assert_eq!(missing.kind(), ErrorKind::NotFound);
    }

    #[test]
    fn a_note_replaces_what_was_left_and_one_that_cannot_be_written_is_an_error() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("lock");
        fs::write(&path, "what a killed process has left").unwrap();
        let Tried::Locked(mut lock) = LockFile::try_take(&path).unwrap() else { panic!("nobody holds it") };
        lock.note("place").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "place\n");
        let mut read_only = LockFile { file: File::open(&path).unwrap(), path };
        read_only.note("another place").unwrap_err();
    }
}
