//! Reads the people of each selected tag, and compares them with WeChat's counts.
//!
//! Before it: the walk has begun with a reply about all tags, in this run or an earlier one. Behind
//! it: the journal has an end, and what came of each tag follows from it.
//!
//! - Each tag is a walk of pages with a journal and retries of its own. It has no `total`, so its
//!   end is accepted by the count of the tag, or when it was read twice and not more than
//!   `source.max_shortfall_percent` are missing.
//! - An error that may be the tag's own does not keep the others waiting. It is asked at once
//!   whether the tag still exists; if nothing answers, the whole walk stops.
//! - When all tags are read, the tags are asked for again. If there are more or fewer people in a
//!   tag than any reply has counted, they are asked for once more after
//!   `tags.recount_after_secs`: WeChat corrects a count after the tag was read.
//! - A tag that cannot be read keeps the walk open, unless `tags.partial` is set and others can.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use tracing::Instrument as _;

use super::all_tags::all_tags;
use super::failure::is_of_the_tag;
use super::outcome::{Count, Counts, TagOutcome};
use crate::engine::unit_context::UnitContext;
use crate::engine::walk::{Forecast, Goal, Stopped, Walk};
use crate::error::Error;
use crate::journal::{End, Journal, JournalError, TagJournal, TagsReply};
use crate::source::{SourceError, TagSource};
use crate::wechat::{Tag, read_tags};

/// The people of a page, as long as no page of the walk is known. WeChat does not document it.
const PAGE: u64 = 10_000;

/// Returns the pages that `people` take, if the largest page that is known has `page`.
pub(super) fn pages_of(people: u64, page: Option<u64>) -> u64 {
    people.div_ceil(page.unwrap_or(PAGE).max(1))
}

/// A walk of tags under way.
pub(in crate::engine) struct TagWalk<'a> {
    context: &'a UnitContext,
    source: &'a TagSource,
    journal: &'a mut TagJournal,
    counts: Counts,
    /// The tags that are read, ascending.
    selected: Vec<i32>,
    /// How far each tag is that has a journal.
    read: BTreeMap<i32, Read>,
    /// Why a tag could not be read in this run.
    failed: BTreeMap<i32, SourceError>,
    /// How many replies about all tags there were when a tag was read last in this run.
    counts_before: usize,
}

/// How far a tag is.
#[derive(Clone, Copy, Debug, Default)]
struct Read {
    pages: u64,
    people: u64,
    /// The distinct people, if the end was read.
    end: Option<u64>,
}

impl Read {
    fn of(journal: &Journal) -> Self {
        Self { pages: journal.pages(), people: journal.openids(), end: journal.end().map(|end| end.total) }
    }
}

impl<'a> TagWalk<'a> {
    /// Goes on with the walk in `journal`, which has no end.
    ///
    /// # Errors
    ///
    /// [`JournalError`] if it cannot be read.
    pub(in crate::engine) fn open(
        context: &'a UnitContext,
        source: &'a TagSource,
        journal: &'a mut TagJournal,
    ) -> Result<Self, Error> {
        let counts = Counts::of(journal)?;
        let selected = counts.selected(context.run.pipeline.tags.select.as_deref())?;
        let mut read = BTreeMap::new();
        for &tag in &selected {
            read.insert(tag, read_of(journal, tag)?);
        }
        Ok(Self { context, source, journal, counts, selected, read, failed: BTreeMap::new(), counts_before: 0 })
    }

    /// Returns the pages of all tags in the journal, and the people in them.
    pub(in crate::engine) fn reached(&self) -> (u64, u64) {
        self.read.values().fold((0, 0), |(pages, people), read| (pages + read.pages, people + read.people))
    }

    /// Reads what is missing, and ends the walk.
    ///
    /// # Errors
    ///
    /// [`Error::TagsFailed`] if a tag cannot be read; [`Error::AllTagsGone`] if WeChat lists no tag
    /// any more; [`Error::Interrupted`] if the run is to stop; [`SourceError`] if nothing can be
    /// read. The journal keeps what was read until then.
    pub(in crate::engine) async fn run(&mut self) -> Result<(), Error> {
        let walked = self.work().await;
        walked.map_err(|error| {
            let forecast = self.forecast();
            let now = self.context.run.pipeline.clock.now();
            match error {
                // The walk of one tag knows only its own pages.
                Error::Source(SourceError::DayOver { error, .. }) => {
                    forecast.with_pages_left(Error::Source(*error), now)
                }
                error => forecast.with_pages_left(error, now),
            }
        })
    }

