//! One walk of a unit in a run: it is begun, finished or delivered, and reported on.
//!
//! Before it: the [unit](super::unit) runs its walks one after the other. Behind it:
//! [`Publication`], which reads the rest of the list and brings it to the sinks.

use std::time::Instant;

use tracing::Instrument as _;

use super::deliver::{Looked, Publication};
use super::plan::Choice;
use super::proof::FollowerProof;
use super::unit_context::UnitContext;
use super::walk::{Earlier, Forecast, begin};
use crate::error::Error;
use crate::journal::{Journal, ListState, WalkFolder};
use crate::report::{AccountReport, SinkState, Verdict};
use crate::source::{Source, SourceError};

/// One walk of a unit.
pub(super) struct WalkRun<'a> {
    pub(super) context: &'a UnitContext,
    pub(super) state: &'a ListState,
    pub(super) source: &'a Source,
    pub(super) choice: Choice,
}

impl WalkRun<'_> {
    /// Runs and publishes the walk, unless there is a `refusal`, and completes its report.
    pub(super) async fn run(
        self,
        mut report: AccountReport,
        refusal: Option<Error>,
        earlier: &mut Earlier,
    ) -> AccountReport {
        let started = Instant::now();
        let (context, source) = (self.context, self.source);
        context.progress().begin_walk(source.stats());
        let worked = match refusal {
            Some(error) => Err(error),
            None => self.work(earlier, &mut report).await,
        };
        if let Err(error) = worked {
            earlier.day_is_over |= matches!(error, Error::Source(SourceError::DayOver { .. }));
            let error = context.run.why_stopped(error);
            report.fail(&error);
            if matches!(error, Error::Interrupted) {
                report.hint = Some(context.run.options.how_to_go_on().to_owned());
            }
        }
        // The journal is read once more only if no reply has said how long the list is.
        let expected = context.progress().expected_pages().or_else(|| match report.snapshot {
            Some(_) => Some(report.pages),
            None => self.expected_pages(),
        });
        earlier.pages = expected.or(earlier.pages);
        report.calls = source.calls();
        report.calls_left = source.calls_left_now();
        report.retries = source.retries();
        report.previous_rows = context.last().map(|list| list.rows);
        report.previous_fetched_at = context.last().and_then(|list| list.last_fetched_at);
        report.seconds = started.elapsed().as_secs_f64();
        report
    }

    /// Returns the pages of an open walk as its journal foretells them; `None` for any other walk.
    fn expected_pages(&self) -> Option<u64> {
        let Choice::Finish(walk) = &self.choice else { return None };
        if walk.decision().is_some() {
            return None;
        }
        // An error is passed over here: it is the walk's own, and this is about the next one.
        Forecast::of_whole(&Journal::open(WalkFolder::clone(walk)).ok()?, self.context.last())
    }

    async fn work(&self, earlier: &Earlier, report: &mut AccountReport) -> Result<(), Error> {
        let (journal, looked) = match &self.choice {
            Choice::Begin(choice) => {
                let begun = begin(self.context, self.source, self.state, *choice, earlier);
                let journal = begun.instrument(tracing::info_span!("begin")).await?;
                let looked = Looked::unseen(self.context, journal.folder())?;
                (journal, looked)
            }
            Choice::Deliver(walk) => {
                tracing::info!(walk = walk.header().walk.to_string(), "a sink lacks an earlier walk; it is delivered");
                (self.open(walk, report)?, Looked::unseen(self.context, walk)?)
            }
            Choice::Finish(walk) => {
                let looked = Looked::at(self.context, self.state, walk).await?;
                if !looked.has_work() {
                    report_looked(walk, looked, report);
                    return Ok(());
                }
                (self.open(walk, report)?, looked)
            }
        };
        let was_decided = journal.folder().decision().is_some();
        let published = Publication::new(self.context, journal, looked).run(self.source).await;
        let header = published.journal.folder().header();
        report.walk = Some(header.walk);
        report.date = Some(header.date);
        report.pages = published.journal.pages();
        report.sinks = published.outcomes;
        report.snapshot = published.snapshot;
        published.result?;
        // A sink that is not required may have failed once more, and no other lacked the list.
        let has_published = report.sinks.iter().any(|sink| matches!(sink.state, SinkState::Published(_)));
        report.succeed(if was_decided && !has_published { Verdict::AlreadyPublished } else { Verdict::Published });
        Ok(())
    }

    /// Opens a walk of the state.
    fn open(&self, walk: &WalkFolder, report: &mut AccountReport) -> Result<Journal, Error> {
        let journal = Journal::open(walk.clone())?;
        if walk.decision().is_none() {
            report.pages_before = journal.pages();
        }
        self.context.progress().resume(journal.pages(), journal.openids(), report.pages_before);
        Ok(journal)
    }
}

/// Reports on a decided walk what was found at its sinks: it is published, a sink has failed,
/// or a sink is yet to receive it.
pub(super) fn report_looked(walk: &WalkFolder, looked: Looked, report: &mut AccountReport) {
    let snapshot = walk.decision().map(|decision| decision.snapshot.clone());
    report.walk = Some(walk.header().walk);
    report.date = Some(walk.header().date);
    report.pages = snapshot.as_ref().and_then(FollowerProof::of).map_or(0, |proof| proof.pages);
    report.snapshot = snapshot;
    if !looked.has_work() {
        report.succeed(Verdict::AlreadyPublished);
    }
    if let Some(error) = looked.failure {
        report.fail(&error);
    }
    report.sinks = looked.outcomes;
}
