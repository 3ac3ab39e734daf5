//! Whether WeChat tells about the followers of a list at all: the first batches of a
//! [walk](super::walk) decide it, before others are asked about.
//!
//! Before it: their replies. Behind it: the walk goes on, or stops because the token seems to be
//! another account's.
//!
//! Of the elements of a walk of changes many may have left. Its controls have not: if WeChat knows
//! none of them, nor any of those behind them, the walk stops.

use super::patience;
use super::walk::{Run, settling};
use crate::batches::{Answer, Question, Round};
use crate::error::Error;
use crate::source::SourceError;
use crate::wechat::{ApiError, ReplyError, read_reply};

/// Elements of a walk of changes behind its controls that are asked about, too, before all of them
/// are taken for strangers: a list may be so short that its controls have left.
const WITNESSES: u64 = 3;

impl Run<'_, '_> {
    /// Returns whether this is a walk of changes.
    pub(super) fn tells_changes(&self) -> bool {
        self.walk.journal.plan().changes.is_some()
    }

    /// Returns how many batches are asked for before it is decided.
    pub(super) fn first_batches(&self) -> u64 {
        if self.tells_changes() { 1 } else { patience::FIRST }
    }

    /// Decides, when the first batches have replies, whether WeChat tells about these followers at
    /// all. If it refuses each of the batches, it is asked about one follower of each alone.
    pub(super) fn decide_trust(&mut self) -> Result<(), Error> {
        if self.is_trusted {
            return Ok(());
        }
        if self.tells_changes() {
            return self.decide_by_controls();
        }
        let mut refusals = 0;
        let mut questions = Vec::new();
        for number in 0..patience::FIRST {
            let batch = self.known.batch(settling(self.walk, self.asked), number)?;
            let travels = batch.travelling_place().is_some();
            if self.queue.has(number) || (travels && !self.walk.journal.has(number)) {
                return Ok(());
            }
            let has_rows = batch.answers.iter().any(|(_, answer)| matches!(answer, Answer::Rows { .. }));
            let is_refused = batch.answers.iter().any(|(_, answer)| *answer == Answer::Refused);
            match batch.travelling_place() {
                Some(place) if is_refused && !has_rows => match batch.to(Round::Single, place) {
                    Some(Answer::Refused) => refusals += 1,
                    Some(_) => {}
                    None => questions.push((number, Question { round: Round::Single, places: vec![place] })),
                },
                _ => {}
            }
        }
        if refusals == patience::FIRST {
            return Err(self.all_refused()?.into());
        }
        if refusals + questions.len() as u64 == patience::FIRST {
            for (number, question) in questions {
                self.queue.push(number, vec![question]);
            }
        } else {
            self.is_trusted = true;
        }
        Ok(())
    }

    /// Decides, when the first batch of a walk of changes has a reply. If nobody in it follows, the
    /// controls and some elements behind them are asked about alone.
    fn decide_by_controls(&mut self) -> Result<(), Error> {
        let controls = self.walk.input.controls();
        let batch = self.known.batch(settling(self.walk, self.asked), 0)?;
        if self.queue.has(0) || (batch.travelling_place().is_some() && !self.walk.journal.has(0)) {
            return Ok(());
        }
        let is_there = |answer: &Answer| match answer {
            Answer::Rows { rows, .. } => rows.iter().flatten().any(|row| row.is_there),
            Answer::Refused | Answer::TooMany | Answer::Unreadable => false,
        };
        if batch.answers.iter().any(|(_, answer)| is_there(answer)) {
            self.is_trusted = true;
            return Ok(());
        }
        let witnesses = 0..self.asked.own(0).min(controls + WITNESSES) as u8;
        let unasked = witnesses.filter(|&place| batch.to(Round::Single, place).is_none());
        let questions: Vec<Question> =
            unasked.map(|place| Question { round: Round::Single, places: vec![place] }).collect();
        if !questions.is_empty() {
            self.queue.push(0, questions);
            return Ok(());
        }
        let is_answered = |place: u8| match batch.to(Round::Single, place) {
            Some(Answer::Refused) => true,
            Some(Answer::Rows { rows, .. }) => rows.iter().any(Option::is_some),
            Some(Answer::TooMany | Answer::Unreadable) | None => false,
        };
        if (0..controls as u8).any(is_answered) {
            return Err(SourceError::StrangersOnly { controls }.into());
        }
        self.is_trusted = true;
        Ok(())
    }

    /// Makes the error of a walk whose followers are all refused, with one of WeChat's replies,
    /// which may name some of them.
    fn all_refused(&self) -> Result<SourceError, Error> {
        let openids = self.walk.input.openids(&self.asked.positions(0))?;
        let openids = openids.to_vec();
        let error = self.walk.journal.replies(0)?.iter().find_map(|reply| match read_reply(&reply.body) {
            Err(ReplyError::Api(error)) => Some(openids.iter().fold(error, |error, openid| error.without(openid))),
            _ => None,
        });
        Ok(SourceError::AllRefused { error: error.unwrap_or_else(|| ApiError::new(ApiError::REFUSED_ELEMENT, "")) })
    }
}
