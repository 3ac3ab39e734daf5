//! The positions of batches.
//!
//! Before it: inputs with and without copied rows. Behind it: nothing; these are tests.

use proptest::prelude::*;

use super::super::asked::Asked;
use super::super::bitmap::Bitmap;

#[test]
fn each_batch_begins_with_the_last_position_of_the_one_before() {
    let asked = Asked::all(200);
    assert_eq!(asked.batches(), 3);
    assert_eq!(asked.positions(0), (0..99).collect::<Vec<u64>>());
    assert_eq!(asked.positions(1), (98..198).collect::<Vec<u64>>());
    assert_eq!(asked.positions(2), [197, 198, 199]);
    assert_eq!(asked.positions(3), [0; 0]);
    assert!(!asked.is_last(1) && asked.is_last(2));
}

#[test]
fn an_empty_input_has_no_batches() {
    for asked in [Asked::all(0), Asked::without(Bitmap::new(0))] {
        assert!(asked.is_empty());
        assert_eq!(asked.batches(), 0);
        assert_eq!(asked.positions(0), [0; 0]);
    }
}

#[test]
fn an_input_that_is_copied_as_a_whole_has_no_batches() {
    let mut copied = Bitmap::new(100);
    (0..100).for_each(|position| copied.mark(position));
    assert_eq!(Asked::without(copied).batches(), 0);
}

proptest! {
    #[test]
    fn every_position_that_is_not_copied_is_asked_for_once(
        marks in prop::collection::vec(prop::bool::weighted(0.7), 0..3000),
    ) {
        let mut copied = Bitmap::new(marks.len() as u64);
        let mut expected = Vec::new();
        for (position, is_copied) in (0..).zip(&marks) {
            if *is_copied { copied.mark(position) } else { expected.push(position) }
        }
        prop_assert!((0..).zip(&marks).all(|(position, is_copied)| copied.is_marked(position) == *is_copied));
        let asked = Asked::without(copied);
        prop_assert_eq!(asked.len(), expected.len() as u64);
        let mut found: Vec<u64> = Vec::new();
        for batch in 0..asked.batches() {
            let positions = asked.positions(batch);
            let seam = usize::from(batch > 0);
            prop_assert_eq!(&positions[..seam], &found[found.len() - seam..]);
            prop_assert!(positions.len() - seam == 99 || asked.is_last(batch));
            found.extend(&positions[seam..]);
        }
        prop_assert_eq!(found, expected);
    }
}
