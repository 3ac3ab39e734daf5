//! One batch on a table: a test says what is answered, and sees what is asked.
//!
//! Before it: a test of a rule. Behind it: [`settle`](super::super::settle::settle).

use super::super::answer::{Answer, Row};
use super::super::facts::{BatchFacts, Form, Seam, Shared, Verify};
use super::super::question::{Question, Round, WIDTH};
use super::super::settle::settle;
use super::super::verdict::{Outcome, Settled, Verdict};

/// A batch, its neighbours and its replies.
#[derive(Clone, Debug)]
pub(super) struct Table {
    pub(super) forms: Vec<Form>,
    pub(super) has_seam: bool,
    pub(super) is_last: bool,
    pub(super) seam: Seam,
    pub(super) walk_has_identities: bool,
    pub(super) largest: usize,
    pub(super) verify: Verify,
    pub(super) answers: Vec<(Question, Answer)>,
}

impl Table {
    /// Sets a full batch with a neighbour on either side, which say what is true.
    pub(super) fn new() -> Self {
        let seam = Seam { before: Shared::Says(row(0)), after: Shared::Says(row(WIDTH as u8 - 1)) };
        Self {
            forms: vec![Form::Travels; WIDTH],
            has_seam: true,
            is_last: false,
            seam,
            walk_has_identities: true,
            largest: WIDTH,
            verify: Verify::Seams,
            answers: Vec::new(),
        }
    }

    /// Sets the last batch of a list, of `places` places.
    pub(super) fn last(places: usize) -> Self {
        let mut table = Self::new();
        table.forms.truncate(places);
        table.is_last = true;
        table.seam.after = Shared::NotYet;
        table
    }

    pub(super) fn settle(&self) -> Settled {
        settle(&BatchFacts {
            forms: &self.forms,
            has_seam: self.has_seam,
            is_last: self.is_last,
            answers: &self.answers,
            seam: self.seam,
            walk_has_identities: self.walk_has_identities,
            largest: self.largest,
            verify: self.verify,
        })
    }

    /// Answers every question until the batch is settled. `answer` gets each question and its true
    /// rows, and may change them.
    pub(super) fn run(&mut self, mut answer: impl FnMut(&Question, &mut Vec<Option<Row>>) -> Reply) -> Vec<Verdict> {
        loop {
            let questions = match self.settle() {
                Settled::Done(verdicts) => return verdicts,
                Settled::Waits => panic!("the batch waits for a neighbour"),
                Settled::Ask(questions) => questions,
            };
            assert!(!questions.is_empty());
            for question in questions {
                assert!(self.answers.iter().all(|(asked, _)| *asked != question), "{question:?} for a second time");
                let mut rows = question.places.iter().map(|place| Some(row(*place))).collect();
                let answer = match answer(&question, &mut rows) {
                    Reply::Rows => Answer::Rows { rows, is_strange: false },
                    Reply::Strange => Answer::Rows { rows, is_strange: true },
                    Reply::Fails(answer) => answer,
                };
                self.answers.push((question, answer));
            }
        }
    }

    /// Returns how many questions of a round were asked.
    pub(super) fn count(&self, round: Round) -> usize {
        self.answers.iter().filter(|(question, _)| question.round == round).count()
    }

    /// Returns the questions that were asked in a round.
    pub(super) fn asked(&self, round: Round) -> Vec<Vec<u8>> {
        let of_round = self.answers.iter().filter(|(question, _)| question.round == round);
        of_round.map(|(question, _)| question.places.clone()).collect()
    }

    /// Returns the round of the reply that a verdict rests on.
    pub(super) fn round(&self, verdict: Verdict) -> Round {
        self.answers[verdict.answer].0.round
    }

    /// Asserts that the row of each of the batch's own elements is delivered, and is its own.
    pub(super) fn assert_true(&self, verdicts: &[Verdict]) {
        let own = usize::from(self.has_seam);
        assert_eq!(verdicts.len(), self.forms.len() - own);
        for (verdict, place) in verdicts.iter().zip(own as u8..) {
            assert_eq!(verdict.outcome, Outcome::There, "place {place}");
            assert_eq!(self.delivered(*verdict, place), row(place), "place {place}");
        }
    }

    /// Returns the row that a verdict about a place delivers.
    pub(super) fn delivered(&self, verdict: Verdict, place: u8) -> Row {
        let (question, answer) = &self.answers[verdict.answer];
        let Answer::Rows { rows, .. } = answer else { panic!("a row of {answer:?}") };
        let at = question.places.iter().position(|asked| *asked == place).expect("a reply about the place");
        rows[at].expect("a row")
    }
}

/// How a question is answered.
pub(super) enum Reply {
    /// With the rows as they are now.
    Rows,
    /// With them, and with rows of others.
    Strange,
    /// Without rows.
    Fails(Answer),
}

/// Returns the true row of a place.
pub(super) fn row(place: u8) -> Row {
    Row { is_there: true, identity: Some(1000 + u64::from(place)), since: Some(i64::from(place)) }
}

/// Returns the row of somebody who has left.
pub(super) fn gone() -> Row {
    Row { is_there: false, identity: None, since: None }
}

/// Moves the identities of the rows from `at` on up by one; the last row gets `end`.
pub(super) fn move_up(rows: &mut [Option<Row>], at: usize, end: Option<u64>) {
    for here in at..rows.len() {
        let next = rows.get(here + 1).copied().flatten().map_or(end, |row| row.identity);
        if let Some(row) = &mut rows[here] {
            row.identity = next;
        }
    }
}

/// Returns where a question has a place.
pub(super) fn at(question: &Question, place: u8) -> Option<usize> {
    question.places.iter().position(|asked| *asked == place)
}

/// Returns whether a question is about one element alone.
pub(super) fn is_single(question: &Question) -> bool {
    question.round >= Round::Single
}
