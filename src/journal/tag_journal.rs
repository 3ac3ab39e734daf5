//! The journal of one walk of tags: the replies about all tags, and below it a journal of pages for
//! each tag.
//!
//! Before it: the engine, with a reply of `tags/get`, and then with the pages of each tag. Behind
//! it: the engine compares the counts in the replies with the people in the pages, and delivers
//! these.
//!
//! The journal of a tag is one of a walk of pages, with the header of the whole walk. It has no
//! decision and no commits of its own: those of the whole walk count. Its end has the number of the
//! tag's distinct people.

use std::fs;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use chrono::{DateTime, Utc};
use fanout_sink::WalkId;

use super::contents::Contents;
use super::disk;
use super::error::JournalError;
use super::frame::{self, Found, FramedReply, Kind, ReplyKind};
use super::pages::Journal;
use super::record::{End, PAGES, TAG};
use super::tag_index::TagIndex;
use super::walk_file::WalkFile;
use super::walk_folder::{RecordedDecision, WalkFolder, read_header};

/// A reply about all tags.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TagsReply {
    /// When it was fetched, to the microsecond.
    pub fetched_at: DateTime<Utc>,
    /// How many tags had been read to their end then.
    pub ended: u64,
    /// The reply, byte for byte.
    pub body: Bytes,
}

/// A walk of tags that is open for reading and, until its end is appended, for more replies.
#[derive(Debug)]
pub struct TagJournal {
    file: WalkFile,
    index: TagIndex,
}

impl TagJournal {
    /// Opens a walk and checks its replies about all tags. An undecided walk is cut at the first
    /// frame that does not fit.
    ///
    /// # Errors
    ///
    /// [`JournalError::Damaged`] if a frame of a decided walk does not fit, or if it is a walk of
    /// another kind; [`JournalError::Io`] if the file cannot be read.
    pub fn open(folder: WalkFolder) -> Result<Self, JournalError> {
        if !folder.header.of_tags {
            return Err(JournalError::Damaged { path: folder.path, what: "it is no walk of tags".to_owned() });
        }
        let mut index = TagIndex::default();
        Ok(Self { file: WalkFile::open(folder, &mut index)?, index })
    }

    /// Returns the journal of a walk that has only a header.
    pub(super) fn begun(file: WalkFile) -> Self {
        Self { file, index: TagIndex::default() }
    }

    /// Makes the walk visible with its first reply.
    pub(super) fn show(mut self, first: &TagsReply) -> Result<Self, JournalError> {
        self.append(first)?;
        self.file.show()?;
        Ok(self)
    }

    /// Appends a reply about all tags. It is durable after the next [`sync`](WalkFile::sync).
    ///
    /// # Errors
    ///
    /// [`JournalError::Io`] if it cannot be written whole.
    ///
    /// # Panics
    ///
    /// If the walk has ended.
    pub fn append(&mut self, reply: &TagsReply) -> Result<(), JournalError> {
        let TagsReply { fetched_at, ended, body } = reply;
        let label = ended.to_le_bytes();
        let offset = self.file.append(ReplyKind::Tags, self.index.next(), *fetched_at, &label, body)?;
        self.index.offsets.push(offset);
        Ok(())
    }

    /// Reads the replies about all tags, in the order of the journal. There is at least one.
    ///
    /// # Errors
    ///
    /// [`JournalError::Damaged`] if one is no longer what was written, [`JournalError::Io`] if the
    /// file cannot be read.
    pub fn replies(&self) -> Result<Vec<TagsReply>, JournalError> {
        let read = |(&offset, number): (&u64, u64)| {
            let reply = match frame::read(self.file.file(), offset, self.file.bytes()) {
                Ok(Found::Frame(Kind::Reply, payload)) => frame::split_reply(&payload),
                Ok(_) => None,
                Err(error) => return Err(JournalError::io("read", &self.path().join(PAGES))(error)),
            };
            let reply = reply.filter(|reply| (reply.kind, reply.number) == (ReplyKind::Tags, number));
            let reply = reply.and_then(|reply| Some((u64::from_le_bytes(reply.label[..].try_into().ok()?), reply)));
            let changed = || self.damaged(&format!("reply {number} about the tags is no longer what was written"));
            let (ended, FramedReply { fetched_at, body, .. }) = reply.ok_or_else(changed)?;
            Ok(TagsReply { fetched_at, ended, body })
        };
        self.index.offsets.iter().zip(1..).map(read).collect()
    }

    /// Returns the error that the walk is damaged.
    pub(crate) fn damaged(&self, what: &str) -> JournalError {
        JournalError::Damaged { path: self.path().to_owned(), what: what.to_owned() }
    }

    /// Opens the journal of a tag's pages, and begins one if there is none that has a header.
    ///
    /// # Errors
    ///
    /// As [`Journal::open`]; in a decided walk, [`JournalError::Damaged`] if there is none.
    pub fn pages_of(&self, tag: i32) -> Result<Journal, JournalError> {
        let WalkFolder { header, decision, .. } = self.folder().clone();
        let folder = WalkFolder { path: self.path_of(tag), header, decision };
        let is_there = read_header(&folder.path.join(PAGES))?.is_some_and(|header| header == folder.header);
        if !is_there && folder.decision.is_none() {
            // A crash may have left a file that has no whole header yet.
            WalkFile::create_part(folder.clone())?;
        }
        Journal::open_part(folder)
    }

    /// Returns what the journal of a tag holds, without the bodies of its pages; `None` if the tag
    /// has none.
    ///
    /// # Errors
    ///
    /// [`JournalError::Io`] if its file cannot be read.
    pub fn contents_of(&self, tag: i32) -> Result<Option<Contents>, JournalError> {
        Contents::of_part(&self.path_of(tag).join(PAGES))
    }

    /// Removes the pages of a tag, so that it is read anew.
    ///
    /// # Errors
    ///
    /// [`JournalError::Io`] if they cannot be removed.
    ///
    /// # Panics
    ///
    /// If the walk has ended.
    pub fn forget(&mut self, tag: i32) -> Result<(), JournalError> {
        assert!(self.end().is_none(), "a walk that has ended keeps what it has");
        let path = self.path_of(tag);
        fs::remove_dir_all(&path).map_err(JournalError::io("remove", &path))?;
        disk::sync_folder(self.path())
    }

    fn path_of(&self, tag: i32) -> PathBuf {
        self.path().join(format!("{TAG}{tag}"))
    }

    fn path(&self) -> &Path {
        &self.folder().path
    }

    /// Appends the accepted end of the walk. It counts once it is durable, after the next
    /// [`sync`](WalkFile::sync). The journals of the tags must be
    /// durable already.
    ///
    /// # Errors
    ///
    /// [`JournalError::Io`] if the end cannot be written; the walk is then still open.
    pub fn append_end(&mut self, end: End) -> Result<(), JournalError> {
        self.file.append_end(end)
    }

    /// Returns the file with the replies about all tags, for a sync that does not block the walk.
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

    /// Returns the walk's name.
    pub fn walk(&self) -> WalkId {
        self.file.walk()
    }

    /// Returns the end of the walk; `None` while it is open.
    pub fn end(&self) -> Option<&End> {
        self.file.frames().end.as_ref()
    }

    /// Returns when the first and the last reply about all tags were fetched.
    pub fn fetched_between(&self) -> (Option<DateTime<Utc>>, Option<DateTime<Utc>>) {
        (self.file.frames().first_fetched_at, self.file.frames().last_fetched_at)
    }
}
