//! The journal: the raw pages of a walk on disk, in order, before anything else happens to them.
//!
//! Everything behind the journal is a function of it, so after a crash nothing else has to be trusted. It is
//! append-only, every frame carries a checksum, and the cursors of its pages must form a chain; a tail that was cut off
//! in the middle of a write is dropped, and whatever else does not fit cuts an undecided walk or stops a decided one.

mod disk;
mod error;
mod frame;
mod ledger;
mod record;
mod runs;
mod state;

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;

pub use error::JournalError;
pub use ledger::Ledger;
pub use record::{Commit, Decision, End, FORMAT, Header, Identity, Recipient};
pub use runs::{RUNS, RunReports};
pub use state::{AccountState, WalkFolder};

use crate::source::{Chain, Link, Page, Reply, summarize};
use frame::{Found, Kind};

/// A walk that is open for reading and, until its end, for more pages.
#[derive(Debug)]
pub struct Journal {
    folder: WalkFolder,
    file: Arc<File>,
    /// Where the next frame goes.
    length: u64,
    /// Where each page's frame begins.
    offsets: Vec<u64>,
    chain: Chain,
    openids: u64,
    first_fetched_at: Option<i64>,
    last_fetched_at: Option<i64>,
    end: Option<End>,
}

/// A page as the journal has it.
#[derive(Clone, Debug)]
pub struct JournaledPage {
    /// Its number in the journal, from 1.
    pub number: u64,
    /// When it was fetched, in microseconds since 1970 (UTC).
    pub fetched_at: i64,
    /// The reply, byte for byte.
    pub body: Bytes,
    folder: Arc<Path>,
}

