//! One list of one account in a run: its lock, its walk, its report.
//!
//! Before it: `run` and `replay` make one [`UnitRun`] for each list, and [`plan`](super::plan)
//! chooses its walk. Behind it: [`Publication`], which reads the rest of the list and brings it to
//! the sinks.
//!
//! A unit delivers the owed walks first, then publishes the chosen walk. If that succeeds, it
//! prunes old walks. If a required sink fails with an owed walk, the unit fails, and the chosen
//! walk does not begin.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use chrono::{DateTime, NaiveDate, Utc};
use fanout_sink::WalkId;

use super::account_tokens::OwnedTokens;
use super::deliver::{Looked, Publication, PublicationResult};
use super::plan::{Choice, choose};
use super::proof::FollowerProof;
use super::run_context::RunContext;
use super::unit_context::UnitContext;
use crate::config::ConfigErrors;
use crate::error::Error;
use crate::journal::{Commit, Journal, JournalError, Ledger, ListState, WalkFolder};
use crate::registry::BoundSink;
use crate::report::{AccountReport, Verdict};
use crate::source::{CallCounter, Source};

/// One list of one account, with its state locked and its walk chosen.
#[derive(Debug)]
pub(super) struct UnitRun {
    context: UnitContext,
    tokens: Arc<OwnedTokens>,
    state: Arc<ListState>,
    choice: Choice,
    /// Decided walks, the chosen one apart, that a sink of this pipeline lacks. They are delivered
    /// first. None under `--fresh` and in a replay.
    owed: Vec<WalkFolder>,
}

/// Why a unit cannot be run.
pub(super) enum Refusal {
    /// The pipeline file is wrong, which concerns every unit.
    Pipeline(ConfigErrors),
    /// Only this unit fails.
    Unit(Error),
}

impl<Cause: Into<Error>> From<Cause> for Refusal {
    fn from(cause: Cause) -> Self {
        Self::Unit(cause.into())
    }
}

impl UnitRun {
    /// Takes the lock of the list and chooses the walk.
    pub(super) fn plan(run: &Arc<RunContext>, unit: usize) -> Result<Self, Error> {
        let state = run.state(unit)?;
        let tokens = run.tokens(unit)?;
        let choice = choose(&state, &run.options, run.pipeline.journal.resume_within, Utc::now())?;
        let owed = if run.options.fresh { Vec::new() } else { owed(run, unit, &state, &choice)? };
        // An error is passed over: only the forecast needs the last list, and a new walk may have
        // to begin because the old ones are damaged.
        let last = state.last_decision(choice.walk()).ok().flatten().map(|decision| decision.snapshot);
        Ok(Self { context: UnitContext::new(run, unit, last), tokens, state: Arc::new(state), choice, owed })
    }

    /// Plans a replay: one run of the unit for the newest decided walk of each date, oldest first.
    pub(super) fn replays(run: &Arc<RunContext>, unit: usize) -> Result<Vec<Self>, Error> {
        let state = run.state(unit)?;
        let tokens = run.tokens(unit)?;
        let date = run.options.date;
        let mut walks: BTreeMap<NaiveDate, WalkFolder> = BTreeMap::new();
        for walk in state.walks()?.into_iter().filter(|walk| walk.decision().is_some()) {
            walks.insert(walk.header().date, walk);
        }
        walks.retain(|walk_date, _| date.is_none_or(|date| date == *walk_date));
        if walks.is_empty() {
            return Err(Error::NothingToReplay { date: date.map(|date| date.to_string()) });
        }
        let mut walks: Vec<WalkFolder> = walks.into_values().collect();
        walks.sort_by_key(|walk| walk.header().walk.number());
        let state = Arc::new(state);
        let replay = |walk| Self {
            context: UnitContext::new(run, unit, None),
            tokens: Arc::clone(&tokens),
            state: Arc::clone(&state),
            choice: Choice::Finish(Box::new(walk)),
            owed: Vec::new(),
        };
        Ok(walks.into_iter().map(replay).collect())
    }

    /// Asks every sink that lacks the walk, before any API call, whether it could publish it.
    pub(super) async fn check(&self) -> Result<(), Refusal> {
        let walk = self.choice.walk().unwrap_or_else(|| WalkId::new(0, Utc::now()));
        for sink in self.context.sinks() {
            if let Choice::Finish(walk) = &self.choice
                && walk.commit(&self.context.recipient(sink))?.is_some()
            {
                continue;
            }
            let checked = sink.check(&self.context.sink_context(sink, walk, self.choice.date())).await;
            if let Err(error) = checked {
                return Err(match sink.config_error(&error) {
                    Some(error) => Refusal::Pipeline(error.into()),
                    None => Error::Sink { sink: sink.name().to_owned(), error }.into(),
                });
            }
        }
        Ok(())
    }

    /// Makes the source of the list; no API call is made yet.
    pub(super) fn source(&self) -> Source {
        let (run, list) = (&self.context.run, self.context.list());
        let counter = self.state.ledger(list.endpoint());
        Source::new(run.client.clone(), list, Arc::clone(&self.tokens.tokens), &run.pipeline.source, counter)
    }

    /// Returns the last commit record of `sink`; `None` if there is none, or it cannot be read.
    pub(super) fn last_commit(&self, sink: &BoundSink) -> Option<Commit> {
        let walks = self.state.walks().ok()?;
        walks.iter().rev().find_map(|walk| walk.commit(&self.context.recipient(sink)).ok().flatten())
    }

