//! One list of one account in a run: its lock, its walks, their reports.
//!
//! Before it: `run` and `replay` make one [`UnitRun`] for each list, and
//! [`list_walks`](super::list_walks) chooses its walks. Behind it: a [`WalkRun`] for each of them,
//! one after the other, and then old walks are pruned.
//!
//! Each walk has a report of its own. One that fails does not keep the next one waiting.

use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use fanout_sink::{Snapshot, WalkId};

use super::account_tokens::OwnedTokens;
use super::deliver::{Looked, ask_once, is_due};
use super::list_source::ListSource;
use super::list_walks::ListWalks;
use super::plan::Choice;
use super::proof::replies_of;
use super::run_context::RunContext;
use super::unit_context::UnitContext;
use super::walk::Earlier;
use super::walk_run::{WalkRun, report_looked};
use crate::config::ConfigErrors;
use crate::error::Error;
use crate::journal::{Commit, JournalError, Ledger, ListState, WalkFolder};
use crate::registry::BoundSink;
use crate::report::{AccountReport, SinkOutcome, SinkState, Verdict};
use crate::source::{BatchSource, CallCounter, Source, TagSource};
use crate::wechat::{List, Reading};

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
    /// Takes the lock of the list and chooses the walks. Returns `None` if there is nothing to do:
    /// no sink takes the list, and its walk of the date, on which other lists rest, is decided.
    pub(super) fn plan(run: &Arc<RunContext>, unit: usize) -> Result<Option<Self>, Error> {
        let now = run.pipeline.clock.now();
        let is_for_others = run.units[unit].sinks.is_empty();
        // `--fresh` reads the tags anew, also for the list that is made of them.
        let is_anew = run.options.fresh && run.units[unit].list == List::TAG_MEMBERS;
        if is_for_others && !is_anew && run.folder(unit).walks()?.decided_of(run.options.date_or_today(now)).is_some() {
            return Ok(None);
        }
        let state = run.state(unit)?;
        let tokens = run.tokens(unit)?;
        let list_walks = ListWalks::of(run.units[unit].list);
        // Read once: nothing is written while a run is planned, and the list is locked.
        let walks = list_walks.read(run, &state)?;
        let mut choices = list_walks.choose(run, unit, &walks, now)?;
        if is_for_others {
            // Lists that are decided are owed to nobody. An open walk is finished: a list that
            // takes more than a day's calls would else begin anew every day.
            let of_date = choices.pop();
            choices.retain(|choice| matches!(choice, Choice::Finish(walk) if walk.decision().is_none()));
            choices.extend(of_date);
        }
        let last = choices.last().expect("the last choice is the walk of the date");
        let context = UnitContext::new(run, unit, &walks, last.walk());
        Ok(Some(Self::new(context, tokens, state, choices)))
    }

    /// Plans a replay.
    pub(super) fn replays(run: &Arc<RunContext>, unit: usize) -> Result<Self, Error> {
        let state = run.state(unit)?;
        let tokens = run.tokens(unit)?;
        let date = run.options.date;
        let walks = state.walks()?;
        let choices = ListWalks::of(run.units[unit].list).replays(&walks, date);
        if choices.is_empty() {
            return Err(Error::NothingToReplay { date: date.map(|date| date.to_string()) });
        }
        Ok(Self::new(UnitContext::new(run, unit, &walks, None), tokens, state, choices))
    }

    fn new(context: UnitContext, tokens: Arc<OwnedTokens>, state: ListState, choices: Vec<Choice>) -> Self {
        let walks = choices.into_iter().map(|choice| PlannedWalk { choice, refusal: None }).collect();
        Self { context, tokens, state, walks }
    }

    /// Checks, before any API call, that the walks may begin, and asks every sink that lacks one
    /// whether it could publish it. A walk that may not begin, or that a sink could not publish,
    /// fails when its turn comes.
    ///
    /// # Errors
    ///
    /// [`ConfigErrors`] if the pipeline file is wrong, which concerns every unit.
    pub(super) async fn check(&mut self) -> Result<(), ConfigErrors> {
        for planned in &mut self.walks {
            if matches!(planned.choice, Choice::Begin(_))
                && let Err(error) = ListWalks::of(self.context.list()).check_begin(&self.context, &self.state)
            {
                planned.refusal = Some(error);
                continue;
            }
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
    pub(super) fn source(&self) -> ListSource {
        let (run, list) = (&self.context.run, self.context.list());
        let (client, clock) = (run.client.clone(), run.pipeline.clock.clone());
        let counter = self.state.ledger(list.endpoint());
        let (tokens, settings) = (Arc::clone(&self.tokens.tokens), &run.pipeline.source);
        match list.reading() {
            Reading::Pages { .. } => {
                ListSource::Pages(Box::new(Source::new(client, list, tokens, settings, counter, clock)))
            }
            Reading::PagesOfTags => {
                let of_tags = self.state.ledger(List::TAGS.endpoint());
                let source = TagSource::new(client, list, tokens, settings, counter, of_tags, clock);
                ListSource::Tags(Box::new(source))
            }
            Reading::Derived => ListSource::Derived(Arc::default()),
            Reading::Batches => {
                let singles = self.state.ledger(List::USER_INFO);
                ListSource::Batches(BatchSource::new(client, list, tokens, settings, counter, singles, clock))
            }
        }
    }

    /// Returns the last commit record of `sink`; `None` if there is none, or it cannot be read.
    pub(super) fn last_commit(&self, sink: &BoundSink) -> Option<Commit> {
        let walks = self.state.walks().ok()?;
        walks.iter().rev().find_map(|walk| self.context.commit(walk, sink).ok().flatten())
    }

    /// Returns the newest list; `None` if there is none, or it cannot be read.
    pub(super) fn newest(&self) -> Option<Snapshot> {
        self.state.walks().ok()?.decision_before(None).map(|decision| decision.snapshot.clone())
    }

    /// Returns the newest list of those on which this one rests; `None` if there is none, or it
    /// cannot be read.
    pub(super) fn last_input(&self) -> Option<Snapshot> {
        self.context.list().rests_on()?;
        self.context.input().walks().ok()?.decision_before(None).map(|decision| decision.snapshot.clone())
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
                (None, Choice::Deliver(walk)) => Some((walk, Looked::owed(&self.context, walk).map_err(Error::from))),
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
        let mut behind = BTreeSet::new();
        for planned in std::mem::take(&mut self.walks) {
            let source = self.source();
            let context = self.context.of_walk(&self.state, planned.choice.walk());
            let report = planned.report(&context);
            let choice = planned.choice;
            let walk = WalkRun { context: &context, state: &self.state, source: &source, choice, behind: &behind };
            // Boxed: the futures of its callers would be large.
            let report = Box::pin(walk.run(report, planned.refusal, &mut earlier)).await;
            run.apply_fail_fast(&report);
            if ListWalks::of(self.context.list()).are_told_in_order() {
                behind.extend(self.lacking(report.walk));
            }
            reports.push(report);
        }
        if let Err(error) = self.prune(&reports) {
            reports.last_mut().expect("there is at least one walk").fail(&error.into());
        }
        self.context.progress().finish(&reports);
        reports
    }

    /// Returns the names of the sinks that lack a walk, if it is decided.
    fn lacking(&self, walk: Option<WalkId>) -> Vec<String> {
        let walks = self.state.walks().unwrap_or_default();
        let decided = walks.iter().find(|found| Some(found.header().walk) == walk && found.decision().is_some());
        let Some(decided) = decided else { return Vec::new() };
        // A commit that cannot be read is none: what follows must wait.
        let lacks = |sink: &&BoundSink| !matches!(self.context.commit(decided, sink), Ok(Some(_)));
        let due = self.context.sinks().iter().filter(|sink| is_due(decided, sink) && !sink.is_one_shot());
        due.filter(lacks).map(|sink| sink.name().to_owned()).collect()
    }

    /// Removes old walks, if a list was published or a walk was given up.
    fn prune(&self, reports: &[AccountReport]) -> Result<(), JournalError> {
        // A list that lacks some tags is published, and its row has failed.
        let has_published = reports.iter().any(|report| {
            let of_sink = |sink: &SinkOutcome| matches!(sink.state, SinkState::Published(_));
            report.verdict == Verdict::Published || report.sinks.iter().any(of_sink)
        });
        // A walk that was given up needs no newer list to be old, and pins nothing.
        if !has_published && !self.state.walks()?.last().is_some_and(WalkFolder::is_given_up) {
            return Ok(());
        }
        ListWalks::of(self.context.list()).unpin(&self.context, &self.state)?;
        let pipeline = &self.context.run.pipeline;
        let pruned = self.state.prune(
            pipeline.journal.keep,
            pipeline.resume_within(self.context.list()),
            pipeline.clock.now(),
        )?;
        if pruned > 0 {
            tracing::debug!(account = self.context.account().name, pruned, "old walks were removed");
        }
        Ok(())
    }

    /// Returns how many calls the walks will probably take. A list that is read for the first time
    /// may be the longest: `u64::MAX`.
    pub(super) fn expected_calls(&self) -> u64 {
        let pages = self.context.last().and_then(replies_of).unwrap_or(u64::MAX);
        let calls = |planned: &PlannedWalk| match &planned.choice {
            _ if planned.refusal.is_some() => 0,
            Choice::Deliver(_) | Choice::Baseline(_) => 0,
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
        let needs_it = match choice {
            Choice::Deliver(_) if sink.is_one_shot() => false,
            Choice::Deliver(walk) | Choice::Finish(walk) => is_due(walk, sink) && context.commit(walk, sink)?.is_none(),
            Choice::Begin(_) | Choice::Baseline(_) => true,
        };
        if !needs_it {
            continue;
        }
        let asked = context.sink_context(sink, walk, choice.date());
        // A store that does not answer takes minutes.
        let checked = context.run.or_stopped(ask_once(sink, async move |sink| sink.check(&asked).await)).await?;
        if let Err(error) = checked {
            return Err(match sink.config_error(&error) {
                Some(error) => Refusal::Pipeline(error.into()),
                None => Error::Sink { sink: sink.name().to_owned(), error }.into(),
            });
        }
    }
    Ok(())
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
