//! The state folder of one app id: its lock, and its walks from the oldest to the newest.
//!
//! ```text
//! <journal.path>/<app id>/lock
//! <journal.path>/<app id>/<list>.calls.json              the ledger of today's calls
//! <journal.path>/<app id>/<list>/<walk>/pages            the journal
//! <journal.path>/<app id>/<list>/<walk>/decision.json    after every staged sink has prepared
//! <journal.path>/<app id>/<list>/<walk>/commits/*.json   one for each sink that has published
//! ```

use std::fs::{self, File, TryLockError};
use std::io::Write;
use std::ops::Deref;
use std::os::unix::fs::FileExt;
use std::path::Path;

use chrono::{DateTime, NaiveDate, SubsecRound, Utc};
use fanout_sink::WalkId;

use super::folder::{AccountFolder, NEW, number, read_holder};
use super::record::{Header, Identity};
use super::{Journal, JournalError, Ledger, WalkFolder, disk, frame};

/// The walks of one app id, held by this process alone.
#[derive(Debug)]
pub struct AccountState {
    folder: AccountFolder,
    /// A crash gives the lock back, for it closes the file.
    lock: File,
}

impl Drop for AccountState {
    /// Gives the lock back. To close the file is not enough: a program that is being started at this moment has a copy
    /// of it until it runs.
    fn drop(&mut self) {
        if let Err(error) = self.lock.unlock() {
            tracing::debug!(%error, "the lock of the account is not given back before the file is closed");
        }
    }
}

/// Who has the lock may look, as everybody may.
impl Deref for AccountState {
    type Target = AccountFolder;

    fn deref(&self) -> &AccountFolder {
        &self.folder
    }
}

impl AccountState {
    /// Takes the lock of `identity`'s app id under `path`, and creates what is missing. `holder` is what another run is
    /// told of this one.
    ///
    /// # Errors
    ///
    /// [`JournalError::Locked`] if another process has it; [`JournalError::Io`] if the folder cannot be used.
    pub fn open(path: &Path, identity: Identity, holder: &str) -> Result<Self, JournalError> {
        let folder = AccountFolder::new(path, identity);
        disk::create_folder(&folder.list)?;
        let lock_path = folder.lock_path();
        let lock = disk::open_file(&lock_path)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let app_id = folder.identity.app_id;
                return Err(JournalError::Locked { app_id, holder: read_holder(&lock_path) });
            }
            Err(TryLockError::Error(error)) => return Err(JournalError::io("lock", &lock_path)(error)),
        }
        let (process, now) = (std::process::id(), Utc::now().format("%Y-%m-%d %H:%M:%S"));
        let host = rustix::system::uname();
        let holder =
            format!("process {process} on `{}` since {now} UTC, {holder}\n", host.nodename().to_string_lossy());
        // Never empty in between: that is when the next run would read it.
        lock.write_all_at(holder.as_bytes(), 0)
            .and_then(|()| lock.set_len(holder.len() as u64))
            .map_err(JournalError::io(format!("write {} bytes to", holder.len()), &lock_path))?;
        Ok(Self { folder, lock })
    }

    /// Returns the ledger of this list's calls.
    pub fn ledger(&self) -> Ledger {
        Ledger::open(self.ledger_path())
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
        disk::create_folder(&fresh.join("commits"))?;
        let payload = disk::to_json(&header);
        let pages = fresh.join("pages");
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
