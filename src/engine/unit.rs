//! One list of one account in a run: its lock, its walks, their reports.
//!
//! Before it: `run` and `replay` make one [`UnitRun`] for each list, and [`plan`](super::plan)
//! chooses its walks. Behind it: a [`WalkRun`] for each of them, one after the other, and then old
//! walks are pruned.
//!
//! Each walk has a report of its own. One that fails does not keep the next one waiting.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, NaiveDate, Utc};
use fanout_sink::WalkId;

use super::account_tokens::OwnedTokens;
use super::deliver::Looked;
use super::plan::{Choice, choose};
use super::proof::FollowerProof;
use super::run_context::RunContext;
use super::unit_context::UnitContext;
use super::walk::Earlier;
use super::walk_run::{WalkRun, report_looked};
use crate::config::ConfigErrors;
use crate::error::Error;
use crate::journal::{Commit, JournalError, Ledger, ListState, WalkFolder};
use crate::registry::BoundSink;
use crate::report::{AccountReport, Verdict};
use crate::source::{CallCounter, Source};

/// One list of one account, with its state locked and its walks chosen.
#[derive(Debug)]
pub(super) struct UnitRun {
    /// Its last list is the one before the last walk.
    context: UnitContext,
    tokens: Arc<OwnedTokens>,
    state: ListState,
    /// In the order in which they run; there is at least one.
    walks: Vec<PlannedWalk>,
}

/// A walk that will run, or why it cannot.
#[derive(Debug)]
struct PlannedWalk {
    choice: Choice,
    refusal: Option<Error>,
}

impl PlannedWalk {
    /// Makes the report of a walk to which nothing has happened yet.
    fn report(&self, context: &UnitContext) -> AccountReport {
        let mut report = context.report();
        report.date = Some(self.choice.date());
        report.walk = self.choice.walk();
        report
    }
}

impl UnitRun {
    /// Takes the lock of the list and chooses the walks.
    pub(super) fn plan(run: &Arc<RunContext>, unit: usize) -> Result<Self, Error> {
        let state = run.state(unit)?;
        let tokens = run.tokens(unit)?;
        let owed = if run.options.fresh { Vec::new() } else { owed(run, unit, &state)? };
        let resume_within = run.pipeline.journal.resume_within;
        let choices = choose(&state, owed, &run.options, resume_within, run.pipeline.clock.now())?;
        let last = choices.last().expect("the last choice is the walk of the date");
        let context = UnitContext::new(run, unit, &state, last.walk());
        Ok(Self::new(context, tokens, state, choices))
    }

    /// Plans a replay: the newest decided walk of each date, oldest first.
    pub(super) fn replays(run: &Arc<RunContext>, unit: usize) -> Result<Self, Error> {
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
        let choices = walks.into_iter().map(|walk| Choice::Finish(Box::new(walk))).collect();
        Ok(Self::new(UnitContext::new(run, unit, &state, None), tokens, state, choices))
    }

    fn new(context: UnitContext, tokens: Arc<OwnedTokens>, state: ListState, choices: Vec<Choice>) -> Self {
        let walks = choices.into_iter().map(|choice| PlannedWalk { choice, refusal: None }).collect();
        Self { context, tokens, state, walks }
    }

    /// Asks every sink that lacks a walk, before any API call, whether it could publish it. A walk
    /// that a sink could not publish fails when its turn comes.
    ///
    /// # Errors
    ///
    /// [`ConfigErrors`] if the pipeline file is wrong, which concerns every unit.
    pub(super) async fn check(&mut self) -> Result<(), ConfigErrors> {
        for planned in &mut self.walks {
            if let Err(refusal) = check(&self.context, &planned.choice).await {
                match refusal {
                    Refusal::Pipeline(errors) => return Err(errors),
                    Refusal::Walk(error) => planned.refusal = Some(error),
                }
            }
        }
        Ok(())
    }

    /// Makes the source of the list; no API call is made yet.
    pub(super) fn source(&self) -> Source {
        let (run, list) = (&self.context.run, self.context.list());
        let counter = self.state.ledger(list.endpoint());
        let tokens = Arc::clone(&self.tokens.tokens);
        Source::new(run.client.clone(), list, tokens, &run.pipeline.source, counter, run.pipeline.clock.clone())
    }

    /// Returns the last commit record of `sink`; `None` if there is none, or it cannot be read.
    pub(super) fn last_commit(&self, sink: &BoundSink) -> Option<Commit> {
        let walks = self.state.walks().ok()?;
        walks.iter().rev().find_map(|walk| walk.commit(&self.context.recipient(sink)).ok().flatten())
    }

    /// Makes the reports of a unit that is planned: the walks that a run begins with.
    pub(super) fn planned(&self) -> Vec<AccountReport> {
        self.walks.iter().map(|planned| planned.report(&self.context)).collect()
    }

