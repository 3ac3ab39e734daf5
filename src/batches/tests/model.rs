//! A walk over a whole list, without processes, journals or clocks.
//!
//! Before it: a world that answers. Behind it: what would be published of each element, and how
//! many requests it took.

use std::collections::HashMap;

use super::super::answer::{Answer, Row};
use super::super::asked::Asked;
use super::super::facts::{BatchFacts, Form, Seam, Shared, Verify};
use super::super::question::{Question, Round, WIDTH};
use super::super::settle::settle;
use super::super::shared::shared;
use super::super::verdict::{Outcome, Settled, Verdict};

/// What answers, and how its elements are asked for.
pub(super) trait Answers {
    fn len(&self) -> usize;
    fn travels(&self, element: usize) -> bool;
    /// Answers a question about these elements, in the order in which they are sent.
    fn answer(&self, question: &Question, elements: &[usize]) -> Answer;
}

/// What is published of an element.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Published {
    There(Row),
    Left(Row),
    Refused,
    Unreadable,
    /// Its identity is that of another element too, though both were asked alone.
    Conflict(Row),
}

/// A walk that has come to its end.
#[derive(Debug)]
pub(super) struct Walk {
    /// One an element, in the order of the list.
    pub(super) published: Vec<Published>,
    pub(super) requests: usize,
    /// The requests of the batch that needed most of them.
    pub(super) most: usize,
}

/// Sweeps over all batches after which a walk counts as one that has no end. A batch needs at most
/// eight levels of halves in each of two rounds, and two singles.
const SWEEPS: usize = 60;

#[derive(Debug)]
struct Batch {
    elements: Vec<usize>,
    forms: Vec<Form>,
    has_seam: bool,
    is_last: bool,
    answers: Vec<(Question, Answer)>,
}

struct Run<'a, A> {
    world: &'a A,
    verify: Verify,
    batches: Vec<Batch>,
    largest: usize,
    walk_has_identities: bool,
}

/// Walks over the whole list. `None` if the walk has no end.
pub(super) fn walk(world: &impl Answers, verify: Verify) -> Option<Walk> {
    let asked = Asked::all(world.len() as u64);
    let batches = (0..asked.batches()).map(|number| {
        let elements: Vec<usize> = asked.positions(number).into_iter().map(|position| position as usize).collect();
        let form = |element: &usize| if world.travels(*element) { Form::Travels } else { Form::Alone };
        let forms = elements.iter().map(form).collect();
        Batch { elements, forms, has_seam: number > 0, is_last: asked.is_last(number), answers: Vec::new() }
    });
    let batches = batches.collect();
    let mut run = Run { world, verify, batches, largest: WIDTH, walk_has_identities: false };
    for _ in 0..SWEEPS {
        if run.sweep() {
            continue;
        }
        let verdicts = run.verdicts()?;
        if !run.ask_doubles(&verdicts) {
            return Some(run.published(&verdicts));
        }
    }
    None
}

