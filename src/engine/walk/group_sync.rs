//! Syncs of the journal beside the walk.

use std::time::{Duration, Instant};

use tokio::task::JoinHandle;

use crate::error::Error;
use crate::journal::{Journal, JournalError};

/// Bytes, and time, between two syncs of the journal. A page that is lost with the machine's power is one call.
const SYNC_BYTES: u64 = 8 << 20;
const SYNC_TIME: Duration = Duration::from_secs(1);

/// Syncs the journal beside the walk, in groups of pages, and never two at a time.
pub(super) struct GroupSync {
    synced: u64,
    at: Instant,
    under_way: Option<JoinHandle<std::io::Result<()>>>,
}

impl GroupSync {
    pub(super) fn new(bytes: u64) -> Self {
        Self { synced: bytes, at: Instant::now(), under_way: None }
    }

    pub(super) async fn after_page(&mut self, journal: &Journal) -> Result<(), Error> {
        let due = journal.bytes() - self.synced >= SYNC_BYTES || self.at.elapsed() >= SYNC_TIME;
        let free = self.under_way.as_ref().is_none_or(JoinHandle::is_finished);
        if due && free {
            self.wait(journal).await?;
            let file = journal.file();
            self.synced = journal.bytes();
            self.at = Instant::now();
            self.under_way = Some(tokio::task::spawn_blocking(move || file.sync_data()));
        }
        Ok(())
    }

    async fn wait(&mut self, journal: &Journal) -> Result<(), JournalError> {
        match self.under_way.take() {
            None => Ok(()),
            Some(sync) => match sync.await {
                Ok(result) => result.map_err(|error| journal.sync_error(error)),
                Err(panic) => std::panic::resume_unwind(panic.into_panic()),
            },
        }
    }

    pub(super) async fn finish(mut self, journal: &Journal) -> Result<(), JournalError> {
        self.wait(journal).await?;
        journal.sync()
    }
}
