//! What the rules look at to settle a batch.
//!
//! Before it: the engine gathers the replies of a batch from the journal, and what the batches
//! beside it say. Behind it: [`settle`](super::settle::settle).

use super::answer::{Answer, Row};
use super::question::Question;

/// How an element is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// It travels with the others of its batch.
    Travels,
    /// It is asked for alone: it does not look like an element of its list, and might spoil the
    /// reply for the others.
    Alone,
}

/// How a batch without anything odd is verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verify {
    /// By its seams: the elements that it shares with the batches beside it.
    Seams,
    /// By its seams, and by asking for the whole batch twice, in opposite orders.
    Twice,
}

/// What the first round of a batch says of an element that it shares with another batch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Shared {
    /// The first round is not complete.
    #[default]
    NotYet,
    /// The first round is complete, and has no row of the element that can be used.
    Nothing,
    /// It has this row.
    Says(Row),
}

/// What the batches beside a batch say of the elements that it shares with them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seam {
    /// What the batch before says of place 0. It has no meaning in the first batch.
    pub before: Shared,
    /// What the batch behind says of the last place. It has no meaning in the last batch.
    pub after: Shared,
}

/// All that is known of a batch.
#[derive(Clone, Copy, Debug)]
pub struct BatchFacts<'a> {
    /// How each element is asked for, one a place: at least one, and at most
    /// [`WIDTH`](super::WIDTH).
    pub forms: &'a [Form],
    /// Whether place 0 is the last element of the batch before. It is not the batch's own then.
    pub has_seam: bool,
    /// Whether no batch follows.
    pub is_last: bool,
    /// The replies so far, in any order: one a question.
    pub answers: &'a [(Question, Answer)],
    /// What the batches beside it say.
    pub seam: Seam,
    /// Whether any reply of the walk, to whichever question, has a row with an identity.
    pub walk_has_identities: bool,
    /// The most elements that a request may have: [`WIDTH`](super::WIDTH) until a request of the
    /// first or second round is answered [`Answer::TooMany`], then one less than the smallest of
    /// those requests.
    pub largest: usize,
    /// How a batch without anything odd is verified.
    pub verify: Verify,
}
