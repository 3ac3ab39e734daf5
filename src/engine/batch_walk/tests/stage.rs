//! What a batch walk needs around it: a run, a state, and a decided walk of followers.

use std::sync::Arc;

use bytes::Bytes;
use fanout_sink::Snapshot;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use super::super::{BatchWalk, Completed, Hints, Input, NewBatches, Settling, asked, begin_batches};
use super::double::Double;
use crate::batches::{Asked, Outcome};
use crate::config::{Overrides, Pipeline};
use crate::engine::progress::Progress;
use crate::engine::proof::{FollowerProof, Proof};
use crate::engine::run_context::RunContext;
use crate::engine::run_options::RunOptions;
use crate::engine::unit_context::UnitContext;
use crate::error::Error;
use crate::journal::{BatchJournal, Decision, End, ListState, Plan, RestsOn, WalkFolder};
use crate::source::BatchSource;
use crate::wechat::{Cursor, List, Page, PageReply, summarize};

/// A run with one account, whose followers were read and decided.
pub(super) struct Stage {
    pub(super) double: Double,
    pub(super) run: Arc<RunContext>,
    pub(super) context: UnitContext,
    pub(super) input: Input,
    state: ListState,
    plan: Plan,
    _followers: ListState,
    _folder: TempDir,
}

/// Returns the OpenID of follower `number`.
pub(super) fn openid(number: u64) -> String {
    format!("oAAAAA{number:022}")
}

impl Stage {
    /// Sets one up with `openids`, on pages of 1,000. `settings` are lines of the pipeline file.
    pub(super) async fn with(double: Double, openids: &[String], settings: &str) -> Self {
        let folder = TempDir::new().unwrap();
        let pause = if settings.contains("ask_again") { "" } else { "source.profiles.ask_again_after_secs = 0\n" };
        let text = format!(
            "name = 'p'\n{settings}\nsource.base_url = '{}'\nsource.retry.base_ms = 1\nsource.retry.max_ms = 2\n\
             {pause}[[accounts]]\nname = 'a'\napp_id = 'wx1'\ntoken = {{ env = 'T' }}\n\
             [sinks.x]\ntype = 'parquet'\nlist = 'profiles'\n",
            double.base_url
        );
        let overrides =
            Overrides { environment: [("T", "a-token-of-a-test")].into_iter().collect(), ..Overrides::default() };
        let mut pipeline = Pipeline::from_toml(&text, &folder.path().join("p.toml"), &overrides).unwrap();
        pipeline.journal.path = folder.path().join("state");
        let progress = Arc::new(Progress::new(&pipeline));
        let run = RunContext::new(pipeline, &[], RunOptions::default(), progress, CancellationToken::new()).unwrap();
        let unit = |list| run.units.iter().position(|unit| unit.list == list).unwrap();
        let followers = run.state(unit(List::FOLLOWERS)).unwrap();
        let walk = decided(&followers, openids);
        let snapshot = walk.decision().unwrap().snapshot.clone();
        let rests_on = RestsOn { walk: snapshot.walk, rows: snapshot.rows, digest: snapshot.digest };
        let input = Input::open(&walk, &rests_on, &run.stop).await.unwrap();
        let plan = Plan {
            input: rests_on,
            base: None,
            refresh_days: None,
            bound_anew: false,
            own: None,
            changes: None,
            verify: run.pipeline.profiles.verify,
            made_at: run.pipeline.clock.now(),
        };
        let state = run.state(unit(List::PROFILES)).unwrap();
        let context = UnitContext::new(&run, unit(List::PROFILES), &state.walks().unwrap(), None);
        Self { double, context, input, state, plan, _followers: followers, _folder: folder, run }
    }

    /// Sets one up with this many followers.
    pub(super) async fn of(followers: u64, settings: &str) -> Self {
        let openids: Vec<String> = (0..followers).map(openid).collect();
        Self::with(Double::start(std::time::Duration::ZERO).await, &openids, settings).await
    }

    pub(super) fn source(&self) -> BatchSource {
        let (run, list) = (&self.run, List::PROFILES);
        let unit = run.units.iter().position(|unit| unit.list == list).unwrap();
        let tokens = Arc::clone(&run.tokens(unit).unwrap().tokens);
        let ledger = |endpoint| self.state.ledger(endpoint);
        let counters = (ledger(list.endpoint()), ledger(List::USER_INFO));
        let clock = run.pipeline.clock.clone();
        BatchSource::new(run.client.clone(), list, tokens, &run.pipeline.source, counters.0, counters.1, clock)
    }

