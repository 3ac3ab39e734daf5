//! Which requests a round still needs: as few as possible, and halves where a request failed.
//!
//! Before it: the places that a round is about. Behind it: the questions that
//! [`settle`](super::settle::settle) wants answered.

use super::places::Places;
use super::question::{Question, Round};
use super::replies::Replies;

/// One round of a batch.
pub(super) struct Parts<'a> {
    pub(super) replies: &'a Replies<'a>,
    pub(super) round: Round,
    /// The most elements of a request.
    pub(super) largest: usize,
}

impl Parts<'_> {
    /// Returns the questions that are needed until each of `places` has been in a reply that has
    /// rows, or has failed alone. The order of `places` is that of the requests.
    pub(super) fn missing(&self, places: &[u8]) -> Vec<Question> {
        let mut questions = Vec::new();
        self.collect(places, &mut questions);
        questions
    }

    fn collect(&self, places: &[u8], questions: &mut Vec<Question>) {
        if places.iter().all(|place| self.is_answered(*place)) {
            return;
        }
        if places.len() > 1 && self.is_to_be_halved(places) {
            let (one, other) = places.split_at(places.len().div_ceil(2));
            self.collect(one, questions);
            self.collect(other, questions);
            return;
        }
        questions.push(Question { round: self.round, places: places.to_vec() });
    }

    /// Returns whether these places, of which some are not answered, cannot be asked for at once.
    /// What is known of some of them already is not asked for again.
    fn is_to_be_halved(&self, places: &[u8]) -> bool {
        let set: Places = places.iter().copied().collect();
        let is_known = |place: &u8| self.is_answered(*place);
        places.len() > self.largest
            || self.replies.to(self.round, places).is_some()
            || places.iter().any(is_known)
            || self.replies.of(self.round).any(|reply| {
                let asked: Places = reply.question.places.iter().copied().collect();
                asked.are_a_part_of(set)
            })
    }

    fn is_answered(&self, place: u8) -> bool {
        self.replies.about(self.round, place).next().is_some() || self.replies.failed_alone(self.round, place)
    }
}
