//! What of an app id's state can go: nothing of it is owed to a sink, or is what the next run would go on with.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use chrono::{DateTime, Utc};
use fanout_sink::WalkId;
use serde::Serialize;

use super::disk;
use super::error::JournalError;
use super::folder::{ListFolder, OLD, bytes_below};
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
        let (walks, needed) = (self.walks()?, self.needed()?);
        let complete = walks.iter().filter(|walk| walk.decision.is_some());
        let complete: Vec<u64> = complete.map(|walk| walk.header.walk.number()).collect();
        let newest = complete.last().copied().unwrap_or(0);
        let oldest_kept = complete.len().checked_sub(keep.max(1)).map_or(0, |place| complete[place]);
        let mut prunable = Vec::new();
        for entry in self.entries()? {
            let number = entry.walk.number();
            let undecided = walks.iter().find(|walk| walk.header.walk == entry.walk && walk.decision.is_none());
            let why = match undecided {
                _ if !entry.is_walk => Some(PruneReason::LeftBehind),
                _ if needed.contains(&entry.walk) || !entry.path.is_dir() => None,
                Some(walk) => {
                    let age = (now - walk.header.begun_at).to_std().unwrap_or_default();
                    (age > resume_within && number < newest).then_some(PruneReason::Abandoned)
                }
                // Decided, or unreadable and so never decided: that goes with the walks of its age.
                None => (number < oldest_kept).then_some(PruneReason::BeyondKeep),
            };
            prunable.extend(why.map(|why| Prunable { bytes: bytes_below(&entry.path), path: entry.path, why }));
        }
        Ok(prunable)
    }

    /// Returns the walks that stay whatever their age: those that are owed to a sink, those that are pinned, and those of
    /// other options, of which it is not known here what they are owed to.
    fn needed(&self) -> Result<HashSet<WalkId>, JournalError> {
        let mut needed: HashSet<WalkId> = self.owed()?.iter().map(|walk| walk.header.walk).collect();
        for walk in self.walks_of_any_options()? {
            if walk.header.identity.options != self.identity.options || walk.is_pinned()? {
                needed.insert(walk.header.walk);
            }
        }
        Ok(needed)
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
        let (walks, needed) = (self.walks()?, self.needed()?);
        let oldest_kept = walks.len().checked_sub(keep.max(1)).map_or(0, |place| walks[place].header.walk.number());
        let mut removed = 0;
        for entry in self.entries()? {
            let is_too_old = entry.walk.number() < oldest_kept && !needed.contains(&entry.walk) && entry.path.is_dir();
            if !entry.is_walk || is_too_old {
                self.remove(&entry.path)?;
                removed += usize::from(entry.is_walk);
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
        let is_walk =
            path.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.parse::<WalkId>().is_ok());
        if is_walk {
            // In one step it is no walk any more: one without its commit records would look owed, and be published over a
            // newer list; one without its pages would look damaged.
            prunable.as_mut_os_string().push(OLD);
            fs::rename(path, &prunable).map_err(JournalError::io("rename", path))?;
            disk::sync_folder(&self.path)?;
        }
        fs::remove_dir_all(&prunable).map_err(JournalError::io("remove", &prunable))
    }
}
