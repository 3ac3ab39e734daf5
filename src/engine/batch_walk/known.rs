//! What is known of some batches, in memory: those that are asked about now, and those beside them.
//!
//! Before it: replies as they come, and the journal for those that came before. Behind it: the
//! [walk](super::walk) settles batches with it.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use super::settling::{BatchAnswers, Hints, Settling};
use crate::batches::{Answer, Question, Round, Shared};
use crate::journal::JournalError;

/// Some batches of a walk with their answers.
#[derive(Debug)]
pub(super) struct Known {
    most: usize,
    batches: BTreeMap<u64, BatchAnswers>,
    hints: Hints,
    /// Whether the hints have changed since they were last compared.
    has_learnt: bool,
    /// When the last reply to anything but a single question was fetched.
    last_round: Option<DateTime<Utc>>,
}

impl Known {
    /// Keeps at most `most` batches in memory, at least one. `hints` are known already.
    pub(super) fn new(most: usize, hints: Hints) -> Self {
        Self { most, batches: BTreeMap::new(), hints, has_learnt: false, last_round: None }
    }

    /// Returns what all replies that were seen say together.
    pub(super) fn hints(&self) -> Hints {
        self.hints
    }

    /// Returns whether that has changed since the last call.
    pub(super) fn has_learnt(&mut self) -> bool {
        std::mem::take(&mut self.has_learnt)
    }

    /// Returns when the last reply to anything but a single question was fetched.
    pub(super) fn last_round(&self) -> Option<DateTime<Utc>> {
        self.last_round
    }

    /// Returns a batch. It is read from the journal unless it is in memory.
    ///
    /// # Errors
    ///
    /// As [`Settling::read`].
    pub(super) fn batch(&mut self, settling: Settling<'_>, number: u64) -> Result<&BatchAnswers, JournalError> {
        if !self.batches.contains_key(&number) {
            let (batch, replies) = settling.read(number)?;
            for ((question, answer), reply) in batch.answers.iter().zip(&replies) {
                self.learn(question, answer, reply.fetched_at);
            }
            if self.batches.len() >= self.most {
                // Batches are mostly asked about in order, so the lowest is done first.
                self.batches.pop_first();
            }
            self.batches.insert(number, batch);
        }
        Ok(&self.batches[&number])
    }

    /// Returns what the first round of a batch says of its first and of its last place.
    ///
    /// # Errors
    ///
    /// As [`Settling::read`].
    pub(super) fn shared(&mut self, settling: Settling<'_>, number: u64) -> Result<(Shared, Shared), JournalError> {
        Ok(self.batch(settling, number)?.shared())
    }

    /// Takes in an answer that is in the journal now.
    pub(super) fn add(&mut self, number: u64, question: Question, answer: Answer, fetched_at: DateTime<Utc>) {
        self.learn(&question, &answer, fetched_at);
        // A batch that is not in memory is read from the journal when it is needed.
        if let Some(batch) = self.batches.get_mut(&number) {
            batch.answers.push((question, answer));
        }
    }

    fn learn(&mut self, question: &Question, answer: &Answer, fetched_at: DateTime<Utc>) {
        self.has_learnt |= self.hints.learn(question, answer);
        if matches!(question.round, Round::First | Round::Again) {
            self.last_round = self.last_round.max(Some(fetched_at));
        }
    }
}
