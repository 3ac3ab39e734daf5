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
use std::time::Duration;

use chrono::{DateTime, NaiveDate, Utc};
use fanout_sink::WalkId;

use super::disk;
use super::error::JournalError;
use super::ledger::calls_today;
use super::lock::{HeldLocks, Holder};
use super::record::{Decision, Identity, NEW, OLD};
use super::walk_folder::WalkFolder;

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

    /// Returns the decision before that of `walk`, or the last one for a walk that has not begun;
    /// `None` if there is none.
    ///
    /// # Errors
    ///
    /// As [`walks`](Self::walks).
    pub fn decision_before(&self, walk: Option<WalkId>) -> Result<Option<Decision>, JournalError> {
        let is_before = |other: &WalkFolder| walk.is_none_or(|walk| other.header.walk.number() < walk.number());
        let mut earlier = self.walks()?.into_iter().rev().filter(is_before);
        Ok(earlier.find_map(|other| other.decision))
    }

    /// Returns the open walks, newest first: those that can be
    /// [resumed](WalkFolder::is_resumable), and those that are too old. An open walk does not count
    /// once it was [given up](WalkFolder::give_up), or a newer one of its date is decided.
    ///
    /// # Errors
    ///
    /// As [`walks`](Self::walks), and [`JournalError::Io`] if its pages cannot be read.
    pub fn open_walks(
        &self,
        resume_within: Duration,
        now: DateTime<Utc>,
    ) -> Result<(Vec<WalkFolder>, Vec<WalkFolder>), JournalError> {
        resumable(&self.walks()?, resume_within, now)
    }

    /// Returns the walks, oldest first, without reading their pages; no walk before the first run.
    /// An undecided walk that cannot be read is skipped with a warning. What does not have the name
    /// of a walk is skipped without one.
    ///
    /// # Errors
    ///
    /// [`JournalError::Foreign`] for a walk of another identity; [`JournalError::Damaged`] or
    /// [`JournalError::Record`] for a decided walk that cannot be read.
    pub fn walks(&self) -> Result<Vec<WalkFolder>, JournalError> {
        let mut walks = self.walks_of_any_options()?;
        walks.retain(|walk| walk.header.identity.options == self.identity.options);
        Ok(walks)
    }

    /// Returns the walks of this list, those of other options included.
    pub(super) fn walks_of_any_options(&self) -> Result<Vec<WalkFolder>, JournalError> {
        let mut walks = Vec::new();
        for entry in self.entries()?.into_iter().filter(|entry| entry.is_walk) {
            walks.extend(WalkFolder::read(entry.path, &self.identity)?);
        }
        Ok(walks)
    }

    /// Returns the newest decided walk of `date`; `None` if there is none, or if its pipeline has
    /// decided a newer one of that date under other options: that list replaced this one, and is
    /// not what the options of this folder ask for.
    ///
    /// # Errors
    ///
    /// As [`walks`](Self::walks).
    pub fn decided_of(&self, date: NaiveDate) -> Result<Option<WalkFolder>, JournalError> {
        let of_options = |walk: &WalkFolder| walk.header.identity.options == self.identity.options;
        let walks = self.walks_of_any_options()?;
        let mut decided = walks.iter().rev().filter(|walk| walk.decision.is_some() && walk.header.date == date);
        let newest = decided.find(|walk| of_options(walk)).cloned();
        Ok(newest.filter(|newest| {
            let number = newest.header.walk.number();
            let mut others = walks.iter().filter(|walk| walk.header.walk.number() > number && !of_options(walk));
            !others.any(|other| other.replaces(newest))
        }))
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

    /// Returns the owed walks, oldest first: decided walks that a sink of the deciding pipeline
    /// still lacks. A walk is not owed once the pipeline has decided a newer walk of the same date,
    /// also under other options: the newer list replaces the older one, never the other way round.
    ///
    /// # Errors
    ///
    /// As [`walks`](Self::walks), and [`JournalError::Io`] if the commit records cannot be listed.
    pub fn owed(&self) -> Result<Vec<WalkFolder>, JournalError> {
        let of_any_options = self.walks_of_any_options()?;
        let of_options = |walk: &&WalkFolder| walk.header.identity.options == self.identity.options;
        owed_of(of_any_options.iter().filter(of_options), &of_any_options)
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

    /// Returns the bytes of all files of this app id. A file that disappears meanwhile is not
    /// counted.
    pub fn bytes(&self) -> u64 {
        bytes_below(&self.account_path)
    }

    /// Returns the holder of the list's lock.
    pub fn lock_holder(&self, locks: &HeldLocks) -> Holder {
        locks.holder(&self.lock_path())
    }
}

/// Returns the open walks among `walks`, which are those of some options, as
/// [`ListFolder::open_walks`] does.
pub(super) fn resumable(
    walks: &[WalkFolder],
    resume_within: Duration,
    now: DateTime<Utc>,
) -> Result<(Vec<WalkFolder>, Vec<WalkFolder>), JournalError> {
    let (mut resumable, mut too_old) = (Vec::new(), Vec::new());
    for (place, walk) in walks.iter().enumerate().rev() {
        let mut newer = walks[place + 1..].iter();
        let is_replaced = newer.any(|newer| newer.decision.is_some() && newer.header.date == walk.header.date);
        if walk.decision.is_none() && !walk.is_given_up() && !is_replaced {
            let is_resumable = walk.is_resumable(resume_within, now)?;
            if is_resumable { &mut resumable } else { &mut too_old }.push(walk.clone());
        }
    }
    Ok((resumable, too_old))
}

/// Returns the owed walks among `walks`, as [`ListFolder::owed`] does. `of_any_options` has all
/// walks of the list.
pub(super) fn owed_of<'a>(
    walks: impl IntoIterator<Item = &'a WalkFolder>,
    of_any_options: &[WalkFolder],
) -> Result<Vec<WalkFolder>, JournalError> {
    let mut owed = Vec::new();
    for walk in walks {
        let number = walk.header.walk.number();
        let mut newer = of_any_options.iter().filter(|other| other.header.walk.number() > number);
        if !newer.any(|newer| newer.replaces(walk)) && !walk.lacking()?.is_empty() {
            owed.push(walk.clone());
        }
    }
    Ok(owed)
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
