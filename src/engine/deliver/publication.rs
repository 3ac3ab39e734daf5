//! From a delivered list to published sinks: prepare all, one decision, commit each.

use fanout_sink::{Delivery, Guarantee, SinkError, SinkReport, Snapshot};
use tracing::Instrument as _;

use super::distinct::Duplicates;
use super::fan_out::FanOutResult;
use super::staged_sinks::StagedSinks;
use super::staging::{Staged, Staging};
use crate::causes::error_chain;
use crate::engine::account_context::AccountContext;
use crate::engine::proof::FollowerProof;
use crate::error::Error;
use crate::journal::{Commit, Decision, Journal, WalkFolder};
use crate::registry::BoundSink;
use crate::report::{SinkOutcome, SinkState};
use crate::source::Source;

/// One list on its way to the sinks of one pipeline.
pub(in crate::engine) struct Publication<'a> {
    context: &'a AccountContext,
    journal: Journal,
    /// In the order of the pipeline file.
    outcomes: Vec<SinkOutcome>,
    /// The facts of the list, once they are decided.
    snapshot: Option<Snapshot>,
    /// The first failure of a required sink.
    failure: Option<Error>,
}

/// What came of a publication.
pub(in crate::engine) struct PublicationResult {
    pub(in crate::engine) journal: Journal,
    pub(in crate::engine) outcomes: Vec<SinkOutcome>,
    /// The facts of the list, if it was decided: also where a sink could not publish it after that.
    pub(in crate::engine) snapshot: Option<Snapshot>,
    pub(in crate::engine) result: Result<(), Error>,
}

/// Why a sink that waits for the complete list has not received it.
enum DeliveryError {
    /// The sink has failed.
    Sink(SinkError),
    /// The list cannot be delivered to any sink.
    List(Error),
}

impl<'a> Publication<'a> {
    pub(in crate::engine) fn new(context: &'a AccountContext, journal: Journal) -> Result<Self, Error> {
        let outcomes = context.sinks().iter().map(|sink| sink_outcome(context, journal.folder(), sink));
        Ok(Self { context, outcomes: outcomes.collect::<Result<_, _>>()?, journal, snapshot: None, failure: None })
    }

    /// Walks to the end, if the journal has none, and publishes to every sink that lacks the list.
    pub(in crate::engine) async fn run(mut self, source: &Source) -> PublicationResult {
        let result = self.publish(source).await;
        let result = result.and_then(|()| self.failure.map_or(Ok(()), Err));
        PublicationResult { journal: self.journal, outcomes: self.outcomes, snapshot: self.snapshot, result }
    }

    async fn publish(&mut self, source: &Source) -> Result<(), Error> {
        let (staged, later) = self.lacking();
        let decided = self.journal.folder().decision().map(|decision| decision.snapshot.clone());
        let last = self.context.last().map(|list| list.rows);
        // The whole list is in the journal already: take no streaming slot.
        let streaming = if self.journal.end().is_none() { self.context.run.slots.streaming(last) } else { None };
        let mut staging = Staging::new(self.context, &mut self.journal);
        let staged = match streaming {
            Some(slot) => staging.stream(source, &staged, slot).await?,
            None => {
                staging
                    .complete(
                        source,
                        &staged,
                        decided.as_ref().and_then(FollowerProof::of).map(|proof| proof.duplicates),
                    )
                    .await?
            }
        };
        let span = tracing::debug_span!("publication");
        self.finish(staged, decided.as_ref(), later).instrument(span).await
    }

    /// Publishes a list that the staged sinks have received, and then delivers it to the sinks that wait for that.
    async fn finish(
        &mut self,
        staged: Staged<'a>,
        decided: Option<&Snapshot>,
        later: Vec<&'a BoundSink>,
    ) -> Result<(), Error> {
        let Staged { mut sinks, duplicates, delivered, slot: _slot } = staged;
        let snapshot = self.snapshot(&duplicates, delivered);
        let prepared = self.prepare(&mut sinks, &snapshot, &duplicates, decided).await;
        let fixed = prepared.and_then(|()| if decided.is_none() { self.decide(&snapshot) } else { Ok(()) });
        if let Err(error) = fixed {
            sinks.abort().await;
            return Err(error);
        }
        self.snapshot = Some(snapshot.clone());
        self.commit(sinks, &snapshot).await;
        if self.failure.is_none() {
            for sink in later {
                self.deliver_complete(sink, &snapshot, &duplicates).await?;
            }
        }
        Ok(())
    }

    /// Returns the sinks that lack the list: those that stream, and those that wait until it is complete.
    fn lacking(&self) -> (Vec<&'a BoundSink>, Vec<&'a BoundSink>) {
        let sinks = self.context.sinks().iter().zip(&self.outcomes);
        let lacking = sinks.filter(|(_, outcome)| !matches!(outcome.state, SinkState::AlreadyPublished(_)));
        lacking.map(|(sink, _)| sink).partition(|sink| sink.streams())
    }

