//! What is believed of an element that is asked for alone.
//!
//! Before it: [`Table`] answers. Behind it: nothing; these are tests.

use super::super::answer::{Answer, Row};
use super::super::question::{Question, Round, WIDTH};
use super::super::verdict::{Outcome, Settled, Verdict};
use super::table::{Reply, Table, at, gone, is_single, row};

/// The place that the tests are about.
const ODD: u8 = 31;

/// Settles a batch that calls the odd element gone, if `is_gone_before`, and without a row if not.
/// `single` and `again` answer for it alone.
fn settled(is_gone_before: bool, single: &Answer, again: &Answer) -> (Table, Verdict) {
    let mut table = Table::new();
    let verdicts = table.run(|question, rows| {
        match (question.round, at(question, ODD)) {
            (Round::Single, Some(_)) => return Reply::Fails(single.clone()),
            (Round::SingleAgain, Some(_)) => return Reply::Fails(again.clone()),
            (_, Some(at)) => rows[at] = is_gone_before.then(gone),
            _ => {}
        }
        Reply::Rows
    });
    let verdict = verdicts[usize::from(ODD) - 1];
    (table, verdict)
}

fn says(row: Row) -> Answer {
    Answer::Rows { rows: vec![Some(row)], is_strange: false }
}

/// A reply about another element, and a reply without a row.
fn others() -> [Answer; 2] {
    [Answer::Rows { rows: vec![None], is_strange: true }, Answer::Rows { rows: vec![None], is_strange: false }]
}

#[test]
fn a_person_is_gone_only_if_two_replies_say_so() {
    let never = Answer::Unreadable;
    let (table, verdict) = settled(true, &says(gone()), &never);
    assert_eq!((verdict.outcome, table.round(verdict)), (Outcome::Left, Round::Single));
    assert_eq!(table.count(Round::SingleAgain), 0, "two replies are enough");

    let (table, verdict) = settled(true, &says(row(ODD)), &never);
    assert_eq!((verdict.outcome, table.round(verdict)), (Outcome::There, Round::Single));

    let (table, verdict) = settled(false, &says(gone()), &says(gone()));
    assert_eq!((verdict.outcome, table.round(verdict)), (Outcome::Left, Round::SingleAgain));

    let (table, verdict) = settled(false, &says(gone()), &says(row(ODD)));
    assert_eq!((verdict.outcome, table.round(verdict)), (Outcome::There, Round::SingleAgain));

    let (_, verdict) = settled(false, &says(gone()), &Answer::Refused);
    assert_eq!(verdict.outcome, Outcome::Refused);
    let (_, verdict) = settled(false, &says(gone()), &Answer::Unreadable);
    assert_eq!(verdict.outcome, Outcome::Unreadable);
}

#[test]
fn an_element_that_is_refused_alone_is_not_asked_for_again() {
    let (table, verdict) = settled(true, &Answer::Refused, &says(row(ODD)));
    assert_eq!((verdict.outcome, table.round(verdict)), (Outcome::Refused, Round::Single));
}

#[test]
fn an_element_whose_reply_cannot_be_read_alone_is_unreadable() {
    for failure in [Answer::Unreadable, Answer::TooMany] {
        let (table, verdict) = settled(true, &failure, &says(row(ODD)));
        assert_eq!((verdict.outcome, table.round(verdict)), (Outcome::Unreadable, Round::Single));
    }
}

#[test]
fn a_reply_about_somebody_else_is_asked_for_once_more_and_never_delivered() {
    for other in others() {
        let (table, verdict) = settled(false, &other, &says(row(ODD)));
        assert_eq!((verdict.outcome, table.round(verdict)), (Outcome::There, Round::SingleAgain));
        for again in others() {
            let (table, verdict) = settled(false, &other, &again);
            assert_eq!((verdict.outcome, table.round(verdict)), (Outcome::Unreadable, Round::SingleAgain));
        }
    }
    // Even with a row of the element beside the row of another.
    let both = Answer::Rows { rows: vec![Some(row(ODD))], is_strange: true };
    let (_, verdict) = settled(false, &both, &both);
    assert_eq!(verdict.outcome, Outcome::Unreadable);
}

