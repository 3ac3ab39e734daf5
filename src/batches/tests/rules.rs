//! What is asked about a batch, rule by rule.
//!
//! Before it: [`Table`] answers. Behind it: nothing; these are tests.

use super::super::answer::Answer;
use super::super::facts::{Form, Shared, Verify};
use super::super::question::{Question, Round, WIDTH};
use super::super::shared::shared;
use super::super::verdict::{Outcome, Settled};
use super::table::{Reply, Table, at, gone, is_single, move_up, row};

/// Places in the order of the second round: in reverse, every other one first.
fn again(places: impl DoubleEndedIterator<Item = u8>) -> Vec<u8> {
    let (one, other): (Vec<_>, Vec<_>) = places.rev().enumerate().partition(|(at, _)| at % 2 == 1);
    one.into_iter().chain(other).map(|(_, place)| place).collect()
}

/// All places of a full batch.
fn all() -> Vec<u8> {
    (0..WIDTH as u8).collect()
}

#[test]
fn a_healthy_batch_is_asked_once() {
    let mut table = Table::new();
    let verdicts = table.run(|_, _| Reply::Rows);
    table.assert_true(&verdicts);
    assert_eq!(table.answers.len(), 1);
    assert_eq!(table.asked(Round::First), [all()]);
}

#[test]
fn the_very_last_element_is_asked_for_alone_too() {
    let mut table = Table::last(40);
    let verdicts = table.run(|_, _| Reply::Rows);
    table.assert_true(&verdicts);
    assert_eq!(table.asked(Round::Single), [[39]]);
    assert_eq!(table.answers.len(), 2);
}

#[test]
fn a_batch_with_one_leaver_is_asked_three_times() {
    let mut table = Table::new();
    let verdicts = table.run(|question, rows| {
        if let Some(at) = at(question, 40) {
            rows[at] = Some(gone());
        }
        Reply::Rows
    });
    assert_eq!(table.answers.len(), 3);
    assert_eq!(table.asked(Round::Again), [again(all().into_iter().filter(|place| *place != 40))]);
    assert_eq!(table.asked(Round::Single), [[40]]);
    let left = verdicts.iter().filter(|verdict| verdict.outcome == Outcome::Left);
    assert_eq!(left.map(|verdict| table.round(*verdict)).collect::<Vec<_>>(), [Round::Single]);
    assert_eq!(verdicts[39].outcome, Outcome::Left);
}

#[test]
fn a_batch_that_was_refused_is_halved_until_the_odd_id_is_alone() {
    let mut table = Table::new();
    let verdicts =
        table.run(|question, _| if at(question, 13).is_some() { Reply::Fails(Answer::Refused) } else { Reply::Rows });
    // 100 → 50 → 25 → 13 → 7 and 6 → 3 → 2 and 1 → 1, or less: at most seven levels of halves.
    assert!(table.count(Round::First) <= 1 + 2 * 7, "{}", table.count(Round::First));
    assert!(table.asked(Round::First).contains(&vec![13]));
    assert_eq!(table.asked(Round::Single), [[13]]);
    assert_eq!(verdicts[12].outcome, Outcome::Refused);
    assert_eq!(table.round(verdicts[12]), Round::Single);
    assert_eq!(verdicts.iter().filter(|verdict| verdict.outcome == Outcome::There).count(), WIDTH - 2);
}

#[test]
fn a_batch_that_cannot_be_read_is_halved_as_well() {
    let mut table = Table::new();
    let verdicts = table.run(|question, _| match at(question, 77) {
        Some(_) if !is_single(question) => Reply::Fails(Answer::Unreadable),
        _ => Reply::Rows,
    });
    table.assert_true(&verdicts);
    assert_eq!(table.asked(Round::Single), [[77]]);
}

#[test]
fn no_request_has_more_elements_than_wechat_takes() {
    let mut table = Table::new();
    let verdicts =
        table.run(|question, _| if question.places.len() > 50 { Reply::Fails(Answer::TooMany) } else { Reply::Rows });
    table.assert_true(&verdicts);
    // Once it is known, nothing larger is asked for.
    let mut table = Table::new();
    table.largest = 50;
    let verdicts = table.run(|question, _| {
        assert!(question.places.len() <= 50);
        Reply::Rows
    });
    table.assert_true(&verdicts);
    assert_eq!(table.asked(Round::First), [all()[..50].to_vec(), all()[50..].to_vec()]);
}

