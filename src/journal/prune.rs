//! The walks of a list that can be removed, and their removal. Under both rules below a walk stays
//! if it is owed to a sink, pinned, or of other options.
//!
//! | | [`ListState::prune`] | [`ListFolder::prunable`] |
//! | --- | --- | --- |
//! | used by | a unit, after it has published its walk | `fanout prune` |
//! | `keep` counts | the walks that can be read, also undecided ones | decided walks |
//! | an undecided walk goes | with the walks of its age | if it is too old to be resumed, and a newer walk is decided |
//!
//! Before it: [`ListFolder`] lists the walks, with their decisions and commit records. Behind it:
//! [`inspect`](crate::inspect) shows what is prunable, and removes it by [`ListState::remove`].

use std::collections::HashSet;
use std::ffi::OsStr;
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

/// A folder or file that can be removed, and the reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Prunable {
    /// The path of the folder or file.
    pub path: PathBuf,
    /// The bytes that it takes.
    pub bytes: u64,
    /// Why it can be removed.
    pub why: PruneReason,
}

/// Why something can be removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PruneReason {
    /// A crash left it while its walk was begun or removed.
    LeftBehind,
    /// `journal.keep` newer walks are decided, and no sink is owed this one.
    BeyondKeep,
    /// It was never finished, is too old to be resumed, and a newer walk is decided.
    Abandoned,
    /// It is the report of a run, and older than the age that was asked for.
    OldReport,
}

impl ListFolder {
    /// Returns what can be removed, oldest walk first, if the newest `keep` decided walks stay and
    /// an undecided walk is resumed up to the age `resume_within`. Without the lock the answer may
    /// be out of date a moment later.
    ///
    /// # Errors
    ///
    /// As [`owed`](Self::owed): it is not known what a walk that cannot be read is needed for.
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
                // A decided walk, or an undecided one that cannot be read.
                None => (number < oldest_kept).then_some(PruneReason::BeyondKeep),
            };
            prunable.extend(why.map(|why| Prunable { bytes: bytes_below(&entry.path), path: entry.path, why }));
        }
        Ok(prunable)
    }

    /// Returns the walks that stay at any age: those that are owed to a sink, those that are
    /// pinned, and those of other options, whose sinks are not known here.
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
    /// Removes all but the newest `keep` walks and the newest `keep` decided ones, and what crashes
    /// left behind. A walk stays if it is owed to a sink, pinned, of other options, or an open one
    /// that a run can finish. An undecided walk that cannot be read does not count, and goes with
    /// the walks of its age. Returns the number of walks that were removed.
    ///
    /// # Errors
    ///
    /// [`JournalError::Io`] if a folder cannot be removed.
    pub fn prune(&self, keep: usize, resume_within: Duration, now: DateTime<Utc>) -> Result<usize, JournalError> {
        let (walks, mut needed) = (self.walks()?, self.needed()?);
        needed.extend(self.open_walks(resume_within, now)?.0.iter().map(|walk| walk.header.walk));
        // An open walk never takes the place of a list that is complete.
        let decided = walks.iter().rev().filter(|walk| walk.decision.is_some());
        needed.extend(decided.take(keep.max(1)).map(|walk| walk.header.walk));
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

    /// Removes the folder of a walk, or what a crash left of one.
    ///
    /// # Errors
    ///
    /// [`JournalError::Io`] if the folder cannot be removed; the next prune removes the rest.
    pub fn remove(&self, path: &Path) -> Result<(), JournalError> {
        let mut left = path.to_owned();
        let name = path.file_name().and_then(OsStr::to_str);
        if name.is_some_and(|name| name.parse::<WalkId>().is_ok()) {
            // The rename ends the walk in one step. A walk that lost its commit records first would
            // look owed, and be published over a newer list; without its pages it would look
            // damaged.
            left.as_mut_os_string().push(OLD);
            fs::rename(path, &left).map_err(JournalError::io("rename", path))?;
            disk::sync_folder(&self.path)?;
        }
        fs::remove_dir_all(&left).map_err(JournalError::io("remove", &left))
    }
}
