//! The pages of a walk without their bodies: where they lie in the file, and the chain of their
//! cursors.
//!
//! Before it: [`Frames`](super::frames::Frames) reads the replies of a file. Behind it:
//! [`Journal`](super::Journal) finds its pages.

use super::frame::{FramedReply, ReplyKind};
use super::frames::Index;
use crate::wechat::{Chain, Cursor, Link, PageReply, summarize};

/// The pages of a walk, in the order of its journal.
#[derive(Debug, Default)]
pub(super) struct PageIndex {
    /// The offset of each page's frame.
    pub(super) offsets: Vec<u64>,
    pub(super) chain: Chain,
    /// The `OpenID`s in the pages, repeated ones included.
    pub(super) openids: u64,
}

impl PageIndex {
    /// Returns the number of pages.
    pub(super) fn pages(&self) -> u64 {
        self.offsets.len() as u64
    }

    /// Adds a page whose frame begins at `offset`. Returns whether it follows from an earlier one;
    /// if not, nothing is added.
    pub(super) fn add_page(&mut self, offset: u64, link: Link, openids: u64) -> bool {
        let follows = self.chain.extend(link);
        if follows {
            self.offsets.push(offset);
            self.openids += openids;
        }
        follows
    }
}

impl Index for PageIndex {
    fn add(&mut self, offset: u64, reply: &FramedReply) -> Result<(), String> {
        let number = self.pages() + 1;
        if (reply.kind, reply.number) != (ReplyKind::Page, number) {
            return Err(format!("page {number} is in another page's place"));
        }
        let Ok(cursor) = std::str::from_utf8(&reply.label) else {
            return Err(format!("the cursor of page {number} is no text"));
        };
        let Ok(PageReply::Page(summary)) = summarize(&reply.body) else {
            return Err(format!("page {number} is not a page of a list"));
        };
        let link = Link { cursor: Cursor::after(cursor).unwrap_or_default(), next: summary.next, page: number };
        if !self.add_page(offset, link, summary.openids) {
            return Err(format!("page {number} does not follow from an earlier one"));
        }
        Ok(())
    }
}
