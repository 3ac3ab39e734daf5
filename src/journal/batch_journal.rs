//! The journal of one walk of batches: replies are appended to it in any order, and read back by
//! the numbers of their batches.
//!
//! Before it: the engine, with a reply to a request of a batch. Behind it: the engine reads the
//! replies of a batch, to settle and to deliver it.
//!
//! Rows that were copied from an earlier walk stand before all replies, so a file that is cut at a
//! damaged frame has no reply whose batch depends on copied rows that are gone.

use std::io;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use fanout_sink::WalkId;

use super::batch_body::{CopiedRows, Numbered, compress, decompress};
use super::batch_index::BatchIndex;
use super::elements::{ElementReader, Elements};
use super::error::JournalError;
use super::frame::{self, Found, FramedReply, Kind, ReplyKind};
use super::record::{End, PAGES, Plan};
use super::walk_file::WalkFile;
use super::walk_folder::{RecordedDecision, WalkFolder};

/// A walk of batches that is open for reading and, until its end is appended, for more replies.
#[derive(Debug)]
pub struct BatchJournal {
    pub(super) file: WalkFile,
    pub(super) index: BatchIndex,
    plan: Plan,
}

impl BatchJournal {
    /// Opens a walk and checks each of its frames, without decompressing a body. An undecided walk
    /// is cut at the first frame that does not fit.
    ///
    /// # Errors
    ///
    /// [`JournalError::Damaged`] if a frame of a decided walk does not fit, or if it is a walk of
    /// pages; [`JournalError::Io`] if the file cannot be read.
    pub fn open(folder: WalkFolder) -> Result<Self, JournalError> {
        let Some(plan) = folder.header.plan.clone() else {
            let what = "it is a walk of pages, not of batches".to_owned();
            return Err(JournalError::Damaged { path: folder.path, what });
        };
        let mut index = BatchIndex::new(&plan);
        Ok(Self { file: WalkFile::open(folder, &mut index)?, index, plan })
    }

    /// Returns the journal of a walk that has only a header.
    pub(super) fn begun(file: WalkFile, plan: Plan) -> Self {
        Self { file, index: BatchIndex::new(&plan), plan }
    }

    /// Appends a reply. The operating system has it when this returns; it is durable after the next
    /// [`sync`](WalkFile::sync).
    ///
    /// # Errors
    ///
    /// [`JournalError::Io`] if the reply cannot be written whole; the journal is then unchanged.
    ///
    /// # Panics
    ///
    /// If the walk has ended, or its input has too few elements for such a batch.
    pub fn append(&mut self, reply: &Numbered) -> Result<(), JournalError> {
        let Numbered { number, label, fetched_at, body } = reply;
        assert!(*number < self.plan.asked(), "batch {number} of {} elements", self.plan.asked());
        let offset = self.file.append(ReplyKind::Batch, *number, *fetched_at, label, &compress(body))?;
        self.index.add_reply(offset, *number).expect("the number was checked, and the elements are there");
        Ok(())
    }

    /// Appends elements of the walk itself.
    pub(super) fn append_elements(&mut self, elements: &Elements) -> Result<(), JournalError> {
        let Elements { first, count, body } = elements;
        let made_at = self.plan.made_at;
        let label = count.to_le_bytes();
        let offset = self.file.append(ReplyKind::Elements, *first, made_at, &label, &compress(body))?;
        self.index.add_elements(offset, *first, *count).expect("elements come in order, and are no more than planned");
        Ok(())
    }

    /// Returns a reader of the elements that the walk has itself. It stays valid while the journal
    /// grows.
    pub fn elements(&self) -> ElementReader {
        ElementReader::new(self.file.file(), &self.folder().path, self.index.elements(), self.file.frames().length)
    }

    /// Appends rows that were copied from an earlier walk.
    pub(super) fn append_copied(&mut self, copied: &CopiedRows) -> Result<(), JournalError> {
        let span = copied.span().expect("copied rows ascend");
        let times = copied.rows.iter().map(|&(_, fetched_at)| fetched_at);
        let oldest = times.min().expect("there is a row");
        let body = compress(&copied.to_bytes());
        let offset = self.file.append(ReplyKind::Copied, span.first, oldest, &span.label(), &body)?;
        self.index.add_copied(offset, span).expect("copied rows ascend over all frames, and stand before all replies");
        Ok(())
    }

