//! From a walk to published sinks: streaming, the verdict, the decision, the commits.

use chrono::DateTime;
use fanout_sink::{Delivery as When, Guarantee, SinkError, SinkReport, Snapshot};
use tracing::Instrument as _;

use super::account::AccountRun;
use super::census::Drops;
use super::delivery::{Delivered, Delivery, Measure};
use super::proof::FollowerProof;
use super::report::{SinkOutcome, SinkState};
use super::slots::Slot;
use super::stage::Stage;
use super::walking::{Stopped, Walk};
use crate::error::Error;
use crate::journal::{Commit, Decision, Journal, WalkFolder};
use crate::registry::BoundSink;
use crate::source::{Source, error_chain};

/// One list on its way to the sinks of one pipeline.
pub(super) struct Publication<'a> {
    run: &'a AccountRun,
    journal: Journal,
    /// In the order of the pipeline file.
    outcomes: Vec<SinkOutcome>,
    /// The facts of the list, once they are decided.
    snapshot: Option<Snapshot>,
    /// The first failure of a required sink.
    failure: Option<Error>,
}

/// A list that every staged sink has been given, but for those that have failed.
struct Delivering<'a> {
    stage: Stage<'a>,
    drops: Drops,
    delivered: Delivered,
    slot: Slot,
}

/// What came of it.
pub(super) struct Published {
    pub(super) journal: Journal,
    pub(super) outcomes: Vec<SinkOutcome>,
    /// The facts of the list, if it came to a decision: also of one that a sink could not publish then.
    pub(super) snapshot: Option<Snapshot>,
    pub(super) result: Result<(), Error>,
}

impl<'a> Publication<'a> {
    pub(super) fn new(run: &'a AccountRun, journal: Journal) -> Result<Self, Error> {
        let outcomes = run.sinks.iter().map(|sink| outcome(run, journal.folder(), sink)).collect::<Result<_, _>>()?;
        Ok(Self { run, journal, outcomes, snapshot: None, failure: None })
    }

    /// Walks to the end, if the journal has none, and publishes to every sink that lacks the list.
    pub(super) async fn run(mut self, source: &Source) -> Published {
        let result = self.publish(source).await;
        let result = result.and_then(|()| self.failure.map_or(Ok(()), Err));
        Published { journal: self.journal, outcomes: self.outcomes, snapshot: self.snapshot, result }
    }

    async fn publish(&mut self, source: &Source) -> Result<(), Error> {
        let (staged, later) = self.lacking();
        let decided = self.journal.folder().decision().map(|decision| decision.snapshot.clone());
        let last = self.run.last().map(|list| list.rows);
        // A list whose end was read has nothing left to stream, and keeps no slot from one that has.
        let streaming = if self.journal.end().is_none() { self.run.shared.slots.streaming(last) } else { None };
        let delivering = match streaming {
            Some(slot) => self.stream(source, &staged, slot).await?,
            None => self.complete(source, &staged, decided.as_ref()).await?,
        };
        let span = tracing::debug_span!("publication");
        self.settle(delivering, decided.as_ref(), later).instrument(span).await
    }

    /// Publishes a list that the staged sinks have been given, and then to the sinks that wait for that.
    async fn settle(
        &mut self,
        delivering: Delivering<'a>,
        decided: Option<&Snapshot>,
        later: Vec<&'a BoundSink>,
    ) -> Result<(), Error> {
        let Delivering { mut stage, drops, delivered, slot: _slot } = delivering;
        let snapshot = self.snapshot(&drops, delivered);
        let prepared = self.prepare(&mut stage, &snapshot, &drops, decided).await;
        let fixed = prepared.and_then(|()| if decided.is_none() { self.decide(&snapshot) } else { Ok(()) });
        if let Err(error) = fixed {
            stage.abort().await;
            return Err(error);
        }
        self.snapshot = Some(snapshot.clone());
        self.commit(stage, &snapshot).await;
        if self.failure.is_none() {
            for sink in later {
                self.deliver_complete(sink, &snapshot, &drops).await?;
            }
        }
        Ok(())
    }

