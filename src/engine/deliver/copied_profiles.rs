//! The rows of a list of profiles that were copied from an earlier list.
//!
//! Before it: their frames in the journal. A frame has the rows as they came, in the shape of a
//! reply, in the order of their positions. Behind it: [`profile_feed`](super::profile_feed) puts
//! them between the rows of the batches.

use std::collections::VecDeque;

use chrono::{DateTime, Utc};

use super::profile_batch::ProfileRow;
use crate::engine::batch_walk::Input;
use crate::engine::proof::ProfileProof;
use crate::error::Error;
use crate::journal::{BatchJournal, CopiedRows, JournalError};
use crate::rows::ProfileOutcome;
use crate::wechat::{Profile, read_profiles};

/// The copied rows of a walk, read frame by frame.
pub(super) struct CopiedProfiles<'a> {
    journal: &'a BatchJournal,
    input: &'a Input,
    frames: Box<dyn Iterator<Item = Result<CopiedRows, JournalError>> + 'a>,
    /// The rows of the frame that was read last, without those that were handed on.
    rows: VecDeque<(u64, DateTime<Utc>, Profile<'static>)>,
}

impl<'a> CopiedProfiles<'a> {
    pub(super) fn new(journal: &'a BatchJournal, input: &'a Input) -> Self {
        Self { journal, input, frames: Box::new(journal.copied()), rows: VecDeque::new() }
    }

    /// Hands the rows before `position` to `take`, or all that are left, and counts them in
    /// `proof`.
    ///
    /// # Errors
    ///
    /// Those of `take`, and [`JournalError`] if a frame is not what was written.
    pub(super) fn each_before(
        &mut self,
        position: Option<u64>,
        proof: &mut ProfileProof,
        take: &mut dyn FnMut(ProfileRow<'_>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let is_before = |row: &(u64, DateTime<Utc>, Profile<'static>)| position.is_none_or(|end| row.0 < end);
        loop {
            while self.rows.front().is_some_and(is_before)
                && let Some((position, fetched_at, profile)) = self.rows.pop_front()
            {
                proof.copied += 1;
                let outcome = ProfileOutcome::Follows;
                take(ProfileRow { position, openid: &profile.openid, outcome, fetched_at, profile: Some(&profile) })?;
            }
            if !self.rows.is_empty() {
                return Ok(());
            }
            let Some(frame) = self.frames.next() else { return Ok(()) };
            self.rows = self.read(&frame?)?;
        }
    }

    fn read(&self, frame: &CopiedRows) -> Result<VecDeque<(u64, DateTime<Utc>, Profile<'static>)>, JournalError> {
        let positions: Vec<u64> = frame.rows.iter().map(|(position, _)| *position).collect();
        let openids = self.input.openids(&positions)?;
        let profiles = read_profiles(&frame.body).unwrap_or_default().rows;
        let are_theirs = profiles.iter().enumerate().all(|(place, profile)| profile.openid == openids.get(place));
        if profiles.len() != positions.len() || !are_theirs {
            let path = self.journal.folder().path().to_owned();
            let what = "copied rows are not those of the followers at their positions".to_owned();
            return Err(JournalError::Damaged { path, what });
        }
        let rows = frame.rows.iter().zip(profiles);
        Ok(rows.map(|(&(position, fetched_at), profile)| (position, fetched_at, profile.into_owned())).collect())
    }
}
