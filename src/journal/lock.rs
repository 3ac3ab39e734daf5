//! The locks that keep two runs from one list of an account, and what is known of their holders.

use std::collections::BTreeSet;
use std::fs::{self, File, TryLockError};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;

use chrono::Utc;

use super::disk;
use super::error::JournalError;

/// As much of a lock file is shown: whoever altered it could have made it any length.
const LONGEST_HOLDER: usize = 300;

/// A lock file that this process holds. A crash gives it back, because that closes the file.
#[derive(Debug)]
pub(super) struct StateLock {
    file: File,
}

impl StateLock {
    /// Takes the lock file at `path`, which stands for `what`. `holder` is what another run is told of this one.
    ///
    /// # Errors
    ///
    /// [`JournalError::Locked`] if another process has it; [`JournalError::Io`] if the file cannot be used.
    pub(super) fn take(path: &Path, what: String, holder: &str) -> Result<Self, JournalError> {
        let file = disk::open_file(path)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(JournalError::Locked { what, holder: read_holder(path) });
            }
            Err(TryLockError::Error(error)) => return Err(JournalError::io("lock", path)(error)),
        }
        let (process, now) = (std::process::id(), Utc::now().format("%Y-%m-%d %H:%M:%S"));
        let host = rustix::system::uname();
        let holder =
            format!("process {process} on `{}` since {now} UTC, {holder}\n", host.nodename().to_string_lossy());
        // Never empty in between: that is when the next run would read it.
        file.write_all_at(holder.as_bytes(), 0)
            .and_then(|()| file.set_len(holder.len() as u64))
            .map_err(JournalError::io(format!("write {} bytes to", holder.len()), path))?;
        Ok(Self { file })
    }
}

impl Drop for StateLock {
    /// Gives the lock back. To close the file is not enough: a program that is being started at this moment has a copy
    /// of it until it runs.
    fn drop(&mut self) {
        if let Err(error) = self.file.unlock() {
            tracing::debug!(%error, "the lock is not given back before the file is closed");
        }
    }
}

/// The lock of an account's token, held by this process: two owners of a classic token would take it from each other.
#[derive(Debug)]
pub struct TokenLock {
    _lock: StateLock,
}

impl TokenLock {
    /// Takes the lock of the token of `app_id` under `path`, and creates what is missing. `holder` is what another run is
    /// told of this one.
    ///
    /// # Errors
    ///
    /// [`JournalError::Locked`] if another process has it; [`JournalError::Io`] if the folder cannot be used.
    pub fn take(path: &Path, app_id: &str, holder: &str) -> Result<Self, JournalError> {
        let folder = path.join(app_id);
        disk::create_folder(&folder)?;
        let lock = StateLock::take(&folder.join("token.lock"), format!("the token of app id `{app_id}`"), holder)?;
        Ok(Self { _lock: lock })
    }
}

/// The locks that the processes of this machine have, as Linux lists them. To try a lock would be to have it for a moment, in
/// which a run that begins would be refused.
#[derive(Clone, Debug, Default)]
pub struct HeldLocks(BTreeSet<(u32, u64)>);

impl HeldLocks {
    /// Reads `/proc/locks` ([proc_locks(5)](https://man7.org/linux/man-pages/man5/proc_locks.5.html)); without it, and for
    /// processes that it does not show (those of another machine or container), no lock is known.
    pub fn read() -> Self {
        let text = fs::read_to_string("/proc/locks").unwrap_or_default();
        Self(text.lines().filter_map(held).collect())
    }

    /// Returns what the holder of the lock file at `path` says of itself, if it is a process that is known here.
    pub(super) fn holder(&self, path: &Path) -> Option<String> {
        let file = fs::metadata(path).ok()?;
        let holder = read_holder(path);
        let process = holder.strip_prefix("process ")?.split(' ').next()?.parse().ok()?;
        self.0.contains(&(process, file.ino())).then_some(holder)
    }
}

/// Returns process and inode of a line such as `1: FLOCK  ADVISORY  WRITE 29693 fe:00:10010669 0 EOF`.
fn held(line: &str) -> Option<(u32, u64)> {
    let (_, lock) = line.split_once(": FLOCK ")?;
    let mut words = lock.split_whitespace().skip(2);
    let process = words.next()?.parse().ok()?;
    // The device before it is not always the one that `stat` names.
    let inode = words.next()?.rsplit(':').next()?.parse().ok()?;
    Some((process, inode))
}

/// Returns what the holder of a lock says of itself, as far as it can be shown.
fn read_holder(path: &Path) -> String {
    let text = fs::read(path).unwrap_or_default();
    let line: String = String::from_utf8_lossy(&text).chars().take_while(|letter| !letter.is_control()).collect();
    if line.is_empty() { "it does not say which".to_owned() } else { line.chars().take(LONGEST_HOLDER).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_the_kernel_says_which_process_has_which_file() {
        assert_eq!(held("1: FLOCK  ADVISORY  WRITE 29693 fe:00:10010669 0 EOF"), Some((29693, 10_010_669)));
        assert_eq!(held("3: POSIX  ADVISORY  WRITE 29693 fe:00:10010669 0 EOF"), None);
        // Somebody who waits for a lock does not have it.
        assert_eq!(held("1: -> FLOCK  ADVISORY  WRITE 7 fe:00:9 0 EOF"), None);
        assert_eq!(held(""), None);
    }
}
