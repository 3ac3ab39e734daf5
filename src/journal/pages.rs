//! The journal of one walk: pages are appended to it, and read back from it.
//!
//! Before it: the engine's walk, with a page that [`source`](crate::source) has fetched. Behind it:
//! the next request leaves, and the page is decoded; [`PageReader`] reads it back.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use fanout_sink::WalkId;
use fanout_sink::files::sync_data;

use super::contents::Contents;
use super::disk;
use super::error::JournalError;
use super::frame::{self, Kind, ReplyKind};
use super::reader::{JournaledPage, PageReader, read_page};
use super::record::{DECISION, Decision, End, PAGES};
use super::walk_folder::WalkFolder;
use crate::wechat::{Chain, Link, Page};

/// A walk that is open for reading and, until its end is appended, for more pages.
#[derive(Debug)]
pub struct Journal {
    pub(super) folder: WalkFolder,
    file: Arc<File>,
    contents: Contents,
    has_just_begun: bool,
}

impl Journal {
    /// Opens a walk and checks each of its pages. An undecided walk is cut at the first frame that
    /// does not fit.
    ///
    /// # Errors
    ///
    /// [`JournalError::Damaged`] if a frame of a decided walk does not fit; [`JournalError::Io`] if
    /// the file cannot be read.
    pub fn open(folder: WalkFolder) -> Result<Self, JournalError> {
        let path = folder.path.join(PAGES);
        let file = disk::open_file(&path)?;
        let (contents, misfit) = Contents::read(&file).map_err(JournalError::io("read", &path))?;
        let is_decided = folder.decision.is_some();
        let missing = || (is_decided && contents.end.is_none()).then(|| "its end is missing".to_owned());
        let Some(misfit) = misfit.or_else(missing) else {
            return Ok(Self { folder, file: Arc::new(file), contents, has_just_begun: false });
        };
        if is_decided || contents.length == 0 {
            return Err(JournalError::Damaged { path: folder.path, what: misfit });
        }
        tracing::warn!(
            walk = folder.header.walk.to_string(),
            pages = contents.pages(),
            "the journal is cut here: {misfit}"
        );
        file.set_len(contents.length).map_err(JournalError::io("cut", &path))?;
        Ok(Self { folder, file: Arc::new(file), contents, has_just_begun: false })
    }

    /// Opens a walk that has begun in this process, with its first reply.
    pub(super) fn begun(folder: WalkFolder) -> Result<Self, JournalError> {
        Ok(Self { has_just_begun: true, ..Self::open(folder)? })
    }

    /// Appends a page, and returns it as the journal holds it. The operating system has the page
    /// when this returns; it is durable after the next [`sync`](Self::sync).
    ///
    /// # Errors
    ///
    /// [`JournalError::Io`] if the page cannot be written whole; the journal is then unchanged.
    ///
    /// # Panics
    ///
    /// If the page does not follow from an earlier one, or the walk has ended: a walk requests no
    /// such page.
    pub fn append(&mut self, page: &Page) -> Result<JournaledPage, JournalError> {
        assert!(self.contents.end.is_none(), "a page after the end of the walk");
        let number = self.pages() + 1;
        let offset = self.contents.length;
        let head = frame::reply_head(ReplyKind::Page, number, page.fetched_at, &page.cursor);
        self.write(Kind::Reply, &[&head, &page.body])?;
        let link = Link { cursor: page.cursor.clone(), next: page.summary.next.clone(), page: number };
        assert!(self.contents.chain.extend(link), "a page that does not follow from an earlier one");
        self.contents.add_page(offset, page.fetched_at, page.summary.openids);
        let folder = Arc::from(self.folder.path.as_path());
        Ok(JournaledPage { number, fetched_at: page.fetched_at, body: page.body.clone(), folder })
    }

    /// Appends the accepted end of the walk, and makes the whole journal durable.
    ///
    /// # Errors
    ///
    /// [`JournalError::Io`] if the end cannot be written; the walk is then still open.
    pub fn append_end(&mut self, end: End) -> Result<(), JournalError> {
        self.write(Kind::End, &[&disk::to_json(&end)])?;
        self.sync()?;
        self.contents.end = Some(end);
        Ok(())
    }

