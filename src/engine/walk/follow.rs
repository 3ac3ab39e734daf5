//! Follows the cursors of a list: page after page into the journal, until the list ends or
//! something stops it.
//!
//! Before it: [`Source`] fetches the pages. Behind it: each page goes to the journal, then to the
//! [`FanOut`] if the list is delivered while it is read.
//!
//! - A resumed walk reads its last page again, to check that its cursor still works. The page is
//!   not kept twice if it has not changed.
//! - If WeChat refuses a cursor, the walk goes back one page, over at most [`STEPS_BACK`] refused
//!   cursors. The page before may lead to another cursor now.
//! - If the list ends short of its `total`, its last page and its end are read once more. If it is
//!   short again, it is accepted with a warning, unless more than `source.max_shortfall_percent`
//!   are missing. That is the error [`SourceError::Short`].

use std::collections::HashSet;

use chrono::{DateTime, Utc};

use super::end::Goal;
use super::forecast::Forecast;
use super::group_sync::GroupSync;
use crate::engine::budget::{FULL_PAGE, Lease, footprint};
use crate::engine::deliver::{DistinctCount, FanOut, FanOutEnded};
use crate::engine::unit_context::UnitContext;
use crate::error::Error;
use crate::journal::{End, Journal, JournalError};
use crate::source::{Source, SourceError};
use crate::wechat::{ApiError, Cursor, Page, Reaction, Summary, decode};

/// How many refused cursors a walk may step back from.
const STEPS_BACK: usize = 3;

/// Why a walk has not reached the end of its list.
#[derive(Debug)]
pub(in crate::engine) enum Stopped {
    /// The walk itself failed.
    Failed(Error),
    /// The fan-out has ended; [`FanOut::finish`] returns its error.
    FanOutEnded,
}

impl<Cause: Into<Error>> From<Cause> for Stopped {
    fn from(cause: Cause) -> Self {
        Self::Failed(cause.into())
    }
}

impl From<FanOutEnded> for Stopped {
    fn from(FanOutEnded: FanOutEnded) -> Self {
        Self::FanOutEnded
    }
}

/// A walk under way.
pub(in crate::engine) struct Walk<'a> {
    pub(in crate::engine) context: &'a UnitContext,
    pub(in crate::engine) source: &'a Source,
    pub(in crate::engine) journal: &'a mut Journal,
    /// What its end is compared with.
    pub(in crate::engine) goal: Goal,
    /// `None` if the list is delivered when it is complete.
    pub(in crate::engine) fan_out: Option<&'a FanOut>,
}

/// What has gone wrong in a walk, and changes what it does next.
#[derive(Default)]
struct Setbacks {
    /// Cursors that WeChat has refused, and cursors whose page leads to one of them.
    refused: HashSet<Cursor>,
    /// Of the cursors that WeChat has refused, the furthest one, with its page and WeChat's reply.
    refusal: Option<(usize, Cursor, ApiError)>,
    /// Whether the list ended short of its `total`, and no new page has come since.
    ended_short: bool,
}

/// What a page says about the way on.
struct Reply {
    /// The cursor of the next page; `None` if the list ends here.
    next: Option<Cursor>,
    total: Option<u64>,
    fetched_at: DateTime<Utc>,
}

impl Reply {
    fn of(page: &Page) -> Self {
        let next = page.summary.next.clone().filter(|_| !page.is_last());
        Self { next, total: page.summary.total, fetched_at: page.fetched_at }
    }
}

impl Setbacks {
    /// Notes that WeChat has answered `error` to the cursor of this page.
    fn note(&mut self, page: usize, cursor: &Cursor, error: &ApiError) {
        if self.refusal.as_ref().is_none_or(|(furthest, ..)| *furthest < page) {
            self.refusal = Some((page, cursor.clone(), error.clone()));
        }
    }
}