    fn snapshot(&self, duplicates: &Duplicates, delivered: FanOutResult) -> Snapshot {
        let (first_fetched_at, last_fetched_at) = self.journal.fetched_between();
        let header = self.journal.folder().header();
        let proof = FollowerProof {
            pages: self.journal.pages(),
            total: self.journal.end().map_or(0, |end| end.total),
            duplicates: duplicates.count(),
            empty: delivered.empty,
        };
        Snapshot {
            walk: header.walk,
            date: header.date,
            begun_at: header.begun_at,
            rows: delivered.rows,
            first_fetched_at,
            last_fetched_at,
            digest: delivered.digest,
            proof: proof.into_fields(),
        }
    }

    /// Makes all staged sinks prepare. One that has failed is opened once more and delivered from the journal.
    async fn prepare(
        &mut self,
        sinks: &mut StagedSinks<'a>,
        snapshot: &Snapshot,
        duplicates: &Duplicates,
        decided: Option<&Snapshot>,
    ) -> Result<(), Error> {
        if let Some(decided) = decided {
            unchanged(decided, snapshot)?;
        }
        let failed = sinks.prepare(snapshot).await;
        if failed.is_empty() {
            return Ok(());
        }
        for (sink, _, error) in &failed {
            tracing::warn!(sink = sink.name(), error = error_chain(error), "the sink failed; it is delivered again");
        }
        let again = failed.into_iter().map(|(sink, context, _)| (sink, context)).collect();
        let mut second = StagedSinks::open(again).await;
        let delivered = self.staging().deliver(duplicates, &second).await;
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
            pipeline: self.context.run.pipeline.name.clone(),
            sinks: self.context.sinks().iter().map(|sink| sink.name().to_owned()).collect(),
        };
        Ok(self.journal.decide(decision)?)
    }

    async fn commit(&mut self, sinks: StagedSinks<'a>, snapshot: &Snapshot) {
        // Each commit is recorded before the next one starts, so a crash leaves one sink to be done again.
        let note = |sink: &'a BoundSink, result| {
            let result = self.record(sink, result, snapshot);
            self.note(sink, result);
        };
        sinks.commit(note).await;
    }

    /// Delivers a complete list to a sink that waits for one.
    ///
    /// A sink that has taken everything back (one that stages always does) and whose readers see each row exactly once
    /// is tried a second time.
    async fn deliver_complete(
        &mut self,
        sink: &'a BoundSink,
        snapshot: &Snapshot,
        duplicates: &Duplicates,
    ) -> Result<(), Error> {
        let mut result = self.deliver_once(sink, snapshot, duplicates).await;
        if let Err(DeliveryError::Sink(error)) = &result
            && (error.is_aborted() || sink.delivery() == Delivery::Staged)
            && sink.delivery().guarantee() == Guarantee::ExactlyOnce
        {
            tracing::warn!(sink = sink.name(), error = error_chain(error), "the sink failed; it is delivered again");
            result = self.deliver_once(sink, snapshot, duplicates).await;
        }
        let result = match result {
            Ok(report) => self.record(sink, Ok(report), snapshot),
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
        duplicates: &Duplicates,
    ) -> Result<SinkReport, DeliveryError> {
        let staging = self.staging();
        let mut sinks = staging.open(&[sink], Some(snapshot.rows)).await;
        let delivered = staging.deliver(duplicates, &sinks).await.and_then(|delivered| {
            let again = Snapshot { rows: delivered.rows, digest: delivered.digest, ..snapshot.clone() };
            unchanged(snapshot, &again)
        });
        if let Err(error) = delivered {
            sinks.abort().await;
            return Err(DeliveryError::List(error));
        }
        let failed = sinks.prepare(snapshot).await.pop();
        let mut result = failed.map(|(_, _, error)| Err(error));
        sinks.commit(|_, committed| result = Some(committed)).await;
        result.expect("the sink has failed, or has reported its commit").map_err(DeliveryError::Sink)
    }

    fn staging(&mut self) -> Staging<'a, '_> {
        Staging::new(self.context, &mut self.journal)
    }

    /// Records a commit, if the sink published every row.
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
        let commit = Commit { recipient: self.context.recipient(sink), report };
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
pub(in crate::engine) fn sink_outcome(
    context: &AccountContext,
    walk: &WalkFolder,
    sink: &BoundSink,
) -> Result<SinkOutcome, Error> {
    let state = match walk.commit(&context.recipient(sink))? {
        Some(commit) => SinkState::AlreadyPublished(commit.report),
        None => SinkState::NotReached,
    };
    Ok(SinkOutcome { sink: sink.name().to_owned(), required: sink.section().required, state })
}

/// Compares a list with what was decided about it.
fn unchanged(decided: &Snapshot, snapshot: &Snapshot) -> Result<(), Error> {
    if decided.digest == snapshot.digest && decided.rows == snapshot.rows {
        return Ok(());
    }
    let what = format!(
        "{} rows with digest {} were decided on, and now there are {} with {}",
        decided.rows, decided.digest, snapshot.rows, snapshot.digest
    );
    Err(Error::Changed { walk: decided.walk.to_string(), what })
}
