//! The locks of the state, and their holders: one lock for each list of an account, and one for an
//! account's token.
//!
//! Before it: a run takes the locks when it plans its accounts. Behind it: another run is refused,
//! and `status` and `prune` name the holder.

use std::collections::BTreeSet;
use std::fs::{self, File, TryLockError};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;
use std::sync::LazyLock;

use chrono::Utc;

use super::disk;
use super::error::JournalError;
use crate::wechat::in_beijing;

/// The longest text of a lock file that is shown, in characters: an altered file can have any
/// length.
const LONGEST_HOLDER: usize = 300;

/// A lock file that this process holds. A crash closes the file, which releases the lock.
#[derive(Debug)]
pub(super) struct LockFile {
    file: File,
}

impl LockFile {
    /// Locks the file at `path`, which protects `what`. Another run that tries is shown `holder`.
    ///
    /// # Errors
    ///
    /// [`JournalError::Locked`] if another process holds the lock; [`JournalError::Io`] if the file
    /// cannot be used.
    pub(super) fn take(path: &Path, what: String, holder: &str) -> Result<Self, JournalError> {
        let file = loop {
            let file = disk::open_file(path)?;
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => {
                    return Err(JournalError::Locked { what, holder: read_holder(path) });
                }
                Err(TryLockError::Error(error)) => return Err(JournalError::io("lock", path)(error)),
            }
            // A file that was removed with its account between these steps protects nothing.
            if is_at(&file, path) {
                break file;
            }
        };
        let (process, now) = (std::process::id(), Utc::now());
        let beijing = in_beijing(now).format("%Y-%m-%d %H:%M:%S");
        let since = format!("since {beijing} in Beijing ({} UTC)", now.format("%H:%M:%S"));
        // The second line is for programs: `Place::of` reads it.
        let holder = format!("process {process} on `{}` {since}, {holder}\n{}\n", host(), namespace());
        // Written first and cut afterwards: the file is never empty while another run reads it.
        file.write_all_at(holder.as_bytes(), 0)
            .and_then(|()| file.set_len(holder.len() as u64))
            .map_err(JournalError::io(format!("write {} bytes to", holder.len()), path))?;
        Ok(Self { file })
    }
}

impl Drop for LockFile {
    /// Releases the lock. Closing the file is not enough: a child process that starts at this
    /// moment has a copy of the open file until it executes its program.
    fn drop(&mut self) {
        // What is left in a file without a lock is of a process that was cut off.
        if let Err(error) = self.file.set_len(0).and_then(|()| self.file.unlock()) {
            tracing::debug!(%error, "the lock is released only when the file is closed");
        }
    }
}

/// The lock of an account's token, held by this process. With a classic token, each request for a
/// token ends the one before, so two runs that own it would end each other's.
#[derive(Debug)]
pub struct TokenLock {
    _lock: LockFile,
}

impl TokenLock {
    /// Takes the lock of the token of `app_id` under `path`, and creates what is missing. Another
    /// run that tries is shown `holder`.
    ///
    /// # Errors
    ///
    /// [`JournalError::Locked`] if another process holds the lock; [`JournalError::Io`] if the
    /// folder cannot be used.
    pub fn take(path: &Path, app_id: &str, holder: &str) -> Result<Self, JournalError> {
        let folder = path.join(app_id);
        disk::create_folder(&folder)?;
        let lock = LockFile::take(&folder.join("token.lock"), format!("the token of app id `{app_id}`"), holder)?;
        Ok(Self { _lock: lock })
    }
}

/// The locks that processes of this machine hold, as Linux lists them. The list is read because
/// trying a lock, even a shared one, would hold it for a moment, and refuse a run that begins then.
#[derive(Clone, Debug, Default)]
pub struct HeldLocks(BTreeSet<(u32, u64)>);

impl HeldLocks {
    /// Reads `/proc/locks`
    /// ([proc_locks(5)](https://man7.org/linux/man-pages/man5/proc_locks.5.html)). It does not show
    /// processes of another machine or container. On a system without that file no lock is known.
    pub fn read() -> Self {
        let text = fs::read_to_string("/proc/locks").unwrap_or_default();
        Self(text.lines().filter_map(held).collect())
    }

    /// Returns who holds the lock of the file at `path`.
    pub(super) fn holder(&self, path: &Path) -> Holder {
        let Ok(text) = fs::read_to_string(path) else { return Holder::Nobody };
        let Ok(file) = fs::metadata(path) else { return Holder::Nobody };
        let named = text.strip_prefix("process ").and_then(|rest| rest.split(' ').next()?.parse::<u32>().ok());
        let Some(process) = named else { return Holder::Nobody };
        let is_here = is_here(&text);
        // The processes of a container have other numbers here than in the file.
        if self.0.iter().any(|&(holder, inode)| inode == file.ino() && (holder == process || !is_here)) {
            Holder::Process(read_holder(path))
        } else if is_here {
            Holder::Nobody
        } else {
            Holder::Unknown(read_holder(path))
        }
    }
}

