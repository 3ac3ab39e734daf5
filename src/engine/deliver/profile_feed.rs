//! Makes the rows of a complete list of profiles from the journal, and hands them to every sink.
//!
//! Before it: the [batch walk](crate::engine::batch_walk) has ended, so the replies in the journal
//! settle every element. Behind it: the [feed of rows](super::row_feed).
//!
//! Rows come in the order of their positions in the input, each position once: the elements of the
//! batches, and between them the rows that were copied from an earlier list.
//!
//! A unionid that two followers have belongs to at most one of them. If it stays so when each of
//! them is asked for alone, both rows have the outcome `conflict`, and nothing else of a profile.

use fanout_sink::Snapshot;
use tokio_util::sync::CancellationToken;

use super::complete_list::{CompleteList, ListFacts};
use super::copied_profiles::CopiedProfiles;
use super::distinct::{DistinctCounter, Duplicates};
use super::profile_batch::{self, ProfileRow};
use super::row_feed::{Fed, Outlet, ROWS, RowFeed};
use crate::batches::{Asked, Shared};
use crate::config::Pipeline;
use crate::engine::batch_walk::{Completed, Hints, Input, Settling, asked};
use crate::engine::proof::{ProfileProof, Proof};
use crate::error::Error;
use crate::journal::{BatchJournal, JournalError};
use crate::rows::{ProfileOutcome, ProfileRows};
use crate::source::SourceError;

/// A complete walk of batches, with all that its list is made of.
#[derive(Debug)]
pub(in crate::engine) struct ProfileList {
    pub(in crate::engine) journal: BatchJournal,
    input: Input,
    asked: Asked,
    /// What the walk has found out; `None` if another run has made it.
    completed: Option<Completed>,
}

impl ProfileList {
    /// Makes the list of a complete walk. `completed` is what the walk has found out, if this run
    /// has made it.
    ///
    /// # Errors
    ///
    /// [`JournalError`] if the copied rows cannot be read.
    pub(in crate::engine) fn new(
        journal: BatchJournal,
        input: Input,
        completed: Option<Completed>,
    ) -> Result<Self, JournalError> {
        Ok(Self { asked: asked(&journal)?, journal, input, completed })
    }

    /// Returns what its replies are read with.
    pub(in crate::engine) fn settling(&self) -> Settling<'_> {
        Settling { journal: &self.journal, input: &self.input, asked: &self.asked }
    }

    /// Returns what all its replies say together.
    ///
    /// # Errors
    ///
    /// [`JournalError`] if a reply cannot be read.
    pub(in crate::engine) fn hints(&self) -> Result<Hints, JournalError> {
        self.completed.as_ref().map_or_else(|| self.settling().hints(), |completed| Ok(completed.hints))
    }

    fn each_unionid(
        &self,
        hints: Hints,
        stop: &CancellationToken,
        note: &mut dyn FnMut(u64, &str),
    ) -> Result<(), Error> {
        self.each_row(hints, stop, &mut ProfileProof::default(), &mut |row| {
            if let (ProfileOutcome::Follows, Some(profile)) = (row.outcome, row.profile)
                && let Some(unionid) = &profile.unionid
            {
                note(row.position, unionid);
            }
            Ok(())
        })
    }

    /// Hands every row to `take`, in the order of positions, and counts in `proof` what the replies
    /// have shown.
    fn each_row(
        &self,
        hints: Hints,
        stop: &CancellationToken,
        proof: &mut ProfileProof,
        take: &mut dyn FnMut(ProfileRow<'_>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let mut next = 0;
        let mut take = |row: ProfileRow<'_>| {
            if row.position != next {
                let path = self.journal.folder().path().to_owned();
                let what = format!("the row of position {next} is missing, and that of {} comes", row.position);
                return Err(JournalError::Damaged { path, what }.into());
            }
            next += 1;
            // Many copied rows may lie between two batches.
            if next % ROWS as u64 == 0 && stop.is_cancelled() {
                return Err(Error::Interrupted);
            }
            take(row)
        };
        let mut copied = CopiedProfiles::new(&self.journal, &self.input);
        let mut shared = Shared::NotYet;
        for batch in self.settling().settled(hints) {
            if stop.is_cancelled() {
                return Err(Error::Interrupted);
            }
            let batch = batch?;
            // The elements of a batch lie between copied rows, or these between them.
            let mut between = ProfileProof::default();
            profile_batch::each_row(&batch, &mut shared, proof, &mut |row| {
                copied.each_before(Some(row.position), &mut between, &mut take)?;
                take(row)
            })?;
            proof.copied += between.copied;
        }
        copied.each_before(None, proof, &mut take)
    }
}

