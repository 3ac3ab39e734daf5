//! The walks of a list that can be removed, and their removal. Under both rules below a walk stays
//! if it is owed to a sink or pinned, and `keep` counts the walks of each selection of options by
//! itself.
//!
//! | | [`ListState::prune`] | [`ListFolder::prunable`] |
//! | --- | --- | --- |
//! | used by | a unit, after it has published its walk | `fanout prune` |
//! | `keep` counts | the walks that can be read, also undecided ones | decided walks |
//! | an undecided walk goes | with the walks of its age | if it is too old to be resumed, or was given up, and a newer walk is decided |
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
use super::folder::{ListFolder, bytes_below};
use super::pins;
use super::record::{NEW, OLD};
use super::state::ListState;
use super::walk_folder::WalkFolder;
use super::walks::Walks;

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
    /// It was never finished, is too old to be resumed or was given up, and a newer walk is
    /// decided.
    Abandoned,
    /// It is the report of a run, and older than the age that was asked for.
    OldReport,
    /// All that the state keeps of its account is to be removed.
    WholeAccount,
}

/// The walks of some options, oldest first. Each selection of tags and each pipeline of changes has
/// walks of its own in the folder of a list, and `keep` of them stay, whoever prunes.
struct Group {
    walks: Walks,
    /// Those that stay at any age: they are owed to a sink, or pinned.
    needed: HashSet<WalkId>,
}

impl Group {
    fn of(walks: Walks) -> Result<Self, JournalError> {
        let owed = walks.owed()?;
        let mut needed: HashSet<WalkId> = owed.iter().map(|walk| walk.header.walk).collect();
        for walk in walks.iter() {
            if walk.is_pinned()? {
                needed.insert(walk.header.walk);
            }
        }
        Ok(Self { walks, needed })
    }

    fn decided(&self) -> impl DoubleEndedIterator<Item = &WalkFolder> {
        self.walks.iter().filter(|walk| walk.decision.is_some())
    }

    /// Returns the number of the oldest of the newest `keep` walks among `walks`; 0 if there are
    /// not more.
    fn oldest_kept<'a>(walks: impl DoubleEndedIterator<Item = &'a WalkFolder>, keep: usize) -> u64 {
        let mut numbers = walks.rev().map(|walk| walk.header.walk.number());
        numbers.nth(keep.max(1) - 1).unwrap_or(0)
    }
}

impl ListFolder {
    /// Returns what can be removed, oldest walk first, if the newest `keep` decided walks of each
    /// selection of options stay, and an undecided walk is resumed up to the age `resume_within`.
    /// Without the lock the answer may be out of date a moment later.
    ///
    /// # Errors
    ///
    /// As [`walks`](Self::walks) and [`Walks::owed`]: it is not known what a walk that cannot be
    /// read is needed for.
    pub fn prunable(
        &self,
        keep: usize,
        resume_within: Duration,
        now: DateTime<Utc>,
    ) -> Result<Vec<Prunable>, JournalError> {
        let groups = self.groups()?;
        let mut prunable = Vec::new();
        for entry in self.entries()? {
            let found = walk_of(&groups, entry.walk);
            let why = match found {
                _ if !entry.is_walk => Some(PruneReason::LeftBehind),
                _ if !entry.path.is_dir() => None,
                Some((group, _)) if group.needed.contains(&entry.walk) => None,
                Some((group, walk)) if walk.decision.is_none() => {
                    let newest = group.decided().next_back().map_or(0, |walk| walk.header.walk.number());
                    let age = (now - walk.header.begun_at).to_std().unwrap_or_default();
                    let is_over = age > resume_within || walk.is_given_up();
                    (is_over && entry.walk.number() < newest).then_some(PruneReason::Abandoned)
                }
                // An undecided walk that cannot be read says nothing of its options.
                found => {
                    let group = found.map_or(&groups[0], |(group, _)| group);
                    let oldest_kept = Group::oldest_kept(group.decided(), keep);
                    (entry.walk.number() < oldest_kept).then_some(PruneReason::BeyondKeep)
                }
            };
            prunable.extend(why.map(|why| Prunable { bytes: bytes_below(&entry.path), path: entry.path, why }));
        }
        Ok(prunable)
    }

    /// Returns the walks by their options, those of this identity first.
    fn groups(&self) -> Result<Vec<Group>, JournalError> {
        self.walks()?.by_options().into_iter().map(Group::of).collect()
    }
}

/// Finds a walk in its group.
fn walk_of(groups: &[Group], walk: WalkId) -> Option<(&Group, &WalkFolder)> {
    groups.iter().find_map(|group| Some((group, group.walks.iter().find(|found| found.header.walk == walk)?)))
}

impl ListState {
    /// Removes all but the newest `keep` walks and the newest `keep` decided ones of each selection
    /// of options, and what crashes left behind. A walk stays if it is owed to a sink, pinned, or
    /// an open one that a run can finish. An undecided walk that cannot be read does not count, and
    /// goes with the walks of its age. Returns the number of walks that were removed.
    ///
    /// # Errors
    ///
    /// [`JournalError::Io`] if a folder cannot be removed.
    pub fn prune(&self, keep: usize, resume_within: Duration, now: DateTime<Utc>) -> Result<usize, JournalError> {
        let mut groups = self.groups()?;
        for group in &mut groups {
            let open = group.walks.open(resume_within, now)?.0;
            // An open walk never takes the place of a list that is complete.
            let decided = group.decided().rev().take(keep.max(1));
            let needed: Vec<WalkId> = open.iter().chain(decided).map(|walk| walk.header.walk).collect();
            group.needed.extend(needed);
        }
        let mut removed = 0;
        for entry in self.entries()? {
            let group = walk_of(&groups, entry.walk).map_or(&groups[0], |(group, _)| group);
            let oldest_kept = Group::oldest_kept(group.walks.iter(), keep);
            let is_needed = group.needed.contains(&entry.walk);
            let is_too_old = entry.walk.number() < oldest_kept && !is_needed && entry.path.is_dir();
            if !entry.is_walk || is_too_old {
                let is_removed = self.remove(&entry.path)?;
                removed += usize::from(entry.is_walk && is_removed);
            }
        }
        Ok(removed)
    }

    /// Removes the folder of a walk, or what a crash left of one. Returns whether it was removed: a
    /// walk that another process has pinned meanwhile stays.
    ///
    /// # Errors
    ///
    /// [`JournalError::Io`] if the folder cannot be removed; the next prune removes the rest.
    pub fn remove(&self, path: &Path) -> Result<bool, JournalError> {
        let name = path.file_name().and_then(OsStr::to_str).unwrap_or_default();
        let mut left = path.to_owned();
        if name.parse::<WalkId>().is_ok() {
            // The rename ends the walk in one step. A walk that lost its commit records first would
            // look owed, and be published over a newer list; without its pages it would look
            // damaged.
            left.as_mut_os_string().push(OLD);
            fs::rename(path, &left).map_err(JournalError::io("rename", path))?;
            disk::sync_folder(&self.path)?;
        }
        // From the rename on, a pin fails. One that came before it is seen here, also after a crash
        // in between: what has a pin that counts is still whole.
        let walk = name.strip_suffix(OLD).unwrap_or(name);
        if !name.ends_with(NEW) && pins::hold(&left)? {
            let back = self.path.join(walk);
            fs::rename(&left, &back).map_err(JournalError::io("rename", &left))?;
            disk::sync_folder(&self.path)?;
            return Ok(false);
        }
        fs::remove_dir_all(&left).map_err(JournalError::io("remove", &left))?;
        Ok(true)
    }
}
