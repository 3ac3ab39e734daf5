//! The loop of a batch walk: first rounds of all batches, then whatever the rules want to know,
//! until every element is settled.
//!
//! Before it: [`begin_batches`](super::begin_batches), or an earlier run. Behind it: the journal
//! has the end of the walk, and the list is delivered from there.
//!
//! ```text
//! unasked ──► first round ──► settle ──► done
//!                ▲              │
//!                │   halves, second rounds: at once
//!                └──────────────┤
//!                               └► singles: when all of that is done, after a pause
//! ```
//!
//! - Replies are journaled in the order in which they come; the next request leaves when its turn
//!   comes, whatever batch it is of.
//! - A reply changes what is known of its batch and of those beside it, so these are settled again.
//!   The first identity of a walk, and a request that was too large, open every batch again.
//! - A call that has failed for good may have its followers as the reason: then the journal says
//!   that it had no reply, and its halves are asked for.
//! - Nothing but the journal decides what is asked: a run that continues a walk first reads it.

use std::collections::BTreeSet;
use std::time::Duration;

use tokio::task::{JoinError, JoinSet};

use super::call::{Call, Ended, Replied};
use super::conflicts::Identities;
use super::forecast;
use super::input::Input;
use super::known::Known;
use super::limiter::Limiter;
use super::patience;
use super::queue::Queue;
use super::settling::{Hints, Settling, asked};
use super::table::{Stage, Table};
use crate::batches::{Asked, Round, Seam, Settled, Shared};
use crate::engine::deliver::Duplicates;
use crate::engine::limits::batches_in_memory;
use crate::engine::unit_context::UnitContext;
use crate::engine::walk::GroupSync;
use crate::error::Error;
use crate::journal::{BatchJournal, End};
use crate::source::{BatchSource, Reach, SourceError};

/// Batches that are settled before others get their turn.
const TURN: usize = 32;

/// How long a walk that stops waits for the replies that are under way.
const DRAIN: Duration = Duration::from_secs(5);

/// A walk of batches under way.
#[derive(Debug)]
pub(in crate::engine) struct BatchWalk<'a> {
    pub(in crate::engine) context: &'a UnitContext,
    pub(in crate::engine) source: &'a BatchSource,
    pub(in crate::engine) journal: &'a mut BatchJournal,
    pub(in crate::engine) input: &'a Input,
}

/// What a walk has found out about all its batches together.
#[derive(Clone, Debug, Default)]
pub(in crate::engine) struct Completed {
    /// What all its replies say together.
    pub(in crate::engine) hints: Hints,
    /// The positions of elements whose identity another one seems to have, too, though each was
    /// asked about alone. If there are none, all identities are distinct.
    pub(in crate::engine) conflicts: Duplicates,
}

impl BatchWalk<'_> {
    /// Asks for everything that is missing, and ends the walk.
    ///
    /// # Errors
    ///
    /// [`Error::Interrupted`] if the run is to stop; [`SourceError`] if a reply cannot be fetched,
    /// or the walk cannot succeed any more: then it is given up. The journal keeps what was read
    /// until then.
    pub(in crate::engine) async fn run(&mut self) -> Result<Completed, Error> {
        let asked = asked(self.journal)?;
        let mut syncing = GroupSync::new(self.journal.bytes());
        let hints = settling(self, &asked).first_hints()?;
        let result = Run::new(self, &asked, hints).read_to_end(&mut syncing).await;
        let disk = &self.context.run.disk;
        let synced = syncing.finish(self.journal.file(), disk).await;
        let now = self.context.run.pipeline.clock.now();
        let completed = result.map_err(|error| {
            let error = forecast::with_batches_left(error, self.journal.answered(), asked.batches(), now);
            patience::give_up(self.journal, error)
        })?;
        synced?;
        if self.journal.end().is_none() {
            let fetched_at = self.journal.fetched_between().1.unwrap_or(now);
            self.journal.append_end(End { total: self.input.rows(), fetched_at })?;
            disk.sync(self.journal.file()).await?;
        }
        Ok(completed)
    }
}