/// Settles the last batch of a list, whose last element has another row alone: `change` changes it.
fn changed_alone(change: fn(&mut Row)) -> (Table, Vec<Verdict>) {
    let mut table = Table::last(WIDTH);
    let verdicts = table.run(|question, rows| {
        if let Some(at) = at(question, 99).filter(|_| is_single(question)) {
            rows[at].iter_mut().for_each(change);
        }
        Reply::Rows
    });
    (table, verdicts)
}

#[test]
fn another_identity_alone_condemns_the_batch() {
    for change in [|row: &mut Row| row.identity = Some(1), |row: &mut Row| row.identity = None] {
        let (table, verdicts) = changed_alone(change);
        assert_eq!(table.count(Round::Single), WIDTH - 1);
        assert!(verdicts.iter().all(|verdict| table.round(*verdict) == Round::Single));
    }
}

#[test]
fn somebody_who_follows_again_is_delivered_as_last_seen() {
    let (table, verdicts) = changed_alone(|row| row.since = Some(5000));
    assert_eq!(table.answers.len(), 2);
    assert_eq!(table.delivered(verdicts[98], 99).since, Some(5000));
}

#[test]
fn a_time_of_following_that_goes_back_condemns_the_batch() {
    let (table, _) = changed_alone(|row| row.since = Some(-1));
    assert_eq!(table.count(Round::Single), WIDTH - 1);
}

#[test]
fn without_identities_another_time_of_following_condemns_the_batch() {
    let mut table = Table::last(WIDTH);
    table.walk_has_identities = false;
    table.seam.before = super::super::facts::Shared::Says(Row { identity: None, ..row(0) });
    table.run(|question, rows| {
        rows.iter_mut().flatten().for_each(|row| row.identity = None);
        if is_single(question) {
            rows[0].as_mut().unwrap().since = Some(5000);
        }
        Reply::Rows
    });
    assert_eq!(table.count(Round::Single), WIDTH - 1);
}

#[test]
fn somebody_who_leaves_within_the_walk_does_not_condemn_the_batch() {
    let (table, verdicts) = changed_alone(|row| *row = gone());
    assert_eq!(verdicts[98].outcome, Outcome::Left);
    assert_eq!(table.asked(Round::SingleAgain), [[99]]);
    assert_eq!(table.count(Round::Single), 1);
}

#[test]
fn an_element_that_was_asked_for_a_second_time_alone_is_delivered_from_there() {
    let mut table = Table::new();
    table.run(|_, _| Reply::Rows);
    table.answers.push((Question { round: Round::SingleAgain, places: vec![ODD] }, says(row(ODD))));
    let Settled::Done(verdicts) = table.settle() else { panic!("a question") };
    assert_eq!(table.round(verdicts[usize::from(ODD) - 1]), Round::SingleAgain);
    // If it says something else, the batch was wrong about it, and may be about others.
    table.answers[1].1 = says(row(ODD + 1));
    let Settled::Ask(questions) = table.settle() else { panic!("no question") };
    assert!(questions.iter().all(|question| question.round == Round::Single));
    assert_eq!(questions.len(), WIDTH - 2);
}

#[test]
fn somebody_whom_a_doubted_batch_calls_gone_has_left_if_no_other_reply_alone_can_be_used() {
    for [single, again] in [[others()[0].clone(), says(gone())], [says(gone()), others()[0].clone()]] {
        let mut table = Table::new();
        table.seam.before = super::super::facts::Shared::Says(row(50));
        let verdicts = table.run(|question, rows| {
            match (question.round, at(question, ODD)) {
                (Round::Single, Some(_)) => return Reply::Fails(single.clone()),
                (Round::SingleAgain, Some(_)) => return Reply::Fails(again.clone()),
                (Round::First, Some(at)) => {
                    rows[at] = Some(gone());
                    // Another row is not its own, so the batch is doubted.
                    rows[0] = Some(row(101));
                }
                _ => {}
            }
            Reply::Rows
        });
        assert_eq!(table.count(Round::SingleAgain), 1);
        assert_eq!(verdicts[usize::from(ODD) - 1].outcome, Outcome::Left);
    }
}