impl<A: Answers> Run<'_, A> {
    /// Asks what each batch wants to know. Returns whether any of them wanted to know something.
    fn sweep(&mut self) -> bool {
        let mut has_asked = false;
        for number in 0..self.batches.len() {
            let Settled::Ask(questions) = self.settle(number) else { continue };
            assert!(!questions.is_empty(), "batch {number} asks nothing");
            has_asked = true;
            for question in questions {
                self.ask(number, question);
            }
        }
        has_asked
    }

    fn settle(&self, number: usize) -> Settled {
        let batch = &self.batches[number];
        let neighbour = |number: usize| self.batches.get(number).map(|batch| shared(&batch.forms, &batch.answers));
        let before = number.checked_sub(1).and_then(neighbour).map_or(Shared::NotYet, |(_, last)| last);
        let after = neighbour(number + 1).map_or(Shared::NotYet, |(first, _)| first);
        settle(&BatchFacts {
            forms: &batch.forms,
            has_seam: batch.has_seam,
            is_last: batch.is_last,
            answers: &batch.answers,
            seam: Seam { before, after },
            walk_has_identities: self.walk_has_identities,
            largest: self.largest,
            verify: self.verify,
        })
    }

    fn ask(&mut self, number: usize, question: Question) {
        let batch = &mut self.batches[number];
        let is_known = batch.answers.iter().any(|(asked, _)| *asked == question);
        assert!(!is_known, "batch {number} asks {question:?} for a second time");
        let elements: Vec<usize> = question.places.iter().map(|place| batch.elements[usize::from(*place)]).collect();
        let answer = self.world.answer(&question, &elements);
        match &answer {
            Answer::TooMany if question.round <= Round::Again => {
                self.largest = self.largest.min(elements.len() - 1).max(1);
            }
            Answer::Rows { rows, .. } => {
                self.walk_has_identities |= rows.iter().flatten().any(|row| row.identity.is_some());
            }
            _ => {}
        }
        batch.answers.push((question, answer));
    }

    /// Returns the verdicts of all batches, if all have come to one.
    fn verdicts(&self) -> Option<Vec<Vec<Verdict>>> {
        let verdicts = (0..self.batches.len()).map(|number| match self.settle(number) {
            Settled::Done(verdicts) => Some(verdicts),
            _ => None,
        });
        verdicts.collect()
    }

    /// Asks once more, alone, for the elements whose identity another has too. Returns whether
    /// there was one to be asked for.
    fn ask_doubles(&mut self, verdicts: &[Vec<Verdict>]) -> bool {
        let mut questions = Vec::new();
        for (number, place) in self.doubles(verdicts) {
            let question = Question { round: Round::SingleAgain, places: vec![place] };
            if self.batches[number].answers.iter().all(|(asked, _)| *asked != question) {
                questions.push((number, question));
            }
        }
        let has_asked = !questions.is_empty();
        for (number, question) in questions {
            self.ask(number, question);
        }
        has_asked
    }

    /// Returns the batch and the place of each element whose identity another has too.
    fn doubles(&self, verdicts: &[Vec<Verdict>]) -> Vec<(usize, u8)> {
        let mut holders: HashMap<u64, Vec<(usize, u8)>> = HashMap::new();
        for (number, place, verdict) in self.each(verdicts) {
            let row = (verdict.outcome == Outcome::There).then(|| self.row(number, place, verdict));
            if let Some(identity) = row.and_then(|row| row.identity) {
                holders.entry(identity).or_default().push((number, place));
            }
        }
        holders.into_values().filter(|holders| holders.len() > 1).flatten().collect()
    }

    fn each<'v>(&self, verdicts: &'v [Vec<Verdict>]) -> impl Iterator<Item = (usize, u8, &'v Verdict)> {
        let seams: Vec<u8> = self.batches.iter().map(|batch| u8::from(batch.has_seam)).collect();
        verdicts.iter().enumerate().flat_map(move |(number, verdicts)| {
            let seam = seams[number];
            verdicts.iter().enumerate().map(move |(own, verdict)| (number, own as u8 + seam, verdict))
        })
    }

    /// Returns the row that a verdict delivers.
    fn row(&self, number: usize, place: u8, verdict: &Verdict) -> Row {
        let (question, answer) = &self.batches[number].answers[verdict.answer];
        let Answer::Rows { rows, .. } = answer else { panic!("batch {number} delivers a row of {answer:?}") };
        let at = question.places.iter().position(|asked| *asked == place).expect("a reply about the place");
        rows[at].expect("a row")
    }

    fn published(&self, verdicts: &[Vec<Verdict>]) -> Walk {
        let conflicts = self.doubles(verdicts);
        let publish = |(number, place, verdict): (usize, u8, &Verdict)| match verdict.outcome {
            Outcome::There if conflicts.contains(&(number, place)) => {
                Published::Conflict(self.row(number, place, verdict))
            }
            Outcome::There => Published::There(self.row(number, place, verdict)),
            Outcome::Left => Published::Left(self.row(number, place, verdict)),
            Outcome::Refused => Published::Refused,
            Outcome::Unreadable => Published::Unreadable,
        };
        let counts = || self.batches.iter().map(|batch| batch.answers.len());
        Walk {
            published: self.each(verdicts).map(publish).collect(),
            requests: counts().sum(),
            most: counts().max().unwrap_or(0),
        }
    }
}