/// The state of the loop.
pub(super) struct Run<'run, 'walk> {
    pub(super) walk: &'run mut BatchWalk<'walk>,
    pub(super) asked: &'run Asked,
    pub(super) table: Table,
    pub(super) known: Known,
    pub(super) identities: Identities,
    limiter: Limiter,
    /// Batches that are to be settled.
    dirty: BTreeSet<u64>,
    /// Requests that are to be made.
    pub(super) queue: Queue,
    calls: JoinSet<Ended>,
    /// The first batch that nothing was asked about.
    next: u64,
    /// Whether WeChat has told something about the first batches: until then no others are asked
    /// about, and none again.
    pub(super) is_trusted: bool,
    /// Whether single questions may be asked.
    pub(super) asks_singles: bool,
}

impl<'run, 'walk> Run<'run, 'walk> {
    pub(super) fn new(walk: &'run mut BatchWalk<'walk>, asked: &'run Asked, hints: Hints) -> Self {
        let batches = asked.batches();
        let concurrency = walk.context.run.pipeline.source.profiles.concurrency;
        Self {
            asked,
            table: Table::new(batches),
            known: Known::new(batches_in_memory(concurrency), hints),
            identities: Identities::new(walk.journal.folder().path(), batches),
            limiter: Limiter::new(concurrency, walk.source.strains()),
            dirty: BTreeSet::new(),
            queue: Queue::default(),
            calls: JoinSet::new(),
            next: 0,
            is_trusted: match walk.journal.plan().changes {
                Some(_) => walk.input.controls() == 0,
                None => batches < patience::FIRST,
            },
            asks_singles: false,
            walk,
        }
    }

    async fn read_to_end(&mut self, syncing: &mut GroupSync) -> Result<Completed, Error> {
        self.resume().await?;
        loop {
            self.ask_all(syncing).await?;
            let conflicts = self.conflicts().await?;
            if !self.ask_again(&conflicts).await? {
                let (refused, unreadable) = self.table.failed();
                self.check_failed(refused, unreadable + conflicts.count())?;
                return Ok(Completed { hints: self.known.hints(), conflicts });
            }
        }
    }

    /// Reads what the journal has, and compares the calls that the rest takes with those that are
    /// left today.
    async fn resume(&mut self) -> Result<(), Error> {
        let (batches, answered) = (self.asked.batches(), self.walk.journal.answered());
        self.walk.source.allow_retries_for(batches);
        let mut elements = 0;
        for batch in (0..batches).filter(|&batch| self.walk.journal.has(batch)) {
            self.table.set(batch, Stage::Open);
            self.dirty.insert(batch);
            elements += self.asked.own(batch);
        }
        let (run, progress) = (&self.walk.context.run, self.walk.context.progress());
        if progress.walk().pages > 0 {
            // It has just begun, and its calls were checked.
            return Ok(());
        }
        progress.resume(answered, elements, answered);
        progress.set_batches(batches, self.asked.len());
        tracing::info!(
            "the walk of {} goes on: {answered} of {batches} batches have a reply",
            self.walk.journal.folder().header().date
        );
        if let Some(cost) = settling(self.walk, self.asked).cost()? {
            self.walk.source.set_cost(cost);
            progress.set_cost(cost);
        }
        if answered < batches {
            let left = run.or_stopped(self.walk.source.calls_left()).await??;
            let (cost, now) = (self.walk.source.cost(), run.pipeline.clock.now());
            progress.set_calls_a_day(forecast::calls_a_day(left, &run.pipeline.source.profiles));
            let begun_at = self.walk.journal.folder().header().begun_at;
            let list = self.walk.context.list();
            forecast::warn_of_age(list, batches - answered, cost, left, &run.pipeline, begun_at);
            forecast::check(batches - answered, cost, left, &run.pipeline.source.quota, now)?;
        }
        // What was learnt from all replies must be known before anything is asked.
        self.decide_trust()?;
        while self.is_trusted && !self.dirty.is_empty() {
            self.settle_some()?;
            self.walk.context.run.or_stopped(tokio::task::yield_now()).await?;
        }
        if self.walk.journal.end().is_none() { self.check_binding().await } else { Ok(()) }
    }

