//! The state folder of one app id, for whoever only looks: it needs no lock, creates nothing and changes nothing.
//!
//! A run may be at work in it meanwhile. Records and folders appear and go in one step each, so what is read is whole; only
//! that a walk is there a moment later, too, is not promised.

use std::collections::BTreeSet;
use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use fanout_sink::WalkId;

use super::ledger::calls_today;
use super::record::{Decision, Identity};
use super::{JournalError, WalkFolder};

/// What follows the name of a walk's folder until its header is in it, and from when it is being removed. What has one
/// of them when a run begins was left by a crash, and is no walk.
pub(super) const NEW: &str = "~new";
pub(super) const OLD: &str = "~old";

/// As much of a lock file is shown: whoever altered it could have made it any length.
const LONGEST_HOLDER: usize = 300;

/// The walks of one app id, as they lie on disk.
#[derive(Clone, Debug)]
pub struct AccountFolder {
    account: PathBuf,
    /// The folder of its walks.
    pub(super) list: PathBuf,
    pub(super) identity: Identity,
}

impl AccountFolder {
    /// Finds the folder of `identity` under `path`. Whether there is one is another question.
    pub fn new(path: &Path, identity: Identity) -> Self {
        let account = path.join(&identity.app_id);
        Self { list: account.join(&identity.list), account, identity }
    }

    /// Returns what was decided on last, `walk` left aside; none if nothing was yet.
    ///
    /// # Errors
    ///
    /// As [`walks`](Self::walks).
    pub fn last_decision(&self, walk: Option<WalkId>) -> Result<Option<Decision>, JournalError> {
        let mut others =
            self.walks()?.into_iter().rev().filter(|other| walk.is_none_or(|walk| other.header.walk != walk));
        Ok(others.find_map(|other| other.decision))
    }

    /// Returns the walks, oldest first, without reading their pages; none where no run has been yet.
    ///
    /// # Errors
    ///
    /// [`JournalError::Foreign`] for a walk of another identity; [`JournalError::Damaged`] or [`JournalError::Record`]
    /// for a decided walk that cannot be read. One that was never decided and cannot be read is passed over, with a
    /// warning, and so is, without one, whatever does not have the name of a walk.
    pub fn walks(&self) -> Result<Vec<WalkFolder>, JournalError> {
        let mut walks = Vec::new();
        for name in self.names()?.iter().filter(|name| is_walk(name)) {
            walks.extend(WalkFolder::read(self.list.join(name), &self.identity)?);
        }
        Ok(walks)
    }

    /// Returns the names of everything that lies among the walks, in order.
    pub(super) fn names(&self) -> Result<Vec<String>, JournalError> {
        let entries = match fs::read_dir(&self.list) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.map_err(JournalError::io("list", &self.list))?,
        };
        let mut names = Vec::new();
        for entry in entries {
            let name = entry.map_err(JournalError::io("list", &self.list))?.file_name();
            names.extend(name.to_str().map(str::to_owned));
        }
        names.sort_unstable();
        Ok(names)
    }

    /// Returns the walks that the pipeline which decided them still owes to a sink, oldest first. Once it has decided a
    /// newer one of the same date it owes them no more: the newer list takes the place of the older one, never the
    /// other way round.
    ///
    /// # Errors
    ///
    /// As [`walks`](Self::walks), and [`JournalError::Io`] if the commit records cannot be listed.
    pub fn owed(&self) -> Result<Vec<WalkFolder>, JournalError> {
        let walks = self.walks()?;
        let mut owed = Vec::new();
        for (place, walk) in walks.iter().enumerate() {
            let is_replaced = walks[place + 1..].iter().any(|newer| newer.replaces(walk));
            if !is_replaced && !walk.lacking()?.is_empty() {
                owed.push(walk.clone());
            }
        }
        Ok(owed)
    }

    /// Returns how many calls for pages this list has cost today, as far as its ledger knows.
    pub fn calls_today(&self, now: DateTime<Utc>) -> u64 {
        calls_today(&self.ledger_path(), now)
    }

    /// Returns the file of the list's ledger of calls.
    pub(super) fn ledger_path(&self) -> PathBuf {
        self.list.with_file_name(format!("{}.calls.json", self.identity.list))
    }

    /// Returns the file whose lock keeps other runs from the account.
    pub(super) fn lock_path(&self) -> PathBuf {
        self.account.join("lock")
    }

    /// Returns the bytes of all files of this app id. What goes while they are counted is not counted.
    pub fn bytes(&self) -> u64 {
        bytes_below(&self.account)
    }

    /// Returns what the process says of itself that has the lock; none if `locks` knows of no such process.
    pub fn holder(&self, locks: &HeldLocks) -> Option<String> {
        let path = self.lock_path();
        let file = fs::metadata(&path).ok()?;
        let holder = read_holder(&path);
        let process = holder.strip_prefix("process ")?.split(' ').next()?.parse().ok()?;
        locks.0.contains(&(process, file.ino())).then_some(holder)
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
pub(super) fn read_holder(path: &Path) -> String {
    let text = fs::read(path).unwrap_or_default();
    let line: String = String::from_utf8_lossy(&text).chars().take_while(|letter| !letter.is_control()).collect();
    if line.is_empty() { "it does not say which".to_owned() } else { line.chars().take(LONGEST_HOLDER).collect() }
}

/// Returns the bytes of all files below a folder.
pub(super) fn bytes_below(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let bytes = entries.map(|entry| match entry.metadata() {
        Ok(metadata) if metadata.is_dir() => bytes_below(&entry.path()),
        Ok(metadata) => metadata.len(),
        Err(_) => 0,
    });
    bytes.sum()
}

/// Returns the number that a walk's name begins with.
pub(super) fn number(name: &str) -> u64 {
    name.split('-').next().and_then(|number| number.parse().ok()).unwrap_or(0)
}

/// Returns whether a name is one that [`AccountState::begin`](super::AccountState::begin) gives. Anything else that lies
/// there is not ours.
pub(super) fn is_walk(name: &str) -> bool {
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let parts = name.strip_suffix('Z').and_then(|name| name.split_once('-')).and_then(|(number, time)| {
        let (day, second) = time.split_once('T')?;
        Some([number, day, second])
    });
    parts.is_some_and(|parts| parts.into_iter().all(is_number))
}

/// Returns whether a name is that of a walk which was being begun or removed.
pub(super) fn is_left_behind(name: &str) -> bool {
    name.ends_with(NEW) || name.ends_with(OLD)
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
