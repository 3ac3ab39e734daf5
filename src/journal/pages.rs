//! The journal of one walk: pages are appended to it, and read back from it.
//!
//! Before it: the engine's walk, with a page that [`source`](crate::source) has fetched. Behind it:
//! the next request leaves, and the page is decoded; [`PageReader`] reads it back.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use fanout_sink::WalkId;

use super::error::JournalError;
use super::frame::ReplyKind;
use super::page_index::PageIndex;
use super::reader::{JournaledPage, PageReader, read_page};
use super::record::End;
use super::walk_file::WalkFile;
use super::walk_folder::{RecordedDecision, WalkFolder};
use crate::wechat::{Chain, Link, Page, Summary};

/// A walk that is open for reading and, until its end is appended, for more pages.
#[derive(Debug)]
pub struct Journal {
    pub(super) file: WalkFile,
    pages: PageIndex,
    /// What the first page has said, if the walk has begun with it in this process.
    begun_with: Option<Summary>,
}

impl Journal {
    /// Opens a walk and checks each of its pages. An undecided walk is cut at the first frame that
    /// does not fit.
    ///
    /// # Errors
    ///
    /// [`JournalError::Damaged`] if a frame of a decided walk does not fit, or if it is a walk of
    /// batches; [`JournalError::Io`] if the file cannot be read.
    pub fn open(folder: WalkFolder) -> Result<Self, JournalError> {
        if folder.header.plan.is_some() || folder.header.of_tags {
            let what = "it is no walk of pages".to_owned();
            return Err(JournalError::Damaged { path: folder.path, what });
        }
        Self::open_part(folder)
    }

    /// Opens the pages of a walk, or those of one tag in a walk of tags.
    pub(super) fn open_part(folder: WalkFolder) -> Result<Self, JournalError> {
        let mut pages = PageIndex::default();
        Ok(Self { file: WalkFile::open(folder, &mut pages)?, pages, begun_with: None })
    }

    /// Begins a walk with its first page, and shows it.
    pub(super) fn begin(file: WalkFile, first: &Page) -> Result<Self, JournalError> {
        let begun_with = Some(first.summary.clone());
        let mut journal = Self { file, pages: PageIndex::default(), begun_with };
        journal.append(first)?;
        journal.file.show()?;
        Ok(journal)
    }

    /// Begins a walk of an empty list with its end, and shows it.
    pub(super) fn begin_empty(mut file: WalkFile, end: End) -> Result<Self, JournalError> {
        file.append_end(end)?;
        file.show()?;
        Ok(Self { file, pages: PageIndex::default(), begun_with: None })
    }

    /// Appends a page, and returns it as the journal holds it. The operating system has the page
    /// when this returns; it is durable after the next [`sync`](WalkFile::sync).
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
        let number = self.pages() + 1;
        let cursor = page.cursor.as_str().as_bytes();
        let offset = self.file.append(ReplyKind::Page, number, page.fetched_at, cursor, &page.body)?;
        let link = Link { cursor: page.cursor.clone(), next: page.summary.next.clone(), page: number };
        let follows = self.pages.add_page(offset, link, page.summary.openids);
        assert!(follows, "a page that does not follow from an earlier one");
        let folder = Arc::from(self.folder().path.as_path());
        Ok(JournaledPage { number, fetched_at: page.fetched_at, body: page.body.clone(), folder })
    }

    /// Appends the accepted end of the walk. It counts once it is durable, after the next
    /// [`sync`](WalkFile::sync).
    ///
    /// # Errors
    ///
    /// [`JournalError::Io`] if the end cannot be written; the walk is then still open.
    pub fn append_end(&mut self, end: End) -> Result<(), JournalError> {
        self.file.append_end(end)
    }

    /// Returns the walk's file, for a sync that does not block the walk.
    pub fn file(&self) -> &WalkFile {
        &self.file
    }

    /// Returns a reader of the pages that are there now, from the first one.
    pub fn reader(&self) -> PageReader {
        PageReader {
            file: Arc::clone(self.file.file()),
            folder: self.folder().path.as_path().into(),
            offsets: self.pages.offsets.clone().into_iter().enumerate(),
            length: self.bytes(),
        }
    }

    /// Reads page number `number` (from 1) again.
    ///
    /// # Errors
    ///
    /// [`JournalError::Damaged`] if the page is no longer what was written.
    pub fn page(&self, number: u64) -> Result<JournaledPage, JournalError> {
        let folder = Arc::from(self.folder().path.as_path());
        read_page(self.file.file(), &folder, self.pages.offsets[number as usize - 1], self.bytes(), number)
    }

    /// Takes the decision, which fixes the list and is recorded.
    pub fn decided(&mut self, decision: RecordedDecision) {
        self.file.decided(decision);
    }

    /// Returns the walk's folder, with its decision and commit records.
    pub fn folder(&self) -> &WalkFolder {
        self.file.folder()
    }

    /// Returns what the first page has said, if the walk has begun with it in this process. Its
    /// cursor needs no check then.
    pub fn begun_with(&self) -> Option<&Summary> {
        self.begun_with.as_ref()
    }

    /// Returns the walk's name.
    pub fn walk(&self) -> WalkId {
        self.file.walk()
    }

    /// Returns the chain of the pages so far.
    pub fn chain(&self) -> &Chain {
        &self.pages.chain
    }

    /// Returns the number of pages.
    pub fn pages(&self) -> u64 {
        self.pages.pages()
    }

    /// Returns the number of `OpenID`s in the pages, repeated ones included.
    pub fn openids(&self) -> u64 {
        self.pages.openids
    }

    /// Returns the length of the file in bytes.
    pub fn bytes(&self) -> u64 {
        self.file.frames().length
    }

    /// Returns the accepted end; `None` while the walk is open.
    pub fn end(&self) -> Option<&End> {
        self.file.frames().end.as_ref()
    }

    /// Returns when the first and the last page were fetched; `None` if there is no page.
    pub fn fetched_between(&self) -> (Option<DateTime<Utc>>, Option<DateTime<Utc>>) {
        (self.file.frames().first_fetched_at, self.file.frames().last_fetched_at)
    }
}