    async fn work(&mut self) -> Result<(), Error> {
        let run = &self.context.run;
        self.context
            .progress()
            .set_total(Some(self.selected.iter().map(|&tag| self.counts.last_of(tag).1.count).sum()));
        let (pages, _) = self.reached();
        let is_left = |tag: &&i32| self.is_left(**tag);
        let left: Vec<i32> = self.selected.iter().filter(is_left).copied().collect();
        if pages > 0 && !left.is_empty() {
            tracing::info!(pages, tags = left.len(), "the walk of {} goes on", self.journal.folder().header().date);
            let calls = run.or_stopped(self.source.calls_left()).await??;
            self.forecast().check(calls, &run.pipeline.source.quota, run.pipeline.clock.now())?;
        }
        for tag in left {
            if self.is_left(tag) {
                self.read(tag).await?;
            }
        }
        self.recount().await?;
        self.end().await
    }

    /// Returns whether a tag is still to be read.
    fn is_left(&self, tag: i32) -> bool {
        self.read[&tag].end.is_none() && !self.counts.is_gone(tag)
    }

    /// Reads a tag to its end, or notes why that cannot be done.
    async fn read(&mut self, tag: i32) -> Result<(), Error> {
        let mut journal = self.journal.pages_of(tag)?;
        let goal = Goal::Count { people: self.counts.last_of(tag).1.count, limit_percent: self.limit_percent() };
        let source = self.source.members(tag);
        let mut walk = Walk { context: self.context, source: &source, journal: &mut journal, goal, fan_out: None };
        let walked = walk.run().instrument(tracing::info_span!("tag", tag)).await;
        self.read.insert(tag, Read::of(&journal));
        self.counts_before = self.counts.len();
        match walked {
            Ok(_) => Ok(()),
            Err(Stopped::Failed(Error::Source(error))) if is_of_the_tag(&error) => {
                if !matches!(error, SourceError::ShortOfCount { .. }) {
                    self.count().await?;
                }
                if self.counts.is_gone(tag) {
                    tracing::warn!(tag, "a tag was deleted while it was read");
                } else {
                    let error_text = crate::causes::error_chain(&error);
                    tracing::warn!(tag, error = error_text, "a tag cannot be read; the others are");
                    self.failed.insert(tag, error);
                }
                Ok(())
            }
            Err(Stopped::Failed(error)) => Err(error),
            Err(Stopped::FanOutEnded) => unreachable!("this walk has no fan-out"),
        }
    }

    /// Asks for all tags again until their counts say enough about those that were read.
    async fn recount(&mut self) -> Result<(), Error> {
        let run = &self.context.run;
        loop {
            let since = self.counts_since();
            let differ = self.selected.iter().any(|&tag| self.differs(tag));
            if since >= 2 || (since == 1 && !differ) {
                return Ok(());
            }
            if since == 1 {
                let now = run.pipeline.clock.now();
                let waited = self.counts.last_fetched_at().map(|at| (now - at).to_std().unwrap_or_default());
                let rest = run.pipeline.tags.recount_after.saturating_sub(waited.unwrap_or_default());
                tracing::info!("a tag has another length than WeChat counts; it is asked again in {rest:.0?}");
                run.or_stopped(tokio::time::sleep(rest)).await?;
            }
            self.count().await?;
        }
    }

    /// Returns how many replies about all tags have come since a tag was read last.
    fn counts_since(&self) -> usize {
        self.counts.since(self.counts_before, self.ended())
    }

    /// Returns whether a tag was read, and no reply has counted as many people.
    fn differs(&self, tag: i32) -> bool {
        let people = self.read[&tag].end.or_else(|| self.found_short(tag));
        people.is_some_and(|people| !self.counts.is_gone(tag) && !self.counts.agree(tag, people))
    }

    /// Returns the people of a tag whose end was not accepted, because they are too few.
    fn found_short(&self, tag: i32) -> Option<u64> {
        match self.failed.get(&tag) {
            Some(SourceError::ShortOfCount { people, .. }) => Some(*people),
            _ => None,
        }
    }

