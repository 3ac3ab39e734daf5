//! The journal, tried out before the first call: what a run does in the folder of a list.
//!
//! Before it: the engine has opened the [`ListState`]. Behind it: [`disk`], as for a walk.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use chrono::DateTime;
use fanout_sink::WalkId;
use fanout_sink::files::{Mount, sync_data};

use super::disk;
use super::error::JournalError;
use super::record::{COMMITS, NEW, OLD};
use super::state::ListState;

/// A block of most file systems: an empty file could be written on a full disk, too.
const CONTENT: [u8; 4096] = [0; 4096];

/// The mounts on which the journal was tried in a run. What a trial does depends on the mount, so
/// the lists on one mount have one trial.
#[derive(Debug, Default)]
pub struct JournalTrials(Mutex<BTreeSet<Mount>>);

impl JournalTrials {
    /// Returns whether the journal was tried.
    pub fn is_empty(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }
}

impl ListState {
    /// Tries what a run does in this folder, unless `trials` has its mount: creates the folder of a
    /// walk, writes and syncs in it, moves it, and removes it.
    ///
    /// # Errors
    ///
    /// [`JournalError::Io`] for what is refused.
    pub fn try_out(&self, trials: &JournalTrials) -> Result<(), JournalError> {
        let mount = Mount::of(&self.path).map_err(JournalError::io("look at", &self.path))?;
        if trials.0.lock().unwrap_or_else(PoisonError::into_inner).contains(&mount) {
            return Ok(());
        }
        // What a killed trial leaves has the name of what a crash leaves of a walk, and walks are
        // numbered from 1.
        let walk = WalkId::new(0, DateTime::UNIX_EPOCH);
        let folders = [NEW, OLD].map(|end| self.path.join(format!("{walk}{end}")));
        let remove = || folders.iter().map(fs::remove_dir_all).find(is_refused).unwrap_or(Ok(()));
        remove().map_err(JournalError::io("remove", &folders[0]))?;
        let tried = self.try_walk(&folders);
        let removed = remove().map_err(JournalError::io("remove", &folders[1]));
        tried.and(removed)?;
        trials.0.lock().unwrap_or_else(PoisonError::into_inner).insert(mount);
        Ok(())
    }

    fn try_walk(&self, [fresh, moved]: &[PathBuf; 2]) -> Result<(), JournalError> {
        disk::create_folder(&fresh.join(COMMITS))?;
        // Not under the name of the pages, which others look for.
        let path = fresh.join("trial");
        let file = disk::open_file(&path)?;
        file.write_all_at(&CONTENT, 0).map_err(JournalError::io("write", &path))?;
        sync_data(&file).map_err(JournalError::io("sync", &path))?;
        disk::write_file(&fresh.join(COMMITS).join("trial.json"), &CONTENT)?;
        disk::sync_folder(fresh)?;
        fs::rename(fresh, moved).map_err(JournalError::io("rename into place", moved))?;
        disk::sync_folder(&self.path)
    }
}

fn is_refused(removed: &io::Result<()>) -> bool {
    removed.as_ref().is_err_and(|error| error.kind() != io::ErrorKind::NotFound)
}