    /// Appends a frame; the file is unchanged if that fails.
    pub(super) fn write(&mut self, kind: Kind, parts: &[&[u8]]) -> Result<(), JournalError> {
        let start = self.contents.length;
        let prefix = frame::prefix(kind, parts);
        let written = std::iter::once(&prefix[..]).chain(parts.iter().copied()).try_fold(start, |offset, part| {
            self.file.write_all_at(part, offset)?;
            Ok(offset + part.len() as u64)
        });
        match written {
            Ok(end) => self.contents.length = end,
            Err(error) => {
                // Half a frame would hide the frames after it. If it cannot be cut off, the next
                // write begins at the same offset, and the next run cuts a torn end off.
                let _ = self.file.set_len(start);
                let bytes = prefix.len() + parts.iter().map(|part| part.len()).sum::<usize>();
                return Err(JournalError::io(format!("write {bytes} bytes to"), &self.folder.path.join(PAGES))(error));
            }
        }
        Ok(())
    }

    /// Makes all appended frames durable.
    ///
    /// # Errors
    ///
    /// [`JournalError::Io`] if the file cannot be synced.
    pub fn sync(&self) -> Result<(), JournalError> {
        sync_data(&self.file).map_err(|error| self.sync_error(error))
    }

    /// Returns the error of a failed sync of [`file`](Self::file).
    pub(crate) fn sync_error(&self, error: io::Error) -> JournalError {
        JournalError::io("sync", &self.folder.path.join(PAGES))(error)
    }

    /// Returns a handle of the file, for a sync that does not block the walk.
    pub fn file(&self) -> Arc<File> {
        Arc::clone(&self.file)
    }

    /// Returns a reader of the pages that are there now, from the first one.
    pub fn reader(&self) -> PageReader {
        PageReader {
            file: self.file(),
            folder: self.folder.path.as_path().into(),
            offsets: self.contents.offsets.clone().into_iter().enumerate(),
            length: self.contents.length,
        }
    }

    /// Reads page number `number` (from 1) again.
    ///
    /// # Errors
    ///
    /// [`JournalError::Damaged`] if the page is no longer what was written.
    pub fn page(&self, number: u64) -> Result<JournaledPage, JournalError> {
        let folder = Arc::from(self.folder.path.as_path());
        read_page(&self.file, &folder, self.contents.offsets[number as usize - 1], self.contents.length, number)
    }

    /// Records the decision, which fixes the list. It is durable when this returns.
    ///
    /// # Errors
    ///
    /// [`JournalError::Io`] if the record cannot be written; the walk is then undecided.
    pub fn decide(&mut self, decision: Decision) -> Result<(), JournalError> {
        disk::write_record(&self.folder.path.join(DECISION), &decision)?;
        self.folder.decision = Some(decision);
        Ok(())
    }

    /// Returns the walk's folder, with its decision and commit records.
    pub fn folder(&self) -> &WalkFolder {
        &self.folder
    }

    /// Returns whether the walk has begun in this process, so that the cursor of its first reply
    /// needs no check.
    pub fn has_just_begun(&self) -> bool {
        self.has_just_begun
    }

    /// Returns the walk's name.
    pub fn walk(&self) -> WalkId {
        self.folder.header.walk
    }

    /// Returns the chain of the pages so far.
    pub fn chain(&self) -> &Chain {
        &self.contents.chain
    }

    /// Returns the number of pages.
    pub fn pages(&self) -> u64 {
        self.contents.pages()
    }

    /// Returns the number of `OpenID`s in the pages, repeated ones included.
    pub fn openids(&self) -> u64 {
        self.contents.openids
    }

    /// Returns the length of the file in bytes.
    pub fn bytes(&self) -> u64 {
        self.contents.length
    }

    /// Returns the accepted end; `None` while the walk is open.
    pub fn end(&self) -> Option<&End> {
        self.contents.end.as_ref()
    }

    /// Returns when the first and the last page were fetched; `None` if there is no page.
    pub fn fetched_between(&self) -> (Option<DateTime<Utc>>, Option<DateTime<Utc>>) {
        (self.contents.first_fetched_at, self.contents.last_fetched_at)
    }
}