    /// Makes the reports of a check: the walks that a run would begin with, and the lists that are
    /// published already.
    pub(super) async fn preview(self) -> Vec<AccountReport> {
        let mut reports = Vec::new();
        for planned in &self.walks {
            let mut report = planned.report(&self.context);
            report.succeed(Verdict::Ready);
            let looked = match (&planned.refusal, &planned.choice) {
                (Some(error), _) => {
                    report.fail(error);
                    None
                }
                (None, Choice::Deliver(walk)) => Some((walk, Looked::unseen(&self.context, walk).map_err(Error::from))),
                (None, Choice::Finish(walk)) if walk.decision().is_some() => {
                    Some((walk, Looked::at(&self.context, &self.state, walk).await))
                }
                (None, _) => None,
            };
            match looked {
                Some((walk, Ok(looked))) => report_looked(walk, looked, &mut report),
                Some((_, Err(error))) => report.fail(&error),
                None => {}
            }
            reports.push(report);
        }
        reports
    }

    /// Runs the walks, prunes, and returns a report of each walk.
    pub(super) async fn run(mut self) -> Vec<AccountReport> {
        let run = Arc::clone(&self.context.run);
        let mut reports: Vec<AccountReport> = Vec::new();
        let mut earlier = Earlier::default();
        for planned in std::mem::take(&mut self.walks) {
            let source = self.source();
            let context = self.context.of_walk(&self.state, planned.choice.walk());
            let report = planned.report(&context);
            let walk = WalkRun { context: &context, state: &self.state, source: &source, choice: planned.choice };
            let report = walk.run(report, planned.refusal, &mut earlier).await;
            run.apply_fail_fast(&report);
            reports.push(report);
        }
        if let Err(error) = self.prune(&reports) {
            reports.last_mut().expect("there is at least one walk").fail(&error.into());
        }
        self.context.progress().finish(&reports);
        reports
    }

    /// Removes old walks, if a list was published.
    fn prune(&self, reports: &[AccountReport]) -> Result<(), JournalError> {
        if reports.iter().all(|report| report.verdict != Verdict::Published) {
            return Ok(());
        }
        let pipeline = &self.context.run.pipeline;
        let pruned = self.state.prune(pipeline.journal.keep, pipeline.journal.resume_within, pipeline.clock.now())?;
        if pruned > 0 {
            tracing::debug!(account = self.context.account().name, pruned, "old walks were removed");
        }
        Ok(())
    }

    /// Returns how many calls the walks will probably take. A list that is read for the first time
    /// may be the longest: `u64::MAX`.
    pub(super) fn expected_calls(&self) -> u64 {
        let pages = self.context.last().and_then(FollowerProof::of).map_or(u64::MAX, |proof| proof.pages);
        let calls = |planned: &PlannedWalk| match &planned.choice {
            _ if planned.refusal.is_some() => 0,
            Choice::Deliver(_) => 0,
            Choice::Finish(walk) if walk.decision().is_some() => 0,
            _ => pages,
        };
        self.walks.iter().map(calls).fold(0, u64::saturating_add)
    }

    pub(super) fn context(&self) -> &UnitContext {
        &self.context
    }
}

/// Why a walk cannot be published.
enum Refusal {
    /// The pipeline file is wrong, which concerns every unit.
    Pipeline(ConfigErrors),
    /// Only this walk fails.
    Walk(Error),
}

impl<Cause: Into<Error>> From<Cause> for Refusal {
    fn from(cause: Cause) -> Self {
        Self::Walk(cause.into())
    }
}

/// Asks every sink that lacks the chosen walk whether it could publish it.
async fn check(context: &UnitContext, choice: &Choice) -> Result<(), Refusal> {
    let walk = choice.walk().unwrap_or_else(|| WalkId::new(0, context.run.pipeline.clock.now()));
    for sink in context.sinks() {
        if let Choice::Deliver(walk) | Choice::Finish(walk) = choice
            && walk.commit(&context.recipient(sink))?.is_some()
        {
            continue;
        }
        let checked = sink.check(&context.sink_context(sink, walk, choice.date())).await;
        if let Err(error) = checked {
            return Err(match sink.config_error(&error) {
                Some(error) => Refusal::Pipeline(error.into()),
                None => Error::Sink { sink: sink.name().to_owned(), error }.into(),
            });
        }
    }
    Ok(())
}

/// Returns the decided walks that this pipeline decided and that one of its sinks lacks. A sink
/// that is no longer in the pipeline file is passed over.
fn owed(run: &RunContext, unit: usize, state: &ListState) -> Result<Vec<WalkFolder>, JournalError> {
    let sinks = &run.units[unit].sinks;
    let mut owed = Vec::new();
    for walk in state.owed()? {
        let is_ours = walk.decision().is_some_and(|decision| decision.pipeline == run.pipeline.name);
        let lacking = walk.lacking()?;
        if is_ours && sinks.iter().any(|sink| lacking.iter().any(|name| name == sink.name())) {
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