    /// Begins a walk.
    pub(super) async fn begin(&self, source: &BatchSource) -> Result<BatchJournal, Error> {
        self.context.progress().begin_walk(source.stats());
        let draft = self.state.draft("2026-11-22".parse().unwrap(), self.plan.clone()).unwrap();
        let asked = Asked::all(self.input.rows());
        begin_batches(NewBatches { context: &self.context, source, input: &self.input, asked: &asked }, draft).await
    }

    /// Continues the walk that has begun, as another run does.
    pub(super) async fn go_on(&self) -> Result<(BatchJournal, Completed), Error> {
        let source = self.source();
        self.context.progress().begin_walk(source.stats());
        let mut journal = self.reopen();
        let completed = self.walk(&source, &mut journal).await?;
        Ok((journal, completed))
    }

    /// Opens the journal of the walk that has begun.
    pub(super) fn reopen(&self) -> BatchJournal {
        BatchJournal::open(self.state.walks().unwrap().last().unwrap().clone()).unwrap()
    }

    /// Begins a walk and reads it to its end.
    pub(super) async fn walk_anew(&self) -> Result<(BatchJournal, Completed), Error> {
        let source = self.source();
        let mut journal = self.begin(&source).await?;
        let completed = self.walk(&source, &mut journal).await?;
        Ok((journal, completed))
    }

    async fn walk(&self, source: &BatchSource, journal: &mut BatchJournal) -> Result<Completed, Error> {
        BatchWalk { context: &self.context, source, journal, input: &self.input }.run().await
    }

    /// Returns the walks that a later run would continue.
    pub(super) fn resumable(&self) -> usize {
        let within = self.run.pipeline.profiles.resume_within;
        self.state.walks().unwrap().open(within, self.run.pipeline.clock.now()).unwrap().0.len()
    }

    /// Returns what came of each follower, in the order of their positions.
    pub(super) fn outcomes(&self, journal: &BatchJournal, hints: Hints) -> Vec<Outcome> {
        let asked = asked(journal).unwrap();
        let settling = Settling { journal, input: &self.input, asked: &asked };
        let mut outcomes = Vec::new();
        for batch in settling.settled(hints) {
            let batch = batch.unwrap();
            assert_eq!(batch.positions.first(), Some(&(outcomes.len() as u64)));
            assert_eq!(batch.positions.len(), batch.verdicts.len());
            assert!(batch.verdicts.iter().all(|verdict| verdict.answer < batch.replies.len()));
            outcomes.extend(batch.verdicts.iter().map(|verdict| verdict.outcome));
        }
        outcomes
    }

    /// Returns the cost of a batch that the journal has.
    pub(super) fn cost(&self, journal: &BatchJournal) -> Option<u64> {
        let asked = asked(journal).unwrap();
        Settling { journal, input: &self.input, asked: &asked }.cost().unwrap()
    }
}

/// Writes a walk of followers and decides it.
fn decided(state: &ListState, openids: &[String]) -> WalkFolder {
    let total = openids.len() as u64;
    let mut journal = None;
    for (number, page) in (1..).zip(openids.chunks(1_000)) {
        let cursor = match number {
            1 => Cursor::START,
            _ => Cursor::after(&format!("cursor {number}")).unwrap(),
        };
        let body = serde_json::json!({
            "total": total, "count": page.len(), "data": { "openid": page }, "next_openid": format!("cursor {}", number + 1),
        });
        let body = Bytes::from(body.to_string());
        let PageReply::Page(summary) = summarize(&body).unwrap() else { panic!("a page") };
        let page = Page { cursor, body, summary, fetched_at: chrono::DateTime::UNIX_EPOCH };
        match &mut journal {
            None => journal = Some(state.begin("2026-11-22".parse().unwrap(), &page).unwrap()),
            Some(journal) => drop(crate::journal::Journal::append(journal, &page).unwrap()),
        }
    }
    let mut journal = journal.unwrap();
    journal.append_end(End { total, fetched_at: chrono::DateTime::UNIX_EPOCH }).unwrap();
    let distinct: std::collections::HashSet<&String> = openids.iter().collect();
    let rows = distinct.len() as u64;
    let proof = FollowerProof { pages: journal.pages(), total, duplicates: total - rows, empty: 0 };
    let snapshot = Snapshot {
        walk: journal.walk(),
        date: "2026-11-22".parse().unwrap(),
        begun_at: chrono::DateTime::UNIX_EPOCH,
        rows,
        first_fetched_at: None,
        last_fetched_at: None,
        digest: "sha256:of-a-test".to_owned(),
        proof: proof.into_fields(),
    };
    journal.decided(
        journal.folder().record_decision(Decision { snapshot, pipeline: "p".to_owned(), sinks: Vec::new() }).unwrap(),
    );
    journal.folder().clone()
}