    fn limit_percent(&self) -> f64 {
        self.context.run.pipeline.source.max_shortfall_percent
    }

    fn ended(&self) -> u64 {
        self.read.values().filter(|read| read.end.is_some()).count() as u64
    }

    /// Asks for all tags, and journals the reply.
    async fn count(&mut self) -> Result<(), Error> {
        let fetched = all_tags(self.context, self.source, self.counts.have_tags()).await?;
        let (fetched_at, ended) = (fetched.fetched_at, self.ended());
        let tags: Vec<Tag> = read_tags(&fetched.body).expect("the source has read it");
        self.journal.append(&TagsReply { fetched_at, ended, body: fetched.body })?;
        self.context.run.disk.sync(self.journal.file()).await?;
        self.counts.push(Count { fetched_at, ended, tags });
        Ok(())
    }

    /// Ends the walk, if nothing prevents it.
    async fn end(&mut self) -> Result<(), Error> {
        let fetched_at = self.counts.last_fetched_at().expect("a walk begins with a reply");
        for tag in self.selected.clone() {
            self.compare_with_last_count(tag, fetched_at).await?;
        }
        let mut failed = Vec::new();
        for &id in &self.selected {
            let (_, tag) = self.counts.last_of(id);
            let people = self.read[&id].end;
            match self.counts.outcome(id, people) {
                TagOutcome::Lagging => {
                    tracing::warn!(tag = id, people, count = tag.count, "a tag has another length than WeChat counts");
                }
                TagOutcome::Failed => {
                    let why = self.failed.get(&id).map_or_else(String::new, |error| crate::causes::error_chain(error));
                    failed.push(format!("{:?} ({id}): {why}", tag.name));
                }
                TagOutcome::Complete | TagOutcome::Deleted => {}
            }
        }
        // A list without any tag would replace one that has them.
        let has_none = failed.len() == self.selected.len();
        if !failed.is_empty() && (has_none || !self.context.run.pipeline.tags.partial) {
            return Err(Error::TagsFailed { failed, of: self.selected.len() });
        }
        let total = self.read.values().filter_map(|read| read.end).sum();
        self.journal.append_end(End { total, fetched_at })?;
        Ok(self.context.run.disk.sync(self.journal.file()).await?)
    }

    /// Gives a tag an end that was too short for the count before, if it is not for the last one:
    /// WeChat has counted late. Takes the end from a tag that is too short only for the last one.
    async fn compare_with_last_count(&mut self, tag: i32, fetched_at: DateTime<Utc>) -> Result<(), JournalError> {
        if self.counts.is_gone(tag) {
            return Ok(());
        }
        let limit_percent = self.limit_percent();
        let is_short = |people: &u64| self.counts.are_short(tag, *people, limit_percent);
        if let Some(people) = self.found_short(tag).filter(|people| !is_short(people)) {
            let mut journal = self.journal.pages_of(tag)?;
            journal.append_end(End { total: people, fetched_at })?;
            self.context.run.disk.sync(journal.file()).await?;
            self.read.insert(tag, Read::of(&journal));
            self.failed.remove(&tag);
        } else if let Some(people) = self.read[&tag].end.filter(is_short) {
            let count = self.counts.last_of(tag).1.count;
            self.journal.forget(tag)?;
            self.read.insert(tag, Read::default());
            self.failed.insert(tag, SourceError::ShortOfCount { people, count, limit_percent });
        }
        Ok(())
    }

    fn forecast(&self) -> Forecast {
        let largest = self.read.values().filter_map(|read| read.people.checked_div(read.pages)).max();
        let left = self.selected.iter().filter(|&&tag| self.is_left(tag));
        let rest =
            |tag: &i32| pages_of(self.counts.last_of(*tag).1.count.saturating_sub(self.read[tag].people), largest);
        let (pages, tags) = left.fold((0, 0), |(pages, tags), tag| (pages + rest(tag), tags + 1));
        Forecast::of_tags(pages, tags)
    }
}

fn read_of(journal: &TagJournal, tag: i32) -> Result<Read, JournalError> {
    let Some(contents) = journal.contents_of(tag)? else { return Ok(Read::default()) };
    let end = contents.end().map(|end| end.total);
    Ok(Read { pages: contents.pages(), people: contents.openids(), end })
}
