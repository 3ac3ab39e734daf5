//! Publishes one list: all staged sinks prepare, one decision is recorded, each of them commits.
//! Then each waiting sink gets the list and commits.
//!
//! Before it: the [unit](crate::engine::unit) starts a [`Publication`], which lets
//! [`list_delivery`](super::list_delivery) read the list and bring it to the staged sinks. Behind
//! it: the decision and the commit records in the journal, and an outcome for each sink.
//!
//! A sink that fails in `prepare` is delivered once more from the journal. If a required one fails
//! again, the list is not decided, and nothing is published. One that is not required is left out:
//! the decision names it, so the list is owed to it. After the decision nothing aborts, and waiting
//! sinks get the list only if no required sink has failed.

use fanout_sink::{Delivery, Guarantee, SinkError, SinkReport, Snapshot};
use tracing::Instrument as _;

use super::complete_list::ListFacts;
use super::distinct::Duplicates;
use super::list_delivery::{DeliveredList, ListDelivery};
use super::look::Looked;
use super::staged_sinks::StagedSinks;
use super::walked_list::WalkedList;
use crate::causes::error_chain;
use crate::engine::slots::DeliverySlot;
use crate::engine::unit_context::UnitContext;
use crate::error::Error;
use crate::journal::{Commit, Decision};
use crate::registry::BoundSink;
use crate::report::{SinkOutcome, SinkState};

/// The publication of one walk to the sinks that take its list.
pub(in crate::engine) struct Publication<'a> {
    context: &'a UnitContext,
    list: WalkedList<'a>,
    /// One for each sink of the list, in the order of the pipeline file.
    outcomes: Vec<SinkOutcome>,
    /// The facts of the list, once they are decided.
    snapshot: Option<Snapshot>,
    /// The first failure of a required sink in this delivery.
    failure: Option<Error>,
    /// The worst failure of a required sink before it, which keeps nothing from the other sinks.
    failed_look: Option<Error>,
}

/// What came of a publication.
pub(in crate::engine) struct PublicationResult<'a> {
    pub(in crate::engine) list: WalkedList<'a>,
    pub(in crate::engine) outcomes: Vec<SinkOutcome>,
    /// The facts of the list, if it was decided; a sink may have failed after that.
    pub(in crate::engine) snapshot: Option<Snapshot>,
    pub(in crate::engine) result: Result<(), Error>,
}

/// Why a sink that waits for a complete list does not have it.
enum DeliveryError {
    /// The sink has failed.
    Sink(SinkError),
    /// The list cannot be delivered to any sink.
    List(Error),
}

impl<'a> Publication<'a> {
    pub(in crate::engine) fn new(context: &'a UnitContext, list: WalkedList<'a>, looked: Looked) -> Self {
        let Looked { outcomes, failure: failed_look } = looked;
        Self { context, list, outcomes, snapshot: None, failure: None, failed_look }
    }

