//! Makes the rows of a complete list of changes from its journal, and has them fed to every sink.
//!
//! Before it: the [batch walk](crate::engine::batch_walk) has ended, or nobody was asked. Behind
//! it: the [feed of rows](super::row_feed); and the next list of changes, which begins with the
//! people whom this one carries.
//!
//! Rows come in the order of the elements. A list that tells who follows has a row of each follower
//! first, by position. Everything here is a function of the journal and, for such a list, of the
//! walk of followers on which it rests.

use std::collections::VecDeque;
use std::ops::ControlFlow;

use chrono::{DateTime, Utc};
use fanout_sink::Snapshot;
use tokio_util::sync::CancellationToken;

use super::complete_list::{CompleteList, ListFacts};
use super::distinct::{DistinctCounter, Duplicates};
use super::profile_batch::{self, ProfileRow};
use super::row_feed::{Fed, Outlet, ROWS, RowFeed};
use crate::batches::{Asked, Shared};
use crate::changes::{Answered, Change, Delta, Judgement, Seen, Side, Told, total_gap};
use crate::config::Pipeline;
use crate::engine::batch_walk::{Completed, Hints, Input, Settling, asked};
use crate::engine::element::Element;
use crate::engine::proof::{ChangeProof, ProfileProof, Proof};
use crate::error::Error;
use crate::journal::{BatchJournal, ChangePlan, JournalError};
use crate::rows::{ChangeRow, ChangeRows, ProfileOutcome};
use crate::source::SourceError;
use crate::wechat::Profile;

/// A complete walk of changes, with all that its list is made of.
#[derive(Debug)]
pub(in crate::engine) struct ChangeList {
    journal: BatchJournal,
    /// Its elements.
    input: Input,
    /// The followers each of whom it tells; `None` for changes.
    everybody: Option<Input>,
    asked: Asked,
    /// What the walk has found out; `None` if another run has made it.
    completed: Option<Completed>,
}

/// An element, and what WeChat answered about it.
struct Settled<'a> {
    element: &'a Element,
    answered: Answered,
    /// What the answer says of a person who follows.
    profile: Option<&'a Profile<'a>>,
    /// When the reply was fetched; `None` if nobody was asked.
    fetched_at: Option<DateTime<Utc>>,
}

type Take<'a> = dyn FnMut(Settled<'_>) -> ControlFlow<()> + 'a;

impl ChangeList {
    /// Makes the list of a complete walk. `everybody` are the followers each of whom it tells;
    /// `completed` is what the walk has found out, if this run has made it.
    ///
    /// # Errors
    ///
    /// [`JournalError`] if the journal cannot be read.
    pub(in crate::engine) fn new(
        journal: BatchJournal,
        input: Input,
        everybody: Option<Input>,
        completed: Option<Completed>,
    ) -> Result<Self, JournalError> {
        Ok(Self { asked: asked(&journal)?, journal, input, everybody, completed })
    }

    fn plan(&self) -> &ChangePlan {
        self.journal.plan().changes.as_ref().expect("only a walk of changes becomes this list")
    }

