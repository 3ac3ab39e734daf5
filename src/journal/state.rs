//! The state of one list of an account: its lock, and its walks from the oldest to the newest.
//!
//! ```text
//! <journal.path>/<app id>/<list>.lock
//! <journal.path>/<app id>/token.lock                     where fanout owns the account's token (`classic_token`)
//! <journal.path>/<app id>/calls.<endpoint>.json          the ledger of today's calls
//! <journal.path>/<app id>/<list>/<walk>/pages            the journal
//! <journal.path>/<app id>/<list>/<walk>/decision.json    after every staged sink has prepared
//! <journal.path>/<app id>/<list>/<walk>/commits/*.json   one for each sink that has published
//! <journal.path>/<app id>/<list>/<walk>/pins/*.json      one for each walk that rests on this one
//! ```

use std::fs;
use std::io::Write;
use std::ops::Deref;
use std::path::Path;

use chrono::{DateTime, NaiveDate, SubsecRound, Utc};
use fanout_sink::WalkId;

use super::error::JournalError;
use super::folder::{ListFolder, NEW, number};
use super::ledger::Ledger;
use super::lock::StateLock;
use super::pages::Journal;
use super::record::{COMMITS, Header, Identity, PAGES};
use super::walk_folder::WalkFolder;
use super::{disk, frame};

/// The walks of one list of an account, held by this process alone.
#[derive(Debug)]
pub struct ListState {
    folder: ListFolder,
    /// Given back when the state is dropped.
    _lock: StateLock,
}

/// The holder of the lock can do whatever a reader can.
impl Deref for ListState {
    type Target = ListFolder;

    fn deref(&self) -> &ListFolder {
        &self.folder
    }
}

impl ListState {
    /// Takes the lock of `identity`'s list under `path`, and creates what is missing. `holder` is what another run is told
    /// of this one.
    ///
    /// # Errors
    ///
    /// [`JournalError::Locked`] if another process has it; [`JournalError::Io`] if the folder cannot be used.
    pub fn open(path: &Path, identity: Identity, holder: &str) -> Result<Self, JournalError> {
        let folder = ListFolder::new(path, identity);
        disk::create_folder(&folder.list)?;
        let Identity { app_id, list, .. } = &folder.identity;
        let lock = StateLock::take(&folder.lock_path(), format!("list `{list}` of app id `{app_id}`"), holder)?;
        Ok(Self { folder, _lock: lock })
    }

    /// Returns the ledger of the account's calls of `endpoint`.
    pub fn ledger(&self, endpoint: &str) -> Ledger {
        Ledger::open(self.ledger_path(endpoint))
    }

    /// Begins a walk for the logical date `date` at the time `now`.
    ///
    /// # Errors
    ///
    /// [`JournalError::Io`] if it cannot be written; nothing of it is there then.
    pub fn begin(&self, date: NaiveDate, now: DateTime<Utc>) -> Result<Journal, JournalError> {
        // Names, not headers: a walk that cannot be read has its number, too.
        let newest = self.names()?.iter().map(|name| number(name)).max().unwrap_or(0);
        // The number gives the order, whatever the clock does; the time keeps names apart when a state was lost.
        let walk = WalkId::new(newest + 1, now);
        let header = Header { identity: self.identity.clone(), walk, date, begun_at: now.trunc_subsecs(6) };
        let fresh = self.list.join(format!("{walk}{NEW}"));
        if fresh.exists() {
            fs::remove_dir_all(&fresh).map_err(JournalError::io("remove", &fresh))?;
        }
        disk::create_folder(&fresh.join(COMMITS))?;
        let payload = disk::to_json(&header);
        let pages = fresh.join(PAGES);
        let file = disk::open_file(&pages)?;
        (&file)
            .write_all(&[&frame::prefix(frame::Kind::Header, &[&payload])[..], &payload].concat())
            .and_then(|()| file.sync_all())
            .map_err(JournalError::io(format!("write {} bytes to", frame::PREFIX + payload.len()), &pages))?;
        disk::sync_folder(&fresh)?;
        let folder = self.list.join(walk.to_string());
        fs::rename(&fresh, &folder).map_err(JournalError::io("rename into place", &folder))?;
        disk::sync_folder(&self.list)?;
        Journal::open(WalkFolder { path: folder, header, decision: None })
    }
}