    /// Reads the replies of batch `number`, in the order of the journal; no reply if it has none.
    ///
    /// # Errors
    ///
    /// [`JournalError::Damaged`] if a reply is no longer what was written, [`JournalError::Io`] if
    /// the file cannot be read.
    pub fn replies(&self, number: u64) -> Result<Vec<Numbered>, JournalError> {
        let read = |offset| {
            let of_number = |reply: &FramedReply| (reply.kind, reply.number) == (ReplyKind::Batch, number);
            let what = || format!("a reply of batch {number}");
            let (FramedReply { label, fetched_at, .. }, body) = self.read(offset, of_number, what)?;
            Ok(Numbered { number, label, fetched_at, body })
        };
        self.index.offsets(number).map(read).collect()
    }

    /// Returns whether batch `number` has a reply.
    pub fn has(&self, number: u64) -> bool {
        self.index.has(number)
    }

    /// Returns the number of batches with at least one reply.
    pub fn answered(&self) -> u64 {
        self.index.answered()
    }

    /// Reads the rows that were copied from an earlier walk, frame by frame, in ascending order of
    /// their positions. An item is an error as in [`replies`](Self::replies).
    pub fn copied(&self) -> impl Iterator<Item = Result<CopiedRows, JournalError>> {
        (0..self.copied_frames()).map(|number| self.copied_frame(number))
    }

    /// Returns the number of frames of copied rows.
    pub fn copied_frames(&self) -> usize {
        self.index.copied().len()
    }

    /// Reads a frame of copied rows by its number, from 0.
    ///
    /// # Errors
    ///
    /// As [`replies`](Self::replies).
    ///
    /// # Panics
    ///
    /// If there is no such frame.
    pub fn copied_frame(&self, number: usize) -> Result<CopiedRows, JournalError> {
        let offset = self.index.copied()[number];
        let what = || format!("a frame of copied rows at byte {offset}");
        let (reply, body) = self.read(offset, |reply| reply.kind == ReplyKind::Copied, what)?;
        let of_span = |copied: &CopiedRows| copied.span().is_some_and(|span| span.label()[..] == reply.label);
        CopiedRows::from_bytes(&body).filter(of_span).ok_or_else(|| self.damaged(&what()))
    }

    /// Returns the number of rows that were copied.
    pub fn copied_rows(&self) -> u64 {
        self.index.copied_rows()
    }

    /// Reads the reply in the frame at `offset`, with its body decompressed.
    fn read(
        &self,
        offset: u64,
        is_it: impl FnOnce(&FramedReply) -> bool,
        what: impl Fn() -> String,
    ) -> Result<(FramedReply, Bytes), JournalError> {
        let reply = match frame::read(self.file.file(), offset, self.file.frames().length) {
            Ok(Found::Frame(Kind::Reply, payload)) => frame::split_reply(&payload).filter(is_it),
            Ok(_) => None,
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => None,
            Err(error) => return Err(JournalError::io("read", &self.folder().path.join(PAGES))(error)),
        };
        let reply = reply.ok_or_else(|| self.damaged(&what()))?;
        let body = decompress(&reply.body).map_err(|_| self.damaged(&what()))?;
        Ok((reply, body))
    }

    fn damaged(&self, what: &str) -> JournalError {
        let path = self.folder().path.clone();
        JournalError::Damaged { path, what: format!("{what} is no longer what was written") }
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

    /// Takes the decision, which fixes the list and is recorded.
    pub fn decided(&mut self, decision: RecordedDecision) {
        self.file.decided(decision);
    }

    /// Returns the walk's folder, with its decision and commit records.
    pub fn folder(&self) -> &WalkFolder {
        self.file.folder()
    }

    /// Returns what the walk asks for.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Returns the walk's name.
    pub fn walk(&self) -> WalkId {
        self.file.walk()
    }

    /// Returns the length of the file in bytes.
    pub fn bytes(&self) -> u64 {
        self.file.frames().length
    }

    /// Returns the accepted end; `None` while the walk is open.
    pub fn end(&self) -> Option<&End> {
        self.file.frames().end.as_ref()
    }

    /// Returns when the oldest and the newest reply of a batch were fetched; `None` if there is no
    /// reply. Copied rows do not count.
    pub fn fetched_between(&self) -> (Option<DateTime<Utc>>, Option<DateTime<Utc>>) {
        (self.file.frames().first_fetched_at, self.file.frames().last_fetched_at)
    }
}
