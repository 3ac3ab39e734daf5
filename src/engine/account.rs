//! One account of a run: its lock, its walk, its report.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use chrono::{NaiveDate, Utc};
use fanout_sink::WalkId;

use super::account_context::AccountContext;
use super::account_tokens::OwnedTokens;
use super::deliver::{Publication, PublicationResult, sink_outcome};
use super::plan::{Choice, choose};
use super::proof::FollowerProof;
use super::run_context::RunContext;
use crate::config::ConfigErrors;
use crate::error::Error;
use crate::journal::{Commit, Journal, Ledger, ListState, WalkFolder};
use crate::registry::BoundSink;
use crate::report::{AccountReport, SinkState, Verdict};
use crate::source::{CallCounter, Source};

/// One account, with its state locked and its walk chosen.
#[derive(Debug)]
pub(super) struct AccountRun {
    context: AccountContext,
    tokens: Arc<OwnedTokens>,
    state: Arc<ListState>,
    choice: Choice,
    /// Decided walks of earlier days that this pipeline still owes to a sink.
    owed: Vec<WalkFolder>,
}

/// What keeps an account from being run.
pub(super) enum Refusal {
    /// The pipeline file is wrong, which concerns every account.
    Pipeline(ConfigErrors),
    /// This account alone fails.
    Account(Error),
}

impl<Cause: Into<Error>> From<Cause> for Refusal {
    fn from(cause: Cause) -> Self {
        Self::Account(cause.into())
    }
}

impl AccountRun {
    /// Takes the account's lock and chooses its walk.
    pub(super) fn plan(run: &Arc<RunContext>, unit: usize) -> Result<Self, Error> {
        let pipeline = &run.pipeline;
        let state = run.state(unit)?;
        let tokens = run.tokens(unit)?;
        let choice = choose(&state, &run.options, pipeline.journal.resume_within, Utc::now())?;
        let mut owed = Vec::new();
        if !run.options.fresh {
            for walk in state.owed()? {
                let is_ours = walk.decision().is_some_and(|decision| decision.pipeline == pipeline.name);
                let is_chosen = matches!(&choice, Choice::Finish(chosen) if chosen.header().walk == walk.header().walk);
                // A sink that is no longer in the pipeline file cannot be given anything.
                let lacking = walk.lacking()?;
                if is_ours
                    && !is_chosen
                    && run.units[unit].sinks.iter().any(|sink| lacking.iter().any(|name| name == sink.name()))
                {
                    owed.push(walk);
                }
            }
        }
        // Only a forecast rests on it, and a new walk is what may have to be begun where the old ones are damaged.
        let chosen = match &choice {
            Choice::Finish(walk) => Some(walk.header().walk),
            Choice::Begin(_) => None,
        };
        let last = state.last_decision(chosen).ok().flatten().map(|decision| decision.snapshot);
        Ok(Self { context: AccountContext::new(run, unit, last), tokens, state: Arc::new(state), choice, owed })
    }

    /// Plans a replay: one run of the account for each of its decided walks, oldest first. Of one date the newest counts.
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
            context: AccountContext::new(run, unit, None),
            tokens: Arc::clone(&tokens),
            state: Arc::clone(&state),
            choice: Choice::Finish(Box::new(walk)),
            owed: Vec::new(),
        };
        Ok(walks.into_iter().map(replay).collect())
    }

    /// Lets every sink say, before any API call, what would keep it from publishing.
    pub(super) async fn check(&self) -> Result<(), Refusal> {
        let walk = match &self.choice {
            Choice::Finish(walk) => walk.header().walk,
            Choice::Begin(_) => WalkId::new(0, Utc::now()),
        };
        for sink in self.context.sinks().iter() {
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

    /// Makes the way to the account's list; no call is made yet.
    pub(super) fn source(&self) -> Source {
        let (run, list) = (&self.context.run, self.context.list());
        let counter = self.state.ledger(list.endpoint());
        Source::new(run.client.clone(), list, Arc::clone(&self.tokens.tokens), &run.pipeline.source, counter)
    }

    /// Returns what `sink` has published last; none if that is nothing, or cannot be read.
    pub(super) fn last_commit(&self, sink: &BoundSink) -> Option<Commit> {
        let walks = self.state.walks().ok()?;
        walks.iter().rev().find_map(|walk| walk.commit(&self.context.recipient(sink)).ok().flatten())
    }

    /// Reports what a run would begin with.
    pub(super) fn preview(&self) -> AccountReport {
        let mut report = self.context.report();
        report.succeed(Verdict::Ready);
        report.date = Some(self.choice.date());
        if let Choice::Finish(walk) = &self.choice {
            report.walk = Some(walk.header().walk);
        }
        report
    }

    /// Does the work, and reports on it.
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
        self.context.run.note(&report);
        report
    }

    async fn work(&self, source: &Source, report: &mut AccountReport) -> Result<(), Error> {
        for walk in &self.owed {
            tracing::info!(
                walk = walk.header().walk.to_string(),
                "an earlier walk is still owed to a sink; delivering it first"
            );
            self.publish(Journal::open(walk.clone())?, source).await?.result?;
        }
        let journal = match &self.choice {
            Choice::Begin(date) => self.state.begin(*date, Utc::now())?,
            Choice::Finish(walk) => {
                if let Some(done) = self.already_published(walk)? {
                    *report = done;
                    return Ok(());
                }
                Journal::open(WalkFolder::clone(walk))?
            }
        };
        self.context.progress().resume(journal.pages(), journal.openids());
        let published = self.publish(journal, source).await?;
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

    async fn publish(&self, journal: Journal, source: &Source) -> Result<PublicationResult, Error> {
        Ok(Publication::new(&self.context, journal)?.run(source).await)
    }

    /// Reports on a walk that every sink has already; none if one lacks it.
    fn already_published(&self, walk: &WalkFolder) -> Result<Option<AccountReport>, Error> {
        let Some(decision) = walk.decision() else { return Ok(None) };
        let mut report = self.context.report();
        for sink in self.context.sinks().iter() {
            match sink_outcome(&self.context, walk, sink)? {
                outcome if matches!(outcome.state, SinkState::AlreadyPublished(_)) => report.sinks.push(outcome),
                _ => return Ok(None),
            }
        }
        report.succeed(Verdict::AlreadyPublished);
        report.walk = Some(walk.header().walk);
        report.date = Some(walk.header().date);
        report.pages = FollowerProof::of(&decision.snapshot).map_or(0, |proof| proof.pages);
        report.snapshot = Some(decision.snapshot.clone());
        Ok(Some(report))
    }

    /// Returns how many calls the account is likely to take: those with the most begin first. Nobody knows that of a first
    /// list, which may be the longest.
    pub(super) fn expected_calls(&self) -> u64 {
        match &self.choice {
            Choice::Finish(walk) if walk.decision().is_some() => 0,
            _ => self.context.last().and_then(FollowerProof::of).map_or(u64::MAX, |proof| proof.pages),
        }
    }

    pub(super) fn context(&self) -> &AccountContext {
        &self.context
    }
}

/// The calls of a source are counted in the ledger of the state.
impl CallCounter for Ledger {
    fn count(&self, now: chrono::DateTime<Utc>) {
        self.count(now);
    }

    fn today(&self, now: chrono::DateTime<Utc>) -> u64 {
        self.today(now)
    }
}