impl CompleteList for ProfileList {
    fn journal(&self) -> &BatchJournal {
        &self.journal
    }

    fn journal_mut(&mut self) -> &mut BatchJournal {
        &mut self.journal
    }

    fn is_free_of_conflicts(&self, decided: &Snapshot) -> bool {
        ProfileProof::of(decided).is_some_and(|proof| proof.rows(ProfileOutcome::Conflict) == 0)
    }

    /// Finds the positions of rows that have the unionid of another row. Reads the list only if
    /// there may be some.
    fn conflicts(&self, stop: &CancellationToken) -> Result<Duplicates, Error> {
        let are_distinct = |completed: &Completed| completed.conflicts.count() == 0;
        if self.journal.copied_rows() == 0 && self.completed.as_ref().is_some_and(are_distinct) {
            return Ok(Duplicates::default());
        }
        let hints = self.hints()?;
        let mut counter = DistinctCounter::new(self.journal.folder().path());
        let mut added = Ok(());
        self.each_unionid(hints, stop, &mut |_, unionid| {
            if added.is_ok() {
                added = counter.add(unionid);
            }
        })?;
        added?;
        counter.shared(|note| self.each_unionid(hints, stop, note))
    }

    /// Hands the list to the sinks. Rows in conflict tell nothing but that.
    fn feed(&self, conflicts: &Duplicates, outlet: Outlet, stop: &CancellationToken) -> Result<ListFacts, Error> {
        let mut outcomes = [0; ProfileOutcome::ALL.len()];
        let mut proof = ProfileProof::default();
        let mut without_unionid = 0;
        let mut feed = RowFeed::new(ProfileRows::new(&outlet.app_id, &outlet.account), outlet);
        self.each_row(self.hints()?, stop, &mut proof, &mut |row| {
            let row = if conflicts.contains(row.position) { row.in_conflict() } else { row };
            let ProfileRow { position, openid, outcome, fetched_at, profile } = row;
            feed.push(fetched_at, |rows| rows.push(position, openid, outcome, fetched_at, profile));
            outcomes[outcome as usize] += 1;
            let has_unionid = profile.is_some_and(|profile| profile.unionid.is_some());
            without_unionid += u64::from(outcome == ProfileOutcome::Follows && !has_unionid);
            Ok(())
        })?;
        let Fed { rows, digest, fetched_between } = feed.finish();
        let follows = outcomes[ProfileOutcome::Follows as usize];
        if follows > 0 && follows == without_unionid {
            tracing::warn!(
                "no profile has a unionid: the account seems to be bound to no account of the WeChat Open Platform"
            );
        }
        proof.outcomes = ProfileOutcome::ALL.into_iter().zip(outcomes).map(|(o, n)| (o.name().to_owned(), n)).collect();
        proof.without_unionid = without_unionid;
        proof.calls_a_batch = self.settling().cost()?;
        let plan = self.journal.plan();
        (proof.input_walk, proof.input_digest) = (plan.input.walk.to_string(), plan.input.digest.clone());
        proof.asked = self.asked.len();
        proof.base_walk = plan.base.as_ref().map(|base| base.walk.to_string());
        (proof.refresh_days, proof.bound_anew) = (plan.refresh_days, plan.bound_anew);
        Ok(ListFacts { rows, digest, fetched_between, proof: proof.into_fields() })
    }

    /// Checks that enough of the rows tell about their follower.
    fn check(&self, facts: &ListFacts, pipeline: &Pipeline) -> Result<(), SourceError> {
        let proof = ProfileProof::of_fields(&facts.proof);
        proof.map_or(Ok(()), |proof| proof.check(facts.rows, pipeline.profiles.max_refused_percent))
    }
}
