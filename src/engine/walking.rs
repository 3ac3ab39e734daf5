//! The walk: page after page into the journal, until the list has ended or something has.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use chrono::Utc;
use fanout_sink::Snapshot;
use tokio::task::JoinHandle;

use super::budget::{Budget, Lease};
use super::delivery::{Delivery, Measure, footprint};
use super::forecast::Forecast;
use super::progress::AccountProgress;
use super::shared::Shared;
use crate::error::Error;
use crate::journal::{End, Journal, JournalError};
use crate::source::{Cursor, Page, Reaction, Source, SourceError, decode};

/// What is reserved for a page when nothing is known of its size: a full one, 10,000 times 31 bytes.
const FIRST_PAGE: u64 = 310_000;

/// How many refused cursors a walk may step back from.
const STEPS_BACK: usize = 3;

/// Bytes, and time, between two syncs of the journal. A page that is lost with the machine's power is one call.
const SYNC_BYTES: u64 = 8 << 20;
const SYNC_TIME: Duration = Duration::from_secs(1);

/// Why a walk has not come to the end of its list.
#[derive(Debug)]
pub(super) enum Stopped {
    /// This has happened.
    Failed(Error),
    /// The delivery takes no more pages; [`Delivery::finish`] says why.
    DeliveryEnded,
}

impl<Cause: Into<Error>> From<Cause> for Stopped {
    fn from(cause: Cause) -> Self {
        Self::Failed(cause.into())
    }
}

/// One account's walk under way.
pub(super) struct Walk<'a> {
    pub(super) source: &'a Source,
    pub(super) journal: &'a mut Journal,
    /// None where the list is delivered once it is complete.
    pub(super) delivery: Option<&'a Delivery>,
    pub(super) shared: &'a Shared,
    pub(super) budget: &'a Budget,
    pub(super) progress: &'a AccountProgress,
    /// The list that was decided on last.
    pub(super) last: Option<&'a Snapshot>,
}

impl Walk<'_> {
    /// Walks to the end of the list from where the journal stands, and returns what the list amounts to. The pages
    /// that the journal has already must have been given to the delivery before, if there is one.
    ///
    /// # Errors
    ///
    /// [`Error::Interrupted`] when it was asked to stop; [`SourceError`] when the list cannot be had or is short; or the
    /// delivery has ended. What was read until then is in the journal.
    pub(super) async fn run(&mut self) -> Result<Measure, Stopped> {
        let mut syncing = GroupSync::new(self.journal.bytes());
        let result = match self.foresee().await {
            Ok(()) => self.follow(&mut syncing).await,
            Err(error) => Err(error.into()),
        };
        let synced = syncing.finish(self.journal).await;
        let measure = result.map_err(|stopped| self.day_over(stopped))?;
        synced?;
        Ok(measure)
    }

    /// Holds what the walk still needs against the calls that are left today.
    async fn foresee(&self) -> Result<(), Error> {
        let left = self.shared.or_stopped(self.source.calls_left()).await??;
        let forecast = Forecast::of(self.journal, self.last)?;
        Ok(forecast.judge(left, &self.shared.pipeline.source.quota)?)
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

    async fn follow(&mut self, syncing: &mut GroupSync) -> Result<Measure, Stopped> {
        // A walk that was cut off reads its last page again, to be sure that the cursor still stands.
        let mut cursor = self.last_boundary();
        let mut size = FIRST_PAGE;
        let mut refused = HashSet::new();
        let mut end_was_short = false;
        loop {
            let lease = self.shared.or_stopped(self.budget.reserve(footprint(size))).await?;
            let fetched = self.shared.or_stopped(self.source.page(&cursor, self.journal.chain())).await?;
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
                    let measure = self.measure().await?;
                    if self.is_end(&measure, total, end_was_short)? {
                        self.journal.append_end(End { total, fetched_at })?;
                        return Ok(measure);
                    }
                    tracing::info!(
                        distinct = measure.distinct,
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
        let Some(delivery) = self.delivery else { return Ok(true) };
        // A sink that blocks keeps the page waiting here.
        let is_taken = self.shared.or_stopped(delivery.page(journaled, lease)).await?;
        if is_taken { Ok(true) } else { Err(Stopped::DeliveryEnded) }
    }

    async fn measure(&self) -> Result<Measure, Stopped> {
        let pages = self.journal.reader();
        if let Some(delivery) = self.delivery {
            return self.shared.or_stopped(delivery.measure(pages)).await?.ok_or(Stopped::DeliveryEnded);
        }
        let _slot = self.shared.or_stopped(self.shared.slots.complete()).await?;
        Ok(Measure::of(pages, self.journal.folder().path(), self.shared.stop.clone()).await?)
    }

    /// Decides about the end of the list; false asks for another look.
    fn is_end(&self, measure: &Measure, total: u64, was_short: bool) -> Result<bool, Error> {
        let missing = total.saturating_sub(measure.distinct);
        if missing == 0 {
            return Ok(true);
        }
        if !was_short {
            return Ok(false);
        }
        let limit_percent = self.shared.pipeline.source.max_shortfall_percent;
        if missing as f64 * 100.0 > total as f64 * limit_percent {
            return Err(SourceError::Short { distinct: measure.distinct, total, limit_percent }.into());
        }
        tracing::warn!(distinct = measure.distinct, total, "the list is complete, and shorter than its total");
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

/// Syncs the journal beside the walk, in groups of pages, and never two at a time.
struct GroupSync {
    synced: u64,
    at: Instant,
    under_way: Option<JoinHandle<std::io::Result<()>>>,
}

impl GroupSync {
    fn new(bytes: u64) -> Self {
        Self { synced: bytes, at: Instant::now(), under_way: None }
    }

    async fn after_page(&mut self, journal: &Journal) -> Result<(), Error> {
        let due = journal.bytes() - self.synced >= SYNC_BYTES || self.at.elapsed() >= SYNC_TIME;
        let free = self.under_way.as_ref().is_none_or(JoinHandle::is_finished);
        if due && free {
            self.settle(journal).await?;
            let file = journal.file();
            self.synced = journal.bytes();
            self.at = Instant::now();
            self.under_way = Some(tokio::task::spawn_blocking(move || file.sync_data()));
        }
        Ok(())
    }

    async fn settle(&mut self, journal: &Journal) -> Result<(), JournalError> {
        match self.under_way.take() {
            None => Ok(()),
            Some(sync) => match sync.await {
                Ok(result) => result.map_err(|error| journal.sync_error(error)),
                Err(panic) => std::panic::resume_unwind(panic.into_panic()),
            },
        }
    }

    async fn finish(mut self, journal: &Journal) -> Result<(), JournalError> {
        self.settle(journal).await?;
        journal.sync()
    }
}