    fn settling(&self) -> Settling<'_> {
        Settling { journal: &self.journal, input: &self.input, asked: &self.asked }
    }

    fn hints(&self) -> Result<Hints, JournalError> {
        self.completed.as_ref().map_or_else(|| self.settling().hints(), |completed| Ok(completed.hints))
    }

    /// Hands each person whom the next list of changes carries to `take`, in the order of the
    /// elements.
    ///
    /// # Errors
    ///
    /// [`JournalError`] if the journal cannot be read; [`Error::Interrupted`] if `stop` is
    /// cancelled.
    pub(in crate::engine) fn each_carried(
        &self,
        conflicts: &Duplicates,
        stop: &CancellationToken,
        take: &mut dyn FnMut(&str, Seen),
    ) -> Result<(), Error> {
        let delta = self.delta(conflicts, stop)?;
        self.each(conflicts, stop, &mut ProfileProof::default(), &mut |settled| {
            let Judgement { carried, .. } = delta.judge(settled.element.side, settled.answered);
            if let Some(seen) = carried {
                take(&settled.element.openid, seen);
            }
            ControlFlow::Continue(())
        })
    }

    /// Returns what holds for all elements. It reads no more answers than tell whose token it was.
    fn delta(&self, conflicts: &Duplicates, stop: &CancellationToken) -> Result<Delta, Error> {
        let mut has_own_token = false;
        self.each(conflicts, stop, &mut ProfileProof::default(), &mut |settled| {
            has_own_token = settled.answered.is_there();
            if has_own_token { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })?;
        let ChangePlan { base_read: (earliest, latest), read_until, .. } = *self.plan();
        Ok(Delta { base: Seen { earliest, latest }, read_until, has_own_token })
    }

    /// Hands the elements to `take`, in order, and counts in `proof` what the replies have shown.
    fn each(
        &self,
        conflicts: &Duplicates,
        stop: &CancellationToken,
        proof: &mut ProfileProof,
        take: &mut Take<'_>,
    ) -> Result<(), Error> {
        let go_on = || if stop.is_cancelled() { Err(Error::Interrupted) } else { Ok(()) };
        if self.asked.is_empty() {
            for elements in self.input.elements() {
                go_on()?;
                for element in &elements? {
                    let settled = Settled { element, answered: Answered::NotAsked, profile: None, fetched_at: None };
                    if take(settled).is_break() {
                        return Ok(());
                    }
                }
            }
            return Ok(());
        }
        let mut elements = Elements { frames: Box::new(self.input.elements()), rest: VecDeque::new() };
        let mut shared = Shared::NotYet;
        let mut flow = ControlFlow::Continue(());
        for batch in self.settling().settled(self.hints()?) {
            go_on()?;
            profile_batch::each_row(&batch?, &mut shared, proof, &mut |row| {
                let element = elements.next()?.ok_or_else(|| self.damaged(&row))?;
                if element.openid != row.openid {
                    return Err(self.damaged(&row).into());
                }
                if flow.is_continue() {
                    let is_in_conflict = conflicts.contains(row.position);
                    let (answered, profile) =
                        if is_in_conflict { (Answered::Unreadable, None) } else { answered(&row) };
                    flow = take(Settled { element: &element, answered, profile, fetched_at: Some(row.fetched_at) });
                }
                Ok(())
            })?;
            if flow.is_break() {
                return Ok(());
            }
        }
        Ok(())
    }

    fn damaged(&self, row: &ProfileRow<'_>) -> JournalError {
        let path = self.journal.folder().path().to_owned();
        JournalError::Damaged { path, what: format!("element {} is not the one that was asked about", row.position) }
    }

    /// Hands the unionid of each person who follows to `note`.
    fn each_unionid(&self, stop: &CancellationToken, note: &mut dyn FnMut(u64, &str)) -> Result<(), Error> {
        let mut shared = Shared::NotYet;
        for batch in self.settling().settled(self.hints()?) {
            if stop.is_cancelled() {
                return Err(Error::Interrupted);
            }
            profile_batch::each_row(&batch?, &mut shared, &mut ProfileProof::default(), &mut |row| {
                if let Some(unionid) = row.profile.and_then(|profile| profile.unionid.as_deref())
                    && row.outcome == ProfileOutcome::Follows
                {
                    note(row.position, unionid);
                }
                Ok(())
            })?;
        }
        Ok(())
    }

    /// Adds the row of each follower whom the list tells.
    fn feed_everybody(
        &self,
        told: Told,
        feed: &mut RowFeed<ChangeRows>,
        stop: &CancellationToken,
    ) -> Result<(), Error> {
        let Some(everybody) = &self.everybody else { return Ok(()) };
        for first in (0..everybody.rows()).step_by(ROWS) {
            if stop.is_cancelled() {
                return Err(Error::Interrupted);
            }
            let positions: Vec<u64> = (first..everybody.rows().min(first + ROWS as u64)).collect();
            let openids = everybody.openids(&positions)?;
            for place in 0..openids.len() {
                push(feed, openids.get(place), told, None, self.plan().read_until);
            }
        }
        Ok(())
    }
}