#[test]
fn parts_of_a_batch_share_no_element_and_are_verified_by_a_second_round() {
    let mut table = Table::new();
    table.largest = 50;
    // The identities of the first part go round in a circle. Neither seam can see that.
    let verdicts = table.run(|question, rows| {
        if question.round == Round::First && question.places[0] == 0 {
            move_up(rows, 1, Some(1001));
        }
        Reply::Rows
    });
    table.assert_true(&verdicts);
    assert_eq!(table.count(Round::Single), WIDTH - 1);
}

#[test]
fn what_is_known_of_a_part_is_not_asked_for_again() {
    let rows = |places: &[u8]| Answer::Rows {
        rows: places.iter().map(|place| Some(row(*place))).collect(),
        is_strange: false,
    };
    let mut table = Table::new();
    let half = all()[..50].to_vec();
    table.answers.push((Question { round: Round::First, places: half.clone() }, rows(&half)));
    let rest = Question { round: Round::First, places: all()[50..].to_vec() };
    assert_eq!(table.settle(), Settled::Ask(vec![rest]));
    // The whole needs no halves.
    table.answers[0] = (Question { round: Round::First, places: all() }, rows(&all()));
    table.largest = 10;
    assert!(matches!(table.settle(), Settled::Done(_)));
}

#[test]
fn rows_that_moved_are_seen_by_the_seam() {
    let mut table = Table::new();
    let verdicts = table.run(|question, rows| {
        if question.round == Round::First {
            move_up(rows, 30, Some(1030));
        }
        Reply::Rows
    });
    table.assert_true(&verdicts);
    assert_eq!(table.count(Round::Single), WIDTH - 1);
}

#[test]
fn rows_that_moved_in_the_last_batch_are_seen_by_its_last_element() {
    let mut table = Table::last(60);
    let verdicts = table.run(|question, rows| {
        if question.round == Round::First {
            move_up(rows, 5, Some(1005));
        }
        Reply::Rows
    });
    table.assert_true(&verdicts);
    assert_eq!(table.count(Round::Single), 59);
}

#[test]
fn rows_that_moved_behind_a_leaver_are_seen_by_the_second_round() {
    let mut table = Table::new();
    let verdicts = table.run(|question, rows| {
        if let Some(at) = at(question, 20) {
            if !is_single(question) {
                move_up(rows, at + 1, None);
            }
            rows[at] = Some(gone());
        }
        Reply::Rows
    });
    assert_eq!(verdicts[19].outcome, Outcome::Left);
    for (verdict, place) in verdicts.iter().zip(1..).filter(|(_, place)| *place != 20) {
        assert_eq!(table.delivered(*verdict, place), row(place), "place {place}");
    }
    // The leaver is believed after two replies about it alone, because the batch is not.
    assert_eq!(table.asked(Round::SingleAgain), [[20]]);
}

#[test]
fn two_elements_with_one_identity_are_asked_for_alone() {
    let mut table = Table::new();
    let verdicts = table.run(|question, rows| {
        if question.round == Round::First {
            rows[50] = rows[49];
        }
        Reply::Rows
    });
    table.assert_true(&verdicts);
    assert_eq!(table.count(Round::Single), WIDTH - 1, "one alone has another identity than its batch says");
}

#[test]
fn an_element_without_identity_among_others_is_asked_for_alone() {
    let mut table = Table::new();
    let verdicts = table.run(|question, rows| {
        if let Some(at) = at(question, 9).filter(|_| !is_single(question)) {
            rows[at].as_mut().unwrap().identity = None;
        }
        Reply::Rows
    });
    table.assert_true(&verdicts);
    assert_eq!(table.answers.len(), 3);
    assert_eq!(table.asked(Round::Single), [[9]]);
}

#[test]
fn an_element_without_identity_even_alone_stands_without() {
    let mut table = Table::new();
    let verdicts = table.run(|question, rows| {
        if let Some(at) = at(question, 9) {
            rows[at].as_mut().unwrap().identity = None;
        }
        Reply::Rows
    });
    assert_eq!(verdicts[8].outcome, Outcome::There);
    assert_eq!(table.delivered(verdicts[8], 9).identity, None);
    assert_eq!(table.answers.len(), 3);
}

