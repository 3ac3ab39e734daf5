//! The pages of one walk: appended while it goes on, read again behind it.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use fanout_sink::WalkId;

use super::contents::Contents;
use super::disk;
use super::error::JournalError;
use super::frame::{self, Kind, ReplyKind};
use super::reader::{JournaledPage, PageReader, read_page};
use super::record::{DECISION, Decision, End, PAGES};
use super::walk_folder::WalkFolder;
use crate::wechat::{Chain, Link, Page};

/// A walk that is open for reading and, until its end, for more pages.
#[derive(Debug)]
pub struct Journal {
    pub(super) folder: WalkFolder,
    file: Arc<File>,
    contents: Contents,
}

impl Journal {
    /// Opens a walk and checks every page of it.
    ///
    /// In an undecided walk everything from the first frame that does not fit is cut off.
    ///
    /// # Errors
    ///
    /// [`JournalError::Damaged`] if something does not fit in a decided walk; [`JournalError::Io`] if the file cannot
    /// be read.
    pub fn open(folder: WalkFolder) -> Result<Self, JournalError> {
        let path = folder.path.join(PAGES);
        let file = disk::open_file(&path)?;
        let (contents, misfit) = Contents::read(&file).map_err(JournalError::io("read", &path))?;
        let is_decided = folder.decision.is_some();
        let missing = || (is_decided && contents.end.is_none()).then(|| "its end is missing".to_owned());
        let Some(misfit) = misfit.or_else(missing) else {
            return Ok(Self { folder, file: Arc::new(file), contents });
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
        Ok(Self { folder, file: Arc::new(file), contents })
    }

    /// Appends a page, and returns it as the journal has it. It is in the operating system's hands when this returns, and durable
    /// after the next [`sync`](Self::sync).
    ///
    /// # Errors
    ///
    /// [`JournalError::Io`] if it cannot be written whole; the journal is then as it was before.
    ///
    /// # Panics
    ///
    /// If the page does not hang on the chain, or the walk has ended: the walk asks only for what does.
    pub fn append(&mut self, page: &Page) -> Result<JournaledPage, JournalError> {
        assert!(self.contents.end.is_none(), "a page after the end of the walk");
        let number = self.pages() + 1;
        let offset = self.contents.length;
        let head = frame::reply_head(ReplyKind::Page, number, page.fetched_at, &page.cursor);
        self.write(Kind::Reply, &[&head, &page.body])?;
        let link = Link { cursor: page.cursor.clone(), next: page.summary.next.clone(), page: number };
        assert!(self.contents.chain.extend(link), "a page that does not hang on the chain");
        self.contents.note_page(offset, page.fetched_at, page.summary.openids);
        let folder = Arc::from(self.folder.path.as_path());
        Ok(JournaledPage { number, fetched_at: page.fetched_at, body: page.body.clone(), folder })
    }

    /// Appends the accepted end of the walk, and makes the whole journal durable.
    ///
    /// # Errors
    ///
    /// [`JournalError::Io`] if it cannot be written; the walk is then still open.
    pub fn append_end(&mut self, end: End) -> Result<(), JournalError> {
        self.write(Kind::End, &[&disk::to_json(&end)])?;
        self.sync()?;
        self.contents.end = Some(end);
        Ok(())
    }

    /// Appends a frame; the file is as before if that fails.
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
                // Half a frame in the middle would hide what is appended later; a torn tail is harmless anyway.
                let _ = self.file.set_len(start);
                let bytes = prefix.len() + parts.iter().map(|part| part.len()).sum::<usize>();
                return Err(JournalError::io(format!("write {bytes} bytes to"), &self.folder.path.join(PAGES))(error));
            }
        }
        Ok(())
    }

    /// Makes everything that was appended durable.
    ///
    /// # Errors
    ///
    /// [`JournalError::Io`] if the disk refuses.
    pub fn sync(&self) -> Result<(), JournalError> {
        self.file.sync_data().map_err(|error| self.sync_error(error))
    }

    /// Makes the error of a sync that was made through [`file`](Self::file).
    pub(crate) fn sync_error(&self, error: io::Error) -> JournalError {
        JournalError::io("sync", &self.folder.path.join(PAGES))(error)
    }

    /// Returns a handle on the file, for a sync beside the walk.
    pub fn file(&self) -> Arc<File> {
        Arc::clone(&self.file)
    }

    /// Returns a reader of the pages that are there now, from the first.
    pub fn reader(&self) -> PageReader {
        PageReader {
            file: self.file(),
            path: self.folder.path.as_path().into(),
            offsets: self.contents.offsets.clone().into_iter().enumerate(),
            length: self.contents.length,
        }
    }

    /// Reads page number `number` (from 1) again.
    ///
    /// # Errors
    ///
    /// [`JournalError::Damaged`] if it is no longer what was written.
    pub fn page(&self, number: u64) -> Result<JournaledPage, JournalError> {
        let folder = Arc::from(self.folder.path.as_path());
        read_page(&self.file, &folder, self.contents.offsets[number as usize - 1], self.contents.length, number)
    }

    /// Fixes the list: durable when it returns.
    ///
    /// # Errors
    ///
    /// [`JournalError::Io`] if it cannot be written; nothing is decided then.
    pub fn decide(&mut self, decision: Decision) -> Result<(), JournalError> {
        disk::write_record(&self.folder.path.join(DECISION), &decision)?;
        self.folder.decision = Some(decision);
        Ok(())
    }

    /// Returns the walk's folder, with its decision and commit records.
    pub fn folder(&self) -> &WalkFolder {
        &self.folder
    }

    /// Returns the walk's name.
    pub fn walk(&self) -> WalkId {
        self.folder.header.walk
    }

    /// Returns the chain of cursors, as far as the walk has come.
    pub fn chain(&self) -> &Chain {
        &self.contents.chain
    }

    /// Returns how many pages there are.
    pub fn pages(&self) -> u64 {
        self.contents.pages()
    }

    /// Returns how many `OpenID`s the pages hold, repeated ones included.
    pub fn openids(&self) -> u64 {
        self.contents.openids
    }

    /// Returns the length of the file in bytes.
    pub fn bytes(&self) -> u64 {
        self.contents.length
    }

    /// Returns the accepted end; none while the walk is open.
    pub fn end(&self) -> Option<&End> {
        self.contents.end.as_ref()
    }

    /// Returns when the first and the last page were fetched; `None` if there is no page.
    pub fn fetched_between(&self) -> (Option<DateTime<Utc>>, Option<DateTime<Utc>>) {
        (self.contents.first_fetched_at, self.contents.last_fetched_at)
    }
}
