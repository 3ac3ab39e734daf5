//! A column of texts that are often all the same: the fields that WeChat no longer fills, the
//! outcome, the language.
//!
//! Before it: nothing. Behind it: `profiles` and `changes` make their columns with it.

use std::sync::Arc;

use arrow::array::{ArrayRef, StringBuilder};
use fanout_sink::arrow;

use super::constant::Constant;

/// Builds a column, batch by batch. As long as all values of a batch are the same, they are only
/// counted.
#[derive(Debug)]
pub(super) struct Texts {
    /// The value that the last batches began with.
    value: String,
    column: Constant,
    /// How many rows have that value, if all have.
    same: Option<usize>,
    builder: StringBuilder,
}

impl Texts {
    /// Begins a column whose values are probably `value`.
    pub(super) fn new(value: &str) -> Self {
        Self { value: value.to_owned(), column: Constant::new(value), same: Some(0), builder: StringBuilder::new() }
    }

    #[inline]
    pub(super) fn push(&mut self, text: Option<&str>) {
        match &mut self.same {
            Some(rows) if text.is_some_and(|text| is_same(text, &self.value)) => *rows += 1,
            Some(_) => self.differ(text),
            None => self.builder.append_option(text),
        }
    }

    /// Adds the first value of a batch that is another one than before.
    #[cold]
    fn differ(&mut self, text: Option<&str>) {
        let rows = self.same.take().unwrap_or_default();
        match text {
            Some(text) if rows == 0 => {
                // Perhaps all of this batch have this value.
                *self = Self { same: Some(1), ..Self::new(text) };
            }
            _ => {
                (0..rows).for_each(|_| self.builder.append_value(&self.value));
                self.builder.append_option(text);
            }
        }
    }

    /// Returns the values since the last call.
    pub(super) fn finish(&mut self) -> ArrayRef {
        match self.same.replace(0) {
            Some(rows) => self.column.rows(rows),
            None => Arc::new(self.builder.finish()),
        }
    }
}

/// Compares two texts of few bytes, mostly of none. The call of a comparison of memory would take
/// most of the time of a row.
#[inline]
fn is_same(one: &str, other: &str) -> bool {
    one.len() == other.len() && one.bytes().zip(other.bytes()).all(|(one, other)| one == other)
}

#[cfg(test)]
mod tests {
    use arrow::array::{Array, AsArray};
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    fn text() -> impl Strategy<Value = Option<&'static str>> {
        prop_oneof![8 => Just(Some("")), 2 => Just(Some("zh_CN")), 1 => Just(Some("粉")), 1 => Just(None)]
    }

    proptest! {
        #[test]
        fn every_batch_has_the_values_that_were_added_to_it(batches in vec(vec(text(), 0..12), 1..6)) {
            let mut column = Texts::new("");
            for batch in batches {
                for text in &batch {
                    column.push(*text);
                }
                let array = column.finish();
                array.to_data().validate_full().unwrap();
                prop_assert_eq!(array.as_string::<i32>().iter().collect::<Vec<_>>(), batch);
            }
        }
    }
}
