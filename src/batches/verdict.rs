//! What came of a batch.
//!
//! Before it: [`settle`](super::settle::settle). Behind it: the engine asks, or delivers.

use super::question::Question;

/// What the rules say of a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Settled {
    /// These questions must be answered first. None of them has an answer, and there is at least
    /// one. They may be asked at once, in any order; singles are best asked some time after the
    /// other rounds.
    Ask(Vec<Question>),
    /// Nothing is to be asked before the first round of a batch beside it is complete.
    Waits,
    /// One verdict for each of its own places, in their order.
    ///
    /// It stands as long as the facts do. More replies beside it, or the first identity of the
    /// walk, may call for more questions; after the last reply of the walk none do.
    Done(Vec<Verdict>),
}

/// What came of an element.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// What came of it.
    pub outcome: Outcome,
    /// The reply that says so, as an index into [`BatchFacts::answers`](super::BatchFacts). For
    /// [`Outcome::There`] and [`Outcome::Left`] it has a row of the element, which is delivered.
    pub answer: usize,
}

/// What came of an element, as far as one batch can tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is there.
    There,
    /// It was there when the input was read, and is not any more: two replies say so.
    Left,
    /// WeChat refuses to tell, even alone.
    Refused,
    /// No reply about it can be used.
    Unreadable,
}
