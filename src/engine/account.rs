//! One account of a run: its lock, its walk, its report.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use chrono::{NaiveDate, Utc};
use fanout_sink::{SinkContext, Snapshot, WalkId};

use super::budget::Budget;
use super::plan::{Choice, choose};
use super::progress::AccountProgress;
use super::proof::FollowerProof;
use super::publication::{Publication, Published};
use super::report::{AccountReport, SinkState, Verdict};
use super::shared::Shared;
use crate::config::{Account, ConfigErrors, Pipeline, SinkSection};
use crate::error::Error;
use crate::journal::{AccountState, Commit, FORMAT, Identity, Journal, Recipient, WalkFolder};
use crate::registry::BoundSink;
use crate::source::{Source, SourceError, host_identity};

/// The list that every account has, and that a run reads.
const LIST: &str = "followers";

/// One account, with its state locked and its walk chosen.
#[derive(Debug)]
pub(super) struct AccountRun {
    pub(super) shared: Arc<Shared>,
    pub(super) sinks: Arc<[BoundSink]>,
    /// Its place in the pipeline file.
    index: usize,
    budget: Budget,
    state: Arc<AccountState>,
    choice: Choice,
    /// Decided walks of earlier days that this pipeline still owes to a sink.
    owed: Vec<WalkFolder>,
    /// The list that was decided on before: what this one will be like.
    last: Option<Snapshot>,
}

