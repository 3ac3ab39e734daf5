//! How many calls the rest of a walk takes, against the calls that are left today.
//!
//! Before it: the journal, the last decided list, and the calls that are left: WeChat's answer, or
//! `source.quota.daily_calls` less the calls in the ledger. Behind it: [`follow`](super::follow)
//! begins. If the calls do not suffice, it begins with a warning, or the walk is refused under
//! `source.quota.refuse`.
//!
//! A new walk is forecast to have as many pages as the last decided list. For a resumed walk, the
//! followers that are missing from `total` are divided by the mean length of the pages so far.

use chrono::{DateTime, Utc};
use fanout_sink::Snapshot;

use crate::config::QuotaSection;
use crate::engine::proof::{FollowerProof, Proof};
use crate::error::Error;
use crate::journal::{Journal, JournalError};
use crate::source::{CallsLeft, SourceError};
use crate::wechat::{PageReply, Reaction, summarize};

/// What the walks before one have shown, in the same unit and run.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::engine) struct Earlier {
    /// The pages of the list, as far as the last walk could tell.
    pub(in crate::engine) pages: Option<u64>,
    /// How many of the day's calls a batch takes, as far as the last walk of batches could tell.
    pub(in crate::engine) cost: Option<u64>,
    /// Whether WeChat has refused a call because those of the day are used up.
    pub(in crate::engine) day_is_over: bool,
}

/// What is known of the part of a list that is still to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::engine) struct Forecast {
    /// Its pages; `None` if the list is read for the first time.
    pub(super) pages: Option<u64>,
    /// The ends that are to be read: one, or one of each tag.
    ends: u64,
    /// Whether the walk is resumed, and so reads a page again.
    is_resumed: bool,
}

impl Forecast {
    /// Forecasts a walk that has not begun, from `last`, the list that was decided before.
    pub(in crate::engine) fn of_new(last: Option<&Snapshot>) -> Self {
        Self { pages: last.and_then(FollowerProof::of).map(|proof| proof.pages), ends: 1, is_resumed: false }
    }

    /// Forecasts the rest of the lists of `tags`, which has `pages`.
    pub(in crate::engine) fn of_tags(pages: u64, tags: u64) -> Self {
        Self { pages: Some(pages), ends: tags, is_resumed: false }
    }

    /// Forecasts the rest of the walk in `journal`: from its last page or, before the first page,
    /// from `last`, the list that was decided before.
    pub(super) fn of(journal: &Journal, last: Option<&Snapshot>) -> Result<Self, JournalError> {
        let read = journal.pages();
        if read == 0 {
            return Ok(Self::of_new(last));
        }
        let total = match summarize(&journal.page(read)?.body) {
            Ok(PageReply::Page(summary)) => summary.total,
            _ => None,
        };
        let total = total.or(last.map(|list| list.rows));
        let pages = total.map(|total| pages_left(journal, total));
        Ok(Self { pages, ends: 1, is_resumed: true })
    }

    /// Forecasts the rest of a walk of `rows` people in all, which has at least one page.
    pub(super) fn of_rows(journal: &Journal, rows: u64) -> Self {
        let pages = (journal.pages() > 0).then(|| pages_left(journal, rows));
        Self { pages, ends: 1, is_resumed: true }
    }

    /// Returns the pages of the whole list in `journal`, read or not; `None` if it does not say.
    pub(in crate::engine) fn of_whole(journal: &Journal, last: Option<&Snapshot>) -> Option<u64> {
        let rest = Self::of(journal, last).ok()?.pages?;
        Some(journal.pages() + rest)
    }

    /// Returns the calls that the rest takes: its pages, the end, and the page that is read again.
    fn calls(self) -> Option<u64> {
        self.pages.map(|pages| pages + self.ends + u64::from(self.is_resumed))
    }

    /// Logs a warning if the calls in `left` do not suffice.
    ///
    /// # Errors
    ///
    /// [`SourceError::QuotaTooSmall`] instead, if `settings` ask for that.
    pub(in crate::engine) fn check(
        self,
        left: CallsLeft,
        settings: &QuotaSection,
        now: DateTime<Utc>,
    ) -> Result<(), SourceError> {
        let CallsLeft { calls: calls_left, is_stated, .. } = left;
        let Some(calls_needed) = self.calls().filter(|&calls| calls > calls_left) else {
            tracing::debug!(calls_left, is_stated, calls_needed = self.calls(), "today's calls may suffice");
            return Ok(());
        };
        if settings.refuse {
            return Err(SourceError::QuotaTooSmall { calls_left, calls_needed, at: now });
        }
        tracing::warn!(
            calls_left,
            is_stated,
            calls_needed,
            "today's calls cannot finish the list; the walk goes as far as it can, and a run on another day continues it"
        );
        Ok(())
    }

    /// Compares the calls in `left` with those of a new walk that follows another one in the same
    /// run.
    ///
    /// # Errors
    ///
    /// [`SourceError::NotBegun`] if they do not suffice.
    pub(in crate::engine) fn check_second(
        self,
        left: CallsLeft,
        earlier: &Earlier,
        now: DateTime<Utc>,
    ) -> Result<(), SourceError> {
        if self.calls_of_second(earlier).unwrap_or(1) > left.calls {
            return Err(self.refuse_second(left.calls, earlier, now));
        }
        Ok(())
    }

    /// Returns the error of a walk that does not begin because `calls_left` do not suffice.
    pub(in crate::engine) fn refuse_second(
        self,
        calls_left: u64,
        earlier: &Earlier,
        now: DateTime<Utc>,
    ) -> SourceError {
        SourceError::NotBegun { calls_left, calls_needed: self.calls_of_second(earlier), at: now }
    }

    fn calls_of_second(self, earlier: &Earlier) -> Option<u64> {
        Self { pages: self.pages.or(earlier.pages), ..self }.calls()
    }

    /// Adds the number of pages that are left to the error that the calls of the day are used up.
    pub(in crate::engine) fn with_pages_left(self, error: Error, now: DateTime<Utc>) -> Error {
        match error {
            Error::Source(error) if error.api_error().is_some_and(|api| api.reaction() == Reaction::NextDay) => {
                SourceError::DayOver { pages_left: self.pages, at: now, error: Box::new(error) }.into()
            }
            error => error,
        }
    }
}

/// Returns the pages that are left of a list of `rows`. All pages but the last one are full.
fn pages_left(journal: &Journal, rows: u64) -> u64 {
    let size = journal.openids().div_ceil(journal.pages()).max(1);
    rows.saturating_sub(journal.openids()).div_ceil(size)
}
