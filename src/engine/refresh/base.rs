//! The list of profiles before, from which rows are copied: its rows, and where each stands.
//!
//! Before it: the journal of a decided walk. Behind it: [`join`](super::join) is given the places
//! of its rows, and [`copying`](super::copying) reads rows by their places.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::place::{Frame, Place};
use crate::batches::{Outcome, Round};
use crate::engine::deliver::{Duplicates, ProfileList, conflicts};
use crate::error::Error;
use crate::journal::JournalError;
use crate::wechat::{Profile, read_profile, read_profiles};

/// Frames whose rows stay in memory. The order of a list of followers hardly changes from day to
/// day, so most rows are copied in the order in which they stand.
const DECODED: usize = 16;

/// The list before.
#[derive(Debug)]
pub(super) struct Base {
    list: Arc<ProfileList>,
    /// The positions of rows in conflict.
    conflicts: Duplicates,
}

impl Base {
    /// Takes a decided list.
    ///
    /// # Errors
    ///
    /// [`JournalError`] if a reply cannot be read; [`Error::Interrupted`] if `stop` is cancelled.
    pub(super) async fn new(list: Arc<ProfileList>, stop: &CancellationToken) -> Result<Self, Error> {
        let decided = list.journal.folder().decision().map(|decision| decision.snapshot.clone());
        let conflicts = conflicts(Arc::<ProfileList>::clone(&list), decided.as_ref(), stop.clone()).await?;
        Ok(Self { list, conflicts })
    }

    /// Returns the number of its rows.
    pub(super) fn rows(&self) -> u64 {
        self.list.journal.plan().input.rows
    }

    /// Returns the folder of its walk.
    pub(super) fn folder(&self) -> &Path {
        self.list.journal.folder().path()
    }

    /// Hands every row of outcome `follows` to `take`, in no order: the OpenID, when it was fetched
    /// in microseconds since 1970, and its place.
    ///
    /// # Errors
    ///
    /// Those of `take`; [`JournalError`] if a reply cannot be read; [`Error::Interrupted`] if
    /// `stop` is cancelled.
    pub(super) fn each_follower(
        &self,
        stop: &CancellationToken,
        take: &mut dyn FnMut(&str, i64, Place) -> Result<(), JournalError>,
    ) -> Result<(), Error> {
        let go_on = || if stop.is_cancelled() { Err(Error::Interrupted) } else { Ok(()) };
        let settling = self.list.settling();
        for number in 0..settling.journal.copied_frames() {
            go_on()?;
            let rows = settling.journal.copied_frame(number)?.rows;
            let positions: Vec<u64> = rows.iter().map(|(position, _)| *position).collect();
            let openids = settling.input.openids(&positions)?;
            for (within, (position, fetched_at)) in rows.into_iter().enumerate() {
                if !self.conflicts.contains(position) {
                    let place = Place { frame: Frame::Copied(number as u64), within: within as u32 };
                    take(openids.get(within), fetched_at.timestamp_micros(), place)?;
                }
            }
        }
        for batch in settling.settled(self.list.hints()?) {
            go_on()?;
            let batch = batch?;
            for ((place, position), verdict) in batch.answers.own().zip(&batch.positions).zip(&batch.verdicts) {
                if verdict.outcome == Outcome::There && !self.conflicts.contains(*position) {
                    let at = Place { frame: Frame::Batch(batch.number), within: verdict.answer as u32 };
                    let fetched_at = batch.replies[verdict.answer].fetched_at.timestamp_micros();
                    take(batch.answers.openids.get(place), fetched_at, at)?;
                }
            }
        }
        Ok(())
    }

    /// Reads rows by their places.
    pub(super) fn reader(&self) -> Rows<'_> {
        Rows { base: self, recent: VecDeque::new() }
    }

    fn damaged(&self, what: &str) -> JournalError {
        JournalError::Damaged { path: self.folder().to_owned(), what: what.to_owned() }
    }
}

/// Reads rows of the base, as they came.
pub(super) struct Rows<'a> {
    base: &'a Base,
    /// The last one was used last.
    recent: VecDeque<Decoded>,
}

/// The rows of a frame.
struct Decoded {
    frame: Frame,
    answers: Vec<Answered>,
}

/// The rows of one answer, each with its OpenID.
#[derive(Default)]
struct Answered {
    rows: Vec<(Box<str>, Box<str>)>,
    /// The row behind the one that was read last.
    next: usize,
}

impl Rows<'_> {
    /// Returns the row of `openid` at `place`.
    ///
    /// # Errors
    ///
    /// [`JournalError`] if it cannot be read.
    pub(super) fn row(&mut self, place: Place, openid: &str) -> Result<&str, JournalError> {
        let decoded = match self.recent.iter().position(|decoded| decoded.frame == place.frame) {
            Some(at) => self.recent.remove(at).expect("it was found there"),
            None => self.decode(place.frame)?,
        };
        if self.recent.len() == DECODED {
            self.recent.pop_front();
        }
        self.recent.push_back(decoded);
        let decoded = self.recent.back_mut().expect("it was put there");
        let answered = match place.frame {
            Frame::Batch(_) => decoded.answers.get_mut(place.within as usize),
            Frame::Copied(_) => decoded.answers.first_mut(),
        };
        answered
            .and_then(|answered| answered.find(openid))
            .ok_or_else(|| self.base.damaged("a row of the list before is not where it was found"))
    }

    fn decode(&self, frame: Frame) -> Result<Decoded, JournalError> {
        let settling = self.base.list.settling();
        let answers = match frame {
            Frame::Batch(number) => {
                let (known, replies) = settling.read(number)?;
                let rounds = known.answers.iter().map(|(question, _)| question.round);
                rounds.zip(&replies).map(|(round, reply)| Answered::of(round, &reply.body)).collect()
            }
            Frame::Copied(number) => {
                vec![Answered::of(Round::First, &settling.journal.copied_frame(number as usize)?.body)]
            }
        };
        Ok(Decoded { frame, answers })
    }
}

impl Answered {
    fn of(round: Round, body: &[u8]) -> Self {
        let read = match round {
            Round::First | Round::Again => read_profiles(body),
            Round::Single | Round::SingleAgain => read_profile(body),
        };
        let own = |profile: Profile<'_>| (profile.openid.into(), profile.raw.into());
        Self { rows: read.unwrap_or_default().rows.into_iter().map(own).collect(), next: 0 }
    }

    fn find(&mut self, openid: &str) -> Option<&str> {
        let is_it = |row: &(Box<str>, Box<str>)| *row.0 == *openid;
        let at = match self.rows.get(self.next) {
            Some(row) if is_it(row) => self.next,
            _ => self.rows.iter().position(is_it)?,
        };
        self.next = at + 1;
        Some(&self.rows[at].1)
    }
}