    /// Makes the report of a unit that is planned: the walk that a run begins with.
    pub(super) fn planned(&self) -> AccountReport {
        let mut report = self.context.report();
        report.date = Some(self.choice.date());
        report.walk = self.choice.walk();
        report
    }

    /// Makes the report of a check: the walk that a run would begin with, or the list that is
    /// published already.
    pub(super) async fn preview(self) -> AccountReport {
        let mut report = self.planned();
        report.succeed(Verdict::Ready);
        if let Choice::Finish(walk) = &self.choice
            && walk.decision().is_some()
        {
            match Looked::at(&self.context, &self.state, walk).await {
                Ok(looked) => report_looked(walk, looked, &mut report),
                Err(error) => report.fail(&error),
            }
        }
        report
    }

    /// Delivers the owed walks, runs and publishes the chosen one, prunes, and reports on that.
    pub(super) async fn run(self) -> AccountReport {
        let started = Instant::now();
        let mut report = self.context.report();
        let source = self.source();
        self.context.progress().begin(source.stats());
        if let Err(error) = self.work(&source, &mut report).await {
            let error = self.context.run.why_stopped(error);
            report.fail(&error);
            if matches!(error, Error::Interrupted) {
                report.hint = Some(self.context.run.options.how_to_go_on().to_owned());
            }
        }
        report.calls = source.calls();
        report.calls_left = source.calls_left_now();
        report.retries = source.retries();
        report.previous_rows = self.context.last().map(|list| list.rows);
        report.previous_fetched_at = self.context.last().and_then(|list| list.last_fetched_at);
        report.seconds = started.elapsed().as_secs_f64();
        self.context.progress().finish(&report);
        self.context.run.apply_fail_fast(&report);
        report
    }

    async fn work(&self, source: &Source, report: &mut AccountReport) -> Result<(), Error> {
        for walk in &self.owed {
            tracing::info!(walk = walk.header().walk.to_string(), "a sink lacks an earlier walk; delivering it first");
            let looked = Looked::unseen(&self.context, walk)?;
            self.publish(Journal::open(walk.clone())?, looked, source).await.result?;
        }
        let (journal, looked) = match &self.choice {
            Choice::Begin(date) => {
                let journal = self.state.begin(*date, Utc::now())?;
                let looked = Looked::unseen(&self.context, journal.folder())?;
                (journal, looked)
            }
            Choice::Finish(walk) => {
                let looked = Looked::at(&self.context, &self.state, walk).await?;
                if !looked.has_work() {
                    report_looked(walk, looked, report);
                    return Ok(());
                }
                (Journal::open(WalkFolder::clone(walk))?, looked)
            }
        };
        self.context.progress().resume(journal.pages(), journal.openids());
        let published = self.publish(journal, looked, source).await;
        let header = published.journal.folder().header();
        report.walk = Some(header.walk);
        report.date = Some(header.date);
        report.pages = published.journal.pages();
        report.sinks = published.outcomes;
        report.snapshot = published.snapshot;
        published.result?;
        report.succeed(Verdict::Published);
        let pruned = self.state.prune(self.context.run.pipeline.journal.keep)?;
        if pruned > 0 {
            tracing::debug!(account = self.context.account().name, pruned, "old walks were removed");
        }
        Ok(())
    }

    async fn publish(&self, journal: Journal, looked: Looked, source: &Source) -> PublicationResult {
        Publication::new(&self.context, journal, looked).run(source).await
    }

    /// Returns how many calls the walk will probably take. A list that is read for the first time
    /// may be the longest: `u64::MAX`.
    pub(super) fn expected_calls(&self) -> u64 {
        match &self.choice {
            Choice::Finish(walk) if walk.decision().is_some() => 0,
            _ => self.context.last().and_then(FollowerProof::of).map_or(u64::MAX, |proof| proof.pages),
        }
    }

    pub(super) fn context(&self) -> &UnitContext {
        &self.context
    }
}

/// Reports on a decided walk what was found at its sinks: it is published, a sink has failed,
/// or a sink is yet to receive it.
fn report_looked(walk: &WalkFolder, looked: Looked, report: &mut AccountReport) {
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

/// Returns the decided walks, the chosen one apart, that this pipeline decided and that one of its
/// sinks lacks. A sink that is no longer in the pipeline file is passed over.
fn owed(run: &RunContext, unit: usize, state: &ListState, choice: &Choice) -> Result<Vec<WalkFolder>, JournalError> {
    let sinks = &run.units[unit].sinks;
    let mut owed = Vec::new();
    for walk in state.owed()? {
        let is_ours = walk.decision().is_some_and(|decision| decision.pipeline == run.pipeline.name);
        let is_chosen = choice.walk() == Some(walk.header().walk);
        let lacking = walk.lacking()?;
        if is_ours && !is_chosen && sinks.iter().any(|sink| lacking.iter().any(|name| name == sink.name())) {
            owed.push(walk);
        }
    }
    Ok(owed)
}

/// The ledger of the state counts the calls of a source.
impl CallCounter for Ledger {
    fn count(&self, now: DateTime<Utc>) {
        self.count(now);
    }

    fn today(&self, now: DateTime<Utc>) -> u64 {
        self.today(now)
    }
}