impl CompleteList for ChangeList {
    fn journal(&self) -> &BatchJournal {
        &self.journal
    }

    fn journal_mut(&mut self) -> &mut BatchJournal {
        &mut self.journal
    }

    fn is_free_of_conflicts(&self, decided: &Snapshot) -> bool {
        ChangeProof::of(decided).is_some_and(|proof| proof.conflicts == 0)
    }

    /// Finds the elements that have the unionid of another one. Reads the list only if there may be
    /// some.
    fn conflicts(&self, stop: &CancellationToken) -> Result<Duplicates, Error> {
        let are_distinct = |completed: &Completed| completed.conflicts.count() == 0;
        if self.asked.is_empty() || self.completed.as_ref().is_some_and(are_distinct) {
            return Ok(Duplicates::default());
        }
        let mut counter = DistinctCounter::new(self.journal.folder().path());
        let mut added = Ok(());
        self.each_unionid(stop, &mut |_, unionid| {
            if added.is_ok() {
                added = counter.add(unionid);
            }
        })?;
        added?;
        counter.shared(|note| self.each_unionid(stop, note))
    }

    /// Hands the list to the sinks. Of elements in conflict nothing is believed.
    fn feed(&self, conflicts: &Duplicates, outlet: Outlet, stop: &CancellationToken) -> Result<ListFacts, Error> {
        let (plan, to) = (self.plan(), &self.journal.plan().input);
        let delta = self.delta(conflicts, stop)?;
        let from = plan.from.as_ref().map(|from| from.walk);
        let rows = ChangeRows::new(&outlet.app_id, &outlet.account, from, to.walk);
        let mut feed = RowFeed::new(rows, outlet);
        let mut count = Count::default();
        if let Some(everybody) = &self.everybody {
            self.feed_everybody(delta.baseline(), &mut feed, stop)?;
            count.rows[Change::Baseline as usize] = everybody.rows();
        }
        let tells = from.is_some() || plan.tells_everybody();
        let mut shown = ProfileProof::default();
        self.each(conflicts, stop, &mut shown, &mut |settled| {
            let Judgement { row, carried } = delta.judge(settled.element.side, settled.answered);
            count.add(&settled, carried.is_some());
            if let Some(told) = row.filter(|_| tells) {
                count.rows[told.change as usize] += 1;
                count.unverified += u64::from(!told.is_verified && told.change != Change::Baseline);
                // A profile tells of a follow.
                let profile = settled.profile.filter(|_| told.change != Change::Unfollowed);
                let fetched_at = settled.fetched_at.unwrap_or(plan.read_until);
                push(&mut feed, &settled.element.openid, told, profile, fetched_at);
            }
            ControlFlow::Continue(())
        })?;
        let Fed { rows, digest, fetched_between } = feed.finish();
        let proof = ChangeProof {
            from_walk: from.map(|walk| walk.to_string()),
            from_date: plan.from_date,
            to_walk: to.walk.to_string(),
            to_digest: to.digest.clone(),
            conflicts: conflicts.count(),
            batches: shown.batches,
            replies: shown.replies,
            calls_a_batch: self.settling().cost()?,
            total_difference: plan.totals.map(|(base, newer)| newer as i64 - base as i64),
            gaps: plan.gaps.clone(),
            ..count.into_proof()
        };
        Ok(ListFacts { rows, digest, fetched_between, proof: proof.into_fields() })
    }

