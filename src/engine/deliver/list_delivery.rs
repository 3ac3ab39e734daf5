//! Brings one list to its staged sinks, while it is read or from the complete journal; and to a
//! waiting sink, from the complete journal.
//!
//! Before it: [`publication`](super::publication) knows which sinks lack the list. Behind it: the
//! [`Walk`] reads the rest of a list of pages, and [`FanOut`] or a
//! [complete list](super::complete_list) fills the queues of the open sinks.
//!
//! A list of pages is delivered while it is read, if it may be large and a slot is free. Every
//! other list is complete before: late replies change early rows.

use std::sync::Arc;

use fanout_sink::Snapshot;
use tracing::Instrument as _;

use super::complete_list::{ListFacts, conflicts, feed};
use super::distinct::Duplicates;
use super::fan_out::{DistinctCount, FanOut, FanOutResult};
use super::row_feed::Outlet;
use super::staged_sinks::StagedSinks;
use super::walked_list::WalkedList;
use crate::engine::batch_walk::give_up;
use crate::engine::proof::{FollowerProof, Proof, TagProof};
use crate::engine::slots::DeliverySlot;
use crate::engine::unit_context::UnitContext;
use crate::engine::walk::{Goal, Stopped, Walk};
use crate::error::Error;
use crate::journal::Journal;
use crate::registry::BoundSink;
use crate::source::Source;

/// The way of one walk to sinks that take its list.
pub(super) struct ListDelivery<'a, 'list> {
    context: &'a UnitContext,
    list: &'list mut WalkedList<'a>,
}

/// A list that was handed to every open sink. Some may have failed since.
pub(super) struct DeliveredList<'a> {
    pub(super) sinks: StagedSinks<'a>,
    pub(super) repeated: Duplicates,
    pub(super) facts: ListFacts,
    /// To be held until the list is published.
    pub(super) slot: Arc<DeliverySlot>,
}

impl<'a, 'list> ListDelivery<'a, 'list> {
    pub(super) fn new(context: &'a UnitContext, list: &'list mut WalkedList<'a>) -> Self {
        Self { context, list }
    }

    /// Reads the list to its end, if the journal has no end, and delivers it to `staged`. `decided`
    /// has the facts of a list that was delivered before. With `keeps_slot` it is delivered to
    /// other sinks after these.
    pub(super) async fn first(
        &mut self,
        staged: &[&'a BoundSink],
        decided: Option<&Snapshot>,
        keeps_slot: bool,
    ) -> Result<DeliveredList<'a>, Error> {
        let slots = &self.context.run.slots;
        // If the whole list is in the journal already, it takes no streaming slot.
        let slot = match &self.list {
            WalkedList::Pages { journal, .. } if journal.end().is_none() => {
                slots.streaming(self.context.last().map(|list| list.rows))
            }
            _ => None,
        };
        match slot {
            Some(slot) => self.stream(staged, slots.delivery(slot, keeps_slot)).await,
            None => self.when_complete(staged, decided, keeps_slot).await,
        }
    }

