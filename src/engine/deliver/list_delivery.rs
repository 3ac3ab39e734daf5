//! Brings one list to its staged sinks, while it is read or from the complete journal; and to a
//! waiting sink, from the complete journal.
//!
//! Before it: [`publication`](super::publication) knows which sinks lack the list. It has taken a
//! slot if the list is to be streamed: only a list that may be large, and only if a slot is free.
//! Behind it: the [`Walk`] reads the list, and [`FanOut`] fills the queues of the open sinks.

use tracing::Instrument as _;

use super::distinct::Duplicates;
use super::fan_out::{DistinctCount, FanOut, FanOutResult};
use super::staged_sinks::StagedSinks;
use crate::engine::slots::Slot;
use crate::engine::unit_context::UnitContext;
use crate::engine::walk::{Stopped, Walk};
use crate::error::Error;
use crate::journal::Journal;
use crate::registry::BoundSink;
use crate::source::Source;

/// The way of one walk to sinks that take its list.
pub(super) struct ListDelivery<'a, 'journal> {
    context: &'a UnitContext,
    journal: &'journal mut Journal,
}

/// A list that was handed to every open sink. Some may have failed since.
pub(super) struct DeliveredList<'a> {
    pub(super) sinks: StagedSinks<'a>,
    pub(super) duplicates: Duplicates,
    pub(super) facts: FanOutResult,
    /// To be held until the list is published.
    pub(super) slot: Slot,
}

impl<'a, 'journal> ListDelivery<'a, 'journal> {
    pub(super) fn new(context: &'a UnitContext, journal: &'journal mut Journal) -> Self {
        Self { context, journal }
    }

    /// Delivers the list to `staged` while it is read; they first receive the pages that the
    /// journal has already. If the list turns out to have duplicates, the sinks are aborted, opened
    /// anew and delivered from the journal, without the duplicates.
    pub(super) async fn stream(
        &mut self,
        source: &Source,
        staged: &[&'a BoundSink],
        slot: Slot,
    ) -> Result<DeliveredList<'a>, Error> {
        let sinks = self.open(staged, None).await;
        let fan_out = match self.start(None, &sinks).await {
            Ok(fan_out) => fan_out,
            Err(error) => {
                sinks.abort().await;
                return Err(error);
            }
        };
        fan_out.replay(self.journal.reader()).await;
        let counted = self.walk(source, Some(&fan_out)).await;
        let facts = fan_out.finish().await;
        let streamed = match counted {
            Ok(count) => facts.map(|facts| (count.duplicates, facts)),
            // If both have failed, it is for one reason, and the fan-out's error is nearer to it.
            Err(Stopped::Failed(error)) => Err(facts.err().unwrap_or(error)),
            Err(Stopped::FanOutEnded) => Err(facts.expect_err("a fan-out ends early only when it fails")),
        };
        match streamed {
            Ok((duplicates, facts)) if duplicates.count() == 0 => Ok(DeliveredList { sinks, duplicates, facts, slot }),
            Ok((duplicates, _)) => {
                // Duplicates are known only now, and the sinks have received them.
                sinks.abort().await;
                self.open_and_deliver(staged, duplicates, slot).await
            }
            Err(error) => {
                sinks.abort().await;
                Err(error)
            }
        }
    }

    /// Reads the list to its end, if the journal has no end, then waits for a slot and delivers it
    /// to `staged` from the journal. These are staged sinks as in [`stream`](Self::stream); they
    /// are only opened later. `decided_duplicates` is the number of rows that a decided list drops.
    pub(super) async fn when_complete(
        &mut self,
        source: &Source,
        staged: &[&'a BoundSink],
        decided_duplicates: Option<u64>,
    ) -> Result<DeliveredList<'a>, Error> {
        let run = &self.context.run;
        let counted = if self.journal.end().is_none() {
            match self.walk(source, None).await {
                Ok(count) => Some(count.duplicates),
                Err(Stopped::Failed(error)) => return Err(error),
                Err(Stopped::FanOutEnded) => unreachable!("this walk has no fan-out"),
            }
        } else {
            None
        };
        let slot = run.or_stopped(run.slots.complete()).await?;
        let duplicates = match (counted, decided_duplicates) {
            (Some(duplicates), _) => duplicates,
            (None, Some(0)) => Duplicates::default(),
            (None, _) => {
                let folder = self.journal.folder().path();
                DistinctCount::of(self.journal.reader(), folder, run.stop.clone()).await?.duplicates
            }
        };
        self.open_and_deliver(staged, duplicates, slot).await
    }

    /// Opens `sinks` for the list; `rows` is its length, if it is complete.
    pub(super) async fn open(&self, sinks: &[&'a BoundSink], rows: Option<u64>) -> StagedSinks<'a> {
        let header = self.journal.folder().header();
        let context = |sink| {
            let context = self.context.sink_context(sink, header.walk, header.date);
            context.with_facts(header.begun_at, rows)
        };
        StagedSinks::open(sinks.iter().map(|&sink| (sink, context(sink))).collect()).await
    }

    /// Hands the whole list from the journal to sinks that are open.
    pub(super) async fn deliver(
        &self,
        duplicates: &Duplicates,
        sinks: &StagedSinks<'a>,
    ) -> Result<FanOutResult, Error> {
        let fan_out = self.start(Some(duplicates.clone()), sinks).await?;
        fan_out.replay(self.journal.reader()).await;
        fan_out.finish().await
    }

    async fn open_and_deliver(
        &self,
        staged: &[&'a BoundSink],
        duplicates: Duplicates,
        slot: Slot,
    ) -> Result<DeliveredList<'a>, Error> {
        let sinks = self.open(staged, None).await;
        match self.deliver(&duplicates, &sinks).await {
            Ok(facts) => Ok(DeliveredList { sinks, duplicates, facts, slot }),
            Err(error) => {
                sinks.abort().await;
                Err(error)
            }
        }
    }

    /// Reads the rest of the list, after the pages in the journal.
    async fn walk(&mut self, source: &Source, fan_out: Option<&FanOut>) -> Result<DistinctCount, Stopped> {
        let span = tracing::info_span!("walk", walk = self.journal.walk().to_string());
        let mut walk = Walk { context: self.context, source, journal: self.journal, fan_out };
        walk.run().instrument(span).await
    }

    async fn start(&self, duplicates: Option<Duplicates>, sinks: &StagedSinks<'a>) -> Result<FanOut, Error> {
        FanOut::start(self.context, self.journal.folder().path(), duplicates, sinks.queues()).await
    }
}
