//! A batch as the rules see it: its places, and what its first round says of each.
//!
//! Before it: the facts of a batch. Behind it: the rules about oddities, agreement and seams.

use super::answer::Row;
use super::facts::{BatchFacts, Form, Shared, Verify};
use super::question::Round;
use super::replies::Replies;

/// A batch, its replies, and the first row of each place.
#[derive(Debug)]
pub(super) struct Batch<'a> {
    pub(super) facts: &'a BatchFacts<'a>,
    pub(super) replies: Replies<'a>,
    /// One a place; `None` if the first round has no row of it.
    first: Vec<Option<Row>>,
}

impl<'a> Batch<'a> {
    pub(super) fn new(facts: &'a BatchFacts<'a>) -> Self {
        let replies = Replies::new(facts.answers);
        let row = |place| replies.about(Round::First, place as u8).next().and_then(|said| said.row);
        let first = (0..facts.forms.len()).map(row).collect();
        Self { facts, replies, first }
    }

    /// Returns the places whose elements travel with others, in ascending order.
    pub(super) fn travelling(&self) -> impl DoubleEndedIterator<Item = u8> {
        let forms = self.facts.forms.iter().enumerate();
        forms.filter(|(_, form)| **form == Form::Travels).map(|(place, _)| place as u8)
    }

    /// Returns the places that are the batch's own, in ascending order.
    pub(super) fn own(&self) -> std::ops::Range<u8> {
        u8::from(self.facts.has_seam)..self.facts.forms.len() as u8
    }

    /// Returns the row that the first round has of a place.
    pub(super) fn first_row(&self, place: u8) -> Option<Row> {
        self.first.get(usize::from(place)).copied().flatten()
    }

    /// Returns whether an element travels with others.
    pub(super) fn travels(&self, place: u8) -> bool {
        self.facts.forms.get(usize::from(place)) == Some(&Form::Travels)
    }

    /// Returns what the neighbours say of the elements that travel in two batches: the place here,
    /// and what they say.
    pub(super) fn seams(&self) -> impl Iterator<Item = (u8, Shared)> {
        let BatchFacts { has_seam, is_last, seam, forms, .. } = self.facts;
        let before = has_seam.then_some((0, seam.before));
        let after = (!is_last).then_some((forms.len().saturating_sub(1) as u8, seam.after));
        before.into_iter().chain(after).filter(|(place, _)| self.travels(*place))
    }

    /// Returns whether every batch is asked for twice.
    pub(super) fn is_verified_twice(&self) -> bool {
        self.facts.verify == Verify::Twice
    }
}
