//! Promises that hold whatever is answered.
//!
//! Before it: replies by chance. Behind it: nothing; these are tests.

use std::hash::{DefaultHasher, Hash, Hasher};

use fastrand::Rng;
use proptest::prelude::*;

use super::super::answer::{Answer, Row};
use super::super::facts::{Form, Shared, Verify};
use super::super::question::{Question, Round, WIDTH};
use super::super::verdict::{Outcome, Settled};
use super::table::{Table, row};

/// How often what goes wrong, in 1,000.
#[derive(Clone, Copy, Debug)]
struct Odds {
    /// Requests without rows.
    fails: u32,
    /// Rows that are missing, without identity, gone, or another's.
    odd: u32,
}

/// Returns a reply by chance: a function of the seed and the question.
fn answer(seed: u64, odds: Odds, question: &Question) -> Answer {
    let mut hasher = DefaultHasher::new();
    (seed, question).hash(&mut hasher);
    let mut rng = Rng::with_seed(hasher.finish());
    let mut happens = |odds: u32| rng.u32(..1000) < odds;
    if happens(odds.fails) {
        return [Answer::Refused, Answer::TooMany, Answer::Unreadable][rng.usize(..3)].clone();
    }
    let is_strange = happens(odds.fails / 4);
    let mut draw = |place: u8| {
        let mut row = row(place);
        if rng.u32(..1000) >= odds.odd {
            return Some(row);
        }
        match rng.u8(..6) {
            0 => return None,
            1 => row.identity = None,
            2 => row.is_there = false,
            3 => row = Row { is_there: false, identity: None, since: None },
            4 => row.identity = Some(1000 + rng.u64(..100)),
            _ => row.since = Some(rng.i64(..100)),
        }
        Some(row)
    };
    Answer::Rows { rows: question.places.iter().map(|place| draw(*place)).collect(), is_strange }
}

fn odds() -> impl Strategy<Value = Odds> {
    let often = || prop_oneof![Just(0), 1..20_u32, 20..400_u32, Just(1000)];
    (often(), often()).prop_map(|(fails, odd)| Odds { fails, odd })
}

fn shared() -> impl Strategy<Value = Shared> {
    prop_oneof![
        Just(Shared::Nothing),
        Just(Shared::Says(row(0))),
        Just(Shared::Says(row(99))),
        Just(Shared::Says(Row { is_there: false, identity: None, since: None })),
    ]
}

prop_compose! {
    fn table()(
        alone in prop::collection::vec(prop::bool::weighted(0.02), 1..=WIDTH),
        ends in (shared(), shared()),
        flags in (any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>()),
        largest in prop_oneof![Just(WIDTH), 1..WIDTH],
    ) -> Table {
        let mut table = Table::new();
        table.forms = alone.into_iter().map(|alone| if alone { Form::Alone } else { Form::Travels }).collect();
        (table.seam.before, table.seam.after) = ends;
        // A batch has an element of its own.
        table.has_seam = flags.0 && table.forms.len() > 1;
        (table.is_last, table.walk_has_identities) = (flags.1, flags.2);
        table.verify = if flags.3 { Verify::Twice } else { Verify::Seams };
        table.largest = largest;
        table
    }
}

/// Settles a table by replies of chance, one question at a time. `look` sees every step.
fn run(table: &mut Table, seed: u64, odds: Odds, mut look: impl FnMut(&Table, &Settled)) {
    loop {
        let settled = table.settle();
        look(table, &settled);
        let Settled::Ask(questions) = settled else { return };
        // All at once, or only some of them: a walk may be interrupted.
        let mut rng = Rng::with_seed(seed ^ table.answers.len() as u64);
        let some = if rng.bool() { questions.len() } else { rng.usize(1..=questions.len()) };
        for question in questions.into_iter().take(some) {
            let answer = answer(seed, odds, &question);
            table.answers.push((question, answer));
        }
    }
}

/// An outcome, and the reply that says so.
type RestsOn = (Outcome, (Question, Answer));

