//! Makes a walk durable: what was written to its file, and the names under which it is found.
//!
//! Before it: [`WalkFile`](super::walk_file::WalkFile) has appended frames. Behind it: the operating
//! system. The engine runs it beside the walk, in groups of replies.
//!
//! A walk that appears is not durable yet: a small list would wait three times for the disk before
//! its second call. If a power failure takes its folder, or leaves one without a readable reply,
//! the walk has not begun, and no decision can rest on it.

use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use fanout_sink::files::sync_data;

use super::disk;
use super::error::JournalError;
use super::record::PAGES;

/// The sync of one walk, for any thread.
#[derive(Clone, Debug)]
pub struct WalkSync {
    file: Arc<File>,
    folder: PathBuf,
    /// Whether this process has made the names durable.
    named: Arc<AtomicBool>,
}

impl WalkSync {
    pub(super) fn new(file: Arc<File>, folder: PathBuf) -> Self {
        Self { file, folder, named: Arc::default() }
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
            disk::sync_folder(&self.folder)?;
            disk::sync_folder(self.folder.parent().expect("a walk lies in the folder of its list"))?;
            self.named.store(true, Ordering::Release);
        }
        Ok(())
    }

    /// Notes the new path of the folder.
    pub(super) fn moved(&mut self, folder: PathBuf) {
        *self = Self::new(Arc::clone(&self.file), folder);
    }
}