/// Who holds a lock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Holder {
    /// No process.
    Nobody,
    /// The process that the text of the lock file names.
    Process(String),
    /// The text names a process of another machine or container. Whether it has ended cannot be
    /// looked up from here.
    Unknown(String),
}

impl Holder {
    /// Returns the text about the process, if one holds the lock for certain.
    pub fn process(self) -> Option<String> {
        match self {
            Self::Process(text) => Some(text),
            Self::Nobody | Self::Unknown(_) => None,
        }
    }
}

/// Returns whether `file` is the one that `path` names.
fn is_at(file: &File, path: &Path) -> bool {
    let (Ok(open), Ok(named)) = (file.metadata(), fs::metadata(path)) else { return false };
    (open.dev(), open.ino()) == (named.dev(), named.ino())
}

fn host() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

/// Names the namespace of the process numbers: `pid:[4026531836]`. Processes in others are not
/// seen, or seen under other numbers.
fn namespace() -> &'static str {
    // Read once: a process stays in the namespace in which it was made.
    static NAMESPACE: LazyLock<String> = LazyLock::new(|| {
        fs::read_link("/proc/self/ns/pid").map_or_else(|_| String::new(), |link| link.to_string_lossy().into_owned())
    });
    &NAMESPACE
}

/// Returns whether the process of a lock file can be looked up: it runs, or has run, on this host
/// and in this namespace.
fn is_here(text: &str) -> bool {
    let mut lines = text.lines();
    let named = lines.next().and_then(|line| line.split('`').nth(1));
    let is_host = named.is_none_or(|named| named == host());
    is_host && lines.next().is_none_or(|line| line.is_empty() || line == namespace())
}

/// Returns the process and the inode of a line such as
/// `1: FLOCK  ADVISORY  WRITE 29693 fe:00:10010669 0 EOF`.
fn held(line: &str) -> Option<(u32, u64)> {
    let (_, lock) = line.split_once(": FLOCK ")?;
    let mut words = lock.split_whitespace().skip(2);
    let process = words.next()?.parse().ok()?;
    // The device number before the inode is not compared: it is not always the one of `stat`.
    let inode = words.next()?.rsplit(':').next()?.parse().ok()?;
    Some((process, inode))
}

/// Returns the first line of a lock file, which names its holder, cut to what can be shown.
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
        // A process that waits for the lock does not hold it.
        assert_eq!(held("1: -> FLOCK  ADVISORY  WRITE 7 fe:00:9 0 EOF"), None);
        assert_eq!(held(""), None);
    }

    #[test]
    fn a_holder_elsewhere_is_unknown_and_one_that_has_ended_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        let text = |process: u32, host: &str, namespace: &str| {
            format!(
                "process {process} on `{host}` since 2026-01-31 10:00:00 in Beijing (02:00:00 UTC), pipeline `p`\n{namespace}\n"
            )
        };
        let holder = |text: &str, locks: &HeldLocks| {
            fs::write(&path, text).unwrap();
            locks.holder(&path)
        };
        let (none, me) = (HeldLocks::default(), std::process::id());
        assert_eq!(holder("", &none), Holder::Nobody);
        assert_eq!(holder(&text(me, &host(), namespace()), &none), Holder::Nobody);
        for elsewhere in [text(7, "another", namespace()), text(7, &host(), "pid:[1]"), text(7, "another", "")] {
            let first = elsewhere.lines().next().unwrap().to_owned();
            assert_eq!(holder(&elsewhere, &none), Holder::Unknown(first.clone()));
            // The kernel lists the lock under the number that the process has here.
            let listed = HeldLocks(BTreeSet::from([(4_711, fs::metadata(&path).unwrap().ino())]));
            assert_eq!(holder(&elsewhere, &listed), Holder::Process(first));
        }
    }

    #[test]
    fn a_lock_that_was_released_names_no_process() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        let lock = LockFile::take(&path, "a list".to_owned(), "pipeline `p`").unwrap();
        let Holder::Process(text) = HeldLocks::read().holder(&path) else { panic!("it is held") };
        assert!(text.starts_with(&format!("process {} on `{}` since ", std::process::id(), host())), "{text}");
        assert!(text.ends_with(" UTC), pipeline `p`"), "{text}");
        drop(lock);
        assert_eq!((HeldLocks::read().holder(&path), fs::read(&path).unwrap()), (Holder::Nobody, Vec::new()));
    }
}