impl Walk<'_> {
    /// Reads the rest of the list, after the pages in the journal, and returns the distinct count
    /// of all pages. The fan-out, if there is one, must have received the pages that the journal
    /// has already.
    ///
    /// # Errors
    ///
    /// [`Error::Interrupted`] if the run is to stop; [`SourceError`] if a page cannot be fetched or
    /// the list is short; [`Stopped::FanOutEnded`]. The journal keeps what was read until then.
    pub(in crate::engine) async fn run(&mut self) -> Result<DistinctCount, Stopped> {
        let mut syncing = GroupSync::new(self.journal.bytes());
        // `begin` has checked the calls of a walk that has just begun.
        let result = match self.resume().await {
            Ok(()) => self.follow(&mut syncing).await,
            Err(error) => Err(error.into()),
        };
        let synced = syncing.finish(self.journal.file(), &self.context.run.disk).await;
        // Nothing may rest on pages that are not durable, whatever has stopped the walk.
        synced?;
        result.map_err(|stopped| self.with_pages_left(stopped))
    }

    /// Says from where an open walk goes on, and compares the calls that its rest takes with those
    /// that are left today.
    async fn resume(&self) -> Result<(), Error> {
        if self.journal.begun_with().is_some() {
            return Ok(());
        }
        // Those of all tags were compared together.
        let Goal::Total { .. } = self.goal else { return Ok(()) };
        let run = &self.context.run;
        let forecast = self.forecast()?;
        let read = self.journal.pages();
        let of_about = forecast.pages.map_or_else(String::new, |left| format!(" of about {}", read + left));
        tracing::info!("the walk of {} goes on from page {}{of_about}", self.journal.folder().header().date, read + 1);
        let left = run.or_stopped(self.source.calls_left()).await??;
        Ok(forecast.check(left, &run.pipeline.source.quota, run.pipeline.clock.now())?)
    }

    /// Adds the number of pages that are left to the error that the calls of the day are used up.
    fn with_pages_left(&self, stopped: Stopped) -> Stopped {
        match (stopped, self.forecast()) {
            (Stopped::Failed(error), Ok(forecast)) => {
                Stopped::Failed(forecast.with_pages_left(error, self.context.run.pipeline.clock.now()))
            }
            (stopped, _) => stopped,
        }
    }

    fn forecast(&self) -> Result<Forecast, JournalError> {
        match self.goal {
            Goal::Total { .. } => Forecast::of(self.journal, self.context.last()),
            Goal::Count { people, .. } => Ok(Forecast::of_rows(self.journal, people)),
        }
    }

    async fn follow(&mut self, syncing: &mut GroupSync) -> Result<DistinctCount, Stopped> {
        let context = self.context;
        let run = &context.run;
        // A resumed walk reads its last page again, to check that the cursor still works.
        let mut cursor = self.last_boundary();
        let mut begun_with = self.first_reply();
        let mut size = FULL_PAGE;
        let mut setbacks = Setbacks::default();
        loop {
            let reply = if let Some(reply) = begun_with.take() {
                reply
            } else {
                let lease = run.or_stopped(context.budget().reserve(footprint(size))).await?;
                let fetched = run.or_stopped(self.source.page(&cursor, self.journal.chain())).await?;
                let page = match fetched {
                    Err(error) => match refused_cursor(&error) {
                        Some(api) => {
                            setbacks.note(self.journal.chain().number(&cursor), &cursor, api);
                            cursor = self.step_back(&cursor, &mut setbacks)?;
                            continue;
                        }
                        None => return Err(error.into()),
                    },
                    Ok(page) => page,
                };
                size = page.body.len() as u64;
                let reply = Reply::of(&page);
                if let Goal::Total { .. } = self.goal {
                    context.progress().set_total(reply.total);
                }
                if page.summary.openids > 0 && self.keep(page, lease).await? {
                    syncing.after_reply(self.journal.file()).await?;
                    setbacks.ended_short = false;
                }
                reply
            };
            cursor = match reply.next {
                // The page still leads to a refused cursor, so its own cursor counts as refused.
                Some(next) if setbacks.refused.contains(&next) => self.step_back(&cursor, &mut setbacks)?,
                Some(next) => next,
                None => {
                    let count = self.count().await?;
                    if let Some(total) = self.goal.accepts(count.distinct, reply.total, setbacks.ended_short)? {
                        self.journal.append_end(End { total, fetched_at: reply.fetched_at })?;
                        return Ok(count);
                    }
                    setbacks.ended_short = true;
                    self.last_boundary()
                }
            };
        }
    }

    /// Returns the cursor of the last page in the journal; [`Cursor::START`] if there is no page.
    fn last_boundary(&self) -> Cursor {
        self.journal.chain().last().map_or(Cursor::START, |link| link.cursor.clone())
    }

    /// Appends a page to the journal and hands it to the fan-out. Returns whether it is new: a page
    /// that was read again, with the same followers and the same `next`, is not kept twice.
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
        self.context.progress().add_page(page.summary.openids);
        if let Some(fan_out) = self.fan_out {
            // While a sink blocks, the walk waits here.
            self.context.run.or_stopped(fan_out.page(journaled, lease)).await??;
        }
        Ok(true)
    }

    /// Counts the distinct followers in the journal.
    async fn count(&self) -> Result<DistinctCount, Stopped> {
        let run = &self.context.run;
        let pages = self.journal.reader();
        if let Some(fan_out) = self.fan_out {
            return Ok(run.or_stopped(fan_out.count(pages)).await??);
        }
        let _slot = run.or_stopped(run.slots.complete()).await?;
        Ok(DistinctCount::of(pages, self.journal.folder().path(), run.stop.clone()).await?)
    }

    /// Returns the reply with which the walk has just begun; `None` for any other walk.
    fn first_reply(&self) -> Option<Reply> {
        let Summary { next, total, .. } = self.journal.begun_with()?.clone();
        let (_, last_fetched_at) = self.journal.fetched_between();
        Some(Reply { next, total, fetched_at: last_fetched_at? })
    }

    /// Notes that `cursor` is refused, and returns the cursor of the page before it, which may lead
    /// to another one now.
    fn step_back(&self, cursor: &Cursor, setbacks: &mut Setbacks) -> Result<Cursor, Error> {
        setbacks.refused.insert(cursor.clone());
        let earlier = self.journal.chain().before(cursor).filter(|_| setbacks.refused.len() <= STEPS_BACK);
        let Some(earlier) = earlier else {
            let refusal = setbacks.refusal.take();
            let (page, cursor, error) = refusal.expect("a walk steps back because a cursor was refused");
            let steps_back = setbacks.refused.len() - 1;
            return Err(SourceError::CursorLost { cursor, page, steps_back, error }.into());
        };
        tracing::warn!(%cursor, earlier = %earlier.cursor, "WeChat refuses the cursor; going back one page");
        Ok(earlier.cursor.clone())
    }
}

/// Returns WeChat's reply if `error` is that it refuses a cursor.
pub(super) fn refused_cursor(error: &SourceError) -> Option<&ApiError> {
    error.api_error().filter(|api| api.reaction() == Reaction::EarlierBoundary)
}

fn same_openids(one: &[u8], other: &[u8]) -> bool {
    match (decode(one), decode(other)) {
        (Ok((_, one)), Ok((_, other))) => one == other,
        _ => false,
    }
}
