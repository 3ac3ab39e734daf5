//! How a walk of batches comes to be complete: it is begun, or opened with what it rests on, and
//! asks for the rest.
//!
//! Before it: [`walk_run`](super::walk_run) has one walk of a unit; a new one is begun by
//! [`begin_profiles`](super::begin_profiles) or [`changes`](super::changes). Behind it: the
//! [batch walk](super::batch_walk), and then the list is [delivered](super::deliver).

use std::sync::Arc;

use chrono::NaiveDate;
use fanout_sink::Snapshot;

use super::batch_walk::{BatchWalk, Completed, Input};
use super::deliver::{ChangeList, CompleteList, ProfileList};
use super::plan::Begin;
use super::unit_context::UnitContext;
use super::walk::Earlier;
use crate::error::{Error, Exit};
use crate::journal::{BatchJournal, JournalError, RestsOn, WalkFolder};
use crate::source::{BatchSource, SourceError};

/// A walk of batches and what it rests on.
pub(super) struct OpenBatches {
    pub(super) journal: BatchJournal,
    input: Input,
    /// The followers of whom a walk of changes tells each, if it does.
    everybody: Option<Input>,
}

impl OpenBatches {
    /// Takes a walk that has begun, and the elements that it asks for.
    pub(super) fn new(journal: BatchJournal, input: Input) -> Self {
        Self { journal, input, everybody: None }
    }

    /// Adds the followers of whom a walk of changes tells each.
    pub(super) fn with_everybody(self, everybody: Option<Input>) -> Self {
        Self { everybody, ..self }
    }

    /// Opens a walk of the state.
    ///
    /// # Errors
    ///
    /// [`JournalError`] if the walk or the one on which it rests cannot be read, or is no longer
    /// there.
    pub(super) async fn open(context: &UnitContext, walk: &WalkFolder) -> Result<Self, Error> {
        let journal = BatchJournal::open(walk.clone())?;
        let plan = journal.plan();
        let Some(changes) = &plan.changes else {
            let (begun_with, days) = (plan.refresh_days, context.run.pipeline.profiles.refresh_days);
            if walk.decision().is_none() && begun_with != days {
                let begun_with = begun_with.map_or_else(|| "none".to_owned(), |days| days.to_string());
                tracing::info!(
                    begun_with,
                    "the open walk began under another `profiles.refresh_days`, and keeps to that"
                );
            }
            let input = followers(context, &plan.input, walk).await?;
            return Ok(Self::new(journal, input));
        };
        let everybody =
            if changes.tells_everybody() { Some(followers(context, &plan.input, walk).await?) } else { None };
        let elements = journal.elements();
        if plan.own.is_some_and(|own| elements.len() < own.count) {
            if walk.decision().is_none() {
                walk.give_up("some of its elements cannot be read")?;
            }
            return Err(elements.damaged(elements.len()).into());
        }
        let input = Input::own(elements)?;
        Ok(Self { journal, input, everybody })
    }

    /// Asks for everything that is missing.
    ///
    /// # Errors
    ///
    /// As [`BatchWalk::run`].
    pub(super) async fn walk(&mut self, context: &UnitContext, source: &BatchSource) -> Result<Completed, Error> {
        if self.journal.plan().asked() == 0 && self.journal.end().is_some() {
            return Ok(Completed::default());
        }
        BatchWalk { context, source, journal: &mut self.journal, input: &self.input }.run().await
    }

    /// Makes the list of a walk that is complete; `completed` is what the walk has found out.
    ///
    /// # Errors
    ///
    /// [`JournalError`] if the copied rows cannot be read.
    pub(super) fn into_list(self, completed: Option<Completed>) -> Result<Arc<dyn CompleteList>, JournalError> {
        if self.journal.plan().changes.is_some() {
            return Ok(Arc::new(ChangeList::new(self.journal, self.input, self.everybody, completed)?));
        }
        Ok(self.into_profiles(completed)?)
    }

    /// Makes the list of a walk of profiles.
    ///
    /// # Errors
    ///
    /// As [`into_list`](Self::into_list).
    pub(super) fn into_profiles(self, completed: Option<Completed>) -> Result<Arc<ProfileList>, JournalError> {
        Ok(Arc::new(ProfileList::new(self.journal, self.input, completed)?))
    }
}

/// Opens the walk of followers on which `walk` rests.
async fn followers(context: &UnitContext, rests_on: &RestsOn, walk: &WalkFolder) -> Result<Input, Error> {
    let inputs = context.input().walks()?;
    let Some(folder) = inputs.iter().find(|folder| folder.header().walk == rests_on.walk) else {
        let what = format!("walk {} of the list that it rests on is no longer there", rests_on.walk);
        return Err(JournalError::Damaged { path: walk.path().to_owned(), what }.into());
    };
    Input::open(folder, rests_on, &context.run.stop).await
}

/// The place of a new walk among those of its unit.
#[derive(Clone, Copy)]
pub(super) struct Rank<'a> {
    /// Whether another walk comes before it in the same run.
    pub(super) is_second: bool,
    pub(super) earlier: &'a Earlier,
}

impl Rank<'_> {
    /// If the walk follows another one in the same run, compares the calls that are left with those
    /// of its `batches`.
    ///
    /// # Errors
    ///
    /// [`SourceError::NotBegun`] if they do not suffice.
    pub(super) async fn check(self, context: &UnitContext, source: &BatchSource, batches: u64) -> Result<(), Error> {
        if !self.is_second {
            return Ok(());
        }
        let run = &context.run;
        let at = run.pipeline.clock.now();
        let calls_needed = Some(batches.saturating_mul(source.cost()));
        let refused = |calls_left| SourceError::NotBegun { calls_left, calls_needed, at };
        if self.earlier.day_is_over {
            return Err(refused(0).into());
        }
        let left = run.or_stopped(source.calls_left()).await??;
        if calls_needed > Some(left.calls) {
            return Err(refused(left.calls).into());
        }
        Ok(())
    }
}

/// Returns the facts of a decided list by which another one names it.
pub(super) fn rests_on(snapshot: &Snapshot) -> RestsOn {
    RestsOn { walk: snapshot.walk, rows: snapshot.rows, digest: snapshot.digest.clone() }
}

/// Returns the dates whose list a new walk may rest on, in the order in which they are tried, at
/// least one: that of `--date`, else those that this run has read or found, the newest first. Also
/// returns the exit of a walk that finds none of them decided.
pub(super) fn input_dates(context: &UnitContext, begin: Begin) -> (Vec<NaiveDate>, Exit) {
    let rows = context.input_reports();
    let mut dates = match begin.label {
        Some(label) => vec![label],
        None => rows.iter().rev().filter_map(|row| row.date).collect(),
    };
    if dates.is_empty() {
        dates.push(begin.today);
    }
    // It was there when the run was planned, if the run has not read it.
    (dates, rows.last().map_or(Exit::Later, |row| row.exit.worst(Exit::Later)))
}
