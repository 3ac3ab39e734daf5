//! The state of an account as a whole: its lists, whatever pipelines read them, its ledgers and its
//! locks. It is removed when the account's followers are to be forgotten.
//!
//! Before it: runs have made the state. Behind it: [`inspect`](crate::inspect) shows it and removes
//! it.

use std::collections::BTreeSet;
use std::fs;
use std::ops::Deref;
use std::path::{Path, PathBuf};

use chrono::NaiveDate;
use serde_json::Map;

use super::disk;
use super::error::JournalError;
use super::folder::{ListFolder, bytes_below};
use super::lock::{HeldLocks, LockFile};
use super::prune::{Prunable, PruneReason};
use super::record::{FORMAT, Identity, OLD, PAGES};
use super::walk_folder::read_header;

/// Ends the name of a lock file.
const LOCK: &str = ".lock";

/// The state of an account, for readers: takes no lock and changes nothing.
#[derive(Clone, Debug)]
pub struct AccountFolder {
    journal: PathBuf,
    app_id: String,
    path: PathBuf,
}

/// A list that a sink has not published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwedList {
    /// The list's name.
    pub list: String,
    /// Its logical date.
    pub date: NaiveDate,
    /// The pipeline that decided it.
    pub pipeline: String,
    /// The sinks that lack it.
    pub sinks: Vec<String>,
}

impl AccountFolder {
    /// Returns the state of the account `app_id` under `journal`, the `journal.path`. It may not
    /// exist on disk.
    pub fn new(journal: &Path, app_id: &str) -> Self {
        Self { journal: journal.to_owned(), app_id: app_id.to_owned(), path: journal.join(app_id) }
    }

    /// Returns what lies in the folder, by name: the lists, the ledgers and the locks; nothing if
    /// there is no folder.
    ///
    /// # Errors
    ///
    /// [`JournalError::Io`] if the folder cannot be listed.
    pub fn parts(&self) -> Result<Vec<Prunable>, JournalError> {
        let mut names = disk::names(&self.path)?;
        names.sort_unstable();
        let part = |name: String| {
            let path = self.path.join(name);
            let bytes = if path.is_dir() { bytes_below(&path) } else { path.metadata().map_or(0, |file| file.len()) };
            Prunable { path, bytes, why: PruneReason::WholeAccount }
        };
        Ok(names.into_iter().map(part).collect())
    }

    /// Returns the lists that are owed to sinks of any pipeline, by name and date.
    ///
    /// # Errors
    ///
    /// As [`ListFolder::walks`] and [`Walks::owed`](super::Walks::owed): it is not known what a
    /// list that cannot be read is needed for.
    pub fn owed(&self) -> Result<Vec<OwedList>, JournalError> {
        let mut owed = Vec::new();
        for part in self.parts()?.into_iter().filter(|part| part.path.is_dir()) {
            let Some(list) = part.path.file_name().and_then(|name| name.to_str()) else { continue };
            // What a removal that was cut off has left is no list any more.
            if list.ends_with(OLD) {
                continue;
            }
            for identity in self.identities(list)? {
                for walk in ListFolder::new(&self.journal, identity).walks()?.owed()? {
                    let Some(decision) = walk.decision() else { continue };
                    owed.push(OwedList {
                        list: list.to_owned(),
                        date: walk.header().date,
                        pipeline: decision.pipeline.clone(),
                        sinks: walk.lacking()?,
                    });
                }
            }
        }
        Ok(owed)
    }

    /// Returns the identities in the headers of a list's walks. They may differ in their options.
    fn identities(&self, list: &str) -> Result<Vec<Identity>, JournalError> {
        let (app_id, list) = (self.app_id.clone(), list.to_owned());
        let any = Identity { format: FORMAT, app_id, host: String::new(), list, options: Map::new() };
        let mut identities = Vec::new();
        for entry in ListFolder::new(&self.journal, any).entries()?.into_iter().filter(|entry| entry.is_walk) {
            let header = read_header(&entry.path.join(PAGES))?;
            identities.extend(header.map(|header| header.identity).filter(|identity| !identities.contains(identity)));
        }
        Ok(identities)
    }

    /// Returns the text about a process that holds a lock of the account, if one does for certain.
    ///
    /// # Errors
    ///
    /// As [`parts`](Self::parts).
    pub fn lock_holder(&self, locks: &HeldLocks) -> Result<Option<String>, JournalError> {
        Ok(self.lock_files()?.iter().find_map(|(path, _)| locks.holder(path).process()))
    }

    /// Returns the lock files, with what each of them protects.
    fn lock_files(&self) -> Result<Vec<(PathBuf, String)>, JournalError> {
        let names = BTreeSet::from_iter(disk::names(&self.path)?);
        let lock = |name: &String| {
            let protects = match name.strip_suffix(LOCK)? {
                "token" => format!("the token of app id `{}`", self.app_id),
                list => format!("list `{list}` of app id `{}`", self.app_id),
            };
            Some((self.path.join(name), protects))
        };
        Ok(names.iter().filter_map(lock).collect())
    }

    /// Takes every lock of the account. A list that has no lock yet has no state either. Another
    /// run that tries is shown `holder`.
    ///
    /// # Errors
    ///
    /// [`JournalError::Locked`] if another process holds one of them; [`JournalError::Io`] if one
    /// cannot be used.
    pub fn lock(self, holder: &str) -> Result<AccountState, JournalError> {
        let locks = self.lock_files()?.into_iter().map(|(path, what)| LockFile::take(&path, what, holder));
        Ok(AccountState { _locks: locks.collect::<Result<_, _>>()?, folder: self })
    }
}

/// The state of an account, with all of its locks held by this process.
#[derive(Debug)]
pub struct AccountState {
    folder: AccountFolder,
    /// Released when the state is dropped.
    _locks: Vec<LockFile>,
}

impl Deref for AccountState {
    type Target = AccountFolder;

    fn deref(&self) -> &AccountFolder {
        &self.folder
    }
}

impl AccountState {
    /// Removes the account's folder with all that is in it, and adds each part to `removed`.
    ///
    /// # Errors
    ///
    /// [`JournalError::Io`] if a part cannot be removed; the next removal takes the rest.
    pub fn remove(self, removed: &mut Vec<Prunable>) -> Result<(), JournalError> {
        // The locks go last: until then a run that begins is refused.
        let all = self.parts()?;
        if all.is_empty() {
            return Ok(());
        }
        let (locks, parts): (Vec<_>, Vec<_>) =
            all.into_iter().partition(|part| part.path.to_string_lossy().ends_with(LOCK));
        for part in parts.into_iter().chain(locks) {
            self.remove_part(&part.path)?;
            removed.push(part);
        }
        // A run that begins at this moment makes the folder anew.
        if let Err(error) = fs::remove_dir(&self.path) {
            tracing::debug!(%error, "the folder of the account stays");
        }
        disk::sync_folder(&self.journal)
    }

    fn remove_part(&self, path: &Path) -> Result<(), JournalError> {
        if !path.is_dir() || path.is_symlink() {
            return fs::remove_file(path).map_err(JournalError::io("remove", path));
        }
        let mut left = path.to_owned();
        if !path.to_string_lossy().ends_with(OLD) {
            // In one step: a list that lost some of its records only would look owed or damaged.
            left.as_mut_os_string().push(OLD);
            fs::rename(path, &left).map_err(JournalError::io("rename", path))?;
            disk::sync_folder(&self.path)?;
        }
        fs::remove_dir_all(&left).map_err(JournalError::io("remove", &left))
    }
}
