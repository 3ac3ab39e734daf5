//! The replies of a batch, in an order that does not depend on the order in which they came.
//!
//! Before it: the facts of a batch. Behind it: each rule looks up what was said.

use std::cmp::Reverse;

use super::answer::{Answer, Row};
use super::question::{Question, Round};

/// A question that has an answer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reply<'a> {
    /// Where the facts have it.
    pub(super) index: usize,
    pub(super) question: &'a Question,
    pub(super) answer: &'a Answer,
}

/// What one reply says of one place.
#[derive(Clone, Copy, Debug)]
pub(super) struct Statement {
    /// The reply's place in the facts.
    pub(super) index: usize,
    /// `None` if the reply has rows, but none of this element.
    pub(super) row: Option<Row>,
}

/// The replies of a batch: by round, those to most elements first.
#[derive(Debug)]
pub(super) struct Replies<'a>(Vec<Reply<'a>>);

impl<'a> Replies<'a> {
    /// Sorts the answers. Of several answers to the same question only the least one counts.
    pub(super) fn new(answers: &'a [(Question, Answer)]) -> Self {
        let mut replies: Vec<Reply<'a>> =
            answers.iter().enumerate().map(|(index, (question, answer))| Reply { index, question, answer }).collect();
        replies.sort_by_key(|reply| {
            let Question { round, places } = reply.question;
            (*round, Reverse(places.len()), places, reply.answer)
        });
        replies.dedup_by_key(|reply| reply.question);
        Self(replies)
    }

    /// Returns the replies to a round.
    pub(super) fn of(&self, round: Round) -> impl Iterator<Item = &Reply<'a>> {
        self.0.iter().filter(move |reply| reply.question.round == round)
    }

    /// Returns the reply to a question about just these places in this order.
    pub(super) fn to(&self, round: Round, places: &[u8]) -> Option<&Reply<'a>> {
        self.of(round).find(|reply| reply.question.places == places)
    }

    /// Returns what the replies to a round that have rows say of a place.
    pub(super) fn about(&self, round: Round, place: u8) -> impl Iterator<Item = Statement> {
        self.of(round).filter_map(move |reply| reply.about(place))
    }

    /// Returns whether a place failed in a round, where it was asked for without any other.
    pub(super) fn failed_alone(&self, round: Round, place: u8) -> bool {
        self.to(round, &[place]).is_some_and(|reply| !reply.has_rows())
    }
}

impl Reply<'_> {
    pub(super) fn has_rows(&self) -> bool {
        matches!(self.answer, Answer::Rows { .. })
    }

    /// Returns whether it has rows of elements that were not asked for, or one element twice.
    pub(super) fn is_strange(&self) -> bool {
        matches!(self.answer, Answer::Rows { is_strange: true, .. })
    }

    /// Returns what it says of a place; `None` if the question was not about it, or the reply has
    /// no rows at all.
    fn about(&self, place: u8) -> Option<Statement> {
        let Answer::Rows { rows, .. } = self.answer else { return None };
        let places = &self.question.places;
        // A whole batch is asked for in ascending order: then no search is needed.
        let usual = usize::from(place.wrapping_sub(*places.first()?));
        let is_usual = places.get(usual) == Some(&place);
        let at = if is_usual { usual } else { places.iter().position(|asked| *asked == place)? };
        Some(Statement { index: self.index, row: rows.get(at).copied().flatten() })
    }
}
