//! Makes a walk durable: what was written to its file, and the names under which it is found.
//!
//! Before it: [`WalkFile`](super::walk_file::WalkFile) has appended frames. Behind it: the
//! operating system. The engine runs it beside the walk, in groups of replies.
//!
//! A walk that appears is not durable yet: a small list would wait three times for the disk before
//! its second call. If a power failure takes its folder, or leaves one without a readable reply,
//! the walk has not begun, and no decision can rest on it.
//!
//! Thousands of lists lie below one folder. A list whose folders were there before another list
//! synced that folder needs no sync of its own.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use fanout_sink::WalkId;
use fanout_sink::files::sync_data;

use super::disk;
use super::error::JournalError;
use super::record::{DECISION, PAGES};

/// The folders above that of a list: the account's, `journal.path`, and the one that holds it.
const FOLDERS_ABOVE: usize = 3;

/// When this process last began to sync a folder above lists.
static SYNCED: Mutex<BTreeMap<PathBuf, Instant>> = Mutex::new(BTreeMap::new());

/// The sync of one walk, for any thread.
#[derive(Clone, Debug)]
pub struct WalkSync {
    file: Arc<File>,
    folder: PathBuf,
    /// When all folders above the walk were there.
    since: Instant,
    /// Whether this process has made the names durable.
    named: Arc<AtomicBool>,
}

impl WalkSync {
    pub(super) fn new(file: Arc<File>, folder: PathBuf) -> Self {
        Self { file, folder, since: Instant::now(), named: Arc::default() }
    }

    /// Makes all frames durable that were appended before, with the names of the file and of its
    /// folder. It blocks.
    ///
    /// # Errors
    ///
    /// [`JournalError::Io`] if the file or a folder cannot be synced.
    pub fn run(&self) -> Result<(), JournalError> {
        sync_data(&self.file).map_err(JournalError::io("sync", &self.folder.join(PAGES)))?;
        if !self.named.load(Ordering::Acquire) {
            self.sync_names()?;
            self.named.store(true, Ordering::Release);
        }
        Ok(())
    }

    fn sync_names(&self) -> Result<(), JournalError> {
        disk::sync_folder(&self.folder)?;
        let list = self.folder.parent().expect("a walk lies in the folder of its list");
        disk::sync_folder(list)?;
        // The name of a part of a walk lies in the walk, which is synced by itself.
        let is_walk = self.folder.file_name().is_some_and(|name| name.to_string_lossy().parse::<WalkId>().is_ok());
        // Before the first decision: nobody has made the names of the folders above durable.
        if is_walk && !has_decision(list)? {
            for above in list.ancestors().skip(1).take(FOLDERS_ABOVE) {
                sync_since(if above.as_os_str().is_empty() { Path::new(".") } else { above }, self.since)?;
            }
        }
        Ok(())
    }

    /// Notes the new path of the folder.
    pub(super) fn moved(&mut self, folder: PathBuf) {
        *self = Self::new(Arc::clone(&self.file), folder);
    }
}

/// Syncs a folder, unless this process has done so since `since`.
fn sync_since(folder: &Path, since: Instant) -> Result<(), JournalError> {
    if synced().get(folder).is_some_and(|last| *last >= since) {
        return Ok(());
    }
    // Before the sync: what is made while it runs may lack it.
    let begun = Instant::now();
    disk::sync_folder(folder)?;
    synced().insert(folder.to_owned(), begun);
    Ok(())
}

fn synced() -> MutexGuard<'static, BTreeMap<PathBuf, Instant>> {
    SYNCED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Returns whether a walk in the folder of a list is decided.
fn has_decision(list: &Path) -> Result<bool, JournalError> {
    Ok(disk::names(list)?.iter().any(|walk| list.join(walk).join(DECISION).exists()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_synced_once_for_all_that_was_there_before() {
        let directory = tempfile::tempdir().unwrap();
        let folder = directory.path().join("state");
        let last = || synced().get(&folder).copied();
        let since = Instant::now();
        sync_since(&folder, since).unwrap_err();
        assert_eq!(last(), None, "nothing was synced");
        std::fs::create_dir(&folder).unwrap();
        sync_since(&folder, since).unwrap();
        let first = last();
        assert!(first >= Some(since));
        sync_since(&folder, since).unwrap();
        assert_eq!(last(), first, "it was synced since");
        sync_since(&folder, Instant::now()).unwrap();
        assert!(last() > first);
    }
}
