//! The replies about all tags in a walk of tags: where they lie in the file.
//!
//! Before it: [`Frames`](super::frames::Frames) reads the replies of a file. Behind it:
//! [`TagJournal`](super::TagJournal) reads them back.

use super::frame::{FramedReply, ReplyKind};
use super::frames::Index;

/// The offset of each reply about all tags, in the order of the journal.
#[derive(Debug, Default)]
pub(super) struct TagIndex {
    pub(super) offsets: Vec<u64>,
}

impl TagIndex {
    /// Returns the number of the next reply.
    pub(super) fn next(&self) -> u64 {
        self.offsets.len() as u64 + 1
    }
}

impl Index for TagIndex {
    fn add(&mut self, offset: u64, reply: &FramedReply) -> Result<(), String> {
        let number = self.next();
        if (reply.kind, reply.number) != (ReplyKind::Tags, number) {
            return Err(format!("reply {number} about the tags is in another one's place"));
        }
        self.offsets.push(offset);
        Ok(())
    }
}