/// Returns the verdicts with what they rest on instead of its index.
fn content(table: &Table, settled: &Settled) -> (Vec<Question>, Vec<RestsOn>) {
    match settled {
        Settled::Ask(questions) => (questions.clone(), Vec::new()),
        Settled::Waits => (Vec::new(), Vec::new()),
        Settled::Done(verdicts) => {
            let rests_on = verdicts.iter().map(|verdict| (verdict.outcome, table.answers[verdict.answer].clone()));
            (Vec::new(), rests_on.collect())
        }
    }
}

/// Returns whether an answer to a question calls the element of a place gone.
fn says_gone(place: u8, question: &Question, answer: &Answer) -> bool {
    let Answer::Rows { rows, .. } = answer else { return false };
    let at = question.places.iter().position(|asked| *asked == place);
    at.and_then(|at| rows[at]).is_some_and(|row| !row.is_there)
}

proptest! {
    #[test]
    fn the_order_of_the_replies_changes_nothing(mut table in table(), seed: u64, odds in odds(), double: bool) {
        let mut outcomes = Vec::new();
        run(&mut table, seed, odds, |table, settled| {
            let mut shuffled = table.clone();
            if double && let Some((question, _)) = table.answers.first() {
                // The same question may even have two answers.
                shuffled.answers.push((question.clone(), answer(seed + 1, odds, question)));
            }
            let expected = content(&shuffled, &shuffled.settle());
            Rng::with_seed(seed).shuffle(&mut shuffled.answers);
            outcomes.push((expected, content(&shuffled, &shuffled.settle()), settled.clone()));
        });
        for (expected, shuffled, _) in outcomes {
            prop_assert_eq!(expected, shuffled);
        }
    }

    #[test]
    fn every_batch_comes_to_an_end_and_asks_nothing_twice(mut table in table(), seed: u64, odds in odds()) {
        let mut repeated = None;
        run(&mut table, seed, odds, |table, settled| {
            if let Settled::Ask(questions) = settled {
                let is_answered = |question: &&Question| table.answers.iter().any(|(asked, _)| asked == *question);
                repeated = repeated.take().or(questions.iter().find(is_answered).cloned());
                assert!(!questions.is_empty() && table.answers.len() < 700);
            }
        });
        prop_assert_eq!(repeated, None);
        prop_assert!(table.answers.len() < 700);
        let Settled::Done(verdicts) = table.settle() else { return Err(TestCaseError::fail("no verdicts")) };
        prop_assert_eq!(verdicts.len(), table.forms.len() - usize::from(table.has_seam));
    }

    #[test]
    fn no_question_has_more_elements_than_allowed_or_one_that_never_travels(
        mut table in table(), seed: u64, odds in odds(),
    ) {
        let mut wrong = Vec::new();
        run(&mut table, seed, odds, |table, settled| {
            if let Settled::Ask(questions) = settled {
                wrong.extend(questions.iter().filter(|Question { round, places }| {
                    let are_alone = *round >= Round::Single;
                    let travel = places.iter().all(|place| table.forms[usize::from(*place)] == Form::Travels);
                    let fit = (1..=if are_alone { 1 } else { table.largest }).contains(&places.len());
                    !fit || (!are_alone && !travel)
                }).cloned());
            }
        });
        prop_assert_eq!(wrong, Vec::new());
    }

    #[test]
    fn a_verdict_rests_on_a_reply_that_says_it(mut table in table(), seed: u64, odds in odds()) {
        run(&mut table, seed, odds, |_, _| {});
        let Settled::Done(verdicts) = table.settle() else { return Err(TestCaseError::fail("no verdicts")) };
        for (verdict, place) in verdicts.iter().zip(u8::from(table.has_seam)..) {
            let (question, answer) = &table.answers[verdict.answer];
            prop_assert!(question.places.contains(&place));
            let gone = table.answers.iter().filter(|(question, answer)| says_gone(place, question, answer));
            match verdict.outcome {
                Outcome::There => prop_assert!(table.delivered(*verdict, place).is_there),
                Outcome::Left => {
                    prop_assert!(says_gone(place, question, answer) && question.round >= Round::Single);
                    prop_assert!(gone.count() >= 2, "one reply alone says that it has left");
                }
                Outcome::Refused => prop_assert_eq!(answer, &Answer::Refused),
                Outcome::Unreadable => prop_assert!(question.round >= Round::Single),
            }
        }
    }
}
