//! The walk: page after page into the journal, until the list has ended or something has.

use std::collections::HashSet;

use chrono::Utc;
use fanout_sink::Snapshot;

use super::forecast::Forecast;
use super::group_sync::GroupSync;
use crate::engine::budget::{Budget, Lease};
use crate::engine::deliver::{DistinctCount, FanOut, footprint};
use crate::engine::progress::UnitProgress;
use crate::engine::run_context::RunContext;
use crate::error::Error;
use crate::journal::{End, Journal};
use crate::source::{Source, SourceError};
use crate::wechat::{Cursor, Page, Reaction, decode};

/// What is reserved for a page when nothing is known of its size: a full one, 10,000 times 31 bytes.
const FIRST_PAGE: u64 = 310_000;

/// How many refused cursors a walk may step back from.
const STEPS_BACK: usize = 3;

/// Why a walk has not come to the end of its list.
#[derive(Debug)]
pub(in crate::engine) enum Stopped {
    /// This has happened.
    Failed(Error),
    /// The fan-out takes no more pages; [`FanOut::finish`] says why.
    FanOutEnded,
}

impl<Cause: Into<Error>> From<Cause> for Stopped {
    fn from(cause: Cause) -> Self {
        Self::Failed(cause.into())
    }
}

/// One account's walk under way.
pub(in crate::engine) struct Walk<'a> {
    pub(in crate::engine) source: &'a Source,
    pub(in crate::engine) journal: &'a mut Journal,
    /// None where the list is delivered once it is complete.
    pub(in crate::engine) fan_out: Option<&'a FanOut>,
    pub(in crate::engine) run: &'a RunContext,
    pub(in crate::engine) budget: &'a Budget,
    pub(in crate::engine) progress: &'a UnitProgress,
    /// The list that was decided on last.
    pub(in crate::engine) last: Option<&'a Snapshot>,
}

