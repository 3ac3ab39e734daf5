//! The marks of positions.
//!
//! Before it: marks in a list. Behind it: nothing; these are tests.

use proptest::prelude::*;

use super::super::bitmap::Bitmap;

proptest! {
    #[test]
    fn marked_and_unmarked_positions_are_found_in_order(marks in prop::collection::vec(prop::bool::ANY, 0..300)) {
        let mut bitmap = Bitmap::new(marks.len() as u64);
        let (marked, unmarked): (Vec<u64>, Vec<u64>) =
            (0..marks.len() as u64).partition(|&position| marks[position as usize]);
        for &position in marked.iter().chain(&marked) {
            bitmap.mark(position);
        }
        prop_assert_eq!(bitmap.marked_count(), marked.len() as u64);
        prop_assert_eq!(bitmap.marked().collect::<Vec<_>>(), marked);
        for (rank, position) in (0..).zip(&unmarked) {
            prop_assert_eq!(bitmap.unmarked(rank), Some(*position));
        }
        prop_assert_eq!(bitmap.unmarked(unmarked.len() as u64), None);
    }
}