impl AccountRun {
    /// Takes the account's lock and chooses its walk.
    pub(super) fn plan(shared: &Arc<Shared>, sinks: &Arc<[BoundSink]>, index: usize) -> Result<Self, Error> {
        let pipeline = &shared.pipeline;
        let state = AccountState::open(&pipeline.journal.path, identity(pipeline, index), &holder(pipeline))?;
        let choice = choose(&state, &shared.selection, pipeline.journal.resume_within, Utc::now())?;
        let mut owed = Vec::new();
        if !shared.selection.fresh {
            for walk in state.owed()? {
                let is_ours = walk.decision().is_some_and(|decision| decision.pipeline == pipeline.name);
                let is_chosen = matches!(&choice, Choice::Finish(chosen) if chosen.header().walk == walk.header().walk);
                // A sink that is no longer in the pipeline file cannot be given anything.
                let lacking = walk.lacking()?;
                if is_ours && !is_chosen && sinks.iter().any(|sink| lacking.iter().any(|name| name == sink.name())) {
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
        let state = Arc::new(state);
        let budget = shared.budget.for_account();
        Ok(Self { shared: Arc::clone(shared), sinks: Arc::clone(sinks), index, budget, state, choice, owed, last })
    }

    /// Plans a replay: one run of the account for each of its decided walks, oldest first. Of one date the newest counts.
    pub(super) fn replays(shared: &Arc<Shared>, sinks: &Arc<[BoundSink]>, index: usize) -> Result<Vec<Self>, Error> {
        let pipeline = &shared.pipeline;
        let state = AccountState::open(&pipeline.journal.path, identity(pipeline, index), &holder(pipeline))?;
        let date = shared.selection.date;
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
            shared: Arc::clone(shared),
            sinks: Arc::clone(sinks),
            index,
            budget: shared.budget.for_account(),
            state: Arc::clone(&state),
            choice: Choice::Finish(Box::new(walk)),
            owed: Vec::new(),
            last: None,
        };
        Ok(walks.into_iter().map(replay).collect())
    }

    /// Lets every sink say, before any API call, what would keep it from publishing.
    ///
    /// The outer error is about the pipeline file and concerns every account; the inner one concerns this account.
    pub(super) async fn check(&self) -> Result<Result<(), Error>, ConfigErrors> {
        let walk = match &self.choice {
            Choice::Finish(walk) => walk.header().walk,
            Choice::Begin(_) => WalkId::new(0, Utc::now()),
        };
        for sink in self.sinks.iter() {
            if let Choice::Finish(walk) = &self.choice {
                match walk.commit(&self.recipient(sink)) {
                    Ok(None) => {}
                    Ok(Some(_)) => continue,
                    Err(error) => return Ok(Err(error.into())),
                }
            }
            if let Err(error) = sink.check(&self.context(sink, walk, self.choice.date())).await {
                if let Some(error) = sink.config_error(&error) {
                    return Err(error.into());
                }
                return Ok(Err(Error::Sink { sink: sink.name().to_owned(), error }));
            }
        }
        Ok(Ok(()))
    }

    /// Makes the way to the account's list; no call is made yet.
    pub(super) fn source(&self) -> Result<Source, SourceError> {
        let settings = &self.shared.pipeline.source;
        Source::new(self.shared.client.clone(), self.account(), settings, self.state.ledger())
    }

    /// Returns what `sink` has published last; none if that is nothing, or cannot be read.
    pub(super) fn last_commit(&self, sink: &BoundSink) -> Option<Commit> {
        let walks = self.state.walks().ok()?;
        walks.iter().rev().find_map(|walk| walk.commit(&self.recipient(sink)).ok().flatten())
    }

    /// Reports what a run would begin with.
    pub(super) fn preview(&self) -> AccountReport {
        let mut report = AccountReport::new(&self.account().name, &self.account().app_id);
        report.verdict = Verdict::Ready;
        report.date = Some(self.choice.date().to_string());
        if let Choice::Finish(walk) = &self.choice {
            report.walk = Some(walk.header().walk.to_string());
        }
        report
    }

    /// Does the work, and reports on it.
    pub(super) async fn run(self) -> AccountReport {
        let started = Instant::now();
        let account = self.account();
        let mut report = AccountReport::new(&account.name, &account.app_id);
        match self.source() {
            Ok(source) => {
                self.progress().begin(source.tally());
                if let Err(error) = self.work(&source, &mut report).await {
                    let error = self.shared.why_stopped(error);
                    report.fail(&error);
                    if matches!(error, Error::Interrupted) {
                        report.hint = Some(self.shared.selection.how_to_go_on().to_owned());
                    }
                }
                report.calls = source.calls();
                report.calls_left = source.calls_left_now();
                report.retries = source.retries();
            }
            Err(error) => report.fail(&error.into()),
        }
        report.previous_followers = self.last.as_ref().map(|list| list.rows);
        report.previous_fetched_at = self.last.as_ref().and_then(|list| list.last_fetched_at);
        report.seconds = started.elapsed().as_secs_f64();
        self.progress().finish(&report);
        self.shared.note(&report);
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
        self.progress().resume(journal.pages(), journal.openids());
        let published = self.publish(journal, source).await?;
        let header = published.journal.folder().header();
        report.walk = Some(header.walk.to_string());
        report.date = Some(header.date.to_string());
        report.pages = published.journal.pages();
        report.sinks = published.outcomes;
        report.snapshot = published.snapshot;
        published.result?;
        let pruned = self.state.prune(self.shared.pipeline.journal.keep)?;
        if pruned > 0 {
            tracing::debug!(account = self.account().name, pruned, "old walks were removed");
        }
        Ok(())
    }

    async fn publish(&self, journal: Journal, source: &Source) -> Result<Published, Error> {
        Ok(Publication::new(self, journal)?.run(source).await)
    }

    /// Reports on a walk that every sink has already; none if one lacks it.
    fn already_published(&self, walk: &WalkFolder) -> Result<Option<AccountReport>, Error> {
        let Some(decision) = walk.decision() else { return Ok(None) };
        let mut report = AccountReport::new(&self.account().name, &self.account().app_id);
        for sink in self.sinks.iter() {
            match super::publication::outcome(self, walk, sink)? {
                outcome if matches!(outcome.state, SinkState::AlreadyPublished(_)) => report.sinks.push(outcome),
                _ => return Ok(None),
            }
        }
        report.verdict = Verdict::AlreadyPublished;
        report.walk = Some(walk.header().walk.to_string());
        report.date = Some(walk.header().date.to_string());
        report.pages = FollowerProof::of(&decision.snapshot).map_or(0, |proof| proof.pages);
        report.snapshot = Some(decision.snapshot.clone());
        Ok(Some(report))
    }

    /// Returns what a sink is told about a walk of this account.
    pub(super) fn context(&self, sink: &BoundSink, walk: WalkId, date: NaiveDate) -> SinkContext {
        let pipeline = &self.shared.pipeline;
        SinkContext::new(&self.account().name, &self.account().app_id, Arc::clone(sink.schema()))
            .with_names(&pipeline.name, sink.name())
            .with_accounts(Arc::clone(&self.shared.account_names))
            .with_list(LIST)
            .with_walk(walk, date)
            .with_again(self.shared.selection.again)
            .with_directory(&pipeline.directory)
            .with_simulated(pipeline.simulated_by_flag)
    }

    /// Returns whom a commit record of `sink` is about.
    pub(super) fn recipient(&self, sink: &BoundSink) -> Recipient {
        recipient(&self.shared.pipeline, sink.section())
    }

    pub(super) fn budget(&self) -> &Budget {
        &self.budget
    }

    /// Returns how many calls the account is likely to take: those with the most begin first. Nobody knows that of a first
    /// list, which may be the longest.
    pub(super) fn expected_calls(&self) -> u64 {
        match &self.choice {
            Choice::Finish(walk) if walk.decision().is_some() => 0,
            _ => self.last.as_ref().and_then(FollowerProof::of).map_or(u64::MAX, |proof| proof.pages),
        }
    }

    pub(super) fn last(&self) -> Option<&Snapshot> {
        self.last.as_ref()
    }

    pub(super) fn account(&self) -> &Account {
        &self.shared.pipeline.accounts[self.index]
    }

    pub(super) fn progress(&self) -> &AccountProgress {
        &self.shared.progress.accounts()[self.index]
    }
}

/// Returns what another run is told of this one.
pub(super) fn holder(pipeline: &Pipeline) -> String {
    format!("pipeline `{}`", pipeline.name)
}

/// Returns whom a commit record is about that names a sink of `pipeline`.
pub(super) fn recipient(pipeline: &Pipeline, sink: &SinkSection) -> Recipient {
    Recipient { pipeline: pipeline.name.clone(), sink: sink.name.clone(), options: sink.digest() }
}

/// Returns which walks an account may go on with.
pub(super) fn identity(pipeline: &Pipeline, index: usize) -> Identity {
    let source = &pipeline.source;
    let (host, list) = match &source.simulate {
        // A simulated list of another length or seed is another list.
        Some(simulate) => (
            "simulator".to_owned(),
            format!("simulated-{}-{}-{}", simulate.followers, simulate.seed, simulate.page_size),
        ),
        None => (host_identity(&source.base_url).to_owned(), LIST.to_owned()),
    };
    Identity { format: FORMAT, app_id: pipeline.accounts[index].app_id.clone(), host, list }
}
