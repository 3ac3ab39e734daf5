//! Brings one list to its sinks: while it is read, or from the complete journal.

use tracing::Instrument as _;

use super::distinct::Duplicates;
use super::fan_out::{DistinctCount, FanOut, FanOutResult};
use super::staged_sinks::StagedSinks;
use crate::engine::account_context::AccountContext;
use crate::engine::slots::Slot;
use crate::engine::walk::{Stopped, Walk};
use crate::error::Error;
use crate::journal::Journal;
use crate::registry::BoundSink;
use crate::source::Source;

/// The way from one walk to the sinks that take its list.
pub(super) struct Staging<'a, 'journal> {
    context: &'a AccountContext,
    journal: &'journal mut Journal,
}

/// A list that every staged sink was given, except those that have failed.
pub(super) struct Staged<'a> {
    pub(super) sinks: StagedSinks<'a>,
    pub(super) duplicates: Duplicates,
    pub(super) delivered: FanOutResult,
    pub(super) slot: Slot,
}

impl<'a, 'journal> Staging<'a, 'journal> {
    pub(super) fn new(context: &'a AccountContext, journal: &'journal mut Journal) -> Self {
        Self { context, journal }
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

    /// Delivers the list while it is read.
    pub(super) async fn stream(
        &mut self,
        source: &Source,
        staged: &[&'a BoundSink],
        slot: Slot,
    ) -> Result<Staged<'a>, Error> {
        let sinks = self.open(staged, None).await;
        let fan_out = self.start(None, &sinks);
        fan_out.replay(self.journal.reader()).await;
        let counted = self.walk(source, Some(&fan_out)).await;
        let delivered = fan_out.finish().await;
        let streamed = match counted {
            Ok(count) => delivered.map(|delivered| (count.duplicates, delivered)),
            // Both can fail for the same reason, and the fan-out is nearer to it.
            Err(Stopped::Failed(error)) => Err(delivered.err().unwrap_or(error)),
            Err(Stopped::FanOutEnded) => Err(delivered.expect_err("a fan-out ends early only when it fails")),
        };
        match streamed {
            Ok((duplicates, delivered)) if duplicates.count() == 0 => Ok(Staged { sinks, duplicates, delivered, slot }),
            Ok((duplicates, _)) => {
                // Duplicates are known only now. The sinks have received them, so the list is delivered again.
                sinks.abort().await;
                self.deliver_staged(staged, duplicates, slot).await
            }
            Err(error) => {
                sinks.abort().await;
                Err(error)
            }
        }
    }

    /// Reads the list to its end, if the journal has none, and delivers it from the journal. `duplicates` is how many
    /// rows are dropped from a decided list.
    pub(super) async fn complete(
        &mut self,
        source: &Source,
        staged: &[&'a BoundSink],
        duplicates: Option<u64>,
    ) -> Result<Staged<'a>, Error> {
        let run = &self.context.run;
        let walked = if self.journal.end().is_none() {
            match self.walk(source, None).await {
                Ok(count) => Some(count.duplicates),
                Err(Stopped::Failed(error)) => return Err(error),
                Err(Stopped::FanOutEnded) => unreachable!("there was none"),
            }
        } else {
            None
        };
        let slot = run.or_stopped(run.slots.complete()).await?;
        let duplicates = match (walked, duplicates) {
            (Some(duplicates), _) => duplicates,
            (None, Some(0)) => Duplicates::default(),
            (None, _) => {
                let folder = self.journal.folder().path();
                DistinctCount::of(self.journal.reader(), folder, run.stop.clone()).await?.duplicates
            }
        };
        self.deliver_staged(staged, duplicates, slot).await
    }

    /// Delivers the whole list from the journal to sinks that are open.
    pub(super) async fn deliver(
        &self,
        duplicates: &Duplicates,
        sinks: &StagedSinks<'a>,
    ) -> Result<FanOutResult, Error> {
        let fan_out = self.start(Some(duplicates.clone()), sinks);
        fan_out.replay(self.journal.reader()).await;
        fan_out.finish().await
    }

    async fn deliver_staged(
        &self,
        staged: &[&'a BoundSink],
        duplicates: Duplicates,
        slot: Slot,
    ) -> Result<Staged<'a>, Error> {
        let sinks = self.open(staged, None).await;
        match self.deliver(&duplicates, &sinks).await {
            Ok(delivered) => Ok(Staged { sinks, duplicates, delivered, slot }),
            Err(error) => {
                sinks.abort().await;
                Err(error)
            }
        }
    }

    /// Reads the list from where the journal stands to its end.
    async fn walk(&mut self, source: &Source, fan_out: Option<&FanOut>) -> Result<DistinctCount, Stopped> {
        let context = self.context;
        let span = tracing::info_span!("walk", walk = self.journal.walk().to_string());
        let mut walk = Walk {
            source,
            journal: self.journal,
            fan_out,
            run: &context.run,
            budget: context.budget(),
            progress: context.progress(),
            last: context.last(),
        };
        walk.run().instrument(span).await
    }

    fn start(&self, duplicates: Option<Duplicates>, sinks: &StagedSinks<'a>) -> FanOut {
        FanOut::start(
            &self.context.account().app_id,
            self.journal.folder().path(),
            duplicates,
            sinks.queues(),
            self.context.budget().clone(),
            self.context.run.stop.clone(),
        )
    }
}