    /// Asks until every batch is done.
    async fn ask_all(&mut self, syncing: &mut GroupSync) -> Result<(), Error> {
        loop {
            self.decide_trust()?;
            if self.is_trusted {
                self.settle_some()?;
            }
            while self.calls.len() < self.limiter.limit() {
                let Some(call) = self.next_call()? else { break };
                let batch = self.known.batch(settling(self.walk, self.asked), call.batch)?;
                self.calls.spawn(call.make(batch, self.walk.source, self.walk.context.budget()));
            }
            let run = &self.walk.context.run;
            if self.is_trusted && !self.dirty.is_empty() {
                // There is more to settle. What has ended meanwhile is taken in beside it.
                run.or_stopped(tokio::task::yield_now()).await?;
                while let Some(ended) = self.calls.try_join_next() {
                    self.take(ended, syncing).await?;
                }
            } else if let Some(ended) = run.or_stopped(self.calls.join_next()).await? {
                self.take(ended, syncing).await?;
            } else if self.table.first(Stage::Singles).is_some() {
                self.pause().await?;
                self.asks_singles = true;
            } else {
                let open = [Stage::Unasked, Stage::Open].into_iter().find_map(|stage| self.table.first(stage));
                assert!(open.is_none(), "batch {open:?} waits, and nothing is asked any more");
                return Ok(());
            }
        }
    }

    /// Waits before single questions: what WeChat says of a follower for a moment should be over.
    pub(super) async fn pause(&self) -> Result<(), Error> {
        let run = &self.walk.context.run;
        let Some(last) = self.known.last_round() else { return Ok(()) };
        let past = (run.pipeline.clock.now() - last).to_std().unwrap_or_default();
        let rest = run.pipeline.source.profiles.ask_again_after.saturating_sub(past);
        if !rest.is_zero() {
            tracing::info!("followers about whom a reply was odd are asked about one by one in {rest:.0?}");
            run.or_stopped(tokio::time::sleep(rest)).await?;
        }
        Ok(())
    }

    /// Returns the next request that is to be made; `None` if there is none at the moment.
    fn next_call(&mut self) -> Result<Option<Call>, Error> {
        let batches = if self.is_trusted { self.asked.batches() } else { self.first_batches() };
        loop {
            if let Some(call) = self.queue.pop() {
                return Ok(Some(call));
            }
            if self.next < batches {
                let batch = self.next;
                self.next += 1;
                if self.table.is(batch, Stage::Unasked) {
                    self.settle(batch)?;
                }
            } else if self.asks_singles
                && let Some(batch) = self.table.first(Stage::Singles)
            {
                self.settle(batch)?;
            } else {
                return Ok(None);
            }
        }
    }

    /// Takes in a request that has ended.
    async fn take(&mut self, ended: Result<Ended, JoinError>, syncing: &mut GroupSync) -> Result<(), Error> {
        let Ended { call, result, took, _lease } = unwrapped(ended);
        self.limiter.ended(took, self.calls.len(), self.walk.source.strains());
        let replied = match result {
            Ok(replied) => Ok(replied),
            Err(error) => self.no_reply(&call, error).await?,
        };
        match replied {
            Ok(replied) => {
                self.keep(call, replied)?;
                syncing.after_reply(self.walk.journal.file()).await
            }
            Err(error) => Err(self.drain(error).await?.into()),
        }
    }