impl JournaledPage {
    /// Makes the error that this page is not what the journal took it for.
    pub(crate) fn damaged(&self, error: &dyn std::error::Error) -> JournalError {
        JournalError::Damaged { path: self.folder.to_path_buf(), what: format!("page {}: {error}", self.number) }
    }
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
        let path = folder.path.join("pages");
        let file = disk::open_file(&path)?;
        let file_length = file.metadata().map_err(JournalError::io("read", &path))?.len();
        let mut journal = Self {
            folder,
            file: Arc::new(file),
            length: 0,
            offsets: Vec::new(),
            chain: Chain::default(),
            openids: 0,
            first_fetched_at: None,
            last_fetched_at: None,
            end: None,
        };
        let misfit = loop {
            match frame::read(&journal.file, journal.length, file_length).map_err(JournalError::io("read", &path))? {
                Found::Nothing if journal.folder.decision.is_some() && journal.end.is_none() => {
                    break "its end is missing".to_owned();
                }
                Found::Nothing => return Ok(journal),
                Found::Torn => break "its last frame is cut off".to_owned(),
                Found::Altered => break format!("a frame at byte {} was altered", journal.length),
                Found::Frame(kind, payload) => match journal.take_in(kind, &payload) {
                    Ok(()) => journal.length += (frame::PREFIX + payload.len()) as u64,
                    Err(what) => break what,
                },
            }
        };
        if journal.folder.decision.is_some() || journal.length == 0 {
            return Err(JournalError::Damaged { path: journal.folder.path, what: misfit });
        }
        tracing::warn!(walk = journal.walk(), pages = journal.offsets.len(), "the journal is cut here: {misfit}");
        journal.file.set_len(journal.length).map_err(JournalError::io("cut", &path))?;
        Ok(journal)
    }

    /// Takes a frame that was read into what is known of the walk, or says what does not fit.
    fn take_in(&mut self, kind: Kind, payload: &Bytes) -> Result<(), String> {
        match kind {
            _ if self.end.is_some() => Err("something follows its end".to_owned()),
            Kind::Header if self.length == 0 => Ok(()),
            Kind::Header => Err("it has a second header".to_owned()),
            Kind::End => {
                let end = serde_json::from_slice(payload).map_err(|error| format!("its end is no record: {error}"))?;
                self.end = Some(end);
                Ok(())
            }
            Kind::Page => {
                let number = self.pages() + 1;
                let (fetched_at, cursor, body) =
                    frame::split_page(payload).ok_or_else(|| format!("page {number} is too short"))?;
                let Ok(Reply::Page(summary)) = summarize(&body) else {
                    return Err(format!("page {number} is no page of a list"));
                };
                if !self.chain.extend(Link { cursor, next: summary.next, page: number }) {
                    return Err(format!("page {number} does not follow from an earlier one"));
                }
                self.note_page(self.length, fetched_at, summary.openids);
                Ok(())
            }
        }
    }

    fn note_page(&mut self, offset: u64, fetched_at: i64, openids: u64) {
        self.offsets.push(offset);
        self.openids += openids;
        self.first_fetched_at.get_or_insert(fetched_at);
        self.last_fetched_at = Some(fetched_at);
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
        assert!(self.end.is_none(), "a page after the end of the walk");
        let number = self.pages() + 1;
        let offset = self.length;
        self.write(Kind::Page, &[&frame::page_head(page.fetched_at, &page.cursor), &page.body])?;
        let link = Link { cursor: page.cursor.clone(), next: page.summary.next.clone(), page: number };
        assert!(self.chain.extend(link), "a page that does not hang on the chain");
        self.note_page(offset, page.fetched_at, page.summary.openids);
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
        self.end = Some(end);
        Ok(())
    }

    fn write(&mut self, kind: Kind, parts: &[&[u8]]) -> Result<(), JournalError> {
        let start = self.length;
        let prefix = frame::prefix(kind, parts);
        let written = std::iter::once(&prefix[..]).chain(parts.iter().copied()).try_fold(start, |offset, part| {
            self.file.write_all_at(part, offset)?;
            Ok(offset + part.len() as u64)
        });
        match written {
            Ok(end) => self.length = end,
            Err(error) => {
                // Half a frame in the middle would hide what is appended later; a torn tail is harmless anyway.
                let _ = self.file.set_len(start);
                let bytes = prefix.len() + parts.iter().map(|part| part.len()).sum::<usize>();
                return Err(JournalError::io(format!("write {bytes} bytes to"), &self.folder.path.join("pages"))(
                    error,
                ));
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
        JournalError::io("sync", &self.folder.path.join("pages"))(error)
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
            offsets: self.offsets.clone().into_iter().enumerate(),
            length: self.length,
        }
    }

    /// Reads page number `number` (from 1) again.
    ///
    /// # Errors
    ///
    /// [`JournalError::Damaged`] if it is no longer what was written.
    pub fn page(&self, number: u64) -> Result<JournaledPage, JournalError> {
        let folder = Arc::from(self.folder.path.as_path());
        read_page(&self.file, &folder, self.offsets[number as usize - 1], self.length, number)
    }

    /// Fixes the list: durable when it returns.
    ///
    /// # Errors
    ///
    /// [`JournalError::Io`] if it cannot be written; nothing is decided then.
    pub fn decide(&mut self, decision: Decision) -> Result<(), JournalError> {
        disk::write_record(&self.folder.path.join(state::DECISION), &decision)?;
        self.folder.decision = Some(decision);
        Ok(())
    }

    /// Returns the walk's folder, with its decision and commit records.
    pub fn folder(&self) -> &WalkFolder {
        &self.folder
    }

    /// Returns the walk's name.
    pub fn walk(&self) -> &str {
        &self.folder.header.walk
    }

    /// Returns the chain of cursors, as far as the walk has come.
    pub fn chain(&self) -> &Chain {
        &self.chain
    }

    /// Returns how many pages there are.
    pub fn pages(&self) -> u64 {
        self.offsets.len() as u64
    }

    /// Returns how many `OpenID`s the pages hold, repeated ones included.
    pub fn openids(&self) -> u64 {
        self.openids
    }

    /// Returns the length of the file in bytes.
    pub fn bytes(&self) -> u64 {
        self.length
    }

    /// Returns the accepted end; none while the walk is open.
    pub fn end(&self) -> Option<&End> {
        self.end.as_ref()
    }

    /// Returns when the first and the last page were fetched, in microseconds since 1970 (UTC).
    pub fn fetched_between(&self) -> (Option<i64>, Option<i64>) {
        (self.first_fetched_at, self.last_fetched_at)
    }
}

/// Reads the pages of a walk in order, and checks each again.
#[derive(Clone, Debug)]
pub struct PageReader {
    file: Arc<File>,
    path: Arc<Path>,
    offsets: std::iter::Enumerate<std::vec::IntoIter<u64>>,
    length: u64,
}

impl Iterator for PageReader {
    type Item = Result<JournaledPage, JournalError>;

    fn next(&mut self) -> Option<Self::Item> {
        let (index, offset) = self.offsets.next()?;
        Some(read_page(&self.file, &self.path, offset, self.length, index as u64 + 1))
    }
}

fn read_page(
    file: &File,
    folder: &Arc<Path>,
    offset: u64,
    length: u64,
    number: u64,
) -> Result<JournaledPage, JournalError> {
    let found = frame::read(file, offset, length);
    let page = match found {
        Ok(Found::Frame(Kind::Page, payload)) => frame::split_page(&payload),
        Ok(_) => None,
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => None,
        Err(error) => return Err(JournalError::io("read", &folder.join("pages"))(error)),
    };
    let (fetched_at, _, body) = page.ok_or_else(|| JournalError::Damaged {
        path: folder.to_path_buf(),
        what: format!("page {number} is no longer what was written"),
    })?;
    Ok(JournaledPage { number, fetched_at, body, folder: Arc::clone(folder) })
}

#[cfg(test)]
mod tests;
