//! What a walk still needs, and whether today's calls will do.

use chrono::Utc;
use fanout_sink::Snapshot;

use crate::config::QuotaSection;
use crate::engine::proof::FollowerProof;
use crate::journal::{Journal, JournalError};
use crate::source::{CallsLeft, SourceError};
use crate::wechat::{PageReply, summarize};

/// What is known of the part of a list that is still to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Forecast {
    /// Pages; none where the list is read for the first time.
    pub(super) pages: Option<u64>,
    /// Whether the walk goes on, and so reads a page again.
    goes_on: bool,
}

impl Forecast {
    /// Foresees the rest of the walk in `journal`. Its own last page says most; before the first one, the list that was
    /// published `last` is what the next will be like.
    pub(super) fn of(journal: &Journal, last: Option<&Snapshot>) -> Result<Self, JournalError> {
        let read = journal.pages();
        if read == 0 {
            return Ok(Self { pages: last.and_then(FollowerProof::of).map(|proof| proof.pages), goes_on: false });
        }
        let total = match summarize(&journal.page(read)?.body) {
            Ok(PageReply::Page(summary)) => summary.total,
            _ => None,
        };
        let total = total.or(last.map(|list| list.rows));
        // Pages are full but for the last one.
        let size = journal.openids().div_ceil(read).max(1);
        let pages = total.map(|total| total.saturating_sub(journal.openids()).div_ceil(size));
        Ok(Self { pages, goes_on: true })
    }

    /// Returns the calls that the rest takes: its pages, the end, and the page that is read again.
    fn calls(self) -> Option<u64> {
        self.pages.map(|pages| pages + 1 + u64::from(self.goes_on))
    }

    /// Says so if `left` cannot finish the list, and refuses the walk if `settings` want that.
    pub(super) fn check(self, left: CallsLeft, settings: &QuotaSection) -> Result<(), SourceError> {
        let CallsLeft { calls: calls_left, is_stated, .. } = left;
        let Some(calls_needed) = self.calls().filter(|&calls| calls > calls_left) else {
            tracing::debug!(calls_left, is_stated, calls_needed = self.calls(), "today's calls may do");
            return Ok(());
        };
        if settings.refuse {
            return Err(SourceError::QuotaTooSmall { calls_left, calls_needed, at: Utc::now() });
        }
        tracing::warn!(
            calls_left,
            is_stated,
            calls_needed,
            "today's calls cannot finish the list; the walk goes as far as it can, and on from there on another day"
        );
        Ok(())
    }
}