    /// Keeps the replies that arrive within a short time, because the walk stops with `error`.
    /// Returns the error to tell: that of the call that met a failure of the platform, if there is
    /// one, because the others are told together with it.
    async fn drain(&mut self, mut error: SourceError) -> Result<SourceError, Error> {
        let over = tokio::time::sleep(DRAIN);
        tokio::pin!(over);
        loop {
            let ended = tokio::select! {
                biased;
                () = self.walk.context.run.stop.cancelled() => return Ok(error),
                ended = self.calls.join_next() => ended,
                () = &mut over => return Ok(error),
            };
            let Some(ended) = ended else { return Ok(error) };
            match unwrapped(ended) {
                Ended { call, result: Ok(replied), .. } => self.keep(call, replied)?,
                Ended { result: Err(other @ SourceError::Platform { reach: Reach::Failed, .. }), .. } => error = other,
                Ended { .. } => {}
            }
        }
    }

    /// Journals a reply, and notes what it may change.
    fn keep(&mut self, call: Call, replied: Replied) -> Result<(), Error> {
        let Call { batch, question } = call;
        let Replied { reply, answer } = replied;
        if !self.walk.journal.has(batch) {
            self.walk.context.progress().add_page(self.asked.own(batch));
        }
        self.walk.journal.append(&reply)?;
        self.queue.ended(batch);
        patience::check_size(&question, &answer)?;
        self.dirty.insert(batch);
        if question.round == Round::First {
            let beside = [batch.checked_sub(1), Some(batch + 1).filter(|&next| next < self.asked.batches())];
            let beside = beside.into_iter().flatten().filter(|&beside| !self.table.is(beside, Stage::Unasked));
            self.dirty.extend(beside);
        }
        self.known.add(batch, question, answer, reply.fetched_at);
        self.reopen();
        Ok(())
    }

    /// Has every batch settled again if the replies together say something new.
    fn reopen(&mut self) {
        if self.known.has_learnt() {
            self.dirty.extend(self.table.reopen());
        }
    }

    /// Settles some of the batches that are to be settled.
    fn settle_some(&mut self) -> Result<(), Error> {
        for _ in 0..TURN {
            let Some(batch) = self.dirty.pop_first() else { break };
            self.settle(batch)?;
        }
        Ok(())
    }

    /// Settles a batch, unless it waits for replies: finds what is to be asked about it, or that it
    /// is done.
    fn settle(&mut self, number: u64) -> Result<(), Error> {
        if self.queue.has(number) {
            return Ok(());
        }
        let settling = settling(self.walk, self.asked);
        let before = match number.checked_sub(1) {
            Some(before) => self.known.shared(settling, before)?.1,
            None => Shared::NotYet,
        };
        let after =
            if self.asked.is_last(number) { Shared::NotYet } else { self.known.shared(settling, number + 1)?.0 };
        let hints = self.known.hints();
        let batch = self.known.batch(settling, number)?;
        match batch.settle(Seam { before, after }, hints, settling.verify()) {
            Settled::Ask(mut questions) => {
                questions.retain(|question| self.asks_singles || batch.asks_at_once(question));
                self.table.set(number, if questions.is_empty() { Stage::Singles } else { Stage::Open });
                self.queue.push(number, questions);
            }
            Settled::Waits => self.table.set(number, Stage::Open),
            Settled::Done(verdicts) => {
                self.identities.add(number, batch, &verdicts)?;
                self.table.done(number, &verdicts);
                let (refused, unreadable) = self.table.failed();
                self.check_failed(refused, unreadable)?;
            }
        }
        self.reopen();
        Ok(())
    }

    pub(super) fn check_failed(&self, refused: u64, unreadable: u64) -> Result<(), SourceError> {
        if self.tells_changes() {
            // What is not told of an element is told by the next walk.
            return Ok(());
        }
        let limit_percent = self.walk.context.run.pipeline.profiles.max_refused_percent;
        patience::check_failed(refused, unreadable, self.walk.input.rows(), limit_percent)
    }
}

/// Returns the view of the journal that settles batches.
pub(super) fn settling<'a>(walk: &'a BatchWalk<'_>, asked: &'a Asked) -> Settling<'a> {
    Settling { journal: walk.journal, input: walk.input, asked }
}

fn unwrapped(ended: Result<Ended, JoinError>) -> Ended {
    ended.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()))
}