    /// Warns if WeChat's totals do not change as the list does.
    fn check(&self, facts: &ListFacts, _pipeline: &Pipeline) -> Result<(), SourceError> {
        let proof = ChangeProof::of_fields(&facts.proof).unwrap_or_default();
        let of = |change: Change| proof.changes.get(change.name()).copied().unwrap_or(0);
        let (came, left) = (of(Change::Followed) + of(Change::Reappeared), of(Change::Unfollowed));
        let (plan, newer_rows) = (self.plan(), self.journal.plan().input.rows);
        let Some((from, (base, newer))) = plan.from.as_ref().zip(plan.totals) else { return Ok(()) };
        // A total may leave out whom its list lacks: then it changes as the lists do.
        let is_of_lists = newer as i64 - base as i64 == newer_rows as i64 - from.rows as i64;
        if let Some(gap) = total_gap(base, newer, came, left).filter(|_| !is_of_lists) {
            tracing::warn!("{gap}");
        }
        Ok(())
    }
}

fn push(
    feed: &mut RowFeed<ChangeRows>,
    openid: &str,
    told: Told,
    profile: Option<&Profile<'_>>,
    fetched_at: DateTime<Utc>,
) {
    let Told { change, is_verified, not_before, not_after } = told;
    let change = change.name();
    feed.push(fetched_at, |rows| {
        rows.push(&ChangeRow { openid, change, not_before, not_after, is_verified, profile, fetched_at });
    });
}

/// Returns what a settled row says of its person, and the profile of one who follows.
fn answered<'a>(row: &ProfileRow<'a>) -> (Answered, Option<&'a Profile<'a>>) {
    let fetched_at = row.fetched_at;
    match row.outcome {
        ProfileOutcome::Follows => {
            let since = row.profile.and_then(|profile| DateTime::from_timestamp(profile.subscribe_time?, 0));
            (Answered::There { since, fetched_at }, row.profile)
        }
        ProfileOutcome::Left => (Answered::Left { fetched_at }, None),
        ProfileOutcome::Refused => (Answered::Refused { fetched_at }, None),
        ProfileOutcome::Unreadable | ProfileOutcome::Conflict => (Answered::Unreadable, None),
    }
}

/// The elements of a walk, one after the other.
struct Elements<'a> {
    frames: Box<dyn Iterator<Item = Result<Vec<Element>, JournalError>> + 'a>,
    rest: VecDeque<Element>,
}

impl Elements<'_> {
    fn next(&mut self) -> Result<Option<Element>, JournalError> {
        while self.rest.is_empty() {
            let Some(frame) = self.frames.next() else { return Ok(None) };
            self.rest = frame?.into();
        }
        Ok(self.rest.pop_front())
    }
}

/// What is counted while the elements are judged.
#[derive(Default)]
struct Count {
    /// In the order of [`Change::ALL`].
    rows: [u64; Change::ALL.len()],
    unverified: u64,
    joined: u64,
    missing: u64,
    holes: u64,
    open: u64,
    carried: u64,
    controls: u64,
}

impl Count {
    fn add(&mut self, settled: &Settled<'_>, is_carried_on: bool) {
        match settled.element.side {
            Side::Control => self.controls += 1,
            Side::Joined => self.joined += 1,
            Side::Missing { carried } => {
                self.missing += 1;
                self.carried += u64::from(carried.is_some());
            }
            Side::Held { .. } => self.carried += 1,
        }
        if let (Side::Missing { .. }, true) = (settled.element.side, is_carried_on) {
            let is_hole = settled.answered.is_there();
            *(if is_hole { &mut self.holes } else { &mut self.open }) += 1;
        }
    }

    fn into_proof(self) -> ChangeProof {
        let Self { rows, unverified, joined, missing, holes, open, carried, controls } = self;
        let of = |change| rows[change as usize] as i64;
        let changes = Change::ALL.into_iter().map(|change| (change.name().to_owned(), rows[change as usize])).collect();
        let expected_difference = of(Change::Followed) + of(Change::Reappeared) - of(Change::Unfollowed);
        ChangeProof {
            changes,
            unverified,
            joined,
            missing,
            holes,
            open,
            carried,
            controls,
            expected_difference,
            ..ChangeProof::default()
        }
    }
}