#[test]
fn a_batch_without_identities_is_healthy_only_if_no_reply_of_the_walk_has_one() {
    for walk_has_identities in [false, true] {
        let mut table = Table::new();
        table.walk_has_identities = walk_has_identities;
        let bare = |place| Shared::Says(super::super::answer::Row { identity: None, ..row(place) });
        (table.seam.before, table.seam.after) = (bare(0), bare(99));
        let verdicts = table.run(|question, rows| {
            if !is_single(question) {
                rows.iter_mut().flatten().for_each(|row| row.identity = None);
            }
            Reply::Rows
        });
        assert_eq!(table.count(Round::Single), if walk_has_identities { WIDTH - 1 } else { 0 });
        assert!(verdicts.iter().all(|verdict| verdict.outcome == Outcome::There));
    }
}

#[test]
fn a_row_of_somebody_else_makes_the_batch_suspicious() {
    for round in [Round::First, Round::Again] {
        let mut table = Table::new();
        table.verify = Verify::Twice;
        let verdicts = table.run(|question, _| if question.round == round { Reply::Strange } else { Reply::Rows });
        table.assert_true(&verdicts);
        assert_eq!(table.count(Round::Single), if round == Round::First { 0 } else { WIDTH - 1 });
    }
}

#[test]
fn asking_twice_asks_every_batch_in_another_order_as_well() {
    let mut table = Table::new();
    table.verify = Verify::Twice;
    let verdicts = table.run(|_, _| Reply::Rows);
    table.assert_true(&verdicts);
    assert_eq!(table.asked(Round::Again), [again(all().into_iter())]);
    assert_eq!(table.answers.len(), 2);
}

#[test]
fn a_second_round_that_says_something_else_is_settled_by_each_element_alone() {
    let mut table = Table::new();
    table.verify = Verify::Twice;
    let verdicts = table.run(|question, rows| {
        if question.round == Round::Again {
            rows[3].as_mut().unwrap().since = Some(12345);
        }
        Reply::Rows
    });
    table.assert_true(&verdicts);
    assert_eq!(table.count(Round::Single), WIDTH - 1);
}

#[test]
fn an_element_that_only_the_second_round_refuses_is_asked_for_alone() {
    let mut table = Table::new();
    table.verify = Verify::Twice;
    let verdicts = table.run(|question, _| match at(question, 60) {
        Some(_) if question.round == Round::Again => Reply::Fails(Answer::Refused),
        _ => Reply::Rows,
    });
    table.assert_true(&verdicts);
    assert_eq!(table.asked(Round::Single), [[60]]);
}

#[test]
fn no_element_has_the_same_neighbour_in_both_rounds() {
    for places in 4..=WIDTH {
        let mut table = Table::last(places);
        table.verify = Verify::Twice;
        table.run(|_, _| Reply::Rows);
        for order in table.asked(Round::Again) {
            assert_eq!(order.len(), places);
            assert!(order.windows(2).all(|pair| pair[0].abs_diff(pair[1]) > 1), "{order:?}");
        }
    }
}

#[test]
fn so_few_elements_that_no_order_tells_them_apart_are_asked_for_alone() {
    for places in 1..4 {
        let mut table = Table::last(places);
        table.has_seam = false;
        table.verify = Verify::Twice;
        let verdicts = table.run(|_, _| Reply::Rows);
        table.assert_true(&verdicts);
        assert_eq!((table.count(Round::Again), table.count(Round::Single)), (0, places));
    }
}

#[test]
fn without_identities_two_equal_times_of_following_are_verified_by_a_second_round() {
    let mut table = Table::new();
    table.walk_has_identities = false;
    let bare = |place| super::super::answer::Row { identity: None, ..row(place) };
    (table.seam.before, table.seam.after) = (Shared::Says(bare(0)), Shared::Says(bare(99)));
    let verdicts = table.run(|question, rows| {
        rows.iter_mut().flatten().for_each(|row| row.identity = None);
        if question.round == Round::First {
            // The rows from place 10 on move up, until one comes twice at place 20.
            rows[10..20].rotate_left(1);
            rows[19] = rows[20];
        }
        Reply::Rows
    });
    assert_eq!(table.count(Round::Single), WIDTH - 1);
    for (verdict, place) in verdicts.iter().zip(1..) {
        assert_eq!(table.delivered(*verdict, place), bare(place), "place {place}");
    }
}

