//! The rules: what is to be asked about a batch, and what came of each of its elements.
//!
//! Before it: all replies of the batch so far, and what its neighbours say. Behind it: the engine
//! asks, or delivers.
//!
//! ```text
//!   first round ──► nothing odd, seams agree ──────────────────────────► its rows stand
//!        │
//!        └► something is odd ──► the others in another order ──► agrees ──► its rows stand,
//!                   │                        │                            the odd ones alone
//!                   │                        └► differs ──► each element alone
//!                   └► the odd ones alone ──► an identity differs ──► each element alone
//! ```
//!
//! The result depends on the set of replies, not on their order. A reply more never makes a batch
//! less odd, so the questions come to an end: fewer than 700 a batch, and one in a healthy batch.

use super::agree::is_contradicted;
use super::alone::{self, Absence, Next};
use super::batch::Batch;
use super::facts::{BatchFacts, Shared};
use super::odd::Oddities;
use super::parts::Parts;
use super::question::{Question, Round};
use super::verdict::{Outcome, Settled, Verdict};

/// Says what is to be asked next about a batch, or what came of each of its elements.
pub fn settle(facts: &BatchFacts<'_>) -> Settled {
    let batch = Batch::new(facts);
    let travelling: Vec<u8> = batch.travelling().collect();
    let mut questions = parts(&batch, Round::First).missing(&travelling);
    if !questions.is_empty() {
        return Settled::Ask(questions);
    }
    if batch.seams().any(|(_, says)| says == Shared::NotYet) {
        return Settled::Waits;
    }

    let oddities = Oddities::of(&batch);
    let is_believed = !is_contradicted(&batch);
    if is_believed && oddities.is_suspicious {
        questions = parts(&batch, Round::Again).missing(&in_another_order(oddities.others(&batch)));
    }
    if oddities.ends.contains(0) && facts.has_seam && !alone::is_asked(&batch.replies, 0) {
        questions.push(Question { round: Round::Single, places: vec![0] });
    }
    let mut verdicts = Vec::with_capacity(facts.forms.len());
    for place in batch.own() {
        match next(&batch, place, &oddities, is_believed) {
            Next::Ask(question) => questions.push(question),
            Next::Is(verdict) => verdicts.push(verdict),
        }
    }
    if questions.is_empty() { Settled::Done(verdicts) } else { Settled::Ask(questions) }
}

fn parts<'a>(batch: &'a Batch<'_>, round: Round) -> Parts<'a> {
    Parts { replies: &batch.replies, round, largest: batch.facts.largest.max(1) }
}

/// Returns places in the order of the second round: in reverse, and every other one first. So a
/// shift reaches other rows than in the first round, and gives each of them the row of somebody
/// else, whichever way it goes. In reverse alone, a shift upwards that another one downwards ends
/// would do the same again.
fn in_another_order(places: impl DoubleEndedIterator<Item = u8>) -> Vec<u8> {
    let reverse: Vec<u8> = places.rev().collect();
    let every_other = |start| reverse.iter().copied().skip(start).step_by(2);
    every_other(1).chain(every_other(0)).collect()
}

/// Returns the next question about one of the batch's own elements, or what came of it.
fn next(batch: &Batch<'_>, place: u8, oddities: &Oddities, is_believed: bool) -> Next {
    let replies = &batch.replies;
    let row = is_believed
        && !oddities.odd.contains(place)
        && !oddities.ends.contains(place)
        && !replies.failed_alone(Round::Again, place)
        && !alone::is_asked(replies, place);
    match replies.about(Round::First, place).next() {
        Some(said) if row => Next::Is(Verdict { outcome: Outcome::There, answer: said.index }),
        _ => {
            let is_gone = |round| replies.about(round, place).any(|said| said.row.is_some_and(|row| !row.is_there));
            let absence = match is_gone(Round::First) || is_gone(Round::Again) {
                true if is_believed => Absence::Said,
                true => Absence::Doubted,
                false => Absence::NotSaid,
            };
            alone::judge(replies, place, absence)
        }
    }
}