    /// Returns the sinks that lack the list: those that stream, and those that wait until it is complete.
    fn lacking(&self) -> (Vec<&'a BoundSink>, Vec<&'a BoundSink>) {
        let sinks = self.run.sinks.iter().zip(&self.outcomes);
        let lacking = sinks.filter(|(_, outcome)| !matches!(outcome.state, SinkState::AlreadyPublished(_)));
        lacking.map(|(sink, _)| sink).partition(|sink| sink.streams())
    }

    async fn open(&self, sinks: &[&'a BoundSink]) -> Stage<'a> {
        let header = self.journal.folder().header();
        let rows = self.snapshot.as_ref().map(|snapshot| snapshot.rows);
        let context = |sink| self.run.context(sink, header.walk, header.date).with_facts(header.begun_at, rows);
        Stage::open(sinks.iter().map(|&sink| (sink, context(sink))).collect()).await
    }

    /// Delivers the list while it is read.
    async fn stream(&mut self, source: &Source, staged: &[&'a BoundSink], slot: Slot) -> Result<Delivering<'a>, Error> {
        let stage = self.open(staged).await;
        let delivery = self.start(None, &stage);
        delivery.replay(self.journal.reader()).await;
        let measured = self.walk(source, Some(&delivery)).await;
        let delivered = delivery.finish().await;
        let streamed = match measured {
            Ok(measure) => delivered.map(|delivered| (measure.drops, delivered)),
            // Both can fail for the same reason, and the delivery is nearer to it.
            Err(Stopped::Failed(error)) => Err(delivered.err().unwrap_or(error)),
            Err(Stopped::DeliveryEnded) => Err(delivered.expect_err("a delivery ends early only when it fails")),
        };
        match streamed {
            Ok((drops, delivered)) if drops.count() == 0 => Ok(Delivering { stage, drops, delivered, slot }),
            Ok((drops, _)) => {
                // Duplicates are known only now: what has streamed has them, and so the list is delivered anew.
                stage.abort().await;
                self.deliver_staged(staged, drops, slot).await
            }
            Err(error) => {
                stage.abort().await;
                Err(error)
            }
        }
    }

    /// Reads the list to its end, if the journal has none, and delivers it from the journal.
    async fn complete(
        &mut self,
        source: &Source,
        staged: &[&'a BoundSink],
        decided: Option<&Snapshot>,
    ) -> Result<Delivering<'a>, Error> {
        let shared = &self.run.shared;
        let walked = if self.journal.end().is_none() {
            match self.walk(source, None).await {
                Ok(measure) => Some(measure.drops),
                Err(Stopped::Failed(error)) => return Err(error),
                Err(Stopped::DeliveryEnded) => unreachable!("there was none"),
            }
        } else {
            None
        };
        let slot = shared.or_stopped(shared.slots.complete()).await?;
        let drops = match (walked, decided) {
            (Some(drops), _) => drops,
            // Of a decided list it is known how many rows are dropped.
            (None, Some(snapshot)) if FollowerProof::of(snapshot).is_some_and(|proof| proof.duplicates == 0) => {
                Drops::default()
            }
            (None, _) => {
                let folder = self.journal.folder().path();
                Measure::of(self.journal.reader(), folder, shared.stop.clone()).await?.drops
            }
        };
        self.deliver_staged(staged, drops, slot).await
    }

    async fn deliver_staged(
        &self,
        staged: &[&'a BoundSink],
        drops: Drops,
        slot: Slot,
    ) -> Result<Delivering<'a>, Error> {
        let stage = self.open(staged).await;
        match self.deliver(&drops, &stage).await {
            Ok(delivered) => Ok(Delivering { stage, drops, delivered, slot }),
            Err(error) => {
                stage.abort().await;
                Err(error)
            }
        }
    }

    /// Reads the list from where the journal stands to its end.
    async fn walk(&mut self, source: &Source, delivery: Option<&Delivery>) -> Result<Measure, Stopped> {
        let run = self.run;
        let span = tracing::info_span!("walk", walk = self.journal.walk().to_string());
        let mut walk = Walk {
            source,
            journal: &mut self.journal,
            delivery,
            shared: &run.shared,
            budget: run.budget(),
            progress: run.progress(),
            last: run.last(),
        };
        walk.run().instrument(span).await
    }

    /// Delivers the whole list from the journal.
    async fn deliver(&self, drops: &Drops, stage: &Stage<'a>) -> Result<Delivered, Error> {
        let delivery = self.start(Some(drops.clone()), stage);
        delivery.replay(self.journal.reader()).await;
        delivery.finish().await
    }

    fn start(&self, drops: Option<Drops>, stage: &Stage<'a>) -> Delivery {
        let shared = &self.run.shared;
        Delivery::start(
            &self.run.account().app_id,
            self.journal.folder().path(),
            drops,
            stage.inlets(),
            self.run.budget().clone(),
            shared.stop.clone(),
        )
    }

    fn snapshot(&self, drops: &Drops, delivered: Delivered) -> Snapshot {
        let (first_fetched_at, last_fetched_at) = self.journal.fetched_between();
        let header = self.journal.folder().header();
        let proof = FollowerProof {
            pages: self.journal.pages(),
            total: self.journal.end().map_or(0, |end| end.total),
            duplicates: drops.count(),
            empty: delivered.empty,
        };
        Snapshot {
            walk: header.walk,
            date: header.date,
            begun_at: header.begun_at,
            rows: delivered.rows,
            first_fetched_at: first_fetched_at.and_then(DateTime::from_timestamp_micros),
            last_fetched_at: last_fetched_at.and_then(DateTime::from_timestamp_micros),
            digest: delivered.digest,
            proof: proof.into_fields(),
        }
    }

    /// Makes all staged sinks prepare. One that has failed is opened once more and delivered from the journal.
    async fn prepare(
        &mut self,
        stage: &mut Stage<'a>,
        snapshot: &Snapshot,
        drops: &Drops,
        decided: Option<&Snapshot>,
    ) -> Result<(), Error> {
        if let Some(decided) = decided {
            unchanged(decided, snapshot)?;
        }
        let failed = stage.prepare(snapshot).await;
        if failed.is_empty() {
            return Ok(());
        }
        for (sink, _, error) in &failed {
            tracing::warn!(sink = sink.name(), error = error_chain(error), "the sink failed; it is delivered again");
        }
        let again = failed.into_iter().map(|(sink, context, _)| (sink, context)).collect();
        let mut second = Stage::open(again).await;
        let delivered = self.deliver(drops, &second).await;
        let failed = match delivered {
            Ok(_) => second.prepare(snapshot).await,
            Err(error) => {
                second.abort().await;
                return Err(error);
            }
        };
        stage.join(second);
        for (sink, _, error) in failed {
            self.note(sink, Err(error));
        }
        match self.failure.take() {
            // Before the decision the run fails as a whole; after it, the others get what was decided.
            Some(error) if decided.is_none() => Err(error),
            failure => {
                self.failure = failure;
                Ok(())
            }
        }
    }

    /// Fixes the list. From here on nothing aborts.
    fn decide(&mut self, snapshot: &Snapshot) -> Result<(), Error> {
        let decision = Decision {
            snapshot: snapshot.clone(),
            pipeline: self.run.shared.pipeline.name.clone(),
            sinks: self.run.sinks.iter().map(|sink| sink.name().to_owned()).collect(),
        };
        Ok(self.journal.decide(decision)?)
    }

    async fn commit(&mut self, stage: Stage<'a>, snapshot: &Snapshot) {
        // Each commit is recorded before the next one: what a crash leaves to be done again is one sink.
        let note = |sink: &'a BoundSink, result| {
            let result = self.record(sink, result, snapshot);
            self.note(sink, result);
        };
        stage.commit(note).await;
    }

    /// Delivers a complete list to a sink that waits for one. If it has taken everything back, which one that stages always
    /// does, and its readers see each row once whatever happens, it is tried once more.
    async fn deliver_complete(&mut self, sink: &'a BoundSink, snapshot: &Snapshot, drops: &Drops) -> Result<(), Error> {
        let mut result = self.deliver_once(sink, snapshot, drops).await?;
        if let Err(error) = &result
            && (error.is_aborted() || sink.delivery() == When::Staged)
            && sink.delivery().guarantee() == Guarantee::ExactlyOnce
        {
            tracing::warn!(sink = sink.name(), error = error_chain(error), "the sink failed; it is delivered again");
            result = self.deliver_once(sink, snapshot, drops).await?;
        }
        let result = self.record(sink, result, snapshot);
        self.note(sink, result);
        Ok(())
    }

    async fn deliver_once(
        &self,
        sink: &'a BoundSink,
        snapshot: &Snapshot,
        drops: &Drops,
    ) -> Result<Result<SinkReport, SinkError>, Error> {
        let mut stage = self.open(&[sink]).await;
        match self.deliver(drops, &stage).await.and_then(|delivered| {
            let again = Snapshot { rows: delivered.rows, digest: delivered.digest, ..snapshot.clone() };
            unchanged(snapshot, &again)
        }) {
            Ok(()) => {}
            Err(error) => {
                stage.abort().await;
                return Err(error);
            }
        }
        let failed = stage.prepare(snapshot).await.pop();
        let mut result = failed.map(|(_, _, error)| Err(error));
        stage.commit(|_, committed| result = Some(committed)).await;
        Ok(result.expect("the sink has failed, or has said what came of its commit"))
    }

    /// Records a commit, if it published what it should.
    fn record(
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
        let commit = Commit { recipient: self.run.recipient(sink), report };
        self.journal.folder().record_commit(&commit).map_err(|error| {
            let hint = error.hint();
            let recorded = SinkError::permanent("the list is published, but that cannot be recorded");
            let recorded = recorded.with_source(error);
            if let Some(hint) = hint { recorded.with_hint(hint) } else { recorded }
        })?;
        Ok(commit.report)
    }

    /// Notes what came of a sink.
    fn note(&mut self, sink: &BoundSink, result: Result<SinkReport, SinkError>) {
        let outcome = self.outcomes.iter_mut().find(|outcome| outcome.sink == sink.name());
        let outcome = outcome.expect("there is an outcome for every sink");
        outcome.state = match result {
            Ok(report) => SinkState::Published(report),
            Err(error) => {
                let state = SinkState::Failed { error: error_chain(&error), hint: error.hint().map(str::to_owned) };
                if outcome.required && self.failure.is_none() {
                    self.failure = Some(Error::Sink { sink: sink.name().to_owned(), error });
                }
                state
            }
        };
    }
}

/// Returns what is known of a sink before anything happens in this run.
pub(super) fn outcome(run: &AccountRun, walk: &WalkFolder, sink: &BoundSink) -> Result<SinkOutcome, Error> {
    let state = match walk.commit(&run.recipient(sink))? {
        Some(commit) => SinkState::AlreadyPublished(commit.report),
        None => SinkState::NotReached,
    };
    Ok(SinkOutcome { sink: sink.name().to_owned(), required: sink.section().required, state })
}

/// Holds a list against what was decided about it.
fn unchanged(decided: &Snapshot, snapshot: &Snapshot) -> Result<(), Error> {
    if decided.digest == snapshot.digest && decided.rows == snapshot.rows {
        return Ok(());
    }
    let what = format!(
        "{} followers with digest {} were decided on, and now there are {} with {}",
        decided.rows, decided.digest, snapshot.rows, snapshot.digest
    );
    Err(Error::Changed { walk: decided.walk.to_string(), what })
}
