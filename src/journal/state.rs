//! The state of one list of an account, under its lock: where walks begin.
//!
//! Before it: the engine opens the state of each account and list when it plans a run, and begins a
//! walk when its first reply has arrived. Behind it: [`Journal`] takes the other pages, and
//! [`BatchJournal`](super::BatchJournal) the other replies of batches.
//!
//! ```text
//! <journal.path>/<app id>/<list>.lock
//! <journal.path>/<app id>/token.lock                     held by the owner of a classic token
//! <journal.path>/<app id>/calls.<endpoint>.json          the ledger: today's calls
//! <journal.path>/<app id>/<list>/<walk>/pages            the journal
//! <journal.path>/<app id>/<list>/<walk>/tag-<id>/pages   of a walk of tags: the pages of each tag
//! <journal.path>/<app id>/<list>/<walk>/decision.json    after every staged sink has prepared
//! <journal.path>/<app id>/<list>/<walk>/commits/*.json   one for each sink that has published
//! <journal.path>/<app id>/<list>/<walk>/pins/*.json      one for each walk that rests on this one
//! <journal.path>/<app id>/<list>/<walk>/given-up.json    an open walk that is not resumed
//! ```

use std::ops::Deref;
use std::path::Path;

use chrono::{DateTime, NaiveDate, SubsecRound, Utc};
use fanout_sink::WalkId;

use super::batch_draft::BatchDraft;
use super::disk;
use super::error::JournalError;
use super::folder::ListFolder;
use super::ledger::Ledger;
use super::lock::LockFile;
use super::pages::Journal;
use super::record::{End, Header, Identity, Plan};
use super::tag_journal::{TagJournal, TagsReply};
use super::walk_file::WalkFile;
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
        Journal::begin(self.create(date, page.fetched_at, None)?, page)
    }

    /// Begins a walk for the logical date `date` whose first reply is the end of an empty list.
    ///
    /// # Errors
    ///
    /// As [`begin`](Self::begin).
    pub fn begin_empty(&self, date: NaiveDate, end: End) -> Result<Journal, JournalError> {
        Journal::begin_empty(self.create(date, end.fetched_at, None)?, end)
    }

    /// Begins a walk of tags for the logical date `date` with its first reply about all of them.
    /// The walk begins when the reply arrived, and appears on disk together with it.
    ///
    /// # Errors
    ///
    /// As [`begin`](Self::begin).
    pub fn begin_tags(&self, date: NaiveDate, first: &TagsReply) -> Result<TagJournal, JournalError> {
        let header = Header { of_tags: true, ..self.header(date, first.fetched_at)? };
        TagJournal::begun(WalkFile::create(&self.path, header)?).show(first)
    }

    /// Makes a walk of batches for the logical date `date`, which begins when the plan was made. It
    /// does not exist for readers until its first reply has arrived; its name is known already, so
    /// that it can [pin](super::WalkFolder::pin) what it rests on.
    ///
    /// # Errors
    ///
    /// As [`begin`](Self::begin).
    pub fn draft(&self, date: NaiveDate, plan: Plan) -> Result<BatchDraft, JournalError> {
        let file = self.create(date, plan.made_at, Some(plan.clone()))?;
        Ok(BatchDraft::new(file, plan))
    }

    /// Creates the file of a walk with its header, in a folder that is no walk until it is shown.
    fn create(&self, date: NaiveDate, begun_at: DateTime<Utc>, plan: Option<Plan>) -> Result<WalkFile, JournalError> {
        WalkFile::create(&self.path, Header { plan, ..self.header(date, begun_at)? })
    }

    /// Makes the header of the next walk.
    fn header(&self, date: NaiveDate, begun_at: DateTime<Utc>) -> Result<Header, JournalError> {
        // From the names, not the headers: a walk that cannot be read keeps its number.
        let newest = self.entries()?.last().map_or(0, |entry| entry.walk.number());
        // Numbers give the order even if the clock jumps back. The time makes names differ from
        // those of an earlier state that was lost.
        let walk = WalkId::new(newest + 1, begun_at);
        let (identity, begun_at) = (self.identity.clone(), begun_at.trunc_subsecs(6));
        Ok(Header { identity, walk, date, begun_at, plan: None, of_tags: false })
    }
}