impl Walk<'_> {
    /// Walks to the end of the list from where the journal stands, and returns what the list amounts to. The pages
    /// that the journal has already must have been given to the delivery before, if there is one.
    ///
    /// # Errors
    ///
    /// [`Error::Interrupted`] when it was asked to stop; [`SourceError`] when the list cannot be had or is short; or the
    /// delivery has ended. What was read until then is in the journal.
    pub(in crate::engine) async fn run(&mut self) -> Result<DistinctCount, Stopped> {
        let mut syncing = GroupSync::new(self.journal.bytes());
        let result = match self.check_quota().await {
            Ok(()) => self.follow(&mut syncing).await,
            Err(error) => Err(error.into()),
        };
        let synced = syncing.finish(self.journal).await;
        let count = result.map_err(|stopped| self.day_over(stopped))?;
        synced?;
        Ok(count)
    }

    /// Holds what the walk still needs against the calls that are left today.
    async fn check_quota(&self) -> Result<(), Error> {
        let left = self.run.or_stopped(self.source.calls_left()).await??;
        let forecast = Forecast::of(self.journal, self.last)?;
        Ok(forecast.check(left, &self.run.pipeline.source.quota)?)
    }

    /// Adds to the error that the calls of the day are used up how far the walk has come.
    fn day_over(&self, stopped: Stopped) -> Stopped {
        match stopped {
            Stopped::Failed(Error::Source(error))
                if error.api_error().is_some_and(|api| api.reaction() == Reaction::NextDay) =>
            {
                let forecast = Forecast::of(self.journal, self.last);
                let pages_left = forecast.ok().and_then(|forecast| forecast.pages);
                SourceError::DayOver { pages_left, at: Utc::now(), error: Box::new(error) }.into()
            }
            stopped => stopped,
        }
    }

    async fn follow(&mut self, syncing: &mut GroupSync) -> Result<DistinctCount, Stopped> {
        // A walk that was cut off reads its last page again, to be sure that the cursor still stands.
        let mut cursor = self.last_boundary();
        let mut size = FIRST_PAGE;
        let mut refused = HashSet::new();
        let mut end_was_short = false;
        loop {
            let lease = self.run.or_stopped(self.budget.reserve(footprint(size))).await?;
            let fetched = self.run.or_stopped(self.source.page(&cursor, self.journal.chain())).await?;
            let page = match fetched {
                Err(error) if is_refused_cursor(&error) => {
                    refused.insert(cursor.clone());
                    cursor = self.step_back(&cursor, &refused)?;
                    continue;
                }
                page => page?,
            };
            size = page.body.len() as u64;
            let (last, next) = (page.is_last(), page.summary.next.clone());
            let total = page.summary.total;
            self.progress.set_total(total);
            let fetched_at = page.fetched_at;
            if page.summary.openids > 0 && self.keep(page, lease).await? {
                syncing.after_page(self.journal).await?;
                end_was_short = false;
            }
            cursor = match next {
                Some(next) if !last && refused.contains(&next) => {
                    // It still leads only to where nothing goes on, and so it is no way either.
                    refused.insert(cursor.clone());
                    self.step_back(&cursor, &refused)?
                }
                Some(next) if !last => next,
                _ => {
                    let total = total.expect("`Source::page` takes no end without a total");
                    let count = self.count().await?;
                    if self.is_end(&count, total, end_was_short)? {
                        self.journal.append_end(End { total, fetched_at })?;
                        return Ok(count);
                    }
                    tracing::info!(
                        distinct = count.distinct,
                        total,
                        "the list ended short of its total; reading its last page and its end once more"
                    );
                    end_was_short = true;
                    self.last_boundary()
                }
            };
        }
    }

    /// Returns the cursor of the last page that the journal has; the beginning, if it has none.
    fn last_boundary(&self) -> Cursor {
        self.journal.chain().last().map_or(Cursor::START, |link| link.cursor.clone())
    }

    /// Puts a page into the journal and hands it on; returns whether it is new. A page that was read again and has the
    /// same followers and the same `next` is not kept twice.
    async fn keep(&mut self, page: Page, lease: Lease) -> Result<bool, Stopped> {
        if let Some(link) = self.journal.chain().find(&page.cursor) {
            let number = link.page;
            let same_next = link.next == page.summary.next;
            let earlier = self.journal.page(number)?;
            if same_next && (earlier.body == page.body || same_openids(&earlier.body, &page.body)) {
                return Ok(false);
            }
            tracing::info!(page = number, cursor = %page.cursor, "a page has changed since it was read");
        }
        let journaled = self.journal.append(&page)?;
        self.progress.add_page(page.summary.openids);
        let Some(fan_out) = self.fan_out else { return Ok(true) };
        // A sink that blocks keeps the page waiting here.
        let is_taken = self.run.or_stopped(fan_out.page(journaled, lease)).await?;
        if is_taken { Ok(true) } else { Err(Stopped::FanOutEnded) }
    }

    async fn count(&self) -> Result<DistinctCount, Stopped> {
        let pages = self.journal.reader();
        if let Some(fan_out) = self.fan_out {
            return self.run.or_stopped(fan_out.count(pages)).await?.ok_or(Stopped::FanOutEnded);
        }
        let _slot = self.run.or_stopped(self.run.slots.complete()).await?;
        Ok(DistinctCount::of(pages, self.journal.folder().path(), self.run.stop.clone()).await?)
    }

    /// Decides about the end of the list; false asks for another look.
    fn is_end(&self, count: &DistinctCount, total: u64, was_short: bool) -> Result<bool, Error> {
        let missing = total.saturating_sub(count.distinct);
        if missing == 0 {
            return Ok(true);
        }
        if !was_short {
            return Ok(false);
        }
        let limit_percent = self.run.pipeline.source.max_shortfall_percent;
        if missing as f64 * 100.0 > total as f64 * limit_percent {
            return Err(SourceError::Short { distinct: count.distinct, total, limit_percent }.into());
        }
        tracing::warn!(distinct = count.distinct, total, "the list is complete, and shorter than its total");
        Ok(true)
    }

    /// Returns the cursor of the page before the one that `cursor` asks for: it may give another cursor now.
    fn step_back(&self, cursor: &Cursor, refused: &HashSet<Cursor>) -> Result<Cursor, Error> {
        let earlier = self.journal.chain().before(cursor).filter(|_| refused.len() <= STEPS_BACK);
        let earlier = earlier.ok_or_else(|| SourceError::CursorLost { cursor: cursor.clone() })?;
        tracing::warn!(%cursor, earlier = %earlier.cursor, "WeChat refuses the cursor; going back one page");
        Ok(earlier.cursor.clone())
    }
}

fn is_refused_cursor(error: &SourceError) -> bool {
    error.api_error().is_some_and(|error| error.reaction() == Reaction::EarlierBoundary)
}

fn same_openids(one: &[u8], other: &[u8]) -> bool {
    match (decode(one), decode(other)) {
        (Ok((_, one)), Ok((_, other))) => one == other,
        _ => false,
    }
}
