//! What of an app id's state can go: nothing of it is owed to a sink, or is what the next run would go on with.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::disk;
use super::error::JournalError;
use super::folder::{ListFolder, OLD, bytes_below, is_left_behind, is_walk};
use super::state::ListState;

/// What can go, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Prunable {
    /// The folder or file.
    pub path: PathBuf,
    /// Bytes in it.
    pub bytes: u64,
    /// Why nobody needs it.
    pub why: PruneReason,
}

/// Why something can go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PruneReason {
    /// A crash has left it of a walk that was being begun or removed.
    LeftBehind,
    /// Newer lists are kept, and no sink is owed this one.
    BeyondKeep,
    /// It was never finished, is too old to go on with, and a newer list is complete.
    Abandoned,
    /// It is the report of a run that is as old as was said.
    OldReport,
}

impl ListFolder {
    /// Returns what can go if the newest `keep` complete lists stay, and walks are gone on with up to the age `resume_within` at
    /// the time `now`. Only who has the lock can be sure of it a moment later.
    ///
    /// # Errors
    ///
    /// As [`owed`](Self::owed): where something cannot be read, nobody knows what it is needed for.
    pub fn prunable(
        &self,
        keep: usize,
        resume_within: Duration,
        now: DateTime<Utc>,
    ) -> Result<Vec<Prunable>, JournalError> {
        let (walks, owed) = (self.walks()?, self.owed()?);
        let strangers = self.strangers()?;
        let complete: Vec<_> = walks.iter().filter(|walk| walk.decision().is_some()).collect();
        let newest = complete.last().map(|walk| walk.header.walk.to_string());
        let oldest_kept = complete.len().checked_sub(keep.max(1)).map(|place| complete[place].header.walk.to_string());
        let is_older = |name: &str, than: &Option<String>| than.as_deref().is_some_and(|than| name < than);
        let mut prunable = Vec::new();
        for name in self.names()? {
            let path = self.list.join(&name);
            let walk = walks.iter().find(|walk| walk.path == path);
            let why = match walk {
                _ if is_left_behind(&name) => Some(PruneReason::LeftBehind),
                _ if strangers.contains(&path) => None,
                // What cannot be read was never decided, and goes with those of its age.
                None => (is_walk(&name) && path.is_dir() && is_older(&name, &oldest_kept))
                    .then_some(PruneReason::BeyondKeep),
                Some(walk) if walk.decision().is_none() => {
                    let age = (now - walk.header.begun_at).to_std().unwrap_or_default();
                    let is_too_old = age > resume_within;
                    (is_too_old && is_older(&name, &newest)).then_some(PruneReason::Abandoned)
                }
                Some(walk) => {
                    let is_needed = owed.iter().any(|owed| owed.path == path) || walk.is_pinned()?;
                    (!is_needed && is_older(&name, &oldest_kept)).then_some(PruneReason::BeyondKeep)
                }
            };
            prunable.extend(why.map(|why| Prunable { bytes: bytes_below(&path), path, why }));
        }
        Ok(prunable)
    }

    /// Returns the walks of other options, of which nothing is known here.
    fn strangers(&self) -> Result<Vec<PathBuf>, JournalError> {
        let walks = self.walks_of_any_options()?.into_iter();
        Ok(walks.filter(|walk| walk.header.identity.options != self.identity.options).map(|walk| walk.path).collect())
    }
}

impl ListState {
    /// Removes all walks but the newest `keep`, and never one that is owed to a sink or pinned. Returns how many were
    /// removed.
    /// A walk that cannot be read and was never decided goes with those of its age, and what a crash left of a walk that
    /// was being begun or removed goes as well.
    ///
    /// # Errors
    ///
    /// [`JournalError::Io`] if a folder cannot be removed.
    pub fn prune(&self, keep: usize) -> Result<usize, JournalError> {
        for name in self.names()?.iter().filter(|name| is_left_behind(name)) {
            self.remove(&self.list.join(name))?;
        }
        let walks = self.walks()?;
        let mut needed: Vec<_> = self.owed()?.into_iter().map(|walk| walk.path).collect();
        needed.extend(self.strangers()?);
        for walk in &walks {
            if walk.is_pinned()? {
                needed.push(walk.path.clone());
            }
        }
        let Some(place) = walks.len().checked_sub(keep.max(1)) else { return Ok(0) };
        let oldest_kept = &walks[place].header.walk.to_string();
        let mut removed = 0;
        for name in self.names()?.iter().filter(|name| is_walk(name) && *name < oldest_kept) {
            let path = self.list.join(name);
            if !needed.contains(&path) && path.is_dir() {
                self.remove(&path)?;
                removed += 1;
            }
        }
        Ok(removed)
    }

    /// Removes a walk, or what a crash has left of one.
    ///
    /// # Errors
    ///
    /// [`JournalError::Io`] if the folder cannot be removed; the next time goes on with it.
    pub fn remove(&self, path: &Path) -> Result<(), JournalError> {
        let mut prunable = path.to_owned();
        if !path.to_str().is_some_and(is_left_behind) {
            // In one step it is no walk any more: one without its commit records would look owed, and be published over a
            // newer list; one without its pages would look damaged.
            prunable.as_mut_os_string().push(OLD);
            fs::rename(path, &prunable).map_err(JournalError::io("rename", path))?;
            disk::sync_folder(&self.list)?;
        }
        fs::remove_dir_all(&prunable).map_err(JournalError::io("remove", &prunable))
    }
}
