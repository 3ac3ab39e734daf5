//! The state of one list of an account, under its lock: where walks begin.
//!
//! Before it: the engine opens the state of each account and list when it plans a run, and begins a
//! walk when its first reply has arrived. Behind it: [`Journal`] takes the other pages.
//!
//! ```text
//! <journal.path>/<app id>/<list>.lock
//! <journal.path>/<app id>/token.lock                     held by the owner of a classic token
//! <journal.path>/<app id>/calls.<endpoint>.json          the ledger: today's calls
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
use fanout_sink::files::sync_file;

use super::disk;
use super::error::JournalError;
use super::folder::{ListFolder, NEW};
use super::frame::{self, Kind, ReplyKind};
use super::ledger::Ledger;
use super::lock::LockFile;
use super::pages::Journal;
use super::record::{COMMITS, End, Header, Identity, PAGES};
use super::walk_folder::WalkFolder;
use crate::wechat::Page;

/// The walks of one list of an account, locked by this process.
#[derive(Debug)]
pub struct ListState {
    folder: ListFolder,
    /// Released when the state is dropped.
    _lock: LockFile,
}

/// The lock's holder can do everything that a reader can.
impl Deref for ListState {
    type Target = ListFolder;

    fn deref(&self) -> &ListFolder {
        &self.folder
    }
}

impl ListState {
    /// Takes the lock of `identity`'s list under `path`, and creates what is missing. Another run
    /// that tries is shown `holder`.
    ///
    /// # Errors
    ///
    /// [`JournalError::Locked`] if another process holds the lock; [`JournalError::Io`] if the
    /// folder cannot be used.
    pub fn open(path: &Path, identity: Identity, holder: &str) -> Result<Self, JournalError> {
        let folder = ListFolder::new(path, identity);
        disk::create_folder(&folder.path)?;
        let Identity { app_id, list, .. } = &folder.identity;
        let lock = LockFile::take(&folder.lock_path(), format!("list `{list}` of app id `{app_id}`"), holder)?;
        Ok(Self { folder, _lock: lock })
    }

    /// Returns the account's ledger of calls to `endpoint`.
    pub fn ledger(&self, endpoint: &str) -> Ledger {
        Ledger::open(self.ledger_path(endpoint))
    }

    /// Begins a walk for the logical date `date` with its first page. The walk begins when the page
    /// arrived, and appears on disk together with it.
    ///
    /// # Errors
    ///
    /// [`JournalError::Io`] if the walk cannot be written; it does not exist then.
    pub fn begin(&self, date: NaiveDate, page: &Page) -> Result<Journal, JournalError> {
        let head = frame::reply_head(ReplyKind::Page, 1, page.fetched_at, &page.cursor);
        self.begin_with(date, page.fetched_at, Kind::Reply, &[&head, &page.body])
    }

    /// Begins a walk for the logical date `date` whose first reply is the end of an empty list.
    ///
    /// # Errors
    ///
    /// As [`begin`](Self::begin).
    pub fn begin_empty(&self, date: NaiveDate, end: &End) -> Result<Journal, JournalError> {
        self.begin_with(date, end.fetched_at, Kind::End, &[&disk::to_json(end)])
    }

    /// Begins a walk whose first frame behind the header has this kind and these parts.
    fn begin_with(
        &self,
        date: NaiveDate,
        begun_at: DateTime<Utc>,
        kind: Kind,
        parts: &[&[u8]],
    ) -> Result<Journal, JournalError> {
        // From the names, not the headers: a walk that cannot be read keeps its number.
        let newest = self.entries()?.last().map_or(0, |entry| entry.walk.number());
        // Numbers give the order even if the clock jumps back. The time makes names differ from
        // those of an earlier state that was lost.
        let walk = WalkId::new(newest + 1, begun_at);
        let header = Header { identity: self.identity.clone(), walk, date, begun_at: begun_at.trunc_subsecs(6) };
        let fresh = self.path.join(format!("{walk}{NEW}"));
        if fresh.exists() {
            fs::remove_dir_all(&fresh).map_err(JournalError::io("remove", &fresh))?;
        }
        disk::create_folder(&fresh.join(COMMITS))?;
        let header_json = disk::to_json(&header);
        let header_prefix = frame::prefix(Kind::Header, &[&header_json]);
        let reply_prefix = frame::prefix(kind, parts);
        let bytes = [&[&header_prefix[..], &header_json, &reply_prefix], parts].concat().concat();
        let pages = fresh.join(PAGES);
        let file = disk::open_file(&pages)?;
        (&file)
            .write_all(&bytes)
            .and_then(|()| sync_file(&file))
            .map_err(JournalError::io(format!("write {} bytes to", bytes.len()), &pages))?;
        disk::sync_folder(&fresh)?;
        let folder = self.path.join(walk.to_string());
        fs::rename(&fresh, &folder).map_err(JournalError::io("rename into place", &folder))?;
        disk::sync_folder(&self.path)?;
        Journal::begun(WalkFolder { path: folder, header, decision: None })
    }
}