#[test]
fn a_seam_that_disagrees_is_asked_for_alone_by_both_batches() {
    let mut table = Table::new();
    table.seam.before = Shared::Says(row(55));
    let verdicts = table.run(|_, _| Reply::Rows);
    table.assert_true(&verdicts);
    assert_eq!(table.asked(Round::Single), [[0]]);
    assert_eq!(table.asked(Round::Again)[0].len(), WIDTH - 1);

    let mut table = Table::new();
    table.seam.after = Shared::Says(row(55));
    let verdicts = table.run(|_, _| Reply::Rows);
    table.assert_true(&verdicts);
    assert_eq!(table.asked(Round::Single), [[99]]);
    assert_eq!(table.round(verdicts[98]), Round::Single);
}

#[test]
fn a_first_row_that_is_anothers_condemns_the_batch() {
    let mut table = Table::new();
    let verdicts = table.run(|question, rows| {
        if question.round == Round::First {
            rows[0] = Some(row(101));
        }
        Reply::Rows
    });
    table.assert_true(&verdicts);
    assert_eq!(table.count(Round::Single), WIDTH, "place 0, and each of its own");
}

#[test]
fn an_end_of_which_the_neighbour_says_nothing_is_asked_for_alone() {
    let mut table = Table::new();
    table.seam.before = Shared::Nothing;
    table.seam.after = Shared::Nothing;
    let verdicts = table.run(|_, _| Reply::Rows);
    table.assert_true(&verdicts);
    assert_eq!(table.asked(Round::Single), [[0], [99]]);
    assert_eq!(table.count(Round::Again), 0);
}

#[test]
fn an_end_that_proves_nothing_makes_the_batch_suspicious() {
    let mut table = Table::last(100);
    let verdicts = table.run(|question, _| match at(question, 99) {
        Some(_) if is_single(question) => Reply::Fails(Answer::Refused),
        _ => Reply::Rows,
    });
    assert_eq!(table.asked(Round::Again), [again(0..99)]);
    assert_eq!(verdicts[98].outcome, Outcome::Refused);
    assert!(verdicts[..98].iter().all(|verdict| table.round(*verdict) == Round::First));
}

#[test]
fn a_batch_waits_for_the_first_round_of_its_neighbours() {
    for is_before in [true, false] {
        let mut table = Table::new();
        *(if is_before { &mut table.seam.before } else { &mut table.seam.after }) = Shared::NotYet;
        let first = Question { round: Round::First, places: all() };
        assert_eq!(table.settle(), Settled::Ask(vec![first.clone()]));
        table.answers.push((
            first,
            Answer::Rows { rows: all().into_iter().map(|place| Some(row(place))).collect(), is_strange: false },
        ));
        assert_eq!(table.settle(), Settled::Waits);
    }
}

#[test]
fn an_element_that_does_not_look_like_one_never_travels_with_others() {
    let mut table = Table::new();
    table.forms[99] = Form::Alone;
    table.forms[50] = Form::Alone;
    let verdicts = table.run(|question, _| {
        assert!(question.places.len() == 1 || (at(question, 50).is_none() && at(question, 99).is_none()));
        Reply::Rows
    });
    table.assert_true(&verdicts);
    // Place 98 stands at the end of what travels, and no other batch has it.
    assert_eq!(table.asked(Round::Single), [[50], [98], [99]]);
    assert_eq!(table.answers.len(), 4);
}

#[test]
fn a_batch_says_of_its_ends_what_its_first_round_says() {
    let forms = [Form::Travels, Form::Travels, Form::Travels];
    let question = |places: &[u8]| Question { round: Round::First, places: places.to_vec() };
    assert_eq!(shared(&forms, &[]), (Shared::NotYet, Shared::NotYet));
    let rows = Answer::Rows { rows: vec![Some(row(0)), None, None], is_strange: false };
    assert_eq!(shared(&forms, &[(question(&[0, 1, 2]), rows)]), (Shared::Says(row(0)), Shared::Nothing));
    let refused = [(question(&[0, 1, 2]), Answer::Refused), (question(&[2]), Answer::Refused)];
    assert_eq!(shared(&forms, &refused), (Shared::NotYet, Shared::Nothing));
    assert_eq!(shared(&[Form::Alone], &[]), (Shared::Nothing, Shared::Nothing));
    // The neighbour compares only rows of the first round.
    let single = Question { round: Round::Single, places: vec![2] };
    let rows = Answer::Rows { rows: vec![Some(row(2))], is_strange: false };
    assert_eq!(shared(&forms, &[(single, rows)]), (Shared::NotYet, Shared::NotYet));
}
