//! The state folder of one list of an account, for readers: takes no lock, creates and changes
//! nothing.
//!
//! A run may work in the folder at the same time. Each record and each folder appears and
//! disappears in one step, so a reader sees whole ones, but a walk that it has seen may be gone a
//! moment later.
//!
//! Before it: [`ListState`](super::ListState) begins and removes the walks, under the lock of the
//! list. Behind it: the engine plans with them, through the `ListState`, which dereferences to
//! this; [`inspect`](crate::inspect) shows them without the lock.

use std::fs;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use fanout_sink::WalkId;

use super::disk;
use super::error::JournalError;
use super::ledger::calls_today;
use super::lock::{HeldLocks, Holder};
use super::record::{Identity, NEW, OLD};
use super::walk_folder::WalkFolder;
use super::walks::Walks;

/// The walks of one list of an account, as they lie on disk.
#[derive(Clone, Debug)]
pub struct ListFolder {
    account_path: PathBuf,
    /// The folder in which the walks lie.
    pub(super) path: PathBuf,
    pub(super) identity: Identity,
}

impl ListFolder {
    /// Returns the folder of `identity` under `path`, the `journal.path`. It may not exist on disk.
    pub fn new(path: &Path, identity: Identity) -> Self {
        let account_path = path.join(&identity.app_id);
        Self { path: account_path.join(&identity.list), account_path, identity }
    }

    /// Reads the walks as they are now, without their pages; there is none before the first run.
    /// An undecided walk that cannot be read is skipped with a warning. What does not have the name
    /// of a walk is skipped without one.
    ///
    /// # Errors
    ///
    /// [`JournalError::Foreign`] for a walk of another identity; [`JournalError::Damaged`] or
    /// [`JournalError::Record`] for a decided walk that cannot be read.
    pub fn walks(&self) -> Result<Walks, JournalError> {
        let mut walks = Vec::new();
        for entry in self.entries()?.into_iter().filter(|entry| entry.is_walk) {
            walks.extend(WalkFolder::read(entry.path, &self.identity)?);
        }
        Ok(Walks::new(walks, &self.identity.options))
    }

    /// Returns the folders of the walks and what crashes left of some, oldest walk first. Entries
    /// with any other name are not fanout's and are left alone.
    pub(super) fn entries(&self) -> Result<Vec<Entry>, JournalError> {
        let names = disk::names(&self.path)?;
        let entry = |name: &String| {
            let left_behind = name.strip_suffix(NEW).or_else(|| name.strip_suffix(OLD));
            let walk = left_behind.unwrap_or(name).parse().ok()?;
            Some(Entry { walk, is_walk: left_behind.is_none(), path: self.path.join(name) })
        };
        let mut entries: Vec<Entry> = names.iter().filter_map(entry).collect();
        // What was left behind comes first: its walk's folder takes that name when it is removed.
        entries.sort_unstable_by_key(|entry| (entry.walk.number(), entry.walk.begun_at(), entry.is_walk));
        Ok(entries)
    }

    /// Returns today's number of calls to `endpoint` for the account, as its ledger has it.
    pub fn calls_today(&self, endpoint: &str, now: DateTime<Utc>) -> u64 {
        calls_today(&self.ledger_path(endpoint), now)
    }

    /// Returns the file of the account's ledger for `endpoint` (such as `/cgi-bin/user/get`).
    /// WeChat counts calls by endpoint, not by list.
    pub(super) fn ledger_path(&self, endpoint: &str) -> PathBuf {
        let name = endpoint.trim_start_matches("/cgi-bin/").replace('/', "-");
        self.account_path.join(format!("calls.{name}.json"))
    }

    /// Returns the lock file of this list.
    pub(super) fn lock_path(&self) -> PathBuf {
        self.account_path.join(format!("{}.lock", self.identity.list))
    }

    /// Returns whether a run has begun this list on this state.
    pub fn exists(&self) -> bool {
        self.path.is_dir()
    }

    /// Returns the bytes of all files of this list. A file that disappears meanwhile is not
    /// counted.
    pub fn bytes(&self) -> u64 {
        bytes_below(&self.path)
    }

    /// Returns the holder of the list's lock.
    pub fn lock_holder(&self, locks: &HeldLocks) -> Holder {
        locks.holder(&self.lock_path())
    }
}

/// The folder of a walk, or what a crash left of one.
pub(super) struct Entry {
    pub(super) walk: WalkId,
    /// Whether the folder's name is the walk's. If it ends in [`NEW`] or [`OLD`], a crash left it,
    /// and it is not a walk.
    pub(super) is_walk: bool,
    pub(super) path: PathBuf,
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
