//! The elements that a walk of batches has itself, in the place of those of its input.
//!
//! Before it: the engine has found them, such as the people who have come or left between two
//! walks, and writes them before the walk begins. Behind it: the engine asks about them, and makes
//! rows of them.
//!
//! ```text
//! frame = number of the first element, count u64 (label), zstd of the body as the engine writes it
//! ```

use std::fmt;
use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;

use super::batch_body::decompress;
use super::batch_index::count_of;
use super::error::JournalError;
use super::frame::{self, Found, Kind, ReplyKind};
use super::record::PAGES;

/// Some elements of a walk. `Debug` does not show them: they are people.
#[derive(Clone, PartialEq, Eq)]
pub struct Elements {
    /// The number of the first one, from 0.
    pub first: u64,
    /// How many there are.
    pub count: u64,
    /// The elements, as the engine writes them; opaque to the journal.
    pub body: Bytes,
}

impl fmt::Debug for Elements {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = formatter.debug_struct("Elements");
        shown.field("first", &self.first).field("count", &self.count).finish_non_exhaustive()
    }
}

/// Reads the elements of a walk, frame by frame.
#[derive(Clone, Debug)]
pub struct ElementReader {
    file: Arc<File>,
    folder: Arc<Path>,
    /// The number of the first element of each frame, and the offset of the frame.
    frames: Arc<[(u64, u64)]>,
    /// The elements of all frames.
    len: u64,
    /// The bytes of the file when the reader was made.
    length: u64,
}

impl ElementReader {
    pub(super) fn new(file: &Arc<File>, folder: &Path, (frames, len): (&[(u64, u64)], u64), length: u64) -> Self {
        Self { file: Arc::clone(file), folder: folder.into(), frames: frames.into(), len, length }
    }

    /// Returns the number of elements.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Returns whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Returns the number of frames.
    pub fn frames(&self) -> usize {
        self.frames.len()
    }

    /// Returns the frame that has element `number`, and the number of its first element; `None` if
    /// no frame begins at or before it.
    pub fn frame_of(&self, number: u64) -> Option<(usize, u64)> {
        let frame = self.frames.partition_point(|&(first, _)| first <= number).checked_sub(1)?;
        Some((frame, self.frames[frame].0))
    }

    /// Reads a frame by its number, from 0.
    ///
    /// # Errors
    ///
    /// [`JournalError::Damaged`] if it is no longer what was written, [`JournalError::Io`] if the
    /// file cannot be read.
    ///
    /// # Panics
    ///
    /// If there is no such frame.
    pub fn read(&self, frame: usize) -> Result<Elements, JournalError> {
        let (first, offset) = self.frames[frame];
        let damaged = || self.damaged(first);
        let reply = match frame::read(&self.file, offset, self.length) {
            Ok(Found::Frame(Kind::Reply, payload)) => frame::split_reply(&payload),
            Ok(_) => None,
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => None,
            Err(error) => return Err(JournalError::io("read", &self.folder.join(PAGES))(error)),
        };
        let is_it = |reply: &frame::FramedReply| (reply.kind, reply.number) == (ReplyKind::Elements, first);
        let reply = reply.filter(is_it).ok_or_else(damaged)?;
        let count = count_of(&reply.label).ok_or_else(damaged)?;
        let body = decompress(&reply.body).map_err(|_| damaged())?;
        Ok(Elements { first, count, body })
    }

    /// Returns the error for a frame that cannot be read, by the number of its first element.
    pub(crate) fn damaged(&self, first: u64) -> JournalError {
        let what = format!("the elements from number {first} on are no longer what was written");
        JournalError::Damaged { path: self.folder.to_path_buf(), what }
    }
}
