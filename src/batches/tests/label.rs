//! The labels of questions.
//!
//! Before it: questions of every kind. Behind it: nothing; these are tests.

use proptest::prelude::*;
use proptest::sample::select;

use super::super::label::LabelError;
use super::super::question::{Question, Round, WIDTH};

fn ids(count: usize) -> Vec<String> {
    (0..count).map(|place| format!("oAbC_{place:023}")).collect()
}

fn question() -> impl Strategy<Value = Question> {
    let rounds = select(vec![Round::First, Round::Again, Round::Single, Round::SingleAgain]);
    let places: Vec<u8> = (0..WIDTH as u8).collect();
    let some = proptest::sample::subsequence(places, 1..=WIDTH);
    let ordered = prop_oneof![
        some.clone(),
        some.clone().prop_map(|places| places.into_iter().rev().collect()),
        some.prop_shuffle()
    ];
    (rounds, ordered).prop_map(|(round, places)| Question { round, places })
}

proptest! {
    #[test]
    fn a_label_tells_its_question(question in question()) {
        let ids = ids(WIDTH);
        let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
        prop_assert_eq!(Question::read(&question.label(&ids), &ids), Ok(question));
    }

    #[test]
    fn a_label_of_other_elements_is_refused(question in question(), other in 0..WIDTH) {
        let ids = ids(WIDTH);
        let mut ids: Vec<&str> = ids.iter().map(String::as_str).collect();
        let label = question.label(&ids);
        ids[other] = "oAnother";
        let is_asked = question.places.contains(&(other as u8));
        let expected = if is_asked { Err(LabelError::IdsDiffer) } else { Ok(question) };
        prop_assert_eq!(Question::read(&label, &ids), expected);
    }

    #[test]
    fn no_bytes_make_the_reader_panic(label in prop::collection::vec(any::<u8>(), 0..300), count in 0..WIDTH) {
        let ids = ids(count);
        let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
        prop_assert!(Question::read(&label, &ids).is_err());
    }
}

#[test]
fn the_label_of_a_whole_batch_is_short_in_both_rounds() {
    let ids = ids(WIDTH);
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    let upwards: Vec<u8> = (0..WIDTH as u8).collect();
    let every_other: Vec<u8> =
        upwards.iter().rev().step_by(2).chain(upwards.iter().rev().skip(1).step_by(2)).copied().collect();
    for (places, runs) in [(upwards, 1), (every_other, 2)] {
        assert_eq!(Question { round: Round::First, places }.label(&ids).len(), 2 + 3 * runs + 32);
    }
}

#[test]
fn a_shorter_batch_than_the_one_that_was_asked_for_is_refused() {
    let ids = ids(3);
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    let label = Question { round: Round::Single, places: vec![2] }.label(&ids);
    assert_eq!(Question::read(&label, &ids[..2]), Err(LabelError::IdsDiffer));
}