    /// Delivers the list to `staged` while it is read; they first receive the pages that the
    /// journal has already. If the list turns out to have duplicates, the sinks are aborted, opened
    /// anew and delivered from the journal, without the duplicates.
    async fn stream(&mut self, staged: &[&'a BoundSink], slot: Arc<DeliverySlot>) -> Result<DeliveredList<'a>, Error> {
        let sinks = self.open(staged, None, Some(&slot)).await;
        let WalkedList::Pages { journal, source } = &mut *self.list else { unreachable!("the list is complete") };
        let fan_out = match FanOut::start(self.context, journal.folder().path(), None, None, sinks.queues()).await {
            Ok(fan_out) => fan_out,
            Err(error) => {
                sinks.abort().await;
                return Err(error);
            }
        };
        fan_out.replay(journal.reader()).await;
        let counted = walk(self.context, source, journal, Some(&fan_out)).await;
        let facts = fan_out.finish().await;
        let streamed = match counted {
            Ok(count) => facts.map(|facts| (count.duplicates, facts)),
            // If both have failed, it is for one reason, and the fan-out's error is nearer to it.
            Err(Stopped::Failed(error)) => Err(facts.err().unwrap_or(error)),
            Err(Stopped::FanOutEnded) => Err(facts.expect_err("a fan-out ends early only when it fails")),
        };
        match streamed {
            Ok((duplicates, facts)) if duplicates.count() == 0 => {
                let facts = of_pages(journal, &duplicates, facts);
                Ok(DeliveredList { sinks, repeated: duplicates, facts, slot })
            }
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
    /// are only opened later.
    async fn when_complete(
        &mut self,
        staged: &[&'a BoundSink],
        decided: Option<&Snapshot>,
        keeps_slot: bool,
    ) -> Result<DeliveredList<'a>, Error> {
        let run = &self.context.run;
        let counted = match &mut *self.list {
            WalkedList::Pages { journal, source } if journal.end().is_none() => {
                match walk(self.context, source, journal, None).await {
                    Ok(count) => Some(count.duplicates),
                    Err(Stopped::Failed(error)) => return Err(error),
                    Err(Stopped::FanOutEnded) => unreachable!("this walk has no fan-out"),
                }
            }
            _ => None,
        };
        let slot = run.slots.delivery(run.or_stopped(run.slots.complete()).await?, keeps_slot);
        let repeated = match counted {
            Some(duplicates) => duplicates,
            None => self.repeated(decided).await?,
        };
        self.open_and_deliver(staged, repeated, slot).await
    }

    /// Finds the repeated rows of a complete list, unless its decision says that there are none.
    async fn repeated(&self, decided: Option<&Snapshot>) -> Result<Duplicates, Error> {
        let stop = self.context.run.stop.clone();
        match &self.list {
            WalkedList::Pages { journal, .. } => match decided.and_then(FollowerProof::of) {
                Some(FollowerProof { duplicates: 0, .. }) => Ok(Duplicates::default()),
                _ => Ok(DistinctCount::of(journal.reader(), journal.folder().path(), stop).await?.duplicates),
            },
            WalkedList::TagMembers(list) => match decided.and_then(TagProof::of) {
                Some(TagProof { duplicates: 0, .. }) => Ok(Duplicates::default()),
                _ => list.duplicates(&stop).await,
            },
            WalkedList::Complete(list) => conflicts(Arc::clone(list), decided, stop).await,
        }
    }

    /// Opens `sinks` for the list; `rows` is its length, if it is complete. When they have closed
    /// their writers, `slot` is given to the next list.
    pub(super) async fn open(
        &self,
        sinks: &[&'a BoundSink],
        rows: Option<u64>,
        slot: Option<&Arc<DeliverySlot>>,
    ) -> StagedSinks<'a> {
        let header = self.list.folder().header();
        let context = |sink| {
            let context = self.context.sink_context(sink, header.walk, header.date);
            let context = context.with_facts(header.begun_at, rows);
            match slot {
                Some(slot) => context.with_on_closed(slot.writer()),
                None => context,
            }
        };
        let sinks = sinks.iter().map(|&sink| (sink, context(sink))).collect();
        StagedSinks::open(&self.context.run.threads, sinks).await
    }

    /// Hands the whole list from the journal to sinks that are open.
    pub(super) async fn deliver(&self, repeated: &Duplicates, sinks: &StagedSinks<'a>) -> Result<ListFacts, Error> {
        let decided = self.list.folder().decision().map(|decision| &decision.snapshot);
        match &self.list {
            WalkedList::Pages { journal, .. } => {
                let (folder, repeats) = (journal.folder().path(), Some(repeated.clone()));
                let fan_out = FanOut::start(self.context, folder, repeats, decided, sinks.queues()).await?;
                fan_out.replay(journal.reader()).await;
                Ok(of_pages(journal, repeated, fan_out.finish().await?))
            }
            WalkedList::Complete(list) => {
                let run = &self.context.run;
                let outlet = Outlet::new(self.context, decided, sinks.queues());
                let facts = feed(&run.threads, Arc::clone(list), repeated.clone(), outlet, run.stop.clone()).await?;
                if decided.is_none() {
                    let checked = list.check(&facts, &run.pipeline).map_err(Error::from);
                    checked.map_err(|error| give_up(list.journal(), error))?;
                }
                Ok(facts)
            }
            WalkedList::TagMembers(list) => list.deliver(self.context, repeated, sinks.queues()).await,
        }
    }

    async fn open_and_deliver(
        &self,
        staged: &[&'a BoundSink],
        repeated: Duplicates,
        slot: Arc<DeliverySlot>,
    ) -> Result<DeliveredList<'a>, Error> {
        let sinks = self.open(staged, None, Some(&slot)).await;
        match self.deliver(&repeated, &sinks).await {
            Ok(facts) => Ok(DeliveredList { sinks, repeated, facts, slot }),
            Err(error) => {
                sinks.abort().await;
                Err(error)
            }
        }
    }
}

/// Reads the rest of a list of pages, after those in the journal.
async fn walk(
    context: &UnitContext,
    source: &Source,
    journal: &mut Journal,
    fan_out: Option<&FanOut>,
) -> Result<DistinctCount, Stopped> {
    let span = tracing::info_span!("walk", walk = journal.walk().to_string());
    let goal = Goal::Total { limit_percent: context.run.pipeline.source.max_shortfall_percent };
    Walk { context, source, journal, goal, fan_out }.run().instrument(span).await
}

/// Returns the facts of a list of pages.
fn of_pages(
    journal: &Journal,
    duplicates: &Duplicates,
    FanOutResult { rows, empty, digest }: FanOutResult,
) -> ListFacts {
    let proof = FollowerProof {
        pages: journal.pages(),
        total: journal.end().map_or(0, |end| end.total),
        duplicates: duplicates.count(),
        empty,
    };
    ListFacts { rows, digest, fetched_between: journal.fetched_between(), proof: proof.into_fields() }
}
