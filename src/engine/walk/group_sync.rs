//! Syncs the journal beside the walk. The walk does not wait for it: its next request leaves when
//! the page is written to the file.
//!
//! Before it: [`follow`](super::follow) calls it after each page, the
//! [batch walk](crate::engine::batch_walk) after each reply, and both when the walk ends or stops.
//! Behind it: the file of the journal. A power failure takes the replies since the last sync; a
//! crash of the process takes none.

use std::time::{Duration, Instant};

use tokio::task::JoinHandle;

use crate::engine::threads::DiskWork;
use crate::error::Error;
use crate::journal::{JournalError, WalkFile};

/// Bytes, and time, between two syncs of the journal. A reply that a power failure takes costs one
/// call.
const SYNC_BYTES: u64 = 8 << 20;
const SYNC_TIME: Duration = Duration::from_secs(1);

/// Syncs the journal in groups of replies, one sync at a time, while the walk continues.
pub(in crate::engine) struct GroupSync {
    /// The length of the journal when the last sync began.
    synced: u64,
    /// When the last sync began.
    at: Instant,
    under_way: Option<JoinHandle<Result<(), JournalError>>>,
}

impl GroupSync {
    /// Begins with a journal of `bytes`, which are durable already.
    pub(in crate::engine) fn new(bytes: u64) -> Self {
        Self { synced: bytes, at: Instant::now(), under_way: None }
    }

    /// Begins a sync if one is due and none is under way. Returns the error of the one before it.
    pub(in crate::engine) async fn after_reply(&mut self, file: &WalkFile) -> Result<(), Error> {
        let due = file.bytes() - self.synced >= SYNC_BYTES || self.at.elapsed() >= SYNC_TIME;
        let free = self.under_way.as_ref().is_none_or(JoinHandle::is_finished);
        if due && free {
            self.wait().await?;
            let sync = file.sync();
            self.synced = file.bytes();
            self.at = Instant::now();
            self.under_way = Some(tokio::task::spawn_blocking(move || sync.run()));
        }
        Ok(())
    }

    /// Waits for the sync that is under way, then syncs the rest.
    pub(in crate::engine) async fn finish(mut self, file: &WalkFile, disk: &DiskWork) -> Result<(), JournalError> {
        self.wait().await?;
        disk.sync(file).await
    }

    async fn wait(&mut self) -> Result<(), JournalError> {
        let Some(sync) = self.under_way.take() else { return Ok(()) };
        sync.await.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))
    }
}
