//! The state folder of one list of an account, for readers: it needs no lock, creates nothing and changes nothing.
//!
//! A run may be at work in it meanwhile. Records and folders appear and go in one step each, so what is read is whole; only
//! that a walk is there a moment later, too, is not promised.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use fanout_sink::WalkId;

use super::error::JournalError;
use super::ledger::calls_today;
use super::lock::HeldLocks;
use super::record::{Decision, Identity};
use super::walk_folder::WalkFolder;

/// What follows the name of a walk's folder until its header is in it, and from when it is being removed. What has one
/// of them when a run begins was left by a crash, and is no walk.
pub(super) const NEW: &str = "~new";
pub(super) const OLD: &str = "~old";

/// The walks of one list of an account, as they lie on disk.
#[derive(Clone, Debug)]
pub struct ListFolder {
    account: PathBuf,
    /// The folder of the walks.
    pub(super) list: PathBuf,
    pub(super) identity: Identity,
}

impl ListFolder {
    /// Names the folder of `identity` under `path`. It may not exist.
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
        let mut walks = self.walks_of_any_options()?;
        walks.retain(|walk| walk.header.identity.options == self.identity.options);
        Ok(walks)
    }

    /// Returns the walks of this list, also those of other options: nothing is known here of what is owed of those.
    pub(super) fn walks_of_any_options(&self) -> Result<Vec<WalkFolder>, JournalError> {
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

    /// Returns how many calls of `endpoint` the account has cost today, as far as its ledger knows.
    pub fn calls_today(&self, endpoint: &str, now: DateTime<Utc>) -> u64 {
        calls_today(&self.ledger_path(endpoint), now)
    }

    /// Returns the file of the account's ledger of calls of `endpoint` (`/cgi-bin/user/get`): WeChat counts by endpoint.
    pub(super) fn ledger_path(&self, endpoint: &str) -> PathBuf {
        let name = endpoint.trim_start_matches("/cgi-bin/").replace('/', "-");
        self.account.join(format!("calls.{name}.json"))
    }

    /// Returns the file whose lock keeps other runs from this list.
    pub(super) fn lock_path(&self) -> PathBuf {
        self.account.join(format!("{}.lock", self.identity.list))
    }

    /// Returns the bytes of all files of this app id. What goes while they are counted is not counted.
    pub fn bytes(&self) -> u64 {
        bytes_below(&self.account)
    }

    /// Returns what the process says of itself that has the lock; none if `locks` knows of no such process.
    pub fn holder(&self, locks: &HeldLocks) -> Option<String> {
        locks.holder(&self.lock_path())
    }
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

/// Returns whether a name is one that [`ListState::begin`](super::ListState::begin) gives. Anything else that lies
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