    /// Reads the list to its end, if the journal has no end, and publishes it to every sink that
    /// lacks it.
    pub(in crate::engine) async fn run(mut self) -> PublicationResult<'a> {
        let result = self.publish().await;
        let result = result
            .and_then(|()| self.failure.into_iter().chain(self.failed_look).reduce(Error::worse).map_or(Ok(()), Err));
        PublicationResult { list: self.list, outcomes: self.outcomes, snapshot: self.snapshot, result }
    }

    async fn publish(&mut self) -> Result<(), Error> {
        let (staged, later) = self.lacking();
        for outcome in self.outcomes.iter().filter(|outcome| outcome.is_lost()) {
            tracing::warn!(sink = outcome.sink, "the published list is gone; it is delivered again from the journal");
        }
        let decided = self.list.folder().decision().map(|decision| decision.snapshot.clone());
        // Sinks that wait for a complete list get it in the slot of the others.
        let keeps_slot = !later.is_empty();
        let delivered = self.delivery().first(&staged, decided.as_ref(), keeps_slot).await?;
        let span = tracing::debug_span!("publication");
        self.finish(delivered, decided.as_ref(), later).instrument(span).await
    }

    /// Publishes a list that the staged sinks have received, then delivers it to those that wait
    /// for a complete list.
    async fn finish(
        &mut self,
        list: DeliveredList<'a>,
        decided: Option<&Snapshot>,
        later: Vec<&'a BoundSink>,
    ) -> Result<(), Error> {
        let DeliveredList { mut sinks, repeated, facts, slot } = list;
        let snapshot = self.snapshot(facts);
        let prepared = self.prepare(&mut sinks, &snapshot, &repeated, decided, &slot).await;
        slot.publish();
        let fixed = match prepared {
            Ok(()) if decided.is_none() => self.decide(&snapshot).await,
            prepared => prepared,
        };
        if let Err(error) = fixed {
            sinks.abort().await;
            return Err(error);
        }
        self.snapshot = Some(snapshot.clone());
        self.commit(sinks, &snapshot).await;
        if self.failure.is_none() {
            for sink in later {
                self.deliver_complete(sink, &snapshot, &repeated).await?;
            }
        }
        Ok(())
    }

    /// Returns the sinks that lack the list: the staged ones, and those that wait until the list is
    /// complete.
    fn lacking(&self) -> (Vec<&'a BoundSink>, Vec<&'a BoundSink>) {
        let sinks = self.context.sinks().iter().zip(&self.outcomes);
        let lacking = sinks.filter(|(_, outcome)| matches!(outcome.state, SinkState::NotReached));
        lacking.map(|(sink, _)| sink).partition(|sink| sink.streams())
    }

    fn snapshot(&self, facts: ListFacts) -> Snapshot {
        let header = self.list.folder().header();
        let (first_fetched_at, last_fetched_at) = facts.fetched_between;
        Snapshot {
            walk: header.walk,
            date: header.date,
            begun_at: header.begun_at,
            rows: facts.rows,
            first_fetched_at,
            last_fetched_at,
            digest: facts.digest,
            proof: facts.proof,
        }
    }

    /// Makes all staged sinks prepare. Those that have failed are opened once more and delivered
    /// from the journal.
    async fn prepare(
        &mut self,
        sinks: &mut StagedSinks<'a>,
        snapshot: &Snapshot,
        repeated: &Duplicates,
        decided: Option<&Snapshot>,
        slot: &DeliverySlot,
    ) -> Result<(), Error> {
        if let Some(decided) = decided {
            check_unchanged(decided, snapshot)?;
        }
        let failed = sinks.prepare(snapshot).await;
        if failed.is_empty() {
            return Ok(());
        }
        for (sink, _, error) in &failed {
            tracing::warn!(sink = sink.name(), error = error_chain(error), "the sink failed; it is delivered again");
        }
        self.context.run.or_stopped(slot.deliver_again()).await?;
        let again = failed.into_iter().map(|(sink, context, _)| (sink, context)).collect();
        let mut second = StagedSinks::open(&self.context.run.threads, again).await;
        let delivered = self.delivery().deliver(repeated, &second).await;
        let failed = match delivered {
            Ok(_) => second.prepare(snapshot).await,
            Err(error) => {
                second.abort().await;
                return Err(error);
            }
        };
        sinks.join(second);
        for (sink, _, error) in failed {
            self.note(sink, Err(error));
        }
        match self.failure.take() {
            // Before the decision one required sink fails the whole list. After it, the other sinks
            // still publish.
            Some(error) if decided.is_none() => Err(error),
            failure => {
                self.failure = failure;
                Ok(())
            }
        }
    }

    /// Records the decision. From here on nothing aborts.
    async fn decide(&mut self, snapshot: &Snapshot) -> Result<(), Error> {
        let due = self.outcomes.iter().filter(|outcome| !outcome.one_shot);
        let due = due.filter(|outcome| !matches!(outcome.state, SinkState::NotDue));
        let decision = Decision {
            snapshot: snapshot.clone(),
            pipeline: self.context.run.pipeline.name.clone(),
            sinks: due.map(|outcome| outcome.sink.clone()).collect(),
        };
        let folder = self.list.folder().clone();
        let recorded = self.context.run.disk.run(move || folder.record_decision(decision)).await?;
        self.list.decided(recorded);
        Ok(())
    }

    async fn commit(&mut self, mut sinks: StagedSinks<'a>, snapshot: &Snapshot) {
        // Each commit is recorded before the next one begins: after a crash at most one sink
        // commits a second time.
        while let Some((sink, committed)) = sinks.commit_next().await {
            let result = self.record(sink, committed, snapshot).await;
            self.note(sink, result);
        }
    }

    /// Delivers the list to a sink that waits for a complete one.
    ///
    /// If the sink fails, it gets a second try, but only if its guarantee is exactly once and
    /// nothing of the first try is left: it stages, or says that it has aborted. A one-shot sink
    /// gets one list after the other.
    async fn deliver_complete(
        &mut self,
        sink: &'a BoundSink,
        snapshot: &Snapshot,
        repeated: &Duplicates,
    ) -> Result<(), Error> {
        let run = &self.context.run;
        let _turn = run.or_stopped(run.one_shot.turn(sink)).await?;
        let mut result = self.deliver_once(sink, snapshot, repeated).await;
        if let Err(DeliveryError::Sink(error)) = &result
            && (error.is_aborted() || sink.delivery() == Delivery::Staged)
            && sink.delivery().guarantee() == Guarantee::ExactlyOnce
        {
            tracing::warn!(sink = sink.name(), error = error_chain(error), "the sink failed; it is delivered again");
            result = self.deliver_once(sink, snapshot, repeated).await;
        }
        let result = match result {
            Ok(report) => self.record(sink, Ok(report), snapshot).await,
            Err(DeliveryError::Sink(error)) => Err(error),
            Err(DeliveryError::List(error)) => return Err(error),
        };
        self.note(sink, result);
        Ok(())
    }

    async fn deliver_once(
        &mut self,
        sink: &'a BoundSink,
        snapshot: &Snapshot,
        repeated: &Duplicates,
    ) -> Result<SinkReport, DeliveryError> {
        let context = self.context;
        let delivery = self.delivery();
        let only = [sink];
        let opening = delivery.open(&only, Some(snapshot.rows), None);
        let mut sinks = if sink.is_one_shot() {
            // Its reader may never come, and nothing of the list is sent yet.
            context.run.or_stopped(opening).await.map_err(DeliveryError::List)?
        } else {
            opening.await
        };
        let delivered = delivery.deliver(repeated, &sinks).await.and_then(|facts| {
            let again = Snapshot { rows: facts.rows, digest: facts.digest, ..snapshot.clone() };
            check_unchanged(snapshot, &again)
        });
        if let Err(error) = delivered {
            sinks.abort().await;
            return Err(DeliveryError::List(error));
        }
        let result = match sinks.prepare(snapshot).await.pop() {
            Some((_, _, error)) => Err(error),
            None => sinks.commit_next().await.expect("the sink has prepared").1,
        };
        result.map_err(DeliveryError::Sink)
    }

    fn delivery(&mut self) -> ListDelivery<'a, '_> {
        ListDelivery::new(self.context, &mut self.list)
    }

    /// Records a commit; that of a one-shot sink is only checked.
    ///
    /// # Errors
    ///
    /// [`SinkError`] if the sink has failed, has not published every row of the list, or its commit
    /// cannot be recorded.
    async fn record(
        &self,
        sink: &BoundSink,
        result: Result<SinkReport, SinkError>,
        snapshot: &Snapshot,
    ) -> Result<SinkReport, SinkError> {
        let report = result?;
        if report.rows != snapshot.rows {
            let message =
                format!("the sink says that it published {} rows, and the list has {}", report.rows, snapshot.rows);
            return Err(SinkError::permanent(message).with_hint("this is a defect of the sink"));
        }
        if sink.is_one_shot() {
            return Ok(report);
        }
        let commit = Commit { recipient: self.context.recipient(sink), report };
        let folder = self.list.folder().clone();
        let recorded = self.context.run.disk.run(move || folder.record_commit(&commit).map(|()| commit.report)).await;
        recorded.map_err(|error| {
            let hint = error.hint();
            let recorded = SinkError::permanent("the list is published, but its commit cannot be recorded");
            let recorded = recorded.with_source(error);
            if let Some(hint) = hint { recorded.with_hint(hint) } else { recorded }
        })
    }

    /// Notes the outcome of a sink, and the first failure of a required one.
    fn note(&mut self, sink: &BoundSink, result: Result<SinkReport, SinkError>) {
        let outcome = self.outcomes.iter_mut().find(|outcome| outcome.sink == sink.name());
        let outcome = outcome.expect("there is an outcome for every sink");
        outcome.state = match result {
            Ok(report) => SinkState::Published(report),
            Err(error) => {
                let state = SinkState::failed(&error);
                if outcome.required && self.failure.is_none() {
                    self.failure = Some(Error::Sink { sink: sink.name().to_owned(), error });
                }
                state
            }
        };
    }
}

/// Returns [`Error::Changed`] if a list is not the one that was decided.
fn check_unchanged(decided: &Snapshot, snapshot: &Snapshot) -> Result<(), Error> {
    if decided.digest == snapshot.digest && decided.rows == snapshot.rows {
        return Ok(());
    }
    let what = format!(
        "{} rows with digest {} were decided on, and now there are {} with {}",
        decided.rows, decided.digest, snapshot.rows, snapshot.digest
    );
    Err(Error::Changed { walk: decided.walk.to_string(), what })
}
